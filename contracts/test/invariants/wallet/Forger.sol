// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Config, IWallet} from "../../../src/IWallet.sol";
import {IWalletFactory} from "../../../src/IWalletFactory.sol";
import {Issue} from "./Ledger.sol";
import {Action, Damage, Form, Kind, Property, Submission, Vote} from "./Types.sol";
import {World} from "./World.sol";

/// @title Signing, and making signatures look like what they are not
abstract contract Forger is World {
    constructor(IWalletFactory factory, bool withPolicies) World(factory, withPolicies) {}

    /* SIGNING */

    /// @notice Enters an action into the books; its owners may now consent to the digest.
    function _issue(IWallet wallet, Action memory action) internal returns (bytes32 digest) {
        digest = model.make(wallet, action);
        ledger.issue(digest, Issue(wallet, action.nonce, model.epochOf(wallet), _chainId));
    }

    /// @notice Lets some of the owners sign, the threshold at least unless `enough` is false.
    function _collect(IWallet wallet, bytes32 digest, bool enough) internal {
        Config memory config = model.configOf(wallet);
        uint256 count = config.owners.length;
        uint256 wanted = enough ? config.threshold + _roll(count - config.threshold + 1) : _roll(config.threshold);
        uint256 first = _roll(count);
        for (uint256 i; i < wanted; ++i) {
            address owner = config.owners[(first + i) % count];
            // A contract that would not answer may still approve.
            if (_chance(model.unwilling(owner) ? 70 : 10)) _approve(wallet, digest, owner);
            else ledger.consent(digest, owner);
        }
    }

    function _approve(IWallet wallet, bytes32 digest, address owner) internal {
        model.approve(wallet, digest, owner);
        ledger.consent(digest, owner);
        vm.prank(owner);
        try wallet.approve(digest) {}
        catch {
            ledger.breach(Property.Liveness, "an owner could not approve");
        }
    }

    /// @notice The votes of all present owners who consented to this digest, ever.
    function _votesFor(IWallet wallet, bytes32 digest) internal view returns (Vote[] memory votes) {
        address[] memory owners = model.configOf(wallet).owners;
        votes = new Vote[](owners.length);
        uint256 count;
        for (uint256 i; i < owners.length; ++i) {
            if (!ledger.consented(digest, owners[i])) continue;
            votes[count] = Vote(_formOf(digest, owners[i]), uint8(i), owners[i], digest);
            ++count;
        }
        assembly ("memory-safe") {
            mstore(votes, count)
        }
    }

    function _formOf(bytes32 digest, address owner) private view returns (Form) {
        if (model.approvedBy(digest, owner)) return Form.Approval;
        return model.isContractOwner(owner) ? Form.Contract : Form.Ecdsa;
    }

    /* FORGING */

    /// @notice Changes something so that the submission should no longer go through.
    function _spoil(Submission memory submission, bytes32 digest) internal {
        Vote[] memory votes = submission.votes;
        uint256 trick = votes.length == 0 ? 11 : _roll(12);
        if (trick == 11) return _tamper(submission);

        uint256 chosen = _roll(votes.length);
        Vote memory vote = votes[chosen];
        if (trick == 0) {
            submission.votes = _firstOf(votes, _roll(votes.length));
        } else if (trick == 1) {
            votes[_roll(votes.length)] = vote;
        } else if (trick == 2) {
            (votes[chosen], votes[0]) = (votes[0], vote);
        } else if (trick == 3) {
            vote.by = _pool[_roll(_pool.length)];
        } else if (trick == 4) {
            vote.index = uint8(_roll(0x80));
        } else if (trick == 5) {
            vote.form = Form((uint256(vote.form) + 1 + _roll(2)) % 3);
        } else if (trick == 6) {
            vote.over = keccak256(abi.encode(digest));
        } else if (trick == 7) {
            submission.wallet = wallets[_roll(wallets.length)];
        } else {
            submission.damage = Damage(1 + _roll(3));
        }
    }

    /// @dev Other content under the same signatures.
    function _tamper(Submission memory submission) private {
        Action memory action = submission.action;
        uint256 part = _roll(5);
        if (part == 0) {
            action.deadline += 1 + _roll(10 days);
        } else if (part == 1) {
            uint192 lane = laneAt(_roll(LANES));
            action.nonce = _nextIn(submission.wallet, lane);
        } else if (part == 2) {
            action.kind = Kind(_roll(4));
        } else if (action.transfers.length != 0) {
            if (part == 3) action.transfers[0].to = accounts[0];
            else action.transfers[0].amount /= 2;
        } else if (action.calls.length != 0) {
            if (part == 3) action.calls[0].value += 1;
            else action.calls[action.calls.length - 1] = action.calls[0];
        } else if (action.config.owners.length != 0) {
            if (part == 3) action.config.threshold = 1;
            else action.config.policyData = bytes.concat(action.config.policyData, hex"00");
        }
    }

    function _firstOf(Vote[] memory votes, uint256 count) private pure returns (Vote[] memory first) {
        first = new Vote[](count);
        for (uint256 i; i < count; ++i) {
            first[i] = votes[i];
        }
    }

    /* PACKING */

    function _pack(Submission memory submission) internal returns (bytes memory packed) {
        for (uint256 i; i < submission.votes.length; ++i) {
            packed = bytes.concat(packed, _packVote(submission.votes[i]));
        }
        Damage damage = submission.damage;
        if (damage == Damage.Trailing) packed = abi.encodePacked(packed, uint8(_roll(256)));
        else if (damage != Damage.None) packed = _mangled(packed, submission.votes[submission.votes.length - 1], damage);
    }

    function _packVote(Vote memory vote) private view returns (bytes memory) {
        uint256 key = _keys[vote.by];
        if (vote.form == Form.Approval) return abi.encodePacked(uint8(0x80 | vote.index), uint16(0));
        if (vote.form == Form.Contract) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, vote.over);
            return abi.encodePacked(uint8(0x80 | vote.index), uint16(96), abi.encode(r, s, v));
        }
        (bytes32 compactR, bytes32 vs) = vm.signCompact(key, vote.over);
        return abi.encodePacked(vote.index, compactR, vs);
    }

    /// @dev One byte short, or the parity of the last signature flipped, where it has one to flip.
    function _mangled(bytes memory packed, Vote memory last, Damage damage) private pure returns (bytes memory) {
        if (damage == Damage.Flipped && last.form == Form.Ecdsa) {
            packed[packed.length - 32] ^= 0x80;
        } else {
            assembly ("memory-safe") {
                mstore(packed, sub(mload(packed), 1))
            }
        }
        return packed;
    }
}
