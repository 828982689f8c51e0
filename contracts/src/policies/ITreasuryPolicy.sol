// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPolicy} from "../IPolicy.sol";

/// @notice What petty signers may pay of one token.
/// @param token The token; zero is ether.
/// @param amount The most that may be paid in one window, in the token's smallest unit; above zero.
/// @param periodSecs How long a window is; 1 hour to 366 days. Windows end at multiples of it, in Unix seconds.
struct Limit {
    address token;
    uint128 amount;
    uint32 periodSecs;
}

/// @notice The rules of a treasury. In policyData, which the wallet's address commits to, they are
/// `admin(1) ‖ overriding(1) ‖ veto(1) ‖ delaySecs(4) ‖ limitCount(1)`, then for each limit
/// `token(20) ‖ amount(16) ‖ periodSecs(4)`, then `payee(20)` for each payee, to the end.
/// @param admin How many signers may do anything after the delay; at least the wallet's threshold.
/// @param overriding How many signers may do anything at once, past a veto and a freeze.
/// @param veto How many owners stop an action that waits, or freeze the wallet; 0 if there is no delay.
/// @param delaySecs How long an admin action waits; 0, or 1 hour to 30 days.
/// @param limits What fewer signers than `admin` may pay, by token, in strictly increasing order of the tokens.
/// @param payees Whom they may pay, in strictly increasing order; if it is empty, anyone.
struct Rules {
    uint8 admin;
    uint8 overriding;
    uint8 veto;
    uint32 delaySecs;
    Limit[] limits;
    address[] payees;
}

/// @title Rules for a treasury: small payments, a delay with a veto, and a way past both
/// @notice The policy of a wallet whose threshold is the smallest of three tiers. One contract serves every wallet.
///
/// WHO MAY DO WHAT
/// - Petty: fewer signers than `admin` may make a `payout` whose token has a limit, whose payees are all listed (or the
///   list is empty), whose amounts are all exact, and that stays within what the present window has left. And `cancel`.
/// - Admin: from `admin` signers on anything else passes once exactly this digest was queued `delaySecs` ago in this
///   epoch, unless `veto` owners vetoed it. A payout within limit and list needs no delay and counts against the limit.
/// - Override: from `overriding` signers on everything passes: no queue, no delay, past a veto and a freeze. It counts
///   against no limit.
/// - Frozen: nothing passes but what override signers sign, and `cancel` by admin signers.
/// - Messages (ERC-1271) take override signers if there is a delay, else admin signers.
/// So those who do not veto can always override those who do, and those who hold no admin keys can always veto.
///
/// LANES, by the two highest bits of the lane's 192
/// - `1x`: anybody. `00`: admin and override signers. `01`: override signers alone, so that a thief with admin keys
///   cannot use up, by a cancel, the nonce of the action that removes him.
///
/// CALLS TO THIS CONTRACT by `execute`: calls that are all `queue`, or the single call `veto` or `freeze` for a wallet
/// that this wallet owns, by admin signers without delay; the single call `unfreeze` by override signers. Nothing else,
/// none of it beside other calls, with value, or in another encoding than the canonical one.
///
/// @dev Warning: around the end of a window twice the limit can be paid within moments.
/// @dev Warning: one petty signer's payments use up the limit for all others; and anyone may submit a payout with fewer
/// of its signatures, so that it counts against the limit.
/// @dev Warning: what was spent, and until when it counts, outlives a reconfiguration, also one to a shorter period.
/// A wallet can spoil it for itself before it adopts this policy: read `spent` first.
/// @dev Warning: a digest that was queued and that nobody can recompute is hostile: veto it.
/// @dev Warning: an action that waits needs a lane of its own and a deadline beyond the delay. Once it waited it stays
/// ready until its deadline; a veto stops it then too.
/// @dev Warning: each owner can vote for a freeze once in an epoch. Its 30 days are for override signers to remove who
/// has to be removed; afterwards vetoes are left, of one digest after another.
/// @dev Warning: what is signed counts, whatever a token takes, mints or rebases beside it.
/// @dev Warning: an owner that is a contract through which anyone can call others is anybody; and a wallet that is
/// frozen can neither veto nor freeze for a wallet that it owns.
/// @dev Warning: allowances given before these rules were adopted are not looked at.
interface ITreasuryPolicy is IPolicy {
    /* EVENTS */

    /// @notice An action waits, and passes from `eta` on; Unix seconds.
    event Queued(address indexed wallet, bytes32 indexed digest, uint256 eta);

    /// @notice An owner vetoed; `count` owners have by now.
    event Vetoed(address indexed wallet, bytes32 indexed digest, address owner, uint256 count);

    /// @notice An owner voted for a freeze.
    /// @param count The votes, this one included.
    /// @param until When the freeze ends; zero while votes are missing and the wallet is not frozen.
    event Frozen(address indexed wallet, address owner, uint256 count, uint256 until);

    /// @notice Override signers ended a freeze.
    event Unfrozen(address indexed wallet);

    /* ERRORS: CONFIGURATION */

    /// @notice The configuration names another policy than this one.
    error PolicyMismatch(address policy, address expected);

