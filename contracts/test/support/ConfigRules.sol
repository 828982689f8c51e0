// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config, IWallet} from "../../src/IWallet.sol";
import {Agreeing, Answering} from "./Answering.sol";
import {WalletTest} from "./WalletTest.sol";

// a configuration
// ├── owners: none, or more than 100: OwnerCountOutOfRange
// │   ├── one is zero: OwnerInvalid, with its index
// │   ├── one is listed before, wherever both stand: OwnerInvalid, with the index of the second
// │   └── any two differ, if only in one bit, or share the low byte: accepted
// ├── threshold: zero or above the number of owners: ThresholdOutOfRange
// ├── policyData: above 4,096 bytes, also above 65,535: PolicyDataTooLong
// ├── policy: zero: nobody is asked
// │   ├── answers `checkConfig` with its selector: accepted
// │   └── anything else, no code included: PolicyRefused, with what it returned
// ├── malformed (a threshold over 8 bits, an account over 160): reverts
// └── within all rules, at their limits too: accepted as it is

/// @title The rules of a configuration, for whatever takes one
abstract contract ConfigRules is WalletTest {
    /// @dev The call that takes the configuration, of the function under test.
    function _encode(Config memory config) internal virtual returns (address target, bytes memory data);

    /// @dev Asserts that the function under test, which gave this answer, took the configuration as it is.
    function _assertTaken(Config memory config, bytes memory answer) internal virtual;

    /// @dev Who asks the policy.
    function _asker() internal virtual returns (address);

    /* OWNERS */

    function test_rules_refuse_whenThereAreNoOwners() public {
        Config memory config = _config(1, 0);
        _assertRefused(config, abi.encodeWithSelector(IWallet.OwnerCountOutOfRange.selector, 0));
    }

    function testFuzz_rules_refuse_whenThereAreTooManyOwners(uint256 count, uint256 seed) public {
        count = _bound(count, 101, 160);
        Config memory config = _configOfStrangers(count, seed);
        _assertRefused(config, abi.encodeWithSelector(IWallet.OwnerCountOutOfRange.selector, count));
    }

    function test_rules_refuse_whenThereIsOneOwnerTooMany() public {
        _assertRefused(_configOfStrangers(101, 1), abi.encodeWithSelector(IWallet.OwnerCountOutOfRange.selector, 101));
    }

    function testFuzz_rules_refuse_whenAnOwnerIsZero(uint256 count, uint256 seed, uint256 place) public {
        count = _bound(count, 1, 100);
        place = place % count;
        Config memory config = _configOfStrangers(count, seed);
        config.owners[place] = address(0);
        _assertRefused(config, abi.encodeWithSelector(IWallet.OwnerInvalid.selector, place, address(0)));
    }

    function testFuzz_rules_refuse_whenAnOwnerIsListedTwice(uint256 count, uint256 seed, uint256 first, uint256 second)
        public
    {
        count = _bound(count, 2, 100);
        second = _bound(second, 1, count - 1);
        first = first % second;
        Config memory config = _configOfStrangers(count, seed);
        config.owners[second] = config.owners[first];
        _assertRefused(config, abi.encodeWithSelector(IWallet.OwnerInvalid.selector, second, config.owners[first]));
    }

    function testFuzz_rules_refuse_whenAnOwnerIsListedTwiceAmongSharedLowBytes(
        uint256 count,
        uint256 seed,
        uint256 first,
        uint256 second
    ) public {
        count = _bound(count, 2, 100);
        second = _bound(second, 1, count - 1);
        first = first % second;
        Config memory config = _sharingLowBytes(count, seed);
        config.owners[second] = config.owners[first];
        _assertRefused(config, abi.encodeWithSelector(IWallet.OwnerInvalid.selector, second, config.owners[first]));
    }

    function testFuzz_rules_accept_whenOwnersShareTheLowByte(uint256 count, uint256 seed) public {
        _assertAccepted(_sharingLowBytes(_bound(count, 1, 100), seed));
    }

    function testFuzz_rules_accept_whenTwoOwnersDifferInOneBit(uint256 count, uint256 seed, uint256 place, uint8 bit)
        public
    {
        count = _bound(count, 2, 100);
        place = _bound(place, 1, count - 1);
        Config memory config = _configOfStrangers(count, seed);
        config.owners[place] = address(uint160(config.owners[seed % place]) ^ uint160(1 << (bit % 160)));
        _assertAccepted(config);
    }

    /* THRESHOLD */

    function testFuzz_rules_refuse_whenTheThresholdIsZero(uint256 count, uint256 seed) public {
        count = _bound(count, 1, 100);
        Config memory config = _configOfStrangers(count, seed);
        config.threshold = 0;
        _assertRefused(config, abi.encodeWithSelector(IWallet.ThresholdOutOfRange.selector, 0, count));
    }

    function testFuzz_rules_refuse_whenTheThresholdCannotBeReached(uint256 count, uint256 seed, uint256 threshold)
        public
    {
        count = _bound(count, 1, 100);
        threshold = _bound(threshold, count + 1, 255);
        Config memory config = _configOfStrangers(count, seed);
        config.threshold = uint8(threshold);
        _assertRefused(config, abi.encodeWithSelector(IWallet.ThresholdOutOfRange.selector, threshold, count));
    }

    /* POLICY DATA */

    function testFuzz_rules_refuse_whenPolicyDataIsTooLong(uint256 length) public {
        length = _bound(length, 4097, 70_000);
        Config memory config = _config(2, 3);
        config.policyData = new bytes(length);
        _assertRefused(config, abi.encodeWithSelector(IWallet.PolicyDataTooLong.selector, length));
    }

    function test_rules_refuse_whenPolicyDataIsOneByteTooLong() public {
        Config memory config = _config(2, 3);
        config.policyData = new bytes(4097);
        _assertRefused(config, abi.encodeWithSelector(IWallet.PolicyDataTooLong.selector, 4097));
    }

    /* POLICY */

    function test_rules_refuse_whenThePolicyHasNoCode() public {
        Config memory config = _config(2, 3);
        config.policy = address(0xC0DE);
        _assertRefused(config, abi.encodeWithSelector(IWallet.PolicyRefused.selector, config.policy, ""));
    }

    function testFuzz_rules_refuse_whenThePolicyAnswersOtherwise(bytes memory answer) public {
        vm.assume(keccak256(answer) != keccak256(abi.encode(IPolicy.checkConfig.selector)));
        _assertRefusedByPolicy(answer, false);
    }

    function testFuzz_rules_refuse_whenThePolicyReverts(bytes memory reason) public {
        _assertRefusedByPolicy(reason, true);
    }

    function test_rules_refuse_whenThePolicyRevertsWithTheSelector() public {
        _assertRefusedByPolicy(abi.encode(IPolicy.checkConfig.selector), true);
    }

    function test_rules_refuse_whenThePolicyAnswersMoreThanTheSelector() public {
        _assertRefusedByPolicy(abi.encode(IPolicy.checkConfig.selector, 0), false);
        _assertRefusedByPolicy(abi.encode(bytes32(IPolicy.checkConfig.selector) | bytes32(uint256(1))), false);
    }

    function test_rules_refuse_whenThePolicyAnswersLessThanAWord() public {
        _assertRefusedByPolicy(abi.encodePacked(IPolicy.checkConfig.selector), false);
        _assertRefusedByPolicy("", false);
    }

    function test_rules_refuse_whenThePolicyAnswersWithAnotherHooksSelector() public {
        _assertRefusedByPolicy(abi.encode(IPolicy.checkReconfigure.selector), false);
    }

    function test_rules_askThePolicyAboutTheWholeConfiguration() public {
        Config memory config = _config(2, 3);
        config.policy = address(new Agreeing(_asker()));
        config.policyData = "what the owners agreed on";
        vm.expectCall(config.policy, abi.encodeCall(IPolicy.checkConfig, (config)));
        _assertAccepted(config);
    }

    /* FORM */

    function testFuzz_rules_refuse_whenAnAccountIsOver160Bits(uint256 count, uint256 seed, uint256 place, uint8 bit)
        public
    {
        count = _bound(count, 1, 100);
        Config memory config = _configOfStrangers(count, seed);
        config.policy = address(new Agreeing(address(0)));
        place = place % (count + 1);
        address account = place == count ? config.policy : config.owners[place];
        _assertRefusedWithBit(config, _wordOf(config, account), 160 + bit % 96);
    }

    function testFuzz_rules_refuse_whenTheThresholdIsOver8Bits(uint8 bit) public {
        Config memory config = _config(2, 3);
        config.policy = address(new Agreeing(address(0)));
        // The tuple begins threshold, owners, policy.
        _assertRefusedWithBit(config, _wordOf(config, config.policy) - 64, 8 + bit % 248);
    }

    function testFuzz_rules_accept_whatKeepsThem(uint256 count, uint256 seed, uint256 threshold, bytes memory data)
        public
    {
        count = _bound(count, 1, 100);
        Config memory config = _configOfStrangers(count, seed);
        config.threshold = uint8(_bound(threshold, 1, count));
        config.policyData = data;
        if (seed & 1 != 0) config.policy = address(new Agreeing(_asker()));
        _assertAccepted(config);
    }

    function test_rules_accept_theLargestConfiguration() public {
        Config memory config = _configOfStrangers(100, 7);
        config.threshold = 100;
        config.policy = address(new Agreeing(_asker()));
        config.policyData = bytes.concat(new bytes(4095), hex"ff");
        _assertAccepted(config);
    }

    /* HELPERS */

    function _assertAccepted(Config memory config) private {
        (address target, bytes memory data) = _encode(config);
        (bool ok, bytes memory answer) = target.call(data);
        vm.assertTrue(ok, "accepted");
        _assertTaken(config, answer);
    }

    function _assertRefused(Config memory config, bytes memory reason) internal {
        (address target, bytes memory data) = _encode(config);
        (bool ok, bytes memory answer) = target.call(data);
        vm.assertFalse(ok, "refused");
        vm.assertEq(answer, reason, "the reason");
    }

    function _assertRefusedByPolicy(bytes memory answer, bool reverts) private {
        Config memory config = _config(2, 3);
        config.policy = address(new Answering(answer, reverts));
        _assertRefused(config, abi.encodeWithSelector(IWallet.PolicyRefused.selector, config.policy, answer));
    }

    /// @dev Solidity's decoder reverts without a reason.
    function _assertRefusedWithBit(Config memory config, uint256 offset, uint256 bit) private {
        (address target, bytes memory data) = _encode(config);
        assembly ("memory-safe") {
            let word := add(add(data, 0x20), offset)
            mstore(word, or(mload(word), shl(bit, 1)))
        }
        (bool ok, bytes memory answer) = target.call(data);
        vm.assertFalse(ok, "refused");
        vm.assertEq(answer, "", "without a reason");
    }

    /// @dev Where in the encoded call the word of this account stands.
    function _wordOf(Config memory config, address account) private returns (uint256 offset) {
        (, bytes memory data) = _encode(config);
        for (offset = 4; offset < data.length; offset += 32) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(add(data, 0x20), offset))
            }
            if (word == uint160(account)) return offset;
        }
        revert("the account is in the call");
    }

    /// @dev Owners with two low bytes among all of them.
    function _sharingLowBytes(uint256 count, uint256 seed) private pure returns (Config memory config) {
        config = _configOfStrangers(count, seed);
        for (uint256 i; i < count; ++i) {
            config.owners[i] = address((uint160(config.owners[i]) & ~uint160(0xfe)) | uint160(seed & 0xfe));
        }
    }
}
