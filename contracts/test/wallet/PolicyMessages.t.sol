// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config, IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {StubPolicy} from "../support/Policies.sol";
import {WalletTest} from "../support/WalletTest.sol";

// the policy, asked about a message (isValidSignature), or by a call that may not change the state
// ├── when the signatures are wrong: is not asked, the answer is no
// ├── is asked about the caller, the hash, the signers and the configuration
// ├── when it fails, has no code, or answers anything but its hook's selector as one word: the answer is no
// └── when it would change the state: the same
contract PolicyMessagesTest is WalletTest {
    bytes32 private constant HASH = keccak256("message");
    bytes4 private constant YES = 0x1626ba7e;
    bytes4 private constant YES_OF_OLD = 0x20c13b0b;
    bytes4 private constant NO = 0xffffffff;

    StubPolicy private stub;

    function setUp() public override {
        super.setUp();
        stub = new StubPolicy();
        _becomeJudgedBy(address(stub));
    }

    function testFuzz_policy_isAskedAboutAMessage(bytes32 hash, address caller, uint256 signers) public {
        signers = _bound(signers, 3, 31);
        vm.assume(signers & (signers - 1) != 0 && caller != address(0));
        bytes memory signatures = _signBy(_messageDigest(hash), signers);
        bytes memory question = abi.encodeCall(IPolicy.checkMessage, (caller, hash, signers, wallet.config()));
        vm.expectCall(address(stub), question, 1);
        vm.prank(caller);
        vm.assertEq(wallet.isValidSignature(hash, signatures), YES, "agreed");
    }

    function testFuzz_policy_isAskedAboutAMessage_inTheOlderForm(bytes calldata data, address caller) public {
        vm.assume(caller != address(0));
        bytes memory signatures = _sign(_messageDigest(keccak256(data)), 2);
        bytes memory question = abi.encodeCall(IPolicy.checkMessage, (caller, keccak256(data), 3, wallet.config()));
        vm.expectCall(address(stub), question, 1);
        vm.prank(caller);
        vm.assertEq(wallet.isValidSignature(data, signatures), YES_OF_OLD, "agreed");
    }

    function test_policy_isNotAskedAboutAMessage_whenTheSignaturesAreWrong() public {
        bytes memory signatures = _sign(_messageDigest(HASH), 1);
        vm.expectCall(address(stub), "", 0);
        vm.assertEq(wallet.isValidSignature(HASH, signatures), NO, "refused by the wallet itself");
    }

    function testFuzz_policy_refusesAMessage_whenItFails(bytes calldata reason) public {
        stub.failAt(abi.encodePacked(IPolicy.checkMessage.selector), reason);
        _expectNo();
        stub.failAt(abi.encodePacked(IPolicy.checkMessage.selector), abi.encode(IPolicy.checkMessage.selector));
        _expectNo();
    }

    function testFuzz_policy_refusesAMessage_whenItAnswersAnythingElse(bytes calldata answer) public {
        vm.assume(keccak256(answer) != keccak256(abi.encode(IPolicy.checkMessage.selector)));
        _answer(answer);
    }

    function test_policy_refusesAMessage_whenItAnswersWithAnotherWord() public {
        bytes4 hook = IPolicy.checkMessage.selector;
        _answer("");
        _answer(abi.encode(true));
        _answer(abi.encode(YES));
        _answer(abi.encode(IPolicy.checkExecute.selector));
        _answer(abi.encodePacked(hook));
        _answer(abi.encode(hook, 0));
        _answer(abi.encode(uint256(bytes32(hook)) | 1));
    }

    function test_policy_refusesAMessage_whenItHasNoCodeAnyMore() public {
        vm.etch(address(stub), "");
        _expectNo();
    }

    function test_policy_refusesAMessage_whenItWouldChangeTheState() public {
        WritingPolicy writing = new WritingPolicy();
        writing.setWriting(false);
        _becomeJudgedBy(address(writing));
        bytes memory signatures = _sign(_messageDigest(HASH), 2);
        vm.assertEq(wallet.isValidSignature(HASH, signatures), YES, "as long as it only looks");
        writing.setWriting(true);
        vm.assertEq(wallet.isValidSignature(HASH, signatures), NO, "it may not write");
    }

    function test_policy_refusesAConfig_whenItWouldChangeTheState() public {
        WritingPolicy writing = new WritingPolicy();
        writing.setWriting(true);
        Config memory next = _config(2, 5);
        next.policy = address(writing);
        bytes memory signatures = _authorize(Digests.ofReconfigure(next, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.PolicyRefused.selector, writing, ""));
        wallet.reconfigure(next, 0, LATER, signatures);
    }

    /// @dev A new wallet, 2-of-5.
    function _becomeJudgedBy(address policy) private {
        Config memory config = _config(2, 5);
        config.policy = policy;
        config.policyData = "some data";
        wallet = _create(config);
    }

    /// @dev What owners sign for a message that is no typed data (ERC-7739).
    function _messageDigest(bytes32 hash) private view returns (bytes32) {
        return Digests.toDigest(address(wallet), keccak256(abi.encode(keccak256("PersonalSign(bytes prefixed)"), hash)));
    }

    function _answer(bytes memory answer) private {
        stub.answerTo(abi.encodePacked(IPolicy.checkMessage.selector), answer);
        _expectNo();
    }

    function _expectNo() private view {
        bytes memory signatures = _sign(_messageDigest(HASH), 2);
        vm.assertEq(wallet.isValidSignature(HASH, signatures), NO, "refused");
    }
}

/// @notice Agrees to everything, and counts how often if told to.
contract WritingPolicy {
    bool private _isWriting;
    uint256 private _timesAsked;

    function setWriting(bool isWriting) external {
        _isWriting = isWriting;
    }

    fallback() external {
        if (_isWriting) ++_timesAsked;
        bytes memory answer = abi.encode(msg.sig);
        assembly ("memory-safe") {
            return(add(answer, 0x20), mload(answer))
        }
    }
}
