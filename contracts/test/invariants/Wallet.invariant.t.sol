// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Config, IWallet} from "../../src/IWallet.sol";
import {WalletTest} from "../support/WalletTest.sol";
import {Ledger} from "./wallet/Ledger.sol";
import {Kind, Property} from "./wallet/Types.sol";
import {WalletHandler} from "./wallet/WalletHandler.sol";
import {WalletModel} from "./wallet/WalletModel.sol";

/// @notice What forge calls in a campaign.
struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @title Properties 1 to 8 of INVARIANTS.md
/// @notice One `invariant_` function checks them all, because forge would walk each of several through the very same
/// steps. A breach stays to be seen, so it need not be looked for after each step.
abstract contract WalletCampaign is WalletTest {
    WalletHandler private handler;
    WalletModel private model;
    Ledger private ledger;
    bytes32 private implementationCode;

    /// @dev Whether the wallets of this campaign have policies, and take turns with them.
    function _withPolicies() internal pure virtual returns (bool);

    function setUp() public override {
        super.setUp();
        handler = new WalletHandler(factory, _withPolicies());
        (model, ledger) = (handler.model(), handler.ledger());
        implementationCode = factory.implementation().codehash;
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), _steps());
    }

    function invariant_wallet() public view {
        _1_anActionHasThresholdDistinctOwnersOverExactlyItsDigest();
        _2_aNonceIsConsumedOnceAndInOrderWithinItsLane();
        _3_theConfigurationIsValidAndAsSigned();
        _4_valueLeavesOnlyAsSigned();
        _5_aReconfigurationVoidsWhatWasSignedBefore();
        _6_aPolicyOnlyVetoesAndFailsClosed();
        _7_theImplementationStaysInert();
        _8_anAuthorisedActionGoesThrough();
    }

    /// A campaign whose steps all fail would prove nothing.
    function test_campaign_hasEffect() public {
        bytes4[] memory steps = _steps();
        for (uint256 i; i < 1500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (bool ok,) = address(handler).call(abi.encodeWithSelector(steps[seed % steps.length], seed));
            vm.assertTrue(ok, "a step failed");
        }
        for (uint256 i; i < 4; ++i) {
            vm.assertGe(handler.done(Kind(i)), 25, "actions of each kind went through");
        }
        for (uint256 i; i <= uint256(Property.Policy); ++i) {
            if (Property(i) == Property.Policy && !_withPolicies()) continue;
            vm.assertGe(handler.refused(Property(i)), 10, "attempts against each property were refused");
        }
        vm.assertGe(handler.approvals(), 10, "owners approved on chain");
        vm.assertGe(handler.nested(), 10, "actions went through within others");
        invariant_wallet();
    }

    /* PROPERTIES */

    function _1_anActionHasThresholdDistinctOwnersOverExactlyItsDigest() private view {
        vm.assertEq(ledger.breachOf(Property.Consent), "", "1");
    }

    function _2_aNonceIsConsumedOnceAndInOrderWithinItsLane() private view {
        vm.assertEq(ledger.breachOf(Property.Nonce), "", "2");
        for (uint256 i; i < handler.walletCount(); ++i) {
            IWallet each = handler.wallets(i);
            for (uint256 j; j < 6; ++j) {
                uint192 lane = handler.laneAt(j);
                uint256 expected = uint256(lane) << 64 | ledger.executedIn(each, lane);
                vm.assertEq(each.nonce(lane), expected, "2: a lane stands at the number of its actions");
            }
        }
    }

    function _3_theConfigurationIsValidAndAsSigned() private view {
        vm.assertEq(ledger.breachOf(Property.Configuration), "", "3");
        for (uint256 i; i < handler.walletCount(); ++i) {
            IWallet each = handler.wallets(i);
            Config memory config = each.config();
            vm.assertTrue(model.isValid(config, address(each)), "3: the configuration is valid");
            vm.assertEq(abi.encode(config), abi.encode(model.configOf(each)), "3: the configuration is the signed one");
            vm.assertEq(each.getOwners(), config.owners, "3: the views agree on the owners");
            vm.assertEq(each.getThreshold(), config.threshold, "3: the views agree on the threshold");
        }
    }

    function _4_valueLeavesOnlyAsSigned() private view {
        vm.assertEq(ledger.breachOf(Property.Value), "", "4");
        (IERC20 token, IERC20 silent) = (IERC20(handler.assets(1)), IERC20(handler.assets(2)));
        for (uint256 i; i < handler.accountCount(); ++i) {
            address each = handler.accounts(i);
            vm.assertEq(each.balance, model.balanceOf(address(0), each), "4: ether is where it was signed to go");
            uint256 expected = model.balanceOf(address(token), each);
            vm.assertEq(token.balanceOf(each), expected, "4: tokens are where they were signed to go");
            expected = model.balanceOf(address(silent), each);
            vm.assertEq(silent.balanceOf(each), expected, "4: silent tokens are where they were signed to go");
        }
    }

    function _5_aReconfigurationVoidsWhatWasSignedBefore() private view {
        vm.assertEq(ledger.breachOf(Property.Epoch), "", "5");
        for (uint256 i; i < handler.walletCount(); ++i) {
            IWallet each = handler.wallets(i);
            vm.assertEq(each.epoch(), ledger.epochOf(each), "5: the epoch counts the reconfigurations");
        }
    }

    function _6_aPolicyOnlyVetoesAndFailsClosed() private view {
        vm.assertEq(ledger.breachOf(Property.Policy), "", "6");
    }

    function _7_theImplementationStaysInert() private view {
        vm.assertEq(ledger.breachOf(Property.Inertness), "", "7");
        address implementation = address(handler.implementation());
        vm.assertEq(implementation.codehash, implementationCode, "7: the code stays");
        vm.assertEq(implementation.balance, 0, "7: no ether is taken");
        for (uint256 slot; slot < 3; ++slot) {
            vm.assertEq(vm.load(implementation, bytes32(slot)), 0, "7: no state is kept");
        }
    }

    function _8_anAuthorisedActionGoesThrough() private view {
        vm.assertEq(ledger.breachOf(Property.Liveness), "", "8");
    }

    function _steps() private pure returns (bytes4[] memory steps) {
        steps = new bytes4[](12);
        steps[0] = WalletHandler.execute.selector;
        steps[1] = WalletHandler.payout.selector;
        steps[2] = WalletHandler.reconfigure.selector;
        steps[3] = WalletHandler.cancel.selector;
        steps[4] = WalletHandler.hoard.selector;
        steps[5] = WalletHandler.submitHoarded.selector;
        steps[6] = WalletHandler.approve.selector;
        steps[7] = WalletHandler.plot.selector;
        steps[8] = WalletHandler.fund.selector;
        steps[9] = WalletHandler.changeMood.selector;
        steps[10] = WalletHandler.moveOn.selector;
        steps[11] = WalletHandler.useImplementation.selector;
    }
}

contract WalletInvariantTest is WalletCampaign {
    function _withPolicies() internal pure override returns (bool) {
        return false;
    }
}

contract WalletWithPolicyInvariantTest is WalletCampaign {
    function _withPolicies() internal pure override returns (bool) {
        return true;
    }
}
