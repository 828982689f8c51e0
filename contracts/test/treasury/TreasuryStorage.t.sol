// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// storage of the policy, all of it behind the wallet's address
// ├── slot 0: mapping from wallet to token to mark (1 bit) ‖ end (127) ‖ amount (128), highest bits first
// ├── slot 1: mapping from wallet to digest to vetoers (128) ‖ freezes (32) ‖ queuedAt (48) ‖ epoch (32)
// ├── slot 2: mapping from wallet to epoch (32), until (48), count (32), votes (8), voters (128), lowest bits
// first
// ├── a payment within limit and list reads and writes one word, and no other
// └── no hook but checkPayout writes
contract TreasuryStorageTest is TreasuryTest {
    function testFuzz_slot0_isTheWindows(uint128 amount, uint120 end, bool isMarked, address asset) public {
        uint256 word = (isMarked ? 1 << 255 : 0) | uint256(end) << 128 | amount;
        vm.store(address(policy), _slotOfWindow(asset), bytes32(word));
        (uint256 spent, uint256 windowEnd) = policy.spent(address(wallet), asset);
        bool isOpen = end > block.timestamp;
        vm.assertEq(spent, isOpen ? amount : 0, "the lowest 128 bits");
        vm.assertEq(windowEnd, isOpen ? end : 0, "the 127 above");
    }

    function testFuzz_slot1_isWhatIsKnownOfADigest(bytes32 digest, uint48 since, uint128 vetoers) public {
        since = uint48(_bound(since, 1, type(uint48).max));
        bytes32 slot = keccak256(abi.encode(digest, keccak256(abi.encode(wallet, 1))));
        vm.store(address(policy), slot, bytes32(uint256(vetoers) << 112 | uint256(since) << 32));
        vm.assertEq(policy.queuedAt(address(wallet), digest), since, "queued");
        for (uint256 i; i < OWNERS; ++i) {
            bool has = policy.hasVetoed(address(wallet), digest, _ownerOf(i));
            vm.assertTrue(has == ((vetoers >> i) & 1 == 1), "vetoed");
        }
        vm.store(address(policy), slot, bytes32(uint256(vetoers) << 112 | uint256(1) << 80 | uint256(since) << 32));
        vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "before another number of freezes");
        vm.store(address(policy), slot, bytes32(uint256(vetoers) << 112 | uint256(since) << 32 | 1));
        vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "in another epoch");
        vm.assertEq(policy.vetoes(address(wallet), digest), 0, "nor vetoed");
    }

    function testFuzz_slot2_isTheFreeze(uint48 until, uint32 count, uint8 votes, uint128 voters) public {
        uint256 word = uint256(voters) << 120 | uint256(votes) << 112 | uint256(count) << 80 | uint256(until) << 32;
        bytes32 slot = keccak256(abi.encode(wallet, 2));
        vm.store(address(policy), slot, bytes32(word));
        vm.assertEq(policy.frozenUntil(address(wallet)), until > block.timestamp ? until : 0, "until");
        vm.assertEq(policy.freezeVotes(address(wallet)), votes, "votes");
        for (uint256 i; i < OWNERS; ++i) {
            bool has = policy.hasFrozen(address(wallet), _ownerOf(i));
            vm.assertTrue(has == ((voters >> i) & 1 == 1), "voted");
        }
        vm.store(address(policy), slot, bytes32(word | 1));
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "of another epoch");
    }

    function test_payout_readsAndWritesOneWord() public {
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(token), _transfers(payee, 1)));
        vm.record();
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(token), _transfers(payee, 1)));
        (bytes32[] memory reads, bytes32[] memory writes) = vm.accesses(address(policy));
        vm.assertEq(writes.length, 1, "one word written");
        for (uint256 i; i < reads.length; ++i) {
            vm.assertEq(reads[i], _slotOfWindow(address(token)), "the window, and nothing else");
        }
    }

    function test_hooks_writeNothing_butForAPayment() public {
        _queue(_digestOfExecute(ADMIN_LANE, _calls(payee, 1, "")));
        _queue(_digestOfPayout(6, address(0), _transfers(payee, ETHER_LIMIT + 1)));
        vm.warp(block.timestamp + DELAY);
        vm.record();
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, _calls(payee, 1, "")));
        _submit(_signPayout(BY_ADMIN, 6, address(0), _transfers(payee, ETHER_LIMIT + 1)));
        _submit(_signPayout(BY_OVERRIDE, 7, address(0), _transfers(payee, 1)));
        _submit(_signCancel(BY_PETTY, OPEN_LANE));
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, wallet.config()));
        (, bytes32[] memory writes) = vm.accesses(address(policy));
        vm.assertEq(writes.length, 0, "nothing");
    }

    function _slotOfWindow(address asset) private view returns (bytes32) {
        return keccak256(abi.encode(asset, keccak256(abi.encode(wallet, 0))));
    }
}
