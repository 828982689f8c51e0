// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Signed, VectorTest} from "../support/VectorTest.sol";

/// @dev What a vector of a message has besides `Signed`.
struct Message {
    bytes data;
    bytes32 hash;
    bytes signature;
}

// What viem says that owners sign for a message
// └── each message, as TypedDataSign or PersonalSign: the wallet accepts its signature, in both forms, and in no
// other
//     epoch
contract MessageVectorsTest is VectorTest {
    string private constant FILE = "eip712.json";

    function test_messages_areThoseOfViem() public {
        uint256 count = _countOf(FILE, "messages");
        uint256 typed;
        for (uint256 i; i < count; ++i) {
            if (this.checkMessage(i)) ++typed;
        }
        vm.assertGe(typed, 3, "messages of typed data");
        vm.assertGe(count - typed, 3, "personal messages");
    }

    /// @dev One vector, in a call of its own.
    function checkMessage(uint256 place) external returns (bool typed) {
        string memory json = _file(FILE);
        string memory key = _at("messages", place);
        Signed memory vector = _signed(json, key);
        Message memory message =
            abi.decode(vm.parseJsonType(json, key, "Message(bytes data,bytes32 hash,bytes signature)"), (Message));
        _assertSigned(vector);
        _place(vector);
        vm.assertEq(keccak256(message.data), message.hash, vector.name);
        _assertAnswers(message, 0x1626ba7e, 0x20c13b0b, vector.name);

        vm.store(vector.wallet, 0, bytes32((vector.epoch ^ 1) << 224));
        _assertAnswers(message, 0xffffffff, 0xffffffff, vector.name);
        return message.signature.length != vector.signatures.length;
    }

    function _assertAnswers(Message memory message, bytes4 modern, bytes4 older, string memory name) private view {
        vm.assertEq(wallet.isValidSignature(message.hash, message.signature), modern, name);
        vm.assertEq(wallet.isValidSignature(message.data, message.signature), older, name);
    }
}
