//! The engine at work on a chain: [`step`] decides, and here is done what it asks for.
//!
//! Everything that changes the store is done in order and before what follows from it; everything that asks the
//! chain runs beside, and its answer is one more event. So a slow endpoint delays nothing but its own answer, and
//! nothing is sent before it is durable. Events that wait are taken together, and what they have stored is committed
//! together.

mod book;
mod endpoints;
mod failpoint;
mod feed;
mod follow;
mod key;
mod logs;
mod perform;
mod tenure;

pub use book::BookError;
pub use endpoints::Endpoints;
pub use key::{Key, KeyError, LocalKey};
pub use tenure::{Keeper, Tenure};

use crate::{Effect, Event, Settings, State, attempt::AttemptState, budget::Limits, step};
use alloy::primitives::{Address, B256};
use book::{Book, Write, Written};
use quorate_store::{Storage as _, Store};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};

/// How many events can wait.
const INBOX: usize = 1_024;

/// How many events are taken together at most.
const TOGETHER: usize = 256;

/// What one engine works with.
pub struct Parts {
    /// How the chain is served.
    pub settings: Settings,
    /// What may be spent.
    pub limits: Limits,
    /// Where the chain is read, and transactions are sent.
    pub endpoints: Endpoints,
    /// The keys of the senders in the settings.
    pub keys: Vec<Box<dyn Key>>,
    /// What is durable.
    pub store: Store,
    /// The lease of the process.
    pub tenure: Tenure,
    /// Now, in Unix milliseconds.
    pub clock: fn() -> u64,
    /// How often the chain is asked for its head.
    pub poll: Duration,
}

/// The way to an engine that runs.
#[derive(Clone, Debug)]
pub struct Handle {
    events: mpsc::Sender<Event>,
    stop: watch::Sender<bool>,
}

/// An engine of one chain.
pub struct Engine {
    state: State,
    book: Book,
    tenure: Tenure,
    context: Arc<Context>,
    inbox: mpsc::Receiver<Event>,
    stopped: watch::Receiver<bool>,
    /// The epochs of the wallets, as far as the store was told.
    epochs: BTreeMap<Address, u32>,
}

/// What the work beside the engine needs.
struct Context {
    settings: Settings,
    endpoints: Endpoints,
    keys: BTreeMap<Address, Box<dyn Key>>,
    poll: Duration,
    events: mpsc::Sender<Event>,
    /// Whose logs are read.
    wallets: watch::Sender<Vec<Address>>,
    /// From which block on the follower is to tell blocks again.
    again_from: watch::Sender<Option<u64>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("chain_id", &self.context.settings.chain_id).finish()
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Handle {
    /// Tells the engine something that no store holds, as other limits. Waits while its inbox is full; false if the
    /// engine has ended.
    pub async fn tell(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// Ends the engine after the event it is at. What is on its way goes on by itself, and is found again.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }
}

impl Engine {
    /// An engine that begins with what the store holds once it runs.
    pub fn new(parts: Parts) -> (Self, Handle) {
        let Parts { mut settings, limits, endpoints, keys, store, tenure, clock, poll } = parts;
        let keys: BTreeMap<_, _> = keys.into_iter().map(|key| (key.address(), key)).collect();
        settings.senders = keys.keys().copied().collect();
        let (events, inbox) = mpsc::channel(INBOX);
        let (stop, stopped) = watch::channel(false);
        let (wallets, again_from) = (watch::Sender::default(), watch::Sender::default());
        let handle = Handle { events: events.clone(), stop };
        let state = State::new(settings.clone(), limits);
        let reach = (settings.history as u64).saturating_mul(settings.block_secs * 2_000);
        let book = Book::new(store, settings.chain_id, tenure.clone(), clock, reach);
        let context = Context { settings, endpoints, keys, poll, events, wallets, again_from };
        let epochs = BTreeMap::new();
        (Self { state, book, tenure, context: Arc::new(context), inbox, stopped, epochs }, handle)
    }

    /// Works until it is stopped. Waits first until the process has the lease.
    ///
    /// # Errors
    ///
    /// If the store fails for good.
    pub async fn run(mut self) -> Result<(), BookError> {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => Ok(()),
            ended = self.work() => ended,
        }
    }

    async fn work(&mut self) -> Result<(), BookError> {
        // Whatever is stored from here on is told; what was before, is loaded.
        let cursor = self.book.store().last_event().await?;
        let rows = self.book.load().await?;
        let store = self.book.store().clone();
        let _beside = Beside([
            tokio::spawn(follow::follow(self.context.clone())),
            tokio::spawn(feed::feed(self.context.clone(), store, cursor)),
        ]);
        self.take(VecDeque::from([Event::Restarted(Box::new(rows))])).await?;
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut events = Vec::new();
            let lease = self.book.lease();
            tokio::select! {
                biased;
                () = self.tenure.lost(lease) => {
                    let rows = self.book.load().await?;
                    events.extend([Event::LeaseLost, Event::Restarted(Box::new(rows))]);
                }
                _ = ticks.tick() => events.push(Event::Tick { now: self.book.now_secs() }),
                taken = self.inbox.recv_many(&mut events, TOGETHER) => if taken == 0 {
                    return Ok(());
                },
            }
            self.take(events.into()).await?;
        }
    }

