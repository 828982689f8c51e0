//! The engine at work on a chain: [`step_all`] decides, and here is done what it asks for.
//!
//! Everything that changes the store is done in order and before what follows from it; everything that asks the
//! chain runs beside, and its answer is one more event. So a slow endpoint delays nothing but its own answer, and
//! nothing is sent before it is durable. Events that wait are taken together, and what they have stored is committed
//! together: attempts at once, and everything else, which can be found again, a little later and beside.

mod book;
mod deferred;
mod endpoints;
mod failpoint;
mod feed;
mod finality;
mod follow;
mod gas;
mod key;
mod lacks;
mod logs;
mod path;
mod perform;
mod reading;
mod receipts;
mod refusal;
mod report;
mod running;
mod tenure;
mod watched;

pub use book::BookError;
pub use endpoints::Endpoints;
pub use key::{Key, KeyError, LocalKey};
pub use report::{Report, SenderReport};
pub use tenure::{Keeper, Tenure};

use crate::{
    Alarm, Effect, Event, Settings, State,
    attempt::AttemptState,
    budget::Limits,
    event::{BlockId, LogKind, WalletLog},
    step_all,
};
use alloy::primitives::{Address, B256};
use book::{Book, Write, Written};
use deferred::Deferred;
use quorate_store::{Lapse, Storage as _, Store};
use reading::Blooms;
use receipts::Times;
use running::Running;
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    ops::ControlFlow,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};
use tracing::{Instrument as _, Span};
use watched::Watched;

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
    report: watch::Receiver<Report>,
}

/// An engine of one chain.
pub struct Engine {
    state: State,
    book: Arc<Book>,
    deferred: Deferred,
    tenure: Tenure,
    context: Arc<Context>,
    inbox: mpsc::Receiver<Event>,
    stopped: watch::Receiver<bool>,
    /// The epochs of the wallets, as far as the store was told.
    epochs: BTreeMap<Address, u32>,
    report: watch::Sender<Report>,
    readiness: report::Readiness,
}

/// What the work beside the engine needs.
struct Context {
    settings: Settings,
    endpoints: Endpoints,
    keys: BTreeMap<Address, Box<dyn Key>>,
    poll: Duration,
    events: mpsc::Sender<Event>,
    /// Whose logs are read.
    watched: watch::Sender<Arc<Watched>>,
    /// What is known of the blooms of blocks.
    blooms: Blooms,
    /// The tip that others pay, once it is known.
    tip: watch::Sender<Option<u128>>,
    /// The accounts that are to be read, at the newest block for which that was asked.
    accounts: watch::Sender<Option<(BlockId, Vec<Address>)>>,
    /// When recent blocks were, in Unix seconds.
    times: Times,
    /// What is being asked.
    running: Running,
    /// What log lines are about: an engine is one of several.
    span: Span,
    /// From which block on the follower is to tell blocks again.
    again_from: watch::Sender<Option<u64>>,
}

