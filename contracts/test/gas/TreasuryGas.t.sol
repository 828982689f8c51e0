// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, Transfer} from "../../src/IWallet.sol";
import {Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryRules} from "../support/TreasuryRules.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";
import {TestToken} from "../tokens/TestToken.sol";

/// @title What the rules of a treasury cost, next to the same payment by the same wallet without a policy
/// @notice Each call is a transaction of its own, under osaka rules. Everything is done three times and the third
/// counts: payees hold a balance, windows are open, nonces are not zero. All by five owners, in an open lane. The
/// figures stand in docs/contracts.md.
/// forge-config: default.isolate = true
contract TreasuryGasTest is TreasuryTest {
    function setUp() public override {
        super.setUp();
        vm.setEvmVersion("osaka");
        token = TestToken(_deployToken());
    }

    // The most that a payment within the limit may cost, of one that knows no rules: 1.30 times.
    function test_petty_costsAtMostThirtyPercentMore() public {
        for (uint256 threshold = 1; threshold <= 3; ++threshold) {
            for (uint256 i; i < 2; ++i) {
                address asset = _asset(i == 1);
                _openFive(threshold, "");
                uint256 bare = _pay(asset, 1);
                _openFive(threshold, _data(asset, 0));
                uint256 petty = _pay(asset, 1);
                vm.assertLe(petty * 100, bare * 130, "within the limit");
                vm.assertTrue(petty > bare, "and measured");
            }
        }
    }

    function test_petty_costsAtMostTwice_withTwoHundredPayees() public {
        _openFive(1, "");
        uint256 bare = _pay(address(0), 1);
        _openFive(1, _data(address(0), 200));
        vm.assertLe(_pay(address(0), 1), bare * 2, "a full list");
    }

    // What a line more costs, of a list of two hundred payees, beyond what it costs without a list.
    function test_line_costsAtMostTwoThousandMore_withTwoHundredPayees() public {
        _openFive(1, _data(address(0), 0));
        uint256 one = _pay(address(0), 1);
        uint256 twenty = _pay(address(0), 20);
        _openFive(1, _data(address(0), 200));
        uint256 oneListed = _pay(address(0), 1);
        uint256 twentyListed = _pay(address(0), 20);
        uint256 more = (twentyListed - oneListed - (twenty - one)) / 19;
        vm.assertLe(more, 2_000, "a line more");
    }

    // To veto is no dearer than to queue: a thief with the honest owners' ether and more cannot wear them out.
    function test_thief_cannotOutspendTheVeto() public {
        uint256 count = 60;
        bytes32[] memory digests = new bytes32[](count);
        Call[] memory queues = new Call[](count);
        for (uint256 i; i < count; ++i) {
            digests[i] = keccak256(abi.encode("junk", i));
            queues[i] = _queueCalls(digests[i])[0];
        }
        bytes memory action = _signExecute(BY_ALL_BUT_ONE_OVERRIDE, 900, queues);
        _submit(action);
        uint256 queued = vm.lastCallGas().gasTotalUsed;
        uint256 vetoed;
        for (uint256 owner = 5; owner < 7; ++owner) {
            vm.prank(_ownerOf(owner));
            policy.veto(address(wallet), digests);
            vetoed += vm.lastCallGas().gasTotalUsed;
        }
        vm.assertLe(vetoed, queued, "two vetoes of all of them cost less than their queue");
    }

    function _openFive(uint256 threshold, bytes memory policyData) private {
        Config memory config = _config(threshold, 5);
        config.policy = policyData.length == 0 ? address(0) : address(policy);
        config.policyData = policyData;
        wallet = _create(config);
        vm.deal(address(wallet), FUNDS);
        token.mint(address(wallet), FUNDS);
    }

    function _data(address asset, uint256 payees) private pure returns (bytes memory) {
        Rules memory rules;
        (rules.admin, rules.overriding, rules.veto, rules.delaySecs) = (3, 4, 1, DELAY);
        rules.limits = new Limit[](1);
        rules.limits[0] = Limit(asset, type(uint128).max, WEEK);
        rules.payees = new address[](payees);
        for (uint256 i; i < payees; ++i) {
            rules.payees[i] = _payee(i);
        }
        return TreasuryRules.encode(rules);
    }

    /// @dev Far apart, as addresses are, and in order.
    function _payee(uint256 i) private pure returns (address) {
        return address((uint160(i + 1) << 150) | uint152(uint256(keccak256(abi.encode("payee", i)))) >> 2);
    }

    function _pay(address asset, uint256 lines) private returns (uint256) {
        for (uint256 n; n < 3; ++n) {
            Transfer[] memory transfers = new Transfer[](lines);
            for (uint256 i; i < lines; ++i) {
                transfers[i] = Transfer(_payee(i * 7), 137_512_345_678_901_234 + i);
            }
            _submit(_signPayout(_first(wallet.getThreshold()), OPEN_LANE, asset, transfers));
        }
        return vm.lastCallGas().gasTotalUsed;
    }
}
