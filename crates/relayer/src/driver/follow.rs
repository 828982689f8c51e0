//! Following the chain: its blocks in order, by parent hash, with the events of the wallets.

use super::{Context, logs};
use crate::{
    Event,
    event::{Block, Header as EngineHeader},
};
use alloy::primitives::Address;
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
        let Some(newest) = self.newest(context).await? else { return Ok(None) };
        let headers = self.path_to(newest, context).await?;
        let wallets = context.wallets.borrow().clone();
        let mut blocks = Vec::with_capacity(headers.len());
        for header in &headers {
            blocks.push(block(context, *header, &wallets).await?);
        }
        let tip = context.endpoints.read(|chain| async move { chain.fees().await }).await?;
        let branch = headers.front().map_or(0, |header| header.number);
        self.known.retain(|header| header.number < branch);
        self.known.extend(headers);
        self.wanted = None;
        while self.known.len() > context.settings.history {
            self.known.pop_front();
        }
        Ok(Some(Event::NewHead { blocks, tip: tip.max_priority_fee_per_gas }))
    }

    /// The highest head that any endpoint has and that was not told. An endpoint that lags behind answers with a
    /// block that was told long ago.
    async fn newest(&self, context: &Context) -> Result<Option<Header>, ChainError> {
        let heads = context.endpoints.heads().await?;
        let newest = heads.into_iter().max_by_key(|head| head.number);
        Ok(newest.filter(|newest| !self.is_known(newest)))
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
            let is_joined = self.known.iter().any(|known| known.hash == first.parent);
            let is_long = path.len() >= context.settings.history;
            if is_joined || is_long || first.number <= lowest {
                break;
            }
            let parent = first.parent;
            let found = context.endpoints.read(|chain| async move {
                let missing = ChainError::WrongAnswer {
                    endpoint: chain.endpoint().to_owned(),
                    method: "eth_getBlockByHash",
                    reason: format!("no block {parent}"),
                };
                chain.block(parent).await?.ok_or(missing)
            });
            path.push_front(found.await?);
        }
        Ok(path)
    }
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
