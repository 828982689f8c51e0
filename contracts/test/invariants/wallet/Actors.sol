// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Context, IPolicy} from "../../../src/IPolicy.sol";
import {Call, Config, Transfer} from "../../../src/IWallet.sol";

/// @notice Calls what it was armed with, once, as soon as it gets the chance; a failure of that call is swallowed.
abstract contract Accomplice {
    /// @notice What follows, up to `Struck`, happens within the call.
    event Striking();

    /// @notice The call has ended; if not `ok`, all since `Striking` was taken back.
    event Struck(bool ok);

    address private _target;
    bytes private _data;

    function arm(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function _strike() internal {
        address target = _target;
        if (target == address(0)) return;
        _target = address(0);
        emit Striking();
        (bool ok,) = target.call(_data);
        emit Struck(ok);
    }
}

/// @notice Takes ether and any call, and strikes.
contract AccomplicePayee is Accomplice {
    fallback() external payable {
        _strike();
    }

    receive() external payable {
        _strike();
    }
}

/// @notice Takes no ether and no call.
contract Refuser {
    error Refused();

    fallback() external payable {
        revert Refused();
    }

    receive() external payable {
        revert Refused();
    }
}

/// @notice Answers every call with nothing, as a contract with a catch-all fallback does.
contract CatchAll {
    fallback() external payable {}

    receive() external payable {}
}

/// @notice How a contract answers when it is asked to agree.
enum Mood {
    Agree,
    Fail,
    SayNothing,
    SayAnother,
    SayTooMuch
}

/// @notice Answers by mood: the word of consent, or one of the wrong answers.
abstract contract Moody {
    Mood public mood;

    error Unwilling();

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function _answer(bytes4 consent) internal view returns (bytes4) {
        if (mood == Mood.Fail) revert Unwilling();
        bool talkative = mood == Mood.SayTooMuch;
        if (talkative || mood == Mood.SayNothing) {
            assembly ("memory-safe") {
                mstore(0x00, consent)
                mstore(0x20, 0)
                return(0x00, mul(talkative, 0x40))
            }
        }
        return mood == Mood.Agree ? consent : bytes4(0xffffffff);
    }
}

/// @notice A contract as owner: signs with the key of `signer`.
contract ContractOwner is Moody {
    address private immutable _signer;

    constructor(address signer) {
        _signer = signer;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s, uint8 v) = abi.decode(signature, (bytes32, bytes32, uint8));
        return ecrecover(hash, v, r, s) == _signer ? _answer(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// @notice A policy that strikes and then answers by mood.
contract MoodyPolicy is IPolicy, Accomplice, Moody {
    function checkConfig(Config calldata) external view returns (bytes4) {
        return _answer(IPolicy.checkConfig.selector);
    }

    function checkExecute(Call[] calldata, Context calldata) external returns (bytes4) {
        _strike();
        return _answer(IPolicy.checkExecute.selector);
    }

    function checkPayout(address, Transfer[] calldata, Context calldata) external returns (bytes4) {
        _strike();
        return _answer(IPolicy.checkPayout.selector);
    }

    function checkReconfigure(Config calldata, Context calldata) external returns (bytes4) {
        _strike();
        return _answer(IPolicy.checkReconfigure.selector);
    }

    function checkCancel(Context calldata) external returns (bytes4) {
        _strike();
        return _answer(IPolicy.checkCancel.selector);
    }

    function checkMessage(address, bytes32, uint256, Config calldata) external view returns (bytes4) {
        return _answer(IPolicy.checkMessage.selector);
    }
}
