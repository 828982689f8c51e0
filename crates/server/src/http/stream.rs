//! What happens, told to one who listens, as server-sent events (WHATWG HTML, section 9.2).
//!
//! A blank line ends every event and stands nowhere else: clients of others make an empty event of each further one. So
//! what is sent beside events is the beginning of the next one.

use crate::webhook::told;
use alloy::primitives::Address;
use axum::body::Bytes;
use quorate_api::{Event as Told, Instant};
use quorate_store::{Event, EventFilter, Storage as _, Store, StoreError};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{Receiver, error::RecvError},
        mpsc, watch,
    },
    time::{MissedTickBehavior, interval, timeout},
};

/// How many events are read of the store at once.
const BATCH: u32 = 200;

/// How many events wait for a reader.
pub(crate) const WAITING: usize = 64;

/// How long the event behind those waits before the reader is cut off.
const SLOW: Duration = Duration::from_secs(10);

/// How long a stream goes on at most: what a token allowed is not allowed for ever.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How often something is sent while nothing happens, so that those in between keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What is sent then: a comment.
const NOTHING: &str = ":\n";

/// What a reader is told first: after how many milliseconds to come back if the connection breaks.
const GREETING: &str = "retry: 1000\n";

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Behind this event, which the reader named.
    Behind(u64),
    /// Behind this one, the last there is, which the reader has to be told: whoever was told none has nothing to come back
    /// with.
    Now(u64),
}

/// What one who listens is told.
pub(crate) struct Stream {
    pub(crate) store: Store,
    pub(crate) filter: EventFilter,
    pub(crate) begin: Begin,
    /// Now, in Unix milliseconds.
    pub(crate) at: i64,
    /// What happens, from before the store was asked for anything.
    pub(crate) events: Receiver<Arc<Event>>,
    pub(crate) out: mpsc::Sender<Bytes>,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) place: OwnedSemaphorePermit,
}

impl Stream {
    /// Tells what happened and what happens, until the reader is gone or too slow, or the process stops.
    pub(crate) async fn tell(self) {
        let Self { store, filter, begin, at, events, out, stopping, place } = self;
        let cursor = match begin {
            Begin::Behind(sequence) | Begin::Now(sequence) => sequence,
        };
        let mut reader = Reader { store, filter, cursor, heard: None, out };
        let telling = async {
            reader.send(GREETING.to_owned()).await?;
            if let Begin::Now(last) = begin {
                reader.send(frame(&connected(last, at))).await?;
            }
            reader.catch_up().await?;
            reader.follow(events, stopping).await
        };
        let _ = timeout(LONGEST, telling).await;
        drop(place);
    }
}

/// One who listens, and how far it is.
struct Reader {
    store: Store,
    filter: EventFilter,
    /// What is up to this was told, or is not asked for.
    cursor: u64,
    /// The event that was heard of last, whether it was told or not. They have no gaps.
    heard: Option<u64>,
    out: mpsc::Sender<Bytes>,
}

/// Why nobody is told any more.
struct Over;

impl Reader {
    async fn follow(
        &mut self,
        mut events: Receiver<Arc<Event>>,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), Over> {
        let mut ticks = interval(KEEP_ALIVE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        loop {
            let heard = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
                () = self.out.closed() => return Ok(()),
                // Also while much happens that is not asked for.
                _ = ticks.tick() => None,
                heard = events.recv() => Some(heard),
            };
            match heard {
                None => self.send(NOTHING.to_owned()).await?,
                Some(Ok(event)) => self.hear(&event).await?,
                Some(Err(RecvError::Lagged(_))) => self.catch_up().await?,
                Some(Err(RecvError::Closed)) => return Ok(()),
            }
        }
    }

    async fn hear(&mut self, event: &Event) -> Result<(), Over> {
        let before = self.heard.replace(event.sequence);
        if event.sequence <= self.cursor {
            return Ok(());
        }
        // What was missed is in the store; and who owns what, the store knows.
        if before.is_none_or(|before| before + 1 != event.sequence) {
            return self.catch_up().await;
        }
        if !self.may_want(event) {
            return Ok(());
        }
        if self.filter.owner.is_none() { self.tell_one(event).await } else { self.catch_up().await }
    }

    /// Whether all that the event itself tells is as wanted.
    fn may_want(&self, event: &Event) -> bool {
        let EventFilter { chain_id, address, among, .. } = &self.filter;
        chain_id.is_none_or(|chain_id| chain_id == event.wallet.chain_id)
            && address.is_none_or(|address| address == event.wallet.address)
            && among.as_ref().is_none_or(|among| among.contains(&event.wallet))
    }

