//! What endpoints do not do: found out, named once, and looked at again now and then.

use super::Context;
use crate::Event;
use quorate_chain::Lack;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How often is looked at what turned out.
const EVERY: Duration = Duration::from_secs(1);

/// After how long endpoints that do not do everything are asked for it again.
const AGAIN: Duration = Duration::from_secs(300);

/// Names what endpoints lack, and tells the engine what matters to it, until it ends.
pub(super) async fn watch(context: Arc<Context>) {
    let mut known = Known::default();
    let mut can_simulate = context.settings.has_simulate_v1;
    let mut examined: Option<(usize, Instant)> = None;
    loop {
        let (endpoints, connected) = (&context.endpoints, context.endpoints.connected().len());
        let is_due = match examined {
            Some((before, at)) => {
                before != connected || (at.elapsed() > AGAIN && !known.is_empty())
            }
            None => connected > 0,
        };
        if is_due {
            examined = Some((connected, Instant::now()));
            endpoints.examine().await;
        }
        known.note(endpoints.lacks(), endpoints.failures());
        let can = endpoints.can_simulate();
        if can != can_simulate {
            can_simulate = can;
            if context.events.send(Event::CanSimulate(can)).await.is_err() {
                return;
            }
        }
        sleep(EVERY).await;
    }
}

/// What is known to be missing, and what was named.
#[derive(Debug, Default)]
struct Known {
    missing: BTreeSet<(String, &'static str)>,
    named: BTreeSet<(String, &'static str)>,
}

impl Known {
    fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// Names what was not named before, and what is there again.
    fn note(&mut self, lacks: Vec<Lack>, failures: Vec<(String, &'static str, String)>) {
        let of_lack = |lack: Lack| {
            let way = lack.way();
            (lack.endpoint, lack.what, lack.reason, way)
        };
        let lacks = lacks.into_iter().map(of_lack);
        let failures = failures.into_iter().map(|(name, what, reason)| (name, what, reason, None));
        let mut missing = BTreeSet::new();
        for (endpoint, lacks, reason, way) in lacks.chain(failures) {
            let key = (endpoint.clone(), lacks);
            if self.named.insert(key.clone()) {
                let way = way.unwrap_or("the relayer cannot do without");
                tracing::warn!(endpoint, lacks, reason, way, "endpoint");
            }
            missing.insert(key);
        }
        for (endpoint, has) in self.missing.difference(&missing) {
            tracing::info!(endpoint, has, "endpoint");
        }
        self.missing = missing;
    }
}
