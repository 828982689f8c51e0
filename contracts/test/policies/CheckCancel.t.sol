// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Context, IPolicy} from "../../src/IPolicy.sol";
import {Call, Transfer} from "../../src/IWallet.sol";
import {EscrowRules} from "../support/EscrowRules.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// checkCancel, and the lanes that all hooks share
// ├── when one signs outside its own lane: reverts LaneNotAllowed
// ├── when two or three sign in a lane of one: reverts LaneNotAllowed
// └── otherwise agrees
//     ├── one burns nothing but its own lane, whatever the action
//     ├── a decision of two survives whatever one party does
//     └── two may cancel what two signed
contract CheckCancelTest is EscrowTest {
    function testFuzz_cancel_followsTheTableOfLanes(uint256 signers, uint192 lane, bool isLow) public {
        signers = _bound(signers, 1, BY_ALL);
        if (isLow) lane = uint192(_bound(lane, 0, 5));
        bytes memory action = _signCancel(signers, lane);
        if (EscrowRules.mayActIn(signers, lane)) {
            _submit(action);
            vm.assertEq(wallet.nonce(lane), uint256(lane) << 64 | 1, "the nonce is consumed");
        } else {
            _assertRefused(action, _laneNotAllowed(lane, signers));
            vm.assertEq(wallet.nonce(lane), uint256(lane) << 64, "the nonce is still free");
        }
    }

    // Robbing an escrow by keeping every decision of the other two from happening until the time-out.
    function testFuzz_oneSigner_burnsNoNonceOfOthers(uint256 party, uint192 lane, bool isLow) public {
        party = _bound(party, BUYER, ARBITER);
        if (isLow) lane = uint192(_bound(lane, 0, 5));
        uint256 signers = 1 << party;
        vm.assume(lane != _laneOf(signers));
        bytes memory reason = _laneNotAllowed(lane, signers);

        _assertRefused(_signCancel(signers, lane), reason);
        _assertRefused(_signPayout(signers, lane, address(0), new Transfer[](0)), reason);
        _assertRefused(_signPayout(signers, lane, address(token), _transfers(buyer, 0)), reason);
        _assertRefused(_signExecute(signers, lane, new Call[](0)), reason);
        _assertRefused(_signDispute(signers, lane), reason);
        _assertRefused(_signReconfigure(signers, lane, _escrowConfig(_terms())), reason);
        vm.assertEq(wallet.nonce(lane), uint256(lane) << 64, "the nonce is still free");
    }

    function testFuzz_decisionOfTwo_survivesWhatOnePartyDoesInItsLane(uint256 party, uint256 cancels) public {
        party = _bound(party, BUYER, ARBITER);
        uint256 others = BY_ALL ^ (1 << party);
        bytes memory decision = _signPayout(others, address(0), _transfers(buyer, 30 ether, seller, EVERYTHING));
        for (uint256 i = _bound(cancels, 1, 4); i != 0; --i) {
            _submit(_signCancel(1 << party, _laneOf(1 << party)));
        }
        _submit(decision);
        _assertPaid(address(0), 30 ether, 70 ether, 0);
    }

    function testFuzz_cancel_bringsDownADecisionOfTwo_whenTwoSign(uint256 deciders, uint256 cancellers) public {
        deciders = BY_ALL ^ (1 << _bound(deciders, BUYER, ARBITER));
        cancellers = BY_ALL ^ (1 << _bound(cancellers, BUYER, ARBITER));
        bytes memory decision = _signPayout(deciders, address(0), _transfers(buyer, EVERYTHING));
        _submit(_signCancel(cancellers, FREE_LANE));
        (bool ok,) = _try(decision);
        vm.assertFalse(ok, "its nonce is gone");
        _assertPaid(address(0), 0, 0, 0);
    }

    // A wallet never asks without a signer; the hook must not take "nobody" for "one, in its own lane".
    function testFuzz_checkCancel_reverts_whenNobodySigned(uint256 nonce) public {
        Context memory context = Context(0, nonce, LATER, 0, _escrowConfig(_terms()));
        vm.expectRevert();
        policy.checkCancel(context);
    }

    function test_checkCancel_answersItsSelector() public {
        Context memory context = Context(0, 1 << 64, LATER, BY_BUYER, _escrowConfig(_terms()));
        vm.assertEq(bytes32(policy.checkCancel(context)), bytes32(IPolicy.checkCancel.selector), "the answer");
    }
}
