// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that signs by ERC-1271: exactly what it was told to.
contract ContractOwner {
    mapping(bytes32 digest => mapping(bytes32 signatureHash => bool)) private _accepted;

    function accept(bytes32 digest, bytes calldata signature) external {
        _accepted[digest][keccak256(signature)] = true;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return _accepted[digest][keccak256(signature)] ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice Answers with the right word, followed by zeros up to `length` bytes.
contract LongAnswerOwner {
    uint256 private immutable _length;

    constructor(uint256 length) {
        _length = length;
    }

    fallback() external {
        uint256 length = _length;
        assembly ("memory-safe") {
            let answer := mload(0x40)
            mstore(answer, shl(224, 0x1626ba7e))
            return(answer, length)
        }
    }
}

/// @notice Agrees to whatever is signed, after a call of its own; fails where that call does.
contract ReactingOwner {
    address private _to;
    bytes private _data;

    function reactWith(address to, bytes calldata data) external {
        (_to, _data) = (to, data);
    }

    fallback() external {
        (bool ok,) = _to.call(_data);
        require(ok);
        bytes memory answer = abi.encode(bytes4(0x1626ba7e));
        assembly ("memory-safe") {
            return(add(answer, 0x20), mload(answer))
        }
    }
}
