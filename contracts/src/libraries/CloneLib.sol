// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Code of a wallet
/// @notice A wallet is a 51-byte program, as ERC-1167 but for its first six bytes, followed by the configuration blob
/// as immutable data. Plain ether (no calldata) is taken without delegating: 15 gas, so 2,300 are plenty.
///
/// | offset | bytes    | opcode            | stack, top first     | why                                       |
/// |--------|----------|-------------------|----------------------|-------------------------------------------|
/// | 0x00   | 36       | CALLDATASIZE      | cds                  |                                           |
/// | 0x01   | 60 05    | PUSH1 0x05        | 5 cds                |                                           |
/// | 0x03   | 57       | JUMPI             |                      | any calldata: delegate                    |
/// | 0x04   | 00       | STOP              |                      | none: keep the ether                      |
/// | 0x05   | 5b       | JUMPDEST          |                      |                                           |
/// | 0x06   | 36 3d 3d | CALLDATASIZE 0 0  | 0 0 cds              | RETURNDATASIZE is a cheap zero so far     |
/// | 0x09   | 37       | CALLDATACOPY      |                      | memory = calldata                         |
/// | 0x0a   | 3d 3d 3d | 0 0 0             | 0 0 0                | one zero is kept for later                |
/// | 0x0d   | 36 3d    | CALLDATASIZE 0    | 0 cds 0 0 0          |                                           |
/// | 0x0f   | 73 …     | PUSH20            | impl 0 cds 0 0 0     | the implementation                        |
/// | 0x24   | 5a       | GAS               | gas impl 0 cds 0 0 0 |                                           |
/// | 0x25   | f4       | DELEGATECALL      | ok 0                 |                                           |
/// | 0x26   | 3d 82 80 | RETURNDATASIZE DUP3 DUP1 | 0 0 rds ok 0  |                                           |
/// | 0x29   | 3e       | RETURNDATACOPY    | ok 0                 | memory = what it returned                 |
/// | 0x2a   | 90       | SWAP1             | 0 ok                 |                                           |
/// | 0x2b   | 3d 91    | RETURNDATASIZE SWAP2 | ok 0 rds          |                                           |
/// | 0x2d   | 60 31    | PUSH1 0x31        | 49 ok 0 rds          |                                           |
/// | 0x2f   | 57       | JUMPI             | 0 rds                |                                           |
/// | 0x30   | fd       | REVERT            |                      | with the reason                           |
/// | 0x31   | 5b       | JUMPDEST          | 0 rds                |                                           |
/// | 0x32   | f3       | RETURN            |                      |                                           |
/// | 0x33   | …        | data              |                      | the blob; no jump leads here              |
library CloneLib {
    /// @notice Bytes of the program, which is where the blob begins in a wallet's code.
    uint256 internal constant PROGRAM_LENGTH = 51;

    bytes16 private constant HEAD = hex"36600557005b363d3d373d3d3d363d73";
    bytes15 private constant TAIL = hex"5af43d82803e903d91603157fd5bf3";

    /// @notice The code that CREATE2 runs to make a wallet: returns all that follows its first ten bytes
    /// (PUSH2 length, RETURNDATASIZE, DUP2, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURN).
    /// @param blob At most 6,118 bytes by the rules of `Config`, so that the length fits two bytes.
    function initCode(address implementation, bytes memory blob) internal pure returns (bytes memory) {
        return abi.encodePacked(
            hex"61", uint16(PROGRAM_LENGTH + blob.length), hex"3d81600a3d39f3", HEAD, implementation, TAIL, blob
        );
    }
}
