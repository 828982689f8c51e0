//! What a digest stands for: proved by the digest itself, wherever it is found.

use super::known;
use crate::{output::Output, relayer_access::Relayer};
use alloy::primitives::B256;
use eyre::Result;
use quorate_chain::{
    Chain, Execution,
    payments::{Carried, carried},
};
use quorate_core::{Action, Nonce, Request};
use quorate_treasury::{Plan, run::Lanes};
use std::collections::BTreeMap;

/// How far behind its block the deadline of an execution is looked for, in seconds: 90 days, the most that is usual.
const LONGEST_DEADLINE: u64 = 90 * 24 * 60 * 60;

/// Looks for contents.
pub(super) struct Search<'a> {
    pub(super) plan: &'a Plan,
    pub(super) chain: &'a Chain,
    pub(super) relayer: Option<&'a Relayer>,
    /// The present epoch: no digest is of a later one.
    pub(super) epoch: u32,
    /// What is known already, by digest.
    pub(super) known: BTreeMap<B256, Request>,
}

impl Search<'_> {
    /// What an execution did, and in which epoch; none where nobody can tell.
    pub(super) async fn content(
        &mut self,
        execution: &Execution,
        output: Output,
    ) -> Result<Option<Request>> {
        let digest = execution.digest;
        if let Some(request) = self.known.get(&digest) {
            return Ok(Some(request.clone()));
        }
        if let Some(carrier) = self.chain.carrier(execution.tx_hash).await? {
            self.learn(carried(&carrier.input));
        }
        if let Some(request) = self.known.get(&digest) {
            return Ok(Some(request.clone()));
        }
        if let Some(relayer) = self.relayer
            && let Some(proposal) = known::at_relayer(relayer, digest).await?
        {
            self.known.insert(proposal.digest(), proposal.request().clone());
        }
        if !self.known.contains_key(&digest) {
            let wallet = self.plan.wallet;
            let traced = self.chain.traced_calls(execution.tx_hash, wallet);
            let traced = output.during("tracing a transaction", traced).await?;
            for data in traced.into_iter().flatten() {
                self.learn(carried(&data));
            }
        }
        if let Some(request) = self.known.get(&digest) {
            return Ok(Some(request.clone()));
        }
        self.by_hashing(execution, output).await
    }

    /// Takes what was found, under the digests that it has.
    fn learn(&mut self, found: Vec<Carried>) {
        let Plan { chain_id, wallet, .. } = *self.plan;
        for carried in found {
            for epoch in 0..=self.epoch {
                let request = carried.request(chain_id, wallet, epoch);
                self.known.insert(request.digest(), request);
            }
        }
    }

    /// Tries the lines of the batch, and a cancel, with every deadline up to 90 days behind the block.
    async fn by_hashing(&self, execution: &Execution, output: Output) -> Result<Option<Request>> {
        let Some(block) = self.chain.block_at(execution.block_number).await? else {
            return Ok(None);
        };
        let candidates = self.candidates(execution.nonce);
        let Plan { chain_id, wallet, .. } = *self.plan;
        let (digest, nonce, epoch) = (execution.digest, execution.nonce, self.epoch);
        let start = block.timestamp;
        let searching = tokio::task::spawn_blocking(move || {
            // The usual deadlines are soon behind the block: a week for all candidates before a month for one.
            const DAY: u64 = 24 * 60 * 60;
            let mut from = start;
            for length in [DAY, 8 * DAY, 31 * DAY, LONGEST_DEADLINE] {
                let to = start.saturating_add(length);
                for epoch in (0..=epoch).rev() {
                    for action in &candidates {
                        let action = action.clone();
                        let request =
                            Request { chain_id, wallet, epoch, action, nonce, deadline: 0 };
                        if let Some(deadline) = request.find_deadline(digest, from..=to) {
                            return Some(Request { deadline, ..request });
                        }
                    }
                }
                from = to.saturating_add(1);
            }
            None
        });
        let what = "recomputing what a digest stands for";
        Ok(output.during(what, searching).await.unwrap_or_default())
    }

    /// What may have been executed at a nonce: the lines of its batch, and a cancel.
    fn candidates(&self, nonce: Nonce) -> Vec<Action> {
        let plan = self.plan;
        let is_it = |number: &u64| Lanes::of(&plan.run, *number).all().contains(&nonce.lane);
        let mut candidates = vec![Action::Cancel {}];
        let number = plan.batches.iter().map(|batch| batch.number).find(is_it);
        let batch = number.and_then(|number| plan.batches.get(usize::try_from(number).ok()?));
        if let Some(batch) = batch {
            let live = plan.live(batch);
            if live.len() < batch.lines.len() {
                candidates.insert(0, plan.action(batch.token, &batch.lines));
            }
            if !live.is_empty() {
                candidates.insert(0, plan.action(batch.token, &live));
            }
        }
        candidates
    }
}
