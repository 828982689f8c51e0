// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config} from "../../src/IWallet.sol";
import {Agreeing, Answering, Bombing, Burning, Writing} from "../support/Answering.sol";
import {MessageTest} from "../support/MessageTest.sol";
import {Messages} from "../support/Messages.sol";

// isValidSignature, both forms, of a wallet with a policy
// ├── when the policy answers `checkMessage` with its selector: valid
// │   └── it is asked by the wallet who called it, about the hash, the signers and the present configuration
// ├── whatever else it answers: invalid, and so when it reverts, writes, takes all gas or has no code
// └── when too few signed: invalid, whatever the policy says
contract MessagePolicyTest is MessageTest {
    bytes private constant DATA = "data";

    function testFuzz_policy_isAskedAboutCallerHashSignersAndConfiguration(
        address caller,
        bytes memory data,
        uint256 signers,
        bytes memory policyData
    ) public {
        Config memory config = _config(2, 4);
        config.policy = address(new Agreeing(address(0)));
        config.policyData = policyData;
        wallet = _create(config);
        // Two of four at least: 3, 5, 6, 7, 9 to 15.
        signers = [3, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15][signers % 11];
        bytes memory signatures = _signBy(_personal(data), signers);
        bytes memory question = abi.encodeCall(IPolicy.checkMessage, (caller, keccak256(data), signers, config));
        vm.expectCall(config.policy, question, 2);
        vm.prank(caller);
        vm.assertEq(wallet.isValidSignature(keccak256(data), signatures), bytes4(0x1626ba7e), "about the hash");
        vm.prank(caller);
        vm.assertEq(wallet.isValidSignature(data, signatures), bytes4(0x20c13b0b), "about the data");
    }

    function testFuzz_policy_isAskedAboutTheAppsHash_whenSignedAsTypedData(bytes32 separator, bytes32 contents) public {
        address policy = address(new Agreeing(address(0)));
        _useAtCreation(policy);
        string memory types = "Mail(string contents)";
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, separator, contents, "Mail", types);
        bytes memory data = Messages.preimage(separator, contents);
        bytes memory question =
            abi.encodeCall(IPolicy.checkMessage, (address(this), keccak256(data), 3, wallet.config()));
        vm.expectCall(policy, question, 2);
        _assertValid(data, Messages.wrap(_sign(digest, 2), separator, contents, types));
    }

    function test_policy_isAskedByTheWallet() public {
        _useAtCreation(address(new Agreeing(address(0))));
        vm.etch(wallet.config().policy, address(new Agreeing(address(wallet))).code);
        _assertValid(DATA, _sign(_personal(DATA), 2));
        vm.etch(wallet.config().policy, address(new Agreeing(address(this))).code);
        _assertInvalid(DATA, _sign(_personal(DATA), 2));
    }

    function test_policy_isThePresentOne() public {
        _useAtCreation(address(new Agreeing(address(0))));
        address first = wallet.config().policy;
        _reconfigure(_config(2, 3));
        vm.etch(first, "");
        _assertValid(DATA, _sign(_personal(DATA), 2));
    }

    function testFuzz_policy_refuses_whateverElseItAnswers(bytes memory answer) public {
        vm.assume(keccak256(answer) != keccak256(abi.encode(IPolicy.checkMessage.selector)));
        _assertRefusedBy(address(new Answering(answer, false)));
    }

    function testFuzz_policy_refuses_whenItReverts(bytes memory reason) public {
        _assertRefusedBy(address(new Answering(reason, true)));
    }

    function test_policy_refuses_whenItsAnswerIsAlmostTheSelector() public {
        bytes4 selector = IPolicy.checkMessage.selector;
        _assertRefusedBy(address(new Answering(abi.encode(selector), true)));
        _assertRefusedBy(address(new Answering(abi.encodePacked(selector), false)));
        _assertRefusedBy(address(new Answering(abi.encode(selector, selector), false)));
        _assertRefusedBy(address(new Answering(abi.encode(bytes32(selector) | bytes32(uint256(1))), false)));
        _assertRefusedBy(address(new Answering(abi.encode(IPolicy.checkConfig.selector), false)));
        _assertRefusedBy(address(new Answering(abi.encode(bytes4(0x1626ba7e)), false)));
    }

    function test_policy_refuses_whenItHasNoCode() public {
        _assertRefusedBy(address(0xC0DE));
    }

    function test_policy_refuses_whenItWrites() public {
        _assertRefusedBy(address(new Writing()));
    }

    function test_policy_refuses_whenItTakesAllGas() public {
        _assertRefusedBy(address(new Burning()));
    }

    function test_policy_refuses_whenItAnswersTooMuch() public {
        _assertRefusedBy(address(new Bombing(3_000_000)));
    }

    function test_policy_cannotReplaceSigners() public {
        _useAtCreation(address(new Agreeing(address(0))));
        _assertInvalid(DATA, _sign(_personal(DATA), 1));
        _assertInvalid(DATA, "");
    }

    /* HELPERS */

    function _useAtCreation(address policy) private {
        Config memory config = _config(2, 3);
        config.policy = policy;
        wallet = _create(config);
    }

    /// @dev A wallet is only made with a policy that agrees to its configuration, so the policy turns afterwards.
    function _assertRefusedBy(address policy) private {
        bytes memory code = policy.code;
        vm.etch(policy, address(new Agreeing(address(0))).code);
        _useAtCreation(policy);
        vm.etch(policy, code);
        bytes memory signatures = _sign(_personal(DATA), 2);
        vm.assertEq(wallet.isValidSignature{gas: 30_000_000}(DATA, signatures), bytes4(0xffffffff), "refused");
        vm.assertEq(
            wallet.isValidSignature{gas: 30_000_000}(keccak256(DATA), signatures), bytes4(0xffffffff), "refused again"
        );
    }
}
