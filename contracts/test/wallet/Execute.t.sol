// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {LongAnswerOwner} from "../support/Owners.sol";
import {Made, RecordingPayee, RefusingPayee} from "../support/Payees.sol";
import {Stub} from "../support/Stub.sol";
import {WalletTest} from "../support/WalletTest.sol";

// execute
// ├── when called on the implementation: reverts NotAWallet
// ├── when the deadline is before the block: reverts DeadlinePassed
// ├── when the nonce is not the next of its lane: reverts NonceMismatch
// ├── when the lane is used up: panics
// ├── when the signatures are for other calls: reverts SignatureInvalid
// └── when authorised
//     ├── makes each call in order, from the wallet, with its value and data
//     │   ├── when an account has no code: it takes the value
//     │   ├── when there are none: only consumes the nonce
//     │   └── leaves aside what they return, however long
//     ├── when a call fails: reverts CallFailed with its index and what it returned
//     │   └── nothing happened and the nonce is free
//     ├── consumes the nonce
//     └── emits Executed
contract ExecuteTest is WalletTest {
    RecordingPayee private payee;

    function setUp() public override {
        super.setUp();
        payee = new RecordingPayee();
        vm.deal(address(wallet), 100 ether);
    }

    function test_execute_reverts_whenCalledOnTheImplementation() public {
        IWallet implementation = IWallet(factory.implementation());
        vm.expectRevert(IWallet.NotAWallet.selector);
        implementation.execute(new Call[](0), 0, LATER, "");
    }

    function testFuzz_execute_reverts_whenDeadlineHasPassed(uint256 deadline) public {
        deadline = _bound(deadline, 0, block.timestamp - 1);
        Call[] memory calls = _calls(address(payee), 1, "");
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, deadline));
        vm.expectRevert(abi.encodeWithSelector(IWallet.DeadlinePassed.selector, deadline, block.timestamp));
        wallet.execute(calls, 0, deadline, signatures);
    }

    function test_execute_succeeds_whenDeadlineIsNow() public {
        Call[] memory calls = _calls(address(payee), 1, "");
        wallet.execute(calls, 0, block.timestamp, _authorize(Digests.ofExecute(calls, 0, block.timestamp)));
        vm.assertEq(payee.made().length, 1, "the call is made");
    }

    function testFuzz_execute_reverts_whenNonceIsNotNext(uint192 lane, uint64 sequence) public {
        vm.assume(sequence != 0);
        uint256 nonce = uint256(lane) << 64 | sequence;
        Call[] memory calls = _calls(address(payee), 1, "");
        bytes memory signatures = _authorize(Digests.ofExecute(calls, nonce, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.NonceMismatch.selector, nonce, uint256(lane) << 64));
        wallet.execute(calls, nonce, LATER, signatures);
    }

    function test_execute_reverts_whenDoneTwice() public {
        Call[] memory calls = _calls(address(payee), 1, "");
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        wallet.execute(calls, 0, LATER, signatures);
        vm.expectRevert(abi.encodeWithSelector(IWallet.NonceMismatch.selector, 0, 1));
        wallet.execute(calls, 0, LATER, signatures);
    }

    /// @dev The last sequence is never used: there would be none behind it.
    function test_execute_panics_whenTheLaneIsUsedUp() public {
        vm.store(address(wallet), 0, bytes32(uint256(type(uint64).max)));
        bytes memory signatures = _authorize(Digests.ofExecute(new Call[](0), type(uint64).max, LATER));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        wallet.execute(new Call[](0), type(uint64).max, LATER, signatures);
    }

    /// @dev Each field of a call, its place and their number are covered by what is signed.
    function testFuzz_execute_reverts_whenCallsDifferFromWhatWasSigned(uint256 change, bytes calldata data) public {
        Call[] memory calls = new Call[](2);
        calls[0] = Call(address(payee), 1, data);
        calls[1] = Call(address(payee), 2, data);
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));

        change %= 6;
        if (change == 0) calls[1].to = address(this);
        if (change == 1) calls[1].value = 3;
        if (change == 2) calls[1].data = bytes.concat(data, hex"00");
        if (change == 3) (calls[0], calls[1]) = (calls[1], calls[0]);
        if (change == 4) calls = _calls(address(payee), 1, data);
        uint256 deadline = change == 5 ? LATER + 1 : LATER;

        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofExecute(calls, 0, deadline));
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, _ownerOf(0), digest));
        wallet.execute(calls, 0, deadline, signatures);
    }

    function testFuzz_execute_makesTheCall(uint256 value, bytes calldata data, uint192 lane) public {
        value = _bound(value, 0, 100 ether);
        Call[] memory calls = _calls(address(payee), value, data);
        uint256 nonce = uint256(lane) << 64;
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofExecute(calls, nonce, LATER));
        vm.expectEmit(true, false, false, true, address(wallet));
        emit IWallet.Executed(digest, nonce);
        wallet.execute(calls, nonce, LATER, _sign(digest, 2));

        Made[] memory made = payee.made();
        vm.assertEq(made.length, 1, "one call");
        vm.assertEq(made[0].sender, address(wallet), "the wallet calls");
        vm.assertEq(made[0].value, value, "with the value");
        vm.assertEq(made[0].data, data, "and the data");
        vm.assertEq(address(payee).balance, value, "which arrives");
        vm.assertEq(wallet.nonce(lane), nonce + 1, "the nonce is consumed");
    }

    function testFuzz_execute_makesCallsInOrder(bytes[] calldata datas) public {
        uint256 count = datas.length % 8;
        Call[] memory calls = new Call[](count);
        for (uint256 i; i < count; ++i) {
            calls[i] = Call(address(payee), i, datas[i]);
        }
        _execute(calls);

        Made[] memory made = payee.made();
        vm.assertEq(made.length, count, "every call");
        for (uint256 i; i < count; ++i) {
            vm.assertEq(made[i].value, i, "with its own value");
            vm.assertEq(made[i].data, datas[i], "and its own data");
        }
    }

    function test_execute_makesAHundredCalls() public {
        Call[] memory calls = new Call[](100);
        for (uint256 i; i < 100; ++i) {
            calls[i] = Call(address(payee), i, abi.encode(i));
        }
        _execute(calls);

        Made[] memory made = payee.made();
        vm.assertEq(made.length, 100, "every call");
        vm.assertEq(made[99].data, abi.encode(99), "up to the last");
        vm.assertEq(address(payee).balance, 4950, "with every value");
    }

    function testFuzz_execute_paysAnAccountWithoutCode(uint256 value, bytes calldata data) public {
        value = _bound(value, 0, 100 ether);
        address account = address(0xacc0);
        _execute(_calls(account, value, data));
        vm.assertEq(account.balance, value, "the value arrives, whatever the data");
    }

    function test_execute_consumesTheNonce_whenThereAreNoCalls() public {
        _execute(new Call[](0));
        vm.assertEq(wallet.nonce(0), 1, "the nonce is consumed");
    }

    function test_execute_leavesAsideWhatACallReturns() public {
        address bomb = address(new LongAnswerOwner(1 << 20));
        uint256 before = gasleft();
        (bool ok,) = bomb.staticcall{gas: 5_000_000}("1");
        uint256 cost = before - gasleft();
        vm.assertTrue(ok, "the bomb goes off");
        Call[] memory calls = _calls(bomb, 0, "1");
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        before = gasleft();
        wallet.execute(calls, 0, LATER, signatures);
        // Reading a megabyte costs as much as returning it, two millions.
        vm.assertLt(before - gasleft(), cost + 200_000, "nothing of it is read");
    }

    function testFuzz_execute_reverts_whenACallFails(uint256 count, uint256 index, bytes calldata reason) public {
        count = _bound(count, 1, 10);
        index = _bound(index, 0, count - 1);
        Stub failing = new Stub();
        failing.failAt("", reason);
        Call[] memory calls = new Call[](count);
        for (uint256 i; i < count; ++i) {
            calls[i] = Call(i == index ? address(failing) : address(payee), 1, "");
        }
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.CallFailed.selector, index, reason));
        wallet.execute(calls, 0, LATER, signatures);

        vm.assertEq(payee.made().length, 0, "no other call happened");
        vm.assertEq(address(wallet).balance, 100 ether, "nothing was paid");
        vm.assertEq(wallet.nonce(0), 0, "the nonce is free");
    }

    function test_execute_succeedsLater_whenACallFailedAtFirst() public {
        Call[] memory calls = _calls(address(payee), 101 ether, "");
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.CallFailed.selector, 0, ""));
        wallet.execute(calls, 0, LATER, signatures);

        vm.deal(address(wallet), 101 ether);
        wallet.execute(calls, 0, LATER, signatures);
        vm.assertEq(address(payee).balance, 101 ether, "the same signatures still serve");
    }

    /// @dev The reason is that of the failing call, not of one before it that returned more.
    function test_execute_reverts_withNoReason_whenTheValueIsTooHigh() public {
        Call[] memory calls = new Call[](2);
        calls[0] = Call(address(new LongAnswerOwner(64)), 0, "1");
        calls[1] = Call(address(payee), 101 ether, "");
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.CallFailed.selector, 1, ""));
        wallet.execute(calls, 0, LATER, signatures);
    }

    function test_execute_reverts_whenAPayeeRefuses() public {
        RefusingPayee refusing = new RefusingPayee();
        Call[] memory calls = _calls(address(refusing), 5, "");
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        bytes memory reason = abi.encodeWithSelector(RefusingPayee.Unwelcome.selector, 5);
        vm.expectRevert(abi.encodeWithSelector(IWallet.CallFailed.selector, 0, reason));
        wallet.execute(calls, 0, LATER, signatures);
    }

    /// @dev The wallet answers a call of its own as it answers anyone's.
    function test_execute_cannotActOnTheWalletUnsigned() public {
        bytes32 digest = keccak256("digest");
        Call[] memory calls = _calls(address(wallet), 0, abi.encodeCall(IWallet.approve, (digest)));
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        bytes memory reason = abi.encodeWithSelector(IWallet.NotOwner.selector, address(wallet));
        vm.expectRevert(abi.encodeWithSelector(IWallet.CallFailed.selector, 0, reason));
        wallet.execute(calls, 0, LATER, signatures);
    }
}
