//! A run as the chain has it.

use super::{
    content::Search,
    epochs::History,
    known::{Found, Places},
};
use crate::{
    arguments::ReadingOptions,
    failure::Cause,
    output::{Output, Progress},
    relayer_access::Relayer,
};
use alloy::primitives::B256;
use eyre::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use quorate_chain::{Chain, Execution, Header, WalletState};
use quorate_core::{Lane, Nonce, proposal::Origin};
use quorate_treasury::{
    Plan,
    run::{Consumption, Epochs, Facts, Known, Lanes, Run, UNTOUCHED},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// How many questions are asked at once.
const AT_ONCE: usize = 16;

/// What was read of a run.
pub(super) struct Seen {
    pub(super) head: Header,
    pub(super) facts: Facts,
    /// What consumed nonces of the run, by digest.
    pub(super) executions: BTreeMap<B256, Execution>,
    /// Proposals that are known, by digest.
    pub(super) found: BTreeMap<B256, Found>,
}

/// Whom to ask.
pub(super) struct Reader<'a> {
    pub(super) plan: &'a Plan,
    pub(super) plan_path: Option<&'a Path>,
    pub(super) beside: &'a [PathBuf],
    pub(super) folder: Option<&'a Path>,
    pub(super) relayer: Option<&'a Relayer>,
    pub(super) chain: &'a Chain,
    pub(super) state: &'a WalletState,
    /// What the wallet was made of, where that is known.
    pub(super) origin: Option<&'a Origin>,
    pub(super) options: &'a ReadingOptions,
}

impl Seen {
    /// The run, where these foreign digests may pass.
    pub(super) fn run(&self, plan: &Plan, accepted: &BTreeSet<B256>) -> Run {
        Run::read(plan, &self.facts, accepted)
    }

    /// The proposals that are known.
    pub(super) fn known(&self) -> Vec<Known> {
        self.found.values().map(|found| found.known.clone()).collect()
    }
}

