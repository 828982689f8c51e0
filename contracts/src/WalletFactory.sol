// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config} from "./IWallet.sol";
import {IWalletFactory} from "./IWalletFactory.sol";
import {Wallet} from "./Wallet.sol";
import {CloneLib} from "./libraries/CloneLib.sol";
import {ConfigLib} from "./libraries/ConfigLib.sol";
import {PolicyLib} from "./libraries/PolicyLib.sol";

/// @title Quorate wallet factory
/// @notice What it does stands at `IWalletFactory`.
contract WalletFactory is IWalletFactory {
    /// @inheritdoc IWalletFactory
    // forge-lint: disable-next-line(screaming-snake-case-immutable)
    address public immutable implementation = address(new Wallet());

    /// @inheritdoc IWalletFactory
    function create(Config calldata config, bytes32 salt) external returns (address wallet) {
        bytes memory initCode;
        (wallet, initCode) = _prepare(config, salt);
        // A second CREATE2 to the same address would burn 63/64 of the gas.
        if (wallet.code.length != 0) return wallet;

        PolicyLib.askConfig(config);
        address created;
        assembly ("memory-safe") {
            created := create2(0, add(initCode, 0x20), mload(initCode), salt)
        }
        if (created == address(0)) revert CreationFailed(wallet);
        emit WalletCreated(wallet, config, salt);
    }

    /// @inheritdoc IWalletFactory
    function addressOf(Config calldata config, bytes32 salt) external view returns (address wallet) {
        (wallet,) = _prepare(config, salt);
        if (wallet.code.length == 0) PolicyLib.askConfig(config);
    }

    /// @dev The address by EIP-1014 and the code that makes it. Checks the rules of `Config`; a wallet cannot own
    /// itself here, because its address follows from its owners.
    function _prepare(Config calldata config, bytes32 salt)
        private
        view
        returns (address wallet, bytes memory initCode)
    {
        initCode = CloneLib.initCode(implementation, ConfigLib.toBlob(config, address(0)));
        wallet =
            address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, keccak256(initCode))))));
    }
}
