// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryRules} from "../support/TreasuryRules.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

/// @title A thief with as many keys as can be stolen below override, and two owners who watch
/// @notice The thief has copies of four of seven keys and tries everything, in any lane, at any time. The owners 5 and
/// 6 look at the chain at least once in a delay, know what they signed themselves, and veto the rest, or freeze.
contract TreasuryThief is TreasuryTest {
    uint256 private constant STOLEN = 0x0f;

    bytes32[] private _queued;
    uint256 private _seen;
    uint256 private _turn;
    uint256 private _lanes;

    bytes[] private _hoard;

    uint256 public tries;
    uint256 public successes;
    uint256 public windowsOfEther = 1;
    uint256 public windowsOfTokens = 1;
    uint256 private _etherEnd;
    uint256 private _tokenEnd;

    function setUp() public override {
        super.setUp();
        vm.deal(address(wallet), 1e30);
        token.mint(address(wallet), 1e30);
        _etherEnd = TreasuryRules.windowEnd(block.timestamp, WEEK);
        _tokenEnd = TreasuryRules.windowEnd(block.timestamp, DAY);
    }

    /* THE THIEF */

    function pay(uint256 seed) external {
        seed = _mix(seed);
        uint256 limit = _limitOf(seed % 2 == 0);
        uint256 amount = (seed >> 8) % 4 == 0 ? EVERYTHING : (seed >> 16) % (limit * 2);
        uint256 signers = (seed >> 128) % 2 == 0 ? STOLEN : 0x03;
        _attempt(_signPayout(signers, _lane(seed), _asset(seed % 2 == 0), _transfers(stranger, amount)));
    }

    function takeAtOnce(uint256 seed) external {
        seed = _mix(seed);
        Call[] memory calls = _someCalls(seed);
        _attempt(_signExecute(STOLEN, _lane(seed), calls));
        _attempt(_signReconfigure(STOLEN, _lane(seed), _mine()));
    }

    /// @notice Signs something for later and queues it.
    function prepare(uint256 seed) external {
        seed = _mix(seed);
        uint192 lane = uint192(1e6 + ++_lanes);
        bytes32 digest;
        if (seed % 3 == 0) {
            digest = _digestOfReconfigure(lane, _mine());
            _hoard.push(_signReconfigure(STOLEN, lane, _mine()));
        } else if (seed % 3 == 1) {
            Call[] memory calls = _someCalls(seed);
            digest = _digestOfExecute(lane, calls);
            _hoard.push(_signExecute(STOLEN, lane, calls));
        } else {
            Transfer[] memory transfers = _transfers(stranger, EVERYTHING);
            digest = _digestOfPayout(lane, address(0), transfers);
            _hoard.push(_signPayout(STOLEN, lane, address(0), transfers));
        }
        if (_attempt(_signExecute(STOLEN, _lane(seed), _queueCalls(digest)))) _queued.push(digest);
    }

    /// @notice Queues again what was voided, or anything else it has prepared.
    function queueAgain(uint256 seed) external {
        seed = _mix(seed);
        if (_queued.length == 0) return;
        bytes32 digest = _queued[seed % _queued.length];
        if (_attempt(_signExecute(STOLEN, _lane(seed), _queueCalls(digest)))) _queued.push(digest);
    }

    function collect(uint256 seed) external {
        if (_hoard.length == 0) return;
        seed = _mix(seed);
        for (uint256 i; i < 4 && i < _hoard.length; ++i) {
            _attempt(_hoard[(seed + i) % _hoard.length]);
        }
    }

    function disturb(uint256 seed) external {
        seed = _mix(seed);
        _attempt(_signCancel(STOLEN, _lane(seed)));
        vm.prank(_ownerOf(seed % 4));
        (bool ok,) = address(policy)
            .call(
                (seed >> 8) % 2 == 0
                    ? abi.encodeCall(ITreasuryPolicy.freeze, (address(wallet)))
                    : abi.encodeCall(ITreasuryPolicy.veto, (address(wallet), _digests(bytes32(seed))))
            );
        ok;
        _attempt(
            _signExecute(STOLEN, _lane(seed), _calls(address(policy), 0, abi.encodeCall(ITreasuryPolicy.unfreeze, ())))
        );
    }

    /* TIME, and the two who watch */

    /// @notice At most to one second before what was queued last could pass; then they look.
    function wait(uint256 seed) external {
        seed = _mix(seed);
        vm.warp(block.timestamp + seed % DELAY);
        for (uint256 i = _seen; i < _queued.length; ++i) {
            if ((seed >> 64) % 5 == 0 && policy.frozenUntil(address(wallet)) == 0) _tryFreeze();
            _tryVeto(5, _queued[i]);
            _tryVeto(6, _queued[i]);
        }
        _seen = _queued.length;
        if (block.timestamp >= _etherEnd) {
            ++windowsOfEther;
            _etherEnd = TreasuryRules.windowEnd(block.timestamp, WEEK);
        }
        if (block.timestamp >= _tokenEnd) {
            ++windowsOfTokens;
            _tokenEnd = TreasuryRules.windowEnd(block.timestamp, DAY);
        }
    }

    function _tryFreeze() private {
        for (uint256 owner = 5; owner < 7; ++owner) {
            if (!policy.hasFrozen(address(wallet), _ownerOf(owner))) _freezeBy(owner);
        }
    }

    function _tryVeto(uint256 owner, bytes32 digest) private {
        _veto(owner, digest);
    }

    /* WHAT IT GOT */

    function etherTaken() external view returns (uint256) {
        return stranger.balance;
    }

    function tokensTaken() external view returns (uint256) {
        return token.balanceOf(stranger);
    }

    function allowanceTaken() external view returns (uint256) {
        return token.allowance(address(wallet), stranger);
    }

    function isOurs() external view returns (bool) {
        return wallet.epoch() == 0;
    }

    /* INTERNAL */

    function _someCalls(uint256 seed) private view returns (Call[] memory) {
        uint256 kind = (seed >> 32) % 3;
        if (kind == 0) return _calls(stranger, 1 ether, "");
        if (kind == 1) return _calls(address(token), 0, abi.encodeCall(token.approve, (stranger, EVERYTHING)));
        return _calls(address(token), 0, abi.encodeCall(token.transfer, (stranger, 1 ether)));
    }

    function _mine() private view returns (Config memory config) {
        config = _config(1, 1);
        config.owners[0] = stranger;
    }

    function _lane(uint256 seed) private pure returns (uint192) {
        return uint192((seed >> 200) % 4) << 190 | uint192((seed >> 240) % 4);
    }

    function _attempt(bytes memory action) private returns (bool ok) {
        ++tries;
        (ok,) = _try(action);
        if (ok) ++successes;
    }

    function _mix(uint256 seed) private returns (uint256) {
        return uint256(keccak256(abi.encode(seed, ++_turn)));
    }
}
