// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";

import {Call, Config, IWallet, Transfer} from "../IWallet.sol";

/// @title EIP-712 struct hashes of the four actions
/// @dev Hashing reads the same calldata, through the same checks of bounds, as carrying out the action does: what
/// owners sign and what happens are the same bytes.
library ActionLib {
    bytes32 internal constant CALL_TYPEHASH = keccak256("Call(address to,uint256 value,bytes data)");

    bytes32 internal constant EXECUTE_TYPEHASH = keccak256(
        "Execute(Call[] calls,uint192 lane,uint64 sequence,uint256 deadline)Call(address to,uint256 value,bytes data)"
    );

    bytes32 internal constant TRANSFER_TYPEHASH = keccak256("Transfer(address to,uint256 amount)");

    bytes32 internal constant PAYOUT_TYPEHASH = keccak256(
        "Payout(address token,Transfer[] transfers,uint192 lane,uint64 sequence,uint256 deadline)Transfer(address to,uint256 amount)"
    );

    bytes32 internal constant RECONFIGURE_TYPEHASH = keccak256(
        "Reconfigure(uint8 threshold,address[] owners,address policy,bytes policyData,uint192 lane,uint64 sequence,uint256 deadline)"
    );

    bytes32 internal constant CANCEL_TYPEHASH = keccak256("Cancel(uint192 lane,uint64 sequence,uint256 deadline)");

    /// @notice The struct hash of `execute`.
    function hashExecute(Call[] calldata calls, uint256 nonce, uint256 deadline) internal pure returns (bytes32) {
        return _hashAction(EXECUTE_TYPEHASH, _hashCalls(calls), nonce, deadline);
    }

    /// @notice The struct hash of `payout`.
    function hashPayout(address token, Transfer[] calldata transfers, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        return EfficientHashLib.hash(
            uint256(PAYOUT_TYPEHASH),
            uint256(uint160(token)),
            uint256(_hashTransfers(transfers)),
            nonce >> 64,
            uint64(nonce),
            deadline
        );
    }

    /// @notice The struct hash of `reconfigure`.
    function hashReconfigure(Config calldata config, uint256 nonce, uint256 deadline) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                RECONFIGURE_TYPEHASH,
                config.threshold,
                keccak256(abi.encodePacked(config.owners)),
                config.policy,
                keccak256(config.policyData),
                nonce >> 64,
                uint64(nonce),
                deadline
            )
        );
    }

    /// @notice The struct hash of `cancel`.
    function hashCancel(uint256 nonce, uint256 deadline) internal pure returns (bytes32) {
        return EfficientHashLib.hash(uint256(CANCEL_TYPEHASH), nonce >> 64, uint64(nonce), deadline);
    }

    function _hashAction(bytes32 typehash, bytes32 content, uint256 nonce, uint256 deadline)
        private
        pure
        returns (bytes32)
    {
        return EfficientHashLib.hash(uint256(typehash), uint256(content), nonce >> 64, uint64(nonce), deadline);
    }

    /// @dev Refuses what Solidity's `calls[i]` would refuse: a call, or its data, that does not lie within calldata,
    /// and an account over 160 bits. Offsets and lengths below 2^64 cannot wrap when added. Assembly because a batch of
    /// a
    /// hundred calls spends most of its own gas here. Writes behind the free memory pointer only: the hashes, one
    /// struct and its data, the latter two for one call after another.
    function _hashCalls(Call[] calldata calls) private pure returns (bytes32 result) {
        bytes32 typehash = CALL_TYPEHASH;
        uint256 i; // 32 times the index
        assembly ("memory-safe") {
            let end := shl(5, calls.length)
            let hashes := mload(0x40)
            let head := add(hashes, end)
            mstore(head, typehash)
            for {} lt(i, end) { i := add(i, 0x20) } {
                let offset := calldataload(add(calls.offset, i))
                let at := add(calls.offset, offset)
                let dataOffset := calldataload(add(at, 0x40))
                let data := add(at, dataOffset)
                let length := calldataload(data)
                data := add(data, 0x20)
                let overflow := shr(64, or(or(offset, dataOffset), length))
                let outside := or(gt(add(at, 0x60), calldatasize()), gt(add(data, length), calldatasize()))
                if or(or(overflow, outside), shr(160, calldataload(at))) { break }

                calldatacopy(add(head, 0x20), at, 0x40)
                calldatacopy(add(head, 0x80), data, length)
                mstore(add(head, 0x60), keccak256(add(head, 0x80), length))
                mstore(add(hashes, i), keccak256(head, 0x80))
            }
            result := keccak256(hashes, end)
        }
        if (i >> 5 != calls.length) revert IWallet.CallMalformed(i >> 5);
    }

    /// @dev Refuses an account over 160 bits. Assembly for the same reason. Writes behind the free memory pointer only:
    /// the hashes, and one struct for one transfer after another.
    function _hashTransfers(Transfer[] calldata transfers) private pure returns (bytes32 result) {
        bytes32 typehash = TRANSFER_TYPEHASH;
        uint256 i; // 32 times the index
        assembly ("memory-safe") {
            let end := shl(5, transfers.length)
            let hashes := mload(0x40)
            let head := add(hashes, end)
            mstore(head, typehash)
            let from := transfers.offset
            for {} lt(i, end) { i := add(i, 0x20) } {
                calldatacopy(add(head, 0x20), from, 0x40)
                if shr(160, mload(add(head, 0x20))) { break }
                mstore(add(hashes, i), keccak256(head, 0x60))
                from := add(from, 0x40)
            }
            result := keccak256(hashes, end)
        }
        if (i >> 5 != transfers.length) revert IWallet.TransferMalformed(i >> 5);
    }
}
