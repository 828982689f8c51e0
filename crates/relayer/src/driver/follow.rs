//! Following the chain: its blocks in order, by parent hash, with the events of the wallets. What was read is kept, so that
//! whatever fails, the next try begins where the last one ended, and told as soon as it follows what was told before.

use super::{Context, logs, path, reading, watched::Watched};
use crate::{
    Event,
    event::{Block, Header as EngineHeader, WalletLog},
};
use alloy::primitives::B256;
use path::Path;
use quorate_chain::{ChainError, Header};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, timeout},
};

/// How long nothing is told of a head that stands still before it is told again: nobody is out of reach then.
const STANDS: Duration = Duration::from_secs(5);

/// How long the first block waits for what others pay.
const FIRST_TIP: Duration = Duration::from_secs(3);

/// Tells the engine of new blocks until it ends.
pub(super) async fn follow(context: Arc<Context>) {
    let (heads, told) = watch::channel(Vec::new());
    tokio::select! {
        () = poll(&context, &heads) => {}
        () = follow_heads(&context, told) => {}
    }
}

/// Asks for the heads of all endpoints, whether or not what leads to them is read already.
async fn poll(context: &Context, heads: &watch::Sender<Vec<Header>>) {
    let mut ticks = tokio::time::interval(context.poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match context.endpoints.heads().await {
            Ok(found) => {
                heads.send_replace(found);
            }
            Err(error) => {
                tracing::debug!(%error, "no head");
                // What leads to the last ones can still be read.
                heads.send_modify(|_| {});
            }
        }
    }
}

async fn follow_heads(context: &Context, mut heads: watch::Receiver<Vec<Header>>) {
    let mut follower = Follower::default();
    let mut again_from = context.again_from.subscribe();
    loop {
        tokio::select! {
            changed = heads.changed() => if changed.is_err() {
                return;
            },
            changed = again_from.changed() => {
                if changed.is_err() {
                    return;
                }
                if let Some(from) = *again_from.borrow_and_update() {
                    follower.forget_from(from);
                }
            }
        }
        let found = heads.borrow_and_update().clone();
        loop {
            match follower.next(context, &found).await {
                Ok(Some(event)) => {
                    if context.events.send(event).await.is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "blocks");
                    break;
                }
            }
            if again_from.has_changed().unwrap_or(true) {
                break;
            }
        }
    }
}

/// What the engine was told, and what was read for it.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The blocks, the newest last.
    pub(super) known: VecDeque<Header>,
    /// From which block on it wants them, where it asked.
    pub(super) wanted: Option<u64>,
    pub(super) read: Mutex<Read>,
    /// When it was told last.
    told_at: Option<Instant>,
}

/// What was read and not told yet.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Headers by number, as endpoints take them for the chain.
    pub(super) headers: BTreeMap<u64, Header>,
    /// The head that is being read towards, where all that leads to it has to be told together.
    pub(super) target: Option<Header>,
    /// Events by block, with whose they are.
    logs: BTreeMap<B256, (Arc<Watched>, Vec<WalletLog>)>,
}

impl Read {
    /// Forgets what is told now, up to block `last`; all events that are left where those are more than `most`.
    fn forget(&mut self, last: u64, told: &[(Header, Vec<WalletLog>)], most: usize) {
        self.target = None;
        self.headers.retain(|number, _| *number > last);
        self.logs.retain(|hash, _| !told.iter().any(|(header, _)| header.hash == *hash));
        if self.logs.len() > most {
            self.logs.clear();
        }
    }
}

impl Follower {
    /// Tells these blocks again, and those after them.
    fn forget_from(&mut self, number: u64) {
        self.known.retain(|header| header.number < number);
        self.wanted = Some(number);
        self.read().target = None;
    }

