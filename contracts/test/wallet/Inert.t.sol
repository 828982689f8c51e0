// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1155Receiver} from "@openzeppelin/contracts/interfaces/IERC1155Receiver.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/interfaces/IERC721Receiver.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IWallet} from "../../src/IWallet.sol";
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
        bytes4[] memory found = new bytes4[](19);
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
        vm.assertEq(count, 19, "every function is found");
        bytes4[] memory known = _functions();
        for (uint256 i; i < known.length; ++i) {
            vm.assertTrue(_contains(found, known[i]), "every function that is known");
        }
    }

    function testFuzz_implementation_refusesWhateverTheArguments(uint256 which, bytes memory arguments) public {
        bytes4[] memory known = _functions();
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
        bytes4[] memory known = _functions();
        (ok,) = implementation.call{value: value}(bytes.concat(known[which % known.length], arguments));
        vm.assertFalse(ok, "not with a function");
        vm.assertEq(implementation.balance, 0, "nothing is there");
    }

    function _functions() private pure returns (bytes4[] memory known) {
        known = new bytes4[](19);
        known[0] = IWallet.execute.selector;
        known[1] = IWallet.payout.selector;
        known[2] = IWallet.reconfigure.selector;
        known[3] = IWallet.cancel.selector;
        known[4] = IWallet.approve.selector;
        known[5] = IWallet.approved.selector;
        known[6] = 0x1626ba7e; // isValidSignature(bytes32,bytes)
        known[7] = 0x20c13b0b; // isValidSignature(bytes,bytes)
        known[8] = IWallet.config.selector;
        known[9] = IWallet.epoch.selector;
        known[10] = IWallet.getOwners.selector;
        known[11] = IWallet.getThreshold.selector;
        known[12] = IWallet.isOwner.selector;
        known[13] = IWallet.nonce.selector;
        known[14] = IERC5267.eip712Domain.selector;
        known[15] = IERC165.supportsInterface.selector;
        known[16] = IERC721Receiver.onERC721Received.selector;
        known[17] = IERC1155Receiver.onERC1155Received.selector;
        known[18] = IERC1155Receiver.onERC1155BatchReceived.selector;
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
