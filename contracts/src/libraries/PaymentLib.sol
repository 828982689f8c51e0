// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, IWallet, Transfer} from "../IWallet.sol";

/// @title Moving value: the calls and transfers of an authorised action
/// @dev An amount of which no bit is zero (`iszero(not(amount))`) stands for everything left.
library PaymentLib {
    /// @notice Makes the calls in order; reverts with the index and the reason of the first that fails.
    /// @param calls Already hashed, which found every call to lie within calldata.
    /// @dev Assembly because of batches of a hundred calls. What a call returns stays where it is, unless it is the
    /// reason of a failure: nobody reads it.
    function makeCalls(Call[] calldata calls) internal {
        uint256 i; // 32 times the index
        assembly ("memory-safe") {
            let end := shl(5, calls.length)
            let input := mload(0x40)
            for {} lt(i, end) { i := add(i, 0x20) } {
                let at := add(calls.offset, calldataload(add(calls.offset, i)))
                let data := add(at, calldataload(add(at, 0x40)))
                let length := calldataload(data)
                calldatacopy(input, add(data, 0x20), length)
                if iszero(call(gas(), calldataload(at), calldataload(add(at, 0x20)), input, length, 0, 0)) {
                    break
                }
            }
        }
        if (i >> 5 != calls.length) revert IWallet.CallFailed(i >> 5, _returned());
    }

    /// @notice Pays ether in order; reverts with the index and the reason of the first payment that fails.
    /// @param transfers Already hashed, which found every account to fit 160 bits.
    /// @dev Assembly for the same reason as `payToken`.
    function payEther(Transfer[] calldata transfers) internal {
        uint256 i;
        assembly ("memory-safe") {
            let from := transfers.offset
            for {} lt(i, transfers.length) { i := add(i, 1) } {
                let amount := calldataload(add(from, 0x20))
                if iszero(not(amount)) { amount := selfbalance() }
                if iszero(call(gas(), calldataload(from), amount, 0, 0, 0, 0)) { break }
                from := add(from, 0x40)
            }
        }
        if (i != transfers.length) revert IWallet.TransferFailed(i, _returned());
    }

    /// @notice Pays an ERC-20 in order; reverts with the index and the reason of the first payment that fails. A token
    /// succeeds by answering nothing or true.
    /// @param transfers Already hashed, which found every account to fit 160 bits.
    /// @dev Assembly because of payouts of a hundred lines: payee and amount are copied together behind a selector that
    /// is written once.
    function payToken(address token, Transfer[] calldata transfers) internal {
        uint256 i;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, shl(224, 0xa9059cbb)) // transfer(address,uint256)
            let amount := add(input, 0x24)
            let from := transfers.offset
            for {} lt(i, transfers.length) { i := add(i, 1) } {
                calldatacopy(add(input, 0x04), from, 0x40)
                if iszero(not(mload(amount))) {
                    mstore(0x00, shl(224, 0x70a08231)) // balanceOf(address)
                    mstore(0x04, address())
                    let ok := staticcall(gas(), token, 0x00, 0x24, amount, 0x20)
                    if iszero(and(ok, gt(returndatasize(), 0x1f))) { break }
                }
                let ok := call(gas(), token, 0, input, 0x44, 0x00, 0x20)
                if iszero(and(ok, and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1)))) {
                    if iszero(and(ok, iszero(returndatasize()))) { break }
                    // Silence is consent, but only from a contract; that it is one need be asked but once.
                    if iszero(i) { if iszero(extcodesize(token)) { break } }
                }
                from := add(from, 0x40)
            }
        }
        // The first transfer failed, or there was none: then nothing showed yet that the token is a contract.
        if (i == 0 && token.code.length == 0) revert IWallet.TokenWithoutCode(token);
        if (i != transfers.length) revert IWallet.TransferFailed(i, _returned());
    }

    /// @dev What the last call returned.
    function _returned() private pure returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(data, returndatasize())
            returndatacopy(add(data, 0x20), 0, returndatasize())
            mstore(0x40, and(add(add(data, returndatasize()), 0x3f), not(0x1f)))
        }
    }
}
