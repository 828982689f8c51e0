//! What nodes say is final, asked for beside the blocks: it holds nothing back.

use super::Context;
use crate::Event;
use std::{sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;

/// How often it is asked for at most: it moves slowly.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Tells the engine what is final until it ends; nothing where nodes tell nothing true.
pub(super) async fn watch(context: Arc<Context>) {
    let mut ticks = tokio::time::interval(context.poll.max(LEAST_PAUSE));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match context.endpoints.read(|chain| async move { chain.finalized().await }).await {
            // Each time, though it may be known: the engine passes over what is not behind its head yet, as at the start.
            Ok(Some(finalized)) => {
                if context.events.send(Event::FinalitySeen { finalized }).await.is_err() {
                    return;
                }
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "finality"),
        }
    }
}
