//! The events of blocks, believed only as far as the blocks' blooms allow.

use super::{
    Context, logs,
    watched::{Doubt, Watched},
};
use crate::event::WalletLog;
use alloy::{primitives::B256, rpc::types::Log};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use quorate_chain::{Chain, ChainError, Header};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

/// From how many blocks on their events are read in one range.
const RANGE: usize = 3;

/// How many blocks are read side by side.
const SIDE_BY_SIDE: usize = 8;

/// How often everybody is asked for events that are surely missing, before what there is has to do.
const ROUNDS: usize = 8;

/// After how many blocks that nobody could account for blooms are not believed any more.
const UNACCOUNTED: u32 = 3;

/// What is known of the blooms of a chain.
#[derive(Debug, Default)]
pub(super) struct Blooms {
    /// Whether one told of something: else the chain may have none.
    are_there: AtomicBool,
    /// How many blocks in a row tell of events that nobody has.
    unaccounted: AtomicU32,
}

impl Blooms {
    /// The bloom of a block, if it can be believed.
    fn of<'a>(&self, header: &'a Header) -> Option<&'a alloy::primitives::Bloom> {
        let bloom = header.logs_bloom.as_ref()?;
        if !bloom.is_zero() {
            self.are_there.store(true, Ordering::Relaxed);
        }
        let is_believed = self.are_there.load(Ordering::Relaxed)
            && self.unaccounted.load(Ordering::Relaxed) < UNACCOUNTED;
        is_believed.then_some(bloom)
    }

    fn account(&self, is_accounted: bool) {
        if is_accounted {
            self.unaccounted.store(0, Ordering::Relaxed);
        } else if self.unaccounted.fetch_add(1, Ordering::Relaxed) + 1 == UNACCOUNTED {
            tracing::warn!(
                "blocks tell of events that no endpoint has: their blooms are not believed any more"
            );
        }
    }
}

/// The events of a range as an endpoint has them. Not believed yet.
pub(super) async fn range(
    context: &Context,
    watched: &Watched,
    (from, to): (u64, u64),
) -> Result<(Chain, Vec<Log>), ChainError> {
    let contracts = &watched.contracts;
    let ask = |chain: Chain| async move {
        let found = chain.logs_between(from, to, contracts).await?;
        Ok((chain, found))
    };
    context.endpoints.read(ask).await
}

/// Whether to read the events of so many blocks in a range.
pub(super) const fn is_range(blocks: usize) -> bool {
    blocks >= RANGE
}

/// The events of these blocks, by hash, as far as they can be had. `found` are those of a range that has them in it.
pub(super) async fn of_blocks(
    context: &Context,
    watched: &Watched,
    headers: &[Header],
    found: Option<(Chain, Vec<Log>)>,
) -> BTreeMap<B256, Result<Vec<Log>, ChainError>> {
    let found = match found {
        Some(found) if is_of(&found.1, headers) => {
            let can_tell = headers.iter().all(|header| context.blooms.of(header).is_some());
            (can_tell || is_unmoved(context, headers).await).then_some(found)
        }
        _ => None,
    };
    let found = found.as_ref();
    let read = headers.iter().map(|header| one(context, watched, header, found).boxed());
    let read: Vec<_> = read.collect();
    stream::iter(read).buffer_unordered(SIDE_BY_SIDE).collect().await
}

async fn one(
    context: &Context,
    watched: &Watched,
    header: &Header,
    found: Option<&(Chain, Vec<Log>)>,
) -> (B256, Result<Vec<Log>, ChainError>) {
    let logs = match found {
        Some((chain, found)) => {
            let of_block = found.iter().filter(|log| log.block_hash == Some(header.hash));
            let found = (chain.clone(), of_block.cloned().collect());
            complete(context, watched, header, found).await
        }
        None => of_block(context, watched, header).await,
    };
    (header.hash, logs)
}

/// Whether all that was found in the range of these blocks is of these very blocks.
fn is_of(found: &[Log], headers: &[Header]) -> bool {
    let is_of_one = |log: &Log| {
        let header = headers.iter().find(|header| Some(header.number) == log.block_number);
        header.is_none_or(|header| Some(header.hash) == log.block_hash)
    };
    found.iter().all(is_of_one)
}

/// Whether the last of these blocks is still the one with its number.
async fn is_unmoved(context: &Context, headers: &[Header]) -> bool {
    let Some(last) = headers.last() else { return false };
    let number = last.number;
    let again = context.endpoints.read(|chain| async move { chain.block_at(number).await }).await;
    again.is_ok_and(|again| again.is_some_and(|again| again.hash == last.hash))
}

/// The events of a block.
async fn of_block(
    context: &Context,
    watched: &Watched,
    header: &Header,
) -> Result<Vec<Log>, ChainError> {
    let found = context.endpoints.read(|chain| ask(chain, header, watched)).await?;
    complete(context, watched, header, found).await
}

async fn ask(
    chain: Chain,
    header: &Header,
    watched: &Watched,
) -> Result<(Chain, Vec<Log>), ChainError> {
    let logs = chain.logs_of_block(header, &watched.contracts).await?;
    Ok((chain, logs))
}

/// These events of a block, and what is missing of them by its bloom: asked for elsewhere, and then among all events of the
/// block, which prove by the bloom that they are all.
async fn complete(
    context: &Context,
    watched: &Watched,
    header: &Header,
    (mut source, mut found): (Chain, Vec<Log>),
) -> Result<Vec<Log>, ChainError> {
    let bloom = context.blooms.of(header);
    for round in 0..ROUNDS {
        let doubt = watched.doubt(bloom, &found);
        if doubt == Doubt::None || (doubt == Doubt::Weak && round > 0) {
            return Ok(found);
        }
        let elsewhere = context.endpoints.read_elsewhere(|chain| ask(chain, header, watched)).await;
        if let Ok((chain, more)) = elsewhere {
            note(&source, header, &found, &more);
            merge(&mut found, more);
            source = chain;
        }
        if doubt == Doubt::Weak || watched.doubt(bloom, &found) == Doubt::None {
            continue;
        }
        let all = |chain: Chain| async move { chain.all_logs_of_block(header).await };
        if let Ok(mut all) = context.endpoints.read(all).await {
            all.retain(|log| watched.contracts.contains(&log.address()));
            context.blooms.account(true);
            note(&source, header, &found, &all);
            return Ok(all);
        }
    }
    tracing::warn!(block = header.number, "a block tells of events of ours that no endpoint has");
    context.blooms.account(false);
    Ok(found)
}

/// Says who left something out.
fn note(source: &Chain, header: &Header, found: &[Log], more: &[Log]) {
    if more.len() > found.len() {
        tracing::debug!(endpoint = source.endpoint(), block = header.number, "events left out");
        source.left_out_events(header.number);
    }
}

fn merge(found: &mut Vec<Log>, more: Vec<Log>) {
    let place = |log: &Log| (log.transaction_hash, log.log_index);
    for log in more {
        if !found.iter().any(|known| place(known) == place(&log)) {
            found.push(log);
        }
    }
    found.sort_by_key(|log| log.log_index);
}

/// The events of wallets among those of a block.
pub(super) fn as_told(watched: &Watched, header: &Header, found: &[Log]) -> Vec<WalletLog> {
    let read = |log| logs::read(log, watched.factory, header.timestamp);
    found.iter().filter_map(read).collect()
}
