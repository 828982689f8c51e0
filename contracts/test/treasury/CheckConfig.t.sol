// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryRules} from "../support/TreasuryRules.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// checkConfig, asked by the factory's create and addressOf alike
// ├── when the policy is another: reverts PolicyMismatch
// ├── when policyData is cut off, or has bytes left over: reverts RulesLengthMismatch
// ├── unless threshold <= admin <= overriding <= owners - veto: reverts TiersOutOfOrder
// ├── when the delay is neither 0 nor 1 hour to 30 days: reverts DelayOutOfRange
// ├── when there is a veto without a delay, or a delay without a veto, or with as many admin as override signers:
// │   reverts VetoMismatch
// ├── when a token is not above the one before: reverts TokenOutOfOrder
// ├── when a limit is zero: reverts LimitAmountZero
// ├── when a period is not 1 hour to 366 days: reverts PeriodOutOfRange
// ├── when a payee is zero, or not above the one before: reverts PayeeOutOfOrder
// └── otherwise accepts, at any time: no limits, no payees, and as many of both as fit
contract TreasuryCheckConfigTest is TreasuryTest {
    function testFuzz_checkConfig_reverts_whenPolicyIsAnother(address other) public {
        vm.assume(other != address(policy));
        Config memory config = _treasuryConfig(_rules());
        config.policy = other;
        vm.expectRevert(abi.encodeWithSelector(ITreasuryPolicy.PolicyMismatch.selector, other, policy));
        policy.checkConfig(config);
    }

    function testFuzz_checkConfig_reverts_whenLengthIsWrong(uint256 length, uint8 limits) public {
        length = _bound(length, 0, 400);
        Config memory config = _treasuryConfig(_rules());
        config.policyData = new bytes(length);
        if (length > 7) config.policyData[7] = bytes1(limits = uint8(limits % 12));
        uint256 start = 8 + 40 * uint256(limits % 12);
        vm.assume(length < start || (length - start) % 20 != 0);
        _assertConfigRefused(
            config,
            abi.encodeWithSelector(
                ITreasuryPolicy.RulesLengthMismatch.selector, length, length > 7 ? uint256(limits) : 0
            )
        );
    }

    // What stands behind the bytes in calldata must not be taken for their count.
    function testFuzz_checkConfig_reverts_whenShorterThanAHeader(uint256 length) public {
        length = _bound(length, 0, 7);
        Config memory config = _treasuryConfig(_rules());
        bytes memory data = config.policyData;
        assembly ("memory-safe") {
            mstore(data, length)
        }
        _assertConfigRefused(config, abi.encodeWithSelector(ITreasuryPolicy.RulesLengthMismatch.selector, length, 0));
    }

    function testFuzz_checkConfig_holdsTheOrderOfTheTiers(
        uint8 threshold,
        uint8 ownerCount,
        uint8 admin,
        uint8 overriding,
        uint8 veto,
        bool isDelayed
    ) public {
        Rules memory rules = _rules();
        ownerCount = uint8(_bound(ownerCount, 1, 20));
        rules.admin = uint8(_bound(admin, 0, 21));
        rules.overriding = uint8(_bound(overriding, 0, 21));
        rules.veto = uint8(_bound(veto, 0, 5));
        if (!isDelayed) (rules.veto, rules.delaySecs) = (0, 0);
        Config memory config = _configOfStrangers(ownerCount, 1);
        config.threshold = uint8(_bound(threshold, 1, ownerCount));
        config.policy = address(policy);
        config.policyData = TreasuryRules.encode(rules);
        _assertAsTheModelSays(config);
    }

    // A sum of two bytes that wraps would pass.
    function test_checkConfig_reverts_whenOverridingAndVetoTogetherAreAboveAByte() public {
        Rules memory rules = _rules();
        (rules.overriding, rules.veto) = (200, 63);
        _assertConfigRefused(
            _treasuryConfig(rules),
            abi.encodeWithSelector(ITreasuryPolicy.TiersOutOfOrder.selector, 2, 3, 200, 63, OWNERS)
        );
    }

    function testFuzz_checkConfig_reverts_whenDelayIsOutOfRange(uint32 delaySecs) public {
        vm.assume(delaySecs != 0 && (delaySecs < 1 hours || delaySecs > 30 days));
        Rules memory rules = _rules();
        rules.delaySecs = delaySecs;
        _assertConfigRefused(
            _treasuryConfig(rules), abi.encodeWithSelector(ITreasuryPolicy.DelayOutOfRange.selector, delaySecs)
        );
    }

    function test_checkConfig_holdsTheEdgesOfTheDelay() public {
        uint32[4] memory delays = [uint32(1 hours - 1), 30 days + 1, 1 hours, 30 days];
        for (uint256 i; i < 4; ++i) {
            Rules memory rules = _rules();
            rules.delaySecs = delays[i];
            (bool ok,) = address(policy).call(abi.encodeCall(IPolicy.checkConfig, (_treasuryConfig(rules))));
            vm.assertTrue(ok == i > 1, "from an hour to thirty days");
        }
    }

    function test_checkConfig_reverts_whenThereIsAVetoWithoutADelay() public {
        Rules memory rules = _rulesWithoutDelay();
        rules.veto = 1;
        _assertVetoMismatch(rules);
    }

    function test_checkConfig_reverts_whenThereIsADelayWithoutAVeto() public {
        Rules memory rules = _rules();
        rules.veto = 0;
        _assertVetoMismatch(rules);
    }

    function test_checkConfig_reverts_whenADelayCouldBeOverriddenByAdminSigners() public {
        Rules memory rules = _rules();
        rules.admin = rules.overriding;
        _assertVetoMismatch(rules);
    }

    function testFuzz_checkConfig_reverts_whenTokensAreOutOfOrder(address first, address second) public {
        vm.assume(second <= first);
        Rules memory rules = _rules();
        rules.limits[0].token = first;
        rules.limits[1].token = second;
        _assertConfigRefused(
            _treasuryConfig(rules), abi.encodeWithSelector(ITreasuryPolicy.TokenOutOfOrder.selector, 1, second)
        );
    }

    function testFuzz_checkConfig_reverts_whenALimitIsZero(bool isSecond) public {
        Rules memory rules = _rules();
        rules.limits[isSecond ? 1 : 0].amount = 0;
        _assertConfigRefused(
            _treasuryConfig(rules), abi.encodeWithSelector(ITreasuryPolicy.LimitAmountZero.selector, isSecond ? 1 : 0)
        );
    }

    function testFuzz_checkConfig_reverts_whenAPeriodIsOutOfRange(uint32 periodSecs, bool isSecond) public {
        vm.assume(periodSecs < 1 hours || periodSecs > 366 days);
        Rules memory rules = _rules();
        rules.limits[isSecond ? 1 : 0].periodSecs = periodSecs;
        _assertConfigRefused(
            _treasuryConfig(rules),
            abi.encodeWithSelector(ITreasuryPolicy.PeriodOutOfRange.selector, isSecond ? 1 : 0, periodSecs)
        );
    }

    function test_checkConfig_holdsTheEdgesOfAPeriod() public {
        uint32[4] memory periods = [uint32(1 hours - 1), 366 days + 1, 1 hours, 366 days];
        for (uint256 i; i < 4; ++i) {
            Rules memory rules = _rules();
            rules.limits[0].periodSecs = periods[i];
            (bool ok,) = address(policy).call(abi.encodeCall(IPolicy.checkConfig, (_treasuryConfig(rules))));
            vm.assertTrue(ok == i > 1, "from an hour to 366 days");
        }
    }

    function testFuzz_checkConfig_reverts_whenPayeesAreOutOfOrder(address first, address second) public {
        vm.assume(first != address(0) && second <= first);
        address[] memory payees = new address[](2);
        (payees[0], payees[1]) = (first, second);
        _assertConfigRefused(
            _treasuryConfig(_rulesWithPayees(payees)),
            abi.encodeWithSelector(ITreasuryPolicy.PayeeOutOfOrder.selector, 1, second)
        );
    }

    function test_checkConfig_reverts_whenThePayeeIsZero() public {
        _assertConfigRefused(
            _treasuryConfig(_rulesWithPayees(new address[](1))),
            abi.encodeWithSelector(ITreasuryPolicy.PayeeOutOfOrder.selector, 0, address(0))
        );
    }

    // Differential: rules near the valid ones, one byte of them changed, judged byte by byte.
    function testFuzz_checkConfig_isWhatTheModelSays(uint256 seed, uint256 place, bytes1 value) public {
        Config memory config = _treasuryConfig(_someRules(seed));
        if (seed % 4 != 0) config.policyData[place % config.policyData.length] = value;
        config.threshold = uint8(_bound(seed >> 8, 1, OWNERS));
        _assertAsTheModelSays(config);
    }

    // Differential: any bytes at all.
    function testFuzz_checkConfig_isWhatTheModelSays_ofAnyBytes(bytes calldata data, uint8 threshold) public {
        Config memory config = _treasuryConfig(_rules());
        config.threshold = uint8(_bound(threshold, 1, OWNERS));
        config.policyData = data;
        _assertAsTheModelSays(config);
    }

    function testFuzz_checkConfig_accepts_atAnyTime(uint256 seed, uint64 later) public {
        Config memory config = _treasuryConfig(_someRules(seed));
        address foretold = factory.addressOf(config, bytes32(seed));
        vm.warp(block.timestamp + later);
        vm.assertEq(factory.create(config, bytes32(seed)), foretold, "the treasury that was promised");
    }

    function test_checkConfig_accepts_whenThereAreNoLimits() public {
        Rules memory rules = _rules();
        rules.limits = new Limit[](0);
        _open(rules);
        vm.assertEq(wallet.config().policyData.length, 8, "a header and nothing else");
    }

    function test_checkConfig_accepts_asMuchAsFits() public {
        Rules memory rules = _rules();
        rules.limits = new Limit[](102);
        for (uint256 i; i < 102; ++i) {
            rules.limits[i] = Limit(address(uint160(i)), type(uint128).max, 366 days);
        }
        _open(rules);
        rules.limits = _rules().limits;
        rules.payees = new address[](200);
        for (uint256 i; i < 200; ++i) {
            rules.payees[i] = address(uint160(i + 1));
        }
        _open(rules);
        vm.assertEq(policy.rulesOf(address(wallet)).payees.length, 200, "two limits and two hundred payees");
    }

    /* HELPERS */

    /// @dev Rules that are in order.
    function _someRules(uint256 seed) private pure returns (Rules memory rules) {
        rules.admin = uint8(2 + seed % 2);
        rules.overriding = uint8(rules.admin + 1 + (seed >> 2) % 2);
        if ((seed >> 4) % 2 == 0) {
            rules.delaySecs = uint32(1 hours + (seed >> 8) % (30 days - 1 hours + 1));
            rules.veto = uint8(1 + (seed >> 5) % (OWNERS - rules.overriding));
        }
        uint160 last = uint160((seed >> 40) % 2);
        rules.limits = new Limit[]((seed >> 41) % 4);
        for (uint256 i; i < rules.limits.length; ++i) {
            uint256 one = uint256(keccak256(abi.encode(seed, "limit", i)));
            rules.limits[i] = Limit(
                address(last), uint128(1 + one % 1e30), uint32(1 hours + (one >> 128) % (366 days - 1 hours + 1))
            );
            last += 1 + uint152(one);
        }
        rules.payees = new address[]((seed >> 44) % 5);
        last = 0;
        for (uint256 i; i < rules.payees.length; ++i) {
            last += 1 + uint152(uint256(keccak256(abi.encode(seed, "payee", i))));
            rules.payees[i] = address(last);
        }
    }

    function _assertVetoMismatch(Rules memory rules) private {
        _assertConfigRefused(
            _treasuryConfig(rules),
            abi.encodeWithSelector(
                ITreasuryPolicy.VetoMismatch.selector, rules.delaySecs, rules.veto, rules.admin, rules.overriding
            )
        );
    }

    function _assertAsTheModelSays(Config memory config) private {
        bytes memory fault = TreasuryRules.faultOf(config.policyData, config.threshold, config.owners.length);
        (bool ok, bytes memory answer) = address(policy).call(abi.encodeCall(IPolicy.checkConfig, (config)));
        vm.assertTrue(ok == (fault.length == 0), "accepted where the model accepts");
        vm.assertEq(answer, ok ? abi.encode(IPolicy.checkConfig.selector) : fault, "and refused for its reason");
        if (!ok) return;
        wallet = _create(config);
        Rules memory rules = TreasuryRules.decode(config.policyData);
        vm.assertEq(abi.encode(policy.rulesOf(address(wallet))), abi.encode(rules), "and read as it reads");
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
