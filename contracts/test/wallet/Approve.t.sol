// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {WalletTest} from "../support/WalletTest.sol";

// approve, approved
// ├── when called on the implementation: reverts NotAWallet
// ├── when the caller is not an owner now: reverts NotOwner
// └── when the caller is an owner
//     ├── counts as its signature for this digest, in this wallet, and for no other owner
//     ├── stays when the wallet is reconfigured, on record only
//     ├── may be given again
//     └── emits Approved
contract ApproveTest is WalletTest {
    function test_approve_reverts_whenCalledOnTheImplementation() public {
        IWallet implementation = IWallet(factory.implementation());
        vm.expectRevert(IWallet.NotAWallet.selector);
        implementation.approve(0);
        vm.expectRevert(IWallet.NotAWallet.selector);
        implementation.approved(0, address(this));
    }

    function testFuzz_approve_reverts_whenCallerIsNotAnOwner(address caller, bytes32 digest) public {
        vm.assume(caller != _ownerOf(0) && caller != _ownerOf(1) && caller != _ownerOf(2));
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotOwner.selector, caller));
        wallet.approve(digest);
        vm.assertFalse(wallet.approved(digest, caller), "no approval");
    }

    function test_approve_reverts_whenCallerIsNotAnOwnerAnyMore() public {
        _reconfigure(_config(2, 2));
        vm.prank(_ownerOf(2));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotOwner.selector, _ownerOf(2)));
        wallet.approve(0);
    }

    function testFuzz_approve_recordsTheApproval(bytes32 digest, bytes32 other, uint256 index) public {
        vm.assume(digest != other);
        index = _bound(index, 0, 2);
        vm.expectEmit(true, true, false, true, address(wallet));
        emit IWallet.Approved(digest, _ownerOf(index));
        vm.prank(_ownerOf(index));
        wallet.approve(digest);

        for (uint256 i; i < 3; ++i) {
            vm.assertTrue(wallet.approved(digest, _ownerOf(i)) == (i == index), "of this owner alone");
        }
        vm.assertFalse(wallet.approved(other, _ownerOf(index)), "of this digest alone");
    }

    function testFuzz_approve_isOpenToEveryOwner(uint256 count, uint256 index) public {
        count = _bound(count, 1, 100);
        index = _bound(index, 0, count - 1);
        Config memory config;
        config.threshold = 1;
        config.owners = _accounts(count);
        wallet = _create(config);
        vm.prank(config.owners[index]);
        wallet.approve(0);
        vm.assertTrue(wallet.approved(0, config.owners[index]), "approved");
    }

    function test_approve_isOpenToNewOwners() public {
        _reconfigure(_config(2, 4));
        vm.prank(_ownerOf(3));
        wallet.approve(0);
        vm.assertTrue(wallet.approved(0, _ownerOf(3)), "approved");
    }

    function test_approve_mayBeGivenAgain() public {
        for (uint256 i; i < 2; ++i) {
            vm.expectEmit(true, true, false, true, address(wallet));
            emit IWallet.Approved(0, _ownerOf(0));
            vm.prank(_ownerOf(0));
            wallet.approve(0);
        }
        vm.assertTrue(wallet.approved(0, _ownerOf(0)), "approved");
    }

    function test_approve_countsAsASignature() public {
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(0, LATER));
        vm.prank(_ownerOf(1));
        wallet.approve(digest);
        // Anyone may submit it, and calling counts for nothing.
        wallet.cancel(0, LATER, bytes.concat(_entry(0, _keyOf(0), digest), _contractEntry(1, "")));
        vm.assertEq(wallet.nonce(0), 1, "executed");
    }

    function test_approve_countsForNoOtherOwner() public {
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(0, LATER));
        vm.prank(_ownerOf(1));
        wallet.approve(digest);
        bytes memory signatures = bytes.concat(_contractEntry(1, ""), _contractEntry(2, ""));
        vm.prank(_ownerOf(2));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, _ownerOf(2), digest));
        wallet.cancel(0, LATER, signatures);
    }

    function test_approve_countsInNoOtherWallet() public {
        IWallet other = IWallet(factory.create(_config(2, 3), bytes32(uint256(1))));
        bytes32 digest = Digests.toDigest(address(other), Digests.ofCancel(0, LATER));
        vm.prank(_ownerOf(0));
        wallet.approve(digest);
        vm.assertFalse(other.approved(digest, _ownerOf(0)), "not on record there");
    }

    /// @dev Approvals go by address: an owner may have another index after a reconfiguration.
    function test_approve_countsWhereverTheOwnerIsListed() public {
        Config memory next = _config(1, 2);
        (next.owners[0], next.owners[1]) = (next.owners[1], next.owners[0]);
        bytes32 digest = Digests.toDigest(address(wallet), 1, Digests.ofCancel(1, LATER));
        vm.prank(_ownerOf(0));
        wallet.approve(digest);
        _reconfigure(next);
        wallet.cancel(1, LATER, _contractEntry(1, ""));
        vm.assertEq(wallet.nonce(0), 2, "executed");
    }
}
