// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Context, IPolicy} from "../../src/IPolicy.sol";
import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {CalldataTest} from "../support/CalldataTest.sol";
import {Digests} from "../support/Digests.sol";
import {StubPolicy} from "../support/Policies.sol";
import {Stub} from "../support/Stub.sol";

// calldata of execute, payout and reconfigure, with random words of it changed
// ├── when plain Solidity would not read it: the wallet does not read it either
// └── when plain Solidity would read it
//     ├── when the signatures are for what Solidity reads: exactly that is done, and shown to the policy
//     └── when they are not: reverts
contract CalldataFuzzTest is CalldataTest {
    address private constant ALICE = address(0xa11Ce00000000000000000000000000000000a11);
    address private constant BOB = address(0xb0B0000000000000000000000000000000000B0B);

    Stub private token;

    function setUp() public override {
        super.setUp();
        vm.deal(address(wallet), 1000);
        token = new Stub();
        token.answerTo(abi.encodePacked(IERC20.balanceOf.selector), abi.encode(777));
    }

    function testFuzz_calldata_ofExecute_doesWhatSolidityReads(uint256 seed) public {
        Call[] memory calls = new Call[](3);
        calls[0] = Call(ALICE, 1, "");
        calls[1] = Call(BOB, 2, hex"0102030405");
        calls[2] = Call(ALICE, 3, abi.encode(uint256(32), uint256(64), uint256(5)));
        bytes memory call = _mutate(abi.encodeCall(IWallet.execute, (calls, 0, LATER, new bytes(130))), seed);

        (bool ok, bytes memory read) = address(decoder).staticcall(call);
        if (ok) {
            _signExecute(call, read);
            (ok, read) = address(decoder).staticcall(call);
        }
        if (!ok) return _expectMalformed(call);
        _checkExecute(call, read);
    }

    function _signExecute(bytes memory call, bytes memory read) private view {
        (Call[] memory calls, uint256 nonce, uint256 deadline, bytes memory signatures) =
            abi.decode(read, (Call[], uint256, uint256, bytes));
        if (signatures.length != 130) return;
        _setSignatures(call, 4, _authorize(Digests.ofExecute(calls, nonce, deadline)));
    }

    function _checkExecute(bytes memory call, bytes memory read) private {
        (Call[] memory calls, uint256 nonce, uint256 deadline, bytes memory signatures) =
            abi.decode(read, (Call[], uint256, uint256, bytes));
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofExecute(calls, nonce, deadline));
        if (!_isDue(call, digest, nonce, deadline, signatures)) return;

        uint256 balance = address(wallet).balance;
        for (uint256 i; i < calls.length; ++i) {
            // A precompile may fail.
            if (uint160(calls[i].to) <= 0xffff) return;
            if (calls[i].value > balance) {
                return _expectFault(call, abi.encodeWithSelector(IWallet.CallFailed.selector, i, ""));
            }
            balance -= calls[i].value;
        }
        (bool ok,, Call[] memory made) = _submit(call);
        vm.assertTrue(ok, "done");
        vm.assertEq(abi.encode(made), abi.encode(calls), "exactly this");
        Context memory context = Context(digest, nonce, deadline, 3, wallet.config());
        vm.assertEq(policy.question(), abi.encodeCall(IPolicy.checkExecute, (calls, context)), "and this was shown");
    }

    function testFuzz_calldata_ofPayout_doesWhatSolidityReads(uint256 seed) public {
        Transfer[] memory transfers = new Transfer[](4);
        transfers[0] = Transfer(ALICE, 1);
        transfers[1] = Transfer(BOB, 64);
        transfers[2] = Transfer(ALICE, type(uint256).max);
        transfers[3] = Transfer(BOB, 0);
        address paid = seed % 2 == 0 ? address(0) : address(token);
        bytes memory call = _mutate(abi.encodeCall(IWallet.payout, (paid, transfers, 0, LATER, new bytes(130))), seed);

        (bool ok, bytes memory read) = address(decoder).staticcall(call);
        if (ok) {
            _signPayout(call, read);
            (ok, read) = address(decoder).staticcall(call);
        }
        if (!ok) return _expectMalformed(call);
        _checkPayout(call, read);
    }

    function _signPayout(bytes memory call, bytes memory read) private view {
        (address paid, Transfer[] memory transfers, uint256 nonce, uint256 deadline, bytes memory signatures) =
            abi.decode(read, (address, Transfer[], uint256, uint256, bytes));
        if (signatures.length != 130) return;
        _setSignatures(call, 5, _authorize(Digests.ofPayout(paid, transfers, nonce, deadline)));
    }

    function _checkPayout(bytes memory call, bytes memory read) private {
        (address paid, Transfer[] memory transfers, uint256 nonce, uint256 deadline, bytes memory signatures) =
            abi.decode(read, (address, Transfer[], uint256, uint256, bytes));
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofPayout(paid, transfers, nonce, deadline));
        if (!_isDue(call, digest, nonce, deadline, signatures)) return;
        if (paid != address(0) && paid != address(token)) {
            return _expectFault(call, abi.encodeWithSelector(IWallet.TokenWithoutCode.selector, paid));
        }

        Call[] memory due = new Call[](transfers.length);
        uint256 balance = address(wallet).balance;
        for (uint256 i; i < transfers.length; ++i) {
            (address to, uint256 amount) = (transfers[i].to, transfers[i].amount);
            if (paid != address(0)) {
                if (amount == type(uint256).max) amount = 777;
                due[i] = Call(paid, 0, abi.encodeCall(IERC20.transfer, (to, amount)));
                continue;
            }
            // A precompile may fail.
            if (uint160(to) <= 0xffff) return;
            if (amount == type(uint256).max) amount = balance;
            if (amount > balance) {
                return _expectFault(call, abi.encodeWithSelector(IWallet.TransferFailed.selector, i, ""));
            }
            due[i] = Call(to, amount, "");
            balance -= amount;
        }
        (bool ok,, Call[] memory made) = _submit(call);
        vm.assertTrue(ok, "done");
        vm.assertEq(abi.encode(made), abi.encode(due), "exactly this");
        Context memory context = Context(digest, nonce, deadline, 3, wallet.config());
        bytes memory question = abi.encodeCall(IPolicy.checkPayout, (paid, transfers, context));
        vm.assertEq(policy.question(), question, "and this was shown");
    }

    function testFuzz_calldata_ofReconfigure_doesWhatSolidityReads(uint256 seed) public {
        Config memory config = _config(2, 3);
        if (seed % 2 == 0) config.policy = address(new StubPolicy());
        config.policyData = abi.encode(uint256(32), uint256(64), uint256(3));
        bytes memory call = _mutate(abi.encodeCall(IWallet.reconfigure, (config, 0, LATER, new bytes(130))), seed);

        (bool ok, bytes memory read) = address(decoder).staticcall(call);
        if (ok) {
            _signReconfigure(call, read);
            (ok, read) = address(decoder).staticcall(call);
        }
        if (!ok) {
            if (!_pointsBack(call)) _expectMalformed(call);
            return;
        }
        _checkReconfigure(call, read);
    }

    function _signReconfigure(bytes memory call, bytes memory read) private view {
        (Config memory config, uint256 nonce, uint256 deadline, bytes memory signatures) =
            abi.decode(read, (Config, uint256, uint256, bytes));
        if (signatures.length != 130) return;
        _setSignatures(call, 4, _authorize(Digests.ofReconfigure(config, nonce, deadline)));
    }

    function _checkReconfigure(bytes memory call, bytes memory read) private {
        (Config memory config, uint256 nonce, uint256 deadline, bytes memory signatures) =
            abi.decode(read, (Config, uint256, uint256, bytes));
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofReconfigure(config, nonce, deadline));
        if (!_isDue(call, digest, nonce, deadline, signatures)) return;

        Context memory context = Context(digest, nonce, deadline, 3, wallet.config());
        (bool ok, bytes memory returned,) = _submit(call);
        if (!ok) return vm.assertTrue(_isAgainstTheRules(returned), "the configuration is refused as such");
        vm.assertEq(abi.encode(wallet.config()), abi.encode(config), "exactly this");
        bytes memory question = abi.encodeCall(IPolicy.checkReconfigure, (config, context));
        vm.assertEq(policy.question(), question, "and this was shown");
    }

    /// @dev Whether the owners or policyData of the configuration have an offset that wraps; see
    /// `CalldataEncodings.t.sol`.
    function _pointsBack(bytes memory call) private pure returns (bool) {
        uint256 config = _word(call, 0);
        if (config > call.length - 132) return false;
        return (_wordAt(call, 4 + config + 32) | _wordAt(call, 4 + config + 96)) >> 255 != 0;
    }

    /// @dev Whether the wallet should go on to act; what it should refuse instead, it must refuse by its own words.
    function _isDue(bytes memory call, bytes32 digest, uint256 nonce, uint256 deadline, bytes memory signatures)
        private
        returns (bool)
    {
        bytes memory fault;
        if (deadline < block.timestamp) {
            fault = abi.encodeWithSelector(IWallet.DeadlinePassed.selector, deadline, block.timestamp);
        } else if (uint64(nonce) != 0) {
            fault = abi.encodeWithSelector(IWallet.NonceMismatch.selector, nonce, nonce >> 64 << 64);
        } else if (keccak256(signatures) == keccak256(_sign(digest, 2))) {
            return true;
        }
        (bool ok, bytes memory returned) = address(wallet).call(call);
        vm.assertFalse(ok, "refused");
        if (fault.length != 0) vm.assertEq(returned, fault, "for the expected reason");
        else vm.assertFalse(_isMalformed(returned), "for its signatures");
        return false;
    }

    function _expectMalformed(bytes memory call) private {
        (bool ok, bytes memory returned) = address(wallet).call(call);
        vm.assertFalse(ok, "not read");
        vm.assertTrue(_isMalformed(returned), "rather than not authorised");
    }

    function _isAgainstTheRules(bytes memory returned) private pure returns (bool) {
        bytes4 selector = bytes4(returned);
        return selector == IWallet.OwnerCountOutOfRange.selector || selector == IWallet.ThresholdOutOfRange.selector
            || selector == IWallet.OwnerInvalid.selector || selector == IWallet.PolicyRefused.selector;
    }
}
