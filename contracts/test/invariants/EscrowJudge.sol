// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowRules} from "../support/EscrowRules.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

/// @title Judges what went through in an escrow by who had signed it and by the money that moved
/// @notice Knows what the parties agreed on from their own actions, not from the policy. The counters of breaches stay
/// zero in a sound escrow.
abstract contract EscrowJudge is EscrowTest {
    enum Kind {
        Payout,
        Execute,
        Dispute,
        Reconfigure,
        Cancel
    }

    struct Signed {
        Kind kind;
        uint256 signers;
        uint256 nonce;
        uint256 epoch;
        bytes content; // what is done, encoded: the arguments of the action, or the new terms
    }

    /// @dev Who holds how much of one asset.
    struct Holdings {
        uint256 escrow;
        uint256 buyer;
        uint256 seller;
        uint256 arbiter;
        uint256 stranger;
    }

    /* WHAT THE PARTIES AGREED ON LAST */

    Terms internal _agreed;
    bool internal _disputed;

    /// @dev Zero for a nonce that is not used up.
    mapping(uint256 nonce => uint256 signers) internal _consumers;

    /* COUNTERS */

    /// @dev Hundredths of a percent times units, over all payouts that were not signed by all.
    uint256 public feesTimesBps;
    uint256 public feeLimitTimesBps;

    /* BREACHES */

    uint256 public strangersPaid;
    uint256 public feesAboveCap;
    uint256 public feesUnsigned;
    uint256 public noncesTaken;
    uint256 public noncesReused;
    uint256 public takenAlone;
    uint256 public disputesOutOfTurn;
    uint256 public actionsWithoutConsent;

    /* VIEWS */

    function timeout() public view returns (uint256) {
        return uint256(_agreed.expiry) + (_disputed ? _agreed.arbitrationSecs : 0);
    }

    function isDisputed() external view returns (bool) {
        return _disputed;
    }

    /* INTERNAL */

    /// @param ethers What everyone held before, of ether.
    /// @param tokens What everyone held before, of the token.
    function _judge(Signed memory signed, uint256 signers, Holdings memory ethers, Holdings memory tokens) internal {
        _judgeNonce(signed.nonce, signers);
        _judgeMoney(ethers, address(0), signers);
        _judgeMoney(tokens, address(token), signers);
        _judgeKind(signed, signers);
    }

    function _held(address asset) internal view returns (Holdings memory) {
        return Holdings(
            _balanceOf(asset, address(wallet)),
            _balanceOf(asset, buyer),
            _balanceOf(asset, seller),
            _balanceOf(asset, arbiter),
            _balanceOf(asset, stranger)
        );
    }

    function _judgeNonce(uint256 nonce, uint256 signers) private {
        if (_consumers[nonce] != 0) ++noncesReused;
        _consumers[nonce] = signers;
        if (!EscrowRules.mayActIn(signers, nonce >> 64)) ++noncesTaken;
    }

    function _judgeMoney(Holdings memory before, address asset, uint256 signers) private {
        if (signers == BY_ALL) return;
        Holdings memory held = _held(asset);
        uint256 moved = before.escrow - held.escrow;
        uint256 fee = held.arbiter - before.arbiter;

        if (held.stranger != before.stranger) ++strangersPaid;
        if (fee != 0 && signers & BY_ARBITER == 0) ++feesUnsigned;
        if (!EscrowRules.isWithinCap(fee, moved, _agreed.arbiterFeeCapBps)) ++feesAboveCap;
        feesTimesBps += fee * 10_000;
        feeLimitTimesBps += moved * _agreed.arbiterFeeCapBps;

        bool isSelfPaid = (signers == BY_BUYER && held.buyer != before.buyer)
            || (signers == BY_SELLER && held.seller != before.seller) || (signers == BY_ARBITER && moved != 0);
        bool isEntitled = block.timestamp >= timeout() && signers == 1 << _agreed.timeoutBeneficiary;
        if (isSelfPaid && !isEntitled) ++takenAlone;
    }

    function _judgeKind(Signed memory signed, uint256 signers) private {
        Kind kind = signed.kind;
        if ((kind == Kind.Reconfigure || kind == Kind.Execute) && signers != BY_ALL) ++actionsWithoutConsent;
        if (kind == Kind.Dispute) {
            bool isInTime = signers == BY_ALL || block.timestamp < _agreed.expiry;
            bool isEntitled = EscrowRules.mayDispute(signers, _agreed.timeoutBeneficiary);
            if (_disputed || !isInTime || !isEntitled) ++disputesOutOfTurn;
            _disputed = true;
        }
        if (kind == Kind.Reconfigure) {
            _agreed = abi.decode(signed.content, (Terms));
            _disputed = false;
        }
    }
}
