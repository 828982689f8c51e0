// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A wallet's hot state in one word: `epoch(32) ‖ configuration(160) ‖ lane-0 sequence(64)`, highest bits
/// first. The configuration is the address of the contract whose code is the configuration blob; zero stands for the
/// wallet's
/// own code.
type State is uint256;

/// @title Reading and moving on the hot state
/// @dev A fresh wallet's state is zero: epoch 0, the configuration it was created with, sequence 0.
library StateLib {
    function epoch(State state) internal pure returns (uint256) {
        return State.unwrap(state) >> 224;
    }

    function configuration(State state) internal pure returns (address) {
        return address(uint160(State.unwrap(state) >> 64));
    }

    /// @return The next sequence of lane 0.
    function sequence(State state) internal pure returns (uint64) {
        return uint64(State.unwrap(state));
    }

    function withSequence(State state, uint64 next) internal pure returns (State) {
        return State.wrap((State.unwrap(state) & ~uint256(type(uint64).max)) | next);
    }

    /// @return The state after a reconfiguration: the next epoch, the same sequence. Panics after 2^32-1 epochs.
    function withConfiguration(State state, address configuration_) internal pure returns (State) {
        uint32 next = uint32(epoch(state)) + 1;
        return State.wrap((uint256(next) << 224) | (uint256(uint160(configuration_)) << 64) | sequence(state));
    }
}
