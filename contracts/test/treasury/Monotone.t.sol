// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Call, Config, Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// what some signers may do, more signers may do
// ├── whatever the question is, in whatever lane
// ├── with what is queued, waited, vetoed, frozen, spent, in any combination
// └── with and without a delay; and so for a message

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryMonotoneTest is TreasuryTest {
    bytes32 private constant DIGEST = keccak256("no action");

    function testFuzz_hooks_areMonotoneInSigners(uint256 seed, uint192 lane, uint256 fewer, uint256 more) public {
        if (seed % 4 == 0) _open(_rulesWithoutDelay());
        fewer = fewer % (BY_ALL + 1);
        more = (more % (BY_ALL + 1)) | fewer;
        if ((seed >> 4) % 2 == 0) lane = uint192((seed >> 5) % 4) << 190;
        _makeHistory(seed);
        bytes4[5] memory kinds = [
            IPolicy.checkExecute.selector,
            IPolicy.checkPayout.selector,
            IPolicy.checkReconfigure.selector,
            IPolicy.checkCancel.selector,
            IPolicy.checkMessage.selector
        ];
        bytes4 kind = kinds[(seed >> 32) % 5];
        uint256 id = vm.snapshotState();
        (bool isAllowed,) = _ask(_question(kind, seed, lane, fewer));
        vm.revertToState(id);
        if (!isAllowed) return;
        (isAllowed,) = _ask(_question(kind, seed, lane, more));
        vm.assertTrue(isAllowed, "more signers may do it too");
    }

    /// @dev Queued or not, waited or not, vetoed by none, one or two, frozen or not, something spent or not.
    function _makeHistory(uint256 seed) private {
        bool isDelayed = policy.rulesOf(address(wallet)).delaySecs != 0;
        if ((seed >> 64) % 2 == 0) _queue(DIGEST);
        if ((seed >> 65) % 2 == 0) vm.warp(block.timestamp + DELAY);
        for (uint256 i; isDelayed && i < (seed >> 66) % 3; ++i) {
            _veto(i + 4, DIGEST);
        }
        for (uint256 i; isDelayed && i < (seed >> 68) % 5 / 2; ++i) {
            _freezeBy(i);
        }
        if ((seed >> 72) % 2 == 0 && policy.frozenUntil(address(wallet)) == 0) {
            _submit(_signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, ETHER_LIMIT / 2)));
        }
    }

    function _question(bytes4 kind, uint256 seed, uint192 lane, uint256 signers) private view returns (bytes memory) {
        if (kind == IPolicy.checkExecute.selector) {
            bytes[4] memory own = [
                abi.encodeCall(ITreasuryPolicy.queue, (DIGEST)),
                abi.encodeCall(ITreasuryPolicy.veto, (stranger, new bytes32[](1))),
                abi.encodeCall(ITreasuryPolicy.freeze, (stranger)),
                abi.encodeCall(ITreasuryPolicy.unfreeze, ())
            ];
            Call[] memory calls =
                (seed >> 80) % 2 == 0 ? _calls(payee, 1, "") : _calls(address(policy), 0, own[(seed >> 81) % 4]);
            return abi.encodeCall(IPolicy.checkExecute, (calls, _context(signers, lane)));
        }
        if (kind == IPolicy.checkPayout.selector) {
            uint256 choice = (seed >> 80) % 4;
            uint256 amount = choice == 0 ? 1 : choice == 1 ? ETHER_LIMIT : choice == 2 ? ETHER_LIMIT / 2 : EVERYTHING;
            Transfer[] memory transfers = _transfers(payee, amount);
            address asset = (seed >> 84) % 8 == 0 ? stranger : address(0);
            return abi.encodeCall(IPolicy.checkPayout, (asset, transfers, _context(signers, lane)));
        }
        Config memory config = wallet.config();
        if (kind == IPolicy.checkReconfigure.selector) {
            return abi.encodeCall(IPolicy.checkReconfigure, (config, _context(signers, lane)));
        }
        if (kind == IPolicy.checkCancel.selector) {
            return abi.encodeCall(IPolicy.checkCancel, (_context(signers, lane)));
        }
        return abi.encodeCall(IPolicy.checkMessage, (stranger, DIGEST, signers, config));
    }
}
