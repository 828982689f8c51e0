// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IWallet} from "../IWallet.sol";
import {ConfigLib} from "./ConfigLib.sol";

/// @notice What is wrong with a list of signatures.
enum Fault {
    Truncated,
    NotIncreasing,
    NoSuchOwner,
    Invalid,
    NotApproved,
    TooFew
}

/// @title Packed signatures
/// @notice Verifies the list described at `IWallet`. Never reverts by itself: a message check must answer, not fail.
library SignatureLib {
    using ConfigLib for bytes;

    /// @dev Half the order of secp256k1: an s above it is the malleable twin of one below.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @param digest What was signed. Not hashed, prefixed or bound to a domain here.
    /// @param signatures The packed list.
    /// @param blob The configuration whose owners count.
    /// @param approvals Who approved which digest on chain.
    /// @return signers Bitmap of the owner indexes that signed; 0 if, and only if, there is a fault.
    /// @return fault What is wrong; to be read only where there are no signers.
    /// @return culprit With a fault: the offset of the entry (Truncated), its owner index (NotIncreasing, NoSuchOwner,
    /// Invalid, NotApproved) or the number of signers (TooFew).
    function verify(
        bytes32 digest,
        bytes calldata signatures,
        bytes memory blob,
        mapping(bytes32 digest => mapping(address owner => bool)) storage approvals
    ) internal view returns (uint256 signers, Fault fault, uint256 culprit) {
        unchecked {
            uint256 count;
            uint256 offset;
            while (true) {
                (offset, signers, count) = _passSigned(digest, signatures, blob, offset, signers, count);
                if (offset == signatures.length) break;

                // Here an entry is a contract's, or wrong.
                uint256 head = _wordAt(signatures, offset);
                uint256 index = (head >> 248) & 0x7f;
                if (signers >> index != 0) return (0, Fault.NotIncreasing, index);
                if (index >= blob.ownerCount()) return (0, Fault.NoSuchOwner, index);
                bool isContract = head >> 255 != 0;
                uint256 size = isContract ? 3 + ((head >> 232) & 0xffff) : 65;
                if (signatures.length < offset + size) return (0, Fault.Truncated, offset);
                if (!isContract) return (0, Fault.Invalid, index);

                address owner = blob.ownerAt(index);
                if (size == 3) {
                    if (!approvals[digest][owner]) return (0, Fault.NotApproved, index);
                } else if (!_isAcceptedBy(owner, digest, signatures[offset + 3:offset + size])) {
                    return (0, Fault.Invalid, index);
                }
                signers |= 1 << index;
                offset += size;
                ++count;
            }
            if (count < blob.threshold()) return (0, Fault.TooFew, count);
        }
    }

    /// @notice Reverts with the error that a fault stands for.
    function revertWith(Fault fault, uint256 culprit, bytes32 digest, bytes memory blob) internal pure {
        if (fault == Fault.Truncated) revert IWallet.SignaturesTruncated(culprit);
        if (fault == Fault.NotIncreasing) revert IWallet.SignaturesNotIncreasing(culprit);
        if (fault == Fault.NoSuchOwner) revert IWallet.NoSuchOwner(culprit, blob.ownerCount());
        if (fault == Fault.TooFew) revert IWallet.ThresholdNotMet(culprit, blob.threshold());
        address owner = blob.ownerAt(culprit);
        if (fault == Fault.NotApproved) revert IWallet.NotApproved(owner, digest);
        revert IWallet.SignatureInvalid(owner, digest);
    }

    /// @dev Passes over ECDSA entries, in the compact form of EIP-2098, for as long as each has an index above the ones
    /// before, that index has an owner, and the owner signed. Stops at the end, at a contract's entry, or at a wrong
    /// one. Assembly because this is most of what an action costs beyond its content. An owner is never zero, which is
    /// what
    /// stays in memory when the precompile recovers nothing.
    function _passSigned(
        bytes32 digest,
        bytes calldata signatures,
        bytes memory blob,
        uint256 offset,
        uint256 signers,
        uint256 count
    ) private view returns (uint256, uint256, uint256) {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            let ownerCount := byte(1, mload(add(blob, 0x20)))
            for { let end := sub(signatures.length, 64) } slt(offset, end) { offset := add(offset, 65) } {
                let at := add(signatures.offset, offset)
                let index := byte(0, calldataload(at))
                if or(iszero(lt(index, ownerCount)), shr(index, signers)) { break }
                let vs := calldataload(add(at, 33))
                let s := shr(1, shl(1, vs))
                mstore(0x00, digest)
                mstore(0x20, add(27, shr(255, vs)))
                mstore(0x40, calldataload(add(at, 1)))
                mstore(0x60, s)
                pop(staticcall(gas(), 1, 0x00, 0x80, 0x00, 0x20))
                let stranger := xor(mload(0x00), shr(96, mload(add(add(blob, 54), mul(index, 20)))))
                if or(stranger, or(gt(s, HALF_ORDER), iszero(returndatasize()))) { break }
                signers := or(signers, shl(index, 1))
                count := add(count, 1)
            }
            mstore(0x40, pointer)
            mstore(0x60, 0)
        }
        return (offset, signers, count);
    }

    /// @dev ERC-1271. The answer must be the one word, and the owner must have code: an account without code, or a
    /// precompile that echoes its input, signs nothing. The answer is cut at one word, so it cannot fill memory.
    function _isAcceptedBy(address owner, bytes32 digest, bytes calldata signature) private view returns (bool result) {
        bytes memory question = abi.encodeWithSelector(bytes4(0x1626ba7e), digest, signature);
        assembly ("memory-safe") {
            mstore(0x00, 0)
            let ok := staticcall(gas(), owner, add(question, 0x20), mload(question), 0x00, 0x20)
            result := and(ok, eq(returndatasize(), 0x20))
            result := and(result, eq(mload(0x00), shl(224, 0x1626ba7e)))
            result := and(result, iszero(iszero(extcodesize(owner))))
        }
    }

    /// @dev The 32 bytes at `offset`; those behind the end of `signatures` are whatever calldata holds there.
    function _wordAt(bytes calldata signatures, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(signatures.offset, offset))
        }
    }
}
