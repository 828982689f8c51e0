//! An endpoint that wants fewer requests gets none for a while.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long the first rest is; each that follows without an answer between is twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// How long a rest is at most that the endpoint did not ask for.
const LONGEST: Duration = Duration::from_secs(2);

/// How long a rest is at most that it asked for.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// When the next request may go.
#[derive(Debug, Default)]
pub(super) struct Rest(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    /// How many rests there were since the last answer.
    count: u32,
}

impl Rest {
    /// How long nothing should be asked.
    pub(super) fn left(&self) -> Duration {
        let until = self.state().until;
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Begins a rest, as long as the endpoint asked for if it did. Those who were asking at the same time do not make it
    /// longer.
    pub(super) fn begin(&self, asked: Option<Duration>) {
        let mut state = self.state();
        let now = Instant::now();
        let is_resting = state.until.is_some_and(|until| until > now);
        if is_resting && asked.is_none() {
            return;
        }
        let own = FIRST.saturating_mul(1 << state.count.min(8)).min(LONGEST);
        let rest = asked.map_or(own, |asked| asked.min(LONGEST_ASKED));
        let until = now + rest;
        if state.until.is_none_or(|before| before < until) {
            state.until = Some(until);
        }
        if !is_resting {
            state.count = state.count.saturating_add(1);
        }
    }

    /// Notes an answer.
    pub(super) fn end(&self) {
        self.state().count = 0;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn rests_grow_until_there_is_an_answer() {
        let rest = Rest::default();
        let mut lengths = Vec::new();
        for _ in 0..7 {
            rest.begin(None);
            // Whoever asked at the same time.
            rest.begin(None);
            lengths.push(rest.left().as_millis());
            advance(rest.left()).await;
        }
        assert_eq!(lengths, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
        assert_eq!(rest.left(), Duration::ZERO);
        rest.end();
        rest.begin(None);
        assert_eq!(rest.left(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_that_was_asked_for_is_kept_up_to_a_minute() {
        let rest = Rest::default();
        rest.begin(Some(Duration::from_secs(7)));
        rest.begin(None);
        assert_eq!(rest.left(), Duration::from_secs(7));
        rest.begin(Some(Duration::from_secs(3_600)));
        assert_eq!(rest.left(), LONGEST_ASKED);
    }
}
