//! Bursts of intentions, and the readers beside.

use super::{
    books::{self, Happened, Subject, What},
    dice::Dice,
};
use crate::{
    database::Database,
    sample::{CHAIN, ecdsa, owner, proposal_of, request},
};
use alloy::primitives::{Address, B256, Bytes};
use eyre::{Result, ensure};
use quorate_core::{Config, Request, Snapshot};
use quorate_store::{
    Accepted, DeliveryAttempt, EventFilter, EventKind, EventKinds, NewSignature, NewWallet,
    Options, Recorded, Storage as _, Store, StoreError, WalletKey,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;

/// Two processes at one database, and what they were asked.
pub(super) struct Trial<'d> {
    database: &'d Database,
    dice: Dice,
    stores: [Store; 2],
    now: i64,
    steps: u64,
    happened: Happened,
    /// How many wallets and proposals were asked for; those of each that were answered.
    numbers: u64,
    wallets: Vec<Address>,
    proposals: Vec<B256>,
    hooks: Vec<Hook>,
    listeners: Vec<Listener>,
}

/// A webhook.
struct Hook {
    name: String,
    kinds: EventKinds,
    /// What had happened for sure before it began: of that, nothing has to be told.
    behind: u64,
    told: Arc<Mutex<Vec<u64>>>,
}

/// Who reads on behind the last event it was told, as a stream or the engine's feed does.
struct Listener {
    name: &'static str,
    filter: EventFilter,
    /// Of how many bursts it reads after one.
    slow: u64,
    cursor: u64,
    told: Vec<u64>,
}

/// What came of an intention.
enum Came {
    /// These events are stored.
    Stored(Vec<What>),
    /// Nobody knows whether these are.
    Unknown(Vec<What>),
    Wallet(Address),
    Proposal(B256),
}

fn options() -> Options {
    // Both shorter than somebody keeps the lock.
    let wait = Duration::from_millis(60);
    Options { busy_wait: wait, queue_wait: Duration::from_secs(30), ..Options::default() }
}

fn address(number: u64) -> Address {
    Address::left_padding_from(&(0xa000_0000 + number).to_be_bytes())
}

fn key(address: Address) -> WalletKey {
    WalletKey { chain_id: CHAIN, address }
}

/// Owned by one account in the list, or by another.
fn config(number: u64) -> Result<Config> {
    let owners = if number.is_multiple_of(3) { vec![owner(5)] } else { vec![owner(0), owner(1)] };
    Ok(Config::new(1, owners, Address::ZERO, Bytes::new())?)
}

impl<'d> Trial<'d> {
    pub(super) async fn new(database: &'d Database, dice: Dice) -> Result<Self> {
        let stores = [database.open_with(options()).await?, database.open_with(options()).await?];
        let all = EventFilter::default;
        let among = (1..9).map(|number| key(address(number))).collect();
        let listener =
            |name, filter, slow| Listener { name, filter, slow, cursor: 0, told: Vec::new() };
        let listeners = vec![
            listener("all", all(), 1),
            listener("slow", all(), 40),
            listener("chain", EventFilter { chain_id: Some(CHAIN), ..all() }, 2),
            listener("wallet", EventFilter { address: Some(address(3)), ..all() }, 3),
            listener("owner", EventFilter { owner: Some(owner(5)), ..all() }, 5),
            listener("other owner", EventFilter { owner: Some(owner(1)), ..all() }, 7),
            listener("among", EventFilter { among: Some(among), ..all() }, 4),
        ];
        let mut trial = Self {
            database,
            dice,
            stores,
            now: 1_800_000_000_000,
            steps: 0,
            happened: Happened::default(),
            numbers: 0,
            wallets: Vec::new(),
            proposals: Vec::new(),
            hooks: Vec::new(),
            listeners,
        };
        trial.begin_hook(None).await?;
        let some = [EventKind::Signed, EventKind::WalletReconfigured];
        trial.begin_hook(Some(some.into())).await?;
        Ok(trial)
    }

