// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {RecordingPolicy} from "./Policies.sol";
import {AccountAccess} from "./Vm.sol";
import {WalletTest} from "./WalletTest.sol";

/// @notice Reads the calldata of an action as plain Solidity does, into memory, and returns what it read.
contract Decoder {
    function execute(Call[] memory calls, uint256 nonce, uint256 deadline, bytes memory signatures)
        external
        pure
        returns (Call[] memory, uint256, uint256, bytes memory)
    {
        return (calls, nonce, deadline, signatures);
    }

    function payout(
        address token,
        Transfer[] memory transfers,
        uint256 nonce,
        uint256 deadline,
        bytes memory signatures
    ) external pure returns (address, Transfer[] memory, uint256, uint256, bytes memory) {
        return (token, transfers, nonce, deadline, signatures);
    }

    function reconfigure(Config memory config, uint256 nonce, uint256 deadline, bytes memory signatures)
        external
        pure
        returns (Config memory, uint256, uint256, bytes memory)
    {
        return (config, nonce, deadline, signatures);
    }
}

/// @title What tests of calldata built by hand start from
/// @notice Calldata is seen as a selector and words, word 0 being the first behind the selector.
abstract contract CalldataTest is WalletTest {
    Decoder internal decoder;
    RecordingPolicy internal policy;

    /// @dev The wallet is 2-of-3 and has a policy that agrees, so that what a policy is shown is compared too.
    function setUp() public virtual override {
        super.setUp();
        decoder = new Decoder();
        policy = new RecordingPolicy();
        Config memory config = _config(2, 3);
        config.policy = address(policy);
        wallet = _create(config);
    }

    function _word(bytes memory input, uint256 index) internal pure returns (uint256) {
        return _wordAt(input, 4 + 32 * index);
    }

    function _wordAt(bytes memory input, uint256 offset) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(input, 0x20), offset))
        }
    }

    function _setWord(bytes memory input, uint256 index, uint256 word) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(input, 0x24), mul(index, 0x20)), word)
        }
    }

    /// @notice The first `length` bytes.
    function _cut(bytes memory input, uint256 length) internal pure returns (bytes memory head) {
        head = bytes.concat(input);
        assembly ("memory-safe") {
            mstore(head, length)
        }
    }

    /// @notice Calldata of `execute` or `reconfigure` (head of four words), or `payout` (five), with the signatures put
    /// where its head says they are. They must be as long as those in their place.
    function _setSignatures(bytes memory call, uint256 headLength, bytes memory signatures) internal pure {
        uint256 offset = 4 + _word(call, headLength - 1) + 32;
        for (uint256 i; i < signatures.length; ++i) {
            call[offset + i] = signatures[i];
        }
    }

    /// @notice Submits, and says which calls the wallet made to others than its policy.
    function _submit(bytes memory call) internal returns (bool ok, bytes memory returned, Call[] memory made) {
        vm.startStateDiffRecording();
        (ok, returned) = address(wallet).call(call);
        AccountAccess[] memory accesses = vm.stopAndReturnStateDiff();
        made = new Call[](accesses.length);
        uint256 count;
        for (uint256 i; i < accesses.length; ++i) {
            AccountAccess memory access = accesses[i];
            if (access.kind != 0 || access.accessor != address(wallet) || access.account == address(policy)) continue;
            made[count++] = Call(access.account, access.value, access.data);
        }
        assembly ("memory-safe") {
            mstore(made, count)
        }
    }

    function _expectFault(bytes memory call, bytes memory fault) internal {
        (bool ok, bytes memory returned) = address(wallet).call(call);
        vm.assertFalse(ok, "refused");
        vm.assertEq(returned, fault, "for the expected reason");
    }

    /// @dev Whether the wallet refused to read calldata, rather than to act on it.
    function _isMalformed(bytes memory returned) internal pure returns (bool) {
        bytes4 selector = bytes4(returned);
        return returned.length == 0 || selector == IWallet.CallMalformed.selector
            || selector == IWallet.TransferMalformed.selector;
    }

    /// @notice Calldata with one to three words, or the end, changed to what a decoder may stumble over.
    function _mutate(bytes memory call, uint256 seed) internal pure returns (bytes memory) {
        uint256 times = 1 + _draw(seed, 0) % 3;
        for (uint256 i; i < times; ++i) {
            call = _mutateOnce(call, _draw(seed, i + 1));
        }
        return call;
    }

    function _mutateOnce(bytes memory call, uint256 seed) private pure returns (bytes memory) {
        uint256 words = (call.length - 4) / 32;
        uint256 index = _draw(seed, 1) % words;
        uint256 small = _draw(seed, 2) % (call.length + 64);
        uint256 old = _word(call, index);
        uint256 kind = _draw(seed, 3) % 12;
        if (kind == 0) return _cut(call, call.length - small % 96);

        if (kind == 1) _setWord(call, index, _draw(seed, 4));
        if (kind == 2) _setWord(call, index, small);
        if (kind == 3) _setWord(call, index, small / 32 * 32);
        if (kind == 4) _setWord(call, index, type(uint256).max - small % 64);
        if (kind == 5) _setWord(call, index, (type(uint64).max - 64) + small % 128);
        if (kind == 6) _setWord(call, index, _word(call, _draw(seed, 4) % words));
        if (kind == 7) _setWord(call, index, old ^ 1 << (_draw(seed, 4) % 256));
        if (kind == 8) _setWord(call, index, old ^ 1 << (_draw(seed, 4) % 10));
        unchecked {
            if (kind == 9) _setWord(call, index, old + 32);
            if (kind == 10) _setWord(call, index, old - 32);
            // Back by more than the head: what a wrapping offset would do.
            if (kind == 11) _setWord(call, index, 0 - small / 32 * 32);
        }
        return call;
    }

    function _draw(uint256 seed, uint256 index) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, index)));
    }
}
