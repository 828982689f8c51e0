//! Whether an endpoint leaves requests without an answer.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// For how long it counts that it did.
const RECENT: Duration = Duration::from_secs(120);

/// When a request was left without an answer last.
#[derive(Debug, Default)]
pub(super) struct Silent(Mutex<Option<Instant>>);

impl Silent {
    /// Notes one that was.
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether one was not long ago.
    pub(super) fn is_recent(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < RECENT)
    }
}
