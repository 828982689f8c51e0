// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, Config, Transfer} from "./IWallet.sol";

/// @notice What a policy is told about an action beside its content.
/// @param digest The EIP-712 digest that was signed.
/// @param nonce lane << 64 | sequence; consumed already.
/// @param deadline Unix seconds, inclusive.
/// @param signers Bitmap of the owners who signed: bit i is the owner at index i of `config.owners`.
/// @param config The wallet's present configuration.
struct Context {
    bytes32 digest;
    uint256 nonce;
    uint256 deadline;
    uint256 signers;
    Config config;
}

/// @title Policy of a Quorate wallet
/// @notice A policy may veto an action or ask for more signers. It can never allow less than the threshold: the wallet
/// checks signatures first and asks afterwards.
/// A hook agrees by returning its own selector as one word. Whatever else happens (a revert, another answer, no code)
/// is a refusal. The calling wallet is `msg.sender`.
///
/// RULES FOR EVERY POLICY
/// - Monotone in signers: what some signers may do, more signers may do, because the submitter chooses any sufficient
///   subset of the signatures. Where a lane belongs to one signer, as in an escrow, the rest is left out.
/// - An unknown token or selector is refused, and so is an `execute` that calls the policy itself, unless meant.
/// - Nothing is caught and passed.
/// - Messages are refused except to callers the policy lists, because Permit2 and several tokens move money on an
///   ERC-1271 answer.
/// - State is keyed by the calling wallet; anyone can call a policy.
interface IPolicy {
    /// @notice Whether a wallet may be created with, or reconfigured to, this configuration. Asked by the factory for a
    /// wallet that does not exist yet, and by the wallet itself for a reconfiguration.
    /// @dev Warning: a configuration that is refused later but not now strands money sent to the address before the
    /// wallet was created.
    function checkConfig(Config calldata config) external view returns (bytes4);

    /// @notice Whether the calling wallet may make these calls.
    function checkExecute(Call[] calldata calls, Context calldata context) external returns (bytes4);

    /// @notice Whether the calling wallet may make this payout. Token zero is ether.
    function checkPayout(address token, Transfer[] calldata transfers, Context calldata context)
        external
        returns (bytes4);

    /// @notice Whether the calling wallet may take this configuration. `context.config` is the present one.
    function checkReconfigure(Config calldata config, Context calldata context) external returns (bytes4);

    /// @notice Whether the calling wallet may consume the nonce of the context.
    function checkCancel(Context calldata context) external returns (bytes4);

    /// @notice Whether the calling wallet may answer `caller` that it signed `hash` (ERC-1271).
    /// @param caller The contract that asked the wallet.
    /// @param hash What that contract asked about.
    /// @param signers Bitmap of the owners who signed, as in `Context`.
    function checkMessage(address caller, bytes32 hash, uint256 signers, Config calldata config)
        external
        view
        returns (bytes4);
}
