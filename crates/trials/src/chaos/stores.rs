//! Stores under pressure: locked by another program, read only, restarted, cut off, standing still; in the middle of work.

use super::stage::{PAUSE, Place, Stage};
use crate::{books::Books, relayer::signature};
use alloy::transports::http::reqwest;
use eyre::{Result, WrapErr as _, ensure};
use quorate_api::readiness::DegradationCode;
use quorate_lab::{postgres::Server, sqlite::Lock};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

/// How many payments there are, and how many get their last signature at a time.
const PAYMENTS: u64 = 16;
const AT_A_TIME: usize = 4;

/// In which time one who hands something in has an answer, whatever becomes of the store.
const ANSWER: Duration = Duration::from_secs(8);

/// How long work may take when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// From block to block.
const PACE: Duration = Duration::from_millis(400);

/// What a server is made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// It takes no writes, as a standby does.
    ReadOnly,
    /// It stops as in a crash, and starts again.
    Restart,
    /// Every connection is cut, again and again.
    Cut,
    /// It stands still: nothing is refused, nothing is answered.
    Still,
}

/// Another program holds SQLite's lock for writing for `lasts`, while transactions are on their way.
///
/// # Errors
///
/// If the relayer ends, keeps one waiting who hands something in, or the books do not add up.
pub async fn locked_file(lasts: Duration) -> Result<Books> {
    let mut stage = begin(&Place::Sqlite).await?;
    let lock = Lock::take(&stage.folder().join("relayer.db")).await?;
    let until = Instant::now() + lasts;
    refused(&mut stage, until, Reads::Answered).await?;
    lock.release().await?;
    end(stage).await
}

/// A server is under pressure for `lasts`, while transactions are on their way. None where there is no PostgreSQL.
///
/// # Errors
///
/// As [`locked_file`].
pub async fn pressed_server(pressure: Pressure, lasts: Duration) -> Result<Option<Books>> {
    let Some(server) = Server::start().await? else { return Ok(None) };
    let server = Arc::new(Mutex::new(server));
    let mut stage = begin(&Place::Postgres(server.clone())).await?;
    let until = Instant::now() + lasts;
    match pressure {
        Pressure::ReadOnly => {
            server.lock().await.set_read_only(true).await?;
            refused(&mut stage, until, Reads::Answered).await?;
            server.lock().await.set_read_only(false).await?;
        }
        Pressure::Restart => {
            server.lock().await.stop()?;
            refused(&mut stage, until, Reads::Refused).await?;
            server.lock().await.run().await?;
        }
        Pressure::Still => {
            server.lock().await.set_still(true)?;
            let looked = refused(&mut stage, until, Reads::Refused).await;
            server.lock().await.set_still(false)?;
            looked?;
        }
        Pressure::Cut => {
            while Instant::now() < until {
                server.lock().await.cut_connections().await?;
                stage.relayer.check_running()?;
                sleep(PAUSE).await;
            }
        }
    }
    end(stage).await.map(Some)
}

/// What becomes of those who read meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Answered,
    Refused,
}

/// Payments are on their way, and some are executed.
async fn begin(place: &Place) -> Result<Stage> {
    let mut stage = Stage::start(place, PAYMENTS, 50).await?;
    stage.mine_every(PACE);
    stage.complete(AT_A_TIME, PATIENCE).await?;
    wait_executed(&mut stage, 1).await?;
    stage.complete(AT_A_TIME, PATIENCE).await?;
    Ok(stage)
}

/// What was asked for meanwhile is done, and all the rest.
async fn end(mut stage: Stage) -> Result<Books> {
    let completed = stage.completed;
    wait_executed(&mut stage, completed).await?;
    stage.complete(AT_A_TIME, PATIENCE).await?;
    wait_executed(&mut stage, completed + 1).await?;
    stage.close().await
}

async fn wait_executed(stage: &mut Stage, count: usize) -> Result<()> {
    let begun = Instant::now();
    loop {
        // A store that comes back is not there at once.
        match stage.executed(PATIENCE).await {
            Ok(executed) if executed >= count => return Ok(()),
            Ok(executed) => ensure!(
                begun.elapsed() < PATIENCE,
                "{executed} of {count} executed: {}",
                stage.relayer.last_words()
            ),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error),
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// Until then the relayer runs on, tells at once that the store does not answer, what may have been taken, and in
/// `/readyz` what is wrong; and who reads is answered or not.
async fn refused(stage: &mut Stage, until: Instant, reads: Reads) -> Result<()> {
    let next = stage.requests[stage.completed].clone();
    let digest = next.digest();
    let signatures = format!("{}/v1/proposals/{digest}/signatures", stage.relayer.url());
    let body = serde_json::to_string(&signature(&next, 2)?)?;
    let client = reqwest::Client::new();
    let (mut told, mut named) = (false, false);
    while Instant::now() < until {
        stage.relayer.check_running()?;
        let begun = Instant::now();
        let post = client.post(&signatures).header("content-type", "application/json");
        let answer = post.body(body.clone()).timeout(ANSWER).send().await;
        let answer = answer.wrap_err("one who hands something in has no answer")?;
        ensure!(begun.elapsed() < ANSWER, "an answer took {:?}", begun.elapsed());
        // What was begun before the pressure was felt is still stored.
        if answer.status() == 503 {
            let waits = answer.headers().contains_key("retry-after");
            let text = answer.text().await?;
            let is_whole = text.contains("storeUnavailable") && text.contains("quorate list");
            ensure!(waits && is_whole, "what is answered does not help: {text}");
            told = true;
        }
        let read = client.get(format!("{}/v1/proposals/{digest}", stage.relayer.url()));
        let read = read.timeout(ANSWER).send().await.wrap_err("one who reads has no answer")?;
        if reads == Reads::Answered {
            ensure!(read.status() == 200, "one who reads is answered {}", read.status());
        }
        let ready = stage.relayer.readiness().await?;
        named |= ready.degraded.iter().any(|wrong| wrong.code == DegradationCode::Store);
        sleep(PAUSE).await;
    }
    ensure!(told, "nobody was told that the store does not answer");
    ensure!(named, "/readyz did not name the store");
    Ok(())
}
