// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IWallet} from "../../src/IWallet.sol";
import {Functions} from "../support/Functions.sol";
import {WalletTest} from "../support/WalletTest.sol";

// the implementation, called directly
// ├── every function that its code has: reverts NotAWallet
// ├── anything else: reverts
// └── takes no ether, with calldata or without
contract InertTest is WalletTest {
    address private implementation;

    function setUp() public override {
        super.setUp();
        implementation = factory.implementation();
    }

    // The dispatcher pushes each selector it knows as four bytes, so whoever adds a function is found here without
    // listing it. An empty answer is that of no function, on a wallet too.
    function test_implementation_refusesEveryFunctionInItsCode() public {
        bytes memory code = implementation.code;
        bytes memory zeros = new bytes(512);
        bytes4[] memory found = new bytes4[](Functions.COUNT);
        uint256 count;
        for (uint256 offset; offset < code.length; ++offset) {
            uint8 opcode = uint8(code[offset]);
            if (opcode == 0x63) {
                bytes4 selector = _selectorAt(code, offset + 1);
                bytes memory data = bytes.concat(selector, zeros);
                (bool ok, bytes memory answer) = implementation.call(data);
                vm.assertFalse(ok, "nothing succeeds");
                if (answer.length == 0) {
                    (ok, answer) = address(wallet).call(data);
                    vm.assertTrue(!ok && answer.length == 0, "no function of a wallet");
                } else {
                    vm.assertEq(answer, abi.encodePacked(IWallet.NotAWallet.selector), "NotAWallet");
                    if (!_contains(found, selector)) found[count++] = selector;
                }
            }
            if (opcode >= 0x60 && opcode <= 0x7f) offset += opcode - 0x5f;
        }
        vm.assertEq(count, Functions.COUNT, "every function is found");
        bytes4[] memory known = Functions.all();
        for (uint256 i; i < known.length; ++i) {
            vm.assertTrue(_contains(found, known[i]), "every function that is known");
        }
    }

    function testFuzz_implementation_refusesWhateverTheArguments(uint256 which, bytes memory arguments) public {
        bytes4[] memory known = Functions.all();
        (bool ok,) = implementation.call(bytes.concat(known[which % known.length], arguments));
        vm.assertFalse(ok, "refused");
    }

    function testFuzz_implementation_refusesWhateverTheCalldata(bytes memory data) public {
        (bool ok,) = implementation.call(data);
        vm.assertFalse(ok, "refused");
    }

    function testFuzz_implementation_takesNoEther(uint256 which, bytes memory arguments, uint128 value) public {
        vm.assume(value != 0);
        vm.deal(address(this), value);
        (bool ok,) = implementation.call{value: value}("");
        vm.assertFalse(ok, "not without calldata");
        (ok,) = implementation.call{value: value}(arguments);
        vm.assertFalse(ok, "not with any calldata");
        bytes4[] memory known = Functions.all();
        (ok,) = implementation.call{value: value}(bytes.concat(known[which % known.length], arguments));
        vm.assertFalse(ok, "not with a function");
        vm.assertEq(implementation.balance, 0, "nothing is there");
    }

    function _selectorAt(bytes memory code, uint256 offset) private pure returns (bytes4 selector) {
        assembly ("memory-safe") {
            selector := mload(add(add(code, 0x20), offset))
        }
        return bytes4(bytes32(selector));
    }

    function _contains(bytes4[] memory list, bytes4 selector) private pure returns (bool) {
        for (uint256 i; i < list.length; ++i) {
            if (list[i] == selector) return true;
        }
        return false;
    }
}
