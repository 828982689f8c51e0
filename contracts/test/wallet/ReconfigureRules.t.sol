// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config, IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {StubPolicy} from "../support/Policies.sol";
import {Stub} from "../support/Stub.sol";
import {WalletTest} from "../support/WalletTest.sol";

// reconfigure, to a configuration that breaks a rule
// ├── when there are no owners, or more than 100: reverts OwnerCountOutOfRange
// ├── when the threshold is 0, or above the number of owners: reverts ThresholdOutOfRange
// ├── when policyData is longer than 4,096 bytes: reverts PolicyDataTooLong
// ├── when an owner is zero, the wallet, or listed before: reverts OwnerInvalid with its index
// ├── when the new policy does not accept it: reverts PolicyRefused with what it returned
// └── in each case the old configuration stays, and the nonce is free
contract ReconfigureRulesTest is WalletTest {
    function test_reconfigure_reverts_whenThereAreNoOwners() public {
        _expect(_config(0, 0), abi.encodeWithSelector(IWallet.OwnerCountOutOfRange.selector, 0));
        _expect(_config(1, 0), abi.encodeWithSelector(IWallet.OwnerCountOutOfRange.selector, 0));
    }

    function testFuzz_reconfigure_reverts_whenThereAreTooManyOwners(uint256 count) public {
        count = _bound(count, 101, 300);
        Config memory next = _config(1, 0);
        next.owners = _accounts(count);
        _expect(next, abi.encodeWithSelector(IWallet.OwnerCountOutOfRange.selector, count));
    }

    function testFuzz_reconfigure_reverts_whenThresholdIsZero(uint256 count) public {
        count = _bound(count, 1, 100);
        _expect(_plain(0, count), abi.encodeWithSelector(IWallet.ThresholdOutOfRange.selector, 0, count));
    }

    function testFuzz_reconfigure_reverts_whenThresholdIsAboveTheOwners(uint256 threshold, uint256 count) public {
        count = _bound(count, 1, 100);
        threshold = _bound(threshold, count + 1, 255);
        Config memory next = _plain(threshold, count);
        _expect(next, abi.encodeWithSelector(IWallet.ThresholdOutOfRange.selector, threshold, count));
    }

    function testFuzz_reconfigure_reverts_whenPolicyDataIsTooLong(uint256 length) public {
        length = length % 8 == 0 ? 65_536 + length % 1000 : _bound(length, 4097, 10_000);
        Config memory next = _config(1, 1);
        next.policyData = new bytes(length);
        _expect(next, abi.encodeWithSelector(IWallet.PolicyDataTooLong.selector, length));
    }

    function testFuzz_reconfigure_reverts_whenAnOwnerIsZero(uint256 count, uint256 index) public {
        count = _bound(count, 1, 100);
        _expectOwnerInvalid(count, _bound(index, 0, count - 1), address(0));
    }

    function testFuzz_reconfigure_reverts_whenAnOwnerIsTheWallet(uint256 count, uint256 index) public {
        count = _bound(count, 1, 100);
        _expectOwnerInvalid(count, _bound(index, 0, count - 1), address(wallet));
    }

    function testFuzz_reconfigure_reverts_whenAnOwnerIsListedBefore(uint256 count, uint256 first, uint256 second)
        public
    {
        count = _bound(count, 2, 100);
        second = _bound(second, 1, count - 1);
        first = _bound(first, 0, second - 1);
        _expectOwnerInvalid(count, second, _accounts(count)[first]);
    }

    /// @dev Owners are told apart by their whole address, however much of it they share.
    function testFuzz_reconfigure_succeeds_whenOwnersDifferInOneBit(address owner, uint256 bit) public {
        address twin = address(uint160(owner) ^ uint160(1 << (bit % 160)));
        vm.assume(owner != address(0) && twin != address(0) && owner != address(wallet) && twin != address(wallet));
        Config memory next = _config(1, 2);
        (next.owners[0], next.owners[1]) = (owner, twin);
        _reconfigure(next);
        vm.assertTrue(wallet.isOwner(owner) && wallet.isOwner(twin), "both are owners");
    }

    function test_reconfigure_reverts_whenTheNewPolicyHasNoCode() public {
        Config memory next = _config(1, 1);
        next.policy = address(0x9011c4);
        _expect(next, abi.encodeWithSelector(IWallet.PolicyRefused.selector, next.policy, ""));
    }

    /// @dev A contract with a catch-all fallback, as WETH9 is, takes any call and returns nothing.
    function test_reconfigure_reverts_whenTheNewPolicyTakesAnyCall() public {
        Config memory next = _config(1, 1);
        next.policy = address(new Stub());
        _expect(next, abi.encodeWithSelector(IWallet.PolicyRefused.selector, next.policy, ""));
    }

    function test_reconfigure_reverts_whenTheNewPolicyIsTheWallet() public {
        Config memory next = _config(1, 1);
        next.policy = address(wallet);
        _expect(next, abi.encodeWithSelector(IWallet.PolicyRefused.selector, wallet, ""));
    }

    function testFuzz_reconfigure_reverts_whenTheNewPolicyFails(bytes calldata reason) public {
        StubPolicy policy = new StubPolicy();
        policy.failAt(abi.encodePacked(IPolicy.checkConfig.selector), reason);
        Config memory next = _config(1, 1);
        next.policy = address(policy);
        _expect(next, abi.encodeWithSelector(IWallet.PolicyRefused.selector, policy, reason));
    }

    function testFuzz_reconfigure_reverts_whenTheNewPolicyAnswersAnythingElse(bytes calldata answer) public {
        StubPolicy policy = new StubPolicy();
        vm.assume(keccak256(answer) != keccak256(abi.encode(IPolicy.checkConfig.selector)));
        policy.answerTo(abi.encodePacked(IPolicy.checkConfig.selector), answer);
        Config memory next = _config(1, 1);
        next.policy = address(policy);
        _expect(next, abi.encodeWithSelector(IWallet.PolicyRefused.selector, policy, answer));
    }

    function testFuzz_reconfigure_asksTheNewPolicyAboutTheWholeConfig(bytes calldata data) public {
        Config memory next = _config(2, 3);
        next.policy = address(new StubPolicy());
        next.policyData = data;
        bytes memory signatures = _authorize(Digests.ofReconfigure(next, 0, LATER));
        vm.expectCall(next.policy, abi.encodeCall(IPolicy.checkConfig, (next)), 1);
        wallet.reconfigure(next, 0, LATER, signatures);
    }

    /// @dev The new policy is asked whether it accepts, the old one whether the wallet may: neither for the other.
    function test_reconfigure_asksEachPolicyItsOwnQuestion() public {
        StubPolicy old = new StubPolicy();
        StubPolicy new_ = new StubPolicy();
        Config memory present = _config(2, 3);
        present.policy = address(old);
        wallet = _create(present);
        old.failAt(abi.encodePacked(IPolicy.checkConfig.selector), "");
        new_.failAt(abi.encodePacked(IPolicy.checkReconfigure.selector), "");

        Config memory next = _config(2, 3);
        next.policy = address(new_);
        _reconfigure(next);
        vm.assertEq(wallet.config().policy, address(new_), "taken over");
    }

    function _expectOwnerInvalid(uint256 count, uint256 index, address owner) private {
        Config memory next = _plain(1, count);
        next.owners[index] = owner;
        _expect(next, abi.encodeWithSelector(IWallet.OwnerInvalid.selector, index, owner));
    }

    function _plain(uint256 threshold, uint256 count) private pure returns (Config memory config) {
        config.threshold = uint8(threshold);
        config.owners = _accounts(count);
    }

    function _expect(Config memory next, bytes memory revertData) private {
        bytes memory signatures = _authorize(Digests.ofReconfigure(next, 0, LATER));
        vm.expectRevert(revertData);
        wallet.reconfigure(next, 0, LATER, signatures);
        vm.assertEq(abi.encode(wallet.config()), abi.encode(_config(2, 3)), "the configuration stays");
        vm.assertEq(wallet.epoch(), 0, "and so does the epoch");
        vm.assertEq(wallet.nonce(0), 0, "the nonce is free");
    }
}
