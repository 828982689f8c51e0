// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";

/// @title The digests of a wallet's actions, written from EIP-712 and the documented type strings alone
/// @notice Shares no code with src/: every hash here is plain `abi.encode`.
library Digests {
    function domainSeparator(address wallet, uint256 epoch) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
                ),
                keccak256("Quorate"),
                keccak256("1"),
                block.chainid,
                wallet,
                bytes32(epoch)
            )
        );
    }

    function toDigest(address wallet, bytes32 structHash) internal view returns (bytes32) {
        return toDigest(wallet, IWallet(wallet).epoch(), structHash);
    }

    function toDigest(address wallet, uint256 epoch, bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator(wallet, epoch), structHash));
    }

    function ofExecute(Call[] memory calls, uint256 nonce, uint256 deadline) internal pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i; i < calls.length; ++i) {
            hashes = bytes.concat(
                hashes,
                keccak256(
                    abi.encode(
                        keccak256("WalletCall(address to,uint256 value,bytes data)"),
                        calls[i].to,
                        calls[i].value,
                        keccak256(calls[i].data)
                    )
                )
            );
        }
        return keccak256(
            abi.encode(
                keccak256(
                    "Execute(WalletCall[] calls,uint192 lane,uint64 sequence,uint256 deadline)WalletCall(address to,uint256 value,bytes data)"
                ),
                keccak256(hashes),
                uint192(nonce >> 64),
                uint64(nonce),
                deadline
            )
        );
    }

    function ofPayout(address token, Transfer[] memory transfers, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        bytes memory hashes;
        for (uint256 i; i < transfers.length; ++i) {
            hashes = bytes.concat(
                hashes,
                keccak256(
                    abi.encode(keccak256("Transfer(address to,uint256 amount)"), transfers[i].to, transfers[i].amount)
                )
            );
        }
        return keccak256(
            abi.encode(
                keccak256(
                    "Payout(address token,Transfer[] transfers,uint192 lane,uint64 sequence,uint256 deadline)Transfer(address to,uint256 amount)"
                ),
                token,
                keccak256(hashes),
                uint192(nonce >> 64),
                uint64(nonce),
                deadline
            )
        );
    }

    function ofReconfigure(Config memory config, uint256 nonce, uint256 deadline) internal pure returns (bytes32) {
        bytes32[] memory owners = new bytes32[](config.owners.length);
        for (uint256 i; i < owners.length; ++i) {
            owners[i] = bytes32(uint256(uint160(config.owners[i])));
        }
        return keccak256(
            abi.encode(
                keccak256(
                    "Reconfigure(uint8 threshold,address[] owners,address policy,bytes policyData,uint192 lane,uint64 sequence,uint256 deadline)"
                ),
                config.threshold,
                keccak256(abi.encodePacked(owners)),
                config.policy,
                keccak256(config.policyData),
                uint192(nonce >> 64),
                uint64(nonce),
                deadline
            )
        );
    }

    function ofCancel(uint256 nonce, uint256 deadline) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Cancel(uint192 lane,uint64 sequence,uint256 deadline)"),
                uint192(nonce >> 64),
                uint64(nonce),
                deadline
            )
        );
    }
}
