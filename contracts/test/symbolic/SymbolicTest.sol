// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "../support/Vm.sol";

/// @notice The cheatcodes of halmos that these checks use.
interface Svm {
    function createUint(uint256 bits, string calldata name) external pure returns (uint256);
    function createBytes(uint256 size, string calldata name) external pure returns (bytes memory);
    function createBytes32(string calldata name) external pure returns (bytes32);
    function createAddress(string calldata name) external pure returns (address);
    function createBool(string calldata name) external pure returns (bool);
}

/// @title What the checks of halmos share
/// @notice A check holds for every value of what `svm` creates. ASSURANCE.md says what is claimed, and within which
/// bounds. `forge test` runs none of this: its names begin with `test`.
abstract contract SymbolicTest {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm internal constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    /// @dev Each value below `end`, on a path of its own: where a place in memory depends on a value, halmos needs to
    /// know it.
    function _eachBelow(uint256 end, string memory name) internal pure returns (uint256) {
        uint256 value = svm.createUint(8, name);
        for (uint256 i; i + 1 < end; ++i) {
            if (value == i) return i;
        }
        return end - 1;
    }
}
