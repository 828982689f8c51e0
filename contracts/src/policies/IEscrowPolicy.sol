// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPolicy} from "../IPolicy.sol";

/// @notice What the parties of an escrow agreed on; 47 bytes of policyData, which the wallet's address commits to:
/// `expiry(8) ‖ arbitrationSecs(4) ‖ timeoutBeneficiary(1) ‖ arbiterFeeCapBps(2) ‖ termsHash(32)`.
/// @param expiry When the time-out comes if nobody disputes; Unix seconds.
/// @param arbitrationSecs How much later the time-out comes after a dispute.
/// @param timeoutBeneficiary Who may take all at the time-out: 0 the buyer, 1 the seller.
/// @param arbiterFeeCapBps The most an arbiter may be paid, in hundredths of a percent of what the same payout moves.
/// @param termsHash Hash of the agreement in words; not read on chain.
struct Terms {
    uint64 expiry;
    uint32 arbitrationSecs;
    uint8 timeoutBeneficiary;
    uint16 arbiterFeeCapBps;
    bytes32 termsHash;
}

/// @title Escrow between a buyer and a seller, with an arbiter
/// @notice The policy of wallets whose owners are [buyer, seller, arbiter] and whose threshold is 1: it says what each
/// of them, any two of them, and all three may do. One contract serves every escrow.
///
/// WHO MAY DO WHAT
/// - The buyer alone may pay the seller, the seller alone may pay the buyer.
/// - At the time-out its beneficiary alone may also pay itself.
/// - Any two may pay buyer and seller as they agree.
/// - Where the arbiter signed, the arbiter may be paid too: exact amounts, up to the cap.
/// - Before `expiry`, once, the party that is not the beneficiary may alone call `dispute`. It moves the time-out to
///   `expiry + arbitrationSecs`: time for the arbiter, while a silent one locks nothing for ever.
/// - All three together may do anything: the way out for a payee that a token has block-listed, or for an NFT sent by
///   mistake.
/// - Nothing else is allowed; an escrow is for ether and ERC-20 tokens.
///
/// LANES
/// - One signer acts only in its own lane, owner index + 1: 1 buyer, 2 seller, 3 arbiter.
/// - Two or three act in any lane but those. So nobody can use up a nonce that others signed for.
/// - In lanes 1 to 3 submit the owner's signature alone: a further one makes the action fail.
///
/// @dev Warning: a split between two is fair only as one payout. Who signs two payouts hands the other side the choice
/// of carrying out one.
/// @dev Warning: a decision of two should name one exact amount, for the time-out's beneficiary, and pay everything
/// left to the other side. With two exact amounts, a payment by one party in between makes it fail; with the exact
/// amount for the other side, the beneficiary makes it fail by paying a little, and takes the rest at the time-out.
/// @dev Warning: what a payout moves, and so the arbiter's cap, is measured before it begins. A payee that is a
/// contract can have another decision carried out in between; sign a second one only when the first is done or
/// cancelled.
interface IEscrowPolicy is IPolicy {
    /* EVENTS */

    /// @notice A party disputed; the time-out is now `timeout`, Unix seconds.
    event Disputed(address indexed wallet, uint256 timeout);

    /* ERRORS */

    /// @notice The configuration names another policy than this one.
    error PolicyMismatch(address policy, address expected);

    /// @notice An escrow has three owners: buyer, seller, arbiter.
    error OwnerCountMismatch(uint256 ownerCount, uint256 expected);

    /// @notice An escrow has threshold 1.
    error ThresholdMismatch(uint256 threshold, uint256 expected);

    /// @notice policyData is not 47 bytes long.
    error TermsLengthMismatch(uint256 length, uint256 expected);

    /// @notice The expiry is zero, or the last time-out lies further ahead than `MAX_TERM`.
    error ExpiryOutOfRange(uint256 expiry, uint256 arbitrationSecs, uint256 timestamp);

    /// @notice The beneficiary is neither 0, the buyer, nor 1, the seller.
    error BeneficiaryOutOfRange(uint256 timeoutBeneficiary);

    /// @notice The fee cap is above 10,000 hundredths of a percent.
    error FeeCapOutOfRange(uint256 arbiterFeeCapBps);

    /// @notice One signer acts in lane index + 1 and nowhere else; more than one act in any lane but 1, 2 and 3.
    /// @param signers Bitmap: 1 buyer, 2 seller, 4 arbiter.
    error LaneNotAllowed(uint256 lane, uint256 signers);

    /// @notice These signers may not pay this account, or not yet.
    /// @param index Its place in `transfers`, from 0.
    /// @param signers Bitmap: 1 buyer, 2 seller, 4 arbiter.
    /// @param timeout When the beneficiary may pay itself; Unix seconds.
    error PayeeNotAllowed(uint256 index, address payee, uint256 signers, uint256 timeout);

    /// @notice The arbiter is paid an exact amount, never "everything left": a payee paid before could add to it.
    /// @param index Its place in `transfers`, from 0.
    error FeeNotExact(uint256 index);

    /// @notice The payout names more than the wallet has left at that point.
    error AmountAboveBalance(uint256 index, uint256 amount, uint256 left);

    /// @notice The arbiter would get more than the capped share of what the payout moves.
    error FeeAboveCap(uint256 fee, uint256 moved, uint256 arbiterFeeCapBps);

    /// @notice This action takes the signatures of all three.
    /// @param signers Bitmap: 1 buyer, 2 seller, 4 arbiter.
    error NeedsAllParties(uint256 signers);

    /// @notice It is too late to dispute. Both in Unix seconds.
    error DisputeTooLate(uint256 expiry, uint256 timestamp);

    /// @notice The escrow was disputed before.
    error AlreadyDisputed(address wallet);

    /* FUNCTIONS */

    /// @notice Moves the time-out of the calling wallet to `expiry + arbitrationSecs`. Called by the escrow itself, as
    /// the single call of an `execute` that the party which is not the beneficiary signed.
    function dispute() external;

    /// @notice How far ahead the last time-out may lie, in seconds: a hundred years. Beyond it an expiry is a mistake,
    /// such as one in milliseconds, that would lock the money.
    function MAX_TERM() external view returns (uint256);

    /// @notice Whether this escrow was disputed in its present configuration.
    function isDisputed(address wallet) external view returns (bool);

    /// @notice When the beneficiary of this escrow may take all; Unix seconds. Reverts if `wallet` is no escrow.
    function timeoutOf(address wallet) external view returns (uint256);

    /// @notice The terms of this escrow. Reverts if `wallet` is no escrow of this policy.
    function termsOf(address wallet) external view returns (Terms memory);
}
