// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";

/// @title The rules of a treasury, told a second time
/// @notice Written from the documented rules alone, byte by byte and owner by owner, sharing no code with src/.
library TreasuryRules {
    /* ENCODING */

    function encode(Rules memory rules) internal pure returns (bytes memory data) {
        data = abi.encodePacked(rules.admin, rules.overriding, rules.veto, rules.delaySecs, uint8(rules.limits.length));
        for (uint256 i; i < rules.limits.length; ++i) {
            Limit memory limit = rules.limits[i];
            data = abi.encodePacked(data, limit.token, limit.amount, limit.periodSecs);
        }
        for (uint256 i; i < rules.payees.length; ++i) {
            data = abi.encodePacked(data, rules.payees[i]);
        }
    }

    /// @notice Reads `length` bytes as one number, one after another.
    function read(bytes memory data, uint256 place, uint256 length) internal pure returns (uint256 number) {
        for (uint256 i; i < length; ++i) {
            number = number * 256 + uint8(data[place + i]);
        }
    }

    function decode(bytes memory data) internal pure returns (Rules memory rules) {
        rules.admin = uint8(read(data, 0, 1));
        rules.overriding = uint8(read(data, 1, 1));
        rules.veto = uint8(read(data, 2, 1));
        rules.delaySecs = uint32(read(data, 3, 4));
        rules.limits = new Limit[](read(data, 7, 1));
        uint256 place = 8;
        for (uint256 i; i < rules.limits.length; ++i) {
            rules.limits[i] = Limit(
                address(uint160(read(data, place, 20))),
                uint128(read(data, place + 20, 16)),
                uint32(read(data, place + 36, 4))
            );
            place += 40;
        }
        rules.payees = new address[]((data.length - place) / 20);
        for (uint256 i; i < rules.payees.length; ++i) {
            rules.payees[i] = address(uint160(read(data, place, 20)));
            place += 20;
        }
    }

    /* VALIDITY */

    /// @return What `checkConfig` reverts with; empty for rules that it takes.
    function faultOf(bytes memory data, uint256 threshold, uint256 ownerCount) internal pure returns (bytes memory) {
        uint256 limits = data.length < 8 ? 0 : uint8(data[7]);
        bool isWhole = data.length >= 8 + 40 * limits && (data.length - 8 - 40 * limits) % 20 == 0;
        if (!isWhole) {
            return abi.encodeWithSelector(ITreasuryPolicy.RulesLengthMismatch.selector, data.length, limits);
        }
        Rules memory rules = decode(data);
        bytes memory fault = _faultOfTiers(rules, threshold, ownerCount);
        for (uint256 i; i < limits && fault.length == 0; ++i) {
            fault = _faultOfLimit(rules.limits, i);
        }
        for (uint256 i; i < rules.payees.length && fault.length == 0; ++i) {
            address before = i == 0 ? address(0) : rules.payees[i - 1];
            if (rules.payees[i] <= before) {
                fault = abi.encodeWithSelector(ITreasuryPolicy.PayeeOutOfOrder.selector, i, rules.payees[i]);
            }
        }
        return fault;
    }

    function _faultOfTiers(Rules memory rules, uint256 threshold, uint256 ownerCount)
        private
        pure
        returns (bytes memory)
    {
        bool isOrdered = threshold <= rules.admin && rules.admin <= rules.overriding
            && int256(uint256(rules.overriding)) <= int256(ownerCount) - int256(uint256(rules.veto));
        if (!isOrdered) {
            return abi.encodeWithSelector(
                ITreasuryPolicy.TiersOutOfOrder.selector,
                threshold,
                rules.admin,
                rules.overriding,
                rules.veto,
                ownerCount
            );
        }
        if (rules.delaySecs == 0) return rules.veto == 0 ? bytes("") : _vetoMismatch(rules);
        if (rules.delaySecs < 3_600 || rules.delaySecs > 2_592_000) {
            return abi.encodeWithSelector(ITreasuryPolicy.DelayOutOfRange.selector, rules.delaySecs);
        }
        return rules.veto >= 1 && rules.admin < rules.overriding ? bytes("") : _vetoMismatch(rules);
    }

    function _vetoMismatch(Rules memory rules) private pure returns (bytes memory) {
        return abi.encodeWithSelector(
            ITreasuryPolicy.VetoMismatch.selector, rules.delaySecs, rules.veto, rules.admin, rules.overriding
        );
    }

    function _faultOfLimit(Limit[] memory limits, uint256 i) private pure returns (bytes memory) {
        Limit memory limit = limits[i];
        if (i != 0 && limit.token <= limits[i - 1].token) {
            return abi.encodeWithSelector(ITreasuryPolicy.TokenOutOfOrder.selector, i, limit.token);
        }
        if (limit.amount == 0) return abi.encodeWithSelector(ITreasuryPolicy.LimitAmountZero.selector, i);
        if (limit.periodSecs < 3_600 || limit.periodSecs > 31_622_400) {
            return abi.encodeWithSelector(ITreasuryPolicy.PeriodOutOfRange.selector, i, limit.periodSecs);
        }
        return "";
    }

    /* WHO MAY DO WHAT */

    /// @notice How many owners a bitmap names, counted one by one.
    function countOf(uint256 signers) internal pure returns (uint256 count) {
        for (; signers != 0; signers /= 2) {
            count += signers % 2;
        }
    }

    /// @notice Whether so many signers may act in a lane, by the lane's two highest bits.
    function mayActIn(Rules memory rules, uint256 count, uint192 lane) internal pure returns (bool) {
        uint256 quarter = uint256(lane) / 2 ** 190;
        if (quarter >= 2) return true;
        return count >= (quarter == 0 ? rules.admin : rules.overriding);
    }

    /// @notice The index of a token's limit; false where it has none.
    function limitOf(Rules memory rules, address token) internal pure returns (bool, uint256) {
        for (uint256 i; i < rules.limits.length; ++i) {
            if (rules.limits[i].token == token) return (true, i);
        }
        return (false, 0);
    }

    function isPayee(Rules memory rules, address account) internal pure returns (bool) {
        if (rules.payees.length == 0) return true;
        for (uint256 i; i < rules.payees.length; ++i) {
            if (rules.payees[i] == account) return true;
        }
        return false;
    }

    /// @notice The end of the window that a moment is in.
    function windowEnd(uint256 timestamp, uint256 periodSecs) internal pure returns (uint256) {
        return timestamp - timestamp % periodSecs + periodSecs;
    }

    /// @return fault What a payout by fewer than admin signers reverts with, where `spent` was spent; empty if it
    /// passes. @return total What it adds.
    function faultOfPayout(Rules memory rules, address token, Transfer[] memory transfers, uint256 spent)
        internal
        pure
        returns (bytes memory fault, uint256 total)
    {
        (bool isLimited, uint256 which) = limitOf(rules, token);
        if (!isLimited) return (abi.encodeWithSelector(ITreasuryPolicy.LimitMissing.selector, token), 0);
        bool isTooMuch;
        for (uint256 i; i < transfers.length; ++i) {
            if (transfers[i].amount == type(uint256).max) {
                return (abi.encodeWithSelector(ITreasuryPolicy.AmountNotExact.selector, i), 0);
            }
            if (!isPayee(rules, transfers[i].to)) {
                return (abi.encodeWithSelector(ITreasuryPolicy.PayeeNotListed.selector, i, transfers[i].to), 0);
            }
            isTooMuch = isTooMuch || transfers[i].amount > type(uint256).max - total;
            if (!isTooMuch) total += transfers[i].amount;
        }
        if (isTooMuch) total = type(uint256).max;
        uint256 amount = rules.limits[which].amount;
        if (isTooMuch || total > amount || spent > amount || spent + total > amount) {
            fault = abi.encodeWithSelector(ITreasuryPolicy.LimitExceeded.selector, token, spent, total, amount);
        }
    }
}