impl Reader<'_> {
    /// Reads all of it.
    pub(super) async fn read(&self, output: Output) -> Result<Seen> {
        let Self { plan, chain, state, .. } = self;
        if chain.id() != plan.chain_id {
            let (found, endpoint) = (chain.id(), chain.endpoint());
            return Err(Cause::Mismatch.error(format!(
                "the plan is for chain {}, but {endpoint} serves chain {found}: give an endpoint of chain {}",
                plan.chain_id, plan.chain_id
            )));
        }
        let head = chain.head().await?;
        let places = Places {
            plan,
            plan_path: self.plan_path,
            beside: self.beside,
            folder: self.folder,
            relayer: self.relayer,
            chain,
            state,
            head,
        };
        let found = places.find(output).await?;
        let from = self.options.from_block;
        let history = History::read(chain, state, self.origin, from, output).await?;
        let next =
            output.during("reading the run's nonces", self.counters(&history.epochs)).await?;
        let consumed = next
            .iter()
            .flat_map(|(&lane, &next)| (0..next).map(move |sequence| Nonce::new(lane, sequence)));
        let nonces: BTreeSet<_> = consumed.collect();
        let wallet = state.address;
        let progress = Progress::of(head.number.saturating_sub(from));
        let reached = |block: u64| progress.reach(head.number.saturating_sub(block));
        let executions = chain.consumed(wallet, &nonces, from, &reached);
        let executions =
            output.during_with("looking for the payments", &progress, executions).await?;
        let by_nonce: BTreeMap<_, _> = executions.iter().map(|it| (it.nonce, *it)).collect();
        let known = found.values().map(|it| (it.known.digest, it.proposal.request().clone()));
        let mut search = Search {
            plan,
            chain,
            relayer: self.relayer,
            epoch: state.epoch,
            known: known.collect(),
        };
        let progress = Progress::of(nonces.len() as u64);
        let reading = async {
            let mut consumed = Vec::new();
            for &nonce in &nonces {
                let execution = by_nonce.get(&nonce);
                let one = self.consumption(nonce, execution, &mut search, head, output).await?;
                let epoch = match one.content {
                    Some(_) => one.epoch,
                    None => history.at(one.block),
                };
                consumed.push(Consumption { epoch, ..one });
                progress.one();
            }
            Ok::<_, eyre::Report>(consumed)
        };
        let reading = output.during_with("reading what was paid", &progress, reading);
        let mut consumed = reading.await?;
        consumed.sort_by_key(|it: &Consumption| (it.block, it.nonce.lane, it.nonce.sequence));
        let facts = Facts {
            epochs: history.epochs,
            epoch: state.epoch,
            is_settled: self.is_settled(head).await?,
            next,
            consumed,
        };
        let executions = executions.into_iter().map(|it| (it.digest, it)).collect();
        Ok(Seen { head, facts, executions, found })
    }

    async fn consumption(
        &self,
        nonce: Nonce,
        execution: Option<&Execution>,
        search: &mut Search<'_>,
        head: Header,
        output: Output,
    ) -> Result<Consumption> {
        let Some(execution) = execution else {
            output.warn(&format!(
                "what used up sequence {} of lane {} was not found from block {} on: try another endpoint, or an earlier --from-block",
                nonce.sequence, nonce.lane, self.options.from_block
            ));
            let (epoch, digest) = (self.state.epoch, B256::ZERO);
            let (block, is_final) = (head.number, false);
            return Ok(Consumption { nonce, epoch, digest, block, is_final, content: None });
        };
        let content = search.content(execution, output).await?;
        let content = content.filter(|request| request.nonce == nonce);
        let block = execution.block_number;
        Ok(Consumption {
            nonce,
            epoch: content.as_ref().map_or(self.state.epoch, |request| request.epoch),
            digest: execution.digest,
            block,
            is_final: block.saturating_add(self.options.depth) <= head.number,
            content: content.map(|request| request.action),
        })
    }

    /// The first free sequence of every lane of the run: of the plan's batches, and beyond them until enough are untouched.
    async fn counters(&self, epochs: &Epochs) -> Result<BTreeMap<Lane, u64>> {
        let Self { plan, chain, state, .. } = self;
        let mut next = BTreeMap::new();
        if !state.deployed {
            return Ok(next);
        }
        let mut end = plan.batches.len() as u64 + UNTOUCHED;
        let mut start = 0;
        while start < end {
            let lanes = (start..end).flat_map(|number| {
                // Where no epoch had petty signers the other two were never used.
                let lanes = match epochs.is_plain() {
                    true => [plan.lane(number)].into(),
                    false => Lanes::of(&plan.run, number).all(),
                };
                lanes.into_iter().map(move |lane| (number, lane))
            });
            let asked = stream::iter(lanes).map(async |(number, lane)| {
                let next = chain.next_nonce(state, lane).await?;
                Ok::<_, eyre::Report>((number, lane, next.sequence))
            });
            let answers: Vec<_> = asked.buffered(AT_ONCE).try_collect().await?;
            start = end;
            for (number, lane, sequence) in answers {
                next.insert(lane, sequence);
                if sequence > 0 {
                    end = end.max(number + 1 + UNTOUCHED);
                }
            }
        }
        Ok(next)
    }

    /// Whether the wallet's last reconfiguration is final.
    async fn is_settled(&self, head: Header) -> Result<bool> {
        if self.state.epoch == 0 {
            return Ok(true);
        }
        let block = head.number.saturating_sub(self.options.depth);
        let epoch = self.chain.epoch_at(self.state.address, block).await?;
        Ok(epoch == Some(self.state.epoch))
    }
}

/// The digests of foreign executions that were accepted, by their whole names.
pub(super) fn accepted(words: &[String]) -> BTreeSet<B256> {
    let digests = words.iter().filter_map(|word| word.strip_prefix("laneConsumed:"));
    digests.filter_map(|digest| digest.parse().ok()).collect()
}
