// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";

/// @title EIP-712 domain and digest of a wallet
library DigestLib {
    string internal constant NAME = "Quorate";
    string internal constant VERSION = "1";

    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");

    // Of the literals, because the compiler would hash a constant string anew on each call.
    bytes32 private constant NAME_HASH = keccak256("Quorate");
    bytes32 private constant VERSION_HASH = keccak256("1");

    /// @notice `keccak256(0x1901 ‖ domainSeparator ‖ structHash)` under this wallet's domain.
    /// @dev The chain id is read live, so a fork of the chain has its own digests.
    function toDigest(bytes32 structHash, uint256 epoch) internal view returns (bytes32) {
        return combine(domainSeparator(epoch), structHash);
    }

    /// @notice `keccak256(0x1901 ‖ separator ‖ structHash)` under any domain.
    function combine(bytes32 separator, bytes32 structHash) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            mstore(preimage, shl(240, 0x1901))
            mstore(add(preimage, 0x02), separator)
            mstore(add(preimage, 0x22), structHash)
            digest := keccak256(preimage, 0x42)
        }
    }

    function domainSeparator(uint256 epoch) internal view returns (bytes32) {
        return EfficientHashLib.hash(
            uint256(DOMAIN_TYPEHASH),
            uint256(NAME_HASH),
            uint256(VERSION_HASH),
            block.chainid,
            uint256(uint160(address(this))),
            epoch
        );
    }

    /// @notice The encoded values of the domain's fields, as ERC-7739 nests them in a `TypedDataSign` struct.
    function domainFields(uint256 epoch) internal view returns (bytes memory) {
        return abi.encode(NAME_HASH, VERSION_HASH, block.chainid, address(this), epoch);
    }
}
