// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {IEscrowPolicy, Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// termsOf, timeoutOf, isDisputed
// ├── when the account is no wallet: revert
// ├── when the wallet has another policy: termsOf and timeoutOf revert PolicyMismatch
// └── otherwise
//     ├── termsOf answers each field, of the present configuration
//     └── timeoutOf is the expiry
contract EscrowViewsTest is EscrowTest {
    function testFuzz_termsOf_answersEachField(
        uint64 expiry,
        uint32 arbitrationSecs,
        bool toSeller,
        uint16 feeCapBps,
        bytes32 termsHash
    ) public {
        Terms memory terms = Terms({
            expiry: uint64(_bound(expiry, 1, block.timestamp)),
            arbitrationSecs: uint32(_bound(arbitrationSecs, 0, 36_525 days)),
            timeoutBeneficiary: toSeller ? 1 : 0,
            arbiterFeeCapBps: uint16(_bound(feeCapBps, 0, 10_000)),
            termsHash: termsHash
        });
        _open(terms);
        vm.assertEq(abi.encode(policy.termsOf(address(wallet))), abi.encode(terms), "the terms");
        vm.assertEq(policy.timeoutOf(address(wallet)), terms.expiry, "the time-out");
        vm.assertFalse(policy.isDisputed(address(wallet)), "not disputed");
    }

    function test_termsOf_answersThePresentOnes_afterAReconfiguration() public {
        Terms memory next = _terms();
        next.expiry += 1 days;
        next.termsHash = keccak256("a bicycle, red");
        _submit(_signReconfigure(BY_ALL, FREE_LANE, _escrowConfig(next)));
        vm.assertEq(abi.encode(policy.termsOf(address(wallet))), abi.encode(next), "the terms");
        vm.assertEq(policy.timeoutOf(address(wallet)), next.expiry, "the time-out");
    }

    // Its policyData would read as terms that nothing enforces.
    function test_views_revert_whenTheWalletHasAnotherPolicy() public {
        Config memory config = _escrowConfig(_terms());
        config.policy = address(0);
        wallet = _create(config);
        bytes memory reason = abi.encodeWithSelector(IEscrowPolicy.PolicyMismatch.selector, address(0), policy);
        vm.expectRevert(reason);
        policy.termsOf(address(wallet));
        vm.expectRevert(reason);
        policy.timeoutOf(address(wallet));
    }

    function testFuzz_views_revert_whenTheAccountIsNoWallet(address account) public {
        // A precompile answers anything.
        vm.assume(account.code.length == 0 && uint160(account) > 0xffff);
        vm.expectRevert();
        policy.termsOf(account);
        vm.expectRevert();
        policy.timeoutOf(account);
        vm.expectRevert();
        policy.isDisputed(account);
    }

    function test_maxTerm_isAHundredYears() public view {
        vm.assertEq(policy.MAX_TERM(), 100 * 365.25 days, "the longest term");
    }
}
