// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Context, IPolicy} from "../IPolicy.sol";
import {Call, Config, IWallet, Transfer} from "../IWallet.sol";
import {IEscrowPolicy, Terms} from "./IEscrowPolicy.sol";

/// @title Escrow between a buyer and a seller, with an arbiter
/// @notice What it allows stands at `IEscrowPolicy`.
contract EscrowPolicy is IEscrowPolicy {
    uint256 private constant BUYER = 0;
    uint256 private constant SELLER = 1;
    uint256 private constant ARBITER = 2;

    uint256 private constant PARTIES = 3;
    uint256 private constant ALL = 7;

    uint256 private constant TERMS_LENGTH = 47;
    uint256 private constant BPS = 10_000;

    /// @inheritdoc IEscrowPolicy
    uint256 public constant MAX_TERM = 36_525 days;

    /// @dev Per epoch, so that a wallet's next configuration begins undisputed, and none can be disputed in advance.
    mapping(address wallet => mapping(uint256 epoch => bool)) private _disputed;

    /* DISPUTE */

    /// @inheritdoc IEscrowPolicy
    function dispute() external {
        IWallet wallet = IWallet(msg.sender);
        mapping(uint256 epoch => bool) storage disputed = _disputed[msg.sender];
        uint256 epoch = wallet.epoch();
        if (disputed[epoch]) revert AlreadyDisputed(msg.sender);
        disputed[epoch] = true;
        emit Disputed(msg.sender, _timeout(_terms(wallet.config().policyData), true));
    }

    /* VIEWS */

    /// @inheritdoc IEscrowPolicy
    function isDisputed(address wallet) public view returns (bool) {
        return _disputed[wallet][IWallet(wallet).epoch()];
    }

    /// @inheritdoc IEscrowPolicy
    function timeoutOf(address wallet) external view returns (uint256) {
        return _timeout(termsOf(wallet), isDisputed(wallet));
    }

    /// @inheritdoc IEscrowPolicy
    function termsOf(address wallet) public view returns (Terms memory) {
        Config memory config = IWallet(wallet).config();
        if (config.policy != address(this)) revert PolicyMismatch(config.policy, address(this));
        return _terms(config.policyData);
    }

    /* HOOKS */

    /// @inheritdoc IPolicy
    /// @dev An expiry in the past is accepted: money may wait at the address of an escrow that is created late, and its
    /// beneficiary can then take it.
    function checkConfig(Config calldata config) external view returns (bytes4) {
        if (config.policy != address(this)) revert PolicyMismatch(config.policy, address(this));
        if (config.owners.length != PARTIES) revert OwnerCountMismatch(config.owners.length, PARTIES);
        if (config.threshold != 1) revert ThresholdMismatch(config.threshold, 1);

        Terms memory terms = _terms(config.policyData);
        if (terms.expiry == 0 || _timeout(terms, true) > block.timestamp + MAX_TERM) {
            revert ExpiryOutOfRange(terms.expiry, terms.arbitrationSecs, block.timestamp);
        }
        if (terms.timeoutBeneficiary > SELLER) revert BeneficiaryOutOfRange(terms.timeoutBeneficiary);
        if (terms.arbiterFeeCapBps > BPS) revert FeeCapOutOfRange(terms.arbiterFeeCapBps);
        return IPolicy.checkConfig.selector;
    }

    /// @inheritdoc IPolicy
    function checkExecute(Call[] calldata calls, Context calldata context) external view returns (bytes4) {
        _requireLane(context);
        if (context.signers == ALL) return IPolicy.checkExecute.selector;

        Terms memory terms = _terms(context.config.policyData);
        uint256 disputer = terms.timeoutBeneficiary == BUYER ? SELLER : BUYER;
        bool isDispute = context.signers == 1 << disputer && calls.length == 1 && calls[0].to == address(this)
            && calls[0].value == 0 && keccak256(calls[0].data) == keccak256(abi.encodeCall(this.dispute, ()));
        if (!isDispute) revert NeedsAllParties(context.signers);
        if (block.timestamp >= terms.expiry) revert DisputeTooLate(terms.expiry, block.timestamp);
        return IPolicy.checkExecute.selector;
    }

    /// @inheritdoc IPolicy
    function checkPayout(address token, Transfer[] calldata transfers, Context calldata context)
        external
        view
        returns (bytes4)
    {
        _requireLane(context);
        if (context.signers == ALL) return IPolicy.checkPayout.selector;

        Terms memory terms = _terms(context.config.policyData);
        address[] calldata owners = context.config.owners;
        (bool[PARTIES] memory payable_, uint256 timeout) = _payees(terms, context.signers);
        bool paysArbiter;
        for (uint256 i; i < transfers.length; ++i) {
            address to = transfers[i].to;
            bool isArbiter = to == owners[ARBITER];
            bool allowed = (to == owners[BUYER] && payable_[BUYER]) || (to == owners[SELLER] && payable_[SELLER])
                || (isArbiter && payable_[ARBITER]);
            if (!allowed) revert PayeeNotAllowed(i, to, context.signers, timeout);
            paysArbiter = paysArbiter || isArbiter;
        }
        if (paysArbiter) _requireFeeWithinCap(token, transfers, owners[ARBITER], terms.arbiterFeeCapBps);
        return IPolicy.checkPayout.selector;
    }

    /// @inheritdoc IPolicy
    function checkReconfigure(Config calldata, Context calldata context) external pure returns (bytes4) {
        _requireLane(context);
        if (context.signers != ALL) revert NeedsAllParties(context.signers);
        return IPolicy.checkReconfigure.selector;
    }

    /// @inheritdoc IPolicy
    function checkCancel(Context calldata context) external pure returns (bytes4) {
        _requireLane(context);
        return IPolicy.checkCancel.selector;
    }

    /// @inheritdoc IPolicy
    function checkMessage(address, bytes32, uint256 signers, Config calldata) external pure returns (bytes4) {
        if (signers != ALL) revert NeedsAllParties(signers);
        return IPolicy.checkMessage.selector;
    }

    /* INTERNAL */

    function _requireLane(Context calldata context) private pure {
        uint256 lane = context.nonce >> 64;
        uint256 signers = context.signers;
        bool isOwnLane = lane >= 1 && lane <= PARTIES;
        bool isAlone = signers & (signers - 1) == 0;
        if (isAlone ? !isOwnLane || signers != 1 << (lane - 1) : isOwnLane) revert LaneNotAllowed(lane, signers);
    }

    /// @dev Whom one or two signers may pay, by owner index, and the time-out that was looked at.
    function _payees(Terms memory terms, uint256 signers)
        private
        view
        returns (bool[PARTIES] memory allowed, uint256 timeout)
    {
        timeout = _timeout(terms, isDisputed(msg.sender));
        bool isTimedOut = block.timestamp >= timeout;
        uint256 beneficiary = terms.timeoutBeneficiary;
        if (signers == 1 << BUYER) {
            allowed[SELLER] = true;
            allowed[BUYER] = isTimedOut && beneficiary == BUYER;
        } else if (signers == 1 << SELLER) {
            allowed[BUYER] = true;
            allowed[SELLER] = isTimedOut && beneficiary == SELLER;
        } else if (signers != 1 << ARBITER) {
            allowed[BUYER] = true;
            allowed[SELLER] = true;
            allowed[ARBITER] = signers & (1 << ARBITER) != 0;
        }
    }

    /// @dev Plays the payout through on the wallet's balance, because an amount may be "everything left". Compared by
    /// cross-multiplication, so nothing is gained by rounding.
    function _requireFeeWithinCap(address token, Transfer[] calldata transfers, address arbiter, uint256 feeCapBps)
        private
        view
    {
        uint256 left = token == address(0) ? msg.sender.balance : IERC20(token).balanceOf(msg.sender);
        uint256 fee;
        uint256 moved;
        for (uint256 i; i < transfers.length; ++i) {
            bool isFee = transfers[i].to == arbiter;
            uint256 amount = transfers[i].amount;
            if (amount == type(uint256).max) {
                if (isFee) revert FeeNotExact(i);
                amount = left;
            }
            if (amount > left) revert AmountAboveBalance(i, amount, left);
            left -= amount;
            moved += amount;
            if (isFee) fee += amount;
        }
        if (fee * BPS > moved * feeCapBps) revert FeeAboveCap(fee, moved, feeCapBps);
    }

    function _timeout(Terms memory terms, bool disputed) private pure returns (uint256) {
        return disputed ? uint256(terms.expiry) + terms.arbitrationSecs : terms.expiry;
    }

    function _terms(bytes memory policyData) private pure returns (Terms memory terms) {
        if (policyData.length != TERMS_LENGTH) revert TermsLengthMismatch(policyData.length, TERMS_LENGTH);
        uint256 head;
        bytes32 termsHash;
        assembly ("memory-safe") {
            head := shr(136, mload(add(policyData, 0x20)))
            termsHash := mload(add(policyData, 0x2f))
        }
        terms.expiry = uint64(head >> 56);
        terms.arbitrationSecs = uint32(head >> 24);
        terms.timeoutBeneficiary = uint8(head >> 16);
        terms.arbiterFeeCapBps = uint16(head);
        terms.termsHash = termsHash;
    }
}
