//! What lets the batches of a treasury wait, where its rules have a delay.

use super::Scene;
use crate::{commands::payout::seen::Seen, relayer_access::Relayer, waiting};
use alloy::primitives::{Address, B256};
use eyre::Result;
use quorate_chain::{Chain, WalletState};
use quorate_core::{Action, Lane, Proposal, Request};
use quorate_treasury::{
    Rules,
    rules::{
        model::{Book, Freeze, Question, Window},
        power::open_lane,
    },
    run::{Ask, Asked},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// The batches that have to wait: those beyond what the limits leave, in their order.
#[derive(Debug, Default)]
pub(super) struct Delayed {
    /// Numbers of those that are asked for now.
    asked: BTreeSet<u64>,
    /// Digests of those that were proposed before and wait neither on the chain nor in an open proposal.
    alive: Vec<B256>,
}

impl Delayed {
    /// Finds them.
    pub(super) async fn of(
        rules: &Rules,
        asked: &Asked,
        seen: &Seen,
        (chain, state): (&Chain, &WalletState),
    ) -> Result<Self> {
        let now = chain.head().await?.timestamp;
        let frozen = chain.frozen(state.address).await?;
        let freeze = Freeze { until: frozen.until, ..Freeze::default() };
        let mut book = Book { freeze, ..Book::default() };
        let mut delayed = Self::default();
        let alive = asked.alive.iter().filter_map(|(number, digest)| {
            let found = seen.found.get(digest)?;
            Some((*number, &found.proposal.request().action, Some(*digest)))
        });
        let mut all: Vec<_> = alive.collect();
        all.extend(asked.asks.iter().map(|ask| (ask.number, &ask.action, None)));
        all.sort_by_key(|(number, ..)| *number);
        for (number, action, digest) in all {
            read_window(&mut book, action, (chain, state.address)).await?;
            if is_within(rules, &mut book, action, now) {
                continue;
            }
            match digest {
                None => {
                    delayed.asked.insert(number);
                }
                Some(digest) => {
                    let waits = chain.waiting(state.address, digest).await?.queued_at != 0;
                    if !waits && !is_to_be_queued(seen, digest) {
                        delayed.alive.push(digest);
                    }
                }
            }
        }
        Ok(delayed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.alive.is_empty()
    }

    /// The proposal that lets all of them wait.
    pub(super) async fn queue(
        &self,
        drafts: &[(Ask, Proposal)],
        scene: &Scene,
        relayer: Option<&Relayer>,
    ) -> Result<Option<Proposal>> {
        let mut digests = self.alive.clone();
        let new = drafts.iter().filter(|(ask, _)| self.asked.contains(&ask.number));
        digests.extend(new.map(|(_, proposal)| proposal.digest()));
        if digests.is_empty() {
            return Ok(None);
        }
        let (chain, state) = (&scene.chain, &scene.state);
        let lane = waiting::queue_lane(&digests);
        let nonce = match relayer {
            Some(relayer) => relayer.next_free(chain, state, lane).await?,
            None => chain.next_nonce(state, lane).await?,
        };
        let request = Request {
            chain_id: chain.id(),
            wallet: state.address,
            epoch: state.epoch,
            action: waiting::queue(&digests),
            nonce,
            deadline: scene.deadline,
        };
        Ok(Some(Proposal::new(request, None, scene.origin.clone())?))
    }
}

/// What was made to let batches wait.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) digest: B256,
    pub(super) file: Option<PathBuf>,
    /// How many batches.
    pub(super) count: usize,
}

impl Told {
    pub(super) fn of(queue: &Proposal, file: Option<PathBuf>) -> Self {
        let count = match &queue.request().action {
            Action::Execute { calls } => calls.len(),
            _ => 0,
        };
        Self { digest: queue.digest(), file, count }
    }
}

/// Whether an open proposal lets it wait.
fn is_to_be_queued(seen: &Seen, digest: B256) -> bool {
    let alive = seen.found.values().filter(|found| found.known.stage.is_alive());
    alive.into_iter().any(|found| waiting::is_queue_of(found.proposal.request(), digest))
}

/// What was spent of the token of a payout, if that is not known yet.
async fn read_window(
    book: &mut Book,
    action: &Action,
    (chain, wallet): (&Chain, Address),
) -> Result<()> {
    let Action::Payout { token, .. } = action else { return Ok(()) };
    let windows: &mut BTreeMap<Address, Window> = &mut book.windows;
    if !windows.contains_key(token) {
        let spent = chain.spent(wallet, *token).await?;
        let window = Window { amount: spent.amount.saturating_to(), end: spent.window_end };
        windows.insert(*token, window);
    }
    Ok(())
}

/// Whether a payout is within what the limits leave; notes what it takes of that.
fn is_within(rules: &Rules, book: &mut Book, action: &Action, now: u64) -> bool {
    if !matches!(action, Action::Payout { .. }) {
        return false;
    }
    let lane: Lane = open_lane();
    let question = Question { action, digest: B256::ZERO, lane, signers: 0, now };
    book.execute(rules, &question).is_ok()
}
