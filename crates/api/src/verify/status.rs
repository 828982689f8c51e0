//! Whether a status, and what is counted for it, is so.

use super::{Lie, Verified};
use crate::Proposal;
use alloy::primitives::{Address, B256};
use quorate_core::{Config, OwnerSignature, status::StatusWord};

/// What the reader found out by itself, from a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The number of the newest block that was read.
    pub head: u64,
    /// That block's time, in Unix seconds.
    pub timestamp: u64,
    /// How often the wallet was reconfigured.
    pub epoch: u32,
    /// The wallet's present configuration.
    pub config: Config,
    /// What consumed the proposal's nonce, if that was found.
    pub outcome: Option<Outcome>,
}

/// What consumed a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The proposal.
    Executed {
        /// The transaction.
        tx_hash: B256,
        /// Its block.
        block: u64,
    },
    /// Something else.
    Superseded,
}

/// How sure a reader is of a status that is no lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The reader's chain shows the same.
    Proven,
    /// The relayer knows of a block that the reader's chain does not show yet.
    Ahead,
    /// The reader's chain shows more than the relayer tells: it is late.
    Late,
}

/// Checks what a status has to come with.
pub(super) fn check_shape(proposal: &Proposal) -> Result<(), Lie> {
    let status = proposal.status;
    let shape = |what| Err(Lie::Shape { status, what });
    match (status, &proposal.execution) {
        (StatusWord::Executed, None) => return shape("names no transaction"),
        (StatusWord::Executed, Some(_)) | (_, None) => {}
        (_, Some(_)) => return shape("names a transaction that executed it"),
    }
    let is_over =
        matches!(status, StatusWord::Executed | StatusWord::Expired | StatusWord::Superseded);
    if proposal.is_final && !is_over {
        return shape("that it is final");
    }
    let can_wait = matches!(status, StatusWord::Collecting | StatusWord::Ready);
    if proposal.reason.is_some() && !can_wait {
        return shape("that it waits for something");
    }
    Ok(())
}

impl Verified {
    /// Checks threshold, owners and status against what the reader found out.
    ///
    /// Two chains are never seen at the same moment: what a relayer can honestly know before the reader, or the reader
    /// before it, is no lie but a [`Certainty`]. Whether a contract's signature or an approval counts is not checked.
    ///
    /// # Errors
    ///
    /// The first thing that is not so.
    pub fn check(&self, facts: &Facts) -> Result<Certainty, Lie> {
        // Of another epoch than the reader's nothing can be compared but what became of it.
        if self.request.epoch == facts.epoch {
            self.check_signers(&facts.config)?;
        }
        self.check_outcome(facts)
    }

    /// Checks threshold and owners against the configuration that its signatures are counted by.
    ///
    /// # Errors
    ///
    /// The first thing that is not so.
    pub fn check_signers(&self, config: &Config) -> Result<(), Lie> {
        let proposal = &self.proposal;
        let (claimed, actual) = (proposal.threshold, config.threshold());
        if claimed != actual {
            return Err(Lie::Threshold { claimed, actual });
        }
        for signature in &proposal.signatures {
            let owner = signature.owner;
            let is_owner = config.index_of(owner).is_some();
            let is_by_key = matches!(self.signatures.get(&owner), Some(OwnerSignature::Ecdsa(_)));
            if signature.counts && !is_owner {
                return Err(Lie::CountsStranger { owner });
            }
            if is_owner && is_by_key && !signature.counts {
                return Err(Lie::LeavesOut { owner });
            }
        }
        // Whoever proposes signs. A contract may have taken its signature back since.
        if !self.signatures.keys().any(|&owner| config.index_of(owner).is_some()) {
            return Err(Lie::Unsigned { digest: self.digest() });
        }
        let counts = |owner: &Address| {
            proposal.signatures.iter().any(|signed| signed.counts && signed.owner == *owner)
        };
        let missing = config.owners().iter().filter(|owner| !counts(owner));
        if !missing.eq(&proposal.missing) {
            return Err(Lie::Missing);
        }
        let count = proposal.signatures.iter().filter(|signature| signature.counts).count();
        let needs_all = matches!(proposal.status, StatusWord::Ready | StatusWord::Submitted);
        if needs_all && count < usize::from(actual) {
            return Err(Lie::NotEnough { status: proposal.status, count, threshold: actual });
        }
        Ok(())
    }

    /// Checks what is said to have become of it, and nothing of who signed: for where relayer and reader are not in the
    /// same epoch, so that they count by other owners.
    ///
    /// # Errors
    ///
    /// The first thing that is not so.
    pub fn check_outcome(&self, facts: &Facts) -> Result<Certainty, Lie> {
        let proposal = &self.proposal;
        let (status, is_final) = (proposal.status, proposal.is_final);
        let not_so = |what| Err(Lie::NotSo { status, what });
        // What is not final yet may be so on the relayer's side of a fork, or a block later.
        let unseen = |what| if is_final { not_so(what) } else { Ok(Certainty::Ahead) };
        match (status, facts.outcome) {
            (StatusWord::Executed, Some(Outcome::Executed { .. })) => Ok(Certainty::Proven),
            (StatusWord::Executed, Some(Outcome::Superseded)) => {
                not_so("something else used up its nonce")
            }
            (StatusWord::Executed, None) => {
                let Some(execution) = proposal.execution else { return Ok(Certainty::Ahead) };
                let (tx_hash, block) = (execution.tx_hash, execution.block_number);
                if block <= facts.head {
                    return Err(Lie::NotExecuted { tx_hash, block, head: facts.head });
                }
                Ok(Certainty::Ahead)
            }
            (StatusWord::Superseded, Some(Outcome::Superseded)) => Ok(Certainty::Proven),
            (StatusWord::Superseded | StatusWord::Expired, Some(Outcome::Executed { .. })) => {
                not_so("it was executed")
            }
            (StatusWord::Superseded, None) if facts.epoch > self.request.epoch => {
                Ok(Certainty::Proven)
            }
            (StatusWord::Superseded, None) => {
                unseen("its nonce is not used up, and its epoch goes on")
            }
            (StatusWord::Expired, _) if facts.timestamp > self.request.deadline => {
                Ok(Certainty::Proven)
            }
            (StatusWord::Expired, _) => unseen("its deadline is not past"),
            (StatusWord::Collecting | StatusWord::Ready | StatusWord::Submitted, outcome) => {
                let is_over = outcome.is_some()
                    || facts.epoch > self.request.epoch
                    || facts.timestamp > self.request.deadline;
                Ok(if is_over { Certainty::Late } else { Certainty::Proven })
            }
        }
    }
}
