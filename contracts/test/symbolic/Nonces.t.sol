// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Config, IWallet} from "../../src/IWallet.sol";
import {IWalletFactory} from "../../src/IWalletFactory.sol";
import {State, StateLib} from "../../src/libraries/StateLib.sol";
import {Digests} from "../support/Digests.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

contract StateHarness {
    function withSequence(State state, uint64 next) external pure returns (State) {
        return StateLib.withSequence(state, next);
    }

    function withConfiguration(State state, address configuration) external pure returns (State) {
        return StateLib.withConfiguration(state, configuration);
    }

    function fields(State state) external pure returns (uint256 epoch, address configuration, uint64 sequence) {
        return (StateLib.epoch(state), StateLib.configuration(state), StateLib.sequence(state));
    }
}

/// @title An action consumes the next nonce of its lane and touches nothing else
/// @notice Runs the code that is deployed: a clone by the factory, in any epoch, its lanes at any sequence.
contract NoncesSymbolicTest is SymbolicTest {
    address private constant OWNER = address(0xA11CE);
    uint256 private constant NOW = 1_800_000_000;

    StateHarness private harness;
    IWallet private wallet;

    uint256 private state;
    uint192 private lane;
    uint256 private sequence;
    uint192 private otherLane;
    uint256 private otherSequence;

    function setUp() public {
        vm.warp(NOW);
        harness = new StateHarness();
        bytes memory code = vm.getCode("WalletFactory.sol:WalletFactory");
        IWalletFactory factory;
        assembly ("memory-safe") {
            factory := create(0, add(code, 0x20), mload(code))
        }
        address[] memory owners = new address[](1);
        owners[0] = OWNER;
        wallet = IWallet(factory.create(Config(1, owners, address(0), ""), bytes32(0)));
    }

    /* THE WORD OF STATE */

    function check_withSequence_changesTheSequenceOnly(State before, uint64 next) public view {
        (uint256 epoch, address configuration,) = harness.fields(before);
        (uint256 epoch2, address configuration2, uint64 sequence2) = harness.fields(harness.withSequence(before, next));
        assert(epoch2 == epoch && configuration2 == configuration && sequence2 == next);
    }

    function check_withConfiguration_beginsTheNextEpochOrPanics(State before, address next) public {
        (uint256 epoch,, uint64 sequence_) = harness.fields(before);
        (bool ok, bytes memory result) =
            address(harness).call(abi.encodeCall(harness.withConfiguration, (before, next)));
        assert(ok == (epoch != type(uint32).max));
        if (!ok) return;
        (uint256 epoch2, address configuration2, uint64 sequence2) = harness.fields(abi.decode(result, (State)));
        assert(epoch2 == epoch + 1 && configuration2 == next && sequence2 == sequence_);
    }

    function check_fields_areTheWholeWord(State before) public view {
        (uint256 epoch, address configuration, uint64 sequence_) = harness.fields(before);
        assert(State.unwrap(before) == epoch << 224 | uint256(uint160(configuration)) << 64 | sequence_);
    }

    /* THE WALLET */

    function check_cancel_inLane0() public {
        _anyState(0);
        _check(svm.createUint(256, "nonce"), svm.createUint(256, "deadline"));
    }

    function check_cancel_inAnotherLane() public {
        lane = uint192(svm.createUint(192, "lane"));
        vm.assume(lane != 0);
        _anyState(lane);
        _check(svm.createUint(256, "nonce"), svm.createUint(256, "deadline"));
    }

    /// @dev Slot 0 is the state and slot 1 the lanes, as a test of the storage layout pins.
    function _anyState(uint192 lane_) private {
        lane = lane_;
        otherLane = uint192(svm.createUint(192, "otherLane"));
        vm.assume(otherLane != lane && otherLane != 0);
        state = svm.createUint(32, "epoch") << 224 | svm.createUint(64, "sequence0");
        sequence = lane == 0 ? uint64(state) : svm.createUint(64, "sequence");
        otherSequence = svm.createUint(64, "otherSequence");
        vm.store(address(wallet), bytes32(0), bytes32(state));
        if (lane != 0) vm.store(address(wallet), _slot(lane), bytes32(sequence));
        vm.store(address(wallet), _slot(otherLane), bytes32(otherSequence));
    }

    function _check(uint256 nonce, uint256 deadline) private {
        vm.assume(nonce >> 64 == lane);
        bytes32 r = svm.createBytes32("r");
        bytes32 vs = svm.createBytes32("vs");
        (bool ok, bytes memory reason) =
            address(wallet).call(abi.encodeCall(IWallet.cancel, (nonce, deadline, abi.encodePacked(uint8(0), r, vs))));

        bool isSigned =
            _isSigned(Digests.toDigest(address(wallet), state >> 224, Digests.ofCancel(nonce, deadline)), r, vs);
        bool isNext = uint64(nonce) == sequence;
        bool isInTime = NOW <= deadline;
        // The last sequence of a lane cannot be consumed: there is none after it.
        assert(ok == (isInTime && isNext && isSigned && sequence != type(uint64).max));
        if (!ok && !isInTime) assert(bytes4(reason) == IWallet.DeadlinePassed.selector);
        else if (!ok && !isNext) assert(bytes4(reason) == IWallet.NonceMismatch.selector);

        uint256 step = ok ? 1 : 0;
        assert(wallet.nonce(lane) == (uint256(lane) << 64 | sequence) + step);
        assert(wallet.nonce(otherLane) == (uint256(otherLane) << 64 | otherSequence));
        assert(uint256(vm.load(address(wallet), bytes32(0))) == state + (lane == 0 ? step : 0));
        assert(wallet.epoch() == state >> 224);
    }

    function _isSigned(bytes32 digest, bytes32 r, bytes32 vs) private pure returns (bool) {
        uint256 s = uint256(vs) & type(uint256).max >> 1;
        return s <= 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0
            && ecrecover(digest, 27 + uint8(uint256(vs) >> 255), r, bytes32(s)) == OWNER;
    }

    function _slot(uint192 lane_) private pure returns (bytes32) {
        return keccak256(abi.encode(lane_, uint256(1)));
    }
}
