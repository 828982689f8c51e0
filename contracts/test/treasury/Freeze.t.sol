// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// freeze
// ├── when the wallet has another policy, or is none: reverts
// ├── when the caller is no owner now: reverts NotOwner
// ├── when the rules have no veto: reverts VetoNotAllowed
// ├── when the caller voted in this epoch: reverts AlreadyFrozen
// └── otherwise counts a vote, and emits Frozen
//     ├── below `veto` votes nothing is frozen
//     └── with the last of them, for 30 days, the votes used up and what was queued void
//         ├── nothing passes but what override signers sign, and cancel by admin signers
//         ├── it ends by itself, by `unfreeze`, and with the epoch
//         └── others can freeze anew, also before it ends

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryFreezeTest is TreasuryTest {
    function testFuzz_freeze_reverts_whenCallerIsNoOwner(address caller) public {
        vm.assume(!wallet.isOwner(caller));
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.NotOwner.selector, wallet, caller));
        policy.freeze(address(wallet));
    }

    function test_freeze_reverts_whenTheWalletHasAnotherPolicy() public {
        wallet = _create(_config(1, 7));
        vm.prank(_ownerOf(0));
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.PolicyMismatch.selector, address(0), policy));
        policy.freeze(address(wallet));
    }

    function test_freeze_reverts_whenTheRulesHaveNoVeto() public {
        _open(_rulesWithoutDelay());
        vm.prank(_ownerOf(0));
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.VetoNotAllowed.selector, wallet));
        policy.freeze(address(wallet));
    }

    function testFuzz_freeze_reverts_whenVotedBefore(uint256 owner, uint32 later, bool tookEffect) public {
        owner = owner % OWNERS;
        _freezeBy(owner);
        if (tookEffect) _freezeBy((owner + 1) % OWNERS);
        vm.warp(block.timestamp + later);
        vm.prank(_ownerOf(owner));
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.AlreadyFrozen.selector, wallet, _ownerOf(owner)));
        policy.freeze(address(wallet));
    }

    function testFuzz_freeze_takesEffect_withTheLastVote(uint8 veto, uint32 apart) public {
        Rules memory rules = _rules();
        veto = rules.veto = uint8(_bound(veto, 1, 3));
        rules.overriding = 4;
        _open(rules);
        for (uint256 i = 1; i <= veto; ++i) {
            vm.warp(block.timestamp + apart);
            uint256 until = i == veto ? block.timestamp + FREEZE : 0;
            vm.expectEmit(true, false, false, true, address(policy));
            emit ITreasuryPolicy.Frozen(address(wallet), _ownerOf(i), i, until);
            _freezeBy(i);
            vm.assertEq(policy.freezeVotes(address(wallet)), i == veto ? 0 : i, "votes that are not used up");
            vm.assertEq(policy.frozenUntil(address(wallet)), until, "until");
            vm.assertTrue(policy.hasFrozen(address(wallet), _ownerOf(i)), "voted");
            vm.assertFalse(policy.hasFrozen(address(wallet), _ownerOf(i + 1)), "did not");
        }
        vm.assertFalse(policy.hasFrozen(address(wallet), stranger), "no stranger");
    }

    function testFuzz_freeze_stopsNothing_belowTheRules(uint256 owner) public {
        _queue(_digestOfExecute(ADMIN_LANE, _calls(payee, 1, "")));
        _freezeBy(owner % OWNERS);
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "not frozen");
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)));
        vm.warp(block.timestamp + DELAY);
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, _calls(payee, 1, "")));
    }

    function testFuzz_freeze_stopsEverythingBelowOverride(uint256 count, uint32 passed) public {
        count = _bound(count, 2, 4);
        Call[] memory calls = _calls(payee, 1, "");
        Config memory config = _config(1, 1);
        _queue(_digestOfExecute(OPEN_LANE, calls));
        _queue(_digestOfReconfigure(OPEN_LANE, config));
        vm.warp(block.timestamp + DELAY);
        _freeze();
        uint256 until = block.timestamp + FREEZE;
        vm.warp(block.timestamp + passed % FREEZE);

        bytes memory reason = _frozen(until);
        uint256 signers = _first(count);
        _assertRefused(_signExecute(signers, OPEN_LANE, calls), reason);
        _assertRefused(_signReconfigure(signers, OPEN_LANE, config), reason);
        _assertRefused(_signExecute(signers, OPEN_LANE, _queueCalls(bytes32(0))), reason);
        _assertRefused(_signPayout(signers, OPEN_LANE, address(0), _transfers(payee, 1)), reason);
        _assertRefused(_signPayout(signers, OPEN_LANE, address(token), _transfers(payee, 1)), reason);
        _assertRefused(_signPayout(signers, OPEN_LANE, address(0), new Transfer[](0)), reason);
    }

    // Nothing that has no limit or is above it, either, by those who could do it with a delay.
    function test_freeze_stopsPayoutsOutsideTheLimit() public {
        Transfer[] memory transfers = _transfers(payee, EVERYTHING);
        _queue(_digestOfPayout(ADMIN_LANE, address(0), transfers));
        vm.warp(block.timestamp + DELAY);
        _freeze();
        _assertRefused(_signPayout(BY_ADMIN, ADMIN_LANE, address(0), transfers), _frozen(block.timestamp + FREEZE));
    }

    function testFuzz_freeze_isPassed_byOverrideSigners(uint192 lane, uint256 count) public {
        _freeze();
        uint256 signers = _first(_bound(count, 5, OWNERS));
        _submit(_signPayout(signers, lane, address(0), _transfers(payee, EVERYTHING)));
        _submit(_signExecute(signers, lane, _calls(payee, 0, "")));
        _submit(_signCancel(signers, lane));
        _submit(_signReconfigure(signers, lane, _treasuryConfig(_rules())));
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "and ended by the next epoch");
    }

    // Each limit's window is marked; the marks go when it is over, one by one, and come back with the next freeze.
    function testFuzz_freeze_ends(bool isToken, uint32 passed, bool isUnfrozen) public {
        _submit(_signPayout(BY_PETTY, OPEN_LANE, _asset(isToken), _transfers(payee, 1)));
        _freeze();
        uint256 until = block.timestamp + FREEZE;
        bytes memory payment = _signPayout(BY_PETTY, OPEN_LANE, _asset(isToken), _transfers(payee, 1));
        vm.warp(until - 1 - passed % FREEZE);
        _assertRefused(payment, _frozen(until));
        if (isUnfrozen) _unfreeze();
        else vm.warp(until);
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "not frozen");
        _submit(payment);
        _submit(_signPayout(BY_ADMIN, ADMIN_LANE, _asset(isToken), _transfers(payee, 1)));
        _submit(_signPayout(BY_PETTY, OPEN_LANE, _asset(!isToken), _transfers(payee, 1)));

        _freezeBy(0);
        _freezeBy(1);
        bytes memory reason = _frozen(block.timestamp + FREEZE);
        _assertRefused(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)), reason);
        _assertRefused(_signPayout(BY_PETTY, OPEN_LANE, address(token), _transfers(payee, 1)), reason);
    }

    function testFuzz_freeze_leavesWhatWasSpentAlone(bool isToken, uint256 paid) public {
        address asset = _asset(isToken);
        paid = _bound(paid, 0, _limitOf(isToken));
        _submit(_signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, paid)));
        (uint256 spent, uint256 end) = policy.spent(address(wallet), asset);
        _freeze();
        (uint256 spentAfter, uint256 endAfter) = policy.spent(address(wallet), asset);
        vm.assertEq(spentAfter, spent, "as much");
        vm.assertEq(endAfter, end, "until then");
        (spentAfter, endAfter) = policy.spent(address(wallet), _asset(!isToken));
        vm.assertEq(spentAfter + endAfter, 0, "and no window opened");
        _unfreeze();
        uint256 left = _limitOf(isToken) - paid;
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, left + 1)),
            _limitExceeded(asset, paid, left + 1, _limitOf(isToken))
        );
        _submit(_signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, left)));
    }

    // However many are queued.
    function test_freeze_voidsAllThatWasQueued() public {
        bytes32[] memory digests = new bytes32[](60);
        Call[] memory calls = new Call[](60);
        for (uint256 i; i < 60; ++i) {
            digests[i] = _digestOfExecute(uint192(1000 + i), _calls(payee, 1, ""));
            calls[i] = _queueCalls(digests[i])[0];
        }
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, calls));
        _freeze();
        vm.warp(block.timestamp + FREEZE + DELAY);
        for (uint256 i; i < 60; ++i) {
            vm.assertEq(policy.queuedAt(address(wallet), digests[i]), 0, "void");
            _assertRefused(_signExecute(BY_ADMIN, uint192(1000 + i), _calls(payee, 1, "")), _notQueued(digests[i]));
        }
    }

    function test_freeze_canBeRepeated_byOthers_andThenEnds() public {
        _freezeBy(0);
        _freezeBy(1);
        vm.warp(block.timestamp + 20 days);
        _freezeBy(2);
        uint256 until = policy.frozenUntil(address(wallet));
        vm.assertEq(until, block.timestamp + 10 days, "one vote changes nothing");
        _freezeBy(3);
        vm.assertEq(policy.frozenUntil(address(wallet)), block.timestamp + FREEZE, "thirty days from now");
        vm.warp(block.timestamp + FREEZE - 1);
        _freezeBy(4);
        _freezeBy(5);
        vm.warp(block.timestamp + FREEZE - 1);
        // Six of seven voted: the last one alone is not enough.
        _freezeBy(6);
        vm.warp(block.timestamp + 1);
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "it ends");
        vm.assertEq(policy.freezeVotes(address(wallet)), 1, "one vote is left");
    }

    // A vote missing while the wallet is frozen by an earlier freeze: the event tells the end of that one.
    function test_freeze_tellsTheEndOfTheFreezeThatLasts() public {
        _freezeBy(0);
        _freezeBy(1);
        uint256 until = policy.frozenUntil(address(wallet));
        vm.warp(block.timestamp + 1);
        vm.expectEmit(true, false, false, true, address(policy));
        emit ITreasuryPolicy.Frozen(address(wallet), _ownerOf(2), 1, until);
        _freezeBy(2);
    }

    function test_freeze_isOver_inTheNextEpoch() public {
        _freezeBy(4);
        _freeze();
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, wallet.config()));
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "not frozen");
        vm.assertEq(policy.freezeVotes(address(wallet)), 0, "no votes");
        vm.assertFalse(policy.hasFrozen(address(wallet), _ownerOf(5)), "nobody voted");
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)));
        _freeze();
        vm.assertEq(policy.frozenUntil(address(wallet)), block.timestamp + FREEZE, "and frozen again");
    }

    function test_freeze_leavesOtherWalletsAlone() public {
        _freeze();
        wallet = IWallet(factory.create(_treasuryConfig(_rules()), bytes32(uint256(1))));
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "another treasury of the same owners");
        vm.deal(address(wallet), 1);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)));
    }

    // The costliest rules there can be: the owner's transaction must fit a block many times.
    function test_freeze_takesEffect_withAHundredAndTwoLimits() public {
        Rules memory rules = _rules();
        rules.limits = new Limit[](102);
        for (uint256 i; i < 102; ++i) {
            rules.limits[i] = Limit(address(uint160(i)), 1, 1 days);
        }
        _open(rules);
        _freezeBy(5);
        uint256 before = gasleft();
        _freezeBy(6);
        vm.assertLt(before - gasleft(), 3_000_000, "gas");
        for (uint256 i; i < 102; ++i) {
            (bool ok, bytes memory answer) = _ask(
                abi.encodeCall(
                    policy.checkPayout, (address(uint160(i)), new Transfer[](0), _context(BY_PETTY, OPEN_LANE))
                )
            );
            vm.assertFalse(ok, "frozen");
            vm.assertEq(answer, _frozen(block.timestamp + FREEZE), "why");
        }
    }

    /* HELPERS */

    function _unfreeze() private {
        _submit(
            _signExecute(
                BY_OVERRIDE, OVERRIDE_LANE, _calls(address(policy), 0, abi.encodeCall(ITreasuryPolicy.unfreeze, ()))
            )
        );
    }
}
