//! When to look again: at each event, and now and then, because a relayer may keep events to itself.

use crate::{output::Output, relayer_access::Relayer};
use alloy::primitives::B256;
use quorate_api::{
    ClientError,
    client::{EventFilter, Events, Told},
};
use std::{collections::BTreeSet, time::Duration};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout, timeout_at},
};

/// How often to look where events come.
const WITH_EVENTS: Duration = Duration::from_secs(5);

/// How often to look where there are none.
const WITHOUT_EVENTS: Duration = Duration::from_secs(2);

/// How long to wait at the beginning until a stream is open.
const TO_BEGIN: Duration = Duration::from_secs(3);

/// What may have changed.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Everything that goes on.
    pub(super) is_all: bool,
    /// Of what something was told.
    pub(super) told: BTreeSet<B256>,
}

/// What the streams tell. They end with this.
pub(super) struct News {
    told: mpsc::Receiver<Wake>,
    /// Closed once every stream was opened, or was not.
    begun: mpsc::Receiver<()>,
    pause: Duration,
    /// When everything is looked at again, whatever is told meanwhile.
    look_at: Instant,
    _streams: JoinSet<()>,
}

enum Wake {
    All,
    One(B256),
    Refused(ClientError),
}

impl News {
    pub(super) fn of(relayer: &Relayer, filters: Vec<EventFilter>) -> Self {
        let (teller, told) = mpsc::channel(256);
        let (beginning, begun) = mpsc::channel(1);
        let mut streams = JoinSet::new();
        for filter in filters {
            streams.spawn(tell(relayer.client.events(filter), teller.clone(), beginning.clone()));
        }
        let look_at = Instant::now() + WITH_EVENTS;
        Self { told, begun, pause: WITH_EVENTS, look_at, _streams: streams }
    }

    /// Waits until every stream is open, or is not for now; but not for long.
    pub(super) async fn begun(&mut self) {
        let _ = timeout(TO_BEGIN, self.begun.recv()).await;
    }

    /// Waits until something may have changed.
    pub(super) async fn next(&mut self, output: Output) -> Due {
        let mut due = Due::default();
        let mut wake = timeout_at(self.look_at, self.told.recv()).await.ok().flatten();
        if wake.is_none() {
            // Where all streams were refused, too.
            sleep_until(self.look_at).await;
        }
        while let Some(told) = wake {
            match told {
                Wake::All => due.is_all = true,
                Wake::One(digest) => drop(due.told.insert(digest)),
                Wake::Refused(error) => {
                    self.pause = WITHOUT_EVENTS;
                    let secs = WITHOUT_EVENTS.as_secs();
                    output.warn(&format!("no events, asking every {secs} seconds: {error}"));
                }
            }
            wake = self.told.try_recv().ok();
        }
        due.is_all |= Instant::now() >= self.look_at;
        if due.is_all {
            self.look_at = Instant::now() + self.pause;
        }
        due
    }
}

/// Passes on what a stream tells, until it is refused or nobody listens.
async fn tell(mut events: Events, teller: mpsc::Sender<Wake>, beginning: mpsc::Sender<()>) {
    let mut is_open = false;
    let mut beginning = Some(beginning);
    loop {
        let told = events.next().await;
        drop(beginning.take());
        let was_open = std::mem::replace(&mut is_open, !matches!(told, Ok(Told::Cut(_))));
        let wake = match told {
            Ok(Told::Connected) => Wake::All,
            Ok(Told::Event(event)) => event.digest.map_or(Wake::All, Wake::One),
            // Whether anybody answers is found by looking, once.
            Ok(Told::Cut(_)) if was_open => Wake::All,
            Ok(Told::Cut(_)) => continue,
            Err(error) => Wake::Refused(error),
        };
        let is_over = matches!(wake, Wake::Refused(_));
        if teller.send(wake).await.is_err() || is_over {
            return;
        }
    }
}
