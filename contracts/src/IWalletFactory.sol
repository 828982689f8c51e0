// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Config} from "./IWallet.sol";

/// @title Quorate wallet factory
/// @notice Makes wallets as clones of one implementation, with the configuration in their code. A wallet's address
/// follows from factory, configuration and salt, and from nothing else: whoever creates it, it is the same wallet.
interface IWalletFactory {
    /// @notice A wallet was created.
    event WalletCreated(address indexed wallet, Config config, bytes32 salt);

    /// @notice The wallet could not be created, for lack of gas.
    error CreationFailed(address wallet);

    /// @notice The implementation behind every wallet of this factory. It is no wallet itself and takes no ether.
    function implementation() external view returns (address);

    /// @notice Creates a wallet, or returns the one that exists; then there is no event.
    /// @param config Owners, threshold and policy, by the rules at `Config`. A policy must accept it (`checkConfig`).
    /// @param salt Tells apart wallets of the same configuration.
    /// @dev Warning: keep configuration and salt. Money sent to the address before the wallet exists can only be
    /// reached by creating it with exactly these.
    function create(Config calldata config, bytes32 salt) external returns (address wallet);

    /// @notice The address that `create` makes or has made. Reverts with the same error where `create` would refuse the
    /// configuration, so that nobody sends money to a wallet that can never be.
    function addressOf(Config calldata config, bytes32 salt) external view returns (address wallet);
}
