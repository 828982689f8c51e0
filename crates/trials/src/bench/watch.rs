//! Watching what a store tells, as those do who wait for an execution.

use super::load::Payment;
use alloy::primitives::B256;
use eyre::{Result, ensure};
use quorate_store::{EventFilter, EventKind, Storage, Store};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

/// How often is looked for what another process stored.
const POLL: Duration = Duration::from_millis(50);

/// How many events are read at once.
const BATCH: u32 = 500;

/// How long everything that was proposed may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// When what was readable first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) executed: Option<Instant>,
    pub(super) is_final: bool,
}

type Log = Arc<Mutex<BTreeMap<B256, Seen>>>;

/// A watcher, until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    seen: Log,
    task: JoinHandle<()>,
}

impl Watch {
    pub(super) fn start(store: Store) -> Self {
        let seen = Log::default();
        let task = tokio::spawn(watch(store, seen.clone()));
        Self { seen, task }
    }

    pub(super) fn seen(&self) -> BTreeMap<B256, Seen> {
        lock(&self.seen).clone()
    }

    /// When the last of these was readable as executed.
    pub(super) async fn executed(&self, payments: &[Payment]) -> Result<Instant> {
        self.all(payments, |seen| seen.executed.is_some()).await?;
        let seen = lock(&self.seen);
        let times = payments.iter().filter_map(|payment| seen[&payment.digest].executed);
        Ok(times.max().unwrap_or_else(Instant::now))
    }

    /// Waits until all of these are final.
    pub(super) async fn settled(&self, payments: &[Payment]) -> Result<()> {
        self.all(payments, |seen| seen.is_final).await
    }

    async fn all(&self, payments: &[Payment], is_done: impl Fn(&Seen) -> bool) -> Result<()> {
        let begun = Instant::now();
        let mut open: Vec<B256> = payments.iter().map(|payment| payment.digest).collect();
        loop {
            {
                // From the end, which is done last: waiting is to cost nothing.
                let seen = lock(&self.seen);
                while open.last().is_some_and(|digest| seen.get(digest).is_some_and(&is_done)) {
                    open.pop();
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "up to {} are open", open.len());
            sleep(POLL / 10).await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(seen: &Log) -> MutexGuard<'_, BTreeMap<B256, Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch(store: Store, seen: Log) {
    let mut told = store.told();
    let mut cursor = 0;
    loop {
        match store.events_after(cursor, EventFilter::default(), BATCH).await {
            Ok(events) if events.is_empty() => {
                tokio::select! {
                    changed = told.changed() => if changed.is_err() { return },
                    () = sleep(POLL) => {}
                }
            }
            Ok(events) => {
                let now = Instant::now();
                let mut seen = lock(&seen);
                for event in events {
                    cursor = event.sequence;
                    let (EventKind::Status, Some(digest)) = (event.kind, event.digest) else {
                        continue;
                    };
                    let seen = seen.entry(digest).or_default();
                    if event.payload["status"] == "executed" {
                        seen.executed.get_or_insert(now);
                    }
                    seen.is_final |= event.payload["final"] == true;
                }
            }
            Err(_) => sleep(POLL).await,
        }
    }
}
