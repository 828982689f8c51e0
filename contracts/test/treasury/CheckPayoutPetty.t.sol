// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryRules} from "../support/TreasuryRules.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// checkPayout, by fewer than admin signers
// ├── when the token has no limit: reverts LimitMissing
// ├── when an amount is "everything left": reverts AmountNotExact
// ├── when there is a list and a payee is not on it: reverts PayeeNotListed
// ├── when what was spent in the window and what is paid now are above the limit: reverts LimitExceeded
// │   (by one unit, over several transfers, by a sum past 256 bits)
// └── otherwise agrees, and counts what is paid
//     ├── at the limit exactly, and again in the next window
//     ├── each token for itself, each wallet for itself
//     └── a payout that fails does not count

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract CheckPayoutPettyTest is TreasuryTest {
    function testFuzz_payout_reverts_whenTokenHasNoLimit(address asset, uint256 amount) public {
        vm.assume(asset != address(0) && asset != address(token));
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, amount)),
            abi.encodeWithSelector(ITreasuryPolicy.LimitMissing.selector, asset)
        );
    }

    function test_payout_reverts_whenThereAreNoLimits() public {
        Rules memory rules = _rules();
        rules.limits = new Limit[](0);
        _open(rules);
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 0)),
            abi.encodeWithSelector(ITreasuryPolicy.LimitMissing.selector, address(0))
        );
    }

    // The bytes of the payees are no limits, though they stand where the next limit would.
    function test_payout_reverts_whenTheTokenStandsAmongThePayees() public {
        address[] memory payees = new address[](2);
        (payees[0], payees[1]) = (address(0xaaaa), address(type(uint160).max));
        _open(_rulesWithPayees(payees));
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, payees[0], _transfers(payees[1], 1)),
            abi.encodeWithSelector(ITreasuryPolicy.LimitMissing.selector, payees[0])
        );
    }

    function testFuzz_payout_reverts_whenAnAmountIsEverythingLeft(bool isToken, bool isSecond) public {
        Transfer[] memory transfers =
            isSecond ? _transfers(payee, 1, payee, EVERYTHING) : _transfers(payee, EVERYTHING, payee, 1);
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, _asset(isToken), transfers),
            abi.encodeWithSelector(ITreasuryPolicy.AmountNotExact.selector, isSecond ? 1 : 0)
        );
    }

    // Even where everything left is within the limit, or nothing.
    function test_payout_reverts_whenEverythingLeftIsLittle() public {
        vm.deal(address(wallet), 0);
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, EVERYTHING)),
            abi.encodeWithSelector(ITreasuryPolicy.AmountNotExact.selector, 0)
        );
    }

    function testFuzz_payout_paysWhoIsListed_andNobodyElse(uint256 seed, uint256 count, bool isToken) public {
        count = _bound(count, 1, 40);
        address[] memory payees = _sortedPayees(seed, count);
        _open(_rulesWithPayees(payees));
        address listed = payees[seed % count];
        _submit(_signPayout(BY_PETTY, OPEN_LANE, _asset(isToken), _transfers(listed, 1)));
        vm.assertEq(_balanceOf(_asset(isToken), listed), 1, "who is listed is paid");

        address[4] memory others =
            [address(0), address(uint160(listed) + 1), address(uint160(listed) - 1), address(type(uint160).max)];
        for (uint256 i; i < others.length; ++i) {
            if (TreasuryRules.isPayee(policy.rulesOf(address(wallet)), others[i])) continue;
            _assertRefused(
                _signPayout(BY_PETTY, OPEN_LANE, _asset(isToken), _transfers(listed, 1, others[i], 0)),
                abi.encodeWithSelector(ITreasuryPolicy.PayeeNotListed.selector, 1, others[i])
            );
        }
    }

    // Searched by halves: each of 200 is found, and no neighbour.
    function test_payout_findsEachPayee_ofAFullList() public {
        address[] memory payees = new address[](200);
        for (uint256 i; i < 200; ++i) {
            payees[i] = address(uint160(0x1000 + 3 * i));
        }
        _open(_rulesWithPayees(payees));
        for (uint160 account = 0xfff; account < 0x1000 + 600; ++account) {
            bool isListed = account >= 0x1000 && (account - 0x1000) % 3 == 0;
            (bool ok,) = _ask(
                abi.encodeCall(
                    IPolicy.checkPayout, (address(0), _transfers(address(account), 0), _context(BY_PETTY, OPEN_LANE))
                )
            );
            vm.assertTrue(ok == isListed, "found if it is there");
        }
    }

    function testFuzz_payout_spendsUpToTheLimit_andNotOneUnitMore(bool isToken, uint256 first) public {
        uint256 limit = _limitOf(isToken);
        address asset = _asset(isToken);
        first = _bound(first, 0, limit);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, first)));
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, limit - first, stranger, 1)),
            _limitExceeded(asset, first, limit - first + 1, limit)
        );
        _submit(_signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, limit - first)));
        vm.assertEq(_balanceOf(asset, payee), limit, "all of it");
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, 1)), _limitExceeded(asset, limit, 1, limit)
        );
        _submit(_signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, 0)));
    }

    function testFuzz_payout_countsEachTransfer(bool isToken, uint256 seed, uint256 count) public {
        count = _bound(count, 1, 20);
        Transfer[] memory transfers = new Transfer[](count);
        for (uint256 i; i < count; ++i) {
            transfers[i] = Transfer(payee, uint256(keccak256(abi.encode(seed, i))) % (_limitOf(isToken) / 10));
        }
        (bytes memory fault, uint256 total) = TreasuryRules.faultOfPayout(_rules(), _asset(isToken), transfers, 0);
        bytes memory action = _signPayout(BY_PETTY, OPEN_LANE, _asset(isToken), transfers);
        if (fault.length != 0) return _assertRefused(action, fault);
        _submit(action);
        vm.assertEq(_spent(_asset(isToken)), total, "what all of them moved");
        vm.assertEq(_balanceOf(_asset(isToken), payee), total, "which is what was paid");
    }

    // Sums that wrap to little.
    function testFuzz_payout_reverts_whenTheSumDoesNotFit(bool isToken, uint256 first, uint256 third) public {
        first = _bound(first, 2, EVERYTHING - 1);
        Transfer[] memory transfers = new Transfer[](3);
        transfers[0] = Transfer(payee, first);
        transfers[1] = Transfer(payee, EVERYTHING - first + 1);
        transfers[2] = Transfer(payee, _bound(third, 0, EVERYTHING - 1));
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, _asset(isToken), transfers),
            _limitExceeded(_asset(isToken), 0, EVERYTHING, _limitOf(isToken))
        );
    }

    // Differential, by the hook alone: any rules' limit, any amounts, over any time.
    function testFuzz_checkPayout_isWhatTheModelSays(uint256 seed, uint128 amount, uint32 periodSecs) public {
        Rules memory rules = _rules();
        rules.limits[0].amount = amount == 0 ? 1 : amount;
        rules.limits[0].periodSecs = uint32(_bound(periodSecs, 1 hours, 366 days));
        rules.payees = _sortedPayees(seed, seed % 3);
        _open(rules);
        (uint256 spent, uint256 end) = (0, 0);
        for (uint256 i; i < 8; ++i) {
            uint256 one = uint256(keccak256(abi.encode(seed, i)));
            vm.warp(block.timestamp + one % (rules.limits[0].periodSecs / 2));
            if (block.timestamp >= end) spent = 0;
            Transfer[] memory transfers = _someTransfers(one, rules);
            (bytes memory fault, uint256 total) = TreasuryRules.faultOfPayout(rules, address(0), transfers, spent);
            (bool ok, bytes memory answer) =
                _ask(abi.encodeCall(IPolicy.checkPayout, (address(0), transfers, _context(BY_PETTY, OPEN_LANE))));
            vm.assertTrue(ok == (fault.length == 0), "agreed where the model agrees");
            vm.assertEq(answer, ok ? abi.encode(IPolicy.checkPayout.selector) : fault, "the reason");
            if (ok) {
                spent += total;
                if (block.timestamp >= end) {
                    end = TreasuryRules.windowEnd(block.timestamp, rules.limits[0].periodSecs);
                }
            }
            (uint256 told, uint256 toldEnd) = policy.spent(address(wallet), address(0));
            vm.assertEq(told, block.timestamp < end ? spent : 0, "spent");
            vm.assertEq(toldEnd, block.timestamp < end ? end : 0, "until");
        }
    }

    function test_payout_countsEachTokenForItself() public {
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, ETHER_LIMIT)));
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(token), _transfers(payee, TOKEN_LIMIT)));
        vm.assertEq(_spent(address(0)), ETHER_LIMIT, "ether");
        vm.assertEq(_spent(address(token)), TOKEN_LIMIT, "the token");
    }

    function test_payout_countsEachWalletForItself() public {
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, ETHER_LIMIT)));
        address other = factory.create(_treasuryConfig(_rules()), bytes32(uint256(1)));
        (uint256 spent,) = policy.spent(other, address(0));
        vm.assertEq(spent, 0, "another treasury of the same owners");
    }

    function testFuzz_payout_countsAnyLane(uint192 lane, uint192 other) public {
        lane |= OPEN_LANE;
        other |= OPEN_LANE;
        _submit(_signPayout(BY_PETTY, lane, address(0), _transfers(payee, ETHER_LIMIT)));
        _assertRefused(
            _signPayout(BY_PETTY, other, address(0), _transfers(payee, 1)),
            _limitExceeded(address(0), ETHER_LIMIT, 1, ETHER_LIMIT)
        );
    }

    function test_payout_doesNotCount_whenItFails() public {
        vm.deal(address(wallet), 1);
        (bool ok,) = _try(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 2)));
        vm.assertFalse(ok, "not enough ether");
        (uint256 spent, uint256 end) = policy.spent(address(wallet), address(0));
        vm.assertEq(spent, 0, "nothing is spent");
        vm.assertEq(end, 0, "and no window opened");
    }

    function test_payout_ofNothing_isWithinAnyLimit() public {
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), new Transfer[](0)));
        vm.assertEq(_spent(address(0)), 0, "nothing is spent");
    }

    /* HELPERS */

    function _sortedPayees(uint256 seed, uint256 count) private pure returns (address[] memory payees) {
        payees = new address[](count);
        uint160 last = 0x10000;
        for (uint256 i; i < count; ++i) {
            last += 2 + uint144(uint256(keccak256(abi.encode(seed, "payee", i))));
            payees[i] = address(last);
        }
    }

    function _someTransfers(uint256 seed, Rules memory rules) private pure returns (Transfer[] memory transfers) {
        transfers = new Transfer[]((seed >> 8) % 4);
        uint256 scale = (seed >> 16) % 3;
        for (uint256 i; i < transfers.length; ++i) {
            uint256 one = uint256(keccak256(abi.encode(seed, i)));
            uint256 amount = scale == 2 ? one : one % (uint256(rules.limits[0].amount) + 1) / (scale == 0 ? 4 : 1);
            if (one % 29 == 0) amount = type(uint256).max;
            address to = rules.payees.length == 0 || one % 17 == 0
                ? address(uint160(one >> 64))
                : rules.payees[(one >> 32) % rules.payees.length];
            transfers[i] = Transfer(to, amount);
        }
    }
}
