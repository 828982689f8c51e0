//! What happens, told to all who wait for it: read once for all of them.

use quorate_store::{Event, EventFilter, Storage as _, Store, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::broadcast,
    time::{MissedTickBehavior, interval, sleep},
};

/// How often is looked for what other processes stored.
const POLL: Duration = Duration::from_millis(500);

/// How many events are read at once.
const BATCH: u32 = 500;

/// How many events one who waits may be behind before it has to look into the store.
const BEHIND: usize = 1_024;

/// Tells events. Who is too far behind is told that it missed some, and finds them in the store.
#[derive(Debug)]
pub(crate) struct Bulletin {
    events: broadcast::Sender<Arc<Event>>,
}

impl Bulletin {
    pub(crate) fn new() -> Self {
        Self { events: broadcast::channel(BEHIND).0 }
    }

    /// The events from now on, in order and without gaps.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// Reads and tells what happens behind `cursor`, until the store is closed.
    pub(crate) async fn run(&self, store: &Store, mut cursor: u64) {
        let mut told = store.told();
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = told.changed() => if changed.is_err() { return },
            }
            if let Err(error) = self.tell(store, &mut cursor).await {
                tracing::debug!(%error, "no events");
            }
        }
    }

    async fn tell(&self, store: &Store, cursor: &mut u64) -> Result<(), StoreError> {
        loop {
            let events = store.events_after(*cursor, EventFilter::default(), BATCH).await?;
            let is_all = events.len() < BATCH as usize;
            for event in events {
                *cursor = event.sequence;
                // Nobody waits.
                let _ = self.events.send(Arc::new(event));
            }
            if is_all {
                return Ok(());
            }
        }
    }
}

/// The last event there is: once the store can be asked.
///
/// It has to be known before anybody reads what happened: what happens between the two would be told to nobody.
pub(crate) async fn last_event(store: &Store) -> u64 {
    loop {
        match store.last_event().await {
            Ok(last) => return last,
            Err(error) => tracing::warn!(%error, "the last event cannot be read"),
        }
        sleep(POLL).await;
    }
}
