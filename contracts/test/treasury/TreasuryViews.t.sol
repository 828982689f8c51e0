// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// rulesOf, and the views of what counts in an epoch
// ├── when the account is no wallet: revert
// ├── when the wallet has another policy: rulesOf reverts PolicyMismatch, the others answer zeros
// └── otherwise rulesOf answers the rules of the present configuration
contract TreasuryViewsTest is TreasuryTest {
    function test_rulesOf_answersThePresentOnes_afterAReconfiguration() public {
        vm.assertEq(abi.encode(policy.rulesOf(address(wallet))), abi.encode(_rules()), "the rules");
        Rules memory next = _rules();
        next.admin = 4;
        next.limits[1].amount = type(uint128).max;
        next.payees = new address[](1);
        next.payees[0] = payee;
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, _treasuryConfig(next)));
        vm.assertEq(abi.encode(policy.rulesOf(address(wallet))), abi.encode(next), "the next ones");
    }

    // Its policyData would read as rules that nothing enforces.
    function test_views_answerNothing_whenTheWalletHasAnotherPolicy() public {
        Config memory config = _treasuryConfig(_rules());
        config.policy = address(0);
        wallet = _create(config);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.PolicyMismatch.selector, address(0), policy));
        policy.rulesOf(address(wallet));
        vm.assertEq(policy.queuedAt(address(wallet), 0), 0, "not queued");
        vm.assertEq(policy.vetoes(address(wallet), 0), 0, "not vetoed");
        vm.assertFalse(policy.hasVetoed(address(wallet), 0, _ownerOf(0)), "by nobody");
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "not frozen");
        vm.assertEq(policy.freezeVotes(address(wallet)), 0, "no votes");
        vm.assertFalse(policy.hasFrozen(address(wallet), _ownerOf(0)), "by nobody");
    }

    // What was queued, vetoed, frozen and voted stays behind where a wallet leaves the policy, and when it comes back.
    function test_views_answerNothing_whenTheWalletLeavesAndComesBack() public {
        bytes32 digest = keccak256("an action");
        _queue(digest);
        _veto(5, digest);
        _veto(6, digest);
        _freezeBy(4);
        _freeze();
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, _config(2, OWNERS)));
        for (uint256 i; i < 2; ++i) {
            vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "not queued");
            vm.assertEq(policy.vetoes(address(wallet), digest), 0, "not vetoed");
            vm.assertFalse(policy.hasVetoed(address(wallet), digest, _ownerOf(5)), "by nobody");
            vm.assertEq(policy.frozenUntil(address(wallet)), 0, "not frozen");
            vm.assertEq(policy.freezeVotes(address(wallet)), 0, "no votes");
            vm.assertFalse(policy.hasFrozen(address(wallet), _ownerOf(5)), "by nobody");
            if (i == 0) _submit(_signReconfigure(BY_PETTY, 0, _treasuryConfig(_rules())));
        }
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)));
    }

    function test_views_revert_whenThereIsNoWallet() public {
        vm.expectRevert();
        policy.rulesOf(stranger);
        vm.expectRevert();
        policy.queuedAt(stranger, 0);
        vm.expectRevert();
        policy.vetoes(stranger, 0);
        vm.expectRevert();
        policy.frozenUntil(stranger);
        vm.expectRevert();
        policy.freezeVotes(stranger);
        vm.expectRevert();
        policy.hasVetoed(stranger, 0, stranger);
        vm.expectRevert();
        policy.hasFrozen(stranger, stranger);
    }
}
