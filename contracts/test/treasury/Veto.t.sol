// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config} from "../../src/IWallet.sol";
import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";
import {Log} from "../support/Vm.sol";

// veto
// ├── when the wallet has another policy, or is none: reverts
// ├── when the caller is no owner now: reverts NotOwner
// ├── when the rules have no veto: reverts VetoNotAllowed
// └── otherwise counts each owner once per digest, and emits Vetoed for what is new
//     ├── below `veto` owners it stops nothing, from there on it does
//     ├── before, while and after the digest waits, through freezes
//     └── until the epoch ends

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryVetoTest is TreasuryTest {
    bytes32 private constant DIGEST = keccak256("some action");

    function testFuzz_veto_reverts_whenCallerIsNoOwner(address caller) public {
        vm.assume(!wallet.isOwner(caller));
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.NotOwner.selector, wallet, caller));
        policy.veto(address(wallet), _digests(DIGEST));
    }

    function test_veto_reverts_whenCallerIsNoOwnerAnyMore() public {
        _veto(6, DIGEST);
        Config memory config = _treasuryConfig(_rules());
        config.owners[6] = address(0xbeef);
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, config));
        vm.prank(_ownerOf(6));
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.NotOwner.selector, wallet, _ownerOf(6)));
        policy.veto(address(wallet), _digests(DIGEST));
    }

    function test_veto_reverts_whenTheWalletHasAnotherPolicy() public {
        wallet = _create(_config(1, 7));
        vm.prank(_ownerOf(0));
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.PolicyMismatch.selector, address(0), policy));
        policy.veto(address(wallet), _digests(DIGEST));
    }

    function testFuzz_veto_reverts_whenThereIsNoWallet(address nobody) public {
        vm.assume(nobody.code.length == 0 && uint160(nobody) > 0xff);
        vm.prank(_ownerOf(0));
        vm.expectRevert();
        policy.veto(nobody, _digests(DIGEST));
    }

    function test_veto_reverts_whenTheRulesHaveNone() public {
        _open(_rulesWithoutDelay());
        vm.prank(_ownerOf(0));
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.VetoNotAllowed.selector, wallet));
        policy.veto(address(wallet), _digests(DIGEST));
    }

    function testFuzz_veto_countsEachOwnerOnce(uint256 seed) public {
        uint256 vetoers;
        for (uint256 i; i < 12; ++i) {
            uint256 owner = uint256(keccak256(abi.encode(seed, i))) % OWNERS;
            bool isNew = (vetoers >> owner) & 1 == 0;
            vetoers |= 1 << owner;
            uint256 count;
            for (uint256 j; j < OWNERS; ++j) {
                count += (vetoers >> j) & 1;
            }
            vm.recordLogs();
            _veto(owner, DIGEST);
            Log[] memory logs = vm.getRecordedLogs();
            vm.assertEq(logs.length, isNew ? 1 : 0, "an event for what is new");
            if (isNew) {
                vm.assertEq(logs[0].topics[0], ITreasuryPolicy.Vetoed.selector, "Vetoed");
                vm.assertEq(logs[0].topics[1], bytes32(uint256(uint160(address(wallet)))), "the wallet");
                vm.assertEq(logs[0].topics[2], DIGEST, "the digest");
                vm.assertEq(logs[0].data, abi.encode(_ownerOf(owner), count), "who, and how many by now");
            }
            vm.assertEq(policy.vetoes(address(wallet), DIGEST), count, "how many");
            vm.assertTrue(policy.hasVetoed(address(wallet), DIGEST, _ownerOf(owner)), "who");
        }
        for (uint256 j; j < OWNERS; ++j) {
            bool has = policy.hasVetoed(address(wallet), DIGEST, _ownerOf(j));
            vm.assertTrue(has == ((vetoers >> j) & 1 == 1), "and nobody else");
        }
        vm.assertFalse(policy.hasVetoed(address(wallet), DIGEST, stranger), "no stranger");
    }

    function testFuzz_veto_takesMany_andPassesOverWhatItHas(uint256 count, uint256 had) public {
        bytes32[] memory digests = new bytes32[](_bound(count, 0, 30));
        for (uint256 i; i < digests.length; ++i) {
            // Some are there twice.
            digests[i] = keccak256(abi.encode(i - i % 3));
        }
        if (digests.length != 0) _veto(5, digests[had % digests.length]);
        vm.prank(_ownerOf(5));
        policy.veto(address(wallet), digests);
        for (uint256 i; i < digests.length; ++i) {
            vm.assertEq(policy.vetoes(address(wallet), digests[i]), 1, "once");
        }
    }

    function testFuzz_veto_stopsNothing_belowTheRules(uint256 owner, bool isBefore) public {
        Call[] memory calls = _calls(payee, 1, "");
        bytes32 digest = _digestOfExecute(ADMIN_LANE, calls);
        if (isBefore) _veto(owner % OWNERS, digest);
        _queue(digest);
        if (!isBefore) _veto(owner % OWNERS, digest);
        vm.warp(block.timestamp + DELAY);
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, calls));
    }

    function testFuzz_veto_stops_fromTheRulesOn(uint256 first, uint256 second, uint256 when) public {
        (first, second) = (first % OWNERS, second % OWNERS);
        vm.assume(first != second);
        Call[] memory calls = _calls(payee, 1, "");
        bytes32 digest = _digestOfExecute(ADMIN_LANE, calls);
        if (when % 3 == 0) _veto(first, digest);
        if (when % 2 == 0) _veto(second, digest);
        _queue(digest);
        _veto(first, digest);
        vm.warp(block.timestamp + DELAY);
        _veto(second, digest);
        _assertRefused(
            _signExecute(BY_ADMIN, ADMIN_LANE, calls),
            abi.encodeWithSelector(ITreasuryPolicy.VetoStands.selector, digest, 2)
        );
        // Those who veto cannot stop the rest.
        _submit(_signExecute(BY_OVERRIDE, ADMIN_LANE, calls));
    }

    // Queueing anew after a freeze does not wash a veto off.
    function test_veto_staysForTheEpoch_throughAFreeze() public {
        Call[] memory calls = _calls(payee, 1, "");
        bytes32 digest = _digestOfExecute(ADMIN_LANE, calls);
        _queue(digest);
        _veto(5, digest);
        _veto(6, digest);
        _freeze();
        vm.warp(block.timestamp + FREEZE);
        _queue(digest);
        vm.warp(block.timestamp + DELAY);
        _assertRefused(
            _signExecute(BY_ADMIN, ADMIN_LANE, calls),
            abi.encodeWithSelector(ITreasuryPolicy.VetoStands.selector, digest, 2)
        );
    }

    function test_veto_isOver_inTheNextEpoch() public {
        _veto(5, DIGEST);
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, wallet.config()));
        vm.assertEq(policy.vetoes(address(wallet), DIGEST), 0, "none");
        vm.assertFalse(policy.hasVetoed(address(wallet), DIGEST, _ownerOf(5)), "nobody");
        _veto(6, DIGEST);
        vm.assertEq(policy.vetoes(address(wallet), DIGEST), 1, "and one again");
    }

    // The bit of an owner is its place: another owner there did not veto.
    function test_veto_isNobodyElses_whenOwnersChangePlaces() public {
        _veto(5, DIGEST);
        Config memory config = _treasuryConfig(_rules());
        (config.owners[4], config.owners[5]) = (config.owners[5], config.owners[4]);
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, config));
        vm.assertFalse(policy.hasVetoed(address(wallet), DIGEST, _ownerOf(4)), "not who stands there now");
    }

    function test_veto_leavesOtherWalletsAlone() public {
        _veto(5, DIGEST);
        address other = factory.create(_treasuryConfig(_rules()), bytes32(uint256(1)));
        vm.assertEq(policy.vetoes(other, DIGEST), 0, "another treasury of the same owners");
    }

    // The hundredth owner's bit is one of the word's 128.
    function test_veto_counts_ofAHundredOwners() public {
        Config memory config = _configOfStrangers(100, 1);
        config.threshold = 2;
        config.policy = address(policy);
        config.policyData = _treasuryConfig(_rules()).policyData;
        wallet = _create(config);
        for (uint256 i = 98; i < 100; ++i) {
            vm.prank(config.owners[i]);
            policy.veto(address(wallet), _digests(DIGEST));
            vm.prank(config.owners[i]);
            policy.freeze(address(wallet));
            vm.assertTrue(policy.hasVetoed(address(wallet), DIGEST, config.owners[i]), "vetoed");
            vm.assertTrue(policy.hasFrozen(address(wallet), config.owners[i]), "voted");
        }
        vm.assertEq(policy.vetoes(address(wallet), DIGEST), 2, "two");
        vm.assertEq(policy.frozenUntil(address(wallet)), block.timestamp + FREEZE, "frozen");
        vm.assertFalse(policy.hasVetoed(address(wallet), DIGEST, config.owners[97]), "and no other");
    }
}
