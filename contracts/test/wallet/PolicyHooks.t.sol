// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Context, IPolicy} from "../../src/IPolicy.sol";
import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {RecordingPolicy, StubPolicy} from "../support/Policies.sol";
import {WalletTest} from "../support/WalletTest.sol";

// the policy, asked about each of the four actions (about messages: PolicyMessages.t.sol)
// ├── when the deadline, the nonce or a signature is wrong: is not asked
// ├── is asked once, by its hook, for the action and its exact context
// │   ├── with the bits of those who signed, however they did
// │   └── after the nonce was consumed and before anything happens
// ├── when it fails, has no code, or answers anything but its hook's selector as one word: reverts PolicyRefused
// with
// │   what it returned, and nothing happened
// └── when it was replaced: is not asked any more
contract PolicyHooksTest is WalletTest {
    address private constant PAYEE = address(0xbee);

    enum Kind {
        Execute,
        Payout,
        Reconfigure,
        Cancel
    }

    RecordingPolicy private recording;
    StubPolicy private stub;

    function setUp() public override {
        super.setUp();
        recording = new RecordingPolicy();
        stub = new StubPolicy();
        _becomeJudgedBy(address(recording), "");
    }

    /* ASKED */

    function testFuzz_policy_isAskedWithTheActionAndItsContext(
        uint8 kind,
        uint192 lane,
        uint256 deadline,
        uint256 signers,
        bytes calldata data
    ) public {
        _becomeJudgedBy(address(recording), data);
        deadline = _bound(deadline, block.timestamp, type(uint256).max);
        signers = _bound(signers, 1, 31);
        vm.assume(_hasTwoBits(signers));
        uint256 nonce = uint256(lane) << 64;
        Kind chosen = Kind(kind % 4);
        (bytes memory call, bytes32 digest) = _action(chosen, nonce, deadline, signers);

        Context memory context = Context(digest, nonce, deadline, signers, wallet.config());
        (bool ok,) = address(wallet).call(call);
        vm.assertTrue(ok, "agreed");
        vm.assertEq(recording.timesAsked(), 1, "asked once");
        vm.assertEq(recording.asker(), address(wallet), "by the wallet");
        vm.assertEq(recording.question(), _question(chosen, context), "about exactly this");
    }

    function testFuzz_policy_isAskedAfterTheNonceAndBeforeTheAction(uint8 kind, uint192 lane) public {
        uint256 nonce = uint256(lane) << 64;
        (bytes memory call,) = _action(Kind(kind % 4), nonce, LATER, 3);
        (bool ok,) = address(wallet).call(call);
        vm.assertTrue(ok, "agreed");
        vm.assertEq(recording.nonceSeen(), nonce + 1, "the nonce was consumed");
        vm.assertEq(recording.balanceSeen(), 1 ether, "and nothing was paid");
        vm.assertEq(recording.epochSeen(), 0, "nor reconfigured");
    }

    function test_policy_isToldOfSigners_ofEveryKind() public {
        Config memory config = _config(3, 128 - 28);
        config.policy = address(recording);
        wallet = _create(config);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(0, LATER));
        vm.prank(_ownerOf(42));
        wallet.approve(digest);
        vm.mockCall(_ownerOf(64), "", abi.encode(bytes4(0x1626ba7e)));
        bytes memory signatures = bytes.concat(
            _entry(0, _keyOf(0), digest),
            _contractEntry(42, ""),
            _contractEntry(64, "signature"),
            _entry(99, _keyOf(99), digest)
        );
        wallet.cancel(0, LATER, signatures);
        Context memory context = Context(digest, 0, LATER, 1 | 1 << 42 | 1 << 64 | 1 << 99, config);
        vm.assertEq(recording.question(), abi.encodeCall(IPolicy.checkCancel, (context)), "each has its bit");
    }

    /* NOT ASKED */

    function test_policy_isNotAsked_whenTheDeadlineHasPassed() public {
        uint256 deadline = block.timestamp - 1;
        _expectUnasked(
            0, deadline, 3, abi.encodeWithSelector(IWallet.DeadlinePassed.selector, deadline, block.timestamp)
        );
    }

    function test_policy_isNotAsked_whenTheNonceIsWrong() public {
        _expectUnasked(1, LATER, 3, abi.encodeWithSelector(IWallet.NonceMismatch.selector, 1, 0));
    }

    function test_policy_isNotAsked_whenTooFewSigned() public {
        _expectUnasked(0, LATER, 1, abi.encodeWithSelector(IWallet.ThresholdNotMet.selector, 1, 2));
    }

    function test_policy_isNotAsked_whenItWasReplaced() public {
        Config memory next = _config(2, 5);
        next.policy = address(stub);
        _reconfigure(next);
        _cancel();
        vm.assertEq(recording.timesAsked(), 1, "only about its own end");
        next.policy = address(0);
        _reconfigure(next);
        stub.failAt("", "");
        _cancel();
    }

    /* REFUSALS */

    function testFuzz_policy_refuses_whenItFails(uint8 kind, bytes calldata reason) public {
        _becomeJudgedBy(address(stub), "");
        stub.failAt(abi.encodePacked(_hook(Kind(kind % 4))), reason);
        _expectRefusal(Kind(kind % 4), reason);
    }

    function testFuzz_policy_refuses_whenItAnswersAnythingElse(uint8 kind, bytes calldata answer) public {
        bytes4 hook = _hook(Kind(kind % 4));
        vm.assume(keccak256(answer) != keccak256(abi.encode(hook)));
        _expectAnswerRefused(Kind(kind % 4), answer);
    }

    function testFuzz_policy_refuses_whenItsAnswerIsNotOneWord(uint8 kind, bytes calldata more) public {
        Kind chosen = Kind(kind % 4);
        vm.assume(more.length != 0);
        _expectAnswerRefused(chosen, abi.encodePacked(abi.encode(_hook(chosen)), more));
    }

    function testFuzz_policy_refuses_whenItsAnswerIsDirty(uint8 kind, uint256 dirt) public {
        Kind chosen = Kind(kind % 4);
        dirt = _bound(dirt, 1, type(uint224).max);
        _expectAnswerRefused(chosen, abi.encode(uint256(bytes32(_hook(chosen))) | dirt));
    }

    function test_policy_refuses_whenItAnswersWithAnotherWord() public {
        for (uint256 i; i < 4; ++i) {
            bytes4 hook = _hook(Kind(i));
            // As a contract with a catch-all fallback does.
            _expectAnswerRefused(Kind(i), "");
            _expectAnswerRefused(Kind(i), abi.encode(true));
            _expectAnswerRefused(Kind(i), abi.encode(uint256(uint32(hook))));
            _expectAnswerRefused(Kind(i), abi.encodePacked(hook));
            _expectAnswerRefused(Kind(i), abi.encode(_hook(Kind((i + 1) % 4))));
            _expectAnswerRefused(Kind(i), abi.encode(IPolicy.checkConfig.selector));
        }
    }

    function test_policy_refuses_whenItHasNoCodeAnyMore() public {
        _becomeJudgedBy(address(stub), "");
        vm.etch(address(stub), "");
        for (uint256 i; i < 4; ++i) {
            _expectRefusal(Kind(i), "");
        }
    }

    /// @dev Each hook is its own question: refusing one leaves the others.
    function test_policy_refusesOneKindOfActionAlone() public {
        for (uint256 i; i < 4; ++i) {
            stub = new StubPolicy();
            _becomeJudgedBy(address(stub), "");
            stub.failAt(abi.encodePacked(_hook(Kind(i))), "no");
            for (uint256 j; j < 4; ++j) {
                (bytes memory call,) = _action(Kind(j), wallet.nonce(0), LATER, 3);
                (bool ok,) = address(wallet).call(call);
                vm.assertTrue(ok == (i != j), "only this one is refused");
            }
        }
    }

    /* HELPERS */

    /// @dev A new wallet, 2-of-5, with one ether.
    function _becomeJudgedBy(address policy, bytes memory policyData) private {
        Config memory config = _config(2, 5);
        config.policy = policy;
        config.policyData = policyData;
        wallet = _create(config);
        vm.deal(address(wallet), 1 ether);
    }

    function _action(Kind kind, uint256 nonce, uint256 deadline, uint256 signers)
        private
        view
        returns (bytes memory call, bytes32 digest)
    {
        bytes32 structHash;
        if (kind == Kind.Execute) structHash = Digests.ofExecute(_someCalls(), nonce, deadline);
        if (kind == Kind.Payout) structHash = Digests.ofPayout(address(0), _someTransfers(), nonce, deadline);
        if (kind == Kind.Reconfigure) structHash = Digests.ofReconfigure(_someConfig(), nonce, deadline);
        if (kind == Kind.Cancel) structHash = Digests.ofCancel(nonce, deadline);
        digest = Digests.toDigest(address(wallet), structHash);
        bytes memory signatures = _signBy(digest, signers);

        if (kind == Kind.Execute) call = abi.encodeCall(IWallet.execute, (_someCalls(), nonce, deadline, signatures));
        if (kind == Kind.Payout) {
            call = abi.encodeCall(IWallet.payout, (address(0), _someTransfers(), nonce, deadline, signatures));
        }
        if (kind == Kind.Reconfigure) {
            call = abi.encodeCall(IWallet.reconfigure, (_someConfig(), nonce, deadline, signatures));
        }
        if (kind == Kind.Cancel) call = abi.encodeCall(IWallet.cancel, (nonce, deadline, signatures));
    }

    function _question(Kind kind, Context memory context) private view returns (bytes memory) {
        if (kind == Kind.Execute) return abi.encodeCall(IPolicy.checkExecute, (_someCalls(), context));
        if (kind == Kind.Payout) return abi.encodeCall(IPolicy.checkPayout, (address(0), _someTransfers(), context));
        if (kind == Kind.Reconfigure) return abi.encodeCall(IPolicy.checkReconfigure, (_someConfig(), context));
        return abi.encodeCall(IPolicy.checkCancel, (context));
    }

    function _hook(Kind kind) private pure returns (bytes4) {
        if (kind == Kind.Execute) return IPolicy.checkExecute.selector;
        if (kind == Kind.Payout) return IPolicy.checkPayout.selector;
        if (kind == Kind.Reconfigure) return IPolicy.checkReconfigure.selector;
        return IPolicy.checkCancel.selector;
    }

    function _someCalls() private pure returns (Call[] memory calls) {
        calls = new Call[](2);
        calls[0] = Call(PAYEE, 1, "");
        calls[1] = Call(PAYEE, 2, "some data, longer than the thirty-two bytes of one word");
    }

    function _someTransfers() private pure returns (Transfer[] memory) {
        return _transfers(PAYEE, 1, PAYEE, 2);
    }

    /// @dev Keeps the owners and the policy, so that the wallet can go on.
    function _someConfig() private view returns (Config memory config) {
        config = wallet.config();
        config.policyData = "other data, longer than the thirty-two bytes of one word";
    }

    function _expectUnasked(uint256 nonce, uint256 deadline, uint256 signers, bytes memory fault) private {
        vm.expectCall(address(recording), "", 0);
        for (uint256 i; i < 4; ++i) {
            (bytes memory call,) = _action(Kind(i), nonce, deadline, signers);
            (bool ok, bytes memory returned) = address(wallet).call(call);
            vm.assertFalse(ok, "refused");
            vm.assertEq(returned, fault, "by the wallet itself");
        }
    }

    function _expectAnswerRefused(Kind kind, bytes memory answer) private {
        stub = new StubPolicy();
        _becomeJudgedBy(address(stub), "");
        stub.answerTo(abi.encodePacked(_hook(kind)), answer);
        _expectRefusal(kind, answer);
    }

    function _expectRefusal(Kind kind, bytes memory reason) private {
        (bytes memory call,) = _action(kind, 0, LATER, 3);
        (bool ok, bytes memory returned) = address(wallet).call(call);
        vm.assertFalse(ok, "refused");
        bytes memory fault = abi.encodeWithSelector(IWallet.PolicyRefused.selector, stub, reason);
        vm.assertEq(returned, fault, "with the policy's reason");
        vm.assertEq(PAYEE.balance, 0, "nothing was paid");
        vm.assertEq(wallet.nonce(0), 0, "the nonce is free");
        vm.assertEq(wallet.epoch(), 0, "the configuration stays");
    }

    function _hasTwoBits(uint256 bits) private pure returns (bool) {
        return bits & (bits - 1) != 0;
    }
}