    /// Takes note of events and does what follows; what the store answers are events too.
    async fn take(&mut self, mut events: VecDeque<Event>) -> Result<(), BookError> {
        loop {
            let (mut writes, mut reload) = (Vec::new(), false);
            while let Some(event) = events.pop_front() {
                let sent = self.sent(&event);
                let may_change_wallets = matches!(
                    event,
                    Event::Restarted(_)
                        | Event::WalletAdded(_)
                        | Event::NewHead { .. }
                        | Event::LogsRead { .. }
                );
                let state = std::mem::replace(&mut self.state, State::nothing());
                let (state, effects) = step(state, event);
                self.state = state;
                if may_change_wallets {
                    self.note_wallets(&mut writes);
                }
                for effect in effects {
                    self.sort(effect, &mut writes, &mut reload);
                }
                writes.extend(sent.and_then(|(tx_hash, before)| self.changed(tx_hash, before)));
            }
            if writes.is_empty() && !reload {
                return Ok(());
            }
            let mut is_lost = false;
            for (write, written) in writes.iter().zip(self.book.write(&writes).await?) {
                match (write, written) {
                    (&Write::Attempt { request, .. }, Written::Stored) => {
                        events.push_back(Event::Persisted { request });
                    }
                    (&Write::Attempt { request, .. }, Written::Lost) => {
                        events.push_back(Event::PersistLost { request });
                    }
                    (_, Written::Stored) => {}
                    (_, Written::Lost) => is_lost = true,
                }
            }
            if is_lost {
                events.push_back(Event::LeaseLost);
            }
            if is_lost || reload {
                let rows = self.book.load().await?;
                events.push_back(Event::Restarted(Box::new(rows)));
            }
        }
    }

    /// Sets aside what is to be stored; everything else is begun, and done beside.
    fn sort(&self, effect: Effect, writes: &mut Vec<Write>, reload: &mut bool) {
        match effect {
            Effect::Persist { request, record } => writes.push(Write::Attempt { request, record }),
            Effect::StatusChanged(change) => {
                tracing::info!(
                    digest = %change.digest,
                    status = change.status.name(),
                    reason = change.status.reason().map(|reason| reason.name()),
                    is_final = change.is_final,
                    "status"
                );
                writes.push(Write::Status(change));
            }
            Effect::Settled { sender, account_nonce, settlement } => {
                writes.push(Write::Settled { sender, account_nonce, settlement });
            }
            Effect::Checkpoint { wallet, snapshot } => {
                writes.push(Write::Checkpoint { wallet, snapshot });
            }
            Effect::Reload => *reload = true,
            Effect::Alarm(alarm) => tracing::warn!(?alarm, "alarm"),
            Effect::FreeNonce { sender, account_nonce, cause } => {
                tracing::info!(%sender, account_nonce, ?cause, "a no-op is to free an account nonce");
            }
            Effect::Ignored(why) => tracing::trace!(?why, "ignored"),
            effect => perform::beside(&self.context, effect, &self.state),
        }
    }

    /// Whose logs are to be read, and the configurations that changed.
    fn note_wallets(&mut self, writes: &mut Vec<Write>) {
        let wallets = self.state.wallets();
        self.context.wallets.send_if_modified(|known| {
            let is_same = known.iter().eq(wallets.keys());
            if !is_same {
                *known = wallets.keys().copied().collect();
            }
            !is_same
        });
        for (&address, wallet) in wallets {
            let (epoch, config) = (wallet.now().epoch, &wallet.now().config);
            if self.epochs.insert(address, epoch).is_some_and(|before| before != epoch) {
                writes.push(Write::Config { wallet: address, config: config.clone(), epoch });
            }
        }
    }

    /// The attempt that an event tells the fate of, and what was known of it before.
    fn sent(&self, event: &Event) -> Option<(B256, AttemptState)> {
        let Event::SendResult { tx_hash, .. } = event else { return None };
        Some((*tx_hash, self.state.find_attempt(*tx_hash)?.0.state))
    }

    /// What is to be stored of an attempt of which another thing was known before.
    fn changed(&self, tx_hash: B256, before: AttemptState) -> Option<Write> {
        let state = self.state.find_attempt(tx_hash)?.0.state;
        (state != before).then_some(Write::Sent { tx_hash, state })
    }
}

/// Tasks that end with the engine.
struct Beside<const N: usize>([tokio::task::JoinHandle<()>; N]);

impl<const N: usize> Drop for Beside<N> {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}
