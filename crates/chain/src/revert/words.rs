//! Each error in words. Lists count from 1, as people do.

use super::{IERC20Errors::IERC20ErrorsErrors as TokenError, within};
use alloy::primitives::{Address, Bytes, U256};
use quorate_bindings::contracts::{
    EscrowPolicy::EscrowPolicyErrors as EscrowError, IWallet::IWalletErrors as WalletError,
    IWalletFactory::IWalletFactoryErrors as FactoryError,
};
use quorate_core::Nonce;

pub(super) fn wallet(error: &WalletError, depth: u8) -> String {
    match error {
        WalletError::NotAWallet(_) => {
            "the address called is the implementation behind wallets, not a wallet".to_owned()
        }
        WalletError::DeadlinePassed(e) => format!(
            "the deadline {} has passed: the block's time is {} (Unix seconds)",
            e.deadline, e.timestamp
        ),
        WalletError::NonceMismatch(e) => nonce_mismatch(e.nonce, e.expected),
        WalletError::ThresholdNotMet(e) => {
            format!("{} of the {} signatures needed", e.signers, e.threshold)
        }
        WalletError::SignaturesTruncated(e) => {
            format!("the list of signatures ends inside the entry at byte {}", e.offset)
        }
        WalletError::SignaturesNotIncreasing(e) => {
            format!("the signature of owner {} is out of order, or there twice", place(e.index))
        }
        WalletError::NoSuchOwner(e) => {
            format!(
                "a signature of owner {}: the wallet has {} owners",
                place(e.index),
                e.ownerCount
            )
        }
        WalletError::SignatureInvalid(e) => {
            format!("the signature of {} does not hold for digest {}", e.owner, e.digest)
        }
        WalletError::NotApproved(e) => {
            format!("{} has not approved digest {} on chain", e.owner, e.digest)
        }
        WalletError::NotOwner(e) => format!("{} is not an owner of the wallet", e.account),
        WalletError::TransferMalformed(e) => {
            format!("transfer {} names a payee that is no address", place(e.index))
        }
        WalletError::CallMalformed(e) => {
            format!("call {} names a target that is no address, or is cut off", place(e.index))
        }
        WalletError::CallFailed(e) => call_failed(e.index, &e.reason, depth),
        WalletError::TransferFailed(e) => transfer_failed(e.index, &e.reason, depth),
        WalletError::TokenWithoutCode(e) => {
            format!("there is no token at {}: no code on this chain", e.token)
        }
        WalletError::PolicyRefused(e) => policy_refused(e.policy, &e.reason, depth),
        WalletError::EpochEnded(e) => format!(
            "the wallet was reconfigured while its policy was asked, which ended epoch {}",
            e.epoch
        ),
        WalletError::ThresholdOutOfRange(e) => format!(
            "threshold {} of {owners} owners: it must be from 1 to {owners}",
            e.threshold,
            owners = e.ownerCount
        ),
        WalletError::OwnerCountOutOfRange(e) => {
            format!("{} owners: a wallet has 1 to 100", e.ownerCount)
        }
        WalletError::OwnerInvalid(e) => format!(
            "owner {}, {}, is zero, the wallet itself, or listed before",
            place(e.index),
            e.owner
        ),
        WalletError::PolicyDataTooLong(e) => {
            format!("{} bytes of policy data: a wallet has at most 4096", e.length)
        }
    }
}

pub(super) fn factory(error: &FactoryError) -> String {
    match error {
        FactoryError::CreationFailed(e) => {
            format!("wallet {} could not be created, for lack of gas", e.wallet)
        }
    }
}

pub(super) fn escrow(error: &EscrowError) -> String {
    match error {
        EscrowError::PolicyMismatch(e) => {
            format!(
                "the configuration names policy {}, not {}, which was asked",
                e.policy, e.expected
            )
        }
        EscrowError::OwnerCountMismatch(e) => {
            format!(
                "{} owners: an escrow has {}, buyer, seller and arbiter",
                e.ownerCount, e.expected
            )
        }
        EscrowError::ThresholdMismatch(e) => {
            format!("threshold {}: an escrow has {}", e.threshold, e.expected)
        }
        EscrowError::TermsLengthMismatch(e) => {
            format!("{} bytes of escrow terms: {} are needed", e.length, e.expected)
        }
        EscrowError::ExpiryOutOfRange(e) => format!(
            "the expiry {} (Unix seconds) with {} seconds of arbitration is zero or too far from now, {}",
            e.expiry, e.arbitrationSecs, e.timestamp
        ),
        EscrowError::BeneficiaryOutOfRange(e) => format!(
            "the time-out's beneficiary is {}: it must be 0, the buyer, or 1, the seller",
            e.timeoutBeneficiary
        ),
        EscrowError::FeeCapOutOfRange(e) => format!(
            "the arbiter's fee cap is {} hundredths of a percent: at most 10000",
            e.arbiterFeeCapBps
        ),
        EscrowError::LaneNotAllowed(e) => format!(
            "{} cannot act in lane {}: one party acts in its own lane (1 buyer, 2 seller, 3 arbiter), several in any other",
            parties(e.signers),
            e.lane
        ),
        EscrowError::PayeeNotAllowed(e) => format!(
            "transfer {}: {} may not be paid by {}, or not before the time-out at {} (Unix seconds)",
            place(e.index),
            e.payee,
            parties(e.signers),
            e.timeout
        ),
        EscrowError::FeeNotExact(e) => {
            format!(
                "transfer {}: the arbiter is paid an exact amount, not everything left",
                place(e.index)
            )
        }
        EscrowError::AmountAboveBalance(e) => {
            format!("transfer {} is of {} units, but {} are left", place(e.index), e.amount, e.left)
        }
        EscrowError::FeeAboveCap(e) => format!(
            "the arbiter would get {} of the {} units paid, above its cap of {} hundredths of a percent",
            e.fee, e.moved, e.arbiterFeeCapBps
        ),
        EscrowError::NeedsAllParties(e) => {
            format!("{} signed: this takes buyer, seller and arbiter", parties(e.signers))
        }
        EscrowError::DisputeTooLate(e) => format!(
            "too late to dispute: the escrow expired at {}, the block's time is {} (Unix seconds)",
            e.expiry, e.timestamp
        ),
        EscrowError::AlreadyDisputed(e) => format!("escrow {} was disputed before", e.wallet),
    }
}

