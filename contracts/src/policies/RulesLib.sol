// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ITreasuryPolicy, Limit, Rules} from "./ITreasuryPolicy.sol";

/// @notice The first eight bytes of the rules, as one number.
type Header is uint64;

using RulesLib for Header global;

/// @title The encoding of a treasury's rules
/// @notice `admin(1) ‖ overriding(1) ‖ veto(1) ‖ delaySecs(4) ‖ limitCount(1)`, limits of 40 bytes,
/// payees of 20.
/// @dev Read in place: a payment looks at the header, at the limits up to its own, and at a few payees. Nothing is
/// checked but in `requireValid`; bytes past the end read as whatever stands there.
library RulesLib {
    uint256 private constant HEADER = 8;
    uint256 private constant LIMIT = 40;
    uint256 private constant PAYEE = 20;

    /* HEADER */

    function headerOf(bytes calldata data) internal pure returns (Header header) {
        assembly ("memory-safe") {
            header := shr(192, calldataload(data.offset))
        }
    }

    function headerIn(bytes memory data) internal pure returns (Header header) {
        assembly ("memory-safe") {
            header := shr(192, mload(add(data, 0x20)))
        }
    }

    function admin(Header header) internal pure returns (uint256) {
        return uint8(Header.unwrap(header) >> 56);
    }

    function overriding(Header header) internal pure returns (uint256) {
        return uint8(Header.unwrap(header) >> 48);
    }

    function veto(Header header) internal pure returns (uint256) {
        return uint8(Header.unwrap(header) >> 40);
    }

    function delaySecs(Header header) internal pure returns (uint256) {
        return uint32(Header.unwrap(header) >> 8);
    }

    function limitCount(Header header) internal pure returns (uint256) {
        return uint8(Header.unwrap(header));
    }

    /* LIMITS AND PAYEES */

    /// @notice The limit of a token; zeros if it has none.
    function findLimit(bytes calldata data, uint256 count, address token)
        internal
        pure
        returns (uint256 amount, uint256 periodSecs)
    {
        for (uint256 i; i < count; ++i) {
            (address candidate, uint256 amount_, uint256 periodSecs_) = limitAt(data, i);
            if (candidate == token) return (amount_, periodSecs_);
        }
    }

    function limitAt(bytes calldata data, uint256 index)
        internal
        pure
        returns (address token, uint256 amount, uint256 periodSecs)
    {
        assembly ("memory-safe") {
            let at := add(add(data.offset, HEADER), mul(index, LIMIT))
            token := shr(96, calldataload(at))
            let rest := calldataload(add(at, 20))
            amount := shr(128, rest)
            periodSecs := and(shr(96, rest), 0xffffffff)
        }
    }

    /// @notice The token of a limit.
    function tokenIn(bytes memory data, uint256 index) internal pure returns (address) {
        return address(bytes20(bytes32(_wordAt(data, HEADER + LIMIT * index))));
    }

    /// @notice Where the payees begin, and how many there are.
    function payeesOf(bytes calldata data, uint256 limits) internal pure returns (uint256 start, uint256 count) {
        unchecked {
            start = HEADER + LIMIT * limits;
            count = (data.length - start) / PAYEE;
        }
    }

    function payeeAt(bytes calldata data, uint256 start, uint256 index) internal pure returns (address payee) {
        assembly ("memory-safe") {
            payee := shr(96, calldataload(add(add(data.offset, start), mul(index, PAYEE))))
        }
    }

    /// @notice Whether an account is among the payees, which are sorted: searched by halves.
    function isListed(bytes calldata data, uint256 start, uint256 count, address account) internal pure returns (bool) {
        unchecked {
            uint256 low;
            uint256 high = count;
            while (low < high) {
                uint256 middle = (low + high) >> 1;
                address payee = payeeAt(data, start, middle);
                if (payee == account) return true;
                if (payee < account) low = middle + 1;
                else high = middle;
            }
        }
        return false;
    }

    /* THE WHOLE */

    /// @notice Reverts unless the rules are whole and in order, for a wallet with this threshold and so many owners.
    function requireValid(bytes calldata data, uint256 threshold, uint256 ownerCount) internal pure {
        Header header = headerOf(data);
        uint256 limits = header.limitCount();
        uint256 start = HEADER + LIMIT * limits;
        if (data.length < start || (data.length - start) % PAYEE != 0) {
            // Of fewer bytes than a header no count can be read.
            revert ITreasuryPolicy.RulesLengthMismatch(data.length, data.length < HEADER ? 0 : limits);
        }
        _requireTiers(header, threshold, ownerCount);

        address last;
        for (uint256 i; i < limits; ++i) {
            (address token, uint256 amount, uint256 periodSecs) = limitAt(data, i);
            if (i > 0 && token <= last) revert ITreasuryPolicy.TokenOutOfOrder(i, token);
            if (amount == 0) revert ITreasuryPolicy.LimitAmountZero(i);
            if (periodSecs < 1 hours || periodSecs > 366 days) revert ITreasuryPolicy.PeriodOutOfRange(i, periodSecs);
            last = token;
        }

        last = address(0);
        uint256 count = (data.length - start) / PAYEE;
        for (uint256 i; i < count; ++i) {
            address payee = payeeAt(data, start, i);
            if (payee <= last) revert ITreasuryPolicy.PayeeOutOfOrder(i, payee);
            last = payee;
        }
    }

    function _requireTiers(Header header, uint256 threshold, uint256 ownerCount) private pure {
        uint256 admin_ = header.admin();
        uint256 overriding_ = header.overriding();
        uint256 veto_ = header.veto();
        uint256 delay = header.delaySecs();
        if (threshold > admin_ || admin_ > overriding_ || overriding_ + veto_ > ownerCount) {
            revert ITreasuryPolicy.TiersOutOfOrder(threshold, admin_, overriding_, veto_, ownerCount);
        }
        if (delay != 0 && (delay < 1 hours || delay > 30 days)) revert ITreasuryPolicy.DelayOutOfRange(delay);
        bool isMatched = delay == 0 ? veto_ == 0 : veto_ > 0 && admin_ < overriding_;
        if (!isMatched) revert ITreasuryPolicy.VetoMismatch(delay, veto_, admin_, overriding_);
    }

    /// @notice Reads all of the rules, which are valid.
    function decode(bytes memory data) internal pure returns (Rules memory rules) {
        Header header = headerIn(data);
        rules.admin = uint8(header.admin());
        rules.overriding = uint8(header.overriding());
        rules.veto = uint8(header.veto());
        rules.delaySecs = uint32(header.delaySecs());

        rules.limits = new Limit[](header.limitCount());
        uint256 place = HEADER;
        for (uint256 i; i < rules.limits.length; ++i) {
            uint256 rest = _wordAt(data, place + PAYEE);
            rules.limits[i] = Limit({
                token: address(bytes20(bytes32(_wordAt(data, place)))),
                amount: uint128(rest >> 128),
                periodSecs: uint32(rest >> 96)
            });
            place += LIMIT;
        }
        rules.payees = new address[]((data.length - place) / PAYEE);
        for (uint256 i; i < rules.payees.length; ++i) {
            rules.payees[i] = address(bytes20(bytes32(_wordAt(data, place))));
            place += PAYEE;
        }
    }

    function _wordAt(bytes memory data, uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), place))
        }
    }
}
