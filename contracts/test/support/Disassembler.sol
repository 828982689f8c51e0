// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title EVM code as text
library Disassembler {
    error OpcodeUnknown(uint256 offset, uint8 opcode);

    /// @notice One line for each instruction: offset in hexadecimal, name, and what a PUSH pushes.
    /// @dev Knows the instructions of a wallet's program and of the code that makes it, and no others.
    function disassemble(bytes memory code) internal pure returns (string memory text) {
        for (uint256 offset; offset < code.length; ++offset) {
            uint8 opcode = uint8(code[offset]);
            text = string.concat(text, _hex(uint8(offset)), " ", _nameOf(offset, opcode));
            if (opcode >= 0x60 && opcode <= 0x7f) {
                text = string.concat(text, " ");
                for (uint256 left = opcode - 0x5f; left != 0; --left) {
                    text = string.concat(text, _hex(uint8(code[++offset])));
                }
            }
            text = string.concat(text, "\n");
        }
    }

    function _nameOf(uint256 offset, uint8 opcode) private pure returns (string memory) {
        if (opcode == 0x00) return "STOP";
        if (opcode == 0x36) return "CALLDATASIZE";
        if (opcode == 0x37) return "CALLDATACOPY";
        if (opcode == 0x39) return "CODECOPY";
        if (opcode == 0x3d) return "RETURNDATASIZE";
        if (opcode == 0x3e) return "RETURNDATACOPY";
        if (opcode == 0x57) return "JUMPI";
        if (opcode == 0x5a) return "GAS";
        if (opcode == 0x5b) return "JUMPDEST";
        if (opcode == 0x60) return "PUSH1";
        if (opcode == 0x61) return "PUSH2";
        if (opcode == 0x73) return "PUSH20";
        if (opcode == 0x80) return "DUP1";
        if (opcode == 0x81) return "DUP2";
        if (opcode == 0x82) return "DUP3";
        if (opcode == 0x90) return "SWAP1";
        if (opcode == 0x91) return "SWAP2";
        if (opcode == 0xf3) return "RETURN";
        if (opcode == 0xf4) return "DELEGATECALL";
        if (opcode == 0xfd) return "REVERT";
        revert OpcodeUnknown(offset, opcode);
    }

    function _hex(uint8 value) private pure returns (string memory) {
        bytes16 digits = "0123456789abcdef";
        return string(abi.encodePacked(digits[value >> 4], digits[value & 15]));
    }
}
