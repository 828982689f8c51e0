//! The engine at work on a chain: [`step`] decides, and here is done what it asks for.
//!
//! Everything that changes the store is done in order and before the next event; everything that asks the
//! chain runs beside, and its answer is one more event. So a slow endpoint delays nothing but its own answer, and
//! nothing is sent before it is durable.

mod book;
mod endpoints;
mod follow;
mod key;
mod logs;
mod perform;

pub use book::{Book, BookError, MemoryBook, Persisted};
pub use endpoints::Endpoints;
pub use key::{Key, KeyError, LocalKey};

use crate::{Effect, Event, Settings, State, budget::Limits, step};
use alloy::primitives::Address;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};

/// How many events can wait.
const INBOX: usize = 1_024;

/// What one engine works with.
pub struct Parts<B> {
    /// How the chain is served.
    pub settings: Settings,
    /// What may be spent.
    pub limits: Limits,
    /// Where the chain is read, and transactions are sent.
    pub endpoints: Endpoints,
    /// The keys of the senders in the settings.
    pub keys: Vec<Box<dyn Key>>,
    /// What is durable.
    pub book: B,
    /// Now, in Unix seconds.
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
pub struct Engine<B> {
    state: State,
    book: B,
    context: Arc<Context>,
    inbox: mpsc::Receiver<Event>,
    stopped: watch::Receiver<bool>,
}

/// What the work beside the engine needs.
struct Context {
    settings: Settings,
    endpoints: Endpoints,
    keys: BTreeMap<Address, Box<dyn Key>>,
    clock: fn() -> u64,
    poll: Duration,
    events: mpsc::Sender<Event>,
    /// Whose logs are read.
    wallets: watch::Sender<Vec<Address>>,
    /// From which block on the follower is to tell blocks again.
    again_from: watch::Sender<Option<u64>>,
}

impl<B> std::fmt::Debug for Engine<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("chain_id", &self.context.settings.chain_id).finish()
    }
}

impl<B> std::fmt::Debug for Parts<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("settings", &self.settings).finish()
    }
}

impl Handle {
    /// Tells the engine something, as that a proposal was added. Waits while its inbox is full; false if the engine
    /// has ended.
    pub async fn tell(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// Ends the engine after the event it is at. What is on its way goes on by itself, and is found again.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }
}

impl<B: Book> Engine<B> {
    /// An engine that begins with what the book holds once it runs.
    pub fn new(parts: Parts<B>) -> (Self, Handle) {
        let Parts { mut settings, limits, endpoints, keys, book, clock, poll } = parts;
        let keys: BTreeMap<_, _> = keys.into_iter().map(|key| (key.address(), key)).collect();
        settings.senders = keys.keys().copied().collect();
        let (events, inbox) = mpsc::channel(INBOX);
        let (stop, stopped) = watch::channel(false);
        let (wallets, again_from) = (watch::Sender::default(), watch::Sender::default());
        let handle = Handle { events: events.clone(), stop };
        let state = State::new(settings.clone(), limits);
        let context =
            Context { settings, endpoints, keys, clock, poll, events, wallets, again_from };
        (Self { state, book, context: Arc::new(context), inbox, stopped }, handle)
    }

    /// Works until it is stopped, and gives the book back.
    ///
    /// # Errors
    ///
    /// If the book fails for good.
    pub async fn run(mut self) -> Result<B, BookError> {
        let follower = tokio::spawn(follow::follow(self.context.clone()));
        let ended = self.work().await;
        follower.abort();
        ended.map(|()| self.book)
    }

    async fn work(&mut self) -> Result<(), BookError> {
        let rows = self.book.load().await?;
        self.take(Event::Restarted(Box::new(rows))).await?;
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                biased;
                _ = self.stopped.wait_for(|stopped| *stopped) => return Ok(()),
                event = self.inbox.recv() => match event {
                    Some(event) => event,
                    None => return Ok(()),
                },
                _ = ticks.tick() => Event::Tick { now: (self.context.clock)() },
            };
            self.take(event).await?;
        }
    }

    /// Takes note of an event and does what follows; what the book answers are events too.
    async fn take(&mut self, event: Event) -> Result<(), BookError> {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let state = std::mem::replace(&mut self.state, empty());
            let (state, effects) = step(state, event);
            self.state = state;
            self.note_wallets();
            for effect in effects {
                events.extend(self.perform(effect).await?);
            }
        }
        Ok(())
    }

    fn note_wallets(&self) {
        let wallets = self.state.wallets();
        self.context.wallets.send_if_modified(|known| {
            let is_same = known.iter().eq(wallets.keys());
            if !is_same {
                *known = wallets.keys().copied().collect();
            }
            !is_same
        });
    }

    /// Does what changes the book; everything else is done beside.
    async fn perform(&mut self, effect: Effect) -> Result<Option<Event>, BookError> {
        match effect {
            Effect::Persist { request, record } => {
                Ok(Some(match self.book.persist(&record).await? {
                    Persisted::Stored => Event::Persisted { request },
                    Persisted::Lost => Event::PersistLost { request },
                }))
            }
            Effect::StatusChanged(change) => {
                tracing::info!(digest = %change.digest, status = change.status.name(), "status");
                self.book.change_status(&change).await.map(|()| None)
            }
            Effect::Settled { sender, account_nonce, settlement } => {
                self.book.settle(sender, account_nonce, settlement).await.map(|()| None)
            }
            Effect::Checkpoint { wallet, snapshot } => {
                self.book.checkpoint(wallet, &snapshot).await.map(|()| None)
            }
            Effect::Reload => {
                let rows = self.book.load().await?;
                Ok(Some(Event::Restarted(Box::new(rows))))
            }
            Effect::Alarm(alarm) => {
                tracing::warn!(?alarm, "alarm");
                Ok(None)
            }
            effect => {
                perform::beside(&self.context, effect, &self.state);
                Ok(None)
            }
        }
    }
}

/// Stands in for the state while a step is made.
fn empty() -> State {
    let limits = Limits {
        per_day: Default::default(),
        per_wallet_and_day: Default::default(),
        per_transaction: Default::default(),
        max_fee_per_gas: 0,
        sender_floor: Default::default(),
    };
    State::new(Settings::new(0, Address::ZERO), limits)
}
