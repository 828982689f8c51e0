// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Context, IPolicy} from "../../src/IPolicy.sol";
import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Reactor, Stub} from "./Stub.sol";

/// @notice Agrees to everything; keeps what it was asked, and what the wallet's state was at that moment.
contract RecordingPolicy is IPolicy, Reactor {
    bytes public question;
    address public asker;
    uint256 public nonceSeen;
    uint256 public balanceSeen;
    uint256 public epochSeen;
    uint256 public timesAsked;

    function checkConfig(Config calldata) external pure returns (bytes4) {
        return this.checkConfig.selector;
    }

    function checkExecute(Call[] calldata, Context calldata context) external returns (bytes4) {
        return _record(context.nonce);
    }

    function checkPayout(address, Transfer[] calldata, Context calldata context) external returns (bytes4) {
        return _record(context.nonce);
    }

    function checkReconfigure(Config calldata, Context calldata context) external returns (bytes4) {
        return _record(context.nonce);
    }

    function checkCancel(Context calldata context) external returns (bytes4) {
        return _record(context.nonce);
    }

    function checkMessage(address, bytes32, uint256, Config calldata) external pure returns (bytes4) {
        return this.checkMessage.selector;
    }

    function _record(uint256 nonce) private returns (bytes4) {
        question = msg.data;
        asker = msg.sender;
        nonceSeen = IWallet(msg.sender).nonce(uint192(nonce >> 64));
        balanceSeen = msg.sender.balance;
        epochSeen = IWallet(msg.sender).epoch();
        ++timesAsked;
        _react();
        return msg.sig;
    }
}

/// @notice Agrees to everything until it is told to answer otherwise.
contract StubPolicy is Stub {
    constructor() {
        bytes4[6] memory hooks = [
            IPolicy.checkConfig.selector,
            IPolicy.checkExecute.selector,
            IPolicy.checkPayout.selector,
            IPolicy.checkReconfigure.selector,
            IPolicy.checkCancel.selector,
            IPolicy.checkMessage.selector
        ];
        for (uint256 i; i < hooks.length; ++i) {
            answerTo(abi.encodePacked(hooks[i]), abi.encode(hooks[i]));
        }
    }
}
