//! Where a proposal stands at a relayer, by its word, and how sure that is.

use crate::{clock, cost, output::Sheet};
use alloy::primitives::B256;
use quorate_api::{
    Proposal,
    proposal::{Attempt, AttemptKind, AttemptState, Execution, Failure},
};
use quorate_core::{
    Reason,
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
        sheet.row("changed", &clock::words_of_past(updated, now));
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
        Reason::Policy => {
            "the wallet's policy asks for more signatures, or refuses it as things are"
        }
        Reason::NotBefore => "its time has not come: the wallet's policy lets it wait",
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
    let parts = cost::Parts {
        gas: execution.gas_fee,
        l1: execution.l1_fee,
        operator: execution.operator_fee,
    };
    Some(format!("for {gas} gas, {}", cost::words(fee, parts)))
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
    use alloy::primitives::{Address, U256};

    #[test]
    fn every_reason_has_words_of_its_own() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.map(reason_words).into();
        assert_eq!(words.len(), Reason::ALL.len());
    }

    fn attempt(number: u8, kind: AttemptKind, state: AttemptState) -> Attempt {
        Attempt {
            tx_hash: B256::repeat_byte(number),
            kind,
            sender: Address::ZERO,
            account_nonce: 0,
            max_fee_per_gas: U256::ONE,
            state,
        }
    }

    fn standing(status: StatusWord) -> Standing {
        Standing {
            relayer: "127.0.0.1:1".to_owned(),
            sureness: Sureness::Proven,
            status,
            reason: None,
            is_final: false,
            revision: 1,
            execution: None,
            last_failure: None,
            superseded_by: None,
            rivals: Vec::new(),
            attempts: Vec::new(),
            updated_at: quorate_api::Instant::from_millis(60_000),
        }
    }

    fn text(standing: &Standing) -> String {
        let mut sheet = Sheet::default();
        standing.render(&mut sheet, 120);
        // Of hashes and digests the first bytes will do here.
        let text = sheet.finish();
        (1..=9).fold(text, |text, number| {
            text.replace(&B256::repeat_byte(number).to_string(), &format!("0x0{number}"))
        })
    }

    #[test]
    fn what_waits_says_what_for_and_what_was_tried() {
        let waiting = Standing {
            reason: Some(Reason::Simulation),
            sureness: Sureness::Owners,
            last_failure: Some(Failure {
                tx_hash: B256::repeat_byte(2),
                block_number: 7,
                reason: FailureReason::Reverted,
            }),
            rivals: vec![B256::repeat_byte(3), B256::repeat_byte(4)],
            attempts: vec![
                attempt(1, AttemptKind::Create, AttemptState::Mined),
                attempt(2, AttemptKind::Execute, AttemptState::Reverted),
            ],
            ..standing(StatusWord::Ready)
        };
        let expected = "\
At the relayer 127.0.0.1:1
  status        ready: it would fail as things are; it is sent once a simulation passes
  sure          the address proves the owners; the status is the relayer's word alone (--rpc-url checks it)
  last failure  0x02 (block 7) reverted
  sent          0x01  the wallet's creation: in a block
                0x02  the action: in a block, reverted
  rivals        0x03
                0x04
  changed       1970-01-01 00:01:00 UTC, 1 minute ago
";
        assert_eq!(text(&waiting), expected);
    }

    #[test]
    fn what_is_over_says_how() {
        let executed = Standing {
            is_final: true,
            execution: Some(Execution {
                tx_hash: B256::repeat_byte(5),
                block_number: 8,
                block_hash: B256::ZERO,
                depth: Some(3),
                gas_used: Some(53_000),
                fee: Some(U256::from(1_000_000_000_000_000_u64)),
                gas_fee: Some(U256::from(1_000_000_000_000_000_u64)),
                l1_fee: None,
                operator_fee: None,
            }),
            ..standing(StatusWord::Executed)
        };
        let expected = "\
At the relayer 127.0.0.1:1
  status    executed, final
  sure      your endpoint shows the same
  executed  in 0x05 (block 8)
            for 53000 gas, 0.001 ETH
  changed   1970-01-01 00:01:00 UTC, 1 minute ago
";
        assert_eq!(text(&executed), expected);
        let superseded = Standing {
            superseded_by: Some(B256::repeat_byte(6)),
            sureness: Sureness::Ahead,
            ..standing(StatusWord::Superseded)
        };
        let text = text(&superseded);
        assert!(
            text.contains("superseded  by 0x06") && text.contains("does not show yet"),
            "{text}"
        );
    }
}
