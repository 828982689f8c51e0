// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config} from "../../src/IWallet.sol";
import {Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowRules} from "../support/EscrowRules.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// checkPayout: what the time-out changes
// ├── before it (the expiry, or expiry + arbitrationSecs after a dispute): the beneficiary may not pay itself
// ├── from that second on: the beneficiary alone may take all, ether and tokens
// ├── never: the other party, the arbiter, or a stranger as payee
// ├── what others could do before, they still can
// └── an escrow created after its expiry pays its beneficiary what waited at the address
contract CheckPayoutTimeoutTest is EscrowTest {
    function testFuzz_payout_paysTheBeneficiaryAll_fromTheTimeoutOn(bool toSeller, bool disputed, uint256 later)
        public
    {
        uint256 timeout = _openUntil(toSeller, disputed);
        vm.warp(timeout + _bound(later, 0, 60 * 365 days));
        _assertTakesAll(toSeller ? SELLER : BUYER);
    }

    function testFuzz_payout_reverts_whenTheBeneficiaryIsEarly(bool toSeller, bool disputed, uint256 early) public {
        uint256 timeout = _openUntil(toSeller, disputed);
        vm.warp(timeout - _bound(early, 1, timeout - block.timestamp));
        uint256 signers = toSeller ? BY_SELLER : BY_BUYER;
        address payee = toSeller ? seller : buyer;
        _assertRefused(
            _signPayout(signers, address(0), _transfers(payee, EVERYTHING)),
            _payeeNotAllowed(0, payee, signers, timeout)
        );
    }

    function test_payout_paysTheBeneficiary_atTheTimeoutAndNotASecondBefore() public {
        bytes memory action = _signPayout(BY_SELLER, address(0), _transfers(seller, EVERYTHING));
        uint256 expiry = _terms().expiry;
        vm.warp(expiry - 1);
        _assertRefused(action, _payeeNotAllowed(0, seller, BY_SELLER, expiry));
        vm.warp(expiry);
        _submit(action);
        _assertPaid(address(0), 0, FUNDS, 0);
    }

    function test_payout_reverts_atTheExpiry_whenDisputedASecondBefore() public {
        Terms memory terms = _terms();
        vm.warp(terms.expiry - 1);
        _submit(_signDispute(BY_BUYER, 1));
        bytes memory action = _signPayout(BY_SELLER, address(0), _transfers(seller, EVERYTHING));
        uint256 timeout = terms.expiry + terms.arbitrationSecs;
        bytes memory reason = _payeeNotAllowed(0, seller, BY_SELLER, timeout);
        vm.warp(terms.expiry);
        _assertRefused(action, reason);
        vm.warp(timeout - 1);
        _assertRefused(action, reason);
        vm.warp(timeout);
        _submit(action);
        _assertPaid(address(0), 0, FUNDS, 0);
    }

    function testFuzz_payout_reverts_afterTheTimeout_whenTheOtherPartyTakes(bool toSeller, uint256 later) public {
        uint256 timeout = _openUntil(toSeller, false);
        vm.warp(timeout + _bound(later, 0, 60 * 365 days));
        uint256 other = toSeller ? BUYER : SELLER;
        _assertRefused(
            _signPayout(1 << other, address(0), _transfers(_ownerOf(other), 1)),
            _payeeNotAllowed(0, _ownerOf(other), 1 << other, timeout)
        );
    }

    function testFuzz_payout_followsTheTableOfPayees_atAnyTime(
        uint256 signers,
        uint256 payee,
        bool toSeller,
        bool disputed,
        uint256 time
    ) public {
        signers = _bound(signers, 1, BY_ALL);
        payee = _bound(payee, 0, 3);
        uint256 timeout = _openUntil(toSeller, disputed);
        vm.warp(_bound(time, block.timestamp, timeout + 60 days));
        uint256 allowed = EscrowRules.payeesOf(signers, toSeller ? SELLER : BUYER, block.timestamp >= timeout);
        address to = payee == 3 ? stranger : _ownerOf(payee);
        bytes memory action = _signPayout(signers, address(token), _transfers(to, 0));
        if (allowed & (EscrowRules.ANYONE | (1 << payee)) != 0) _submit(action);
        else _assertRefused(action, _payeeNotAllowed(0, to, signers, timeout));
    }

    // What a beneficiary signed too early is not lost on it: nothing else is needed when the time comes.
    function test_payout_succeeds_whenSignedLongBeforeTheTimeout() public {
        bytes memory action = _signPayout(BY_SELLER, address(token), _transfers(seller, EVERYTHING));
        vm.warp(_terms().expiry + 365 days);
        _submit(action);
        _assertPaid(address(token), 0, FUNDS, 0);
    }

    function testFuzz_payout_paysWhatWaited_whenTheEscrowIsCreatedAfterItsExpiry(bool toSeller, uint256 later) public {
        Terms memory terms = _terms();
        terms.timeoutBeneficiary = toSeller ? 1 : 0;
        terms.termsHash = keccak256("a bicycle that nobody hurried for");
        Config memory config = _escrowConfig(terms);
        address foretold = factory.addressOf(config, bytes32(0));
        vm.deal(foretold, FUNDS);
        token.mint(foretold, FUNDS);
        vm.warp(terms.expiry + _bound(later, 0, 60 * 365 days));

        vm.prank(stranger);
        wallet = _create(config);
        vm.assertEq(address(wallet), foretold, "the address that was funded");
        _assertTakesAll(toSeller ? SELLER : BUYER);
    }

    /// @return timeout Of a new escrow, which is then disputed or not.
    function _openUntil(bool toSeller, bool disputed) private returns (uint256 timeout) {
        Terms memory terms = _openFor(toSeller ? SELLER : BUYER);
        if (!disputed) return terms.expiry;
        uint256 disputer = toSeller ? BY_BUYER : BY_SELLER;
        _submit(_signDispute(disputer, _laneOf(disputer)));
        return uint256(terms.expiry) + terms.arbitrationSecs;
    }

    function _assertTakesAll(uint256 beneficiary) private {
        address payee = _ownerOf(beneficiary);
        _submit(_signPayout(1 << beneficiary, address(0), _transfers(payee, EVERYTHING)));
        _submit(_signPayout(1 << beneficiary, address(token), _transfers(payee, EVERYTHING)));
        vm.assertEq(payee.balance, FUNDS, "all the ether");
        vm.assertEq(token.balanceOf(payee), FUNDS, "all the tokens");
    }
}
