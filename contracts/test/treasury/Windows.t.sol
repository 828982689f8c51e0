// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, Transfer} from "../../src/IWallet.sol";
import {Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryRules} from "../support/TreasuryRules.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// the window of a limit
// ├── ends at the next multiple of the period, whenever it began
// ├── counts until the second before its end, and not in the second of its end
// ├── is open once something was paid; before, and when it ended, `spent` answers zeros
// ├── lets twice the limit go around its end
// └── outlives a reconfiguration, to a shorter period and through another policy too

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryWindowsTest is TreasuryTest {
    function testFuzz_window_endsAtTheNextMultiple(bool isToken, uint256 offset) public {
        uint256 period = _periodOf(isToken);
        uint256 start = block.timestamp - block.timestamp % period;
        vm.warp(start + offset % period);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, _asset(isToken), _transfers(payee, 1)));
        (uint256 spent, uint256 end) = policy.spent(address(wallet), _asset(isToken));
        vm.assertEq(spent, 1, "what was paid");
        vm.assertEq(end, start + period, "one end for the whole window");
    }

    function testFuzz_window_countsUntilItsEnd(bool isToken, uint256 offset) public {
        address asset = _asset(isToken);
        uint256 limit = _limitOf(isToken);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, limit)));
        uint256 end = TreasuryRules.windowEnd(block.timestamp, _periodOf(isToken));

        vm.warp(_bound(offset, block.timestamp, end - 1));
        vm.assertEq(_spent(asset), limit, "spent");
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, 1)), _limitExceeded(asset, limit, 1, limit)
        );
        vm.warp(end - 1);
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, 1)), _limitExceeded(asset, limit, 1, limit)
        );
        vm.warp(end);
        (uint256 spent, uint256 windowEnd) = policy.spent(address(wallet), asset);
        vm.assertEq(spent + windowEnd, 0, "no window is open");
        _submit(_signPayout(BY_PETTY, OPEN_LANE, asset, _transfers(payee, limit)));
        (, windowEnd) = policy.spent(address(wallet), asset);
        vm.assertEq(windowEnd, end + _periodOf(isToken), "the next one is, for a whole period");
    }

    function testFuzz_spent_isZero_whereNothingWasPaid(address other, address asset) public view {
        (uint256 spent, uint256 end) = policy.spent(other, asset);
        vm.assertEq(spent + end, 0, "zeros");
    }

    // A limit to document: it bounds a window, not any span of time.
    function test_window_letsTwiceTheLimitGo_aroundItsEnd() public {
        uint256 end = TreasuryRules.windowEnd(block.timestamp, WEEK);
        vm.warp(end - 1);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, ETHER_LIMIT)));
        vm.warp(end);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, ETHER_LIMIT)));
        vm.assertEq(payee.balance, 2 * uint256(ETHER_LIMIT), "twice the limit, and no more");
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)),
            _limitExceeded(address(0), ETHER_LIMIT, 1, ETHER_LIMIT)
        );
    }

    function testFuzz_window_outlivesAReconfiguration(uint256 paid, uint128 amount, uint32 periodSecs) public {
        paid = _bound(paid, 1, ETHER_LIMIT);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, paid)));
        (, uint256 end) = policy.spent(address(wallet), address(0));

        Rules memory rules = _rules();
        rules.limits[0].amount = amount = uint128(_bound(amount, 1, 2 * uint256(ETHER_LIMIT)));
        rules.limits[0].periodSecs = uint32(_bound(periodSecs, 1 hours, 366 days));
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, _treasuryConfig(rules)));

        (uint256 spent, uint256 windowEnd) = policy.spent(address(wallet), address(0));
        vm.assertEq(spent, paid, "what was spent counts on");
        vm.assertEq(windowEnd, end, "until the same end");
        uint256 left = amount > paid ? amount - paid : 0;
        if (left != 0 || paid == amount) {
            _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, left)));
        }
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)),
            _limitExceeded(address(0), paid + left, 1, amount)
        );
        vm.warp(end - 1);
        vm.assertEq(_spent(address(0)), paid + left, "until the second before");
        vm.warp(end);
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)));
    }

    // Not even a payment of nothing passes where a limit was lowered below what was spent.
    function test_payout_reverts_whenTheLimitWasLoweredBelowWhatWasSpent() public {
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 5)));
        Rules memory rules = _rules();
        rules.limits[0].amount = 4;
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, _treasuryConfig(rules)));
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(0), new Transfer[](0)), _limitExceeded(address(0), 5, 0, 4)
        );
    }

    function test_window_outlivesAnotherPolicy() public {
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, ETHER_LIMIT)));
        Config memory plain = _config(2, OWNERS);
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, plain));
        _submit(_signReconfigure(BY_PETTY, 0, _treasuryConfig(_rules())));
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)),
            _limitExceeded(address(0), ETHER_LIMIT, 1, ETHER_LIMIT)
        );
    }

    // Removing a token from the limits and listing it again does not begin a window.
    function test_window_outlivesTheAbsenceOfItsLimit() public {
        _submit(_signPayout(BY_PETTY, OPEN_LANE, address(token), _transfers(payee, TOKEN_LIMIT)));
        Rules memory rules = _rules();
        assembly ("memory-safe") {
            mstore(mload(add(rules, 0x80)), 1)
        }
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, _treasuryConfig(rules)));
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, _treasuryConfig(_rules())));
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(token), _transfers(payee, 1)),
            _limitExceeded(address(token), TOKEN_LIMIT, 1, TOKEN_LIMIT)
        );
    }
}
