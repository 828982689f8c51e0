//! The receipts of attempts, from whoever has them, with the events in them.

use super::{
    Context, logs,
    running::{Asking, Question},
};
use crate::{
    Event,
    event::{BlockId, Paid, Receipt},
};
use alloy::{primitives::B256, rpc::types::Log};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use quorate_chain::{Chain, ChainError, Header, Receipt as Mined};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// From how many receipts on those of a whole block are asked for.
const TOGETHER: usize = 4;

/// In how many blocks they are looked for.
const BLOCKS: usize = 3;

/// How many are read side by side.
const SIDE_BY_SIDE: usize = 8;

/// When recent blocks were, in Unix seconds, by hash.
#[derive(Debug, Default)]
pub(super) struct Times(Mutex<BTreeMap<B256, u64>>);

impl Times {
    /// Notes blocks; forgets others where there are more than `most`.
    pub(super) fn note(&self, headers: &[Header], most: usize) {
        let mut times = self.times();
        if times.len() > most {
            times.clear();
        }
        times.extend(headers.iter().map(|header| (header.hash, header.timestamp)));
    }

    fn find(&self, hash: B256) -> Option<u64> {
        self.times().get(&hash).copied()
    }

    fn times(&self) -> MutexGuard<'_, BTreeMap<B256, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the receipts of transactions and tells each as soon as it is there: many of them by the blocks up to the head that
/// they are probably in, the others one by one. One that cannot be had holds up no other.
pub(super) async fn read(context: &Context, head: u64, tx_hashes: Vec<B256>) {
    let begin = |tx_hash: B256| Some((tx_hash, context.running.begin(Question::Receipt(tx_hash))?));
    let mut open: BTreeMap<B256, Asking> = tx_hashes.into_iter().filter_map(begin).collect();
    for number in (0..=head).rev().take(BLOCKS) {
        if open.len() < TOGETHER {
            break;
        }
        let wanted: &BTreeSet<B256> = &open.keys().copied().collect();
        let of_block = |chain: Chain| async move { chain.block_receipts(number, wanted).await };
        // Where it is not to be had, there are the others.
        let Ok(Some(found)) = context.endpoints.read(of_block).await else { break };
        for (tx_hash, found) in found {
            tell(context, tx_hash, Some(found)).await;
            open.remove(&tx_hash);
        }
    }
    let read = open.into_iter().map(|(tx_hash, asking)| one(context, tx_hash, asking).boxed());
    let read: Vec<_> = read.collect();
    stream::iter(read).buffer_unordered(SIDE_BY_SIDE).collect::<Vec<()>>().await;
}

async fn one(context: &Context, tx_hash: B256, _asking: Asking) {
    match find(context, tx_hash).await {
        Ok(Found::Mined(found)) => tell(context, tx_hash, Some(*found)).await,
        Ok(Found::Nowhere) => tell(context, tx_hash, None).await,
        Ok(Found::Unclear) => {}
        Err(error) => tracing::debug!(%error, "receipt"),
    }
}

/// What was found of a transaction.
enum Found {
    Mined(Box<(Mined, Vec<Log>)>),
    /// Everybody says that it is in no block.
    Nowhere,
    /// It is said to be in a block, and nobody has its receipt.
    Unclear,
}

async fn find(context: &Context, tx_hash: B256) -> Result<Found, ChainError> {
    let receipt = |chain: Chain| async move { chain.receipt_with_logs(tx_hash).await };
    if let Some(found) = context.endpoints.find(receipt).await? {
        return Ok(Found::Mined(Box::new(found)));
    }
    // That there is no receipt may be an answer that was left empty.
    let mined = |chain: Chain| async move { Ok(chain.is_mined(tx_hash).await?.then_some(())) };
    let is_mined = context.endpoints.find(mined).await?.is_some();
    Ok(if is_mined { Found::Unclear } else { Found::Nowhere })
}

async fn tell(context: &Context, tx_hash: B256, found: Option<(Mined, Vec<Log>)>) {
    let receipt = match found {
        None => None,
        Some((mined, logs)) => match receipt(context, mined, &logs).await {
            Ok(receipt) => Some(receipt),
            Err(error) => return tracing::debug!(%error, "receipt"),
        },
    };
    // The engine has ended: nobody wants to know.
    let _ = context.events.send(Event::ReceiptSeen { tx_hash, receipt }).await;
}

async fn receipt(context: &Context, mined: Mined, found: &[Log]) -> Result<Receipt, ChainError> {
    let factory = context.settings.factory;
    let block = BlockId { number: mined.block_number, hash: mined.block_hash };
    let mut logs: Vec<_> = found.iter().filter_map(|log| logs::read(log, factory, 0)).collect();
    if !logs.is_empty() {
        let time = match context.times.find(block.hash) {
            Some(time) => time,
            None => header(context, block).await?.timestamp,
        };
        logs.iter_mut().for_each(|log| log.timestamp = time);
    }
    let paid = Paid {
        success: mined.success,
        gas_used: mined.gas_used,
        cost: mined.cost(),
        l1_fee: mined.l1_fee,
        operator_fee: mined.operator_fee,
    };
    Ok(Receipt { block, paid, logs })
}

/// The header of this very block.
async fn header(context: &Context, block: BlockId) -> Result<Header, ChainError> {
    let read = |chain: Chain| async move {
        let found = match chain.block(block.hash).await {
            Ok(Some(found)) => Some(found),
            Ok(None) | Err(_) => chain.block_at(block.number).await?,
        };
        let missing = || ChainError::WrongAnswer {
            endpoint: chain.endpoint().to_owned(),
            method: "eth_getBlockByHash",
            reason: format!("block {} is not there, or another one", block.number),
        };
        found.filter(|found| found.hash == block.hash).ok_or_else(missing)
    };
    let found = context.endpoints.insist(read).await?;
    context.times.note(&[found], context.settings.history.saturating_mul(4));
    Ok(found)
}
