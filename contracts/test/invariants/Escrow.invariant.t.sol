// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrowPolicy} from "../../src/policies/IEscrowPolicy.sol";
import {Vm} from "../support/Vm.sol";
import {EscrowHandler} from "./EscrowHandler.sol";

/// @notice Which functions of a target the fuzzer calls; forge reads it by this shape.
struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @title The properties of an escrow, numbered as in INVARIANTS.md
contract EscrowInvariantTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    EscrowHandler private _handler;

    function setUp() public {
        _handler = new EscrowHandler();
        _handler.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](8);
        selectors[0] = EscrowHandler.signPayoutInEther.selector;
        selectors[1] = EscrowHandler.signPayoutInTokens.selector;
        selectors[2] = EscrowHandler.signExecuteOrReconfigure.selector;
        selectors[3] = EscrowHandler.signDispute.selector;
        selectors[4] = EscrowHandler.signCancel.selector;
        selectors[5] = EscrowHandler.submit.selector;
        selectors[6] = EscrowHandler.wait.selector;
        selectors[7] = EscrowHandler.payIn.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), selectors);
    }

    // 9
    function invariant_escrowPaysAndObeysOnlyItsParties_unlessAllThreeAgree() public view {
        vm.assertEq(_handler.strangersPaid(), 0, "a stranger was paid by fewer than three");
        vm.assertEq(_handler.actionsWithoutConsent(), 0, "a call or a reconfiguration by fewer than three");
    }

    // 10
    function invariant_arbiterGetsAtMostTheCappedShare_andNothingItDidNotSign() public view {
        vm.assertEq(_handler.feesUnsigned(), 0, "a fee that the arbiter did not sign");
        vm.assertEq(_handler.feesAboveCap(), 0, "a fee above the cap of its payout");
        vm.assertLe(_handler.feesTimesBps(), _handler.feeLimitTimesBps(), "the fees of all payouts together");
    }

    // 11
    function invariant_nobodyUsesANonceOfOthers() public view {
        vm.assertEq(_handler.noncesTaken(), 0, "a nonce outside the signers' lanes");
        vm.assertEq(_handler.noncesReused(), 0, "a nonce used twice");
    }

    // 12
    function invariant_decisionOfTwoStaysExecutable() public {
        vm.assertEq(_handler.decisionsLost(), 0, "a decision that cannot be carried out");
    }

    // 13
    function invariant_nobodyAlonePaysItselfBeforeTheTimeout() public view {
        vm.assertEq(_handler.takenAlone(), 0, "a payment to its only signer");
    }

    // 14
    function invariant_timeoutMovesOnlyOnce_byADisputeInTime() public view {
        vm.assertEq(_handler.disputesOutOfTurn(), 0, "a dispute out of turn");
        IEscrowPolicy policy = _handler.escrowPolicy();
        address escrow = address(_handler.escrow());
        vm.assertTrue(policy.isDisputed(escrow) == _handler.isDisputed(), "disputed in this epoch");
        vm.assertEq(policy.timeoutOf(escrow), _handler.timeout(), "the time-out");
    }

    // 15
    function invariant_beneficiaryAloneCanTakeAll_afterTheLastTimeout() public {
        (uint256 inEther, uint256 inTokens) = _handler.leftAfterTheLastTimeout();
        vm.assertEq(inEther, 0, "ether without an exit");
        vm.assertEq(inTokens, 0, "tokens without an exit");
    }

    // 16
    function invariant_moneyIsConserved() public view {
        vm.assertEq(_handler.etherSeen(), _handler.etherIn(), "ether");
        vm.assertEq(_handler.tokensSeen(), _handler.tokensIn(), "tokens");
    }

    /// @dev A run in which nothing goes through would prove nothing.
    function afterInvariant() public view {
        uint256 submitted = _handler.submitted();
        if (submitted < 20) return;
        vm.assertGe(_handler.executed() * 10, submitted, "a tenth of what is submitted goes through");
    }
}
