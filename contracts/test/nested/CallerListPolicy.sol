// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Context, IPolicy} from "../../src/IPolicy.sol";
import {Call, Config, Transfer} from "../../src/IWallet.sol";

/// @notice Allows every action, and messages to the one caller that policyData names.
contract CallerListPolicy is IPolicy {
    function checkConfig(Config calldata) external pure returns (bytes4) {
        return IPolicy.checkConfig.selector;
    }

    function checkExecute(Call[] calldata, Context calldata) external pure returns (bytes4) {
        return IPolicy.checkExecute.selector;
    }

    function checkPayout(address, Transfer[] calldata, Context calldata) external pure returns (bytes4) {
        return IPolicy.checkPayout.selector;
    }

    function checkReconfigure(Config calldata, Context calldata) external pure returns (bytes4) {
        return IPolicy.checkReconfigure.selector;
    }

    function checkCancel(Context calldata) external pure returns (bytes4) {
        return IPolicy.checkCancel.selector;
    }

    function checkMessage(address caller, bytes32, uint256, Config calldata config) external pure returns (bytes4) {
        return caller == abi.decode(config.policyData, (address)) ? IPolicy.checkMessage.selector : bytes4(0);
    }
}
