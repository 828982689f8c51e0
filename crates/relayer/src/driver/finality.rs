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
    let mut told = None;
    loop {
        ticks.tick().await;
        match context.endpoints.read(|chain| async move { chain.finalized().await }).await {
            Ok(Some(finalized)) if told < Some(finalized) => {
                if context.events.send(Event::FinalitySeen { finalized }).await.is_err() {
                    return;
                }
                told = Some(finalized);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "finality"),
        }
    }
}
