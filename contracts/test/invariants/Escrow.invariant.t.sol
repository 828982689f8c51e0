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

/// @title Properties 9 to 16 of INVARIANTS.md
/// @notice One `invariant_` function checks them all, because forge would walk each of several through the very same
/// steps.
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

    /// What the handler found broken and what can be asked of the escrow now: all eight properties.
    function invariant_escrow() public {
        _9_theEscrowPaysAndObeysOnlyItsParties_unlessAllThreeAgree();
        _10_theArbiterGetsAtMostTheCappedShare_andNothingItDidNotSign();
        _11_nobodyUsesANonceOfOthers();
        _12_aDecisionOfTwoStaysExecutable();
        _13_nobodyAlonePaysItselfBeforeTheTimeout();
        _14_theTimeoutMovesOnlyOnce_byADisputeInTime();
        _15_theBeneficiaryAloneCanTakeAll_afterTheLastTimeout();
        _16_moneyIsConserved();
    }

    /// @dev A run in which nothing goes through would prove nothing.
    function afterInvariant() public view {
        uint256 submitted = _handler.submitted();
        if (submitted < 20) return;
        vm.assertGe(_handler.executed() * 10, submitted, "a tenth of what is submitted goes through");
    }

    /* THE PROPERTIES */

    function _9_theEscrowPaysAndObeysOnlyItsParties_unlessAllThreeAgree() private view {
        vm.assertEq(_handler.strangersPaid(), 0, "property 9: a stranger was paid by fewer than three");
        vm.assertEq(_handler.actionsWithoutConsent(), 0, "property 9: a call or a reconfiguration by fewer than three");
    }

    function _10_theArbiterGetsAtMostTheCappedShare_andNothingItDidNotSign() private view {
        vm.assertEq(_handler.feesUnsigned(), 0, "property 10: a fee that the arbiter did not sign");
        vm.assertEq(_handler.feesAboveCap(), 0, "property 10: a fee above the cap of its payout");
        vm.assertLe(
            _handler.feesTimesBps(), _handler.feeLimitTimesBps(), "property 10: the fees of all payouts together"
        );
    }

    function _11_nobodyUsesANonceOfOthers() private view {
        vm.assertEq(_handler.noncesTaken(), 0, "property 11: a nonce outside the signers' lanes");
        vm.assertEq(_handler.noncesReused(), 0, "property 11: a nonce used twice");
    }

    function _12_aDecisionOfTwoStaysExecutable() private {
        vm.assertEq(_handler.decisionsLost(), 0, "property 12: a decision that cannot be carried out");
    }

    function _13_nobodyAlonePaysItselfBeforeTheTimeout() private view {
        vm.assertEq(_handler.takenAlone(), 0, "property 13: a payment to its only signer");
    }

    function _14_theTimeoutMovesOnlyOnce_byADisputeInTime() private view {
        vm.assertEq(_handler.disputesOutOfTurn(), 0, "property 14: a dispute out of turn");
        IEscrowPolicy policy = _handler.escrowPolicy();
        address escrow = address(_handler.escrow());
        vm.assertTrue(policy.isDisputed(escrow) == _handler.isDisputed(), "property 14: disputed in this epoch");
        vm.assertEq(policy.timeoutOf(escrow), _handler.timeout(), "property 14: the time-out");
    }

    function _15_theBeneficiaryAloneCanTakeAll_afterTheLastTimeout() private {
        (uint256 inEther, uint256 inTokens) = _handler.leftAfterTheLastTimeout();
        vm.assertEq(inEther, 0, "property 15: ether without an exit");
        vm.assertEq(inTokens, 0, "property 15: tokens without an exit");
    }

    function _16_moneyIsConserved() private view {
        vm.assertEq(_handler.etherSeen(), _handler.etherIn(), "property 16: ether");
        vm.assertEq(_handler.tokensSeen(), _handler.tokensIn(), "property 16: tokens");
    }
}
