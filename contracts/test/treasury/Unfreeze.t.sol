// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call} from "../../src/IWallet.sol";
import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// unfreeze
// ├── when the caller is no wallet: reverts
// ├── when there is no freeze now, in this epoch: reverts NotFrozen
// └── otherwise ends it, and emits Unfrozen; votes and what is void stay

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryUnfreezeTest is TreasuryTest {
    function testFuzz_unfreeze_reverts_whenCallerIsNoWallet(address caller) public {
        vm.assume(caller.code.length == 0 && uint160(caller) > 0xff);
        _freeze();
        vm.prank(caller);
        vm.expectRevert();
        policy.unfreeze();
        vm.assertEq(policy.frozenUntil(address(wallet)), block.timestamp + FREEZE, "as frozen as before");
    }

    function test_unfreeze_reverts_whenCallerIsAnOwner() public {
        _freeze();
        vm.prank(_ownerOf(0));
        vm.expectRevert();
        policy.unfreeze();
    }

    // A wallet that nothing of the policy's stands behind ends nothing but its own.
    function test_unfreeze_reverts_whenCallerIsAnotherWallet() public {
        _freeze();
        address frozen = address(wallet);
        wallet = _create(_config(1, 1));
        _assertFails(_signExecute(1, 0, _unfreezeCalls()), _callFailure(_notFrozen()));
        vm.assertEq(policy.frozenUntil(frozen), block.timestamp + FREEZE, "as frozen as before");
    }

    function testFuzz_unfreeze_reverts_whenThereIsNoFreeze(bool isOver) public {
        if (isOver) {
            _freeze();
            vm.warp(block.timestamp + FREEZE);
        } else {
            _freezeBy(5);
        }
        _assertFails(_signExecute(BY_OVERRIDE, OVERRIDE_LANE, _unfreezeCalls()), _callFailure(_notFrozen()));
    }

    function test_unfreeze_reverts_whenTheFreezeIsOfAnotherEpoch() public {
        _freeze();
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, wallet.config()));
        _assertFails(_signExecute(BY_OVERRIDE, OVERRIDE_LANE, _unfreezeCalls()), _callFailure(_notFrozen()));
    }

    function testFuzz_unfreeze_endsTheFreeze(uint32 passed, uint192 lane) public {
        bytes32 digest = keccak256("queued before");
        _queue(digest);
        _freeze();
        _freezeBy(4);
        vm.warp(block.timestamp + passed % FREEZE);
        bytes memory action = _signExecute(BY_OVERRIDE, lane, _unfreezeCalls());
        vm.expectEmit(true, false, false, true, address(policy));
        emit ITreasuryPolicy.Unfrozen(address(wallet));
        _submit(action);
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "not frozen");
        vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "what is void stays void");
        vm.assertEq(policy.freezeVotes(address(wallet)), 1, "a vote that was not used up stays");
        vm.assertTrue(policy.hasFrozen(address(wallet), _ownerOf(5)), "who voted cannot again");
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)));
        _freezeBy(3);
        vm.assertEq(policy.frozenUntil(address(wallet)), block.timestamp + FREEZE, "frozen by two who did not");
    }

    function _unfreezeCalls() private view returns (Call[] memory) {
        return _calls(address(policy), 0, abi.encodeCall(ITreasuryPolicy.unfreeze, ()));
    }

    function _notFrozen() private view returns (bytes memory) {
        return abi.encodeWithSelector(ITreasuryPolicy.NotFrozen.selector, wallet);
    }
}
