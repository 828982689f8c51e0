// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call} from "../../src/IWallet.sol";
import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// queue
// ├── when the caller is no wallet, or has another policy: reverts
// ├── when the digest waits already: reverts AlreadyQueued, also when its time has come or it is vetoed
// └── otherwise notes the time, for the caller alone, and emits Queued
//     └── again after a freeze, and in each epoch

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryQueueTest is TreasuryTest {
    function testFuzz_queue_reverts_whenCallerIsNoWallet(address caller, bytes32 digest) public {
        vm.assume(caller != address(wallet) && caller.code.length == 0);
        vm.prank(caller);
        vm.expectRevert();
        policy.queue(digest);
    }

    function test_queue_reverts_whenCallerHasAnotherPolicy() public {
        wallet = _create(_config(1, 1));
        bytes memory reason = abi.encodeWithSelector(ITreasuryPolicy.PolicyMismatch.selector, address(0), policy);
        _assertFails(_signExecute(1, 0, _queueCalls(bytes32(0))), _callFailure(reason));
    }

    function testFuzz_queue_notesTheTime(bytes32 digest, uint24 later) public {
        vm.warp(block.timestamp + later);
        bytes memory action = _signExecute(BY_ADMIN, ADMIN_LANE, _queueCalls(digest));
        vm.expectEmit(true, true, false, true, address(policy));
        emit ITreasuryPolicy.Queued(address(wallet), digest, block.timestamp + DELAY);
        _submit(action);
        vm.assertEq(policy.queuedAt(address(wallet), digest), block.timestamp, "when it was queued");
        address other = factory.create(_treasuryConfig(_rules()), bytes32(uint256(1)));
        vm.assertEq(policy.queuedAt(other, digest), 0, "in no other treasury");
        vm.assertEq(policy.queuedAt(address(wallet), ~digest), 0, "nor any other digest");
    }

    function testFuzz_queue_reverts_whenItWaitsAlready(bytes32 digest, uint24 later, bool isVetoed) public {
        _queue(digest);
        uint256 since = block.timestamp;
        if (isVetoed) {
            _veto(5, digest);
            _veto(6, digest);
        }
        vm.warp(block.timestamp + later);
        _assertFails(
            _signExecute(BY_ADMIN, ADMIN_LANE, _queueCalls(digest)),
            _callFailure(abi.encodeWithSelector(ITreasuryPolicy.AlreadyQueued.selector, digest))
        );
        vm.assertEq(policy.queuedAt(address(wallet), digest), since, "its time stays");
    }

    function test_queue_reverts_whenTwiceInOneAction() public {
        bytes32 digest = keccak256("twice");
        Call[] memory calls = new Call[](2);
        calls[0] = calls[1] = _queueCalls(digest)[0];
        (bool ok,) = _try(_signExecute(BY_ADMIN, ADMIN_LANE, calls));
        vm.assertFalse(ok, "once is enough");
    }

    function testFuzz_queue_isPossibleAgain_afterAFreeze(bytes32 digest, bool isUnfrozen) public {
        _queue(digest);
        _freeze();
        vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "void");
        if (isUnfrozen) {
            _submit(
                _signExecute(
                    BY_OVERRIDE, OVERRIDE_LANE, _calls(address(policy), 0, abi.encodeCall(ITreasuryPolicy.unfreeze, ()))
                )
            );
        } else {
            vm.warp(block.timestamp + FREEZE);
        }
        vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "still void");
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, _queueCalls(digest)));
        vm.assertEq(policy.queuedAt(address(wallet), digest), block.timestamp, "waits anew");
    }

    // By override signers, in the middle of a freeze; another freeze voids that too.
    function test_queue_isPossible_whenFrozen_byOverrideSigners() public {
        bytes32 digest = keccak256("in a freeze");
        _freeze();
        _assertRefused(_signExecute(BY_ADMIN, ADMIN_LANE, _queueCalls(digest)), _frozen(block.timestamp + FREEZE));
        _submit(_signExecute(BY_OVERRIDE, OVERRIDE_LANE, _queueCalls(digest)));
        vm.assertEq(policy.queuedAt(address(wallet), digest), block.timestamp, "waits");
        _freezeBy(0);
        vm.assertEq(policy.queuedAt(address(wallet), digest), block.timestamp, "one vote is no freeze");
        _freezeBy(1);
        vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "void");
    }

    function testFuzz_queue_isPossibleAgain_inTheNextEpoch(bytes32 digest) public {
        _queue(digest);
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, wallet.config()));
        vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "of another epoch");
        _submit(_signExecute(BY_ADMIN, 99, _queueCalls(digest)));
        vm.assertEq(policy.queuedAt(address(wallet), digest), block.timestamp, "waits");
    }
}
