// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPolicy} from "../IPolicy.sol";
import {Config, IWallet} from "../IWallet.sol";

/// @title Asking a policy
/// @dev Fails closed: only the hook's own selector, as one word, is a yes.
library PolicyLib {
    /// @notice Asks a hook that may change the policy's state; reverts with `PolicyRefused`.
    /// @param question The encoded call of the hook.
    function ask(address policy, bytes memory question) internal {
        (bool ok, bytes memory answer) = policy.call(question);
        if (!_agrees(ok, answer, question)) revert IWallet.PolicyRefused(policy, answer);
    }

    /// @notice Asks the configuration's policy, if there is one, whether it accepts it; reverts with `PolicyRefused`.
    function askConfig(Config calldata config) internal view {
        address policy = config.policy;
        if (policy == address(0)) return;
        bytes memory question = abi.encodeCall(IPolicy.checkConfig, (config));
        (bool ok, bytes memory answer) = policy.staticcall(question);
        if (!_agrees(ok, answer, question)) revert IWallet.PolicyRefused(policy, answer);
    }

    /// @notice Asks a hook that only looks; never reverts. The answer is cut at one word, so it cannot fill memory.
    function agrees(address policy, bytes memory question) internal view returns (bool result) {
        bytes32 selector = bytes32(bytes4(question));
        assembly ("memory-safe") {
            mstore(0x00, 0)
            let ok := staticcall(gas(), policy, add(question, 0x20), mload(question), 0x00, 0x20)
            result := and(ok, and(eq(returndatasize(), 0x20), eq(mload(0x00), selector)))
        }
    }

    function _agrees(bool ok, bytes memory answer, bytes memory question) private pure returns (bool) {
        return ok && answer.length == 32 && bytes32(answer) == bytes32(bytes4(question));
    }
}
