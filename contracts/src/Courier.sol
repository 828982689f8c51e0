// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICourier} from "./ICourier.sol";

/// @title Carries several calls in one transaction
/// @notice What it does stands at `ICourier`.
contract Courier is ICourier {
    /// @dev gas(4) ‖ to(20) ‖ length(3).
    uint256 private constant HEADER = 27;

    /// @dev Kept back from what is given to a call. Covers what the CALL costs before the callee begins (an account
    /// that is cold, or delegated by EIP-7702 to another cold one, in dearer forks too), so that what is left is enough
    /// for what was asked. And it is enough, after a callee that uses up all it is given, to say so.
    uint256 private constant KEPT = 10_000;

    uint256 private constant MAX_REASON = 256;

    /// @inheritdoc ICourier
    function deliver(bytes calldata parcels) external {
        unchecked {
            uint256 place;
            for (uint256 index; place < parcels.length; ++index) {
                if (parcels.length - place < HEADER) revert ParcelMalformed(index);
                (uint256 asked, address to, uint256 length) = _headerAt(parcels, place);
                place += HEADER;
                if (length > parcels.length - place) revert ParcelMalformed(index);
                if (asked == 0 && place + length != parcels.length) revert GasMissing(index);
                if (!_call(index, asked, to, parcels, place, length)) _tell(index, to);
                place += length;
            }
        }
    }

    function _headerAt(bytes calldata parcels, uint256 place)
        private
        pure
        returns (uint256 asked, address to, uint256 length)
    {
        assembly ("memory-safe") {
            let header := calldataload(add(parcels.offset, place))
            asked := shr(224, header)
            to := shr(96, shl(32, header))
            length := and(shr(40, header), 0xffffff)
        }
    }

    /// @dev The data is copied before the gas is looked at, so that only the CALL itself comes in between. Above the
    /// free memory, at the same place each time: nothing is kept.
    function _call(uint256 index, uint256 asked, address to, bytes calldata parcels, uint256 place, uint256 length)
        private
        returns (bool ok)
    {
        uint256 left;
        bool isEnough;
        assembly ("memory-safe") {
            let data := mload(0x40)
            calldatacopy(data, add(parcels.offset, place), length)
            left := gas()
            // All but a 64th of what is left after the CALL is paid is the most that a callee can get (EIP-150).
            isEnough := iszero(lt(left, add(KEPT, div(add(mul(asked, 64), 62), 63))))
            if isEnough {
                if iszero(asked) { asked := sub(left, KEPT) }
                ok := call(asked, to, 0, data, length, 0, 0)
            }
        }
        if (!isEnough) revert GasTooLow(index, asked, left);
    }

    /// @dev Says that the last call reverted, and what it returned. Assembly, because it has to do with what was kept
    /// back.
    function _tell(uint256 index, address to) private {
        bytes32 topic = Undelivered.selector;
        assembly ("memory-safe") {
            let length := returndatasize()
            if gt(length, MAX_REASON) { length := MAX_REASON }
            let data := mload(0x40)
            let reason := add(data, 0x40)
            mstore(data, 0x20)
            mstore(add(data, 0x20), length)
            returndatacopy(reason, 0, length)
            mstore(add(reason, length), 0)
            log3(data, add(0x40, and(add(length, 0x1f), not(0x1f))), topic, index, to)
        }
    }
}
