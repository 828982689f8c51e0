// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {Runtime} from "../support/Runtime.sol";
import {WalletTest} from "../support/WalletTest.sol";

// storage
// ├── slot 0: epoch (32 bits) ‖ configuration (160) ‖ lane-0 sequence (64), highest bits first
// ├── slot 1: mapping from lane to sequence, of every lane but 0
// ├── slot 2: mapping from digest to owner to approval
// ├── creation writes nothing
// ├── an action writes its lane's sequence; `reconfigure` writes epoch and configuration too; `approve` its
// approval
// ├── a view, and a message check, writes nothing
// └── a counter at its end reverts rather than spill into its neighbour
contract StorageTest is WalletTest {
    /* WHERE THINGS ARE */

    function testFuzz_slot0_isEpochConfigurationAndSequence(uint32 epoch, uint64 sequence) public {
        Config memory config = _config(1, 2);
        config.policyData = "in a contract of its own";
        address pointer = _contractOf(bytes.concat(hex"00", Runtime.blobOf(config)));
        _setState(epoch, pointer, sequence);
        vm.assertEq(wallet.epoch(), epoch, "the highest 32 bits");
        vm.assertEq(abi.encode(wallet.config()), abi.encode(config), "the 160 bits between");
        vm.assertEq(wallet.nonce(0), sequence, "the lowest 64 bits");
        vm.assertEq(wallet.nonce(1), 1 << 64, "no other lane's");
    }

    function testFuzz_slot0_keepsTheOtherFields_whenLaneZeroMovesOn(uint32 epoch, uint64 sequence) public {
        sequence = uint64(_bound(sequence, 0, type(uint64).max - 1));
        address pointer = _contractOf(bytes.concat(hex"00", Runtime.blobOf(_config(2, 3))));
        _setState(epoch, pointer, sequence);
        _cancel();
        vm.assertEq(_slot(0), _state(epoch, pointer, sequence + 1), "one more in the lowest bits");
    }

    function testFuzz_slot0_movesOn_whenReconfigured(uint32 epoch, uint64 sequence) public {
        epoch = uint32(_bound(epoch, 0, type(uint32).max - 1));
        sequence = uint64(_bound(sequence, 0, type(uint64).max - 1));
        _setState(epoch, address(0), sequence);
        Config memory config = _config(3, 4);
        _reconfigure(config);
        address pointer = address(uint160(_slot(0) >> 64));
        vm.assertEq(_slot(0), _state(epoch + 1, pointer, sequence + 1), "the next epoch and sequence");
        vm.assertEq(pointer.code, bytes.concat(hex"00", Runtime.blobOf(config)), "the new configuration");
    }

    function testFuzz_slot1_isTheSequencesByLane(uint192 lane, uint64 sequence) public {
        vm.assume(lane != 0);
        vm.store(address(wallet), _slotOfLane(lane), bytes32(uint256(sequence)));
        vm.assertEq(wallet.nonce(lane), uint256(lane) << 64 | sequence, "the sequence");
    }

    function testFuzz_slot2_isTheApprovalsByDigestAndOwner(bytes32 digest, address owner) public {
        vm.store(address(wallet), _slotOfApproval(digest, owner), bytes32(uint256(1)));
        vm.assertTrue(wallet.approved(digest, owner), "approved");
    }

    /* WHAT IS WRITTEN */

    function testFuzz_create_writesNothing(bytes32 salt) public {
        Config memory config = _config(2, 3);
        vm.record();
        address created = factory.create(config, salt);
        _assertWrites(created, new bytes32[](0));
        _assertWrites(address(factory), new bytes32[](0));
        vm.assertEq(uint256(vm.load(created, 0)), 0, "epoch 0, the configuration in the code, sequence 0");
    }

    function testFuzz_action_writesTheSequenceOfItsLane(uint192 lane, uint256 which) public {
        if (which & 1 != 0) lane = 0;
        vm.record();
        _act(lane, which % 3);
        _assertWrites(address(wallet), _slots(lane == 0 ? bytes32(0) : _slotOfLane(lane)));
        vm.assertEq(_slot(lane == 0 ? 0 : uint256(_slotOfLane(lane))), 1, "sequence 1");
    }

    function testFuzz_reconfigure_writesTheStateAndTheSequenceOfItsLane(uint192 lane) public {
        vm.assume(lane != 0);
        vm.record();
        _act(lane, 3);
        bytes32[] memory slots = new bytes32[](2);
        (slots[0], slots[1]) = (_slotOfLane(lane), bytes32(0));
        _assertWrites(address(wallet), slots);
        vm.assertEq(_slot(uint256(slots[0])), 1, "sequence 1");
        vm.assertEq(uint64(_slot(0)), 0, "lane 0 does not move");
    }

    function test_reconfigure_writesTheStateAlone_inLaneZero() public {
        vm.record();
        _act(0, 3);
        bytes32[] memory slots = new bytes32[](2);
        _assertWrites(address(wallet), slots);
    }

    function testFuzz_approve_writesTheApproval(bytes32 digest) public {
        vm.record();
        vm.prank(_ownerOf(2));
        wallet.approve(digest);
        bytes32 slot = _slotOfApproval(digest, _ownerOf(2));
        _assertWrites(address(wallet), _slots(slot));
        vm.assertEq(_slot(uint256(slot)), 1, "true");
    }

    function test_refusedAction_writesNothing() public {
        vm.record();
        (bool ok,) = address(wallet).call(abi.encodeCall(IWallet.cancel, (0, LATER, "")));
        vm.assertFalse(ok, "refused");
        _assertWrites(address(wallet), new bytes32[](0));
    }

    /* COUNTERS AT THEIR END */

    function test_laneZero_reverts_afterTheLastSequence() public {
        _setState(7, address(0), type(uint64).max);
        _assertPanics(_cancelOf(type(uint64).max));
        vm.assertEq(_slot(0), _state(7, address(0), type(uint64).max), "nothing spills into the configuration");
    }

    function testFuzz_lane_reverts_afterTheLastSequence(uint192 lane) public {
        vm.assume(lane != 0);
        vm.store(address(wallet), _slotOfLane(lane), bytes32(uint256(type(uint64).max)));
        _assertPanics(_cancelOf(uint256(lane) << 64 | type(uint64).max));
        vm.assertEq(wallet.nonce(lane), uint256(lane) << 64 | type(uint64).max, "the lane is at its end");
    }

    function test_epoch_reverts_afterTheLast() public {
        _setState(type(uint32).max, address(0), 0);
        Config memory config = _config(2, 3);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofReconfigure(config, 0, LATER));
        _assertPanics(abi.encodeCall(IWallet.reconfigure, (config, 0, LATER, _sign(digest, 2))));
        _cancel();
        vm.assertEq(wallet.epoch(), type(uint32).max, "the wallet goes on in its last epoch");
    }

    /* HELPERS */

    /// @dev Four actions: 0 execute, 1 payout, 2 cancel, 3 reconfigure.
    function _act(uint192 lane, uint256 which) private {
        uint256 nonce = uint256(lane) << 64;
        address target = address(wallet);
        Call[] memory calls = _calls(address(1), 0, "");
        Transfer[] memory transfers = _transfers(address(1), 0);
        if (which == 0) {
            bytes32 digest = Digests.toDigest(target, 0, Digests.ofExecute(calls, nonce, LATER));
            wallet.execute(calls, nonce, LATER, _sign(digest, 2));
        } else if (which == 1) {
            bytes32 digest = Digests.toDigest(target, 0, Digests.ofPayout(address(0), transfers, nonce, LATER));
            wallet.payout(address(0), transfers, nonce, LATER, _sign(digest, 2));
        } else if (which == 2) {
            (bool ok,) = target.call(_cancelOf(nonce));
            vm.assertTrue(ok, "cancelled");
        } else {
            bytes32 digest = Digests.toDigest(target, 0, Digests.ofReconfigure(_config(1, 1), nonce, LATER));
            wallet.reconfigure(_config(1, 1), nonce, LATER, _sign(digest, 2));
        }
    }

    function _cancelOf(uint256 nonce) private view returns (bytes memory) {
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(nonce, LATER));
        return abi.encodeCall(IWallet.cancel, (nonce, LATER, _sign(digest, 2)));
    }

    function _assertPanics(bytes memory data) private {
        (bool ok, bytes memory answer) = address(wallet).call(data);
        vm.assertFalse(ok, "refused");
        vm.assertEq(answer, abi.encodeWithSignature("Panic(uint256)", 0x11), "overflow");
    }

    function _assertWrites(address account, bytes32[] memory expected) private {
        (, bytes32[] memory writes) = vm.accesses(account);
        vm.assertEq(abi.encode(writes), abi.encode(expected), "the slots written, in order");
    }

    function _slots(bytes32 slot) private pure returns (bytes32[] memory slots) {
        slots = new bytes32[](1);
        slots[0] = slot;
    }

    function _slot(uint256 slot) private view returns (uint256) {
        return uint256(vm.load(address(wallet), bytes32(slot)));
    }

    function _slotOfLane(uint192 lane) private pure returns (bytes32) {
        return keccak256(abi.encode(lane, 1));
    }

    function _slotOfApproval(bytes32 digest, address owner) private pure returns (bytes32) {
        return keccak256(abi.encode(owner, keccak256(abi.encode(digest, 2))));
    }

    function _state(uint32 epoch, address configuration, uint64 sequence) private pure returns (uint256) {
        return uint256(bytes32(abi.encodePacked(epoch, configuration, sequence)));
    }

    function _setState(uint32 epoch, address configuration, uint64 sequence) private {
        vm.store(address(wallet), 0, bytes32(_state(epoch, configuration, sequence)));
    }

    function _contractOf(bytes memory code) private returns (address made) {
        bytes memory initCode = Runtime.initCodeOf(code);
        assembly ("memory-safe") {
            made := create(0, add(initCode, 0x20), mload(initCode))
        }
        vm.assertTrue(made != address(0), "made");
    }
}
