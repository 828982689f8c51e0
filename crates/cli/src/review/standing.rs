//! Where a proposal stands at a relayer, by its word, and how sure that is.

use crate::{clock, output::Sheet};
use alloy::primitives::B256;
use quorate_api::{
    Proposal,
    proposal::{Attempt, AttemptKind, AttemptState, Execution, Failure},
};
use quorate_core::{
    Reason,
    amount::{ETHER_DECIMALS, grouped},
    status::{FailureReason, StatusWord},
};
use serde::Serialize;

/// How sure what a relayer says is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Sureness {
    /// The endpoint shows the same.
    Proven,
    /// The relayer tells of blocks that the endpoint does not show yet.
    Ahead,
    /// The endpoint shows more.
    Late,
    /// No endpoint was given; the wallet's address proves its owners.
    Owners,
    /// No endpoint was given, and nothing proves the owners.
    Nothing,
}

/// Where a proposal stands at a relayer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Standing {
    /// The relayer's host and port.
    pub(crate) relayer: String,
    pub(crate) sureness: Sureness,
    pub(crate) status: StatusWord,
    pub(crate) reason: Option<Reason>,
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
    pub(crate) revision: u64,
    pub(crate) execution: Option<Execution>,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) superseded_by: Option<B256>,
    pub(crate) rivals: Vec<B256>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) updated_at: quorate_api::Instant,
}

impl Standing {
    pub(crate) fn new(relayer: &str, proposal: &Proposal, sureness: Sureness) -> Self {
        Self {
            relayer: relayer.to_owned(),
            sureness,
            status: proposal.status,
            reason: proposal.reason,
            is_final: proposal.is_final,
            revision: proposal.revision,
            execution: proposal.execution,
            last_failure: proposal.last_failure,
            superseded_by: proposal.superseded_by,
            rivals: proposal.rivals.clone(),
            attempts: proposal.attempts.clone(),
            updated_at: proposal.updated_at,
        }
    }

    /// The part of a review that tells of it.
    pub(super) fn render(&self, sheet: &mut Sheet, now: u64) {
        sheet.title(&format!("At the relayer {}", self.relayer));
        sheet.row("status", &self.status_line());
        sheet.row("sure", self.sureness.words());
        if let Some(execution) = &self.execution {
            let Execution { tx_hash, block_number, .. } = execution;
            sheet.row("executed", &format!("in {tx_hash} (block {block_number})"));
            if let Some(cost) = cost(execution) {
                sheet.more(&cost);
            }
        }
        if let Some(digest) = self.superseded_by {
            sheet.row("superseded", &format!("by {digest}"));
        }
        if let Some(failure) = &self.last_failure {
            let what = match failure.reason {
                FailureReason::Reverted => "reverted",
                FailureReason::NoEffect => "went through without effect: there was no wallet",
            };
            let Failure { tx_hash, block_number, .. } = failure;
            sheet.row("last failure", &format!("{tx_hash} (block {block_number}) {what}"));
        }
        for (place, attempt) in self.attempts.iter().enumerate() {
            sheet.row(if place == 0 { "sent" } else { "" }, &attempt_line(attempt));
        }
        for (place, rival) in self.rivals.iter().enumerate() {
            sheet.row(if place == 0 { "rivals" } else { "" }, &rival.to_string());
        }
        let updated = u64::try_from(self.updated_at.to_millis() / 1_000).unwrap_or_default();
        sheet.row("changed", &clock::words(updated, now));
    }

    /// The status with its reason in words, and whether it is final.
    pub(crate) fn status_line(&self) -> String {
        let is_final = if self.is_final { ", final" } else { "" };
        format!("{}{is_final}", status_words(self.status, self.reason))
    }
}

impl Sureness {
    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Proven => "your endpoint shows the same",
            Self::Ahead => "the relayer tells of blocks that your endpoint does not show yet",
            Self::Late => "the relayer is late: your endpoint shows more",
            Self::Owners => {
                "the address proves the owners; the status is the relayer's word alone (--rpc-url checks it)"
            }
            Self::Nothing => {
                "owners and status are the relayer's word alone (--rpc-url checks them)"
            }
        }
    }
}

/// A status with its reason in words.
pub(crate) fn status_words(status: StatusWord, reason: Option<Reason>) -> String {
    let reason = reason.map(|reason| format!(": {}", reason_words(reason)));
    format!("{}{}", status.name(), reason.unwrap_or_default())
}

const fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Sequence => {
            "something goes before it, an earlier sequence of its lane or a reconfiguration"
        }
        Reason::Conflict => "a rival for its nonce goes first",
        Reason::Policy => "the wallet's policy asks for more signatures",
        Reason::Simulation => "it would fail as things are; it is sent once a simulation passes",
        Reason::Budget => "the relayer's budget for it is used up",
        Reason::FeeCap => "gas costs more than the relayer's operator allows",
        Reason::SenderBalance => "the relayer's account has too little ether",
        Reason::SenderIsOwner => "the relayer's account is an owner of the wallet",
        Reason::Paused => "the relayer's operator paused it",
        Reason::RpcDown => "the relayer cannot read the chain",
        Reason::DeadlineNear => "less than two blocks are left until the deadline",
    }
}

fn cost(execution: &Execution) -> Option<String> {
    let (gas, fee) = execution.gas_used.zip(execution.fee)?;
    Some(format!("for {gas} gas, {} ETH", grouped(fee, ETHER_DECIMALS)))
}

fn attempt_line(attempt: &Attempt) -> String {
    let kind = match attempt.kind {
        AttemptKind::Execute => "the action",
        AttemptKind::Create => "the wallet's creation",
        AttemptKind::Noop => "nothing, to use up an account nonce",
    };
    let state = match attempt.state {
        AttemptState::Stored => "stored, perhaps sent",
        AttemptState::Unknown => "sent, perhaps taken",
        AttemptState::Accepted => "taken by an endpoint",
        AttemptState::Rejected => "refused by every endpoint",
        AttemptState::Mined => "in a block",
        AttemptState::Reverted => "in a block, reverted",
        AttemptState::Replaced => "replaced by another",
    };
    format!("{}  {kind}: {state}", attempt.tx_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words_of_its_own() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.map(reason_words).into();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
