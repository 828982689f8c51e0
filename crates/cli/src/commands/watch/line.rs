//! What is said of a proposal that is followed.

use super::waiting::Wait;
use crate::{
    relayer_access::Answered,
    review::{Sureness, status_words},
};
use alloy::primitives::B256;
use quorate_api::proposal::{Attempt, AttemptState};
use quorate_core::{Reason, status::StatusWord};
use serde_json::{Value, json};

/// What is worth a new line when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    status: StatusWord,
    reason: Option<Reason>,
    is_final: bool,
    signatures: usize,
    threshold: u8,
    /// The last one.
    attempt: Option<(B256, AttemptState)>,
    execution: Option<(B256, u64)>,
    failure: Option<B256>,
    sureness: Sureness,
    /// Where it stands by the endpoint, if there is one.
    on_chain: Option<&'static str>,
    revision: u64,
}

impl Line {
    pub(super) fn new(answered: &Answered) -> Self {
        let proposal = answered.verified.proposal();
        let last = |attempt: &Attempt| (attempt.tx_hash, attempt.state);
        Self {
            status: proposal.status,
            reason: proposal.reason,
            is_final: proposal.is_final,
            signatures: answered.count(),
            threshold: answered.threshold(),
            attempt: proposal.attempts.last().map(last),
            execution: proposal.execution.map(|done| (done.tx_hash, done.block_number)),
            failure: proposal.last_failure.map(|failure| failure.tx_hash),
            sureness: answered.sureness,
            on_chain: answered.facts.as_ref().map(|facts| facts.status(&answered.proposal).0),
            revision: proposal.revision,
        }
    }

    /// Where it stands, in words.
    pub(super) fn words(&self) -> String {
        let more = match (self.status, self.execution, self.attempt) {
            (StatusWord::Collecting | StatusWord::Ready, ..) => {
                format!(", {} of {} signatures", self.signatures, self.threshold)
            }
            (StatusWord::Executed, Some((tx_hash, block)), _) => {
                format!(" in block {block}, transaction {tx_hash}")
            }
            (StatusWord::Submitted, _, Some((tx_hash, _))) => format!(" in transaction {tx_hash}"),
            _ => String::new(),
        };
        let failed = self.failure.filter(|_| self.status == StatusWord::Ready);
        let failed = failed.map(|tx_hash| format!(", transaction {tx_hash} failed"));
        let sure = match (self.sureness, self.on_chain) {
            (Sureness::Proven, _) => String::new(),
            (Sureness::Late, Some(shown)) => {
                format!(" (the relayer is late: your endpoint shows {shown})")
            }
            (Sureness::Ahead | Sureness::Late, _) => {
                " (your endpoint does not show it yet)".to_owned()
            }
            (Sureness::Owners | Sureness::Nothing, _) => " (by the relayer's word)".to_owned(),
        };
        let status = status_words(self.status, self.reason);
        let is_final = if self.is_final { ", final" } else { "" };
        format!("{status}{more}{}{is_final}{sure}", failed.unwrap_or_default())
    }

    /// The blocks that it waits for, if it does.
    pub(super) fn wait(&self) -> Option<Wait> {
        match self.status {
            StatusWord::Submitted => Some(Wait::ToBeMined),
            StatusWord::Executed | StatusWord::Superseded | StatusWord::Expired
                if !self.is_final =>
            {
                Some(Wait::ToBeFinal { block: self.execution.map(|(_, block)| block) })
            }
            _ => None,
        }
    }

    pub(super) fn text(&self, digest: B256) -> String {
        format!("{}…  {}", &digest.to_string()[..10], self.words())
    }

    pub(super) fn document(&self, digest: B256) -> Value {
        let attempt =
            self.attempt.map(|(tx_hash, state)| json!({ "txHash": tx_hash, "state": state }));
        let execution = self
            .execution
            .map(|(tx_hash, block)| json!({ "txHash": tx_hash, "blockNumber": block }));
        json!({
            "digest": digest,
            "status": self.status,
            "reason": self.reason,
            "final": self.is_final,
            "revision": self.revision,
            "signatures": self.signatures,
            "threshold": self.threshold,
            "attempt": attempt,
            "execution": execution,
            "sureness": self.sureness,
            "onChain": self.on_chain,
        })
    }
}
