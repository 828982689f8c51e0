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
/// steps. After each step it looks for breaches that the handler found; what the wallets hold and say is compared once,
/// at the end of a run, because a difference stays.
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

    /// What the handler found broken, by number: all eight properties.
    function invariant_wallet() public view {
        if (ledger.isSound()) return;
        string memory broken;
        for (uint256 i; i <= uint256(type(Property).max); ++i) {
            string memory breach = ledger.breachOf(Property(i));
            if (bytes(breach).length != 0) broken = string.concat(broken, vm.toString(i + 1), ": ", breach, "; ");
        }
        vm.assertEq(broken, "", "properties broken");
    }

    function afterInvariant() public view {
        _2_aLaneStandsAtTheNumberOfItsActions();
        _3_theConfigurationIsValidAndAsSigned();
        _4_valueIsWhereItWasSignedToGo();
        _5_theEpochCountsTheReconfigurations();
        _7_theImplementationIsUntouched();
    }

    /// A campaign whose steps all fail would prove nothing.
    function test_campaign_hasEffect() public {
        bytes4[] memory steps = _steps();
        for (uint256 i; i < 1500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (bool ok,) = address(handler).call(abi.encodeWithSelector(steps[seed % steps.length], seed));
            vm.assertTrue(ok, "a step failed");
            invariant_wallet();
        }
        afterInvariant();

        for (uint256 i; i <= uint256(type(Kind).max); ++i) {
            vm.assertGe(handler.done(Kind(i)), 25, "actions of each kind went through");
        }
        for (uint256 i; i <= uint256(Property.Policy); ++i) {
            if (Property(i) == Property.Policy && !_withPolicies()) continue;
            vm.assertGe(handler.refused(Property(i)), 10, "attempts against each property were refused");
        }
        vm.assertGe(handler.approvals(), 10, "owners approved on chain");
        vm.assertGe(handler.nested(), 10, "actions went through within others");
    }

    /* WHAT THE WALLETS HOLD AND SAY */

    function _2_aLaneStandsAtTheNumberOfItsActions() private view {
        for (uint256 i; i < handler.walletCount(); ++i) {
            IWallet each = handler.wallets(i);
            for (uint256 j; j < handler.LANES(); ++j) {
                uint192 lane = handler.laneAt(j);
                uint256 expected = uint256(lane) << 64 | ledger.executedIn(each, lane);
                vm.assertEq(each.nonce(lane), expected, "property 2: a lane stands at the number of its actions");
            }
        }
    }

    function _3_theConfigurationIsValidAndAsSigned() private view {
        for (uint256 i; i < handler.walletCount(); ++i) {
            IWallet each = handler.wallets(i);
            Config memory config = each.config();
            vm.assertTrue(model.isValid(config, address(each)), "property 3: the configuration is valid");
            vm.assertEq(abi.encode(config), abi.encode(model.configOf(each)), "property 3: it is the signed one");
            vm.assertEq(each.getOwners(), config.owners, "property 3: the views agree on the owners");
            vm.assertEq(each.getThreshold(), config.threshold, "property 3: the views agree on the threshold");
        }
    }

    function _4_valueIsWhereItWasSignedToGo() private view {
        (IERC20 token, IERC20 silent) = (IERC20(handler.assets(1)), IERC20(handler.assets(2)));
        for (uint256 i; i < handler.accountCount(); ++i) {
            address each = handler.accounts(i);
            vm.assertEq(each.balance, model.balanceOf(address(0), each), "property 4: ether");
            vm.assertEq(token.balanceOf(each), model.balanceOf(address(token), each), "property 4: tokens");
            vm.assertEq(silent.balanceOf(each), model.balanceOf(address(silent), each), "property 4: silent tokens");
        }
    }

    function _5_theEpochCountsTheReconfigurations() private view {
        for (uint256 i; i < handler.walletCount(); ++i) {
            IWallet each = handler.wallets(i);
            vm.assertEq(each.epoch(), ledger.epochOf(each), "property 5: the epoch counts the reconfigurations");
        }
    }

    function _7_theImplementationIsUntouched() private view {
        address implementation = address(handler.implementation());
        vm.assertEq(implementation.codehash, implementationCode, "property 7: the code stays");
        vm.assertEq(implementation.balance, 0, "property 7: no ether is taken");
        for (uint256 slot; slot < 3; ++slot) {
            vm.assertEq(vm.load(implementation, bytes32(slot)), 0, "property 7: no state is kept");
        }
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
