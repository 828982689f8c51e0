//! Webhooks: events told to others over HTTP, signed as Standard Webhooks says (standardwebhooks.com), at least once, and
//! in order for each proposal.
//!
//! What is to be told is in the store, with what became of each attempt, so that nothing is forgotten in a crash and
//! waiting goes on after a restart. Only the process that has the lease tells. An event may be told twice, as where the
//! answer was lost: its `webhook-id` is the same each time.

mod address;
mod body;
mod pause;
mod secret;
mod send;

pub(crate) use body::told;
pub use secret::{Secret, SecretError};

use crate::{
    config::WebhookConfig,
    sender::{self, SenderError},
};
use quorate_core::text::shown;
use quorate_relayer::driver::Tenure;
use quorate_store::{
    DeliveryAttempt, DeliveryRecord, DeliveryState, Storage as _, Store, StoreError,
};
use send::{Outcome, Sender};
use std::{path::PathBuf, time::Duration};
use thiserror::Error;
use tokio::time::{sleep, timeout};

/// How many events of one webhook are told at once; of one proposal, one after the other.
const AT_ONCE: u32 = 8;

/// How many events are taken over into the deliveries in one commit.
const TOGETHER: u32 = 500;

/// How long is waited at most before looking again: other processes store events too, and time passes.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How long after the first failure an event is told again, in milliseconds; then twice as long each time.
const FIRST_PAUSE_MILLIS: u64 = 5_000;

/// How long it becomes, in milliseconds: two hours.
const LONGEST_PAUSE_MILLIS: u64 = 7_200_000;

/// Why a webhook cannot be told anything.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// The file with its secrets is not there, or not private.
    #[error(transparent)]
    File(#[from] SenderError),
    /// A secret is none.
    #[error("line {line} of {} is no secret of a webhook: {source}", file.display())]
    Secret {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        source: SecretError,
    },
    /// The file is empty.
    #[error("{} has no secret: put one whsec_… on a line of its own", file.display())]
    NoSecret {
        /// The file.
        file: PathBuf,
    },
    /// The client of HTTP cannot be made.
    #[error("webhook {}: {reason}", shown(name))]
    Client {
        /// The webhook.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// A webhook, ready to be told.
#[derive(Debug)]
pub(crate) struct Webhook {
    config: WebhookConfig,
    sender: Sender,
}

impl Webhook {
    /// Reads the secrets.
    pub(crate) fn open(config: WebhookConfig) -> Result<Self, WebhookError> {
        let secrets = read_secrets(&config)?;
        let sender = Sender::new(&config, secrets)?;
        Ok(Self { config, sender })
    }
}

fn read_secrets(config: &WebhookConfig) -> Result<Vec<Secret>, WebhookError> {
    let file = || config.secret_file.clone();
    let text = String::from_utf8(sender::read_private(&config.secret_file)?)
        .map_err(|_| SenderError::NotText { file: file() })?;
    let mut secrets = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let secret = line.parse();
        secrets.push(secret.map_err(|source| WebhookError::Secret {
            file: file(),
            line: number,
            source,
        })?);
    }
    if secrets.is_empty() {
        return Err(WebhookError::NoSecret { file: file() });
    }
    Ok(secrets)
}

/// Tells one webhook, for as long as the process runs.
pub(crate) async fn tell(webhook: Webhook, store: Store, tenure: Tenure, clock: fn() -> u64) {
    let mut told = store.told();
    loop {
        let pause = if tenure.lease().is_some() {
            match tell_due(&webhook, &store, clock).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(webhook = webhook.config.name, %error, "webhook");
                    LOOK_AGAIN
                }
            }
        } else {
            LOOK_AGAIN
        };
        if !pause.is_zero() {
            // Whatever happened meanwhile is looked for; a store that is closed ends the task.
            if let Ok(Err(_)) = timeout(pause, told.changed()).await {
                sleep(LOOK_AGAIN).await;
            }
        }
    }
}

