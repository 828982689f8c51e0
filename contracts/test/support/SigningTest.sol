// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "./Digests.sol";
import {WalletTest} from "./WalletTest.sol";

/// @title Actions by any set of owners
/// @notice An action is signed first, as the calldata that carries it, and submitted later, so that a test can keep one
/// back.
abstract contract SigningTest is WalletTest {
    /* SIGNING, by the owners whose bits are set, in the next nonce of the lane and the present epoch */

    function _signExecute(uint256 signers, uint192 lane, Call[] memory calls) internal view returns (bytes memory) {
        uint256 nonce = wallet.nonce(lane);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofExecute(calls, nonce, LATER));
        return abi.encodeCall(IWallet.execute, (calls, nonce, LATER, _signBy(digest, signers)));
    }

    function _signPayout(uint256 signers, uint192 lane, address asset, Transfer[] memory transfers)
        internal
        view
        returns (bytes memory)
    {
        uint256 nonce = wallet.nonce(lane);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofPayout(asset, transfers, nonce, LATER));
        return abi.encodeCall(IWallet.payout, (asset, transfers, nonce, LATER, _signBy(digest, signers)));
    }

    function _signReconfigure(uint256 signers, uint192 lane, Config memory config)
        internal
        view
        returns (bytes memory)
    {
        uint256 nonce = wallet.nonce(lane);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofReconfigure(config, nonce, LATER));
        return abi.encodeCall(IWallet.reconfigure, (config, nonce, LATER, _signBy(digest, signers)));
    }

    function _signCancel(uint256 signers, uint192 lane) internal view returns (bytes memory) {
        uint256 nonce = wallet.nonce(lane);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(nonce, LATER));
        return abi.encodeCall(IWallet.cancel, (nonce, LATER, _signBy(digest, signers)));
    }

    /* SUBMITTING */

    function _try(bytes memory action) internal returns (bool ok, bytes memory answer) {
        return address(wallet).call(action);
    }

    function _submit(bytes memory action) internal {
        (bool ok, bytes memory answer) = _try(action);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    function _assertFails(bytes memory action, bytes memory reason) internal {
        (bool ok, bytes memory answer) = _try(action);
        vm.assertFalse(ok, "the action fails");
        vm.assertEq(answer, reason, "why");
    }
}
