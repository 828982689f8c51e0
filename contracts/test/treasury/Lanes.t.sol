// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config} from "../../src/IWallet.sol";
import {Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryRules} from "../support/TreasuryRules.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// the lane of an action, of whatever kind
// ├── of which the highest bit is set: is open to any signers
// ├── of which the two highest bits are 00: takes admin signers, else reverts LaneClosed
// └── of which the two highest bits are 01: takes override signers, else reverts LaneClosed

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryLanesTest is TreasuryTest {
    function testFuzz_cancel_isWhatTheModelSays(uint192 lane, uint256 count) public {
        count = _bound(count, 2, OWNERS);
        bytes memory action = _signCancel(_first(count), lane);
        if (TreasuryRules.mayActIn(_rules(), count, lane)) _submit(action);
        else _assertRefused(action, _laneClosed(lane, count));
    }

    // The lane is looked at first, whatever the action is.
    function testFuzz_actions_revert_whenLaneIsNotTheirs(uint192 lane, uint256 count) public {
        count = _bound(count, 2, 4);
        uint256 signers = _first(count);
        lane = (lane >> 2) | (count == 2 ? uint192(0) : uint192(1 << 190));
        bytes memory reason = _laneClosed(lane, count);
        Call[] memory calls = _calls(payee, 1, "");
        _queue(_digestOfExecute(lane, calls));
        _queue(_digestOfReconfigure(lane, _config(1, 1)));
        vm.warp(block.timestamp + DELAY);
        _assertRefused(_signExecute(signers, lane, calls), reason);
        _assertRefused(_signPayout(signers, lane, address(0), _transfers(payee, 1)), reason);
        _assertRefused(_signReconfigure(signers, lane, _config(1, 1)), reason);
        _assertRefused(_signCancel(signers, lane), reason);
    }

    function test_lanes_holdTheirEdges() public {
        uint192[6] memory lanes = [uint192(0), (1 << 190) - 1, 1 << 190, (1 << 191) - 1, 1 << 191, type(uint192).max];
        uint256[6] memory needed = [uint256(3), 3, 5, 5, 2, 2];
        for (uint256 i; i < lanes.length; ++i) {
            if (needed[i] > 2) {
                uint256 few = needed[i] - 1;
                _assertRefused(_signCancel(_first(few), lanes[i]), _laneClosed(lanes[i], few));
            }
            _submit(_signCancel(_first(needed[i]), lanes[i]));
        }
    }

    // Override signers sign, and somebody leaves signatures out: below override the lane is closed.
    function testFuzz_overrideLane_isClosedToASubsetOfTheSignatures(uint256 subset) public {
        subset = subset % BY_ALL + 1;
        uint256 count = TreasuryRules.countOf(subset);
        vm.assume(count >= 2 && count < 5);
        Config memory config = _treasuryConfig(_rules());
        _assertRefused(_signReconfigure(subset, OVERRIDE_LANE, config), _laneClosed(OVERRIDE_LANE, count));
        vm.assertEq(wallet.nonce(OVERRIDE_LANE), uint256(OVERRIDE_LANE) << 64, "the nonce is still free");
    }

    // A thief with admin keys, one short of override, goes for the nonces of the action that removes it.
    function testFuzz_overrideLane_isNotUsedUp_byAThief(uint192 low, uint256 count) public {
        count = _bound(count, 2, 4);
        uint192 lane = (1 << 190) | (low >> 2);
        Config memory without = _treasuryConfig(_rules());
        without.owners[0] = address(0xbeef);
        bytes memory removal = _signReconfigure(BY_ALL & ~uint256(3), lane, without);
        (bool ok,) = _try(_signCancel(_first(count), lane));
        vm.assertFalse(ok, "no cancel");
        (ok,) = _try(_signPayout(_first(count), lane, address(0), _transfers(payee, 0)));
        vm.assertFalse(ok, "no payment");
        (ok,) = _try(_signExecute(_first(count), lane, _queueCalls(keccak256("junk"))));
        vm.assertFalse(ok, "no queue");
        _submit(removal);
        vm.assertFalse(wallet.isOwner(_ownerOf(0)), "removed");
    }

    // Where there is no petty tier, or no difference between admin and override, the lanes go by the numbers.
    function testFuzz_cancel_isWhatTheModelSays_ofOtherTiers(uint192 lane, uint256 seed) public {
        Rules memory rules = _rulesWithoutDelay();
        rules.admin = uint8(2 + seed % 3);
        rules.overriding = uint8(rules.admin + (seed >> 8) % 3);
        _open(rules);
        uint256 count = _bound(seed >> 16, 2, OWNERS);
        bytes memory action = _signCancel(_first(count), lane);
        if (TreasuryRules.mayActIn(rules, count, lane)) _submit(action);
        else _assertRefused(action, _laneClosed(lane, count));
    }
}
