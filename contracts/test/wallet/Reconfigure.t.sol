// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {StubPolicy} from "../support/Policies.sol";
import {WalletTest} from "../support/WalletTest.sol";

// reconfigure (which configurations are refused: ReconfigureRules.t.sol)
// ├── when called on the implementation: reverts NotAWallet
// ├── when the deadline is before the block: reverts DeadlinePassed
// ├── when the nonce is not the next of its lane: reverts NonceMismatch
// ├── when the signatures are for another configuration: reverts SignatureInvalid
// ├── when the epochs are used up: panics
// └── when authorised
//     ├── replaces every field of the configuration, the same one included
//     ├── begins the next epoch
//     │   ├── voids every signature and approval over a digest of an earlier epoch
//     │   ├── lets count what was given ahead for this epoch, by who is an owner now
//     │   └── each lane keeps its sequence
//     ├── consumes the nonce
//     └── emits Executed and Reconfigured
contract ReconfigureTest is WalletTest {
    function test_reconfigure_reverts_whenCalledOnTheImplementation() public {
        IWallet implementation = IWallet(factory.implementation());
        vm.expectRevert(IWallet.NotAWallet.selector);
        implementation.reconfigure(_config(1, 1), 0, LATER, "");
    }

    function testFuzz_reconfigure_reverts_whenDeadlineHasPassed(uint256 deadline) public {
        deadline = _bound(deadline, 0, block.timestamp - 1);
        Config memory next = _config(1, 1);
        bytes memory signatures = _authorize(Digests.ofReconfigure(next, 0, deadline));
        vm.expectRevert(abi.encodeWithSelector(IWallet.DeadlinePassed.selector, deadline, block.timestamp));
        wallet.reconfigure(next, 0, deadline, signatures);
    }

    function test_reconfigure_succeeds_whenDeadlineIsNow() public {
        Config memory next = _config(1, 1);
        wallet.reconfigure(next, 0, block.timestamp, _authorize(Digests.ofReconfigure(next, 0, block.timestamp)));
        vm.assertEq(wallet.epoch(), 1, "reconfigured");
    }

    function testFuzz_reconfigure_reverts_whenNonceIsNotNext(uint192 lane, uint64 sequence) public {
        vm.assume(sequence != 0);
        uint256 nonce = uint256(lane) << 64 | sequence;
        Config memory next = _config(1, 1);
        bytes memory signatures = _authorize(Digests.ofReconfigure(next, nonce, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NonceMismatch.selector, nonce, uint256(lane) << 64));
        wallet.reconfigure(next, nonce, LATER, signatures);
    }

    /// @dev Each field, and each owner and its place, is covered by what is signed.
    function testFuzz_reconfigure_reverts_whenConfigDiffersFromWhatWasSigned(uint256 change, bytes calldata data)
        public
    {
        Config memory next = _config(2, 3);
        next.policyData = data;
        bytes memory signatures = _authorize(Digests.ofReconfigure(next, 0, LATER));

        change %= 7;
        if (change == 0) next.threshold = 1;
        if (change == 1) next.owners[2] = address(this);
        if (change == 2) (next.owners[0], next.owners[1]) = (next.owners[1], next.owners[0]);
        if (change == 3) next.owners = _config(2, 4).owners;
        if (change == 4) next.policy = address(new StubPolicy());
        if (change == 5) next.policyData = bytes.concat(data, hex"00");
        uint256 deadline = change == 6 ? LATER + 1 : LATER;

        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofReconfigure(next, 0, deadline));
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, _ownerOf(0), digest));
        wallet.reconfigure(next, 0, deadline, signatures);
    }

    function testFuzz_reconfigure_replacesTheConfig(
        uint256 threshold,
        uint256 count,
        bytes calldata data,
        bool hasPolicy
    ) public {
        count = _bound(count, 1, 100);
        Config memory next;
        next.threshold = uint8(_bound(threshold, 1, count));
        next.owners = _accounts(count);
        next.policyData = data;
        if (hasPolicy) next.policy = address(new StubPolicy());
        _reconfigure(next);

        vm.assertEq(abi.encode(wallet.config()), abi.encode(next), "the whole configuration");
        vm.assertEq(wallet.getOwners(), next.owners, "owners");
        vm.assertEq(wallet.getThreshold(), next.threshold, "threshold");
        vm.assertTrue(wallet.isOwner(next.owners[count - 1]), "an owner now");
        vm.assertFalse(wallet.isOwner(_ownerOf(0)), "an owner no more");
    }

    function test_reconfigure_replacesTheConfig_asLargeAsCanBe() public {
        Config memory next = _config(100, 100);
        next.policy = address(new StubPolicy());
        next.policyData = new bytes(4096);
        for (uint256 i; i < 4096; ++i) {
            next.policyData[i] = bytes1(uint8(i % 251));
        }
        _reconfigure(next);
        vm.assertEq(abi.encode(wallet.config()), abi.encode(next), "the whole configuration");
    }

    function testFuzz_reconfigure_emitsExecutedAndReconfigured(uint192 lane, bytes calldata data) public {
        Config memory next = _config(1, 2);
        next.policyData = data;
        uint256 nonce = uint256(lane) << 64;
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofReconfigure(next, nonce, LATER));
        vm.expectEmit(true, false, false, true, address(wallet));
        emit IWallet.Executed(digest, nonce);
        vm.expectEmit(true, false, false, true, address(wallet));
        emit IWallet.Reconfigured(next);
        wallet.reconfigure(next, nonce, LATER, _sign(digest, 2));
    }

    function test_reconfigure_isDoneByThePresentOwners_timeAfterTime() public {
        Config memory next = _config(1, 1);
        next.owners[0] = _ownerOf(7);
        _reconfigure(next);

        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofReconfigure(_config(2, 3), 1, LATER));
        wallet.reconfigure(_config(2, 3), 1, LATER, _entry(0, _keyOf(7), digest));
        vm.assertEq(abi.encode(wallet.config()), abi.encode(_config(2, 3)), "and back");
        vm.assertEq(wallet.epoch(), 2, "two epochs on");
    }

    /* THE NEXT EPOCH */

    function testFuzz_reconfigure_voidsSignatures_evenForTheSameConfig(uint192 lane) public {
        uint256 nonce = uint256(lane) << 64 | (lane == 0 ? 1 : 0);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(nonce, LATER));
        _reconfigure(_config(2, 3));
        vm.assertEq(wallet.epoch(), 1, "the next epoch");

        bytes32 digestNow = Digests.toDigest(address(wallet), 1, Digests.ofCancel(nonce, LATER));
        bytes memory signatures = _sign(digest, 2);
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, _ownerOf(0), digestNow));
        wallet.cancel(nonce, LATER, signatures);
        wallet.cancel(nonce, LATER, _sign(digestNow, 2));
    }

    function test_reconfigure_voidsApprovals() public {
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(1, LATER));
        for (uint256 i; i < 2; ++i) {
            vm.prank(_ownerOf(i));
            wallet.approve(digest);
        }
        _reconfigure(_config(2, 3));

        bytes32 digestNow = Digests.toDigest(address(wallet), Digests.ofCancel(1, LATER));
        bytes memory signatures = bytes.concat(_contractEntry(0, ""), _contractEntry(1, ""));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, _ownerOf(0), digestNow));
        wallet.cancel(1, LATER, signatures);
        vm.assertTrue(wallet.approved(digest, _ownerOf(0)), "that it was given stays on record");
    }

    /// @dev Anybody can compute the digests of an epoch that has not begun.
    function testFuzz_reconfigure_letsCountWhatWasSignedAhead(uint192 lane) public {
        vm.assume(lane != 0);
        uint256 nonce = uint256(lane) << 64;
        bytes32 structHash = Digests.ofCancel(nonce, LATER);
        bytes32 ahead = Digests.toDigest(address(wallet), 1, structHash);
        vm.prank(_ownerOf(0));
        wallet.approve(ahead);
        bytes memory signatures = bytes.concat(_contractEntry(0, ""), _entry(1, _keyOf(1), ahead));

        bytes32 digestNow = Digests.toDigest(address(wallet), 0, structHash);
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, _ownerOf(0), digestNow));
        wallet.cancel(nonce, LATER, signatures);
        _reconfigure(_config(2, 3));
        wallet.cancel(nonce, LATER, signatures);
        vm.assertEq(wallet.nonce(lane), nonce + 1, "carried out in the epoch it was signed for");
    }

    function test_reconfigure_letsNothingCount_ofWhoIsNoOwnerThen() public {
        bytes32 ahead = Digests.toDigest(address(wallet), 1, Digests.ofCancel(1, LATER));
        bytes memory signatures = bytes.concat(_entry(0, _keyOf(0), ahead), _entry(1, _keyOf(1), ahead));
        Config memory next = _config(2, 3);
        next.owners[1] = _ownerOf(7);
        _reconfigure(next);
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, _ownerOf(7), ahead));
        wallet.cancel(1, LATER, signatures);
    }

    /// @dev An owner who was removed and comes back finds nothing alive of what he had approved.
    function test_reconfigure_doesNotReviveApprovals_whenAnOwnerReturns() public {
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(2, LATER));
        vm.prank(_ownerOf(2));
        wallet.approve(digest);
        _reconfigure(_config(2, 2));
        _reconfigure(_config(2, 3));

        bytes32 digestNow = Digests.toDigest(address(wallet), Digests.ofCancel(2, LATER));
        bytes memory signatures = bytes.concat(_entry(0, _keyOf(0), digestNow), _contractEntry(2, ""));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, _ownerOf(2), digestNow));
        wallet.cancel(2, LATER, signatures);
    }

    function test_reconfigure_reverts_whenDoneTwice() public {
        bytes memory signatures = _authorize(Digests.ofReconfigure(_config(2, 3), 0, LATER));
        wallet.reconfigure(_config(2, 3), 0, LATER, signatures);
        vm.expectRevert(abi.encodeWithSelector(IWallet.NonceMismatch.selector, 0, 1));
        wallet.reconfigure(_config(2, 3), 0, LATER, signatures);
    }

    function testFuzz_reconfigure_leavesLanesWhereTheyAre(uint192 lane, uint192 other, uint64 sequence) public {
        vm.assume(lane != 0 && lane != other);
        sequence = uint64(_bound(sequence, 1, 3));
        for (uint256 i; i < sequence; ++i) {
            _cancel();
            uint256 nonce = wallet.nonce(lane);
            wallet.cancel(nonce, LATER, _authorize(Digests.ofCancel(nonce, LATER)));
        }
        uint256 own = uint256(other) << 64 | (other == 0 ? sequence : 0);
        wallet.reconfigure(_config(1, 1), own, LATER, _authorize(Digests.ofReconfigure(_config(1, 1), own, LATER)));

        vm.assertEq(wallet.nonce(other), own + 1, "its own lane moves on");
        vm.assertEq(wallet.nonce(lane), uint256(lane) << 64 | sequence, "another lane does not");
        if (other != 0) vm.assertEq(wallet.nonce(0), sequence, "nor does lane 0");
    }

    function test_reconfigure_panics_whenTheEpochsAreUsedUp() public {
        vm.store(address(wallet), 0, bytes32(uint256(type(uint32).max) << 224));
        bytes memory signatures = _authorize(Digests.ofReconfigure(_config(1, 1), 0, LATER));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        wallet.reconfigure(_config(1, 1), 0, LATER, signatures);
    }
}
