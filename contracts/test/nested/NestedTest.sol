// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {WalletTest} from "../support/WalletTest.sol";

/// @notice The type of the contents of an ERC-7739 `TypedDataSign` struct.
/// @param name Of the primary type.
/// @param types All types as EIP-712 orders them behind `TypedDataSign(…)`: by name.
/// @param description As the wallet is told: `types` where the primary type happens to come first (implicit mode), else
/// `types ‖ name` (explicit mode).
struct Contents {
    string name;
    string types;
    string description;
}

/// @title What tests of wallets that own wallets start from: messages signed as ERC-7739 nests them
/// @notice Written from ERC-7739 alone; shares no code with src/ or the library that src/ uses.
abstract contract NestedTest is WalletTest {
    string private constant CALL = "WalletCall(address to,uint256 value,bytes data)";
    string private constant EXECUTE = "Execute(WalletCall[] calls,uint192 lane,uint64 sequence,uint256 deadline)";
    string private constant PAYOUT =
        "Payout(address token,Transfer[] transfers,uint192 lane,uint64 sequence,uint256 deadline)";
    string private constant TRANSFER = "Transfer(address to,uint256 amount)";
    string private constant RECONFIGURE =
        "Reconfigure(uint8 threshold,address[] owners,address policy,bytes policyData,uint192 lane,uint64 sequence,uint256 deadline)";
    string private constant CANCEL = "Cancel(uint192 lane,uint64 sequence,uint256 deadline)";

    /* TYPES OF ACTIONS */

    function _executeType() internal pure returns (Contents memory) {
        string memory types = string.concat(EXECUTE, CALL);
        return Contents("Execute", types, types);
    }

    function _payoutType() internal pure returns (Contents memory) {
        string memory types = string.concat(PAYOUT, TRANSFER);
        return Contents("Payout", types, types);
    }

    function _reconfigureType() internal pure returns (Contents memory) {
        return Contents("Reconfigure", RECONFIGURE, RECONFIGURE);
    }

    function _cancelType() internal pure returns (Contents memory) {
        return Contents("Cancel", CANCEL, CANCEL);
    }

    /* WHAT THE OWNERS OF `signer` SIGN */

    /// @notice The digest of a `TypedDataSign`: contents of the domain `separator`, shown together with the domain
    /// fields of `signer`.
    function _nestedDigest(address signer, bytes32 separator, bytes32 contentsHash, Contents memory contents)
        internal
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encodePacked(hex"1901", separator, _typedDataSign(signer, contentsHash, contents.name, contents.types))
        );
    }

    function _typedDataSign(address signer, bytes32 contentsHash, string memory name, string memory types)
        internal
        view
        returns (bytes32)
    {
        string memory primary = string.concat(
            "TypedDataSign(",
            name,
            " contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
        );
        return keccak256(
            abi.encode(
                keccak256(bytes(string.concat(primary, types))),
                contentsHash,
                keccak256("Quorate"),
                keccak256("1"),
                block.chainid,
                signer,
                bytes32(IWallet(signer).epoch())
            )
        );
    }

    /// @notice The digest of a `PersonalSign` over `hash`, under the domain of `signer`.
    function _personalDigest(address signer, bytes32 hash) internal view returns (bytes32) {
        return Digests.toDigest(signer, keccak256(abi.encode(keccak256("PersonalSign(bytes prefixed)"), hash)));
    }

    /* SIGNATURES OF `signer` */

    /// @notice What an ERC-1271 caller passes on: the signatures over `_nestedDigest`, and what it was made of.
    function _nested(bytes memory signatures, bytes32 separator, bytes32 contentsHash, Contents memory contents)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(
            signatures, separator, contentsHash, contents.description, uint16(bytes(contents.description).length)
        );
    }

    /// @notice The signature of the wallet `signer`, by its first `count` owners, for an action of `target`.
    function _signNested(address signer, uint256 count, address target, bytes32 structHash, Contents memory contents)
        internal
        view
        returns (bytes memory)
    {
        bytes32 separator = Digests.domainSeparator(target, IWallet(target).epoch());
        bytes32 digest = _nestedDigest(signer, separator, structHash, contents);
        return _nested(_sign(digest, count), separator, structHash, contents);
    }
}
