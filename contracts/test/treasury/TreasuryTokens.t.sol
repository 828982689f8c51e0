// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Transfer} from "../../src/IWallet.sol";
import {Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {FalseToken} from "../support/EscrowTokens.sol";
import {HookedToken, TaxedToken} from "../support/OddTokens.sol";
import {ReactingPayee} from "../support/Payees.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";
import {SilentToken} from "../tokens/SilentToken.sol";

/// @notice Being told of tokens sets off a reaction.
contract HookedPayee is ReactingPayee {
    function tokensReceived(uint256) external {
        _react();
    }
}

// a limit, with tokens and payees that are not as others
// ├── what is signed counts, whatever the token takes of it or mints
// ├── a payment that the token refuses, by a revert or by an answer, does not count
// ├── who is paid cannot have more paid from within, in ether or by a token that tells it
// └── ether and each token are one account each

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryTokensTest is TreasuryTest {
    uint256 private constant LIMIT = 100;

    function test_limit_counts_ofATokenThatReturnsNothing() public {
        SilentToken silent = new SilentToken("Silent", "S", 6);
        silent.mint(_openWith(address(silent)), 1_000);
        _submit(_pay(address(silent), payee, LIMIT));
        vm.assertEq(silent.balanceOf(payee), LIMIT, "paid");
        _assertRefused(_pay(address(silent), payee, 1), _limitExceeded(address(silent), LIMIT, 1, LIMIT));
    }

    function test_limit_countsWhatIsSigned_ofATokenThatTakesAFee() public {
        TaxedToken taxed = new TaxedToken();
        taxed.mint(_openWith(address(taxed)), 1_000);
        _submit(_pay(address(taxed), payee, LIMIT));
        vm.assertEq(taxed.balanceOf(payee), LIMIT - 1, "paid less");
        vm.assertEq(taxed.balanceOf(address(wallet)), 1_000 - LIMIT, "and no more left");
        _assertRefused(_pay(address(taxed), payee, 1), _limitExceeded(address(taxed), LIMIT, 1, LIMIT));
    }

    function test_limit_doesNotCount_whenTheTokenAnswersFalse() public {
        FalseToken liar = new FalseToken();
        liar.mint(_openWith(address(liar)), 1_000);
        liar.setStopped(true);
        (bool ok,) = _try(_pay(address(liar), payee, LIMIT));
        vm.assertFalse(ok, "not paid");
        vm.assertEq(_spent(address(liar)), 0, "nor spent");
        liar.setStopped(false);
        _submit(_pay(address(liar), payee, LIMIT));
    }

    function test_limit_reverts_whenThereIsNoTokenAtTheAddress() public {
        _openWith(address(0xdead));
        (bool ok,) = _try(_pay(address(0xdead), payee, 1));
        vm.assertFalse(ok, "no code");
        vm.assertEq(_spent(address(0xdead)), 0, "nor spent");
    }

    // Signed beforehand in other lanes, and submitted by the payee in the middle of the first.
    function testFuzz_limit_holds_whenEtherIsPaidFromWithin(uint256 first, uint256 second) public {
        (first, second) = (_bound(first, 0, ETHER_LIMIT), _bound(second, 0, ETHER_LIMIT));
        HookedPayee thief = new HookedPayee();
        thief.reactWith(
            address(wallet), _signPayout(BY_PETTY, OPEN_LANE + 1, address(0), _transfers(address(thief), second))
        );
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(address(thief), first)));
        vm.assertTrue(thief.reacted(), "it tried");
        vm.assertTrue(thief.succeeded() == (first + second <= ETHER_LIMIT), "within the limit alone");
        vm.assertEq(_spent(address(0)), address(thief).balance, "what it has is what counts");
        vm.assertLe(address(thief).balance, ETHER_LIMIT, "never more");
    }

    function testFuzz_limit_holds_whenTokensArePaidFromWithin(uint256 first, uint256 second) public {
        HookedToken hooked = new HookedToken();
        hooked.mint(_openWith(address(hooked)), 1_000);
        (first, second) = (_bound(first, 0, LIMIT), _bound(second, 0, LIMIT));
        HookedPayee thief = new HookedPayee();
        thief.reactWith(
            address(wallet), _signPayout(BY_PETTY, OPEN_LANE + 1, address(hooked), _transfers(address(thief), second))
        );
        _submit(_pay(address(hooked), address(thief), first));
        vm.assertTrue(thief.reacted(), "it tried");
        vm.assertEq(_spent(address(hooked)), hooked.balanceOf(address(thief)), "what it has is what counts");
        vm.assertLe(hooked.balanceOf(address(thief)), LIMIT, "never more");
    }

    // A payee that has the wallet leave the policy, signed by those who may, does not take back what was counted.
    function test_limit_counts_whenTheWalletIsReconfiguredFromWithin() public {
        HookedPayee caller = new HookedPayee();
        caller.reactWith(address(wallet), _signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, _treasuryConfig(_rules())));
        Transfer[] memory transfers = _transfers(address(caller), 1 ether, payee, 2 ether);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), transfers));
        vm.assertEq(wallet.epoch(), 1, "reconfigured in the middle");
        vm.assertEq(_spent(address(0)), 3 ether, "all of it counts in the next epoch");
    }

    // A limit that the rules do not keep: what was allowed before they were adopted.
    function test_limit_doesNotBind_whatWasAllowedBefore() public {
        wallet = _create(_config(2, OWNERS));
        token.mint(address(wallet), FUNDS);
        _submit(_signExecute(BY_PETTY, 0, _calls(address(token), 0, abi.encodeCall(token.approve, (stranger, FUNDS)))));
        _submit(_signReconfigure(BY_PETTY, 0, _treasuryConfig(_rules())));
        vm.prank(stranger);
        vm.assertTrue(token.transferFrom(address(wallet), stranger, FUNDS), "taken");
        vm.assertEq(_spent(address(token)), 0, "and nothing was spent");
    }

    function _openWith(address asset) private returns (address) {
        Rules memory rules = _rules();
        rules.limits = new Limit[](1);
        rules.limits[0] = Limit(asset, uint128(LIMIT), DAY);
        _open(rules);
        return address(wallet);
    }

    function _pay(address asset, address to, uint256 amount) private view returns (bytes memory) {
        return _signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(to, amount));
    }
}