    pub(super) fn read(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next part of what leads to one of these heads, the highest first: one of them may be made up, and nobody has what
    /// leads to it. None if there is nothing to tell.
    async fn next(
        &mut self,
        context: &Context,
        heads: &[Header],
    ) -> Result<Option<Event>, ChainError> {
        let unknown = self.unknown(heads);
        if unknown.is_empty() {
            return Ok(self.standing(heads));
        }
        let mut failed = None;
        for head in unknown {
            match self.part(context, head).await {
                Ok(part) => return Ok(Some(self.tell(context, part).await)),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// The heads that are higher than what was told, or beside it, the highest first. An endpoint that lags behind answers
    /// with a block that was told long ago.
    fn unknown(&self, heads: &[Header]) -> Vec<Header> {
        let mut heads = heads.to_vec();
        heads.sort_by_key(|head| std::cmp::Reverse(head.number));
        heads.dedup_by_key(|head| head.hash);
        // What is lower than a head that was told is an endpoint's that lags, or of a branch that was left.
        let behind = heads.iter().position(|head| self.is_known(head));
        heads.truncate(behind.unwrap_or(heads.len()));
        heads
    }

    pub(super) fn is_known(&self, header: &Header) -> bool {
        self.known.iter().any(|known| known.hash == header.hash)
    }

    /// The head once more, where it stands still for long.
    fn standing(&mut self, heads: &[Header]) -> Option<Event> {
        let head = self.known.back().filter(|head| heads.contains(head))?;
        if self.told_at.is_some_and(|told| told.elapsed() < STANDS) {
            return None;
        }
        let block = Block { header: as_told(head), logs: Vec::new() };
        self.told_at = Some(Instant::now());
        Some(Event::NewHead { blocks: vec![block], of: None, tip: 0 })
    }

    /// Blocks towards `head` with their events, from the first that was not told, as far as both were read.
    async fn part(
        &self,
        context: &Context,
        head: Header,
    ) -> Result<(Arc<Watched>, Vec<(Header, Vec<WalletLog>)>), ChainError> {
        let watched = context.watched.borrow().clone();
        let Path { headers, is_whole, found } =
            path::towards(self, context, &watched, head).await?;
        let is_read = |header: &Header| {
            let read = self.read();
            read.logs.get(&header.hash).is_some_and(|(of, _)| Arc::ptr_eq(of, &watched))
        };
        let unread: Vec<Header> = headers.iter().filter(|h| !is_read(h)).copied().collect();
        let found = match found {
            None if reading::is_range(unread.len()) => {
                let ends = unread.first().zip(unread.last());
                let (from, to) = ends.map_or((0, 0), |(first, last)| (first.number, last.number));
                reading::range(context, &watched, (from, to)).await.ok()
            }
            found => found,
        };
        let mut failed = None;
        for (hash, logs) in reading::of_blocks(context, &watched, &unread, found).await {
            let header = unread.iter().find(|header| header.hash == hash);
            match (logs, header) {
                (Ok(logs), Some(header)) => {
                    let logs = reading::as_told(&watched, header, &logs);
                    self.read().logs.insert(hash, (watched.clone(), logs));
                }
                (Err(error), _) => failed = Some(error),
                (Ok(_), None) => {}
            }
        }
        let read = self.read();
        let with_logs = headers.iter().map_while(|header| {
            let (of, logs) = read.logs.get(&header.hash)?;
            Arc::ptr_eq(of, &watched).then(|| (*header, logs.clone()))
        });
        let part: Vec<_> = with_logs.collect();
        match failed {
            Some(error) if part.is_empty() || (is_whole && part.len() < headers.len()) => {
                Err(error)
            }
            _ => Ok((watched.clone(), part)),
        }
    }

    /// Notes what is told.
    async fn tell(
        &mut self,
        context: &Context,
        (watched, part): (Arc<Watched>, Vec<(Header, Vec<WalletLog>)>),
    ) -> Event {
        let branch = part.first().map_or(0, |(header, _)| header.number);
        self.known.retain(|header| header.number < branch);
        self.known.extend(part.iter().map(|(header, _)| *header));
        self.wanted = None;
        while self.known.len() > context.settings.history {
            self.known.pop_front();
        }
        let last = self.known.back().map_or(0, |header| header.number);
        self.read().forget(last, &part, context.settings.history.saturating_mul(4));
        let is_first = self.told_at.replace(Instant::now()).is_none();
        let headers: Vec<Header> = part.iter().map(|(header, _)| *header).collect();
        context.times.note(&headers, context.settings.history.saturating_mul(4));
        let blocks =
            part.into_iter().map(|(header, logs)| Block { header: as_told(&header), logs });
        let tip = context.tip(is_first.then_some(FIRST_TIP)).await;
        Event::NewHead { blocks: blocks.collect(), of: Some(watched.wallets.clone()), tip }
    }
}

fn as_told(header: &Header) -> EngineHeader {
    EngineHeader {
        id: logs::id_of(header),
        parent: header.parent,
        timestamp: header.timestamp,
        base_fee_per_gas: header.base_fee_per_gas.unwrap_or_default(),
    }
}

impl Context {
    /// The tip that others pay, in wei per gas, as of a moment ago; where none is known yet, waits for it that long.
    async fn tip(&self, wait: Option<Duration>) -> u128 {
        let mut tip = self.tip.subscribe();
        if let Some(wait) = wait {
            let _ = timeout(wait, tip.wait_for(Option::is_some)).await;
        }
        tip.borrow_and_update().unwrap_or(LEAST_TIP)
    }
}

/// The tip while nobody says what others pay: less is refused by geth.
const LEAST_TIP: u128 = 1;

/// How often what others pay is asked for at most.
const TIP_EVERY: Duration = Duration::from_secs(1);

/// Keeps what others pay up to date. No block waits for it.
pub(super) async fn watch_tip(context: Arc<Context>) {
    loop {
        match context.endpoints.read(|chain| async move { chain.fees().await }).await {
            Ok(fees) => {
                context.tip.send_replace(Some(fees.max_priority_fee_per_gas));
            }
            Err(error) => tracing::debug!(%error, "fees"),
        }
        tokio::time::sleep(TIP_EVERY.max(context.poll)).await;
    }
}
