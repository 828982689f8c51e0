// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Config} from "../../src/IWallet.sol";

/// @title The code of a wallet, written from the documented layout alone
library Runtime {
    /// @notice `threshold(1) ‖ ownerCount(1) ‖ policy(20) ‖ owners(20 each) ‖ policyData`.
    function blobOf(Config memory config) internal pure returns (bytes memory blob) {
        blob = abi.encodePacked(config.threshold, uint8(config.owners.length), config.policy);
        for (uint256 i; i < config.owners.length; ++i) {
            blob = abi.encodePacked(blob, config.owners[i]);
        }
        blob = abi.encodePacked(blob, config.policyData);
    }

    function codeOf(address implementation, bytes memory blob) internal pure returns (bytes memory) {
        return abi.encodePacked(
            hex"36600557005b363d3d373d3d3d363d73", implementation, hex"5af43d82803e903d91603157fd5bf3", blob
        );
    }

    function codeOf(address implementation, Config memory config) internal pure returns (bytes memory) {
        return codeOf(implementation, blobOf(config));
    }

    /// @notice Code that makes a contract whose code is `code`.
    function initCodeOf(bytes memory code) internal pure returns (bytes memory) {
        return abi.encodePacked(hex"61", uint16(code.length), hex"3d81600a3d39f3", code);
    }

    /// @notice EIP-1014.
    function addressOf(address deployer, bytes32 salt, bytes memory initCode) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", deployer, salt, keccak256(initCode))))));
    }
}
