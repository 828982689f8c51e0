// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// checkCancel
// ├── by fewer than admin signers
// │   ├── in an open lane: agrees
// │   └── while frozen: reverts WalletFrozen
// └── by admin signers and above: agrees in their lanes, while frozen too, without queue or delay
contract TreasuryCheckCancelTest is TreasuryTest {
    function testFuzz_cancel_passes(uint192 lane, uint256 count) public {
        count = _bound(count, 2, OWNERS);
        lane = count < 3 ? lane | OPEN_LANE : count < 5 ? lane & ~uint192(1 << 190) : lane;
        if (count < 5 && lane >> 190 == 1) lane |= OPEN_LANE;
        _submit(_signCancel(_first(count), lane));
        vm.assertEq(wallet.nonce(lane), (uint256(lane) << 64) + 1, "consumed");
    }

    function testFuzz_cancel_passes_whenFrozen_byAdminSigners(uint192 lane, uint256 count) public {
        _freeze();
        count = _bound(count, 3, OWNERS);
        lane = lane % 2 == 0 ? lane >> 2 : lane | OPEN_LANE;
        _submit(_signCancel(_first(count), lane));
    }

    function testFuzz_cancel_reverts_whenFrozen_byPettySigners(uint192 lane) public {
        _freeze();
        _assertRefused(_signCancel(BY_PETTY, lane | OPEN_LANE), _frozen(block.timestamp + FREEZE));
    }

    function test_cancel_stopsWhatWaits() public {
        bytes memory action = _signExecute(BY_ADMIN, ADMIN_LANE, _calls(payee, 1, ""));
        _queue(_digestOfExecute(ADMIN_LANE, _calls(payee, 1, "")));
        _submit(_signCancel(BY_ADMIN, ADMIN_LANE));
        vm.warp(block.timestamp + DELAY);
        (bool ok,) = _try(action);
        vm.assertFalse(ok, "its nonce is consumed");
    }

    // Declining spends nothing.
    function test_cancel_leavesTheLimitAlone() public {
        _submit(_signCancel(BY_PETTY, OPEN_LANE));
        (uint256 spent, uint256 end) = policy.spent(address(wallet), address(0));
        vm.assertEq(spent + end, 0, "nothing is spent");
        vm.assertEq(policy.frozenUntil(address(wallet)), 0, "nor frozen");
    }
}