impl Context {
    /// Runs something beside the engine, whose log lines are about its chain.
    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        tokio::spawn(work.instrument(self.span.clone()))
    }
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

    /// What the engine tells of itself, once a second.
    pub fn report(&self) -> watch::Receiver<Report> {
        self.report.clone()
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
        let chain_id = settings.chain_id;
        let watched = Arc::new(Watched::new(BTreeSet::new(), settings.factory));
        let (report, reported) = watch::channel(Report::default());
        let handle = Handle { events: events.clone(), stop, report: reported };
        let state = State::new(settings.clone(), limits);
        let reach = (settings.history as u64).saturating_mul(settings.block_secs * 2_000);
        let book = Book::new(store, settings.chain_id, tenure.clone(), clock, reach);
        let context = Context {
            settings,
            endpoints,
            keys,
            poll,
            events,
            watched: watch::Sender::new(watched),
            blooms: Blooms::default(),
            tip: watch::Sender::default(),
            accounts: watch::Sender::default(),
            times: Times::default(),
            running: Running::default(),
            // Whatever level is logged: an alarm names its chain.
            span: tracing::error_span!("engine", chain_id),
            again_from: watch::Sender::default(),
        };
        let book = Arc::new(book);
        let deferred = Deferred::new(book.clone());
        let context = Arc::new(context);
        let (epochs, readiness) = (BTreeMap::new(), report::Readiness::default());
        let engine = Self {
            state,
            book,
            deferred,
            tenure,
            context,
            inbox,
            stopped,
            epochs,
            report,
            readiness,
        };
        (engine, handle)
    }

    /// Works until it is stopped. Waits first until the process has the lease.
    ///
    /// # Errors
    ///
    /// If the store fails for good.
    pub async fn run(self) -> Result<(), BookError> {
        let span = self.context.span.clone();
        self.work().instrument(span).await
    }

    async fn work(mut self) -> Result<(), BookError> {
        // Whatever is stored from here on is told; what was before, is loaded.
        let cursor = book::retried(|| self.book.store().last_event()).await?;
        let Some(first) = self.load().await? else { return Ok(()) };
        let store = self.book.store().clone();
        let context = &self.context;
        let _beside = Beside([
            context.spawn(follow::follow(context.clone())),
            context.spawn(follow::watch_tip(context.clone())),
            context.spawn(finality::watch(context.clone())),
            context.spawn(lacks::watch(context.clone())),
            context.spawn(perform::read_accounts(context.clone())),
            context.spawn(feed::feed(context.clone(), store, cursor)),
        ]);
        let mut events = vec![first];
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.take(std::mem::take(&mut events)).await?.is_break() {
                return Ok(());
            }
            let lease = self.book.lease();
            let woken = tokio::select! {
                biased;
                _ = self.stopped.wait_for(|stopped| *stopped) => Woken::Stopped,
                () = self.tenure.lost(lease.as_ref()) => Woken::LeaseLost,
                _ = ticks.tick() => {
                    self.report.send_replace(Report::of(&self.state, &mut self.readiness));
                    events.push(Event::Tick { now: self.book.now_secs() });
                    Woken::AtWork
                }
                written = self.deferred.written() => match written? {
                    Written::Stored => Woken::AtWork,
                    Written::Lost | Written::Open => Woken::LeaseLost,
                },
                taken = self.inbox.recv_many(&mut events, TOGETHER) => {
                    if taken == 0 { Woken::Stopped } else { Woken::AtWork }
                }
            };
            match woken {
                Woken::AtWork => {}
                Woken::LeaseLost => {
                    let Some(again) = self.reload().await? else { return Ok(()) };
                    events.extend([Event::LeaseLost, again]);
                }
                Woken::Stopped => return self.deferred.finish().await,
            }
        }
    }

    /// What the store has, once there is a lease; none if the engine is stopped before.
    async fn load(&mut self) -> Result<Option<Event>, BookError> {
        tokio::select! {
            biased;
            _ = self.stopped.wait_for(|stopped| *stopped) => Ok(None),
            rows = self.book.load() => Ok(Some(Event::Restarted(Box::new(rows?)))),
        }
    }

    /// As [`Self::load`]; what was to be stored and is not is given up, since it is found again.
    async fn reload(&mut self) -> Result<Option<Event>, BookError> {
        self.report.send_modify(|report| report.is_leading = false);
        self.deferred.give_up().await;
        self.load().await
    }

    /// Takes note of events and does what follows; what the store answers are events too. Breaks if the engine is stopped.
    async fn take(&mut self, mut events: Vec<Event>) -> Result<ControlFlow<()>, BookError> {
        loop {
            let mut asked = Asked::default();
            self.step(std::mem::take(&mut events), &mut asked);
            for write in asked.later {
                self.deferred.push(write);
            }
            if !asked.attempts.is_empty() {
                let written = self.book.write(&asked.attempts).await?;
                if written.contains(&Written::Open) {
                    let Some(again) = self.reload().await? else {
                        return Ok(ControlFlow::Break(()));
                    };
                    events.extend([Event::LeaseLost, again]);
                    continue;
                }
                for (write, written) in asked.attempts.iter().zip(written) {
                    let &Write::Attempts { request, .. } = write else { continue };
                    events.push(match written {
                        Written::Stored => Event::Persisted { request },
                        Written::Lost | Written::Open => Event::PersistLost { request },
                    });
                }
            }
            if asked.reload {
                let Some(again) = self.reload().await? else { return Ok(ControlFlow::Break(())) };
                events.push(again);
            }
            if events.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    /// Makes one step of all these events, and notes what it asks for.
    fn step(&mut self, events: Vec<Event>, asked: &mut Asked) {
        let sent: Vec<_> = events.iter().filter_map(|event| self.sent(event)).collect();
        let approvals: Vec<_> = events.iter().flat_map(|event| self.approvals(event)).collect();
        let may_change_wallets = events.iter().any(|event| {
            matches!(
                event,
                Event::Restarted(_)
                    | Event::WalletAdded(_)
                    | Event::NewHead { .. }
                    | Event::LogsRead { .. }
            )
        });
        let state = std::mem::replace(&mut self.state, State::nothing());
        let (state, effects) = step_all(state, events);
        self.state = state;
        self.report_head();
        if may_change_wallets {
            self.note_wallets(&mut asked.later);
        }
        asked.later.extend(approvals.into_iter().filter_map(|approval| self.approved(approval)));
        for effect in effects {
            self.sort(effect, asked);
        }
        let changed =
            sent.into_iter().filter_map(|(tx_hash, before)| self.changed(tx_hash, before));
        asked.later.extend(changed);
    }

    /// Tells where the engine is: as soon as it gets there, since blocks may come faster than everything is told.
    fn report_head(&self) {
        let head = self.state.history().head().copied();
        self.report.send_if_modified(|report| {
            let is_news = report.head != head;
            (report.head, report.head_at) = (head, self.state.last_head_at);
            is_news
        });
    }

    /// Sets aside what is to be stored; everything else is begun, and done beside.
    fn sort(&self, effect: Effect, asked: &mut Asked) {
        match effect {
            Effect::Persist { request, records } => {
                asked.attempts.push(Write::Attempts { request, records });
            }
            Effect::StatusChanged(change) => {
                tracing::info!(
                    digest = %change.digest,
                    status = change.status.name(),
                    reason = change.status.reason().map(|reason| reason.name()),
                    is_final = change.is_final,
                    "status"
                );
                asked.later.push(Write::Status(change));
            }
            Effect::Settled { sender, account_nonce, settlement } => {
                asked.later.push(Write::Settled { sender, account_nonce, settlement });
            }
            Effect::Checkpoint { wallet, snapshot } => {
                asked.later.push(Write::Checkpoint { wallet, snapshot });
            }
            Effect::SignatureLapsed { digest, owner, signature, reason } => {
                let lapse = Lapse { digest, owner, signature, reason };
                asked.later.push(Write::Lapsed(Box::new(lapse)));
            }
            Effect::Reload => asked.reload = true,
            Effect::Alarm(alarm) => tracing::warn!(
                ?alarm,
                sender = alarm.sender().map(display),
                wallet = self.wallet_of(&alarm).map(display),
                "alarm"
            ),
            Effect::FreeNonce { sender, account_nonce, cause } => {
                tracing::info!(%sender, account_nonce, ?cause, "a no-op is to free an account nonce");
            }
            Effect::Ignored(why) => tracing::trace!(?why, "ignored"),
            effect => perform::beside(&self.context, effect, &self.state),
        }
    }

    /// The wallet that an alarm is about.
    fn wallet_of(&self, alarm: &Alarm) -> Option<Address> {
        let of_digest = |digest| self.state.proposals().get(&digest).map(|p| p.request.wallet);
        alarm.wallet().or_else(|| of_digest(alarm.digest()?))
    }

    /// Whose logs are to be read, and the configurations that changed.
    fn note_wallets(&mut self, writes: &mut Vec<Write>) {
        let wallets = self.state.wallets();
        let factory = self.context.settings.factory;
        self.context.watched.send_if_modified(|known| {
            let is_same = known.wallets.iter().eq(wallets.keys());
            if !is_same {
                *known = Arc::new(Watched::new(wallets.keys().copied().collect(), factory));
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

    /// The approvals on chain that an event tells, or that were told before the proposal that they are for.
    fn approvals(&self, event: &Event) -> Vec<(B256, Address)> {
        let of_log = |log: &WalletLog| match log.what {
            LogKind::Approved { digest, owner } => Some((digest, owner)),
            _ => None,
        };
        match event {
            Event::NewHead { blocks, .. } => {
                blocks.iter().flat_map(|block| &block.logs).filter_map(of_log).collect()
            }
            Event::LogsRead { logs, .. } => {
                logs.iter().filter_map(|(_, log)| of_log(log)).collect()
            }
            Event::ProposalAdded { digest, request } => {
                let wallet = self.state.wallets().get(&request.wallet);
                let approvals = wallet.into_iter().flat_map(|wallet| &wallet.now().approvals);
                approvals.filter(|(approved, _)| approved == digest).copied().collect()
            }
            _ => Vec::new(),
        }
    }

    /// What is to be stored of an approval, if it counts: its owner signed, and readers are to see how.
    fn approved(&self, (digest, owner): (B256, Address)) -> Option<Write> {
        let proposal = self.state.proposals().get(&digest)?;
        let wallet = self.state.wallets().get(&proposal.request.wallet)?;
        let is_owner = wallet.now().config.index_of(owner).is_some();
        let counts = is_owner && wallet.is_approved(digest, owner);
        let is_news = counts && !proposal.signatures.contains_key(&owner);
        is_news.then_some(Write::Approved { digest, owner })
    }

    /// What is to be stored of an attempt of which another thing was known before.
    fn changed(&self, tx_hash: B256, before: AttemptState) -> Option<Write> {
        let state = self.state.find_attempt(tx_hash)?.0.state;
        (state != before).then_some(Write::Sent { tx_hash, state })
    }
}

/// Why the engine goes on.
enum Woken {
    AtWork,
    LeaseLost,
    Stopped,
}

/// What steps asked the store for.
#[derive(Debug, Default)]
struct Asked {
    attempts: Vec<Write>,
    later: Vec<Write>,
    reload: bool,
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
