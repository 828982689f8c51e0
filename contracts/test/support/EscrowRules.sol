// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The rules of an escrow as tables
/// @notice Written from the agreement between the parties, sharing no code and no shape with src/: one byte for each
/// of the eight sets of signers, none, b, s, bs, a, ba, sa, bsa.
library EscrowRules {
    uint256 internal constant BUYER = 1;
    uint256 internal constant SELLER = 2;
    uint256 internal constant ARBITER = 4;
    uint256 internal constant ANYONE = 8;

    /// @dev Which lanes a set may act in: bit 1, 2, 3 for the lanes of one signer, bit 0 for all others.
    bytes8 private constant LANES = hex"0002040108010101";

    /// @dev Whom a set may pay: before the time-out, and after it with the buyer or the seller as beneficiary.
    bytes8 private constant PAYEES = hex"000201030007070f";
    bytes8 private constant PAYEES_BUYER_TIMED_OUT = hex"000301030007070f";
    bytes8 private constant PAYEES_SELLER_TIMED_OUT = hex"000203030007070f";

    /// @dev Which sets may dispute before the expiry: the party that is not the beneficiary, or all.
    bytes8 private constant DISPUTERS_OF_BUYER = hex"0000010000000001";
    bytes8 private constant DISPUTERS_OF_SELLER = hex"0001000000000001";

    function mayActIn(uint256 signers, uint256 lane) internal pure returns (bool) {
        uint256 bit = lane == 1 || lane == 2 || lane == 3 ? lane : 0;
        return uint8(LANES[signers]) & (1 << bit) != 0;
    }

    /// @return A bitmap of BUYER, SELLER, ARBITER and ANYONE.
    function payeesOf(uint256 signers, uint256 beneficiary, bool isTimedOut) internal pure returns (uint256) {
        if (!isTimedOut) return uint8(PAYEES[signers]);
        return uint8(beneficiary == 0 ? PAYEES_BUYER_TIMED_OUT[signers] : PAYEES_SELLER_TIMED_OUT[signers]);
    }

    function mayDispute(uint256 signers, uint256 beneficiary) internal pure returns (bool) {
        return uint8(beneficiary == 0 ? DISPUTERS_OF_BUYER[signers] : DISPUTERS_OF_SELLER[signers]) != 0;
    }

    /// @notice Whether `fee` is at most `feeCapBps` hundredths of a percent of `moved`, in 512-bit arithmetic.
    function isWithinCap(uint256 fee, uint256 moved, uint256 feeCapBps) internal pure returns (bool) {
        (uint256 feeHigh, uint256 feeLow) = Math.mul512(fee, 10_000);
        (uint256 capHigh, uint256 capLow) = Math.mul512(moved, feeCapBps);
        return feeHigh < capHigh || (feeHigh == capHigh && feeLow <= capLow);
    }
}
