// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";

import {Call, Config, IWallet, Transfer} from "../IWallet.sol";

/// @title EIP-712 struct hashes of the four actions
/// @dev Hashing reads the same calldata, through the same checks of bounds, as carrying out the action does: what
/// owners sign and what happens are the same bytes.
library ActionLib {
    bytes32 internal constant CALL_TYPEHASH = keccak256("WalletCall(address to,uint256 value,bytes data)");

    // What is signed calls the struct `Call` by a name that sorts behind `Execute`, as `Transfer` does behind `Payout`:
    // where an account nests what it signs (ERC-7739), libraries take the first type of the list for the signed one.
    bytes32 internal constant EXECUTE_TYPEHASH = keccak256(
        "Execute(WalletCall[] calls,uint192 lane,uint64 sequence,uint256 deadline)WalletCall(address to,uint256 value,bytes data)"
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
    /// hundred calls spends most of its own gas here. The struct lies in the first 128 bytes of memory, of which the
    /// last 64 are put back as Solidity wants them; the hashes, and behind them the data of one call after another, lie
    /// behind
    /// the free memory pointer.
    function _hashCalls(Call[] calldata calls) private pure returns (bytes32 result) {
        bytes32 typehash = CALL_TYPEHASH;
        uint256 i; // 32 times the index
        assembly ("memory-safe") {
            let end := shl(5, calls.length)
            let hashes := mload(0x40)
            let copy := add(hashes, end)
            mstore(0x00, typehash)
            for {} lt(i, end) { i := add(i, 0x20) } {
                let at := calldataload(add(calls.offset, i))
                let malformed := at
                at := add(calls.offset, at)
                let data := calldataload(add(at, 0x40))
                malformed := or(malformed, data)
                data := add(at, data)
                let length := calldataload(data)
                malformed := shr(64, or(malformed, length))
                data := add(data, 0x20)
                malformed := or(malformed, shr(160, calldataload(at)))
                malformed := or(malformed, gt(add(at, 0x60), calldatasize()))
                malformed := or(malformed, gt(add(data, length), calldatasize()))
                if malformed { break }

                calldatacopy(0x20, at, 0x40)
                calldatacopy(copy, data, length)
                mstore(0x60, keccak256(copy, length))
                mstore(add(hashes, i), keccak256(0x00, 0x80))
            }
            result := keccak256(hashes, end)
            mstore(0x40, hashes)
            mstore(0x60, 0)
        }
        if (i >> 5 != calls.length) revert IWallet.CallMalformed(i >> 5);
    }

    /// @dev Refuses an account over 160 bits. Assembly and memory as above.
    function _hashTransfers(Transfer[] calldata transfers) private pure returns (bytes32 result) {
        bytes32 typehash = TRANSFER_TYPEHASH;
        uint256 i; // 32 times the index
        assembly ("memory-safe") {
            let end := shl(5, transfers.length)
            let hashes := mload(0x40)
            let from := transfers.offset
            mstore(0x00, typehash)
            for {} lt(i, end) { i := add(i, 0x20) } {
                calldatacopy(0x20, from, 0x40)
                if shr(160, mload(0x20)) { break }
                mstore(add(hashes, i), keccak256(0x00, 0x60))
                from := add(from, 0x40)
            }
            result := keccak256(hashes, end)
            mstore(0x40, hashes)
        }
        if (i >> 5 != transfers.length) revert IWallet.TransferMalformed(i >> 5);
    }
}
