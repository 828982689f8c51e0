// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {Digests} from "../support/Digests.sol";
import {TreasuryRules} from "../support/TreasuryRules.sol";
import {TreasuryModel} from "./TreasuryModel.sol";

/// @title Seven owners who do whatever comes to their minds
/// @notice Each `sign` adds to a hoard that nothing is ever removed from, and may submit at once; `submit` takes
/// anything of the hoard, with any of its signatures. The wallet has money enough, so only rules can make an action
/// fail. The counters of breaches stay zero in a sound treasury.
contract TreasuryHandler is TreasuryModel {
    /// @notice What came of something that is undone by this very error.
    error Undone(bool ok);

    Signed[] private _hoard;
    uint256 private _turn;

    uint256 public submitted;
    uint256 public executed;
    mapping(Kind => uint256) public executedOf;

    /* BREACHES */

    uint256 public pettyAboveLimit;
    uint256 public pettyOutsideTheRules;
    uint256 public passedWithoutTheWait;
    uint256 public passedAVetoOrFreeze;
    uint256 public refusedWithoutReason;
    uint256 public lanesTaken;
    uint256 public votesMiscounted;

    function setUp() public override {
        super.setUp();
        _agree(_rules());
        vm.deal(address(wallet), 1e40);
        token.mint(address(wallet), 1e40);
    }

    /* TIME */

    /// @notice Mostly hours, and now and then to the very seconds on which something changes.
    function wait(uint256 seed) external {
        seed = _mix(seed);
        uint256 target = block.timestamp + (seed >> 8) % 12 hours;
        uint256 kind = seed % 6;
        if (kind == 0) target = _endOf[_asset((seed >> 8) % 2 == 0)];
        if (kind == 1) target = _frozenTo;
        if ((kind == 2 || kind == 3) && _hoard.length != 0) {
            target = _waiting[_epoch][_hoard[(seed >> 8) % _hoard.length].digest].since + _agreed.delaySecs;
        }
        if (kind < 4 && target != 0) target -= (seed >> 16) % 2;
        if (target > block.timestamp && target < LATER) vm.warp(target);
    }

    /* SIGNING */

    function signPayout(uint256 seed) external {
        seed = _mix(seed);
        address asset = seed % 16 == 0 ? address(0xdead) : _asset(seed % 2 == 0);
        Transfer[] memory transfers = new Transfer[](1 + (seed >> 4) % 3);
        for (uint256 i; i < transfers.length; ++i) {
            uint256 one = _mix(seed);
            address to = one % 8 == 0 || _agreed.payees.length == 0
                ? stranger
                : _agreed.payees[(one >> 8) % _agreed.payees.length];
            uint256 limit = _limitOf(asset == address(token));
            // Mostly a part of the limit, often what is just left of it, now and then far above.
            uint256 amount = (one >> 16) % (limit / 3 + 1);
            if ((one >> 8) % 8 == 1) amount = limit > _spentNow(asset) ? limit - _spentNow(asset) + one % 2 : one % 2;
            if ((one >> 8) % 16 == 2) amount = limit * 2;
            transfers[i] = Transfer(to, amount);
        }
        // A token that is none can be signed, and is paid by nobody: there is no code.
        if (asset == address(0xdead)) transfers[0].amount = 0;
        _sign(Kind.Payout, _someSigners(seed), abi.encode(asset, transfers));
    }

    function signExecute(uint256 seed) external {
        seed = _mix(seed);
        Call[] memory calls = _calls(address(token), 0, abi.encodeCall(token.transfer, (stranger, seed % 1 ether)));
        _sign(Kind.Execute, _someSigners(seed), abi.encode(calls));
    }

    function signReconfigure(uint256 seed) external {
        seed = _mix(seed);
        Rules memory rules = _rules();
        if (seed % 4 != 0) {
            rules.admin = uint8(2 + (seed >> 8) % 2);
            rules.overriding = uint8(4 + (seed >> 16) % 2);
            rules.veto = uint8(1 + (seed >> 24) % 2);
            rules.delaySecs = uint32(1 hours + (seed >> 32) % 3 days);
        }
        if (seed % 16 == 1) (rules.veto, rules.delaySecs) = (0, 0);
        rules.limits[0].amount = uint128(1 + (seed >> 64) % ETHER_LIMIT);
        rules.limits[0].periodSecs = uint32(1 hours + (seed >> 96) % 10 days);
        rules.limits[1].periodSecs = uint32(1 hours + (seed >> 128) % 3 days);
        if (seed % 3 == 0) {
            rules.payees = new address[](2);
            (rules.payees[0], rules.payees[1]) = (payee, address(0xb0b00));
        }
        _sign(Kind.Reconfigure, _someSigners(seed), abi.encode(_treasuryConfig(rules)));
    }

    function signCancel(uint256 seed) external {
        _sign(Kind.Cancel, _someSigners(_mix(seed)), "");
    }

    /// @notice Mostly of something of the hoard, that could wait.
    function signQueue(uint256 seed) external {
        seed = _mix(seed);
        bytes32[] memory digests = new bytes32[](1 + seed % 3);
        for (uint256 i; i < digests.length; ++i) {
            uint256 one = _mix(seed);
            digests[i] = _hoard.length == 0 ? bytes32(one) : _hoard[_recent(one)].digest;
        }
        uint256 signers = _someSigners(seed);
        _sign(Kind.Queue, seed % 4 == 0 ? signers : signers | BY_ADMIN, abi.encode(digests));
    }

    function signUnfreeze(uint256 seed) external {
        _sign(Kind.Unfreeze, _someSigners(_mix(seed)), "");
    }

    /* WHAT OWNERS DO THEMSELVES */

    function veto(uint256 seed) external {
        seed = _mix(seed);
        if (_hoard.length == 0) return;
        uint256 owner = (seed >> 8) % OWNERS;
        bytes32[] memory digests = new bytes32[](1 + seed % 3);
        for (uint256 i; i < digests.length; ++i) {
            digests[i] = _hoard[_recent(_mix(seed))].digest;
        }
        vm.prank(_ownerOf(owner));
        (bool ok,) = address(policy).call(abi.encodeCall(ITreasuryPolicy.veto, (address(wallet), digests)));
        if (ok != (_agreed.veto != 0)) ++refusedWithoutReason;
        if (!ok) return;
        for (uint256 i; i < digests.length; ++i) {
            _noteVeto(owner, digests[i]);
            uint256 count = TreasuryRules.countOf(_waiting[_epoch][digests[i]].vetoers);
            if (policy.vetoes(address(wallet), digests[i]) != count) ++votesMiscounted;
        }
    }

    function freeze(uint256 seed) external {
        seed = _mix(seed);
        // Rarer than all else, or nothing else would happen.
        if (seed % 3 != 0) return;
        uint256 owner = (seed >> 8) % OWNERS;
        bool isDue = _agreed.veto != 0 && (_votersIn[_epoch] >> owner) & 1 == 0;
        vm.prank(_ownerOf(owner));
        (bool ok,) = address(policy).call(abi.encodeCall(ITreasuryPolicy.freeze, (address(wallet))));
        if (ok != isDue) ++refusedWithoutReason;
        if (!ok) return;
        _noteFreeze(owner);
        if (policy.freezeVotes(address(wallet)) != _openVotes) ++votesMiscounted;
    }

    /* SUBMITTING */

    /// @notice Mostly something that is due, but also what is stale, replayed or not yet due.
    function submit(uint256 which, uint256 subset) external {
        uint256 length = _hoard.length;
        if (length == 0) return;
        which = _mix(which);
        uint256 index = (which >> 8) % length;
        for (uint256 i; i < length && which % 8 != 0 && !_isDue(_hoard[index]); ++i) {
            index = (index + 1) % length;
        }
        uint256 signers = _hoard[index].signers;
        subset = _mix(subset) & signers;
        bool isSubset = (which >> 4) % 4 == 0 && TreasuryRules.countOf(subset) >= 2;
        _submit(index, isSubset ? subset : signers);
    }

    /// @notice Something that was queued, void or not, when its time has come and no freeze lasts; at times with a part
    /// of its signatures.
    function carryOut(uint256 seed) external {
        seed = _mix(seed);
        uint256 length = _hoard.length;
        for (uint256 i; i < length; ++i) {
            uint256 index = (seed + length - i) % length;
            Signed memory signed = _hoard[index];
            Waiting memory waiting = _waiting[_epoch][signed.digest];
            if (!_isDue(signed) || !waiting.isQueued) continue;
            uint256 eta = waiting.since + _agreed.delaySecs;
            if ((seed >> 64) % 4 != 0 && _frozenTo > eta) eta = _frozenTo;
            if (eta > block.timestamp && eta < LATER) vm.warp(eta);
            uint256 subset = _mix(seed) & signed.signers;
            bool isSubset = (seed >> 72) % 3 == 0 && TreasuryRules.countOf(subset) >= 2;
            return _submit(index, isSubset ? subset : signed.signers);
        }
    }

    /* WHAT MUST ALWAYS BE POSSIBLE; done and undone again */

    /// @notice Whether override signers can do anything at once, and remove whom they want: whatever waits, was vetoed,
    /// is frozen or was spent.
    function canOverride(uint256 seed) external returns (bool) {
        uint192 lane = OVERRIDE_LANE | uint192(_mix(seed) % 1000);
        Config memory next = _treasuryConfig(_rules());
        next.owners[seed % OWNERS] = address(0xbeef);
        bytes memory removal = _signReconfigure(_first(_agreed.overriding), lane, next);
        (bool isKept, bytes memory answer) = address(this).call(abi.encodeCall(this.tryAndUndo, (removal)));
        vm.assertFalse(isKept, "it is undone");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(Undone.selector), "it came to its end");
        return answer[35] == 0x01;
    }

    /// @dev For `canOverride` alone.
    function tryAndUndo(bytes calldata action) external {
        (bool ok,) = _try(action);
        revert Undone(ok && wallet.isOwner(address(0xbeef)));
    }

    /* VIEWS */

    function treasury() external view returns (IWallet) {
        return wallet;
    }

    /// @notice Whether what the policy tells is what the books say.
    function tellsTheBooks() external view returns (bool) {
        bool isSame = policy.frozenUntil(address(wallet)) == (_isFrozen() ? _frozenTo : 0)
            && policy.freezeVotes(address(wallet)) == _openVotes && wallet.epoch() == _epoch;
        for (uint256 i; i < 2; ++i) {
            (uint256 amount, uint256 end) = policy.spent(address(wallet), _asset(i == 1));
            isSame = isSame && amount == _spentNow(_asset(i == 1));
            isSame = isSame && end == (block.timestamp < _endOf[_asset(i == 1)] ? _endOf[_asset(i == 1)] : 0);
        }
        uint256 first = _hoard.length > 8 ? _hoard.length - 8 : 0;
        for (uint256 i = first; i < _hoard.length; ++i) {
            Waiting memory waiting = _waiting[_epoch][_hoard[i].digest];
            bool isValid = waiting.isQueued && waiting.freezes == _freezesIn[_epoch];
            isSame = isSame && policy.queuedAt(address(wallet), _hoard[i].digest) == (isValid ? waiting.since : 0)
                && policy.vetoes(address(wallet), _hoard[i].digest) == TreasuryRules.countOf(waiting.vetoers);
        }
        return isSame;
    }

    function freezeIsBounded() external view returns (bool) {
        bool isInTime = policy.frozenUntil(address(wallet)) <= block.timestamp + FREEZE;
        return isInTime && _freezesIn[_epoch] * (_agreed.veto == 0 ? 1 : _agreed.veto) <= OWNERS;
    }

    /* INTERNAL */

    /// @dev Fuzzed numbers crowd at the edges of their types; these do not.
    function _mix(uint256 seed) private returns (uint256) {
        return uint256(keccak256(abi.encode(seed, ++_turn)));
    }

    /// @dev Two to seven owners, each number about as often.
    function _someSigners(uint256 seed) private returns (uint256 signers) {
        uint256 count = 2 + _mix(seed) % 6;
        while (TreasuryRules.countOf(signers) < count) {
            signers |= 1 << (_mix(seed) % OWNERS);
        }
    }

    function _recent(uint256 seed) private view returns (uint256) {
        uint256 length = _hoard.length;
        return length - 1 - seed % (length < 6 ? length : 6);
    }

    /// @dev Mostly a lane that is open to the signers; few lanes, so that they are fought for.
    function _someLane(uint256 seed, uint256 count) private view returns (uint192) {
        uint192 low = uint192(seed % 3);
        uint256 kind = (seed >> 8) % 8;
        if (kind == 0) return low;
        if (kind == 1) return OVERRIDE_LANE | low;
        if (kind < 4 || count < _agreed.admin) return OPEN_LANE | low;
        if (count < _agreed.overriding) return low;
        return OVERRIDE_LANE | low;
    }

    function _sign(Kind kind, uint256 signers, bytes memory content) private {
        uint192 lane = _someLane(_mix(signers), TreasuryRules.countOf(signers));
        uint256 nonce = wallet.nonce(lane);
        // Now and then signed ahead of its turn.
        if (_mix(signers) % 16 == 0) ++nonce;
        Signed memory signed = Signed(kind, signers, nonce, _epoch, bytes32(0), content);
        signed.digest = Digests.toDigest(address(wallet), _epoch, _structHashOf(signed));
        _hoard.push(signed);
        if (_mix(signers) % 3 != 0) _submit(_hoard.length - 1, signers);
    }

    function _isDue(Signed memory signed) private view returns (bool) {
        return signed.epoch == _epoch && signed.nonce == wallet.nonce(uint192(signed.nonce >> 64));
    }

    function _callsOf(Signed memory signed) private view returns (Call[] memory calls) {
        if (signed.kind == Kind.Execute) return abi.decode(signed.content, (Call[]));
        if (signed.kind == Kind.Unfreeze) {
            return _calls(address(policy), 0, abi.encodeCall(ITreasuryPolicy.unfreeze, ()));
        }
        bytes32[] memory digests = abi.decode(signed.content, (bytes32[]));
        calls = new Call[](digests.length);
        for (uint256 i; i < digests.length; ++i) {
            calls[i] = _queueCalls(digests[i])[0];
        }
    }

    function _structHashOf(Signed memory signed) private view returns (bytes32) {
        if (signed.kind == Kind.Payout) {
            (address asset, Transfer[] memory transfers) = abi.decode(signed.content, (address, Transfer[]));
            return Digests.ofPayout(asset, transfers, signed.nonce, LATER);
        }
        if (signed.kind == Kind.Reconfigure) {
            return Digests.ofReconfigure(abi.decode(signed.content, (Config)), signed.nonce, LATER);
        }
        if (signed.kind == Kind.Cancel) return Digests.ofCancel(signed.nonce, LATER);
        return Digests.ofExecute(_callsOf(signed), signed.nonce, LATER);
    }

    function _actionOf(Signed memory signed, uint256 signers) private view returns (bytes memory) {
        bytes memory signatures = _signBy(signed.digest, signers);
        if (signed.kind == Kind.Payout) {
            (address asset, Transfer[] memory transfers) = abi.decode(signed.content, (address, Transfer[]));
            return abi.encodeCall(IWallet.payout, (asset, transfers, signed.nonce, LATER, signatures));
        }
        if (signed.kind == Kind.Reconfigure) {
            Config memory config = abi.decode(signed.content, (Config));
            return abi.encodeCall(IWallet.reconfigure, (config, signed.nonce, LATER, signatures));
        }
        if (signed.kind == Kind.Cancel) return abi.encodeCall(IWallet.cancel, (signed.nonce, LATER, signatures));
        return abi.encodeCall(IWallet.execute, (_callsOf(signed), signed.nonce, LATER, signatures));
    }

    function _submit(uint256 index, uint256 signers) private {
        Signed memory signed = _hoard[index];
        address asset;
        if (signed.kind == Kind.Payout) (asset,) = abi.decode(signed.content, (address, Transfer[]));
        bool hasCode = asset == address(0) || asset.code.length != 0;
        bool isDue = _isDue(signed);
        bool isAllowed = _isAllowed(signed, signers);
        uint256 before = hasCode ? _balanceOf(asset, address(wallet)) : 0;
        ++submitted;
        (bool ok,) = _try(_actionOf(signed, signers));
        if (ok && (!isDue || !isAllowed)) _accuse(signed, signers);
        if (!ok && isDue && isAllowed && hasCode && _isPossible(signed)) ++refusedWithoutReason;
        if (!ok) return;
        ++executed;
        ++executedOf[signed.kind];
        uint256 moved = hasCode ? before - _balanceOf(asset, address(wallet)) : 0;
        _note(signed, signers, moved);
        if (signed.kind == Kind.Payout && TreasuryRules.countOf(signers) < _agreed.admin) _judgeMoved(asset);
    }

    /// @dev By balances: what moved in this window by fewer than admin signers.
    function _judgeMoved(address asset) private {
        (bool isLimited, uint256 which) = TreasuryRules.limitOf(_agreed, asset);
        if (!isLimited || _pettyMoved[asset][_endOf[asset]] > _agreed.limits[which].amount) ++pettyAboveLimit;
    }

    function _accuse(Signed memory signed, uint256 signers) private {
        uint256 count = TreasuryRules.countOf(signers);
        if (!TreasuryRules.mayActIn(_agreed, count, uint192(signed.nonce >> 64))) {
            ++lanesTaken;
        } else if (count < _agreed.admin) {
            ++pettyOutsideTheRules;
        } else if (_isFrozen() || TreasuryRules.countOf(_waiting[_epoch][signed.digest].vetoers) >= _agreed.veto) {
            ++passedAVetoOrFreeze;
        } else {
            ++passedWithoutTheWait;
        }
    }
}
