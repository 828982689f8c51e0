//! Events and all who are told of them, at random: whatever was acknowledged is told to each at least once, and in order.
//!
//! What is true is known from what the callers were answered, and from the rows of `outbox`, read past the store and gone
//! through one by one. Two processes write at once, in bursts that are committed together, of which some fail and are
//! taken back; a process ends in the middle, and begins again; somebody else keeps the database locked.

mod books;
mod dice;
mod trial;

use crate::database::{Database, on_both};
use dice::Dice;
use eyre::{Result, WrapErr as _};
use trial::Trial;

on_both!(each_reader_is_told_each_event);

/// How many intentions there are in a run, at least.
const STEPS: u64 = 10_000;

/// `QUORATE_EVENTS_SEED` and `QUORATE_EVENTS_STEPS` make another run.
fn number(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().wrap_err_with(|| format!("{name} is {text}")),
        Err(_) => Ok(default),
    }
}

/// Case 17: webhooks, streams and the engine's feed, under group commits, failures, restarts, registrations in the middle,
/// redeliveries and revocations.
async fn each_reader_is_told_each_event(database: &Database) -> Result<()> {
    let seed = number("QUORATE_EVENTS_SEED", 17)?;
    let steps = number("QUORATE_EVENTS_STEPS", STEPS)?;
    let run = async {
        let mut trial = Trial::new(database, Dice::new(seed)).await?;
        while trial.steps() < steps {
            trial.burst().await?;
        }
        trial.end().await
    };
    run.await.wrap_err_with(|| format!("QUORATE_EVENTS_SEED={seed}"))
}