pub(super) fn token(error: &TokenError) -> String {
    match error {
        TokenError::ERC20InsufficientBalance(e) => {
            format!("{} has {} units of the token, {} are needed", e.sender, e.balance, e.needed)
        }
        TokenError::ERC20InsufficientAllowance(e) => {
            format!(
                "{} may take {} units of the token, {} are needed",
                e.spender, e.allowance, e.needed
            )
        }
        TokenError::ERC20InvalidSender(e) => format!("the token takes nothing from {}", e.sender),
        TokenError::ERC20InvalidReceiver(e) => {
            format!("the token gives nothing to {}", e.receiver)
        }
        TokenError::ERC20InvalidApprover(e) => {
            format!("the token lets {} allow nothing", e.approver)
        }
        TokenError::ERC20InvalidSpender(e) => {
            format!("the token lets nobody allow anything to {}", e.spender)
        }
    }
}

/// The codes of Solidity's panics.
pub(super) fn panic(code: U256) -> String {
    let meaning = match u8::try_from(code) {
        Ok(0x01) => "an assertion does not hold",
        Ok(0x11) => "a number is out of range",
        Ok(0x12) => "division by zero",
        Ok(0x21) => "no such value of an enum",
        Ok(0x22) => "badly encoded storage",
        Ok(0x31) => "taking from an empty list",
        Ok(0x32) => "beyond the end of a list",
        Ok(0x41) => "too much memory",
        Ok(0x51) => "a call to nothing",
        _ => "of no known kind",
    };
    format!("panic {code:#x}: {meaning}")
}

fn nonce_mismatch(nonce: U256, expected: U256) -> String {
    let [nonce, expected] = [nonce, expected].map(Nonce::from_u256);
    if nonce.lane != expected.lane {
        return format!("nonce {nonce} is not the next one, {expected}");
    }
    let why = if nonce < expected { "it was consumed before" } else { "it is not due yet" };
    format!(
        "sequence {} of lane {}: the next one is {}, so {why}",
        nonce.sequence, nonce.lane, expected.sequence
    )
}

fn call_failed(index: U256, reason: &Bytes, depth: u8) -> String {
    let call = place(index);
    if reason.is_empty() {
        return format!(
            "call {call} failed without a reason: too little ether, or the target refuses"
        );
    }
    format!("call {call} failed: {}", within(reason, depth))
}

fn transfer_failed(index: U256, reason: &Bytes, depth: u8) -> String {
    let transfer = place(index);
    if reason.is_empty() {
        return format!(
            "transfer {transfer} failed without a reason: too little there, or the payee refuses"
        );
    }
    if U256::try_from_be_slice(reason) == Some(U256::ZERO) {
        return format!("transfer {transfer} failed: the token answered false");
    }
    format!("transfer {transfer} failed: {}", within(reason, depth))
}

fn policy_refused(policy: Address, reason: &Bytes, depth: u8) -> String {
    if reason.is_empty() {
        return format!("policy {policy} refuses without a reason");
    }
    format!("policy {policy} refuses: {}", within(reason, depth))
}

/// An index from 0 as a place from 1.
pub(super) fn place(index: U256) -> U256 {
    index.saturating_add(U256::ONE)
}

/// The parties of an escrow in a bitmap.
fn parties(signers: U256) -> String {
    let names = ["buyer", "seller", "arbiter"];
    let signed = (0..).zip(names).filter(|&(bit, _)| signers.bit(bit)).map(|(_, name)| name);
    let signed: Vec<_> = signed.collect();
    if signed.is_empty() { "nobody".to_owned() } else { signed.join(" and ") }
}
