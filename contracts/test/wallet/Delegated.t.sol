// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {CloneLib} from "../../src/libraries/CloneLib.sol";
import {Digests} from "../support/Digests.sol";
import {Functions} from "../support/Functions.sol";
import {Messages} from "../support/Messages.sol";
import {WalletTest} from "../support/WalletTest.sol";

// an account with a key that runs a wallet's code by EIP-7702: it delegates to the implementation, or to a wallet
// ├── every action and view: reverts NotAWallet, at once
// ├── an action that owners signed for the account: reverts NotAWallet
// │   └── also where the account's storage names a wallet's configuration and epoch
// └── isValidSignature, both forms: answers 0xffffffff, at once
//     ├── whatever is asked, also the probe of ERC-7739
//     └── also where the account's storage names a configuration whose owners signed
// a contract that is a wallet's program and nothing behind it: the same
contract DelegatedTest is WalletTest {
    /// @dev What a refusal may cost, all told. The account has 23 bytes of code, fewer than a wallet's program: who
    /// took the configuration to lie behind that would burn all gas there is.
    uint256 private constant LITTLE_GAS = 20_000;

    bytes32 private constant PROBE = 0x7739773977397739773977397739773977397739773977397739773977397739;

    IWallet private account;

    function setUp() public override {
        super.setUp();
        vm.setEvmVersion("prague");
        account = IWallet(vm.addr(uint256(keccak256("account"))));
    }

    /* NOTHING IN STORAGE */

    function test_functions_revertNotAWallet_atOnce() public {
        bytes memory zeros = new bytes(512);
        bytes4[] memory known = Functions.all();
        for (uint256 target; target < 2; ++target) {
            _delegate(target);
            for (uint256 i; i < known.length; ++i) {
                bytes4 selector = known[i];
                if (_isAction(selector) || _isQuestion(selector)) continue;
                _assertRefused(bytes.concat(selector, zeros));
            }
        }
    }

    function test_actions_revertNotAWallet_atOnce() public {
        for (uint256 target; target < 2; ++target) {
            _delegate(target);
            _assertActionsRefused(0, 0);
        }
    }

    function testFuzz_isValidSignature_answersNo_atOnce(bytes32 hash, bytes calldata data, bytes calldata signature)
        public
    {
        for (uint256 target; target < 2; ++target) {
            _delegate(target);
            _assertAnswersNo(hash, data, signature);
        }
    }

    function test_isValidSignature_answersNo_toTheProbe() public {
        for (uint256 target; target < 2; ++target) {
            _delegate(target);
            _assertAnswersNo(PROBE, "", "");
        }
    }

    /* A CONFIGURATION IN STORAGE */

    /// @dev What another delegate left there, or wrote on purpose: epoch, configuration and sequence of a wallet.
    function test_actions_revertNotAWallet_whenStorageNamesAConfiguration() public {
        bytes32 state = _stateOfAReconfiguredWallet();
        for (uint256 target; target < 2; ++target) {
            _delegate(target);
            vm.store(address(account), 0, state);
            _assertActionsRefused(1, 1);
        }
    }

    function test_isValidSignature_answersNo_whenStorageNamesAConfiguration() public {
        bytes32 state = _stateOfAReconfiguredWallet();
        for (uint256 target; target < 2; ++target) {
            _delegate(target);
            vm.store(address(account), 0, state);
            bytes32 digest = Messages.personalSign(address(account), 1, keccak256("message"));
            _assertAnswersNo(keccak256("message"), "message", _sign(digest, 2));
            _assertAnswersNo(PROBE, "", "");
        }
    }

    /// @dev Nor does a state of any other form burn gas.
    function testFuzz_actions_revert_atOnce_whateverIsInStorage(bytes32 state) public {
        for (uint256 target; target < 2; ++target) {
            _delegate(target);
            vm.store(address(account), 0, state);
            (bool ok, bytes memory answer) = address(account).call{gas: LITTLE_GAS}(
                abi.encodeCall(IWallet.cancel, (uint256(uint64(uint256(state))), LATER, ""))
            );
            vm.assertFalse(ok, "refused");
            vm.assertEq(answer, abi.encodePacked(IWallet.NotAWallet.selector), "NotAWallet");
        }
    }

    /* NO CONFIGURATION */

    /// @dev As long as the program and no byte longer, which nobody but who writes it by hand makes.
    function test_program_withoutAConfiguration_isNoWallet() public {
        bytes memory initCode = CloneLib.initCode(factory.implementation(), "");
        address program;
        assembly ("memory-safe") {
            program := create(0, add(initCode, 0x20), mload(initCode))
        }
        vm.assertEq(program.code.length, CloneLib.PROGRAM_LENGTH, "the program alone");
        account = IWallet(program);
        _assertActionsRefused(0, 0);
        _assertRefused(abi.encodeCall(IWallet.config, ()));
        _assertAnswersNo(PROBE, "", "");
        _assertAnswersNo(keccak256("message"), "message", "");
    }

    /* HELPERS */

    /// @param target 0 for the implementation, 1 for a wallet.
    function _delegate(uint256 target) private {
        address delegate = target == 0 ? factory.implementation() : address(wallet);
        vm.etch(address(account), abi.encodePacked(hex"ef0100", delegate));
    }

    /// @dev Slot 0 of a wallet that was reconfigured once, by one action in lane 0.
    function _stateOfAReconfiguredWallet() private returns (bytes32) {
        _reconfigure(_config(2, 3));
        return vm.load(address(wallet), 0);
    }

    /// @dev Each action, signed by the owners of `wallet` for the account.
    function _assertActionsRefused(uint256 nonce, uint256 epoch) private {
        Call[] memory calls = _calls(address(0xa11ce), 0, "");
        Transfer[] memory transfers = _transfers(address(0xa11ce), 0);
        Config memory config = _config(1, 1);
        bytes memory signatures = _signed(Digests.ofExecute(calls, nonce, LATER), epoch);
        _assertRefused(abi.encodeCall(IWallet.execute, (calls, nonce, LATER, signatures)));
        signatures = _signed(Digests.ofPayout(address(0), transfers, nonce, LATER), epoch);
        _assertRefused(abi.encodeCall(IWallet.payout, (address(0), transfers, nonce, LATER, signatures)));
        signatures = _signed(Digests.ofReconfigure(config, nonce, LATER), epoch);
        _assertRefused(abi.encodeCall(IWallet.reconfigure, (config, nonce, LATER, signatures)));
        signatures = _signed(Digests.ofCancel(nonce, LATER), epoch);
        _assertRefused(abi.encodeCall(IWallet.cancel, (nonce, LATER, signatures)));
        vm.prank(_ownerOf(0));
        _assertRefused(abi.encodeCall(IWallet.approve, (keccak256("digest"))));
    }

    function _signed(bytes32 structHash, uint256 epoch) private view returns (bytes memory) {
        return _sign(Digests.toDigest(address(account), epoch, structHash), 2);
    }

    function _assertRefused(bytes memory call) private {
        (bool ok, bytes memory answer) = address(account).call{gas: LITTLE_GAS}(call);
        vm.assertFalse(ok, "refused");
        vm.assertEq(answer, abi.encodePacked(IWallet.NotAWallet.selector), "NotAWallet");
    }

    function _assertAnswersNo(bytes32 hash, bytes memory data, bytes memory signature) private view {
        _assertNo(abi.encodeWithSelector(0x1626ba7e, hash, signature));
        _assertNo(abi.encodeWithSelector(0x20c13b0b, data, signature));
    }

    function _assertNo(bytes memory question) private view {
        (bool ok, bytes memory answer) = address(account).staticcall{gas: LITTLE_GAS}(question);
        vm.assertTrue(ok, "an answer");
        vm.assertEq(answer, abi.encode(bytes4(0xffffffff)), "no");
    }

    function _isAction(bytes4 selector) private pure returns (bool) {
        return selector == IWallet.execute.selector || selector == IWallet.payout.selector
            || selector == IWallet.reconfigure.selector || selector == IWallet.cancel.selector;
    }

    function _isQuestion(bytes4 selector) private pure returns (bool) {
        return selector == 0x1626ba7e || selector == 0x20c13b0b;
    }
}
