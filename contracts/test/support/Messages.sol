// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Digests} from "./Digests.sol";

/// @title What owners sign for a message, written from ERC-7739 alone
library Messages {
    /// @notice What an app hashes: `hash` of `isValidSignature` is keccak256 of these bytes.
    function preimage(bytes32 appSeparator, bytes32 contentsHash) internal pure returns (bytes memory) {
        return abi.encodePacked(hex"1901", appSeparator, contentsHash);
    }

    /// @notice The digest of a `PersonalSign` struct in the wallet's own domain.
    function personalSign(address wallet, uint256 epoch, bytes32 hash) internal view returns (bytes32) {
        bytes32 structHash = keccak256(abi.encode(keccak256("PersonalSign(bytes prefixed)"), hash));
        return Digests.toDigest(wallet, epoch, structHash);
    }

    /// @notice The digest of a `TypedDataSign` struct in the app's domain, with the wallet's domain among its fields.
    /// @param name The primary type of the contents.
    /// @param types Its encoded type, and those it refers to, in the order of EIP-712.
    function typedDataSign(
        address wallet,
        uint256 epoch,
        bytes32 appSeparator,
        bytes32 contentsHash,
        string memory name,
        string memory types
    ) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            bytes(
                string.concat(
                    "TypedDataSign(",
                    name,
                    " contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)",
                    types
                )
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                typehash, contentsHash, keccak256("Quorate"), keccak256("1"), block.chainid, wallet, bytes32(epoch)
            )
        );
        return keccak256(preimage(appSeparator, structHash));
    }

    /// @notice A signature in the form of `TypedDataSign`.
    function wrap(bytes memory signatures, bytes32 appSeparator, bytes32 contentsHash, string memory description)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(signatures, appSeparator, contentsHash, description, uint16(bytes(description).length));
    }
}
