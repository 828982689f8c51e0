// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {NestedTest} from "./NestedTest.sol";

// wallets that own wallets that own wallets
// ├── a chain of any depth acts when the account at its end signed, and not when a stranger did
// ├── three levels act by typed signatures and approvals alone, which show what is signed
// └── a cycle of wallets that own each other
//     ├── has no authority of its own, however often it is walked
//     ├── acts when an account within it signed
//     └── is locked when each needs the other
contract OwnershipChainsTest is NestedTest {
    address private constant PAYEE = address(0xbeef);

    /* CHAINS */

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_cancel_goesThroughAChain_whenItsEndSigned(uint256 depth) public {
        IWallet[] memory chain = _chain(_bound(depth, 1, 12));
        IWallet top = chain[chain.length - 1];
        bytes memory signatures = _walk(chain, _keyOf(0));
        top.cancel(0, LATER, signatures);
        vm.assertEq(top.nonce(0), 1, "the nonce is consumed");
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_cancel_reverts_whenAStrangerSignedAtTheEndOfAChain(uint256 depth) public {
        IWallet[] memory chain = _chain(_bound(depth, 2, 12));
        IWallet top = chain[chain.length - 1];
        bytes memory signatures = _walk(chain, _keyOf(1));
        bytes32 digest = Digests.toDigest(address(top), Digests.ofCancel(0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, chain[chain.length - 2], digest));
        top.cancel(0, LATER, signatures);
    }

    /// A typed signature nests once; the level above it approves on chain.
    function test_payout_goesThroughThreeLevels_byTypedSignatureAndApproval() public {
        IWallet[] memory chain = _chain(3);
        (IWallet low, IWallet middle, IWallet top) = (chain[0], chain[1], chain[2]);
        vm.deal(address(top), 1 ether);
        Transfer[] memory transfers = _transfers(PAYEE, 1 ether);
        bytes32 digest = Digests.toDigest(address(top), Digests.ofPayout(address(0), transfers, 0, LATER));
        Call[] memory calls = _calls(address(top), 0, abi.encodeCall(IWallet.approve, (digest)));

        bytes memory signature =
            _signNested(address(low), 1, address(middle), Digests.ofExecute(calls, 0, LATER), _executeType());
        middle.execute(calls, 0, LATER, _contractEntry(0, signature));
        top.payout(address(0), transfers, 0, LATER, _contractEntry(0, ""));
        vm.assertEq(PAYEE.balance, 1 ether, "the payee was paid");
    }

    /* CYCLES */

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_cancel_reverts_whenACycleIsWalkedWithoutAnAccount(uint256 rounds) public {
        (IWallet a, IWallet b) = _cycle(1);
        rounds = _bound(rounds, 1, 24);
        bytes memory approvedByNobody = _contractEntry(0, "");
        bytes memory signatures = _contractEntry(0, approvedByNobody);
        for (uint256 i; i < rounds; ++i) {
            signatures = _contractEntry(0, signatures);
        }
        bytes32 digest = Digests.toDigest(address(a), Digests.ofCancel(0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, b, digest));
        a.cancel(0, LATER, signatures);
    }

    function test_cancel_goesThroughACycle_whenAnAccountWithinItSigned() public {
        (IWallet a, IWallet b) = _cycle(1);
        // a asks b, b asks a, and there owner 0 signs at last.
        bytes32 digest = Digests.toDigest(address(a), Digests.ofCancel(0, LATER));
        digest = _personalDigest(address(a), _personalDigest(address(b), digest));
        bytes memory signatures = _contractEntry(0, _contractEntry(0, _entry(1, _keyOf(0), digest)));
        a.cancel(0, LATER, signatures);
        vm.assertEq(a.nonce(0), 1, "the nonce is consumed");
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_cancel_reverts_whenEachOfACycleNeedsTheOther(uint256 rounds) public {
        (IWallet a, IWallet b) = _cycle(2);
        rounds = _bound(rounds, 0, 12);
        // Every account of the cycle signs at every level.
        bytes32 digest = Digests.toDigest(address(a), Digests.ofCancel(0, LATER));
        bytes32[] memory digests = new bytes32[](rounds + 1);
        digests[0] = digest;
        for (uint256 i; i < rounds; ++i) {
            digests[i + 1] = _personalDigest(i % 2 == 0 ? address(b) : address(a), digests[i]);
        }
        bytes memory signatures = _entry(1, _keyOf(rounds % 2), digests[rounds]);
        for (uint256 i = rounds; i != 0; --i) {
            bytes memory own = _entry(1, _keyOf((i - 1) % 2), digests[i - 1]);
            signatures = bytes.concat(_contractEntry(0, signatures), own);
        }
        vm.expectRevert(
            rounds == 0
                ? abi.encodeWithSelector(IWallet.ThresholdNotMet.selector, 1, 2)
                : abi.encodeWithSelector(IWallet.SignatureInvalid.selector, b, digest)
        );
        a.cancel(0, LATER, signatures);
    }

    /* HELPERS */

    /// @dev Wallets of one owner each: the first is owned by owner 0, each other by the one before.
    function _chain(uint256 length) private returns (IWallet[] memory chain) {
        chain = new IWallet[](length);
        Config memory config = _config(1, 1);
        for (uint256 i; i < length; ++i) {
            chain[i] = _create(config);
            config.owners[0] = address(chain[i]);
        }
    }

    /// @dev What `key` signs so that the last wallet of the chain cancels its nonce 0.
    function _walk(IWallet[] memory chain, uint256 key) private view returns (bytes memory signatures) {
        bytes32 digest = Digests.toDigest(address(chain[chain.length - 1]), Digests.ofCancel(0, LATER));
        for (uint256 i = chain.length - 1; i != 0; --i) {
            digest = _personalDigest(address(chain[i - 1]), digest);
        }
        signatures = _entry(0, key, digest);
        for (uint256 i = 1; i < chain.length; ++i) {
            signatures = _contractEntry(0, signatures);
        }
    }

    /// @dev a is owned by b and owner 0, b by a and owner 1.
    function _cycle(uint256 threshold) private returns (IWallet a, IWallet b) {
        Config memory config = _config(1, 1);
        config.owners[0] = _ownerOf(1);
        b = _create(config);

        config = _config(threshold, 2);
        (config.owners[0], config.owners[1]) = (address(b), _ownerOf(0));
        a = _create(config);

        (config.owners[0], config.owners[1]) = (address(a), _ownerOf(1));
        bytes32 digest = Digests.toDigest(address(b), Digests.ofReconfigure(config, 0, LATER));
        b.reconfigure(config, 0, LATER, _entry(0, _keyOf(1), digest));
    }
}
