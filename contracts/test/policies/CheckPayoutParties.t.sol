// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Transfer} from "../../src/IWallet.sol";
import {IEscrowPolicy} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowRules} from "../support/EscrowRules.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// checkPayout: whom which signers may pay before the time-out
// ├── when the lane is not the signers': reverts LaneNotAllowed (CheckCancel)
// ├── when a payee is not theirs to pay: reverts PayeeNotAllowed, naming the first
// │   (the buyer or seller to itself, the arbiter alone to anyone, buyer and seller to the arbiter, one or two to a
// │   stranger)
// └── otherwise agrees
//     ├── the buyer pays the seller, the seller the buyer
//     ├── any two split, and pay the arbiter if it signed (CheckPayoutFee)
//     └── all three pay anyone
contract CheckPayoutPartiesTest is EscrowTest {
    function testFuzz_payout_paysTheSeller_whenTheBuyerSigns(bool isToken, uint256 amount) public {
        amount = _bound(amount, 0, FUNDS);
        _submit(_signPayout(BY_BUYER, _asset(isToken), _transfers(seller, amount)));
        _assertPaid(_asset(isToken), 0, amount, 0);
    }

    function testFuzz_payout_paysTheBuyer_whenTheSellerSigns(bool isToken, uint256 amount) public {
        amount = _bound(amount, 0, FUNDS);
        _submit(_signPayout(BY_SELLER, _asset(isToken), _transfers(buyer, amount)));
        _assertPaid(_asset(isToken), amount, 0, 0);
    }

    function testFuzz_payout_splits_whenAnyTwoSign(uint256 absent, bool isToken, uint256 amount) public {
        uint256 signers = BY_ALL ^ (1 << _bound(absent, BUYER, ARBITER));
        amount = _bound(amount, 0, FUNDS);
        _submit(_signPayout(signers, _asset(isToken), _transfers(buyer, amount, seller, EVERYTHING)));
        _assertPaid(_asset(isToken), amount, FUNDS - amount, 0);
    }

    function testFuzz_payout_paysAnyone_whenAllSign(address payee, bool isToken, uint256 amount) public {
        vm.assume(payee.code.length == 0 && payee.balance == 0 && uint160(payee) > 0xffff);
        vm.assume(payee != address(vm));
        amount = _bound(amount, 0, FUNDS);
        _submit(_signPayout(BY_ALL, _asset(isToken), _transfers(payee, amount)));
        vm.assertEq(_balanceOf(_asset(isToken), payee), amount, "what the payee has");
    }

    function test_payout_reverts_whenABuyerPaysItself() public {
        _assertPayeeRefused(BY_BUYER, buyer);
    }

    function test_payout_reverts_whenASellerPaysItself() public {
        _assertPayeeRefused(BY_SELLER, seller);
    }

    function testFuzz_payout_reverts_whenTheArbiterAloneSigns(uint256 payee) public {
        _assertPayeeRefused(BY_ARBITER, _ownerOf(_bound(payee, BUYER, ARBITER)));
    }

    function testFuzz_payout_reverts_whenTheArbiterIsPaidWithoutHavingSigned(uint256 signers, uint256 amount) public {
        _assertPayeeRefused(_bound(signers, 1, BY_BUYER | BY_SELLER), arbiter, amount);
    }

    function testFuzz_payout_reverts_whenAStrangerIsPaid(uint256 signers, address payee, uint256 amount) public {
        vm.assume(payee != buyer && payee != seller && payee != arbiter);
        _assertPayeeRefused(_bound(signers, 1, BY_ALL - 1), payee, amount);
    }

    function test_payout_reverts_whenThePayeeIsTheEscrowItself() public {
        _assertPayeeRefused(BY_BUYER | BY_SELLER, address(wallet));
    }

    function testFuzz_payout_namesTheFirstPayeeThatIsNotAllowed(uint256 length, uint256 culprit, uint256 second)
        public
    {
        length = _bound(length, 1, 12);
        culprit = _bound(culprit, 0, length - 1);
        Transfer[] memory transfers = new Transfer[](length);
        for (uint256 i; i < length; ++i) {
            transfers[i] = Transfer(i % 2 == 0 ? buyer : seller, i);
        }
        transfers[_bound(second, culprit, length - 1)].to = arbiter;
        transfers[culprit].to = stranger;
        _assertRefused(
            _signPayout(BY_BUYER | BY_SELLER, address(0), transfers),
            _payeeNotAllowed(culprit, stranger, BY_BUYER | BY_SELLER, _terms().expiry)
        );
    }

    // Two payees are the least with which one that is allowed could hide one that is not.
    function testFuzz_payout_followsTheTableOfPayees(uint256 signers, uint256 first, uint256 second) public {
        signers = _bound(signers, 1, BY_ALL);
        (first, second) = (_bound(first, 0, 3), _bound(second, 0, 3));
        uint256 allowed = EscrowRules.payeesOf(signers, SELLER, false);
        Transfer[] memory transfers = _transfers(_payee(first), 0, _payee(second), 0);
        bytes memory action = _signPayout(signers, address(0), transfers);
        if (_isIn(allowed, first) && _isIn(allowed, second)) {
            _submit(action);
        } else {
            uint256 culprit = _isIn(allowed, first) ? 1 : 0;
            _assertRefused(action, _payeeNotAllowed(culprit, transfers[culprit].to, signers, _terms().expiry));
        }
    }

    // A payout of nothing to nobody only uses up a nonce, which one signer can do in its own lane anyway.
    function testFuzz_payout_ofNothing_movesNothing(uint256 signers) public {
        signers = _bound(signers, 1, BY_ALL);
        _submit(_signPayout(signers, address(0), new Transfer[](0)));
        _assertPaid(address(0), 0, 0, 0);
        vm.assertEq(address(wallet).balance, FUNDS, "all is there");
    }

    function _payee(uint256 index) private view returns (address) {
        return index == 3 ? stranger : _ownerOf(index);
    }

    function _isIn(uint256 allowed, uint256 payee) private pure returns (bool) {
        return allowed & EscrowRules.ANYONE != 0 || allowed & (1 << payee) != 0;
    }

    function _assertPayeeRefused(uint256 signers, address payee) private {
        _assertPayeeRefused(signers, payee, EVERYTHING);
    }

    function _assertPayeeRefused(uint256 signers, address payee, uint256 amount) private {
        bytes memory reason = _payeeNotAllowed(0, payee, signers, _terms().expiry);
        _assertRefused(_signPayout(signers, address(0), _transfers(payee, amount)), reason);
        _assertRefused(_signPayout(signers, address(token), _transfers(payee, amount)), reason);
    }
}
