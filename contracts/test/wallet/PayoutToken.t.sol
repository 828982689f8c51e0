// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {Stub} from "../support/Stub.sol";
import {WalletTest} from "../support/WalletTest.sol";
import {SilentToken} from "../tokens/SilentToken.sol";
import {TestToken} from "../tokens/TestToken.sol";

// payout of a token, when authorised
// ├── when the token has no code: reverts TokenWithoutCode, whatever the transfers
// ├── pays each payee its amount, when the token answers true or nothing
// │   ├── when an amount is 2^256-1: pays what is left at that moment, 0 included
// │   │   └── when the balance cannot be read: reverts TransferFailed
// │   └── when there are none: only consumes the nonce
// └── when the token fails or answers anything else: reverts TransferFailed with the index and what it returned
//     └── nothing happened and the nonce is free
contract PayoutTokenTest is WalletTest {
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);
    uint256 private constant ALL = type(uint256).max;

    TestToken private token;
    SilentToken private silent;
    Stub private stub;

    function setUp() public override {
        super.setUp();
        token = new TestToken("Test", "TEST", 18);
        silent = new SilentToken("Silent", "SIL", 6);
        stub = new Stub();
        token.mint(address(wallet), 1000);
        silent.mint(address(wallet), 1000);
    }

    /* PAYING */

    function testFuzz_payout_paysTokens(address to, uint256 balance, uint256 amount) public {
        vm.assume(to != address(0) && to != address(wallet));
        TestToken fresh = new TestToken("Test", "TEST", 18);
        amount = _bound(amount, 0, balance == ALL ? ALL - 1 : balance);
        fresh.mint(address(wallet), balance);
        _payout(address(fresh), _transfers(to, amount));
        vm.assertEq(fresh.balanceOf(to), amount, "paid");
        vm.assertEq(fresh.balanceOf(address(wallet)), balance - amount, "by the wallet");
    }

    function testFuzz_payout_paysTokensThatReturnNothing(uint256 amount) public {
        amount = _bound(amount, 0, 500);
        _payout(address(silent), _transfers(ALICE, amount, BOB, amount));
        vm.assertEq(silent.balanceOf(ALICE), amount, "the first payee");
        vm.assertEq(silent.balanceOf(BOB), amount, "and the second");
    }

    function test_payout_paysAHundredTransfers() public {
        Transfer[] memory transfers = new Transfer[](100);
        for (uint256 i; i < 100; ++i) {
            transfers[i] = Transfer(address(uint160(0x10000 + i)), i % 10);
        }
        _payout(address(token), transfers);
        for (uint256 i; i < 100; ++i) {
            vm.assertEq(token.balanceOf(transfers[i].to), i % 10, "each payee its own amount");
        }
    }

    /// @dev Some tokens answer true with more behind it; the first word is the answer.
    function testFuzz_payout_succeeds_whenTokenAnswersTrueAndMore(bytes calldata more) public {
        stub.answerTo("", abi.encodePacked(uint256(1), more));
        _payout(address(stub), _transfers(ALICE, 1));
        vm.assertEq(wallet.nonce(0), 1, "paid");
    }

    function test_payout_consumesTheNonce_whenThereAreNoTransfers() public {
        _payout(address(token), new Transfer[](0));
        vm.assertEq(wallet.nonce(0), 1, "the nonce is consumed");
        vm.assertEq(token.balanceOf(address(wallet)), 1000, "and nothing paid");
    }

    /* EVERYTHING LEFT */

    function testFuzz_payout_paysEverythingLeft_atThatMoment(uint256 first, bool isSilent) public {
        first = _bound(first, 0, 1000);
        address paid = isSilent ? address(silent) : address(token);
        _payout(paid, _transfers(ALICE, first, BOB, ALL));
        vm.assertEq(IERC20(paid).balanceOf(ALICE), first, "the amount");
        vm.assertEq(IERC20(paid).balanceOf(BOB), 1000 - first, "the rest");
        vm.assertEq(IERC20(paid).balanceOf(address(wallet)), 0, "nothing stays");
    }

    function test_payout_paysNothingMore_afterEverythingLeft() public {
        Transfer[] memory transfers = new Transfer[](3);
        transfers[0] = Transfer(ALICE, ALL);
        transfers[1] = Transfer(BOB, ALL);
        transfers[2] = Transfer(BOB, 0);
        _payout(address(token), transfers);
        vm.assertEq(token.balanceOf(ALICE), 1000, "everything");
        vm.assertEq(token.balanceOf(BOB), 0, "what was left then");
    }

    function test_payout_reverts_whenSomethingIsDueAfterEverythingLeft() public {
        Transfer[] memory transfers = new Transfer[](3);
        transfers[0] = Transfer(BOB, 1);
        transfers[1] = Transfer(ALICE, ALL);
        transfers[2] = Transfer(BOB, 1);
        bytes memory reason =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, address(wallet), 0, 1);
        _expectFailure(address(token), transfers, 2, reason);
        vm.assertEq(token.balanceOf(ALICE), 0, "nothing was paid");
    }

    /// @dev The balance is the first word, as the ABI reads it.
    function test_payout_paysEverythingLeft_whenBalanceComesWithMore() public {
        stub.answerTo(abi.encodePacked(IERC20.balanceOf.selector), abi.encode(7, 8));
        stub.answerTo(abi.encodePacked(IERC20.transfer.selector), abi.encode(true));
        Transfer[] memory transfers = _transfers(ALICE, ALL);
        bytes memory signatures = _authorize(Digests.ofPayout(address(stub), transfers, 0, LATER));
        vm.expectCall(address(stub), abi.encodeCall(IERC20.transfer, (ALICE, 7)), 1);
        wallet.payout(address(stub), transfers, 0, LATER, signatures);
    }

    function testFuzz_payout_reverts_whenBalanceIsShort(bytes calldata answer) public {
        bytes memory short = answer[:answer.length % 32];
        stub.answerTo(abi.encodePacked(IERC20.balanceOf.selector), short);
        stub.answerTo(abi.encodePacked(IERC20.transfer.selector), abi.encode(true));
        _expectFailure(address(stub), _transfers(ALICE, 0, ALICE, ALL), 1, short);
    }

    function testFuzz_payout_reverts_whenBalanceFails(bytes calldata reason) public {
        stub.failAt(abi.encodePacked(IERC20.balanceOf.selector), reason);
        stub.answerTo(abi.encodePacked(IERC20.transfer.selector), abi.encode(true));
        _expectFailure(address(stub), _transfers(ALICE, ALL, BOB, 0), 0, reason);
    }

    /// @dev A balance of 2^256-1 is an amount like any other once it was read.
    function test_payout_paysEverythingLeft_whenThatIsAllThereCanBe() public {
        TestToken fresh = new TestToken("Test", "TEST", 18);
        fresh.mint(address(wallet), ALL);
        _payout(address(fresh), _transfers(ALICE, ALL, BOB, ALL));
        vm.assertEq(fresh.balanceOf(ALICE), ALL, "everything");
    }

    /* FAILURES */

    function test_payout_reverts_whenTokenHasNoCode() public {
        _expectTokenWithoutCode(_transfers(ALICE, 1));
        _expectTokenWithoutCode(_transfers(ALICE, 1, BOB, 1));
    }

    function test_payout_reverts_whenTokenHasNoCode_andEverythingLeftIsPaid() public {
        _expectTokenWithoutCode(_transfers(ALICE, ALL));
        _expectTokenWithoutCode(_transfers(ALICE, 1, BOB, ALL));
    }

    function test_payout_reverts_whenTokenHasNoCode_andThereAreNoTransfers() public {
        _expectTokenWithoutCode(new Transfer[](0));
    }

    /// @dev Precompiles answer, and one of them with its input, but they have no code.
    function test_payout_reverts_whenTokenIsAPrecompile() public {
        Transfer[] memory transfers = _transfers(ALICE, 1);
        for (uint160 i = 1; i < 10; ++i) {
            bytes memory signatures = _authorize(Digests.ofPayout(address(i), transfers, 0, LATER));
            vm.expectRevert(abi.encodeWithSelector(IWallet.TokenWithoutCode.selector, address(i)));
            // A precompile that fails takes all the gas it is given.
            wallet.payout{gas: 1_000_000}(address(i), transfers, 0, LATER, signatures);
        }
    }

    function testFuzz_payout_reverts_whenTokenAnswersAnythingButTrue(bytes calldata answer) public {
        vm.assume(answer.length != 0 && (answer.length < 32 || bytes32(answer) != bytes32(uint256(1))));
        stub.answerTo("", answer);
        _expectFailure(address(stub), _transfers(ALICE, 1), 0, answer);
    }

    function test_payout_reverts_whenTokenAnswersFalse() public {
        stub.answerTo("", abi.encode(false));
        _expectFailure(address(stub), _transfers(ALICE, 1), 0, abi.encode(false));
    }

    function testFuzz_payout_reverts_whenTokenAnswersAnotherNumber(uint256 answer) public {
        vm.assume(answer != 1);
        _expectAnswerRefused(abi.encode(answer));
        _expectAnswerRefused(abi.encode(2));
        _expectAnswerRefused(abi.encode(1 << 255 | 1));
    }

    function testFuzz_payout_reverts_whenTokenAnswersTrueTooShortly(uint256 length) public {
        bytes memory answer = new bytes(_bound(length, 1, 31));
        answer[answer.length - 1] = 0x01;
        _expectAnswerRefused(answer);
    }

    function testFuzz_payout_reverts_whenTokenFails(uint256 count, uint256 index, bytes calldata reason) public {
        count = _bound(count, 1, 10);
        index = _bound(index, 0, count - 1);
        Transfer[] memory transfers = new Transfer[](count);
        for (uint256 i; i < count; ++i) {
            transfers[i] = Transfer(i == index ? BOB : ALICE, i);
        }
        stub.answerTo("", abi.encode(true));
        stub.failAt(abi.encodeWithSelector(IERC20.transfer.selector, BOB), reason);
        _expectFailure(address(stub), transfers, index, reason);
    }

    /// @dev That a token has code is asked only once, but its silence after a loud start is still consent.
    function test_payout_succeeds_whenTokenIsSilentAfterAnAnswer() public {
        stub.answerTo(abi.encodeWithSelector(IERC20.transfer.selector, ALICE), abi.encode(true));
        _payout(address(stub), _transfers(ALICE, 1, BOB, 1));
        vm.assertEq(wallet.nonce(0), 1, "paid");
    }

    /// @dev An answer is that of this transfer: nothing stays from the one before.
    function test_payout_reverts_whenTokenAnswersTrueOnlyAtFirst() public {
        stub.answerTo(abi.encodeWithSelector(IERC20.transfer.selector, ALICE), abi.encode(true));
        stub.answerTo(abi.encodeWithSelector(IERC20.transfer.selector, BOB), hex"00");
        _expectFailure(address(stub), _transfers(ALICE, 1, BOB, 1), 1, hex"00");
    }

    function test_payout_paysNothing_whenOneTransferFails() public {
        Transfer[] memory transfers = _transfers(ALICE, 1000, BOB, 1);
        bytes memory reason = abi.encodeWithSelector(SilentToken.BalanceTooLow.selector, 0, 1);
        _expectFailure(address(silent), transfers, 1, reason);
        vm.assertEq(silent.balanceOf(ALICE), 0, "not even the first");
        vm.assertEq(wallet.nonce(0), 0, "the nonce is free");
    }

    function _expectFailure(address paid, Transfer[] memory transfers, uint256 index, bytes memory reason) private {
        bytes memory signatures = _authorize(Digests.ofPayout(paid, transfers, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.TransferFailed.selector, index, reason));
        wallet.payout(paid, transfers, 0, LATER, signatures);
    }

    function _expectAnswerRefused(bytes memory answer) private {
        stub.answerTo("", answer);
        _expectFailure(address(stub), _transfers(ALICE, 1), 0, answer);
    }

    function _expectTokenWithoutCode(Transfer[] memory transfers) private {
        address none = address(0x70ce);
        bytes memory signatures = _authorize(Digests.ofPayout(none, transfers, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.TokenWithoutCode.selector, none));
        wallet.payout(none, transfers, 0, LATER, signatures);
    }
}