/// Tells what is due; how long nothing else will be.
async fn tell_due(
    webhook: &Webhook,
    store: &Store,
    clock: fn() -> u64,
) -> Result<Duration, StoreError> {
    let at = || i64::try_from(clock()).unwrap_or(i64::MAX);
    let WebhookConfig { name, events, .. } = &webhook.config;
    loop {
        let noted = store.enqueue_deliveries(name.clone(), events.clone(), TOGETHER, at()).await?;
        if noted.mended > 0 {
            let events = noted.mended;
            tracing::warn!(
                webhook = name,
                events,
                "events that an earlier version left out are told now"
            );
        }
        if noted.is_caught_up {
            break;
        }
    }
    let due = store.due_deliveries(name.clone(), at(), AT_ONCE).await?;
    if due.is_empty() {
        let next = store.due_deliveries(name.clone(), i64::MAX, 1).await?;
        let Some(DeliveryState::Due { at: next }) = next.first().map(|next| next.state) else {
            return Ok(LOOK_AGAIN);
        };
        let wait = u64::try_from(next.saturating_sub(at())).unwrap_or(0);
        return Ok(Duration::from_millis(wait.max(1)).min(LOOK_AGAIN));
    }
    let audit_head = store.audit_head().await?;
    let tell = due.iter().map(|delivery| async move {
        let outcome = webhook.sender.send(&delivery.event, audit_head, clock() / 1_000).await;
        note(webhook, store, delivery, outcome, at()).await
    });
    for noted in futures_util::future::join_all(tell).await {
        noted?;
    }
    Ok(Duration::ZERO)
}

/// Stores what an attempt came to.
async fn note(
    webhook: &Webhook,
    store: &Store,
    delivery: &DeliveryRecord,
    outcome: Outcome,
    at: i64,
) -> Result<(), StoreError> {
    let (name, sequence) = (&webhook.config.name, delivery.event.sequence);
    let behind = |millis| at.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX));
    let (retry_at, hold_until) = match &outcome {
        Outcome::Delivered(_) => (None, None),
        Outcome::Failed { asked: Some(pause), .. } => {
            let until = behind(pause.millis());
            (Some(until), pause.is_of_all.then_some(until))
        }
        Outcome::Failed { asked: None, .. } | Outcome::Gone => {
            (Some(behind(pause_millis(delivery.failures, sequence))), None)
        }
    };
    let words = outcome.to_string();
    if retry_at.is_some() {
        tracing::warn!(webhook = name, sequence, outcome = words, "an event was not delivered");
    }
    let number = delivery.attempts.saturating_add(1);
    let webhook = name.clone();
    let attempt =
        DeliveryAttempt { webhook, sequence, number, outcome: words, retry_at, hold_until };
    store.record_delivery(attempt, at).await?;
    if matches!(outcome, Outcome::Gone) {
        tracing::warn!(alarm = "WebhookGone", webhook = name, "it is told nothing more");
        store.set_webhook_enabled(name.clone(), false, at).await?;
    }
    Ok(())
}

/// How long after so many failures in a row an event is told again: twice as long each time, and up to a fifth more, so
/// that what failed together is not tried again together.
fn pause_millis(failures: u32, sequence: u64) -> u64 {
    let pause = FIRST_PAUSE_MILLIS.saturating_mul(1 << failures.min(20)).min(LONGEST_PAUSE_MILLIS);
    // No secret, and no need for chance: neighbours are spread.
    let spread = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    pause + pause / 5 * spread / 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_two_hours_and_are_spread() {
        assert!((5_000..6_000).contains(&pause_millis(0, 1)));
        assert!((10_000..12_000).contains(&pause_millis(1, 1)));
        for failures in [12, 40, u32::MAX] {
            assert!((7_200_000..8_640_000).contains(&pause_millis(failures, 7)));
        }
        let pauses: std::collections::BTreeSet<_> = (0..8).map(|n| pause_millis(3, n)).collect();
        assert_eq!(pauses.len(), 8);
    }
}
