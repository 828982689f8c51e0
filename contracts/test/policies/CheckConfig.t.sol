// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config, IWallet} from "../../src/IWallet.sol";
import {IEscrowPolicy, Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// checkConfig, asked by the factory's create and addressOf alike
// ├── when the policy is another: reverts PolicyMismatch
// ├── when there are not three owners: reverts OwnerCountMismatch
// ├── when the threshold is not 1: reverts ThresholdMismatch
// ├── when policyData is not 47 bytes: reverts TermsLengthMismatch
// ├── when the expiry is zero, or the last time-out past MAX_TERM: reverts ExpiryOutOfRange
// ├── when the beneficiary is neither party: reverts BeneficiaryOutOfRange
// ├── when the fee cap is above 10,000: reverts FeeCapOutOfRange
// └── otherwise
//     ├── accepts, an expiry in the past included
//     └── accepts the same configuration at any later time
contract CheckConfigTest is EscrowTest {
    function testFuzz_checkConfig_reverts_whenPolicyIsAnother(address other) public {
        vm.assume(other != address(policy));
        Config memory config = _escrowConfig(_terms());
        config.policy = other;
        vm.expectRevert(abi.encodeWithSelector(IEscrowPolicy.PolicyMismatch.selector, other, policy));
        policy.checkConfig(config);
    }

    function testFuzz_checkConfig_reverts_whenOwnersAreNotThree(uint256 count) public {
        count = _bound(count, 1, 20);
        vm.assume(count != 3);
        Config memory config = _escrowConfig(_terms());
        config.owners = _config(1, count).owners;
        _assertConfigRefused(config, abi.encodeWithSelector(IEscrowPolicy.OwnerCountMismatch.selector, count, 3));
    }

    function testFuzz_checkConfig_reverts_whenThresholdIsNotOne(uint256 threshold) public {
        Config memory config = _escrowConfig(_terms());
        config.threshold = uint8(_bound(threshold, 2, 3));
        _assertConfigRefused(
            config, abi.encodeWithSelector(IEscrowPolicy.ThresholdMismatch.selector, config.threshold, 1)
        );
    }

    function testFuzz_checkConfig_reverts_whenPolicyDataIsNot47Bytes(uint256 length) public {
        length = _bound(length, 0, 100);
        vm.assume(length != 47);
        Config memory config = _escrowConfig(_terms());
        bytes memory policyData = abi.encodePacked(config.policyData, new bytes(64));
        assembly ("memory-safe") {
            mstore(policyData, length)
        }
        config.policyData = policyData;
        _assertConfigRefused(config, abi.encodeWithSelector(IEscrowPolicy.TermsLengthMismatch.selector, length, 47));
    }

    function test_checkConfig_reverts_whenExpiryIsZero() public {
        Terms memory terms = _terms();
        terms.expiry = 0;
        _assertExpiryRefused(terms);
    }

    function testFuzz_checkConfig_reverts_whenLastTimeoutIsPastTheLongestTerm(uint32 arbitrationSecs, uint64 beyond)
        public
    {
        Terms memory terms = _terms();
        terms.arbitrationSecs = arbitrationSecs;
        uint256 furthest = block.timestamp + policy.MAX_TERM() - arbitrationSecs;
        terms.expiry = uint64(furthest + _bound(beyond, 1, type(uint64).max - furthest));
        _assertExpiryRefused(terms);
    }

    function test_checkConfig_reverts_whenExpiryIsInMilliseconds() public {
        Terms memory terms = _terms();
        terms.expiry *= 1000;
        _assertExpiryRefused(terms);
    }

    function testFuzz_checkConfig_reverts_whenBeneficiaryIsNoParty(uint8 beneficiary) public {
        Terms memory terms = _terms();
        terms.timeoutBeneficiary = uint8(_bound(beneficiary, 2, 255));
        _assertConfigRefused(
            _escrowConfig(terms),
            abi.encodeWithSelector(IEscrowPolicy.BeneficiaryOutOfRange.selector, terms.timeoutBeneficiary)
        );
    }

    function testFuzz_checkConfig_reverts_whenFeeCapIsAboveTheWhole(uint16 feeCapBps) public {
        Terms memory terms = _terms();
        terms.arbiterFeeCapBps = uint16(_bound(feeCapBps, 10_001, 65_535));
        _assertConfigRefused(
            _escrowConfig(terms),
            abi.encodeWithSelector(IEscrowPolicy.FeeCapOutOfRange.selector, terms.arbiterFeeCapBps)
        );
    }

    function testFuzz_checkConfig_accepts(
        uint64 expiry,
        uint32 arbitrationSecs,
        bool toSeller,
        uint16 feeCapBps,
        bytes32 termsHash
    ) public view {
        uint256 furthest = block.timestamp + policy.MAX_TERM() - arbitrationSecs;
        Terms memory terms = Terms({
            expiry: uint64(_bound(expiry, 1, furthest)),
            arbitrationSecs: arbitrationSecs,
            timeoutBeneficiary: toSeller ? 1 : 0,
            arbiterFeeCapBps: uint16(_bound(feeCapBps, 0, 10_000)),
            termsHash: termsHash
        });
        vm.assertEq(
            bytes32(policy.checkConfig(_escrowConfig(terms))), bytes32(IPolicy.checkConfig.selector), "the answer"
        );
    }

    function test_checkConfig_accepts_whenLastTimeoutIsTheLongestTermAhead() public {
        Terms memory terms = _terms();
        terms.expiry = uint64(block.timestamp + policy.MAX_TERM() - terms.arbitrationSecs);
        wallet = _create(_escrowConfig(terms));
        vm.assertEq(
            policy.timeoutOf(address(wallet)), block.timestamp + policy.MAX_TERM() - 14 days, "a hundred years ahead"
        );
    }

    // Money may wait at the address of an escrow that nobody created yet: what was accepted when it was sent must be
    // accepted whenever the escrow is created.
    function testFuzz_checkConfig_accepts_wheneverItAcceptedBefore(uint64 expiry, uint32 arbitrationSecs, uint64 later)
        public
    {
        Terms memory terms = _terms();
        terms.expiry = uint64(_bound(expiry, 1, block.timestamp + policy.MAX_TERM() - arbitrationSecs));
        terms.arbitrationSecs = arbitrationSecs;
        address foretold = factory.addressOf(_escrowConfig(terms), bytes32(0));
        vm.warp(block.timestamp + later);
        vm.assertEq(address(_create(_escrowConfig(terms))), foretold, "the escrow that was promised");
    }

    function _assertExpiryRefused(Terms memory terms) private {
        _assertConfigRefused(
            _escrowConfig(terms),
            abi.encodeWithSelector(
                IEscrowPolicy.ExpiryOutOfRange.selector, terms.expiry, terms.arbitrationSecs, block.timestamp
            )
        );
    }

    function _assertConfigRefused(Config memory config, bytes memory reason) private {
        vm.expectRevert(_refusal(reason));
        factory.create(config, bytes32(0));
        vm.expectRevert(_refusal(reason));
        factory.addressOf(config, bytes32(0));
        vm.expectRevert(reason);
        policy.checkConfig(config);
    }
}
