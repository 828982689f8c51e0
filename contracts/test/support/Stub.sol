// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Answers what it was told to, as owner, token or policy; by default nothing, without a failure, as a contract
/// with a catch-all fallback does.
contract Stub {
    struct Answer {
        bool isGiven;
        bool isFailure;
        bytes data;
    }

    mapping(bytes question => Answer) private _answers;

    /// @param question The first 36 bytes of calldata, or only the selector, or nothing for whatever is asked.
    function answerTo(bytes memory question, bytes memory answer) public {
        _answers[question] = Answer(true, false, answer);
    }

    /// @param question As for `answerTo`.
    function failAt(bytes memory question, bytes memory reason) public {
        _answers[question] = Answer(true, true, reason);
    }

    receive() external payable {
        _answer();
    }

    fallback() external payable {
        _answer();
    }

    function _answer() private view {
        Answer memory answer;
        if (msg.data.length >= 36) answer = _answers[msg.data[:36]];
        if (!answer.isGiven && msg.data.length >= 4) answer = _answers[msg.data[:4]];
        if (!answer.isGiven) answer = _answers[""];
        bytes memory data = answer.data;
        if (answer.isFailure) {
            assembly ("memory-safe") {
                revert(add(data, 0x20), mload(data))
            }
        }
        assembly ("memory-safe") {
            return(add(data, 0x20), mload(data))
        }
    }
}

/// @notice Makes one call, once, when something happens to it, and keeps what came of it.
abstract contract Reactor {
    address private _to;
    bytes private _data;

    bool public reacted;
    bool public succeeded;
    bytes public returned;

    function reactWith(address to, bytes calldata data) external {
        (_to, _data) = (to, data);
    }

    function _react() internal {
        address to = _to;
        if (to == address(0)) return;
        _to = address(0);
        (succeeded, returned) = to.call(_data);
        reacted = true;
    }
}
