// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, Transfer} from "../../src/IWallet.sol";
import {Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryRules} from "../support/TreasuryRules.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

/// @title The books of a treasury, kept a second time
/// @notice Says of each action whether it must go through, from what was done before and from the documented rules
/// alone. Knows nothing of what the policy stores.
abstract contract TreasuryModel is TreasuryTest {
    enum Kind {
        Payout,
        Execute,
        Reconfigure,
        Cancel,
        Queue,
        Unfreeze
    }

    struct Signed {
        Kind kind;
        uint256 signers;
        uint256 nonce;
        uint256 epoch;
        bytes32 digest;
        bytes content; // the arguments of the action, encoded
    }

    /// @dev What an owner or the wallet did about a digest, in one epoch.
    struct Waiting {
        bool isQueued;
        uint256 since;
        uint256 freezes;
        uint256 vetoers;
    }

    Rules internal _agreed;
    uint256 internal _epoch;

    mapping(address asset => uint256) internal _spentOf;
    mapping(address asset => uint256) internal _endOf;
    mapping(uint256 epoch => mapping(bytes32 digest => Waiting)) internal _waiting;
    mapping(uint256 epoch => uint256) internal _freezesIn;
    mapping(uint256 epoch => uint256) internal _votersIn;
    uint256 internal _openVotes;
    uint256 internal _frozenTo;

    /// @dev What moved out by fewer than admin signers, in the window that ends then, measured by balances.
    mapping(address asset => mapping(uint256 end => uint256)) internal _pettyMoved;

    /* WHAT MUST GO THROUGH */

    /// @notice Whether the policy must agree, if these sign.
    function _isAllowed(Signed memory signed, uint256 signers) internal view returns (bool) {
        uint256 count = TreasuryRules.countOf(signers);
        if (!TreasuryRules.mayActIn(_agreed, count, uint192(signed.nonce >> 64))) return false;
        if (count >= _agreed.overriding) return true;
        bool isAdmin = count >= _agreed.admin;
        if (_isFrozen()) return signed.kind == Kind.Cancel && isAdmin;
        if (signed.kind == Kind.Cancel) return true;
        if (signed.kind == Kind.Payout && _isPetty(signed)) return true;
        if (!isAdmin || signed.kind == Kind.Unfreeze) return false;
        if (signed.kind == Kind.Queue || _agreed.delaySecs == 0) return true;
        Waiting memory waiting = _waiting[_epoch][signed.digest];
        return waiting.isQueued && waiting.freezes == _freezesIn[_epoch]
            && block.timestamp >= waiting.since + _agreed.delaySecs
            && TreasuryRules.countOf(waiting.vetoers) < _agreed.veto;
    }

    /// @notice Whether a payout is within limit and list now.
    function _isPetty(Signed memory signed) internal view returns (bool) {
        (address asset, Transfer[] memory transfers) = abi.decode(signed.content, (address, Transfer[]));
        (bytes memory fault,) = TreasuryRules.faultOfPayout(_agreed, asset, transfers, _spentNow(asset));
        return fault.length == 0;
    }

    function _spentNow(address asset) internal view returns (uint256) {
        return block.timestamp < _endOf[asset] ? _spentOf[asset] : 0;
    }

    function _isFrozen() internal view returns (bool) {
        return block.timestamp < _frozenTo;
    }

    /// @notice Whether what the policy agreed to can be done: a digest waits only once, and there must be a freeze to
    /// end.
    function _isPossible(Signed memory signed) internal view returns (bool) {
        if (signed.kind == Kind.Unfreeze) return _isFrozen();
        if (signed.kind != Kind.Queue) return true;
        bytes32[] memory digests = abi.decode(signed.content, (bytes32[]));
        for (uint256 i; i < digests.length; ++i) {
            Waiting memory waiting = _waiting[_epoch][digests[i]];
            if (waiting.isQueued && waiting.freezes == _freezesIn[_epoch]) return false;
            for (uint256 j; j < i; ++j) {
                if (digests[j] == digests[i]) return false;
            }
        }
        return true;
    }

    /* WHAT WENT THROUGH */

    /// @param moved What the wallet holds less of the asset, for a payout.
    function _note(Signed memory signed, uint256 signers, uint256 moved) internal {
        uint256 count = TreasuryRules.countOf(signers);
        if (signed.kind == Kind.Payout && count < _agreed.overriding && _isPetty(signed)) {
            _noteSpent(signed, count, moved);
        }
        if (signed.kind == Kind.Queue) {
            bytes32[] memory digests = abi.decode(signed.content, (bytes32[]));
            for (uint256 i; i < digests.length; ++i) {
                Waiting storage waiting = _waiting[_epoch][digests[i]];
                (waiting.isQueued, waiting.since, waiting.freezes) = (true, block.timestamp, _freezesIn[_epoch]);
            }
        }
        if (signed.kind == Kind.Unfreeze) _frozenTo = 0;
        if (signed.kind == Kind.Reconfigure) {
            _agree(TreasuryRules.decode(abi.decode(signed.content, (Config)).policyData));
            ++_epoch;
            (_frozenTo, _openVotes) = (0, 0);
        }
    }

    function _noteSpent(Signed memory signed, uint256 count, uint256 moved) private {
        (address asset, Transfer[] memory transfers) = abi.decode(signed.content, (address, Transfer[]));
        (, uint256 total) = TreasuryRules.faultOfPayout(_agreed, asset, transfers, _spentNow(asset));
        _spentOf[asset] = _spentNow(asset) + total;
        if (block.timestamp >= _endOf[asset]) {
            (, uint256 which) = TreasuryRules.limitOf(_agreed, asset);
            _endOf[asset] = TreasuryRules.windowEnd(block.timestamp, _agreed.limits[which].periodSecs);
        }
        if (count < _agreed.admin) _pettyMoved[asset][_endOf[asset]] += moved;
    }

    function _noteVeto(uint256 owner, bytes32 digest) internal {
        _waiting[_epoch][digest].vetoers |= 1 << owner;
    }

    function _noteFreeze(uint256 owner) internal {
        _votersIn[_epoch] |= 1 << owner;
        if (++_openVotes < _agreed.veto) return;
        (_openVotes, _frozenTo) = (0, block.timestamp + FREEZE);
        ++_freezesIn[_epoch];
    }

    /// @dev Copied part by part: compilers without via-IR cannot copy lists of structs to storage.
    function _agree(Rules memory rules) internal {
        (_agreed.admin, _agreed.overriding, _agreed.veto) = (rules.admin, rules.overriding, rules.veto);
        (_agreed.delaySecs, _agreed.payees) = (rules.delaySecs, rules.payees);
        delete _agreed.limits;
        for (uint256 i; i < rules.limits.length; ++i) {
            _agreed.limits.push(Limit(rules.limits[i].token, rules.limits[i].amount, rules.limits[i].periodSecs));
        }
    }
}
