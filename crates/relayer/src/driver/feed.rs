//! What others store for the engine: wallets, proposals and signatures, and whether it is paused.

use super::{
    Context,
    book::{proposal_row, wallet_row},
};
use crate::Event;
use alloy::primitives::{Address, B256};
use quorate_store::{
    Event as Stored, EventFilter, EventKind, Storage, Store, StoreError, WalletKey,
};
use std::{ops::ControlFlow, sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;

/// How often is looked for what other processes stored.
const POLL: Duration = Duration::from_millis(500);

/// How many events are read at once.
const BATCH: u32 = 500;

/// Tells the engine what is new until it ends. What it knows already it ignores.
pub(super) async fn feed(context: Arc<Context>, store: Store, mut cursor: u64) {
    let mut told = store.told();
    let mut is_paused = None;
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => match store.is_paused(context.settings.chain_id).await {
                Ok(now) if is_paused == Some(now) => {}
                Ok(now) => {
                    let event = if now { Event::Paused } else { Event::Resumed };
                    if is_paused.replace(now) != Some(now) && context.events.send(event).await.is_err() {
                        return;
                    }
                }
                Err(error) => tracing::debug!(%error, "pause"),
            },
            changed = told.changed() => if changed.is_err() {
                // The store is closed: nothing will be new.
                return;
            },
        }
        match tell_news(&context, &store, &mut cursor).await {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return,
            Err(error) => tracing::debug!(%error, "feed"),
        }
    }
}

/// Tells what happened behind `cursor`, which moves on with what was told. Breaks if the engine has ended.
async fn tell_news(
    context: &Context,
    store: &Store,
    cursor: &mut u64,
) -> Result<ControlFlow<()>, StoreError> {
    let chain_id = Some(context.settings.chain_id);
    loop {
        let filter = EventFilter { chain_id, ..EventFilter::default() };
        let events = store.events_after(*cursor, filter, BATCH).await?;
        let Some(last) = events.last() else { return Ok(ControlFlow::Continue(())) };
        let last = last.sequence;
        for event in news(context, store, &events).await? {
            if context.events.send(event).await.is_err() {
                return Ok(ControlFlow::Break(()));
            }
        }
        *cursor = last;
    }
}

/// What the engine is to know of these events.
async fn news(
    context: &Context,
    store: &Store,
    events: &[Stored],
) -> Result<Vec<Event>, StoreError> {
    let chain_id = context.settings.chain_id;
    let (mut wallets, mut digests) = (Vec::<Address>::new(), Vec::<B256>::new());
    for event in events {
        match (event.kind, event.digest) {
            (EventKind::WalletRegistered, _) => wallets.push(event.wallet.address),
            (EventKind::Proposed | EventKind::Signed, Some(digest)) => digests.push(digest),
            _ => {}
        }
    }
    digests.sort_unstable();
    digests.dedup();
    let mut told = Vec::new();
    for address in wallets {
        if let Some(wallet) = store.find_wallet(WalletKey { chain_id, address }).await? {
            told.push(Event::WalletAdded(Box::new(wallet_row(wallet))));
        }
    }
    for digest in digests {
        let Some(record) = store.find_proposal(digest).await? else { continue };
        let row = proposal_row(record);
        told.push(Event::ProposalAdded { digest, request: Box::new(row.request) });
        let signatures = row.signatures.into_iter();
        told.extend(signatures.map(|(owner, signature)| Event::SignatureAdded {
            digest,
            owner,
            signature,
        }));
    }
    Ok(told)
}
