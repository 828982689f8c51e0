// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Reactor} from "./Stub.sol";

/// @notice A token without a ledger: a transfer sets off a reaction and succeeds.
contract ReactingToken is Reactor {
    function balanceOf(address) external pure returns (uint256) {
        return 1;
    }

    function transfer(address, uint256) external returns (bool) {
        _react();
        return true;
    }
}
