// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Messages} from "./Messages.sol";
import {WalletTest} from "./WalletTest.sol";

/// @title What every test of messages needs: both forms of the question, asked at once
abstract contract MessageTest is WalletTest {
    /// @dev The digest of a `PersonalSign` that this wallet's owners sign now.
    function _personal(bytes memory data) internal view returns (bytes32) {
        return Messages.personalSign(address(wallet), wallet.epoch(), keccak256(data));
    }

    /// @notice Asserts that the wallet answers yes, whether asked about `data` or about its hash.
    function _assertValid(bytes memory data, bytes memory signature) internal view {
        _assertAnswers(data, signature, 0x1626ba7e, 0x20c13b0b);
    }

    /// @notice Asserts that the wallet answers no, and does answer.
    function _assertInvalid(bytes memory data, bytes memory signature) internal view {
        _assertAnswers(data, signature, 0xffffffff, 0xffffffff);
    }

    function _assertAnswers(bytes memory data, bytes memory signature, bytes4 modern, bytes4 older) private view {
        vm.assertEq(wallet.isValidSignature(keccak256(data), signature), modern, "asked about the hash");
        vm.assertEq(wallet.isValidSignature(data, signature), older, "asked about the data");
    }
}
