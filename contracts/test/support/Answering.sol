// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that answers every call with the same bytes, returned or reverted: a policy or a contract owner
/// of any character.
contract Answering {
    bytes private _answer;
    bool private _reverts;

    constructor(bytes memory answer, bool reverts) {
        _answer = answer;
        _reverts = reverts;
    }

    fallback() external {
        bytes memory answer = _answer;
        bool reverts = _reverts;
        assembly ("memory-safe") {
            if reverts { revert(add(answer, 0x20), mload(answer)) }
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// @notice A contract that answers each call with the selector it was called with: a policy that agrees to everything
/// and an owner that signs everything. Given a caller, it agrees with that one only.
contract Agreeing {
    error WrongCaller(address caller, address expected);

    address private immutable _caller;

    constructor(address caller) {
        _caller = caller;
    }

    fallback() external {
        if (_caller != address(0) && msg.sender != _caller) revert WrongCaller(msg.sender, _caller);
        bytes4 selector = msg.sig;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            return(0x00, 0x20)
        }
    }
}

/// @notice A contract that takes all the gas it is given.
contract Burning {
    fallback() external {
        assembly ("memory-safe") {
            invalid()
        }
    }
}

/// @notice A contract that answers each call with the selector it was called with and many zeros.
contract Bombing {
    uint256 private immutable _length;

    constructor(uint256 length) {
        _length = length;
    }

    fallback() external {
        bytes4 selector = msg.sig;
        uint256 length = _length;
        assembly ("memory-safe") {
            mstore(0x80, selector)
            return(0x80, length)
        }
    }
}

/// @notice A contract that agrees to everything, as `Agreeing`, but writes its state first.
contract Writing {
    uint256 private _asked;

    fallback() external {
        ++_asked;
        bytes4 selector = msg.sig;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            return(0x00, 0x20)
        }
    }
}