    /// How many intentions there were.
    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }

    async fn begin_hook(&mut self, kinds: EventKinds) -> Result<()> {
        let name = format!("hook{}", self.hooks.len());
        self.stores[0].begin_webhook(name.clone(), self.now).await?;
        // What was stored before that was answered may be told or not.
        let behind = books::rows(self.database).await?.len() as u64;
        self.hooks.push(Hook { name, kinds, behind, told: Arc::default() });
        Ok(())
    }

    /// Intentions that are there at once, in both processes, and what becomes of them.
    pub(super) async fn burst(&mut self) -> Result<()> {
        self.now += 1 + self.dice.below(5_000) as i64;
        if self.hooks.len() < 6 && self.dice.one_in(60) {
            let kinds = self.dice.one_in(2).then(|| [EventKind::Proposed].into());
            self.begin_hook(kinds).await?;
        }
        let mut tasks = JoinSet::new();
        if self.dice.one_in(25) {
            tasks.spawn(keep_locked(self.database.intruder().await?));
        }
        let most = if self.dice.one_in(4) { 90 } else { 12 };
        let count = 1 + self.dice.below(most);
        for _ in 0..count {
            self.steps += 1;
            self.ask(&mut tasks)?;
        }
        // Now and then it ends in the middle.
        let ends = self.dice.one_in(20).then(|| self.dice.below(2) as usize);
        if let Some(which) = ends {
            tokio::time::sleep(Duration::from_micros(self.dice.below(4_000))).await;
            self.stores[which].close().await;
            self.stores[which] = self.database.open_with(options()).await?;
        }
        self.listen().await?;
        while let Some(came) = tasks.join_next().await {
            for came in came?? {
                match came {
                    Came::Stored(events) => note(&mut self.happened.surely, events),
                    Came::Unknown(events) => note(&mut self.happened.perhaps, events),
                    Came::Wallet(wallet) => self.wallets.push(wallet),
                    Came::Proposal(digest) => self.proposals.push(digest),
                }
            }
        }
        Ok(())
    }

    /// Begins with one intention of some kind.
    fn ask(&mut self, tasks: &mut JoinSet<Result<Vec<Came>>>) -> Result<()> {
        let store = self.stores[usize::from(self.dice.one_in(4))].clone();
        let now = self.now;
        self.numbers += 1;
        let number = self.numbers;
        let wallet = self.dice.pick(&self.wallets).copied();
        let digest = self.dice.pick(&self.proposals).copied();
        let hook = self.dice.below(self.hooks.len() as u64) as usize;
        match (self.dice.below(20), wallet, digest) {
            (0, ..) | (1..8, None, _) => {
                // Some of them are known.
                let new = if self.dice.one_in(3) { wallet } else { None };
                let address =
                    new.unwrap_or_else(|| address(self.wallets.len() as u64 + number % 7));
                tasks.spawn(register(store, address, config(number)?, now));
            }
            (1, Some(wallet), _) => {
                let epoch = u32::try_from(number)?;
                tasks.spawn(reconfigure(store, wallet, config(number)?, epoch, now));
            }
            (2..5, Some(wallet), _) => {
                // One in five is of a wallet that is not there, and is taken back.
                let wallet = if self.dice.one_in(5) { Address::ZERO } else { wallet };
                tasks.spawn(propose(store, Request { wallet, ..request(number) }, now));
            }
            (5..8, _, Some(digest)) => {
                let digest = if self.dice.one_in(6) { B256::ZERO } else { digest };
                let by = self.dice.below(60) as u8;
                let new = (ecdsa(number as u8), self.dice.one_in(2));
                tasks.spawn(sign(store, digest, by, new, now));
            }
            (8..13, ..) => {
                let Hook { name, kinds, .. } = &self.hooks[hook];
                let limit = *self.dice.pick(&[1, 3, 500]).unwrap_or(&1);
                tasks.spawn(enqueue(store, name.clone(), kinds.clone(), limit, now));
            }
            (13..18, ..) => {
                let Hook { name, told, .. } = &self.hooks[hook];
                let dice = Dice::new(self.dice.below(u64::MAX));
                tasks.spawn(tell(store, name.clone(), told.clone(), dice, now));
            }
            (18, ..) => {
                let Hook { name, kinds, behind, .. } = &self.hooks[hook];
                let from = behind + 1 + self.dice.below(200);
                let (name, kinds) = (name.clone(), kinds.clone());
                tasks.spawn(redeliver(store, name, kinds, from..=from + 9, now));
            }
            _ => {
                let is_enabled = !self.dice.one_in(4);
                let name = self.hooks[hook].name.clone();
                tasks.spawn(enable(store, name, is_enabled, now));
            }
        }
        Ok(())
    }

    /// Those who read on, while others write. Some of what they read they lose, and go on behind what they have.
    async fn listen(&mut self) -> Result<()> {
        let (stores, dice) = (&self.stores, &mut self.dice);
        for listener in &mut self.listeners {
            if !dice.one_in(listener.slow) {
                continue;
            }
            let store = &stores[dice.below(2) as usize];
            let limit = 1 + dice.below(60) as u32;
            let read = store.events_after(listener.cursor, listener.filter.clone(), limit).await;
            let mut events = match read {
                Err(StoreError::Database(_)) => continue,
                read => read?,
            };
            if dice.one_in(8) {
                events.truncate(dice.below(1 + events.len() as u64) as usize);
            }
            for event in events {
                ensure!(event.sequence > listener.cursor, "{} goes back", listener.name);
                listener.cursor = event.sequence;
                listener.told.push(event.sequence);
            }
        }
        Ok(())
    }

    /// When all goes well at last, everything was told.
    pub(super) async fn end(mut self) -> Result<()> {
        self.now += 10 * 86_400_000;
        let store = &self.stores[1];
        for hook in &self.hooks {
            store.set_webhook_enabled(hook.name.clone(), true, self.now).await?;
            let all =
                || store.enqueue_deliveries(hook.name.clone(), hook.kinds.clone(), 500, self.now);
            while !all().await?.is_caught_up {}
            loop {
                let due = store.due_deliveries(hook.name.clone(), i64::MAX, 100).await?;
                if due.is_empty() {
                    break;
                }
                for delivery in due {
                    let sequence = delivery.event.sequence;
                    lock(&hook.told).push(sequence);
                    let attempt = attempt(&hook.name, sequence, delivery.attempts + 1);
                    store.record_delivery(attempt, self.now).await?;
                }
            }
        }
        for listener in &mut self.listeners {
            loop {
                let filter = listener.filter.clone();
                let events = store.events_after(listener.cursor, filter, 500).await?;
                let Some(last) = events.last() else { break };
                listener.cursor = last.sequence;
                listener.told.extend(events.iter().map(|event| event.sequence));
            }
        }
        self.check().await
    }

    async fn check(&self) -> Result<()> {
        let rows = books::rows(self.database).await?;
        books::check_rows(&rows, &self.happened)?;
        for hook in &self.hooks {
            let is_wanted = |row: &&books::Row| {
                let kinds = hook.kinds.as_ref();
                row.sequence > hook.behind
                    && kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind.word() == row.kind))
            };
            let wanted: Vec<_> = rows.iter().filter(is_wanted).map(|row| row.sequence).collect();
            books::check_told(&hook.name, &rows, &wanted, &lock(&hook.told))?;
        }
        for Listener { name, filter, told, .. } in &self.listeners {
            ensure!(told.is_sorted_by(|one, next| one < next), "{name} was told something twice");
            if let Some(owner) = filter.owner {
                // Of the time before it owned a wallet it may be told too.
                books::check_told(name, &rows, &books::of_owner(&rows, owner), told)?;
                continue;
            }
            let is_wanted = |row: &&books::Row| {
                filter.address.is_none_or(|address| address == row.wallet)
                    && filter.among.as_ref().is_none_or(|among| among.contains(&key(row.wallet)))
            };
            let wanted: Vec<_> = rows.iter().filter(is_wanted).map(|row| row.sequence).collect();
            ensure!(*told == wanted, "{name}: {} told, {} happened", told.len(), wanted.len());
        }
        ensure!(rows.len() as u64 > self.steps / 10, "little happened: {} events", rows.len());
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(list: &mut std::collections::BTreeMap<What, usize>, events: Vec<What>) {
    for what in events {
        *list.entry(what).or_default() += 1;
    }
}

