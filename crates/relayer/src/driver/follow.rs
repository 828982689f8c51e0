//! Following the chain: its blocks in order, by parent hash, with the events of the wallets.

use super::{Context, logs};
use crate::{
    Event,
    event::{Block, Header as EngineHeader},
};
use alloy::primitives::Address;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use quorate_chain::{ChainError, Header};
use std::{collections::VecDeque, sync::Arc};
use tokio::time::MissedTickBehavior;

/// Tells the engine of new blocks until it ends.
pub(super) async fn follow(context: Arc<Context>) {
    let mut follower = Follower::default();
    let mut again_from = context.again_from.subscribe();
    let mut ticks = tokio::time::interval(context.poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = again_from.changed() => {
                if changed.is_err() {
                    return;
                }
                if let Some(from) = *again_from.borrow_and_update() {
                    follower.forget_from(from);
                }
            }
        }
        match follower.new_blocks(&context).await {
            Ok(Some(event)) => {
                if context.events.send(event).await.is_err() {
                    return;
                }
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "no head"),
        }
    }
}

/// What the engine was told.
#[derive(Debug, Default)]
struct Follower {
    /// The blocks, the newest last.
    known: VecDeque<Header>,
    /// From which block on it wants them, where it asked.
    wanted: Option<u64>,
}

impl Follower {
    /// Tells these blocks again, and those after them.
    fn forget_from(&mut self, number: u64) {
        self.known.retain(|header| header.number < number);
        self.wanted = Some(number);
    }

    async fn new_blocks(&mut self, context: &Context) -> Result<Option<Event>, ChainError> {
        let heads = self.unknown_heads(context).await?;
        // One of them may be made up, and nobody has what leads to it: the others are not kept waiting.
        let read = heads.into_iter().map(|head| self.blocks_to(head, context));
        let mut read: FuturesUnordered<_> = read.collect();
        let mut failed = None;
        let (headers, blocks) = loop {
            match read.next().await {
                Some(Ok(found)) => break found,
                Some(Err(error)) => failed = Some(error),
                None => return failed.map_or(Ok(None), Err),
            }
        };
        drop(read);
        self.tell(headers, blocks, context).await.map(Some)
    }

    /// The blocks up to `head` that are to be told.
    async fn blocks_to(
        &self,
        head: Header,
        context: &Context,
    ) -> Result<(VecDeque<Header>, Vec<Block>), ChainError> {
        let headers = self.path_to(head, context).await?;
        let wallets = context.wallets.borrow().clone();
        let mut blocks = Vec::with_capacity(headers.len());
        for header in &headers {
            blocks.push(block(context, *header, &wallets).await?);
        }
        Ok((headers, blocks))
    }

    /// Notes what is told.
    async fn tell(
        &mut self,
        headers: VecDeque<Header>,
        blocks: Vec<Block>,
        context: &Context,
    ) -> Result<Event, ChainError> {
        let tip = context.endpoints.read(|chain| async move { chain.fees().await }).await?;
        let branch = headers.front().map_or(0, |header| header.number);
        self.known.retain(|header| header.number < branch);
        self.known.extend(headers);
        self.wanted = None;
        while self.known.len() > context.settings.history {
            self.known.pop_front();
        }
        Ok(Event::NewHead { blocks, tip: tip.max_priority_fee_per_gas })
    }

    /// The heads of the endpoints that are higher than what was told, or beside it, the highest first. An endpoint that lags
    /// behind answers with a block that was told long ago.
    async fn unknown_heads(&self, context: &Context) -> Result<Vec<Header>, ChainError> {
        let mut heads = context.endpoints.heads().await?;
        heads.sort_by_key(|head| std::cmp::Reverse(head.number));
        heads.dedup_by_key(|head| head.hash);
        // What is lower than a head that was told is an endpoint's that lags, or of a branch that was left.
        let behind = heads.iter().position(|head| self.is_known(head));
        heads.truncate(behind.unwrap_or(heads.len()));
        Ok(heads)
    }

    fn is_known(&self, header: &Header) -> bool {
        self.known.iter().any(|known| known.hash == header.hash)
    }

    /// The blocks from the first that was not told to `newest`, or from the one that is wanted. Where there is
    /// neither, the newest alone: the engine asks for more.
    async fn path_to(
        &self,
        newest: Header,
        context: &Context,
    ) -> Result<VecDeque<Header>, ChainError> {
        let mut path = VecDeque::from([newest]);
        let lowest = self.known.front().map(|known| known.number).or(self.wanted);
        while let (Some(first), Some(lowest)) = (path.front(), lowest) {
            let is_joined = self.known.iter().any(|known| is_parent(known, first));
            let is_long = path.len() >= context.settings.history;
            if is_joined || is_long || first.number <= lowest {
                break;
            }
            let (parent, child) = (first.parent, *first);
            let found = context.endpoints.read(|chain| async move {
                let missing = ChainError::WrongAnswer {
                    endpoint: chain.endpoint().to_owned(),
                    method: "eth_getBlockByHash",
                    reason: format!("no block {parent} before block {}", child.number),
                };
                let found = chain.block(parent).await?;
                found.filter(|found| is_parent(found, &child)).ok_or(missing)
            });
            path.push_front(found.await?);
        }
        Ok(path)
    }
}

fn is_parent(parent: &Header, child: &Header) -> bool {
    parent.hash == child.parent && parent.number.checked_add(1) == Some(child.number)
}

/// A block with the events of the wallets in it.
async fn block(
    context: &Context,
    header: Header,
    wallets: &[Address],
) -> Result<Block, ChainError> {
    let factory = context.settings.factory;
    let contracts = &logs::emitters(wallets, factory);
    let found = context
        .endpoints
        .read(|chain| async move { chain.logs_of_block(header.hash, contracts).await });
    let found = found.await?;
    let logs = found.iter().filter_map(|log| logs::read(log, factory, header.timestamp));
    Ok(Block {
        header: EngineHeader {
            id: logs::id_of(&header),
            parent: header.parent,
            timestamp: header.timestamp,
            base_fee_per_gas: header.base_fee_per_gas.unwrap_or_default(),
        },
        logs: logs.collect(),
    })
}
