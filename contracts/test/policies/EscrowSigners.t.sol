// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowRules} from "../support/EscrowRules.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// All hooks: which of the given signatures are submitted is the submitter's choice
// ├── an action succeeds with exactly the sets of signers that the tables allow, in any lane and at any time
// ├── what a set may do in a lane, every larger set may do in it, if the lane is open to the larger set
// └── in the lane of one, a second signature makes the action fail
contract EscrowSignersTest is EscrowTest {
    enum Kind {
        Payout,
        Execute,
        Dispute,
        Reconfigure,
        Cancel
    }

    struct Case {
        Kind kind;
        uint192 lane;
        uint256 payee; // by owner index; 3 is a stranger
        uint256 beneficiary;
        bool disputed;
        bool timedOut;
    }

    function testFuzz_action_succeedsAsTheTablesSay(uint256 signers, uint256 seed, uint192 lane, bool isLow) public {
        signers = _bound(signers, 1, BY_ALL);
        Case memory c = _case(seed, isLow ? uint192(_bound(lane, 0, 4)) : lane);
        (bool ok,) = _try(_sign(c, signers));
        vm.assertTrue(ok == _isAllowed(c, signers), "as the tables say");
    }

    function testFuzz_action_succeedsWithMoreSigners_whenItDoesWithFewer(
        uint256 signers,
        uint256 dropped,
        uint256 seed,
        uint192 lane
    ) public {
        signers = _bound(signers, 1, BY_ALL);
        uint256 fewer = signers & ~_bound(dropped, 1, BY_ALL);
        vm.assume(fewer != 0 && fewer != signers);
        Case memory c = _case(seed, uint192(_bound(lane, 0, 4)));

        uint256 snapshot = vm.snapshotState();
        (bool okWithFewer,) = _try(_sign(c, fewer));
        vm.revertToState(snapshot);
        (bool ok,) = _try(_sign(c, signers));
        if (okWithFewer && EscrowRules.mayActIn(signers, c.lane)) {
            vm.assertTrue(ok, "more signers may do what fewer may");
        }
    }

    // What a submitter must know: a signature more than needed is not always harmless. In the lane of one, only the
    // signature of that one may be packed, whoever else has signed.
    function test_dispute_reverts_whenTheArbitersSignatureGoesAlong() public {
        _assertRefused(_signDispute(BY_BUYER | BY_ARBITER, 1), _laneNotAllowed(1, BY_BUYER | BY_ARBITER));
        _submit(_signDispute(BY_BUYER, 1));
        vm.assertTrue(policy.isDisputed(address(wallet)), "disputed");
    }

    function _case(uint256 seed, uint192 lane) private returns (Case memory c) {
        c.kind = Kind(seed % 5);
        c.lane = lane;
        c.payee = (seed >> 8) % 4;
        c.beneficiary = (seed >> 16) % 2;
        c.disputed = (seed >> 24) % 2 == 1;
        c.timedOut = (seed >> 32) % 2 == 1;
        Terms memory terms = _openFor(c.beneficiary);
        if (c.disputed) {
            uint256 disputer = c.beneficiary == BUYER ? BY_SELLER : BY_BUYER;
            _submit(_signDispute(disputer, _laneOf(disputer)));
        }
        uint256 timeout = terms.expiry + (c.disputed ? terms.arbitrationSecs : 0);
        vm.warp(c.timedOut ? timeout : timeout - 1);
    }

    function _sign(Case memory c, uint256 signers) private view returns (bytes memory) {
        if (c.kind == Kind.Execute) return _signExecute(signers, c.lane, _calls(stranger, 0, ""));
        if (c.kind == Kind.Dispute) return _signDispute(signers, c.lane);
        if (c.kind == Kind.Reconfigure) return _signReconfigure(signers, c.lane, wallet.config());
        if (c.kind == Kind.Cancel) return _signCancel(signers, c.lane);
        address payee = c.payee == 3 ? stranger : _ownerOf(c.payee);
        return _signPayout(signers, c.lane, address(token), _transfers(payee, 0));
    }

    function _isAllowed(Case memory c, uint256 signers) private view returns (bool) {
        if (!EscrowRules.mayActIn(signers, c.lane)) return false;
        if (c.kind == Kind.Cancel) return true;
        if (c.kind == Kind.Execute || c.kind == Kind.Reconfigure) return signers == BY_ALL;
        if (c.kind == Kind.Dispute) {
            bool isOpen = signers == BY_ALL || block.timestamp < policy.termsOf(address(wallet)).expiry;
            return !c.disputed && isOpen && EscrowRules.mayDispute(signers, c.beneficiary);
        }
        uint256 payees = EscrowRules.payeesOf(signers, c.beneficiary, c.timedOut);
        return payees & (EscrowRules.ANYONE | (1 << c.payee)) != 0;
    }
}