fn attempt(webhook: &str, sequence: u64, number: u32) -> DeliveryAttempt {
    let (webhook, outcome) = (webhook.to_owned(), "200".to_owned());
    DeliveryAttempt { webhook, sequence, number, outcome, retry_at: None, hold_until: None }
}

/// Keeps everybody from writing, for longer than they wait or not.
async fn keep_locked(mut intruder: sqlx::AnyConnection) -> Result<Vec<Came>> {
    use sqlx::Connection as _;
    // Others may be quicker.
    if let Ok(mut tx) = intruder.begin().await {
        let locked = sqlx::query("UPDATE store_head SET id = 1").execute(&mut *tx).await;
        if locked.is_ok() {
            tokio::time::sleep(Duration::from_millis(80)).await;
        }
        tx.rollback().await?;
    }
    intruder.close().await?;
    Ok(Vec::new())
}

/// What came of an intention that would have these events. A database that failed may have stored it.
fn came<T>(
    answer: Result<T, StoreError>,
    events: impl Fn(Option<T>) -> Vec<What>,
) -> Result<Vec<Came>> {
    Ok(vec![match answer {
        Ok(answer) => Came::Stored(events(Some(answer))),
        Err(StoreError::Database(_)) => Came::Unknown(events(None)),
        Err(StoreError::UnknownWallet { .. } | StoreError::UnknownProposal { .. }) => {
            Came::Stored(Vec::new())
        }
        Err(error) => return Err(error.into()),
    }])
}