    /// Tells what the store has behind the cursor.
    async fn catch_up(&mut self) -> Result<(), Over> {
        loop {
            let events = self.read().await.map_err(|error| {
                tracing::debug!(%error, "no events");
                Over
            })?;
            for event in &events {
                self.tell_one(event).await?;
            }
            if events.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    async fn read(&self) -> Result<Vec<Event>, StoreError> {
        self.store.events_after(self.cursor, self.filter.clone(), BATCH).await
    }

    async fn tell_one(&mut self, event: &Event) -> Result<(), Over> {
        self.send(frame(&told(event))).await?;
        self.cursor = event.sequence;
        Ok(())
    }

    /// Sends something, unless the reader is gone or takes too long.
    async fn send(&self, text: String) -> Result<(), Over> {
        self.out.send_timeout(text.into(), SLOW).await.map_err(|_| Over)
    }
}

/// Not of any wallet, and of no chain: it has the form of an event for those who look at nothing but that.
fn connected(last: u64, at: i64) -> Told {
    Told {
        sequence: last,
        at: Instant::from_millis(at),
        kind: Told::CONNECTED.to_owned(),
        chain_id: 0,
        wallet: Address::ZERO,
        digest: None,
        payload: json!({}),
    }
}

/// An event as it travels. JSON has no line breaks of its own.
fn frame(told: &Told) -> String {
    let data = serde_json::to_string(told).expect("events have nothing but what is JSON");
    format!("id: {}\nevent: {}\ndata: {data}\n\n", told.sequence, told.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HttpLimits;
    use crate::http::gates::{Class, Gates};
    use alloy::primitives::Bytes as Data;
    use quorate_core::{Config, Snapshot};
    use quorate_store::{NewWallet, Options, WalletKey};
    use tempfile::TempDir;
    use tokio::sync::broadcast;

    /// A store, and one who listens to what is told of it.
    struct Stage {
        _folder: TempDir,
        store: Store,
        tell: broadcast::Sender<Arc<Event>>,
        frames: mpsc::Receiver<Bytes>,
        _stop: watch::Sender<bool>,
    }

    async fn register(store: &Store, number: u8) {
        let owners = vec![Address::with_last_byte(1)];
        let config = Config::new(1, owners, Address::ZERO, Data::new()).unwrap();
        let key = WalletKey { chain_id: 1, address: Address::with_last_byte(number) };
        let snapshot = Snapshot::new(0, true, 0, config);
        store.register_wallet(NewWallet { key, origin: None, snapshot }, 0).await.unwrap();
    }

    impl Stage {
        async fn new(filter: EventFilter, begin: Begin) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("relayer.db").display().to_string();
            let store = Store::open(&file, Options::default()).await.unwrap();
            let (tell, events) = broadcast::channel(16);
            let (out, frames) = mpsc::channel(WAITING);
            let (stop, stopping) = watch::channel(false);
            let place = Gates::new(&HttpLimits::default()).enter(Class::Stream).unwrap();
            let store_of_it = store.clone();
            let stream = Stream {
                store: store_of_it,
                filter,
                begin,
                at: 1_000,
                events,
                out,
                stopping,
                place,
            };
            tokio::spawn(stream.tell());
            Self { _folder: folder, store, tell, frames, _stop: stop }
        }

        /// The next that is sent.
        async fn next(&mut self) -> String {
            let frame = timeout(Duration::from_secs(20), self.frames.recv()).await;
            String::from_utf8(frame.expect("something is sent").unwrap().to_vec()).unwrap()
        }

        /// The ids of the next events.
        async fn ids(&mut self, count: usize) -> Vec<u64> {
            let mut ids = Vec::new();
            while ids.len() < count {
                let frame = self.next().await;
                let id = frame.strip_prefix("id: ").and_then(|rest| rest.split_once('\n'));
                ids.push(id.expect("an event").0.parse().unwrap());
            }
            ids
        }

        /// Has it hear of the event, as it is stored.
        async fn hear(&self, sequence: u64) {
            let all = EventFilter::default();
            let event = self.store.events_after(sequence - 1, all, 1).await.unwrap().remove(0);
            let _ = self.tell.send(Arc::new(event));
        }
    }

    #[tokio::test]
    async fn what_it_did_not_hear_of_is_told_too() {
        let third = Some(Address::with_last_byte(3));
        for (filter, expected) in [
            (EventFilter::default(), vec![1, 2, 3, 4, 5, 6]),
            (EventFilter { address: third, ..EventFilter::default() }, vec![3]),
        ] {
            let mut stage = Stage::new(filter, Begin::Behind(0)).await;
            assert_eq!(stage.next().await, GREETING);
            for number in 1..=6 {
                register(&stage.store, number).await;
            }
            // Of the first it hears nothing, and then of every second.
            for sequence in [2, 4, 6] {
                stage.hear(sequence).await;
            }
            assert_eq!(stage.ids(expected.len()).await, expected);
            // What it heard of is not told twice.
            stage.hear(6).await;
            assert!(stage.frames.try_recv().is_err());
        }
    }

    #[tokio::test]
    async fn who_begins_now_is_told_what_to_come_back_with() {
        let mut stage = Stage::new(EventFilter::default(), Begin::Now(0)).await;
        assert_eq!(stage.next().await, GREETING);
        let expected = "id: 0\nevent: connected\ndata: {\"sequence\":0,\
            \"at\":\"1970-01-01T00:00:01.000Z\",\"kind\":\"connected\",\"chainId\":0,\
            \"wallet\":\"0x0000000000000000000000000000000000000000\",\"digest\":null,\"payload\":{}}\n\n";
        assert_eq!(stage.next().await, expected);
        register(&stage.store, 1).await;
        stage.hear(1).await;
        assert_eq!(stage.ids(1).await, [1]);
    }

    /// Case 24: what is sent beside events makes no event, in no client.
    #[tokio::test]
    async fn nothing_but_an_event_is_ended_by_a_blank_line() {
        let mut stage = Stage::new(EventFilter::default(), Begin::Behind(0)).await;
        let greeting = stage.next().await;
        assert_eq!(greeting, "retry: 1000\n");
        register(&stage.store, 1).await;
        stage.hear(1).await;
        let event = stage.next().await;
        assert_eq!((event.matches("\n\n").count(), event.ends_with("\n\n")), (1, true));
        // Nothing is asked of the store meanwhile, which has threads of its own.
        tokio::time::pause();
        for _ in 0..3 {
            assert_eq!(stage.next().await, ":\n");
        }
    }
}
