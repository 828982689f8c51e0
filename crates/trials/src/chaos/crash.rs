//! The crash matrix: the process ends as by `kill -9` before or after a commit or a send, and is started again.

use super::{PATIENCE, Trial};
use crate::books::Books;
use eyre::{Result, bail, ensure};
use quorate_store::{AttemptState, Storage};
use std::time::Duration;

/// Where the process ends.
pub const PLACES: [&str; 4] = ["before-commit", "after-commit", "before-send", "after-send"];

/// What it was about to do.
pub const WORKS: [Work; 4] = [Work::First, Work::Bump, Work::Create, Work::Noop];

/// How long is waited between looks.
const PAUSE: Duration = Duration::from_millis(50);

/// What an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// To execute a proposal, for the first time.
    First,
    /// To offer more.
    Bump,
    /// To create a wallet.
    Create,
    /// To free an account nonce.
    Noop,
}

impl Work {
    /// The word in failpoints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Bump => "bump",
            Self::Create => "create",
            Self::Noop => "noop",
        }
    }
}

/// Ends the process at a place, starts it again, and compares the books.
///
/// # Errors
///
/// If the place is not reached, or the books do not add up.
pub async fn crash(place: &str, work: Work) -> Result<Books> {
    let trial = Trial::start(2, 4, work != Work::Create).await?;
    let failpoint = format!("{place}.{}", work.name());
    let mut engine = trial.engine(&trial.setup(), Some(&failpoint))?;
    let begun = tokio::time::Instant::now();
    let mut is_overtaken = false;
    while engine.is_running()? {
        match work {
            Work::First | Work::Create => {}
            Work::Bump if are_sent(&trial).await? => trial.mine_dear().await?,
            Work::Bump => {}
            // Overtaken, it frees the account nonces of what it sent.
            Work::Noop if is_overtaken => trial.mine_dear().await?,
            Work::Noop if are_sent(&trial).await? => {
                overtake(&trial).await?;
                is_overtaken = true;
            }
            Work::Noop => {}
        }
        tokio::time::sleep(PAUSE).await;
        if begun.elapsed() > PATIENCE {
            bail!("the engine never got to {failpoint}: {}", engine.last_words());
        }
    }
    engine.died().await?;
    let engine = trial.engine(&trial.setup(), None)?;
    let books = trial.close(engine).await?;
    ensure!(books.executed == trial.requests.len(), "{} executed", books.executed);
    Ok(books)
}

/// Whether each wallet's first payment was sent.
async fn are_sent(trial: &Trial) -> Result<bool> {
    for request in &trial.requests[..2] {
        let attempts = trial.store.attempts_of(request.digest()).await?;
        if !attempts.iter().any(|attempt| attempt.state == AttemptState::Accepted) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A stranger executes what the engine sent and what was not mined.
async fn overtake(trial: &Trial) -> Result<()> {
    for request in &trial.requests[..trial.world.wallets.len()] {
        trial.submit_as_stranger(request, 2 * super::DEAR, 1).await?;
    }
    trial.mine_dear().await
}