async fn register(store: Store, address: Address, config: Config, now: i64) -> Result<Vec<Came>> {
    let snapshot = Snapshot::new(0, true, 0, config);
    let new = NewWallet { key: key(address), origin: None, snapshot };
    let answer = store.register_wallet(new, now).await;
    let is_there = answer.is_ok();
    let mut came = came(answer, |answer| match answer {
        Some(Recorded::Known) => Vec::new(),
        Some(Recorded::New) | None => vec![("walletRegistered", Subject::Wallet(address))],
    })?;
    if is_there {
        came.push(Came::Wallet(address));
    }
    Ok(came)
}

async fn reconfigure(
    store: Store,
    wallet: Address,
    config: Config,
    epoch: u32,
    now: i64,
) -> Result<Vec<Came>> {
    let answer = store.record_config(key(wallet), config, epoch, now).await;
    came(answer, |_| vec![("walletReconfigured", Subject::Wallet(wallet))])
}

async fn propose(store: Store, request: Request, now: i64) -> Result<Vec<Came>> {
    let digest = request.digest();
    let answer = store.record_proposal(proposal_of(request), now).await;
    let is_there = answer.is_ok();
    let subject = Subject::Proposal(digest);
    let mut came = came(answer, |_| vec![("proposed", subject), ("signed", subject)])?;
    if is_there {
        came.push(Came::Proposal(digest));
    }
    Ok(came)
}

async fn sign(
    store: Store,
    digest: B256,
    by: u8,
    (signature, replaces): (quorate_core::OwnerSignature, bool),
    now: i64,
) -> Result<Vec<Came>> {
    let replaces = replaces.then(|| signature.clone());
    let new = NewSignature { owner: owner(by), signature, verified: true, replaces };
    let answer = store.accept_signature(digest, new, now).await;
    came(answer, |answer| match answer {
        Some(Accepted::Known | Accepted::Kept) => Vec::new(),
        Some(Accepted::New | Accepted::Replaced) | None => {
            vec![("signed", Subject::Proposal(digest))]
        }
    })
}

/// Nothing that is told of a webhook is an event.
fn quiet<T>(answer: Result<T, StoreError>) -> Result<Vec<Came>> {
    came(answer, |_| Vec::new())
}

async fn enqueue(
    store: Store,
    hook: String,
    kinds: EventKinds,
    limit: u32,
    now: i64,
) -> Result<Vec<Came>> {
    quiet(store.enqueue_deliveries(hook, kinds, limit, now).await)
}

async fn redeliver(
    store: Store,
    hook: String,
    kinds: EventKinds,
    range: std::ops::RangeInclusive<u64>,
    now: i64,
) -> Result<Vec<Came>> {
    quiet(store.redeliver(hook, kinds, range, now).await)
}

async fn enable(store: Store, hook: String, is_enabled: bool, now: i64) -> Result<Vec<Came>> {
    quiet(store.set_webhook_enabled(hook, is_enabled, now).await)
}

/// Tells some of what is due. A receiver fails, asks for a pause, or has it and the answer is lost; what came of it is
/// noted, or is not.
async fn tell(
    store: Store,
    hook: String,
    told: Arc<Mutex<Vec<u64>>>,
    mut dice: Dice,
    now: i64,
) -> Result<Vec<Came>> {
    let due = match store.due_deliveries(hook.clone(), now, 8).await {
        Err(StoreError::Database(_)) => return Ok(Vec::new()),
        due => due?,
    };
    for delivery in due {
        let sequence = delivery.event.sequence;
        let mut attempt = attempt(&hook, sequence, delivery.attempts + 1);
        let is_received = !dice.one_in(5);
        if is_received {
            lock(&told).push(sequence);
        }
        if !is_received || dice.one_in(10) {
            let until = now + 1 + dice.below(20_000) as i64;
            attempt.retry_at = Some(until);
            attempt.hold_until = dice.one_in(6).then_some(until);
        }
        if dice.one_in(12) {
            continue;
        }
        quiet(store.record_delivery(attempt, now).await)?;
    }
    Ok(Vec::new())
}
