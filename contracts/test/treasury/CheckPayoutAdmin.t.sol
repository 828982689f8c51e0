// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// checkPayout, by admin signers and above
// ├── within limit and list: needs no delay, and counts against the limit
// ├── outside (no limit, not listed, everything left, too much)
// │   ├── by admin signers, without a delay: agrees, and counts nothing
// │   ├── by admin signers, not queued: reverts NotQueued
// │   └── by admin signers, queued and waited: agrees, and counts nothing
// └── by override signers: agrees, and counts nothing

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract CheckPayoutAdminTest is TreasuryTest {
    function testFuzz_payout_needsNoDelay_whenWithinTheLimit(bool isToken, uint256 count, uint192 lane, uint256 amount)
        public
    {
        count = _bound(count, 3, 4);
        amount = _bound(amount, 0, _limitOf(isToken));
        lane = lane % 2 == 0 ? lane >> 2 : lane | OPEN_LANE;
        _submit(_signPayout(_first(count), lane, _asset(isToken), _transfers(payee, amount)));
        vm.assertEq(_spent(_asset(isToken)), amount, "it counts");
    }

    // What petty signers spent is spent for admin signers too, and the other way round.
    function testFuzz_payout_sharesTheLimitWithPettySigners(uint256 petty, uint256 admin) public {
        petty = _bound(petty, 1, ETHER_LIMIT);
        admin = _bound(admin, 0, ETHER_LIMIT - petty);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, petty)));
        _submit(_signPayout(BY_ADMIN, ADMIN_LANE, address(0), _transfers(payee, admin)));
        uint256 left = ETHER_LIMIT - petty - admin;
        _assertNotQueued(_transfers(payee, left + 1), address(0));
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, left + 1)),
            _limitExceeded(address(0), petty + admin, left + 1, ETHER_LIMIT)
        );
    }

    function testFuzz_payout_reverts_whenOutsideAndNotQueued(bool isToken, uint256 amount) public {
        amount = _bound(amount, _limitOf(isToken) + 1, EVERYTHING);
        _assertNotQueued(_transfers(payee, amount), _asset(isToken));
        _assertNotQueued(_transfers(payee, 1), address(0xdead));
    }

    function testFuzz_payout_passes_whenOutsideAndWaited(bool isToken, uint256 which) public {
        Transfer[] memory transfers = _outside(isToken, which);
        _queue(_digestOfPayout(ADMIN_LANE, _asset(isToken), transfers));
        vm.warp(block.timestamp + DELAY);
        _submit(_signPayout(BY_ADMIN, ADMIN_LANE, _asset(isToken), transfers));
        (uint256 spent, uint256 end) = policy.spent(address(wallet), _asset(isToken));
        vm.assertEq(spent + end, 0, "it counts against no limit, and opens no window");
        vm.assertTrue(_balanceOf(_asset(isToken), payee) > _limitOf(isToken), "and was paid");
    }

    // It was queued, and is within the limit all the same when its time comes, or before.
    function test_payout_counts_whenQueuedAndWithinTheLimit() public {
        Transfer[] memory transfers = _transfers(payee, 1);
        _queue(_digestOfPayout(ADMIN_LANE, address(0), transfers));
        _submit(_signPayout(BY_ADMIN, ADMIN_LANE, address(0), transfers));
        vm.assertEq(_spent(address(0)), 1, "it did not have to wait");
    }

    function testFuzz_payout_passes_whenOutsideAndOverridden(bool isToken, uint256 which, uint192 lane) public {
        Transfer[] memory transfers = _outside(isToken, which);
        _submit(_signPayout(BY_OVERRIDE, lane, _asset(isToken), transfers));
        (uint256 spent, uint256 end) = policy.spent(address(wallet), _asset(isToken));
        vm.assertEq(spent + end, 0, "nothing is counted");
    }

    function testFuzz_payout_countsNothing_whenOverriddenWithinTheLimit(bool isToken, uint256 amount) public {
        amount = _bound(amount, 1, _limitOf(isToken));
        _submit(_signPayout(BY_OVERRIDE, OPEN_LANE, _asset(isToken), _transfers(payee, amount)));
        vm.assertEq(_spent(_asset(isToken)), 0, "nothing is counted");
    }

    // A limit to document: whoever submits an overridden payout may leave signatures out, and have it count.
    function test_payout_counts_whenASubsetOfTheSignaturesIsSubmitted() public {
        _submit(_signPayout(BY_OVERRIDE & ~uint256(0x18), OPEN_LANE, address(0), _transfers(payee, 1 ether)));
        vm.assertEq(_spent(address(0)), 1 ether, "by admin signers");
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1 ether)));
        vm.assertEq(_spent(address(0)), 2 ether, "by petty signers");
    }

    function testFuzz_payout_passesAtOnce_whenThereIsNoDelay(bool isToken, uint256 which) public {
        _open(_rulesWithoutDelay());
        Transfer[] memory transfers = _outside(isToken, which);
        _submit(_signPayout(BY_ADMIN, ADMIN_LANE, _asset(isToken), transfers));
        vm.assertEq(_spent(_asset(isToken)), 0, "it counts against no limit");
    }

    function test_payout_needsTheDelay_whenNotListed() public {
        address[] memory payees = new address[](1);
        payees[0] = payee;
        _open(_rulesWithPayees(payees));
        _submit(_signPayout(BY_ADMIN, ADMIN_LANE, address(0), _transfers(payee, 1)));
        _assertNotQueued(_transfers(payee, 1, stranger, 1), address(0));
    }

    // The time of one digest is no other's: not of another amount, lane, deadline or token.
    function test_payout_reverts_whenAnotherDigestWaited() public {
        _queue(_digestOfPayout(ADMIN_LANE, address(0), _transfers(payee, 11 ether)));
        vm.warp(block.timestamp + DELAY);
        _assertNotQueued(_transfers(payee, 11 ether + 1), address(0));
        _assertNotQueued(_transfers(payee, 11 ether), address(0xdead));
        uint192 other = ADMIN_LANE + 1;
        bytes32 digest = _digestOfPayout(other, address(0), _transfers(payee, 11 ether));
        _assertRefused(_signPayout(BY_ADMIN, other, address(0), _transfers(payee, 11 ether)), _notQueued(digest));
    }

    /* HELPERS */

    function _outside(bool isToken, uint256 which) private view returns (Transfer[] memory) {
        uint256 limit = _limitOf(isToken);
        if (which % 3 == 0) return _transfers(payee, limit + 1);
        if (which % 3 == 1) return _transfers(payee, limit, payee, 1);
        return _transfers(payee, EVERYTHING);
    }

    function _assertNotQueued(Transfer[] memory transfers, address asset) private {
        _assertRefused(
            _signPayout(BY_ADMIN, ADMIN_LANE, asset, transfers),
            _notQueued(_digestOfPayout(ADMIN_LANE, asset, transfers))
        );
    }
}
