// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "../support/Vm.sol";
import {TreasuryHandler} from "./TreasuryHandler.sol";
import {TreasuryModel} from "./TreasuryModel.sol";
import {TreasuryThief} from "./TreasuryThief.sol";

/// @notice Which functions of a target the fuzzer calls; forge reads it by this shape.
struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @title Properties 17 to 23 of INVARIANTS.md
/// @notice One `invariant_` function checks them all, because forge would walk each of several through the very same
/// steps. Fewer of them than elsewhere by default: after each, a reconfiguration is made and undone. `just deep` walks
/// all.
/// forge-config: default.invariant.runs = 24
contract TreasuryInvariantTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    TreasuryHandler private _handler;

    function setUp() public {
        _handler = new TreasuryHandler();
        _handler.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](11);
        selectors[0] = TreasuryHandler.signPayout.selector;
        selectors[1] = TreasuryHandler.signExecute.selector;
        selectors[2] = TreasuryHandler.signReconfigure.selector;
        selectors[3] = TreasuryHandler.signCancel.selector;
        selectors[4] = TreasuryHandler.signQueue.selector;
        selectors[5] = TreasuryHandler.signUnfreeze.selector;
        selectors[6] = TreasuryHandler.veto.selector;
        selectors[7] = TreasuryHandler.freeze.selector;
        selectors[8] = TreasuryHandler.submit.selector;
        selectors[9] = TreasuryHandler.wait.selector;
        selectors[10] = TreasuryHandler.carryOut.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), selectors);
    }

    /// What the handler found broken and what can be asked of the treasury now: properties 17 to 23.
    function invariant_treasury() public {
        vm.assertEq(_handler.pettyAboveLimit(), 0, "property 17: more than the limit in a window");
        vm.assertEq(_handler.pettyOutsideTheRules(), 0, "property 17: something by fewer than admin signers");
        vm.assertEq(_handler.passedWithoutTheWait(), 0, "property 18: an action that did not wait");
        vm.assertEq(_handler.passedAVetoOrFreeze(), 0, "property 19: an action past a veto or a freeze");
        vm.assertEq(_handler.votesMiscounted(), 0, "property 19: an owner that counts twice, or not");
        vm.assertEq(_handler.refusedWithoutReason(), 0, "property 20: an action refused without a reason");
        vm.assertTrue(_handler.canOverride(gasleft()), "property 21: override signers cannot");
        vm.assertEq(_handler.lanesTaken(), 0, "property 21: a nonce outside the signers' lanes");
        vm.assertTrue(_handler.freezeIsBounded(), "property 22: a freeze without an end");
        vm.assertTrue(_handler.tellsTheBooks(), "property 23: what counts is what was done in this epoch");
    }

    /// @dev A run in which nothing goes through would prove nothing.
    function afterInvariant() public view {
        uint256 submitted = _handler.submitted();
        if (submitted < 20) return;
        vm.assertGe(_handler.executed() * 10, submitted, "a tenth of what is submitted goes through");
    }

    /// Every kind of action goes through in a fixed campaign, so that no property holds for want of trying.
    function test_campaign_hasEffect() public {
        bytes4[] memory selectors = targetSelectors()[0].selectors;
        for (uint256 i; i < 1_200; ++i) {
            bytes4 selector = selectors[uint256(keccak256(abi.encode(i))) % selectors.length];
            bytes memory call = abi.encodeWithSelector(selector, i, i * 7919);
            (bool ok,) = address(_handler).call(call);
            vm.assertTrue(ok, "a step never reverts");
        }
        invariant_treasury();
        for (uint256 kind; kind < 6; ++kind) {
            vm.assertTrue(_handler.executedOf(TreasuryModel.Kind(kind)) != 0, "each kind went through");
        }
    }
}

/// @title Property 24 of INVARIANTS.md
/// forge-config: default.invariant.runs = 24
contract TreasuryTheftInvariantTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    TreasuryThief private _thief;

    function setUp() public {
        _thief = new TreasuryThief();
        _thief.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_thief);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](7);
        selectors[0] = TreasuryThief.pay.selector;
        selectors[1] = TreasuryThief.takeAtOnce.selector;
        selectors[2] = TreasuryThief.prepare.selector;
        selectors[3] = TreasuryThief.queueAgain.selector;
        selectors[4] = TreasuryThief.collect.selector;
        selectors[5] = TreasuryThief.disturb.selector;
        selectors[6] = TreasuryThief.wait.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_thief), selectors);
    }

    /// With four of seven keys, and two owners who look once in a delay, a thief gets the limits and no more.
    function invariant_theft() public view {
        vm.assertLe(_thief.etherTaken(), 10 ether * _thief.windowsOfEther(), "property 24: ether");
        vm.assertLe(_thief.tokensTaken(), 1_000 ether * _thief.windowsOfTokens(), "property 24: tokens");
        vm.assertEq(_thief.allowanceTaken(), 0, "property 24: an allowance");
        vm.assertTrue(_thief.isOurs(), "property 24: the wallet");
    }

    function afterInvariant() public view {
        if (_thief.tries() < 40) return;
        vm.assertTrue(_thief.successes() != 0, "it gets something");
    }
}
