// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {WalletTest} from "../support/WalletTest.sol";

// cancel
// ├── when called on the implementation: reverts NotAWallet
// ├── when the deadline is before the block: reverts DeadlinePassed
// ├── when the nonce is not the next of its lane: reverts NonceMismatch
// └── when authorised
//     ├── consumes the nonce of lane 0, or of another lane, and of no other
//     └── emits Executed
contract CancelTest is WalletTest {
    function test_cancel_reverts_whenCalledOnTheImplementation() public {
        IWallet implementation = IWallet(factory.implementation());
        vm.expectRevert(IWallet.NotAWallet.selector);
        implementation.cancel(0, LATER, "");
    }

    function testFuzz_cancel_reverts_whenDeadlineHasPassed(uint256 deadline) public {
        deadline = _bound(deadline, 0, block.timestamp - 1);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(0, deadline));
        bytes memory signatures = _sign(digest, 2);
        vm.expectRevert(abi.encodeWithSelector(IWallet.DeadlinePassed.selector, deadline, block.timestamp));
        wallet.cancel(0, deadline, signatures);
    }

    function test_cancel_succeeds_whenDeadlineIsNow() public {
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(0, block.timestamp));
        wallet.cancel(0, block.timestamp, _sign(digest, 2));
        vm.assertEq(wallet.nonce(0), 1, "the nonce is consumed");
    }

    function testFuzz_cancel_reverts_whenNonceIsNotNext(uint192 lane, uint64 sequence) public {
        vm.assume(sequence != 0);
        uint256 nonce = uint256(lane) << 64 | sequence;
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(nonce, LATER));
        bytes memory signatures = _sign(digest, 2);
        vm.expectRevert(abi.encodeWithSelector(IWallet.NonceMismatch.selector, nonce, uint256(lane) << 64));
        wallet.cancel(nonce, LATER, signatures);
    }

    function testFuzz_cancel_consumesOnlyTheNextNonceOfItsLane(uint192 lane, uint192 other) public {
        vm.assume(lane != other);
        uint256 nonce = wallet.nonce(lane);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(nonce, LATER));
        vm.expectEmit(true, false, false, true, address(wallet));
        emit IWallet.Executed(digest, nonce);
        wallet.cancel(nonce, LATER, _sign(digest, 2));
        vm.assertEq(wallet.nonce(lane), nonce + 1, "the lane moves on by one");
        vm.assertEq(wallet.nonce(other), uint256(other) << 64, "another lane does not move");
    }
}
