// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {CalldataTest} from "../support/CalldataTest.sol";
import {Digests} from "../support/Digests.sol";

// calldata that is no encoding of its function
// ├── when an account does not fit 160 bits: reverts, in a list of calls or transfers with its index
// ├── when a call or its data lies outside, by an offset or a length: reverts CallMalformed with its index
// ├── when anything else lies outside: reverts
// ├── when it is cut at any byte: reverts
// └── when something follows its end: is read as if nothing did
contract MalformedCalldataTest is CalldataTest {
    address private constant ALICE = address(0xa11Ce00000000000000000000000000000000a11);

    // Words of `_executeCall`: the head, the list, then call 0 (no data) and call 1 (40 bytes of data).
    uint256 private constant CALLS = 0;
    uint256 private constant SIGNATURES = 3;
    uint256 private constant COUNT = 4;
    uint256 private constant ELEMENT_0 = 5;
    uint256 private constant ELEMENT_1 = 6;
    uint256 private constant CALL_0 = 7;
    uint256 private constant CALL_1 = 11;
    uint256 private constant SIGNATURES_LENGTH = 17;

    bytes private executeCall;
    bytes private payoutCall;
    bytes private reconfigureCall;

    function setUp() public override {
        super.setUp();
        vm.deal(address(wallet), 1000);
        Call[] memory calls = new Call[](2);
        calls[0] = Call(ALICE, 1, "");
        calls[1] = Call(ALICE, 2, "forty bytes of data, more than one word.");
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        executeCall = abi.encodeCall(IWallet.execute, (calls, 0, LATER, signatures));

        Transfer[] memory transfers = _transfers(ALICE, 1, ALICE, 2);
        signatures = _authorize(Digests.ofPayout(address(0), transfers, 0, LATER));
        payoutCall = abi.encodeCall(IWallet.payout, (address(0), transfers, 0, LATER, signatures));

        Config memory config = _config(1, 2);
        config.policyData = "forty bytes of data, more than one word.";
        signatures = _authorize(Digests.ofReconfigure(config, 0, LATER));
        reconfigureCall = abi.encodeCall(IWallet.reconfigure, (config, 0, LATER, signatures));
    }

    /// @dev So that what the other tests change is the only fault.
    function test_calldata_isReadAsItStands() public {
        uint256 before = vm.snapshotState();
        bytes[3] memory calls = [executeCall, payoutCall, reconfigureCall];
        for (uint256 i; i < 3; ++i) {
            (bool ok,) = address(wallet).call(calls[i]);
            vm.assertTrue(ok, "authorised");
            vm.revertToState(before);
        }
        vm.assertEq(_word(executeCall, CALL_0), uint160(ALICE), "call 0 is where the tests take it to be");
        vm.assertEq(_word(executeCall, CALL_1), uint160(ALICE), "and so is call 1");
        vm.assertEq(_word(executeCall, CALL_1 + 3), 40, "and the length of its data");
        vm.assertEq(_word(executeCall, SIGNATURES_LENGTH), 130, "and that of the signatures");
    }

    /* ACCOUNTS */

    function testFuzz_calldata_isRefused_whenACalledAccountIsDirty(uint256 dirt) public {
        dirt = _dirt(dirt);
        _refuseExecute(CALL_0, dirt | uint160(ALICE), _callMalformed(0));
        _refuseExecute(CALL_1, dirt | uint160(ALICE), _callMalformed(1));
    }

    function testFuzz_calldata_isRefused_whenAPayeeIsDirty(uint256 dirt) public {
        dirt = _dirt(dirt);
        bytes4 fault = IWallet.TransferMalformed.selector;
        _refusePayout(6, dirt | uint160(ALICE), abi.encodeWithSelector(fault, 0));
        _refusePayout(8, dirt | uint160(ALICE), abi.encodeWithSelector(fault, 1));
    }

    function testFuzz_calldata_isRefused_whenTheTokenIsDirty(uint256 dirt) public {
        _refusePayout(0, _dirt(dirt), "");
    }

    function testFuzz_calldata_isRefused_whenTheConfigIsDirty(uint256 dirt) public {
        // Config begins at word 4: threshold, owners, policy, policyData, then the number of owners and each.
        _refuseReconfigure(4, _bound(dirt, 256, type(uint256).max), "");
        dirt = _dirt(dirt);
        _refuseReconfigure(6, dirt, "");
        _refuseReconfigure(9, dirt | uint160(_ownerOf(0)), "");
        _refuseReconfigure(10, dirt | uint160(_ownerOf(1)), "");
    }

    function testFuzz_calldata_isRefused_whenAnArgumentOfAViewIsDirty(uint256 dirt) public {
        dirt = _dirt(dirt);
        _expectFault(abi.encodeWithSelector(IWallet.isOwner.selector, dirt | uint160(_ownerOf(0))), "");
        _expectFault(abi.encodeWithSelector(IWallet.approved.selector, 0, dirt | uint160(_ownerOf(0))), "");
        _expectFault(abi.encodeWithSelector(IWallet.nonce.selector, _bound(dirt, 1 << 192, type(uint256).max)), "");
    }

    /* CALLS */

    function testFuzz_calldata_isRefused_whenACallLiesOutside(uint256 offset) public {
        offset = _bound(offset, _lastCall() + 1, type(uint256).max);
        _refuseExecute(ELEMENT_0, offset, _callMalformed(0));
        _refuseExecute(ELEMENT_1, offset, _callMalformed(1));
    }

    function test_calldata_isRefused_whenACallLiesOutside() public {
        _refuseExecute(ELEMENT_1, _lastCall() + 1, _callMalformed(1));
        _refuseExecuteOutside(ELEMENT_1);
    }

    function testFuzz_calldata_isRefused_whenDataLiesOutside(uint256 offset) public {
        _refuseExecute(CALL_1 + 2, _bound(offset, _lastData() + 1, type(uint256).max), _callMalformed(1));
    }

    function test_calldata_isRefused_whenDataLiesOutside() public {
        _refuseExecute(CALL_1 + 2, _lastData() + 1, _callMalformed(1));
        _refuseExecuteOutside(CALL_1 + 2);
    }

    function testFuzz_calldata_isRefused_whenDataIsTooLong(uint256 length) public {
        _refuseExecute(CALL_1 + 3, _bound(length, _mostData() + 1, type(uint256).max), _callMalformed(1));
    }

    function test_calldata_isRefused_whenDataIsTooLong() public {
        _refuseExecute(CALL_1 + 3, _mostData() + 1, _callMalformed(1));
        for (uint256 i = 64; i < 256; ++i) {
            _refuseExecute(CALL_1 + 3, 1 << i, _callMalformed(1));
            _refuseExecute(CALL_1 + 3, 1 << i | 40, _callMalformed(1));
            // So long that the end wraps to before the data.
            _refuseExecute(CALL_1 + 3, type(uint256).max << i, _callMalformed(1));
        }
    }

    /// @dev The first fault is the one named.
    function test_calldata_namesTheFirstMalformedCall() public {
        bytes memory call = executeCall;
        _setWord(call, CALL_0, type(uint256).max);
        _setWord(call, CALL_1, type(uint256).max);
        _expectFault(call, _callMalformed(0));
    }

    /// @dev Nothing is trusted before it was read: not the deadline, the nonce or the signatures.
    function test_calldata_isRefused_beforeAnythingElse() public {
        bytes memory call = executeCall;
        _setWord(call, CALL_1, type(uint256).max);
        _setWord(call, 1, 77);
        _setWord(call, 2, 0);
        _setWord(call, SIGNATURES_LENGTH, 0);
        _expectFault(call, _callMalformed(1));
    }

    /* LISTS */

    function testFuzz_calldata_isRefused_whenAListIsTooLong(uint256 length) public {
        _refuseExecute(COUNT, _bound(length, _mostCalls() + 1, type(uint256).max), "");
        _refusePayout(5, _bound(length, payoutCall.length / 64 - 2, type(uint256).max), "");
        _refuseReconfigure(8, _bound(length, reconfigureCall.length / 32 - 8, type(uint256).max), "");
    }

    function test_calldata_isRefused_whenAListIsTooLong() public {
        _refuseExecute(COUNT, _mostCalls() + 1, "");
        for (uint256 i = 60; i < 256; ++i) {
            // Times 32 or 64, with the two entries there are, these wrap to what is right.
            _refuseExecute(COUNT, 1 << i | 2, "");
            _refusePayout(5, 1 << i | 2, "");
            _refuseReconfigure(8, 1 << i | 2, "");
        }
    }

    function testFuzz_calldata_isRefused_whenAnArgumentLiesOutside(uint256 offset) public {
        offset = _bound(offset, 1 << 64, type(uint256).max);
        uint256[3] memory offsets = [offset, type(uint256).max - offset % 4096, executeCall.length - 4 - 31];
        for (uint256 i; i < offsets.length; ++i) {
            _refuseExecute(CALLS, offsets[i], "");
            _refuseExecute(SIGNATURES, offsets[i], "");
            _refusePayout(1, offsets[i], "");
            _refusePayout(4, offsets[i], "");
            _refuseReconfigure(0, offsets[i], "");
            _refuseReconfigure(3, offsets[i], "");
        }
    }

    function testFuzz_calldata_isRefused_whenSignaturesAreTooLong(uint256 length) public {
        uint256 most = executeCall.length - (4 + 32 * (SIGNATURES_LENGTH + 1));
        _refuseExecute(SIGNATURES_LENGTH, _bound(length, most + 1, type(uint256).max), "");
        _refuseExecute(SIGNATURES_LENGTH, most + 1, "");
        _refuseExecute(SIGNATURES_LENGTH, type(uint256).max, "");
        _refuseExecute(SIGNATURES_LENGTH, 1 << 255 | 130, "");
    }

    function testFuzz_calldata_isRefused_whenPartsOfTheConfigLieOutside(uint256 offset) public {
        uint256 last = reconfigureCall.length - (4 + 32 * 4) - 32;
        offset = _bound(offset, last + 1, type(uint256).max >> 1);
        _refuseReconfigure(5, offset, "");
        _refuseReconfigure(7, offset, "");
        _refuseReconfigure(5, last + 1, "");
        _refuseReconfigure(7, last + 1, "");
        // The length of policyData.
        uint256 most = reconfigureCall.length - (4 + 32 * 12);
        _refuseReconfigure(11, _bound(offset, most + 1, type(uint256).max), "");
        _refuseReconfigure(11, most + 1, "");
        _refuseReconfigure(11, 1 << 255 | 40, "");
    }

    /* THE END */

    function test_calldata_isRefused_whenCutAtAnyByte() public {
        bytes[3] memory calls = [executeCall, payoutCall, reconfigureCall];
        for (uint256 i; i < 3; ++i) {
            // All end in 130 bytes of signatures and 30 of padding, which no one reads.
            for (uint256 length = 1; length < calls[i].length - 30; ++length) {
                (bool ok, bytes memory returned) = address(wallet).call(_cut(calls[i], length));
                vm.assertFalse(ok, "refused");
                vm.assertTrue(_isMalformed(returned), "as what it is");
            }
        }
    }

    function testFuzz_calldata_isRead_whenSomethingFollows(bytes calldata more, uint256 padding) public {
        uint256 before = vm.snapshotState();
        bytes[3] memory calls = [executeCall, payoutCall, reconfigureCall];
        for (uint256 i; i < 3; ++i) {
            bytes memory unpadded = _cut(calls[i], calls[i].length - padding % 31);
            (bool ok,) = address(wallet).call(bytes.concat(unpadded, more));
            vm.assertTrue(ok, "as if nothing did");
            vm.revertToState(before);
        }
    }

    /* HELPERS */

    /// @dev The highest offset at which a call, three words, lies within. Offsets count from behind the list's length.
    function _lastCall() private view returns (uint256) {
        return executeCall.length - (4 + 32 * (COUNT + 1)) - 96;
    }

    /// @dev The highest offset at which the length of call 1's data lies within.
    function _lastData() private view returns (uint256) {
        return executeCall.length - (4 + 32 * CALL_1) - 32;
    }

    /// @dev The greatest length at which call 1's data lies within.
    function _mostData() private view returns (uint256) {
        return executeCall.length - (4 + 32 * (CALL_1 + 4));
    }

    /// @dev As many calls as there are words behind their number.
    function _mostCalls() private view returns (uint256) {
        return executeCall.length / 32 - (COUNT + 1);
    }

    /// @dev Forward by every power of two that is too far, and back to what was read before, or before that.
    function _refuseExecuteOutside(uint256 index) private {
        for (uint256 i; i < 256; ++i) {
            if (i > 9) _refuseExecute(index, 1 << i, _callMalformed(1));
            _refuseExecute(index, type(uint256).max << i, _callMalformed(1));
        }
    }

    function _dirt(uint256 seed) private pure returns (uint256) {
        return _bound(seed, 1, type(uint96).max) << 160;
    }

    function _callMalformed(uint256 index) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IWallet.CallMalformed.selector, index);
    }

    function _refuseExecute(uint256 index, uint256 word, bytes memory fault) private {
        _refuse(executeCall, index, word, fault);
    }

    function _refusePayout(uint256 index, uint256 word, bytes memory fault) private {
        _refuse(payoutCall, index, word, fault);
    }

    function _refuseReconfigure(uint256 index, uint256 word, bytes memory fault) private {
        _refuse(reconfigureCall, index, word, fault);
    }

    function _refuse(bytes memory call, uint256 index, uint256 word, bytes memory fault) private {
        _setWord(call, index, word);
        _expectFault(call, fault);
    }
}
