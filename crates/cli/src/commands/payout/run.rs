//! What of a run is new, what is proposed already, and what was paid.

use crate::{
    failure::Cause,
    output::Output,
    relayer_access::{Relayer, patiently},
};
use alloy::primitives::{B256, U256};
use eyre::Result;
use quorate_api::Verified;
use quorate_chain::{Chain, WalletState};
use quorate_core::{Action, Lane, Proposal, Request, proposal::Origin};
use quorate_treasury::{Plan, payout_plan::Batch};

/// Where the proposals of a run go.
pub(super) struct Place {
    pub(super) chain: Chain,
    pub(super) state: WalletState,
    pub(super) origin: Option<Origin>,
    pub(super) deadline: u64,
}

/// Where a batch stands.
#[derive(Debug)]
pub(super) enum Standing {
    /// Nobody proposed it yet.
    New(Proposal),
    /// The relayer has it.
    Proposed(Proposal),
    /// It was paid, by this proposal.
    Paid(B256),
}

impl Standing {
    /// The proposal, if there is one that can be signed.
    pub(super) const fn proposal(&self) -> Option<&Proposal> {
        match self {
            Self::New(proposal) | Self::Proposed(proposal) => Some(proposal),
            Self::Paid(_) => None,
        }
    }

    pub(super) const fn digest(&self) -> B256 {
        match self {
            Self::New(proposal) | Self::Proposed(proposal) => proposal.digest(),
            Self::Paid(digest) => *digest,
        }
    }
}

impl Place {
    /// All batches, none of which was paid.
    pub(super) async fn all_new(&self, plan: &Plan, output: Output) -> Result<Vec<Standing>> {
        let paid =
            output.during("looking for earlier payments of the run", self.paid(plan)).await?;
        match paid.first() {
            Some(&number) => Err(was_paid(plan, number)),
            None => plan.batches.iter().map(|batch| self.draft(plan, batch)).collect(),
        }
    }

    /// All batches, as far as the relayer has them, or they were paid as this list says.
    pub(super) async fn at_relayer(
        &self,
        plan: &Plan,
        relayer: &Relayer,
        output: Output,
    ) -> Result<Vec<Standing>> {
        let paid =
            output.during("looking for earlier payments of the run", self.paid(plan)).await?;
        let open = patiently(async || relayer.examined(&self.chain, &self.state).await).await?;
        let count = plan.batches.len() as u64;
        if let Some(&number) = paid.iter().find(|number| **number >= count) {
            return Err(was_paid(plan, number));
        }
        let mut standings = Vec::new();
        for batch in &plan.batches {
            let number = batch.number;
            standings.push(if paid.contains(&number) {
                self.paid_as_listed(plan, batch, relayer).await?
            } else {
                match self.proposed(plan, batch, &open)? {
                    Some(proposal) => Standing::Proposed(proposal),
                    None => self.draft(plan, batch)?,
                }
            });
        }
        Ok(standings)
    }

    fn draft(&self, plan: &Plan, batch: &Batch) -> Result<Standing> {
        let request = Request {
            chain_id: self.chain.id(),
            wallet: self.state.address,
            epoch: self.state.epoch,
            action: batch.action.clone(),
            nonce: batch.nonce,
            deadline: self.deadline,
        };
        let note = Some(note(plan, batch));
        Ok(Standing::New(Proposal::new(request, note, self.origin.clone())?))
    }

    /// The numbers of the run's lanes that are used up, in order.
    ///
    /// Another list under the same name may have had other batches, up to one for each payment, so all those
    /// lanes are asked for.
    async fn paid(&self, plan: &Plan) -> Result<Vec<u64>> {
        let payments: usize = plan.totals.iter().map(|total| total.count).sum();
        let mut paid = Vec::new();
        for number in 0..payments as u64 {
            let lane = Lane::of_payout(&plan.run, U256::from(number));
            if self.chain.next_nonce(&self.state, lane).await?.sequence > 0 {
                paid.push(number);
            }
        }
        Ok(paid)
    }

    /// Makes sure that what used up a batch's nonce paid this very batch: the relayer tells what the digest that the
    /// chain names stands for, which its fields prove.
    async fn paid_as_listed(
        &self,
        plan: &Plan,
        batch: &Batch,
        relayer: &Relayer,
    ) -> Result<Standing> {
        let refused = || was_paid(plan, batch.number);
        let executed = self.chain.executed_nonce(self.state.address, batch.nonce).await?;
        let digest = executed.ok_or_else(refused)?.digest;
        let known = relayer.client.proposal(digest).await?.ok_or_else(refused)?;
        if known.request().action != batch.action {
            return Err(refused());
        }
        Ok(Standing::Paid(digest))
    }

    /// What is proposed at a batch's nonce, if it pays the same.
    fn proposed(&self, plan: &Plan, batch: &Batch, open: &[Verified]) -> Result<Option<Proposal>> {
        let is_here = |verified: &&Verified| verified.request().nonce == batch.nonce;
        let mut same: Option<(usize, &Verified)> = None;
        for verified in open.iter().filter(is_here) {
            match &verified.request().action {
                // Of several the one that is signed by most, as of deadlines that differ.
                action if *action == batch.action => {
                    let count = verified.signatures().len();
                    if same.is_none_or(|(most, _)| count > most) {
                        same = Some((count, verified));
                    }
                }
                // Somebody wants it rejected, which others may see otherwise.
                Action::Cancel {} => {}
                _ => {
                    let (run, number, digest) = (&plan.run, batch.number + 1, verified.digest());
                    return Err(Cause::BadInput.error(format!(
                        "batch {number} of run {run} is proposed with other payments, as {digest}: give new payments a run of another name, or reject that with `quorate propose cancel`"
                    )));
                }
            }
        }
        Ok(same.map(|(_, verified)| verified.to_file(self.origin.clone())).transpose()?)
    }
}

fn was_paid(plan: &Plan, number: u64) -> eyre::Report {
    let (run, count) = (&plan.run, plan.batches.len());
    Cause::BadInput.error(format!(
        "run {run} was paid already: batch {} is on chain. What else was proposed for it can still be signed and submitted from its {count} files; new payments need a run of another name",
        number + 1
    ))
}

/// What lets owners see which run this is, and two people compare their payout files.
fn note(plan: &Plan, batch: &Batch) -> String {
    format!(
        "payout run {}, batch {} of {}, ids {}, list {}",
        plan.run,
        batch.number + 1,
        plan.batches.len(),
        ids(batch),
        plan.file_hash
    )
}

/// The most bytes of ids in a note, which has at most 2,048.
const LONGEST_IDS: usize = 1_500;

/// All ids, so that the same ids under another name are found; where these do not fit, the first and the last.
fn ids(batch: &Batch) -> String {
    let ids: Vec<_> = batch.payments.iter().map(|payment| payment.id.as_str()).collect();
    let all = ids.join(", ");
    match &ids[..] {
        [first, .., last] if all.len() > LONGEST_IDS => format!("{first} to {last}"),
        _ => all,
    }
}
