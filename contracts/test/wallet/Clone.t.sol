// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {CloneLib} from "../../src/libraries/CloneLib.sol";
import {Burning} from "../support/Answering.sol";
import {Disassembler} from "../support/Disassembler.sol";
import {WalletTest} from "../support/WalletTest.sol";

// a wallet's code
// ├── is the program of 51 bytes that stands at CloneLib, and the configuration
// ├── without calldata: stops after 15 gas, keeps the ether, within the stipend of 2,300
// ├── with calldata, however long: runs the implementation in the wallet's place
// │   ├── the implementation sees caller, value, calldata and gas as they are, and the wallet's storage
// │   ├── when it returns, however much: returns the same
// │   └── when it reverts, however much: reverts with the same
// └── never runs its configuration, whatever its bytes
contract CloneTest is WalletTest {
    /// @dev All of the bytes are instructions to whom jumps there: JUMPDEST.
    bytes private constant JUMPDESTS = hex"5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b";

    /* THE TABLE */

    function test_code_isTheProgramOfTheTable() public {
        address implementation = address(0x00112233445566778899AabbcCDdEEFf5B60fDf3);
        bytes memory program = _clone(implementation, "").code;
        vm.assertEq(program.length, CloneLib.PROGRAM_LENGTH, "the length of the program");
        vm.assertEq(
            Disassembler.disassemble(program),
            string.concat(
                // forgefmt: disable-start
                "00 CALLDATASIZE\n",
                "01 PUSH1 05\n",
                "03 JUMPI\n",
                "04 STOP\n",
                "05 JUMPDEST\n",
                "06 CALLDATASIZE\n" "07 RETURNDATASIZE\n" "08 RETURNDATASIZE\n",
                "09 CALLDATACOPY\n",
                "0a RETURNDATASIZE\n" "0b RETURNDATASIZE\n" "0c RETURNDATASIZE\n",
                "0d CALLDATASIZE\n" "0e RETURNDATASIZE\n",
                "0f PUSH20 00112233445566778899aabbccddeeff5b60fdf3\n",
                "24 GAS\n",
                "25 DELEGATECALL\n",
                "26 RETURNDATASIZE\n" "27 DUP3\n" "28 DUP1\n",
                "29 RETURNDATACOPY\n",
                "2a SWAP1\n",
                "2b RETURNDATASIZE\n" "2c SWAP2\n",
                "2d PUSH1 31\n",
                "2f JUMPI\n",
                "30 REVERT\n",
                "31 JUMPDEST\n",
                "32 RETURN\n"
                // forgefmt: disable-end
            ),
            "the table at CloneLib"
        );
    }

    function test_initCode_isTheProgramOfItsComment() public pure {
        bytes memory initCode = CloneLib.initCode(address(0), new bytes(6118));
        assembly ("memory-safe") {
            mstore(initCode, 10)
        }
        vm.assertEq(
            Disassembler.disassemble(initCode),
            string.concat(
                // forgefmt: disable-start
                "00 PUSH2 1819\n", // 51 + 6,118
                "03 RETURNDATASIZE\n",
                "04 DUP2\n",
                "05 PUSH1 0a\n",
                "07 RETURNDATASIZE\n",
                "08 CODECOPY\n",
                "09 RETURN\n"
                // forgefmt: disable-end
            ),
            "ten bytes"
        );
    }

    function test_code_ofAWalletDelegatesToTheFactorysImplementation() public view {
        bytes memory code = address(wallet).code;
        assembly ("memory-safe") {
            mstore(code, 0x24)
        }
        vm.assertEq(
            code,
            abi.encodePacked(hex"36600557005b363d3d373d3d3d363d73", factory.implementation()),
            "the operand of PUSH20"
        );
    }

    /* WITHOUT CALLDATA */

    function testFuzz_receive_keepsTheEther(uint128 value, address sender) public {
        vm.assume(sender != address(wallet));
        vm.deal(sender, value);
        vm.prank(sender);
        (bool ok, bytes memory answer) = address(wallet).call{value: value}("");
        vm.assertTrue(ok, "taken");
        vm.assertEq(answer, "", "nothing returned");
        vm.assertEq(address(wallet).balance, value, "kept");
    }

    function test_receive_takesEther_whenTheSenderHasOnlyTheStipend() public {
        vm.deal(address(this), 1);
        // What Solidity's `transfer` and `send` do: no gas of their own, so 2,300 come with the value.
        bool ok = _callWithGas(address(wallet), 0, 1);
        vm.assertTrue(ok, "taken");
        vm.assertEq(address(wallet).balance, 1, "kept");
    }

    function test_receive_takes15Gas() public {
        vm.assertFalse(_callWithGas(address(wallet), 14, 0), "14 are too few");
        vm.assertTrue(_callWithGas(address(wallet), 15, 0), "15 are enough");
    }

    function test_receive_touchesNoStorageAndNoOtherContract() public {
        vm.etch(factory.implementation(), hex"fe");
        vm.record();
        (bool ok,) = address(wallet).call("");
        vm.assertTrue(ok, "without the implementation");
        (bytes32[] memory reads,) = vm.accesses(address(wallet));
        vm.assertEq(reads.length, 0, "without storage");
    }

    /* WITH CALLDATA */

    function testFuzz_delegate_returnsWhatTheImplementationReturns(bytes memory data, bytes memory blob) public {
        vm.assume(data.length != 0);
        address clone = _clone(address(new Echo()), blob);
        (bool ok, bytes memory answer) = clone.call(data);
        vm.assertTrue(ok, "success");
        vm.assertEq(answer, data, "the same bytes");
    }

    function testFuzz_delegate_revertsWithWhatTheImplementationReverts(bytes memory data, bytes memory blob) public {
        vm.assume(data.length != 0);
        address clone = _clone(address(new Refuser()), blob);
        (bool ok, bytes memory answer) = clone.call(data);
        vm.assertFalse(ok, "failure");
        vm.assertEq(answer, data, "the same bytes");
    }

    function testFuzz_delegate_passesOnLargeData(uint256 length) public {
        length = _bound(length, 1, 100_000);
        bytes memory data = new bytes(length);
        data[length - 1] = 0x01;
        (bool ok, bytes memory answer) = _clone(address(new Echo()), JUMPDESTS).call(data);
        vm.assertTrue(ok, "success");
        vm.assertEq(keccak256(answer), keccak256(data), "the same bytes");
        (ok, answer) = _clone(address(new Refuser()), JUMPDESTS).call(data);
        vm.assertFalse(ok, "failure");
        vm.assertEq(keccak256(answer), keccak256(data), "the same bytes again");
    }

    function testFuzz_delegate_runsAsTheWallet(address caller, uint128 value) public {
        address clone = _clone(address(new Witness()), "");
        vm.deal(caller, value);
        vm.prank(caller);
        (bool ok, bytes memory answer) = clone.call{value: value}(hex"01");
        vm.assertTrue(ok, "success");
        vm.assertEq(answer, abi.encode(clone, caller, value), "this, the caller and the value");
        vm.assertEq(clone.balance, value, "the ether stays");
        vm.assertEq(uint256(vm.load(clone, 0)), 1, "the wallet's storage");
    }

    function test_delegate_failsWithoutAReason_whenTheImplementationRunsOutOfGas() public {
        address clone = _clone(address(new Burning()), "");
        (bool ok, bytes memory answer) = clone.call{gas: 100_000}(hex"01");
        vm.assertFalse(ok, "failure");
        vm.assertEq(answer, "", "no reason");
    }

    function testFuzz_delegate_reachesAnyImplementation(address implementation) public {
        vm.assume(implementation > address(0x1000) && implementation.code.length == 0);
        vm.assume(implementation != address(uint160(uint256(keccak256("hevm cheat code")))));
        vm.etch(implementation, type(Echo).runtimeCode);
        (bool ok, bytes memory answer) = _clone(implementation, JUMPDESTS).call(hex"c0ffee");
        vm.assertTrue(ok, "success");
        vm.assertEq(answer, hex"c0ffee", "its answer");
    }

    function testFuzz_wallet_refusesUnknownFunctions(bytes memory data, uint64 value) public {
        vm.assume(data.length != 0);
        vm.deal(address(this), value);
        (bool ok,) = address(wallet).call{value: value}(bytes.concat(hex"ffffffff", data));
        vm.assertFalse(ok, "no such function");
        (ok,) = address(wallet).call(abi.encodePacked(data[0]));
        vm.assertFalse(ok, "no selector");
    }

    function test_wallet_refusesEtherWithAFunction() public {
        vm.deal(address(this), 1);
        (bool ok,) = address(wallet).call{value: 1}(abi.encodeCall(IWallet.getThreshold, ()));
        vm.assertFalse(ok, "no function is payable");
    }

    /* THE CONFIGURATION IS DATA */

    function test_blob_isNeverRun_whenItIsFullOfJumpDestinations() public {
        Config memory config = _config(2, 3);
        config.policyData = new bytes(4096);
        for (uint256 i; i < 4096; ++i) {
            config.policyData[i] = 0x5b;
        }
        config.owners[0] = address(0x005b5B5b5b5b5b5b5B5b5B5B5b5b5b5b5b5B5b5B5B);
        IWallet made = _create(config);
        vm.assertEq(abi.encode(made.config()), abi.encode(config), "returned as data");
        (bool ok, bytes memory answer) = address(made).call("");
        vm.assertTrue(ok && answer.length == 0, "plain ether is still taken");
    }

    function testFuzz_blob_isNeverRun(bytes memory blob) public {
        address clone = _clone(address(new Echo()), blob);
        vm.assertTrue(_callWithGas(clone, 15, 0), "stops after 15 gas");
        (bool ok, bytes memory answer) = clone.call(hex"5b");
        vm.assertTrue(ok, "success");
        vm.assertEq(answer, hex"5b", "echoes");
    }

    /* HELPERS */

    function _clone(address implementation, bytes memory blob) private returns (address clone) {
        bytes memory initCode = CloneLib.initCode(implementation, blob);
        assembly ("memory-safe") {
            clone := create(0, add(initCode, 0x20), mload(initCode))
        }
        vm.assertTrue(clone != address(0), "the clone is made");
    }

    function _callWithGas(address to, uint256 gas_, uint256 value) private returns (bool ok) {
        assembly ("memory-safe") {
            ok := call(gas_, to, value, 0, 0, 0, 0)
        }
    }
}

/// @dev Returns its calldata.
contract Echo {
    fallback() external {
        assembly ("memory-safe") {
            calldatacopy(0x80, 0, calldatasize())
            return(0x80, calldatasize())
        }
    }
}

/// @dev Reverts with its calldata.
contract Refuser {
    fallback() external {
        assembly ("memory-safe") {
            calldatacopy(0x80, 0, calldatasize())
            revert(0x80, calldatasize())
        }
    }
}

/// @dev Says who it is, who called and with what; writes its storage.
contract Witness {
    uint256 private _witnessed;

    fallback(bytes calldata) external payable returns (bytes memory) {
        ++_witnessed;
        return abi.encode(address(this), msg.sender, msg.value);
    }
}
