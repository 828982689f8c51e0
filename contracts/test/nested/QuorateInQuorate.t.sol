// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {CallerListPolicy} from "./CallerListPolicy.sol";
import {Contents, NestedTest} from "./NestedTest.sol";

// an action of a wallet whose owner is a wallet
// ├── what the inner owners sign is what another implementation of EIP-712 makes of a TypedDataSign
// ├── when the inner owners signed it nested: execute, payout, reconfigure and cancel go through
// ├── when they signed it as a personal message: goes through
// ├── reverts SignatureInvalid when
// │   ├── fewer inner owners signed than the inner threshold
// │   ├── they signed the outer digest itself, or another action
// │   ├── the description names the types in another order than the signed one
// │   ├── they signed for another inner wallet, or for another outer wallet
// │   └── the inner wallet was reconfigured since
// ├── when the inner wallet has a policy
// │   ├── it is asked with the outer wallet as caller
// │   └── reverts SignatureInvalid when it refuses that caller
// └── when the inner wallet approves by `execute`
//     ├── goes through, and reverts NotApproved before
//     ├── the approval outlives a reconfiguration of the inner wallet, and none of the outer
//     └── reverts CallFailed(NotOwner) when it is no owner, the outer wallet itself included
contract QuorateInQuorateTest is NestedTest {
    address private constant PAYEE = address(0xbeef);

    /// @dev 2-of-3, of owners 0 to 2.
    IWallet private inner;

    /// @dev 1-of-2: `inner`, and owner 3.
    IWallet private outer;

    function setUp() public override {
        super.setUp();
        inner = wallet;
        outer = _createOwnedBy(inner, 0);
        vm.deal(address(outer), 100 ether);
    }

    /* WHAT IS SIGNED */

    /// The answers are viem's `hashTypedData` of the same structs.
    function test_nestedDigest_isWhatAnotherImplementationSigns() public {
        address target = 0x1111111111111111111111111111111111111111;
        address signer = 0x2222222222222222222222222222222222222222;
        uint256 nonce = 9 << 64 | 3;
        vm.chainId(31337);
        vm.mockCall(signer, abi.encodeCall(IWallet.epoch, ()), abi.encode(7));
        bytes32 separator = Digests.domainSeparator(target, 5);
        Config memory config = Config(1, new address[](2), signer, hex"ab");
        (config.owners[0], config.owners[1]) = (target, signer);

        bytes32 execute = Digests.ofExecute(_calls(target, 1, hex"1234"), nonce, LATER);
        vm.assertEq(
            _nestedDigest(signer, separator, execute, _executeType()),
            0x212ed945d7f4f0116d0fd41e554d210ce5728d8b31fbb03edac170668f4fe531,
            "execute"
        );
        bytes32 payout = Digests.ofPayout(signer, _transfers(target, 5), nonce, LATER);
        vm.assertEq(
            _nestedDigest(signer, separator, payout, _payoutType()),
            0x87912cae779a88a8721937a8fc18af572fd424a81f1cd614ff95737e8174ef6c,
            "payout"
        );
        vm.assertEq(
            _nestedDigest(signer, separator, Digests.ofReconfigure(config, nonce, LATER), _reconfigureType()),
            0xd33aef15d6fdfa4811fad97cf3f13c7b85777a1b5befc42f929f6e7c6b2db331,
            "reconfigure"
        );
        vm.assertEq(
            _nestedDigest(signer, separator, Digests.ofCancel(nonce, LATER), _cancelType()),
            0xfa2c7e4fc41f10d6f2d84511f3678620265da38ed11857a666712a21f5c2139d,
            "cancel"
        );
    }

    /* BY SIGNATURE */

    function testFuzz_execute_goesThrough_whenInnerOwnersSignedNested(uint96 value, bytes calldata data) public {
        vm.deal(address(outer), value);
        Call[] memory calls = _calls(PAYEE, value, data);
        bytes memory signature = _byInner(Digests.ofExecute(calls, 0, LATER), _executeType());
        outer.execute(calls, 0, LATER, signature);
        vm.assertEq(PAYEE.balance, value, "the call was made");
    }

    function testFuzz_payout_goesThrough_whenInnerOwnersSignedNested(uint96 amount) public {
        vm.deal(address(outer), amount);
        Transfer[] memory transfers = _transfers(PAYEE, amount);
        bytes memory signature = _byInner(Digests.ofPayout(address(0), transfers, 0, LATER), _payoutType());
        outer.payout(address(0), transfers, 0, LATER, signature);
        vm.assertEq(PAYEE.balance, amount, "the payee was paid");
    }

    function test_reconfigure_goesThrough_whenInnerOwnersSignedNested() public {
        Config memory config = _config(3, 5);
        outer.reconfigure(config, 0, LATER, _byInner(Digests.ofReconfigure(config, 0, LATER), _reconfigureType()));
        vm.assertEq(outer.getOwners(), config.owners, "the owners are the new ones");
    }

    function testFuzz_cancel_goesThrough_whenInnerOwnersSignedNested(uint192 lane) public {
        uint256 nonce = uint256(lane) << 64;
        outer.cancel(nonce, LATER, _byInner(Digests.ofCancel(nonce, LATER), _cancelType()));
        vm.assertEq(outer.nonce(lane), nonce + 1, "the nonce is consumed");
    }

    function test_cancel_goesThrough_whenInnerOwnersSignedAPersonalMessage() public {
        bytes32 digest = _personalDigest(address(inner), _cancelDigest(outer));
        outer.cancel(0, LATER, _contractEntry(0, _sign(digest, 2)));
        vm.assertEq(outer.nonce(0), 1, "the nonce is consumed");
    }

    function test_cancel_reverts_whenInnerThresholdIsNotMet() public {
        bytes memory signature =
            _signNested(address(inner), 1, address(outer), Digests.ofCancel(0, LATER), _cancelType());
        _expectRefusal(outer, _contractEntry(0, signature));
    }

    function test_cancel_reverts_whenInnerOwnersSignedTheOuterDigestItself() public {
        _expectRefusal(outer, _contractEntry(0, _sign(_cancelDigest(outer), 2)));
    }

    function testFuzz_cancel_reverts_whenInnerOwnersSignedAnotherAction(uint256 deadline) public {
        vm.assume(deadline != LATER);
        bytes32 separator = Digests.domainSeparator(address(outer), 0);
        bytes32 other = Digests.ofCancel(0, deadline);
        bytes memory signatures = _sign(_nestedDigest(address(inner), separator, other, _cancelType()), 2);

        _expectRefusal(outer, _contractEntry(0, _nested(signatures, separator, other, _cancelType())));
        bytes32 structHash = Digests.ofCancel(0, LATER);
        _expectRefusal(outer, _contractEntry(0, _nested(signatures, separator, structHash, _cancelType())));
    }

    function test_execute_reverts_whenDescriptionOrdersTheTypesDifferently() public {
        Call[] memory calls = _calls(PAYEE, 1, "");
        bytes32 structHash = Digests.ofExecute(calls, 0, LATER);
        bytes32 separator = Digests.domainSeparator(address(outer), 0);
        bytes memory signatures = _sign(_nestedDigest(address(inner), separator, structHash, _executeType()), 2);
        Contents memory other = _executeType();
        other.description =
            "WalletCall(address to,uint256 value,bytes data)Execute(WalletCall[] calls,uint192 lane,uint64 sequence,uint256 deadline)Execute";
        bytes memory entry = _contractEntry(0, _nested(signatures, separator, structHash, other));
        vm.expectRevert(
            abi.encodeWithSelector(
                IWallet.SignatureInvalid.selector, address(inner), Digests.toDigest(address(outer), structHash)
            )
        );
        outer.execute(calls, 0, LATER, entry);
    }

    function test_cancel_reverts_whenSignedForAnotherInnerWallet() public {
        address twin = factory.create(inner.config(), bytes32(uint256(1)));
        bytes memory signature = _signNested(twin, 2, address(outer), Digests.ofCancel(0, LATER), _cancelType());
        _expectRefusal(outer, _contractEntry(0, signature));
    }

    function test_cancel_reverts_whenSignedForAnotherOuterWallet() public {
        bytes memory signatures = _byInner(Digests.ofCancel(0, LATER), _cancelType());
        _expectRefusal(_createOwnedBy(inner, bytes32(uint256(1))), signatures);
    }

    function test_cancel_reverts_whenInnerWasReconfiguredSince() public {
        bytes memory nested = _byInner(Digests.ofCancel(0, LATER), _cancelType());
        bytes memory personal = _contractEntry(0, _sign(_personalDigest(address(inner), _cancelDigest(outer)), 2));
        _reconfigure(inner.config());
        _expectRefusal(outer, nested);
        _expectRefusal(outer, personal);
        outer.cancel(0, LATER, _byInner(Digests.ofCancel(0, LATER), _cancelType()));
    }

    /* THE INNER POLICY */

    function test_cancel_asksTheInnerPolicyWithTheOuterWalletAsCaller() public {
        Config memory config = _config(2, 3);
        config.policy = address(new CallerListPolicy());
        config.policyData = abi.encode(outer);
        _reconfigure(config);

        bytes memory signatures = _byInner(Digests.ofCancel(0, LATER), _cancelType());
        vm.expectCall(
            config.policy, abi.encodeCall(IPolicy.checkMessage, (address(outer), _cancelDigest(outer), 3, config))
        );
        outer.cancel(0, LATER, signatures);
    }

    function test_cancel_reverts_whenInnerPolicyRefusesTheOuterWallet() public {
        Config memory config = _config(2, 3);
        config.policy = address(new CallerListPolicy());
        config.policyData = abi.encode(outer);
        _reconfigure(config);

        IWallet other = _createOwnedBy(inner, bytes32(uint256(1)));
        bytes memory signature =
            _signNested(address(inner), 2, address(other), Digests.ofCancel(0, LATER), _cancelType());
        _expectRefusal(other, _contractEntry(0, signature));
    }

    /* BY APPROVAL */

    function test_payout_goesThrough_whenInnerApprovedByExecute() public {
        Transfer[] memory transfers = _transfers(PAYEE, 1 ether);
        bytes32 digest = Digests.toDigest(address(outer), Digests.ofPayout(address(0), transfers, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, inner, digest));
        outer.payout(address(0), transfers, 0, LATER, _contractEntry(0, ""));

        _execute(_calls(address(outer), 0, abi.encodeCall(IWallet.approve, (digest))));
        vm.assertTrue(outer.approved(digest, address(inner)), "the inner wallet approved");
        outer.payout(address(0), transfers, 0, LATER, _contractEntry(0, ""));
        vm.assertEq(PAYEE.balance, 1 ether, "the payee was paid");
    }

    function test_cancel_goesThrough_whenInnerWasReconfiguredAfterApproving() public {
        _execute(_calls(address(outer), 0, abi.encodeCall(IWallet.approve, (_cancelDigest(outer)))));
        _reconfigure(_config(1, 1));
        outer.cancel(0, LATER, _contractEntry(0, ""));
        vm.assertEq(outer.nonce(0), 1, "the nonce is consumed");
    }

    function test_cancel_reverts_whenOuterWasReconfiguredAfterTheApproval() public {
        bytes32 digest = Digests.toDigest(address(outer), Digests.ofCancel(1, LATER));
        _execute(_calls(address(outer), 0, abi.encodeCall(IWallet.approve, (digest))));
        Config memory config = outer.config();
        outer.reconfigure(config, 0, LATER, _byInner(Digests.ofReconfigure(config, 0, LATER), _reconfigureType()));

        bytes32 present = Digests.toDigest(address(outer), Digests.ofCancel(1, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, inner, present));
        outer.cancel(1, LATER, _contractEntry(0, ""));
    }

    function test_approve_reverts_whenTheCallingWalletIsNoOwner() public {
        IWallet stranger = _create(1, 1);
        Call[] memory calls = _calls(address(outer), 0, abi.encodeCall(IWallet.approve, (_cancelDigest(outer))));
        bytes memory signatures = _sign(Digests.toDigest(address(stranger), Digests.ofExecute(calls, 0, LATER)), 1);
        bytes memory reason = abi.encodeWithSelector(IWallet.NotOwner.selector, stranger);
        vm.expectRevert(abi.encodeWithSelector(IWallet.CallFailed.selector, 0, reason));
        stranger.execute(calls, 0, LATER, signatures);
    }

    function test_approve_reverts_whenAWalletCallsItself() public {
        Call[] memory calls = _calls(address(outer), 0, abi.encodeCall(IWallet.approve, (_cancelDigest(outer))));
        bytes memory signatures = _byInner(Digests.ofExecute(calls, 0, LATER), _executeType());
        bytes memory reason = abi.encodeWithSelector(IWallet.NotOwner.selector, outer);
        vm.expectRevert(abi.encodeWithSelector(IWallet.CallFailed.selector, 0, reason));
        outer.execute(calls, 0, LATER, signatures);
    }

    /* HELPERS */

    function _createOwnedBy(IWallet owner, bytes32 salt) private returns (IWallet) {
        Config memory config = _config(1, 2);
        (config.owners[0], config.owners[1]) = (address(owner), _ownerOf(3));
        return IWallet(factory.create(config, salt));
    }

    /// @dev The one entry that carries an action of `outer`.
    function _byInner(bytes32 structHash, Contents memory contents) private view returns (bytes memory) {
        return _contractEntry(0, _signNested(address(inner), 2, address(outer), structHash, contents));
    }

    function _cancelDigest(IWallet target) private view returns (bytes32) {
        return Digests.toDigest(address(target), Digests.ofCancel(0, LATER));
    }

    function _expectRefusal(IWallet target, bytes memory signatures) private {
        bytes32 digest = _cancelDigest(target);
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, inner, digest));
        target.cancel(0, LATER, signatures);
    }
}
