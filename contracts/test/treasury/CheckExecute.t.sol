// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config} from "../../src/IWallet.sol";
import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// checkExecute, of calls that do not go to the policy, and checkReconfigure
// ├── by fewer than admin signers: reverts SignersMissing, whatever is called
// ├── by admin signers
// │   ├── without a delay: agrees
// │   ├── when the digest was not queued: reverts NotQueued
// │   ├── until `delaySecs` have passed: reverts DelayNotOver
// │   ├── when `veto` owners vetoed it: reverts VetoStands
// │   └── otherwise agrees, at any later time
// └── by override signers: agrees

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryCheckExecuteTest is TreasuryTest {
    function testFuzz_execute_reverts_whenPetty(address to, uint256 value, bytes calldata data) public {
        vm.assume(to != address(policy));
        _assertRefused(_signExecute(BY_PETTY, OPEN_LANE, _calls(to, value, data)), _signersMissing(2, 3));
    }

    // Neither of a token that has a limit, to a payee that is listed, nor of nothing.
    function test_execute_reverts_whenPetty_whateverIsCalled() public {
        bytes[6] memory calls = [
            abi.encodeCall(token.transfer, (payee, 1)),
            abi.encodeCall(token.approve, (payee, 1)),
            abi.encodeCall(token.transferFrom, (address(wallet), payee, 1)),
            abi.encodeWithSignature(
                "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", 0, 0, 0, 0, 0, 0, 0
            ),
            abi.encodeWithSignature("increaseAllowance(address,uint256)", payee, 1),
            bytes("")
        ];
        for (uint256 i; i < calls.length; ++i) {
            _assertRefused(
                _signExecute(BY_PETTY, OPEN_LANE, _calls(address(token), 0, calls[i])), _signersMissing(2, 3)
            );
        }
        _assertRefused(_signExecute(BY_PETTY, OPEN_LANE, _calls(payee, 1, "")), _signersMissing(2, 3));
        _assertRefused(_signExecute(BY_PETTY, OPEN_LANE, new Call[](0)), _signersMissing(2, 3));
    }

    function test_reconfigure_reverts_whenPetty() public {
        _assertRefused(_signReconfigure(BY_PETTY, OPEN_LANE, _config(1, 1)), _signersMissing(2, 3));
        _assertRefused(_signReconfigure(BY_PETTY, OPEN_LANE, wallet.config()), _signersMissing(2, 3));
    }

    function test_actions_pass_whenAdminAndThereIsNoDelay() public {
        _open(_rulesWithoutDelay());
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, _calls(payee, 1, "")));
        vm.assertEq(payee.balance, 1, "called");
        _submit(_signReconfigure(BY_ADMIN, ADMIN_LANE, _config(1, 1)));
        vm.assertEq(wallet.epoch(), 1, "reconfigured");
    }

    function testFuzz_execute_reverts_whenNotQueued(address to, uint256 value, bytes calldata data, uint256 count)
        public
    {
        vm.assume(to != address(policy));
        Call[] memory calls = _calls(to, value, data);
        _assertRefused(
            _signExecute(_first(_bound(count, 3, 4)), ADMIN_LANE, calls),
            _notQueued(_digestOfExecute(ADMIN_LANE, calls))
        );
    }

    function testFuzz_execute_passes_onceItWaited(uint256 early, uint64 late) public {
        Call[] memory calls = _calls(payee, 1, "");
        bytes32 digest = _digestOfExecute(ADMIN_LANE, calls);
        _queue(digest);
        uint256 eta = block.timestamp + DELAY;
        vm.assertEq(policy.queuedAt(address(wallet), digest), block.timestamp, "when it was queued");
        bytes memory action = _signExecute(BY_ADMIN, ADMIN_LANE, calls);
        early = _bound(early, block.timestamp, eta - 1);
        vm.warp(early);
        _assertRefused(action, abi.encodeWithSelector(ITreasuryPolicy.DelayNotOver.selector, eta, early));
        vm.warp(eta - 1);
        _assertRefused(action, abi.encodeWithSelector(ITreasuryPolicy.DelayNotOver.selector, eta, eta - 1));
        vm.warp(_bound(late, eta, LATER));
        _submit(action);
        vm.assertEq(payee.balance, 1, "called");
    }

    function test_execute_passes_inTheVerySecondThatTheDelayEnds() public {
        Call[] memory calls = _calls(payee, 1, "");
        _queue(_digestOfExecute(ADMIN_LANE, calls));
        vm.warp(block.timestamp + DELAY);
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, calls));
    }

    function testFuzz_reconfigure_passes_onceItWaited(uint256 early) public {
        Config memory config = _config(1, 1);
        bytes32 digest = _digestOfReconfigure(ADMIN_LANE, config);
        bytes memory action = _signReconfigure(BY_ADMIN, ADMIN_LANE, config);
        _assertRefused(action, _notQueued(digest));
        _queue(digest);
        uint256 eta = block.timestamp + DELAY;
        vm.warp(_bound(early, block.timestamp, eta - 1));
        _assertRefused(action, abi.encodeWithSelector(ITreasuryPolicy.DelayNotOver.selector, eta, block.timestamp));
        vm.warp(eta);
        _submit(action);
        vm.assertEq(wallet.epoch(), 1, "reconfigured");
    }

    function test_actions_revert_whenVetoed() public {
        Call[] memory calls = _calls(payee, 1, "");
        Config memory config = _config(1, 1);
        bytes32 first = _digestOfExecute(ADMIN_LANE, calls);
        bytes32 second = _digestOfReconfigure(ADMIN_LANE, config);
        _queue(first);
        _queue(second);
        vm.warp(block.timestamp + DELAY);
        bytes32[] memory both = new bytes32[](2);
        (both[0], both[1]) = (first, second);
        for (uint256 owner = 5; owner < 7; ++owner) {
            vm.prank(_ownerOf(owner));
            policy.veto(address(wallet), both);
        }
        _assertRefused(
            _signExecute(BY_ADMIN, ADMIN_LANE, calls),
            abi.encodeWithSelector(ITreasuryPolicy.VetoStands.selector, first, 2)
        );
        _assertRefused(
            _signReconfigure(BY_ADMIN, ADMIN_LANE, config),
            abi.encodeWithSelector(ITreasuryPolicy.VetoStands.selector, second, 2)
        );
    }

    function testFuzz_actions_pass_whenOverridden(uint192 lane, uint256 count, bool isVetoed) public {
        uint256 signers = _first(_bound(count, 5, OWNERS));
        Call[] memory calls = _calls(payee, 1, "");
        if (isVetoed) {
            _veto(5, _digestOfExecute(lane, calls));
            _veto(6, _digestOfExecute(lane, calls));
        }
        _submit(_signExecute(signers, lane, calls));
        vm.assertEq(payee.balance, 1, "called");
        _submit(_signReconfigure(signers, lane, _config(1, 1)));
        vm.assertEq(wallet.epoch(), 1, "reconfigured");
    }

    // Queued by some, carried out with the signatures of others: it is the digest that waits.
    function test_execute_passes_whenSignedByOthersThanQueued() public {
        Call[] memory calls = _calls(payee, 1, "");
        _queue(_digestOfExecute(ADMIN_LANE, calls));
        vm.warp(block.timestamp + DELAY);
        _submit(_signExecute(0x58, ADMIN_LANE, calls));
    }
}
