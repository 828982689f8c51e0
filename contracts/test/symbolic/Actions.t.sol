// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, Config, Transfer} from "../../src/IWallet.sol";
import {ActionLib} from "../../src/libraries/ActionLib.sol";
import {PaymentLib} from "../../src/libraries/PaymentLib.sol";
import {Digests} from "../support/Digests.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

contract ActionHarness {
    function execute(Call[] calldata calls, uint256 nonce, uint256 deadline) external pure returns (bytes32) {
        return ActionLib.hashExecute(calls, nonce, deadline);
    }

    function payout(address token, Transfer[] calldata transfers, uint256 nonce, uint256 deadline)
        external
        pure
        returns (bytes32)
    {
        return ActionLib.hashPayout(token, transfers, nonce, deadline);
    }

    function reconfigure(Config calldata config, uint256 nonce, uint256 deadline) external pure returns (bytes32) {
        return ActionLib.hashReconfigure(config, nonce, deadline);
    }

    function cancel(uint256 nonce, uint256 deadline) external pure returns (bytes32) {
        return ActionLib.hashCancel(nonce, deadline);
    }

    function makeCalls(Call[] calldata calls) external payable {
        PaymentLib.makeCalls(calls);
    }
}

/// @notice Remembers the calls it gets.
contract Recorder {
    bytes[] public data;
    uint256[] public values;

    fallback() external payable {
        data.push(msg.data);
        values.push(msg.value);
    }
}

/// @notice Decodes as Solidity does.
contract Decoder {
    function execute(Call[] memory calls, uint256 nonce, uint256 deadline) external pure returns (bytes32) {
        return Digests.ofExecute(calls, nonce, deadline);
    }

    function payout(address token, Transfer[] memory transfers, uint256 nonce, uint256 deadline)
        external
        pure
        returns (bytes32)
    {
        return Digests.ofPayout(token, transfers, nonce, deadline);
    }
}

/// @title The hashes of the actions are those of EIP-712, of the bytes that are carried out
/// @notice Compared with plain decoding and `abi.encode`.
contract ActionsSymbolicTest is SymbolicTest {
    ActionHarness private harness;
    Decoder private decoder;
    Recorder private recorder;
    uint256 private nonce;
    uint256 private deadline;

    function setUp() public {
        harness = new ActionHarness();
        decoder = new Decoder();
        recorder = new Recorder();
        nonce = svm.createUint(256, "nonce");
        deadline = svm.createUint(256, "deadline");
    }

    /* WHAT IS SIGNED; the numbers are the bytes of data of each call */

    function check_hashExecute_none() public {
        _checkSame(abi.encodeCall(ActionHarness.execute, (new Call[](0), nonce, deadline)));
    }

    function check_hashExecute_one() public {
        uint256 length = _oneOf(0, 1, 31, 32, 33, 68);
        _checkSame(_execute(_anyCall(length)));
    }

    function check_hashExecute_two() public {
        uint256 length = _oneOf(0, 1, 32, 33, 33, 33);
        Call[] memory calls = new Call[](2);
        calls[0] = _anyCall(length)[0];
        calls[1] = _anyCall(36)[0];
        _checkSame(_execute(calls));
    }

    /// @dev An account of more than 160 bits.
    function check_hashExecute_refusesDirtyAccounts() public {
        bytes memory question = _execute(_anyCall(4));
        bytes32 account = svm.createBytes32("account");
        // Selector, three words of the head, the list's length, the offset of its call.
        assembly ("memory-safe") {
            mstore(add(question, 0xc4), account)
        }
        _checkSame(question);
    }

    /// @dev Calldata that ends early.
    function check_hashExecute_refusesCutCalldata() public {
        bytes memory question = _execute(_anyCall(33));
        uint256 cut = 1 + _eachBelow(200, "cut");
        assembly ("memory-safe") {
            mstore(question, sub(mload(question), cut))
        }
        _checkSame(question);
    }

    function check_hashPayout() public {
        uint256 count = _eachBelow(4, "count");
        Transfer[] memory transfers = new Transfer[](count);
        for (uint256 i; i < count; ++i) {
            transfers[i] = Transfer(svm.createAddress("to"), svm.createUint(256, "amount"));
        }
        bytes memory question =
            abi.encodeCall(ActionHarness.payout, (svm.createAddress("token"), transfers, nonce, deadline));
        if (count != 0) {
            bytes32 account = svm.createBytes32("account");
            // Selector, four words of the head, the list's length.
            assembly ("memory-safe") {
                mstore(add(question, 0xc4), account)
            }
        }
        _checkSame(question);
    }

    function check_hashReconfigure() public view {
        uint256 count = _eachBelow(4, "count");
        Config memory config;
        config.threshold = uint8(svm.createUint(8, "threshold"));
        config.owners = new address[](count);
        for (uint256 i; i < count; ++i) {
            config.owners[i] = svm.createAddress("owner");
        }
        config.policy = svm.createAddress("policy");
        config.policyData = svm.createBytes(_oneOf(0, 1, 32, 47, 47, 47), "policyData");
        assert(harness.reconfigure(config, nonce, deadline) == Digests.ofReconfigure(config, nonce, deadline));
    }

    function check_hashCancel() public view {
        assert(harness.cancel(nonce, deadline) == Digests.ofCancel(nonce, deadline));
    }

    /* WHAT IS DONE */

    function check_makeCalls_sendsWhatWasHashed() public {
        Call[] memory calls = new Call[](2);
        calls[0] = _anyCall(_oneOf(0, 1, 33, 36, 36, 36))[0];
        calls[1] = _anyCall(5)[0];
        calls[0].to = calls[1].to = address(recorder);
        vm.deal(address(harness), type(uint128).max);
        vm.assume(calls[0].value < 1 << 64 && calls[1].value < 1 << 64);
        harness.makeCalls(calls);
        for (uint256 i; i < 2; ++i) {
            assert(recorder.values(i) == calls[i].value);
            assert(keccak256(recorder.data(i)) == keccak256(calls[i].data));
        }
    }

    function _checkSame(bytes memory question) private {
        (bool ok, bytes memory hash) = address(harness).call(question);
        (bool ok2, bytes memory hash2) = address(decoder).call(question);
        assert(ok == ok2 && (!ok || bytes32(hash) == bytes32(hash2)));
    }

    function _oneOf(uint256 a, uint256 b, uint256 c, uint256 d, uint256 e, uint256 f) private pure returns (uint256) {
        uint256 choice = _eachBelow(6, "choice");
        return choice == 0 ? a : choice == 1 ? b : choice == 2 ? c : choice == 3 ? d : choice == 4 ? e : f;
    }

    function _execute(Call[] memory calls) private view returns (bytes memory) {
        return abi.encodeCall(ActionHarness.execute, (calls, nonce, deadline));
    }

    function _anyCall(uint256 length) private pure returns (Call[] memory calls) {
        calls = new Call[](1);
        calls[0] = Call(svm.createAddress("to"), svm.createUint(256, "value"), svm.createBytes(length, "data"));
    }
}
