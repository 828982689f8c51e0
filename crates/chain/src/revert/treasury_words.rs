//! Errors of a treasury's policy, as sentences.

use super::words::place;
use alloy::primitives::Address;
use quorate_bindings::contracts::ITreasuryPolicy::ITreasuryPolicyErrors as Error;

pub(super) fn treasury(error: &Error) -> String {
    let told = of_an_action(error).or_else(|| of_a_payment(error));
    let told = told.or_else(|| of_an_owner(error)).or_else(|| of_rules(error));
    // There is no other; a test asks for a sentence of each.
    told.unwrap_or_default()
}

fn of_an_action(error: &Error) -> Option<String> {
    let told = match error {
        Error::LaneClosed(e) => format!(
            "{} signers cannot act in lane {}: fewer than admin signers act in lanes from 2^191 on, admin signers in no lane \
             from 2^190 to 2^191-1",
            e.signerCount, e.lane
        ),
        Error::SignersMissing(e) => {
            format!("{} signers, and this takes {}", e.signerCount, e.needed)
        }
        Error::WalletFrozen(e) => format!("the wallet is frozen until {} (Unix seconds)", e.until),
        Error::NotQueued(e) => format!("{} was not queued, or a freeze voided that", e.digest),
        Error::DelayNotOver(e) => {
            format!("it waits until {}, the block's time is {} (Unix seconds)", e.eta, e.timestamp)
        }
        Error::VetoStands(e) => format!("{} owners vetoed {}", e.count, e.digest),
        Error::CallNotAllowed(e) => {
            format!("call {} may not be made to the policy, or not beside others", place(e.index))
        }
        _ => return None,
    };
    Some(told)
}

fn of_a_payment(error: &Error) -> Option<String> {
    let told = match error {
        Error::LimitMissing(e) => {
            format!("fewer than admin signers may not pay {}: it has no limit", token(e.token))
        }
        Error::PayeeNotListed(e) => {
            format!("transfer {}: {} is no listed payee", place(e.index), e.payee)
        }
        Error::AmountNotExact(e) => format!(
            "transfer {}: fewer than admin signers pay exact amounts, not everything left",
            place(e.index)
        ),
        Error::LimitExceeded(e) => format!(
            "{} units of {} would pass the limit of {}, of which {} are spent",
            e.total,
            token(e.token),
            e.amount,
            e.spent
        ),
        _ => return None,
    };
    Some(told)
}

fn of_an_owner(error: &Error) -> Option<String> {
    let told = match error {
        Error::NotOwner(e) => format!("{} is no owner of {}", e.caller, e.wallet),
        Error::VetoNotAllowed(e) => format!("the rules of {} have no veto", e.wallet),
        Error::AlreadyQueued(e) => format!("{} waits already", e.digest),
        Error::AlreadyFrozen(e) => {
            format!("{} voted for a freeze of {} before: once in an epoch", e.owner, e.wallet)
        }
        Error::NotFrozen(e) => format!("{} is not frozen", e.wallet),
        _ => return None,
    };
    Some(told)
}

fn of_rules(error: &Error) -> Option<String> {
    let told = match error {
        Error::RulesLengthMismatch(e) => {
            format!("{} bytes are no rules of a treasury with {} limits", e.length, e.limitCount)
        }
        Error::TiersOutOfOrder(e) => format!(
            "threshold {}, admin {}, override {}, veto {} of {} owners: threshold, admin and override must not fall, and \
             override and veto together be at most the owners",
            e.threshold, e.admin, e.overriding, e.veto, e.ownerCount
        ),
        Error::DelayOutOfRange(e) => {
            format!("a delay of {} seconds: it is 0, or 1 hour to 30 days", e.delaySecs)
        }
        Error::VetoMismatch(e) => format!(
            "delay {} seconds, veto {}, admin {}, override {}: a delay takes a veto and fewer admin than override signers, \
             and without one there is no veto",
            e.delaySecs, e.veto, e.admin, e.overriding
        ),
        Error::TokenOutOfOrder(e) => {
            format!("limit {}: {} is not above the token before", place(e.index), e.token)
        }
        Error::LimitAmountZero(e) => format!("limit {} is of nothing", place(e.index)),
        Error::PeriodOutOfRange(e) => format!(
            "limit {}: a period of {} seconds: it is 1 hour to 366 days",
            place(e.index),
            e.periodSecs
        ),
        Error::PayeeOutOfOrder(e) => {
            format!("payee {}: {} is zero or not above the one before", place(e.index), e.payee)
        }
        Error::PolicyMismatch(e) => {
            format!(
                "the configuration names policy {}, not {}, which was asked",
                e.policy, e.expected
            )
        }
        _ => return None,
    };
    Some(told)
}

fn token(token: Address) -> String {
    if token.is_zero() { "ether".to_owned() } else { token.to_string() }
}
