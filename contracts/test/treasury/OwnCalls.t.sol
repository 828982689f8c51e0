// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Call, Config} from "../../src/IWallet.sol";
import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

// checkExecute, of calls to the policy
// ├── all of them `queue`: by admin signers, without delay
// ├── one `veto` or `freeze`: by admin signers, without delay
// ├── one `unfreeze`: by override signers, else reverts SignersMissing
// ├── by fewer signers: reverts SignersMissing
// └── otherwise reverts CallNotAllowed, by override signers too
//     ├── another function, a hook, a part of a selector, nothing
//     ├── beside another call, of the policy's or not, before it or behind it
//     ├── with value
//     └── with a byte too many or too few, a dirty address, another offset or count

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryOwnCallsTest is TreasuryTest {
    function testFuzz_queue_passes_byAdminSigners(uint256 count, uint256 digests) public {
        Call[] memory calls = new Call[](_bound(digests, 1, 20));
        for (uint256 i; i < calls.length; ++i) {
            calls[i] = _own(abi.encodeCall(ITreasuryPolicy.queue, (bytes32(i))));
        }
        _submit(_signExecute(_first(_bound(count, 3, OWNERS)), ADMIN_LANE, calls));
        for (uint256 i; i < calls.length; ++i) {
            vm.assertEq(policy.queuedAt(address(wallet), bytes32(i)), block.timestamp, "waits");
        }
    }

    function test_calls_revert_whenPetty() public {
        _assertRefused(_signExecute(BY_PETTY, OPEN_LANE, _queueCalls(bytes32(0))), _signersMissing(2, 3));
        _assertRefused(_signExecute(BY_PETTY, OPEN_LANE, _one(_vetoData(1))), _signersMissing(2, 3));
        _assertRefused(_signExecute(BY_PETTY, OPEN_LANE, _one(_freezeData())), _signersMissing(2, 3));
        _assertRefused(_signExecute(BY_PETTY, OPEN_LANE, _one(_unfreezeData())), _signersMissing(2, 5));
    }

    function testFuzz_unfreeze_reverts_whenNotOverridden(uint256 count) public {
        count = _bound(count, 3, 4);
        _assertRefused(_signExecute(_first(count), ADMIN_LANE, _one(_unfreezeData())), _signersMissing(count, 5));
    }

    // For a wallet that this one owns.
    function testFuzz_vetoAndFreeze_pass_byAdminSigners(uint256 digests) public {
        Config memory config = _treasuryConfig(_rules());
        config.owners[6] = address(wallet);
        address inner = factory.create(config, 0);
        bytes32[] memory some = new bytes32[](digests % 10);
        for (uint256 i; i < some.length; ++i) {
            some[i] = keccak256(abi.encode(digests, i));
        }
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, _one(abi.encodeCall(ITreasuryPolicy.veto, (inner, some)))));
        for (uint256 i; i < some.length; ++i) {
            vm.assertTrue(policy.hasVetoed(inner, some[i], address(wallet)), "vetoed");
        }
        _submit(_signExecute(BY_ADMIN, ADMIN_LANE, _one(abi.encodeCall(ITreasuryPolicy.freeze, (inner)))));
        vm.assertTrue(policy.hasFrozen(inner, address(wallet)), "voted");
    }

    function testFuzz_calls_revert_whenTheFunctionIsAnother(bytes4 selector, bytes calldata arguments) public {
        vm.assume(
            selector != ITreasuryPolicy.queue.selector && selector != ITreasuryPolicy.veto.selector
                && selector != ITreasuryPolicy.freeze.selector && selector != ITreasuryPolicy.unfreeze.selector
        );
        _assertNotAllowed(_one(abi.encodePacked(selector, arguments)), 0);
        _assertNotAllowed(_one(abi.encodePacked(selector, bytes32(0))), 0);
        _assertNotAllowed(_one(abi.encodePacked(selector)), 0);
    }

    function test_calls_revert_whenTheFunctionIsAHookOrAView() public {
        bytes4[10] memory selectors = [
            IPolicy.checkConfig.selector,
            IPolicy.checkExecute.selector,
            IPolicy.checkPayout.selector,
            IPolicy.checkReconfigure.selector,
            IPolicy.checkCancel.selector,
            IPolicy.checkMessage.selector,
            ITreasuryPolicy.rulesOf.selector,
            ITreasuryPolicy.spent.selector,
            ITreasuryPolicy.queuedAt.selector,
            0x00000000
        ];
        for (uint256 i; i < selectors.length; ++i) {
            _assertNotAllowed(_one(abi.encodePacked(selectors[i], bytes32(0))), 0);
        }
    }

    function testFuzz_calls_revert_whenCutOff(uint256 length) public {
        bytes memory data = _vetoData(3);
        length = _bound(length, 0, data.length - 1);
        assembly ("memory-safe") {
            mstore(data, length)
        }
        _assertNotAllowed(_one(data), 0);
        bytes[3] memory others = [abi.encodeCall(ITreasuryPolicy.queue, (0)), _freezeData(), _unfreezeData()];
        for (uint256 i; i < others.length; ++i) {
            bytes memory other = others[i];
            uint256 cut = length % other.length;
            assembly ("memory-safe") {
                mstore(other, cut)
            }
            _assertNotAllowed(_one(other), 0);
        }
    }

    function testFuzz_calls_revert_whenBytesAreLeftOver(bytes calldata more) public {
        vm.assume(more.length != 0);
        _assertNotAllowed(_one(bytes.concat(abi.encodeCall(ITreasuryPolicy.queue, (0)), more)), 0);
        _assertNotAllowed(_one(bytes.concat(_freezeData(), more)), 0);
        _assertNotAllowed(_one(bytes.concat(_unfreezeData(), more)), 0);
        _assertNotAllowed(_one(bytes.concat(_vetoData(2), more)), 0);
    }

    function testFuzz_calls_revert_whenTheAddressIsDirty(uint256 dirt) public {
        dirt = (dirt | 1) << 160;
        vm.assume(dirt != 0);
        uint256 dirty = uint160(address(wallet)) | dirt;
        _assertNotAllowed(_one(abi.encodePacked(ITreasuryPolicy.freeze.selector, dirty)), 0);
        _assertNotAllowed(_one(abi.encodePacked(ITreasuryPolicy.veto.selector, dirty, uint256(0x40), uint256(0))), 0);
    }

    // Decoders take more than one encoding of a list; owners would read another than the one that they sign.
    function testFuzz_veto_reverts_whenEncodedInAnotherWay(uint256 offset, uint256 count, uint256 words) public {
        words = words % 5;
        count = count % 4 == 0 ? count : count % 6;
        vm.assume(offset != 0x40 || count != words);
        bytes memory data =
            abi.encodePacked(ITreasuryPolicy.veto.selector, abi.encode(wallet), offset, count, new bytes(32 * words));
        _assertNotAllowed(_one(data), 0);
    }

    // 32 times the count wraps to the length that it should have.
    function test_veto_reverts_whenItsCountWraps() public {
        bytes memory data =
            abi.encodePacked(ITreasuryPolicy.veto.selector, abi.encode(wallet), uint256(0x40), uint256(1 << 251), "");
        _assertNotAllowed(_one(data), 0);
    }

    function testFuzz_calls_revert_whenThereIsValue(uint256 value) public {
        value = _bound(value, 1, FUNDS);
        bytes[4] memory all = [abi.encodeCall(ITreasuryPolicy.queue, (0)), _vetoData(1), _freezeData(), _unfreezeData()];
        for (uint256 i; i < all.length; ++i) {
            _assertNotAllowed(_calls(address(policy), value, all[i]), 0);
        }
    }

    function testFuzz_calls_revert_whenBesideAnother(bool isFirst, uint256 which, address to) public {
        vm.assume(to != address(policy));
        bytes[4] memory all = [abi.encodeCall(ITreasuryPolicy.queue, (0)), _vetoData(1), _freezeData(), _unfreezeData()];
        Call[] memory calls = new Call[](2);
        calls[isFirst ? 0 : 1] = Call(to, 0, "");
        calls[isFirst ? 1 : 0] = _own(all[which % 4]);
        // Of the three that go alone, the first is at fault whatever stands behind.
        _assertNotAllowed(calls, isFirst || which % 4 != 0 ? 0 : 1);
    }

    function testFuzz_calls_revert_whenTwoOfThePolicysAreMixed(uint256 first, uint256 second) public {
        bytes[4] memory all = [abi.encodeCall(ITreasuryPolicy.queue, (0)), _vetoData(1), _freezeData(), _unfreezeData()];
        (first, second) = (first % 4, second % 4);
        vm.assume(first + second != 0);
        Call[] memory calls = new Call[](2);
        (calls[0], calls[1]) = (_own(all[first]), _own(all[second]));
        _assertNotAllowed(calls, first != 0 ? 0 : 1);
    }

    // Deep in a batch, where a reader no longer looks.
    function test_calls_revert_whenOneOfManyIsThePolicys() public {
        Call[] memory calls = new Call[](50);
        for (uint256 i; i < 50; ++i) {
            calls[i] = Call(payee, 0, "");
        }
        calls[49] = _own(abi.encodeCall(ITreasuryPolicy.queue, (0)));
        _assertNotAllowed(calls, 0);
    }

    // The same through the wallet, signed by all.
    function test_execute_reverts_whenACallIsNotAllowed() public {
        _assertRefused(
            _signExecute(BY_ALL, ADMIN_LANE, _one(bytes.concat(_unfreezeData(), hex"00"))),
            abi.encodeWithSelector(ITreasuryPolicy.CallNotAllowed.selector, 0)
        );
    }

    // A queue of what is not waiting yet is one action, and a queue in the middle of it that reverts undoes it all.
    function test_queue_reverts_whenOneOfThemWaitsAlready() public {
        _queue(bytes32(uint256(2)));
        Call[] memory calls = new Call[](3);
        for (uint256 i; i < 3; ++i) {
            calls[i] = _own(abi.encodeCall(ITreasuryPolicy.queue, (bytes32(i))));
        }
        (bool ok,) = _try(_signExecute(BY_ADMIN, ADMIN_LANE, calls));
        vm.assertFalse(ok, "the third waits");
        vm.assertEq(policy.queuedAt(address(wallet), 0), 0, "nor does the first");
    }

    // A payout calls `transfer` on its token: the policy has none.
    function test_payout_reverts_whenTheTokenIsThePolicy() public {
        (bool ok,) = _try(_signPayout(BY_OVERRIDE, OPEN_LANE, address(policy), _transfers(payee, 1)));
        vm.assertFalse(ok, "no such function");
        (ok,) = _try(_signPayout(BY_OVERRIDE, OPEN_LANE, address(0), _transfers(address(policy), 1)));
        vm.assertFalse(ok, "and it takes no ether");
    }

    /* HELPERS */

    function _own(bytes memory data) private view returns (Call memory) {
        return Call(address(policy), 0, data);
    }

    function _one(bytes memory data) private view returns (Call[] memory) {
        return _calls(address(policy), 0, data);
    }

    function _vetoData(uint256 count) private pure returns (bytes memory) {
        return abi.encodeCall(ITreasuryPolicy.veto, (address(0xbeef), new bytes32[](count)));
    }

    function _freezeData() private pure returns (bytes memory) {
        return abi.encodeCall(ITreasuryPolicy.freeze, (address(0xbeef)));
    }

    function _unfreezeData() private pure returns (bytes memory) {
        return abi.encodeCall(ITreasuryPolicy.unfreeze, ());
    }

    /// @dev By whoever may sign anything, so that nothing but the calls can be the reason; and by admin signers.
    function _assertNotAllowed(Call[] memory calls, uint256 index) private {
        bytes memory reason = abi.encodeWithSelector(ITreasuryPolicy.CallNotAllowed.selector, index);
        uint256[2] memory signers = [BY_ALL, BY_ADMIN];
        for (uint256 i; i < 2; ++i) {
            (bool ok, bytes memory answer) =
                _ask(abi.encodeCall(IPolicy.checkExecute, (calls, _context(signers[i], ADMIN_LANE))));
            vm.assertFalse(ok, "not allowed");
            vm.assertEq(answer, reason, "why");
        }
    }
}