    /// @notice policyData is not as long as eight bytes, `limitCount` limits of 40 and a whole number of payees of 20.
    error RulesLengthMismatch(uint256 length, uint256 limitCount);

    /// @notice `threshold <= admin <= overriding <= ownerCount - veto` does not hold.
    error TiersOutOfOrder(uint256 threshold, uint256 admin, uint256 overriding, uint256 veto, uint256 ownerCount);

    /// @notice A delay is 0, or 1 hour to 30 days.
    error DelayOutOfRange(uint256 delaySecs);

    /// @notice A delay takes a veto of at least one and fewer admin than override signers; without one there is no
    /// veto.
    error VetoMismatch(uint256 delaySecs, uint256 veto, uint256 admin, uint256 overriding);

    /// @notice The token at this index is not above the one before.
    error TokenOutOfOrder(uint256 index, address token);

    /// @notice The limit at this index is zero.
    error LimitAmountZero(uint256 index);

    /// @notice The period at this index is not 1 hour to 366 days.
    error PeriodOutOfRange(uint256 index, uint256 periodSecs);

    /// @notice The payee at this index is not above the one before, or zero.
    error PayeeOutOfOrder(uint256 index, address payee);

    /* ERRORS: ACTIONS */

    /// @notice So many signers may not act in this lane.
    error LaneClosed(uint256 lane, uint256 signerCount);

    /// @notice This action takes more signers.
    error SignersMissing(uint256 signerCount, uint256 needed);

    /// @notice The wallet is frozen; Unix seconds.
    error WalletFrozen(uint256 until);

    /// @notice This digest was not queued in this epoch, or a freeze voided it.
    error NotQueued(bytes32 digest);

    /// @notice It is too early; both in Unix seconds.
    error DelayNotOver(uint256 eta, uint256 timestamp);

    /// @notice So many owners vetoed this digest.
    error VetoStands(bytes32 digest, uint256 count);

    /// @notice The call at this index may not be made to this contract.
    error CallNotAllowed(uint256 index);

    /// @notice Fewer than admin signers may not pay this token.
    error LimitMissing(address token);

    /// @notice Fewer than admin signers may not pay this account.
    error PayeeNotListed(uint256 index, address payee);

    /// @notice Fewer than admin signers pay exact amounts.
    error AmountNotExact(uint256 index);

    /// @notice The payout would pass the limit of the window.
    /// @param spent What was spent in the present window.
    /// @param total What the payout would add; the largest number if it does not fit.
    /// @param amount The limit.
    error LimitExceeded(address token, uint256 spent, uint256 total, uint256 amount);

    /* ERRORS: OWNERS */

    /// @notice The caller does not own the wallet.
    error NotOwner(address wallet, address caller);

    /// @notice The wallet's rules have no veto.
    error VetoNotAllowed(address wallet);

    /// @notice This digest waits already.
    error AlreadyQueued(bytes32 digest);

    /// @notice This owner voted for a freeze in this epoch.
    error AlreadyFrozen(address wallet, address owner);

    /// @notice There is no freeze to end.
    error NotFrozen(address wallet);

    /* FUNCTIONS */

    /// @notice Lets an action of the calling wallet wait. Reverts for what waits already in this epoch.
    /// @param digest The EIP-712 digest of the action. Not checked: what it stands for is for owners to find out.
    function queue(bytes32 digest) external;

    /// @notice Vetoes actions of a wallet, also before they are queued, until the epoch ends. Called by an owner of the
    /// wallet; what the caller vetoed before is passed over.
    function veto(address wallet, bytes32[] calldata digests) external;

    /// @notice Votes for a freeze. Called by an owner of the wallet, once in an epoch. With `veto` votes, which are
    /// used up, the wallet is frozen for 30 days, and what was queued before is void. The last vote also writes a word
    /// for each limit, at up to 22,100 gas.
    function freeze(address wallet) external;

    /// @notice Ends the freeze of the calling wallet. What it voided stays void.
    function unfreeze() external;

    /// @notice The rules of a wallet. Reverts where this contract is not its policy.
    function rulesOf(address wallet) external view returns (Rules memory);

    /// @notice What counts against a limit now, and until when, in Unix seconds; zeros where no window is open.
    function spent(address wallet, address token) external view returns (uint256 amount, uint256 windowEnd);

    /// @notice When a digest was queued, in Unix seconds; zero where it was not, is void, or was in another epoch.
    function queuedAt(address wallet, bytes32 digest) external view returns (uint256);

    /// @notice How many owners vetoed a digest in this epoch.
    function vetoes(address wallet, bytes32 digest) external view returns (uint256);

    /// @notice Whether this owner vetoed a digest in this epoch.
    function hasVetoed(address wallet, bytes32 digest, address owner) external view returns (bool);

    /// @notice When the freeze ends, in Unix seconds; zero where the wallet is not frozen now.
    function frozenUntil(address wallet) external view returns (uint256);

    /// @notice How many votes for a freeze are there that no freeze used up.
    function freezeVotes(address wallet) external view returns (uint256);

    /// @notice Whether this owner voted for a freeze in this epoch.
    function hasFrozen(address wallet, address owner) external view returns (bool);
}
