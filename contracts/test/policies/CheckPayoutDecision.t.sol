// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// checkPayout: decisions of two, and what a party that dislikes one can do with its own rights
// ├── half a split: a split is carried out as a whole or not at all
// ├── one wei paid in between
// │   ├── makes a decision of exact amounts fail
// │   └── does not make one fail that pays one exact amount and everything left
// ├── money paid in between goes to the one who gets everything left
// └── keeping a decision from happening brings nothing, if the exact amount is the beneficiary's
contract CheckPayoutDecisionTest is EscrowTest {
    // What each party would like to submit: the half that favours it, with what was signed for the whole.
    function testFuzz_split_cannotBeCutInHalf(bool isToken, uint256 toBuyer, bool isFirst) public {
        toBuyer = _bound(toBuyer, 1, FUNDS - 1);
        address asset = _asset(isToken);
        uint256 nonce = wallet.nonce(FREE_LANE);
        Transfer[] memory whole = _transfers(buyer, toBuyer, seller, FUNDS - toBuyer);
        Transfer[] memory half = isFirst ? _transfers(buyer, toBuyer) : _transfers(seller, FUNDS - toBuyer);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofPayout(asset, whole, nonce, LATER));
        bytes32 digestOfHalf = Digests.toDigest(address(wallet), Digests.ofPayout(asset, half, nonce, LATER));
        bytes memory signatures = _signBy(digest, BY_BUYER | BY_SELLER);
        _assertFails(
            abi.encodeCall(IWallet.payout, (asset, half, nonce, LATER, signatures)),
            abi.encodeWithSelector(IWallet.SignatureInvalid.selector, buyer, digestOfHalf)
        );
        _submit(abi.encodeCall(IWallet.payout, (asset, whole, nonce, LATER, signatures)));
        _assertPaid(asset, toBuyer, FUNDS - toBuyer, 0);
    }

    // All-or-nothing: the half that was paid before the failing one is taken back.
    function test_split_paysNobody_whenOneHalfFails() public {
        bytes memory split = _signPayout(BY_BUYER | BY_SELLER, address(token), _exact(60 ether));
        _submit(_signPayout(BY_BUYER, address(token), _transfers(seller, 1)));
        (bool ok,) = _try(split);
        vm.assertFalse(ok, "the second half cannot be paid");
        _assertPaid(address(token), 0, 1, 0);
    }

    function testFuzz_decision_fails_whenAmountsAreExactAndOneWeiWasPaid(bool isToken, uint256 toBuyer, bool byBuyer)
        public
    {
        toBuyer = _bound(toBuyer, 1, FUNDS - 1);
        bytes memory decision = _signPayout(BY_SELLER | BY_ARBITER, _asset(isToken), _exact(toBuyer));
        _payInBetween(_asset(isToken), byBuyer, 1);
        (bool ok,) = _try(decision);
        vm.assertFalse(ok, "one wei is missing");
    }

    function testFuzz_decision_succeeds_whenItPaysEverythingLeftAndOneWeiWasPaid(
        bool isToken,
        uint256 toBuyer,
        bool byBuyer
    ) public {
        toBuyer = _bound(toBuyer, 0, FUNDS - 1);
        address asset = _asset(isToken);
        bytes memory decision =
            _signPayout(BY_SELLER | BY_ARBITER, asset, _transfers(buyer, toBuyer, seller, EVERYTHING));
        _payInBetween(asset, byBuyer, 1);
        _submit(decision);
        vm.assertEq(_balanceOf(asset, address(wallet)), 0, "nothing is left");
        if (!byBuyer) ++toBuyer;
        _assertPaid(asset, toBuyer, FUNDS - toBuyer, 0);
    }

    function testFuzz_decision_withAFee_succeeds_whenOneWeiWasPaid(bool isToken, uint256 toSeller, bool byBuyer)
        public
    {
        toSeller = _bound(toSeller, 0, FUNDS / 2);
        address asset = _asset(isToken);
        Transfer[] memory transfers = new Transfer[](3);
        transfers[0] = Transfer(arbiter, FUNDS / 25);
        transfers[1] = Transfer(seller, toSeller);
        transfers[2] = Transfer(buyer, EVERYTHING);
        bytes memory decision = _signPayout(BY_BUYER | BY_ARBITER, asset, transfers);
        _payInBetween(asset, byBuyer, 1);
        _submit(decision);
        vm.assertEq(_balanceOf(asset, arbiter), FUNDS / 25, "the fee");
        vm.assertEq(_balanceOf(asset, address(wallet)), 0, "nothing is left");
    }

    function testFuzz_decision_paysWhatCameInBetween_toWhoeverGetsEverythingLeft(uint256 toBuyer, uint256 more) public {
        toBuyer = _bound(toBuyer, 0, FUNDS);
        more = _bound(more, 1, FUNDS);
        bytes memory decision =
            _signPayout(BY_BUYER | BY_ARBITER, address(token), _transfers(buyer, toBuyer, seller, EVERYTHING));
        token.mint(address(wallet), more);
        _submit(decision);
        _assertPaid(address(token), toBuyer, FUNDS - toBuyer + more, 0);
    }

    // A party can make a decision fail by paying the other side more than everything left would be, and wait for the
    // time-out. Where the exact amount is the beneficiary's, neither side ever gains by that.
    function testFuzz_decision_isNotWorthKeepingOff_whenTheExactAmountIsTheBeneficiarys(
        uint256 toSeller,
        uint256 paid,
        bool byBuyer
    ) public {
        toSeller = _bound(toSeller, 0, FUNDS);
        bytes memory decision =
            _signPayout(BY_BUYER | BY_ARBITER, address(0), _transfers(seller, toSeller, buyer, EVERYTHING));
        paid = _bound(paid, FUNDS - toSeller, FUNDS);
        _payInBetween(address(0), byBuyer, paid);
        (bool ok,) = _try(decision);
        vm.assertTrue(ok == (paid == FUNDS - toSeller), "it fails for a wei more than everything left");
        vm.warp(_terms().expiry);
        _submit(_signPayout(BY_SELLER, address(0), _transfers(seller, EVERYTHING)));
        if (byBuyer) vm.assertLe(buyer.balance, FUNDS - toSeller, "the buyer has no more than was decided");
        else vm.assertLe(seller.balance, toSeller, "the seller has no more than was decided");
    }

    // Why the sides matter: where the beneficiary is to get what is left over, keeping the decision off pays it.
    function test_decision_isWorthKeepingOff_whenTheBeneficiaryGetsEverythingLeft() public {
        bytes memory decision =
            _signPayout(BY_BUYER | BY_ARBITER, address(0), _transfers(buyer, 90 ether, seller, EVERYTHING));
        _payInBetween(address(0), false, 10 ether + 1);
        (bool ok,) = _try(decision);
        vm.assertFalse(ok, "one wei is missing from the exact amount");
        vm.warp(_terms().expiry);
        _submit(_signPayout(BY_SELLER, address(0), _transfers(seller, EVERYTHING)));
        _assertPaid(address(0), 10 ether + 1, 90 ether - 1, 0);
    }

    function _exact(uint256 toBuyer) private view returns (Transfer[] memory) {
        return _transfers(buyer, toBuyer, seller, FUNDS - toBuyer);
    }

    function _payInBetween(address asset, bool byBuyer, uint256 amount) private {
        uint256 signers = byBuyer ? BY_BUYER : BY_SELLER;
        _submit(_signPayout(signers, asset, _transfers(byBuyer ? seller : buyer, amount)));
    }
}
