// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {Made, RecordingPayee, RefusingPayee} from "../support/Payees.sol";
import {WalletTest} from "../support/WalletTest.sol";

// payout, whatever the token, and of ether (of tokens: PayoutToken.t.sol)
// ├── when called on the implementation: reverts NotAWallet
// ├── when the deadline is before the block: reverts DeadlinePassed
// ├── when the nonce is not the next of its lane: reverts NonceMismatch
// ├── when the signatures are for another payout: reverts SignatureInvalid
// └── when authorised
//     ├── pays each payee its amount, in order, with all the gas there is
//     │   ├── when an amount is 2^256-1: pays what is left at that moment, 0 included
//     │   └── when there are none: only consumes the nonce
//     ├── when a payment fails: reverts TransferFailed with its index and what the payee returned
//     │   └── nothing happened and the nonce is free
//     ├── consumes the nonce
//     └── emits Executed
contract PayoutTest is WalletTest {
    address private constant ETHER = address(0);
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);
    uint256 private constant ALL = type(uint256).max;

    function setUp() public override {
        super.setUp();
        vm.deal(address(wallet), 100 ether);
    }

    function test_payout_reverts_whenCalledOnTheImplementation() public {
        IWallet implementation = IWallet(factory.implementation());
        vm.expectRevert(IWallet.NotAWallet.selector);
        implementation.payout(ETHER, new Transfer[](0), 0, LATER, "");
    }

    function testFuzz_payout_reverts_whenDeadlineHasPassed(uint256 deadline) public {
        deadline = _bound(deadline, 0, block.timestamp - 1);
        Transfer[] memory transfers = _transfers(ALICE, 1);
        bytes memory signatures = _authorize(Digests.ofPayout(ETHER, transfers, 0, deadline));
        vm.expectRevert(abi.encodeWithSelector(IWallet.DeadlinePassed.selector, deadline, block.timestamp));
        wallet.payout(ETHER, transfers, 0, deadline, signatures);
    }

    function test_payout_succeeds_whenDeadlineIsNow() public {
        Transfer[] memory transfers = _transfers(ALICE, 1);
        bytes memory signatures = _authorize(Digests.ofPayout(ETHER, transfers, 0, block.timestamp));
        wallet.payout(ETHER, transfers, 0, block.timestamp, signatures);
        vm.assertEq(ALICE.balance, 1, "paid");
    }

    function testFuzz_payout_reverts_whenNonceIsNotNext(uint192 lane, uint64 sequence) public {
        vm.assume(sequence != 0);
        uint256 nonce = uint256(lane) << 64 | sequence;
        Transfer[] memory transfers = _transfers(ALICE, 1);
        bytes memory signatures = _authorize(Digests.ofPayout(ETHER, transfers, nonce, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NonceMismatch.selector, nonce, uint256(lane) << 64));
        wallet.payout(ETHER, transfers, nonce, LATER, signatures);
    }

    function test_payout_reverts_whenDoneTwice() public {
        Transfer[] memory transfers = _transfers(ALICE, 1);
        bytes memory signatures = _authorize(Digests.ofPayout(ETHER, transfers, 0, LATER));
        wallet.payout(ETHER, transfers, 0, LATER, signatures);
        vm.expectRevert(abi.encodeWithSelector(IWallet.NonceMismatch.selector, 0, 1));
        wallet.payout(ETHER, transfers, 0, LATER, signatures);
    }

    /// @dev The token, each field of a transfer, its place and their number are covered by what is signed.
    function testFuzz_payout_reverts_whenPayoutDiffersFromWhatWasSigned(uint256 change, uint256 amount) public {
        amount = _bound(amount, 0, ALL - 2);
        Transfer[] memory transfers = _transfers(ALICE, amount, BOB, amount + 1);
        bytes memory signatures = _authorize(Digests.ofPayout(ETHER, transfers, 0, LATER));

        change %= 6;
        address token = change == 0 ? address(0x70ce) : ETHER;
        if (change == 1) transfers[1].to = ALICE;
        if (change == 2) ++transfers[1].amount;
        if (change == 3) (transfers[0], transfers[1]) = (transfers[1], transfers[0]);
        if (change == 4) transfers = _transfers(ALICE, amount);
        uint256 deadline = change == 5 ? LATER + 1 : LATER;

        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofPayout(token, transfers, 0, deadline));
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, _ownerOf(0), digest));
        wallet.payout(token, transfers, 0, deadline, signatures);
    }

    function testFuzz_payout_paysEther(address to, uint256 amount, uint192 lane) public {
        vm.assume(to.code.length == 0 && uint160(to) > 0xffff && to.balance == 0);
        amount = _bound(amount, 0, 100 ether);
        uint256 nonce = uint256(lane) << 64;
        Transfer[] memory transfers = _transfers(to, amount);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofPayout(ETHER, transfers, nonce, LATER));
        vm.expectEmit(true, false, false, true, address(wallet));
        emit IWallet.Executed(digest, nonce);
        wallet.payout(ETHER, transfers, nonce, LATER, _sign(digest, 2));
        vm.assertEq(to.balance, amount, "paid");
        vm.assertEq(address(wallet).balance, 100 ether - amount, "by the wallet");
        vm.assertEq(wallet.nonce(lane), nonce + 1, "the nonce is consumed");
    }

    function test_payout_paysEtherInOrder() public {
        RecordingPayee payee = new RecordingPayee();
        Transfer[] memory transfers = new Transfer[](100);
        for (uint256 i; i < 100; ++i) {
            transfers[i] = Transfer(address(payee), i);
        }
        _payout(ETHER, transfers);
        Made[] memory made = payee.made();
        vm.assertEq(made.length, 100, "every payment");
        for (uint256 i; i < 100; ++i) {
            vm.assertEq(made[i].sender, address(wallet), "by the wallet");
            vm.assertEq(made[i].value, i, "with its own amount");
            vm.assertEq(made[i].data, "", "and no data");
        }
    }

    /// @dev A payee that is a contract may write: it is not held to the 2,300 gas of a stipend.
    function test_payout_givesPayeesAllGas() public {
        GasMeter payee = new GasMeter();
        uint256 before = gasleft();
        _payout(ETHER, _transfers(address(payee), 1));
        vm.assertGe(payee.gasGiven(), before * 9 / 10, "nearly all of the gas");
    }

    function test_payout_paysTheZeroAddress() public {
        _payout(ETHER, _transfers(address(0), 1));
        vm.assertEq(address(0).balance, 1, "as any other");
    }

    function test_payout_consumesTheNonce_whenThereAreNoTransfers() public {
        _payout(ETHER, new Transfer[](0));
        vm.assertEq(wallet.nonce(0), 1, "the nonce is consumed");
        vm.assertEq(address(wallet).balance, 100 ether, "and nothing paid");
    }

    /* EVERYTHING LEFT */

    function testFuzz_payout_paysEverythingLeft_atThatMoment(uint256 balance, uint256 first) public {
        balance = _bound(balance, 0, type(uint128).max);
        first = _bound(first, 0, balance);
        vm.deal(address(wallet), balance);
        _payout(ETHER, _transfers(ALICE, first, BOB, ALL));
        vm.assertEq(ALICE.balance, first, "the amount");
        vm.assertEq(BOB.balance, balance - first, "the rest");
        vm.assertEq(address(wallet).balance, 0, "nothing stays");
    }

    function test_payout_paysNothingMore_afterEverythingLeft() public {
        Transfer[] memory transfers = new Transfer[](3);
        transfers[0] = Transfer(ALICE, ALL);
        transfers[1] = Transfer(BOB, ALL);
        transfers[2] = Transfer(BOB, 0);
        _payout(ETHER, transfers);
        vm.assertEq(ALICE.balance, 100 ether, "everything");
        vm.assertEq(BOB.balance, 0, "what was left then");
    }

    function test_payout_reverts_whenSomethingIsDueAfterEverythingLeft() public {
        Transfer[] memory transfers = new Transfer[](3);
        transfers[0] = Transfer(BOB, 1);
        transfers[1] = Transfer(ALICE, ALL);
        transfers[2] = Transfer(BOB, 1);
        _expectFailure(transfers, 2, "");
        vm.assertEq(ALICE.balance, 0, "nothing was paid");
    }

    /// @dev Only 2^256-1 stands for everything left.
    function testFuzz_payout_reverts_whenTheAmountIsAboveTheBalance(uint256 amount) public {
        _expectFailure(_transfers(ALICE, _bound(amount, 100 ether + 1, ALL - 1)), 0, "");
    }

    /* FAILURES */

    function testFuzz_payout_reverts_whenAPayeeRefuses(uint256 count, uint256 index) public {
        count = _bound(count, 1, 10);
        index = _bound(index, 0, count - 1);
        Transfer[] memory transfers = new Transfer[](count);
        for (uint256 i; i < count; ++i) {
            transfers[i] = Transfer(ALICE, 1 ether);
        }
        transfers[index] = Transfer(address(new RefusingPayee()), 5);
        _expectFailure(transfers, index, abi.encodeWithSelector(RefusingPayee.Unwelcome.selector, 5));
        vm.assertEq(ALICE.balance, 0, "no one was paid");
        vm.assertEq(wallet.nonce(0), 0, "the nonce is free");
    }

    function test_payout_succeedsLater_whenAPaymentFailedAtFirst() public {
        Transfer[] memory transfers = _transfers(ALICE, 101 ether);
        bytes memory signatures = _authorize(Digests.ofPayout(ETHER, transfers, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.TransferFailed.selector, 0, ""));
        wallet.payout(ETHER, transfers, 0, LATER, signatures);

        vm.deal(address(wallet), 101 ether);
        wallet.payout(ETHER, transfers, 0, LATER, signatures);
        vm.assertEq(ALICE.balance, 101 ether, "the same signatures still serve");
    }

    function _expectFailure(Transfer[] memory transfers, uint256 index, bytes memory reason) private {
        bytes memory signatures = _authorize(Digests.ofPayout(ETHER, transfers, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.TransferFailed.selector, index, reason));
        wallet.payout(ETHER, transfers, 0, LATER, signatures);
    }
}

/// @notice Measures the gas it is paid with.
contract GasMeter {
    uint256 public gasGiven;

    receive() external payable {
        gasGiven = gasleft();
    }
}
