//! When to look again: at each event, and now and then, because a relayer may keep events to itself.

use crate::{output::Output, relayer_access::Relayer};
use alloy::primitives::B256;
use quorate_api::{
    ClientError,
    client::{EventFilter, Events, Told},
};
use std::{collections::BTreeSet, time::Duration};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

/// How often to look where events come.
const WITH_EVENTS: Duration = Duration::from_secs(5);

/// How often to look where there are none.
const WITHOUT_EVENTS: Duration = Duration::from_secs(2);

/// What may have changed.
#[derive(Debug)]
pub(super) enum Due {
    All,
    These(BTreeSet<B256>),
}

/// What the streams tell. They end with this.
pub(super) struct News {
    told: mpsc::Receiver<Wake>,
    pause: Duration,
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
        let mut streams = JoinSet::new();
        for filter in filters {
            streams.spawn(tell(relayer.client.events(filter), teller.clone()));
        }
        Self { told, pause: WITH_EVENTS, _streams: streams }
    }

    /// Waits until something may have changed.
    pub(super) async fn next(&mut self, output: Output) -> Due {
        let mut due = BTreeSet::new();
        let mut wake = match timeout(self.pause, self.told.recv()).await {
            Ok(Some(wake)) => Some(wake),
            Ok(None) => {
                // All streams were refused.
                tokio::time::sleep(self.pause).await;
                return Due::All;
            }
            Err(_) => return Due::All,
        };
        let mut is_all = false;
        while let Some(told) = wake {
            match told {
                Wake::All => is_all = true,
                Wake::One(digest) => drop(due.insert(digest)),
                Wake::Refused(error) => {
                    self.pause = WITHOUT_EVENTS;
                    let secs = WITHOUT_EVENTS.as_secs();
                    output.warn(&format!("no events, asking every {secs} seconds: {error}"));
                }
            }
            wake = self.told.try_recv().ok();
        }
        if is_all { Due::All } else { Due::These(due) }
    }
}

/// Passes on what a stream tells, until it is refused or nobody listens.
async fn tell(mut events: Events, teller: mpsc::Sender<Wake>) {
    let mut is_open = false;
    loop {
        let told = events.next().await;
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
