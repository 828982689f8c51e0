// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {Config, IWallet} from "../IWallet.sol";
import {CloneLib} from "./CloneLib.sol";
import {State, StateLib} from "./StateLib.sol";

/// @title The configuration blob
/// @notice `threshold(1) ‖ ownerCount(1) ‖ policy(20) ‖ owners(20 each) ‖ policyData`. It is kept as code:
/// behind a
/// wallet's program when the wallet is created, and in a contract of its own, behind one zero byte, after each
/// reconfiguration.
library ConfigLib {
    using StateLib for State;

    uint256 internal constant MAX_OWNERS = 100;
    uint256 internal constant MAX_POLICY_DATA = 4096;

    /// @dev Bytes before the first owner.
    uint256 private constant HEADER = 22;

    /// @notice Checks the rules that stand at `Config` and packs the configuration. Does not ask the policy.
    /// @param wallet The wallet that the configuration is for, which must not own itself.
    function toBlob(Config calldata config, address wallet) internal pure returns (bytes memory blob) {
        address[] calldata owners = config.owners;
        uint256 count = owners.length;
        if (count == 0 || count > MAX_OWNERS) revert IWallet.OwnerCountOutOfRange(count);
        uint256 required = config.threshold;
        if (required == 0 || required > count) revert IWallet.ThresholdOutOfRange(required, count);
        bytes calldata policyData = config.policyData;
        if (policyData.length > MAX_POLICY_DATA) revert IWallet.PolicyDataTooLong(policyData.length);

        unchecked {
            blob = new bytes(HEADER + 20 * count + policyData.length);
            uint256 header = (required << 248) | (count << 240) | (uint256(uint160(config.policy)) << 80);
            assembly ("memory-safe") {
                mstore(add(blob, 0x20), header)
            }

            // A bit for each owner seen, by the low byte of its address: owners that share none differ, so the scan for
            // duplicates is rarely needed.
            uint256 seen;
            for (uint256 i; i < count; ++i) {
                address owner = owners[i];
                uint256 bit = 1 << (uint160(owner) & 0xff);
                if (owner == address(0) || owner == wallet || (seen & bit != 0 && _contains(blob, i, owner))) {
                    revert IWallet.OwnerInvalid(i, owner);
                }
                seen |= bit;
                // The twelve zero bytes behind the owner fall on what is written next, or behind the blob.
                assembly ("memory-safe") {
                    mstore(add(add(blob, 54), mul(i, 20)), shl(96, owner))
                }
            }
            assembly ("memory-safe") {
                calldatacopy(add(add(blob, 54), mul(count, 20)), policyData.offset, policyData.length)
            }
        }
    }

    /// @notice Whether this account's own code can hold a configuration, as a wallet's does. That of an account which
    /// delegates by EIP-7702, to the implementation or to a wallet, has 23 bytes and holds none.
    function isInOwnCode() internal view returns (bool) {
        return address(this).code.length > CloneLib.PROGRAM_LENGTH;
    }

    /// @notice Reads the present configuration of this wallet. Refuses an account whose code holds none, even if its
    /// storage names one.
    /// @param state Says where the blob is.
    function load(State state) internal view returns (bytes memory blob) {
        uint256 size = address(this).code.length;
        if (size <= CloneLib.PROGRAM_LENGTH) revert IWallet.NotAWallet();
        address source = state.configuration();
        uint256 offset = 1;
        if (source == address(0)) {
            source = address(this);
            offset = CloneLib.PROGRAM_LENGTH;
        } else {
            size = source.code.length;
        }
        assembly ("memory-safe") {
            let length := sub(size, offset)
            blob := mload(0x40)
            mstore(blob, length)
            extcodecopy(source, add(blob, 0x20), offset, length)
            mstore(0x40, and(add(add(blob, length), 0x3f), not(0x1f)))
        }
    }

    /// @notice Keeps a blob as the code of a new contract, behind one zero byte (STOP), so that the contract does
    /// nothing when called.
    function store(bytes memory blob) internal returns (address pointer) {
        return SSTORE2.write(blob);
    }

    function threshold(bytes memory blob) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := byte(0, mload(add(blob, 0x20)))
        }
    }

    function ownerCount(bytes memory blob) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := byte(1, mload(add(blob, 0x20)))
        }
    }

    function policy(bytes memory blob) internal pure returns (address result) {
        assembly ("memory-safe") {
            result := shr(96, mload(add(blob, 0x22)))
        }
    }

    /// @param index Below the owner count; not checked.
    function ownerAt(bytes memory blob, uint256 index) internal pure returns (address owner) {
        assembly ("memory-safe") {
            owner := shr(96, mload(add(add(blob, 54), mul(index, 20))))
        }
    }

    function isOwner(bytes memory blob, address account) internal pure returns (bool) {
        return _contains(blob, ownerCount(blob), account);
    }

    function ownersOf(bytes memory blob) internal pure returns (address[] memory owners) {
        owners = new address[](ownerCount(blob));
        for (uint256 i; i < owners.length; ++i) {
            owners[i] = ownerAt(blob, i);
        }
    }

    /// @notice The inverse of `toBlob`.
    function toConfig(bytes memory blob) internal pure returns (Config memory config) {
        config.threshold = uint8(threshold(blob));
        config.owners = ownersOf(blob);
        config.policy = policy(blob);
        uint256 start = HEADER + 20 * config.owners.length;
        bytes memory policyData = new bytes(blob.length - start);
        for (uint256 i; i < policyData.length; i += 32) {
            assembly ("memory-safe") {
                mstore(add(add(policyData, 0x20), i), mload(add(add(add(blob, 0x20), start), i)))
            }
        }
        config.policyData = policyData;
    }

    /// @dev Whether one of the first `count` owners is `account`.
    function _contains(bytes memory blob, uint256 count, address account) private pure returns (bool) {
        for (uint256 i; i < count; ++i) {
            if (ownerAt(blob, i) == account) return true;
        }
        return false;
    }
}
