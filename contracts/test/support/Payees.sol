// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Reactor} from "./Stub.sol";

/// @notice One call that was made.
struct Made {
    address sender;
    uint256 value;
    bytes data;
}

/// @notice Keeps every call made to it, in order; the writing takes far more than 2,300 gas.
contract RecordingPayee {
    Made[] private _made;

    fallback() external payable {
        _made.push(Made(msg.sender, msg.value, msg.data));
    }

    receive() external payable {
        _made.push(Made(msg.sender, msg.value, ""));
    }

    function made() external view returns (Made[] memory) {
        return _made;
    }
}

/// @notice Takes no ether and says why.
contract RefusingPayee {
    error Unwelcome(uint256 amount);

    receive() external payable {
        revert Unwelcome(msg.value);
    }
}

/// @notice Being paid, or called without a function's name, sets off a reaction.
contract ReactingPayee is Reactor {
    receive() external payable {
        _react();
    }
}
