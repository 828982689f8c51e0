// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {Messages} from "../support/Messages.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// checkMessage
// ├── where there is a delay: takes override signers
// └── where there is none: takes admin signers
contract TreasuryCheckMessageTest is TreasuryTest {
    function testFuzz_isValidSignature_takesOverrideSigners_whenThereIsADelay(bytes32 hash, uint256 count) public view {
        count = _bound(count, 2, OWNERS);
        _assertAnswer(hash, count, count >= 5);
    }

    function testFuzz_isValidSignature_takesAdminSigners_whenThereIsNone(bytes32 hash, uint256 count) public {
        _open(_rulesWithoutDelay());
        count = _bound(count, 2, OWNERS);
        _assertAnswer(hash, count, count >= 3);
    }

    // A message can move money: by a permit, at once.
    function test_isValidSignature_needsMoreThanWhatWaits() public {
        _queue(keccak256("message"));
        vm.warp(block.timestamp + DELAY);
        _assertAnswer(keccak256("message"), 3, false);
        _assertAnswer(keccak256("message"), 4, false);
    }

    function test_isValidSignature_passesAFreeze_byOverrideSigners() public {
        _freeze();
        _assertAnswer(keccak256("message"), 4, false);
        _assertAnswer(keccak256("message"), 5, true);
    }

    function testFuzz_checkMessage_countsEachSignerOnce(uint256 signers) public view {
        signers = signers % (BY_ALL + 1);
        uint256 count;
        for (uint256 i; i < OWNERS; ++i) {
            count += (signers >> i) & 1;
        }
        (bool ok, bytes memory answer) = address(policy)
            .staticcall(abi.encodeCall(policy.checkMessage, (stranger, bytes32(0), signers, wallet.config())));
        vm.assertTrue(ok == (count >= 5), "override signers");
        if (!ok) vm.assertEq(answer, _signersMissing(count, 5), "why");
    }

    function _assertAnswer(bytes32 hash, uint256 count, bool isValid) private view {
        bytes32 digest = Messages.personalSign(address(wallet), wallet.epoch(), hash);
        (bool ok, bytes memory answer) = address(wallet)
            .staticcall(abi.encodeWithSignature("isValidSignature(bytes32,bytes)", hash, _sign(digest, count)));
        vm.assertTrue(ok, "a message check answers");
        vm.assertTrue((bytes32(answer) == bytes32(bytes4(0x1626ba7e))) == isValid, "yes or no");
    }
}
