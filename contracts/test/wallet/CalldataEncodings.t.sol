// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {CalldataTest} from "../support/CalldataTest.sol";
import {Digests} from "../support/Digests.sol";

// calldata that is an encoding of its function, but not the one a compiler makes
// ├── when parts overlap, are shared, out of order or apart: what is done is what Solidity reads, and what was
// signed
// └── when the same signatures come with the usual encoding: they serve for either
contract CalldataEncodingsTest is CalldataTest {
    address private constant ALICE = address(0xa11Ce00000000000000000000000000000000a11);
    address private constant BOB = address(0xb0B0000000000000000000000000000000000B0B);

    function setUp() public override {
        super.setUp();
        vm.deal(address(wallet), 1000);
    }

    function test_calldata_mayShareOneCall() public {
        Call[] memory calls = new Call[](3);
        for (uint256 i; i < 3; ++i) {
            calls[i] = Call(ALICE, 1, hex"0102");
        }
        bytes memory list = abi.encode(uint256(3), uint256(96), uint256(96), uint256(96));
        _expectExecuted(bytes.concat(list, _call(ALICE, 1, 96), abi.encode(2, bytes32(hex"0102"))), calls);
    }

    function test_calldata_mayShareData() public {
        Call[] memory calls = new Call[](2);
        calls[0] = Call(ALICE, 1, hex"0102");
        calls[1] = Call(BOB, 2, hex"0102");
        bytes memory list = abi.encode(uint256(2), uint256(64), uint256(160));
        bytes memory structs = bytes.concat(_call(ALICE, 1, 192), _call(BOB, 2, 96));
        _expectExecuted(bytes.concat(list, structs, abi.encode(2, bytes32(hex"0102"))), calls);
    }

    function test_calldata_mayBeOutOfOrder_withGaps() public {
        Call[] memory calls = new Call[](2);
        calls[0] = Call(ALICE, 1, hex"0102");
        calls[1] = Call(BOB, 2, hex"03");
        bytes memory gap = abi.encode(type(uint256).max);
        bytes memory parts = bytes.concat(
            abi.encode(uint256(2), uint256(64 + 224), uint256(64 + 32)),
            gap,
            _call(BOB, 2, 96 + 32),
            gap,
            abi.encode(1, bytes32(hex"03")),
            _call(ALICE, 1, 96),
            abi.encode(2, bytes32(hex"0102"))
        );
        _expectExecuted(parts, calls);
    }

    /// @dev The second call begins at the value of the first, which serves as its account.
    function test_calldata_mayOverlap() public {
        vm.deal(address(wallet), 1 ether);
        Call[] memory calls = new Call[](2);
        calls[0] = Call(ALICE, 0x10000, hex"0102");
        calls[1] = Call(address(0x10000), 128, hex"0102");
        bytes memory list = abi.encode(uint256(2), uint256(64), uint256(96));
        bytes memory structs = abi.encode(ALICE, uint256(0x10000), uint256(128), uint256(96));
        _expectExecuted(bytes.concat(list, structs, abi.encode(2, bytes32(hex"0102"))), calls);
    }

    /// @dev An offset of 0: the list of offsets is taken for the call, and its first entry for an account.
    function test_calldata_mayTakeTheListForACall() public {
        Call[] memory calls = new Call[](1);
        calls[0] = Call(address(0), 7, hex"0102");
        bytes memory parts = abi.encode(uint256(1), uint256(0), uint256(7), uint256(96), uint256(2), bytes32(hex"0102"));
        _expectExecuted(parts, calls);
    }

    /// @dev Calls and data may begin at any byte, and what pads data need not be zero.
    function test_calldata_mayBeUnaligned_withDirtyPadding() public {
        Call[] memory calls = new Call[](1);
        calls[0] = Call(ALICE, 1, hex"0102");
        bytes memory parts = bytes.concat(
            abi.encode(uint256(1), uint256(35)),
            hex"ffffff",
            _call(ALICE, 1, 101),
            hex"ffffffffff",
            abi.encodePacked(uint256(2), hex"0102ffff")
        );
        _expectExecuted(parts, calls);
    }

    /// @dev The signatures come before what they sign.
    function test_calldata_mayBeginWithTheSignatures() public {
        Transfer[] memory transfers = _transfers(ALICE, 1, BOB, 2);
        bytes memory signatures = _authorize(Digests.ofPayout(address(0), transfers, 0, LATER));
        bytes memory call = bytes.concat(
            abi.encodePacked(IWallet.payout.selector),
            abi.encode(address(0), uint256(160 + 162), uint256(0), LATER, uint256(160)),
            abi.encodePacked(signatures.length, signatures),
            abi.encodePacked(uint256(2), abi.encode(ALICE, uint256(1), BOB, uint256(2)))
        );
        (bool ok,, Call[] memory made) = _submit(call);
        vm.assertTrue(ok, "done");
        vm.assertEq(made.length, 2, "both are paid");
        vm.assertEq(BOB.balance, 2, "what was signed");
    }

    /// @dev An offset of 0: the token is taken for the number of transfers, the offset for a payee, the nonce for its
    /// amount.
    function test_calldata_mayTakeTheHeadForTheTransfers() public {
        Transfer[] memory transfers = _transfers(address(0), 0);
        address paid = address(1);
        bytes memory signatures = _authorize(Digests.ofPayout(paid, transfers, 0, LATER));
        bytes memory call = bytes.concat(
            abi.encodePacked(IWallet.payout.selector),
            abi.encode(paid, uint256(0), uint256(0), LATER, uint256(160)),
            abi.encodePacked(signatures.length, signatures)
        );
        // Authorised, and then refused for what it says.
        _expectFault(call, abi.encodeWithSelector(IWallet.TokenWithoutCode.selector, paid));
    }

    /// @dev Of a configuration, plain Solidity takes offsets that wrap, back to what stands before it. What is signed
    /// is still what is stored and what the policy is shown.
    function test_calldata_mayPointBackFromAConfig() public {
        Config memory config = _config(1, 1);
        config.policyData = hex"01020304";
        bytes memory signatures = _authorize(Digests.ofReconfigure(config, 0, LATER));
        bytes memory call = bytes.concat(
            abi.encodePacked(IWallet.reconfigure.selector),
            abi.encode(uint256(256), uint256(0), LATER, uint256(384)),
            abi.encode(uint256(1), config.owners[0], uint256(4), bytes32(config.policyData)),
            abi.encode(uint256(1), type(uint256).max - 127, address(0), type(uint256).max - 63),
            abi.encodePacked(signatures.length, signatures)
        );
        (bool ok,) = address(wallet).call(call);
        vm.assertTrue(ok, "done");
        vm.assertEq(abi.encode(wallet.config()), abi.encode(config), "what was signed");
    }

    /* HELPERS */

    function _call(address to, uint256 value, uint256 dataOffset) private pure returns (bytes memory) {
        return abi.encode(to, value, dataOffset);
    }

    /// @dev Submits the list in this form, and then instead of it as a compiler would put it.
    function _expectExecuted(bytes memory list, Call[] memory calls) private {
        bytes memory signatures = _authorize(Digests.ofExecute(calls, 0, LATER));
        bytes memory call = bytes.concat(
            abi.encodePacked(IWallet.execute.selector),
            abi.encode(uint256(128), uint256(0), LATER, 128 + list.length),
            list,
            abi.encodePacked(signatures.length, signatures)
        );
        (bool ok, bytes memory read) = address(decoder).staticcall(call);
        vm.assertTrue(ok, "Solidity reads it");
        (Call[] memory callsRead,,,) = abi.decode(read, (Call[], uint256, uint256, bytes));
        vm.assertEq(abi.encode(callsRead), abi.encode(calls), "as the test means it");

        uint256 before = vm.snapshotState();
        Call[] memory made;
        (ok,, made) = _submit(call);
        vm.assertTrue(ok, "done");
        vm.assertEq(abi.encode(made), abi.encode(calls), "exactly this");

        vm.revertToState(before);
        (ok,, made) = _submit(abi.encodeCall(IWallet.execute, (calls, 0, LATER, signatures)));
        vm.assertTrue(ok, "done");
        vm.assertEq(abi.encode(made), abi.encode(calls), "and so is the usual form");
    }
}
