//! A process that is killed while it writes.

use crate::{
    database::{Database, on_both},
    sample::{NOW, attempt, leased, new_wallet, proposal, request},
};
use eyre::{OptionExt as _, Result};
use quorate_store::{AuditReport, EventFilter, Options, Recorded, Storage, Store};
use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

on_both!(what_was_acknowledged_survives_a_kill);

const URL: &str = "QUORATE_STORE_CRASH_URL";
const ROUND: &str = "QUORATE_STORE_CRASH_ROUND";

/// How many acknowledgements are waited for before each kill.
const ACKNOWLEDGED: usize = 150;
const WRITERS: u64 = 8;
/// More than a writer gets to in a round.
const ROOM: u64 = 100_000;

/// Not a test of its own: the process that is killed. Does nothing unless it is told where to write.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
async fn child() -> Result<()> {
    let (Ok(url), Ok(round)) = (env::var(URL), env::var(ROUND)) else { return Ok(()) };
    let round: u64 = round.parse()?;
    let store = Store::open(&url, Options::default()).await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..ROOM {
                let sequence = (round * WRITERS + writer) * ROOM + number;
                store.record_proposal(proposal(sequence), NOW).await?;
                println!("\nproposal {sequence}");
            }
            eyre::Ok(())
        });
    }
    let lease = leased(&store, "engine").await?;
    let mut nonce = store
        .next_account_nonce(crate::sample::CHAIN, attempt(0, 0, 0).account_nonce.sender)
        .await?
        .unwrap_or(0);
    loop {
        store.record_attempt(&lease, attempt(nonce, 0, 0), NOW).await?;
        println!("\nattempt {nonce}");
        nonce += 1;
    }
}

/// Runs the child, kills it in the middle, and tells what it had acknowledged.
fn killed(url: &str, round: u64) -> Result<Vec<(String, u64)>> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--exact", "crash::child", "--nocapture"])
        .env(URL, url)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut acknowledged = Vec::new();
    let lines = BufReader::new(child.stdout.take().ok_or_eyre("it is piped")?).lines();
    for line in lines {
        let line = line?;
        if let Some((what @ ("proposal" | "attempt"), number)) = line.split_once(' ') {
            // The last line may be cut.
            acknowledged.extend(number.parse().ok().map(|number| (what.to_owned(), number)));
        }
        if acknowledged.len() == ACKNOWLEDGED {
            child.kill()?;
        }
    }
    child.wait()?;
    acknowledged.pop();
    Ok(acknowledged)
}

async fn what_was_acknowledged_survives_a_kill(database: &Database) -> Result<()> {
    for round in 0..4 {
        let url = database.url();
        let acknowledged = tokio::task::spawn_blocking(move || killed(&url, round)).await??;
        assert!(acknowledged.len() + 1 >= ACKNOWLEDGED, "{}", acknowledged.len());
        let store = database.open().await?;
        for (what, number) in &acknowledged {
            if what == "proposal" {
                let found = store.find_proposal(request(*number).digest()).await?;
                assert_eq!(found.map(|found| found.signatures.len()), Some(1), "proposal {number}");
            } else {
                let found = store.attempts_at(attempt(*number, 0, 0).account_nonce).await?;
                assert_eq!(found.len(), 1, "attempt {number}");
            }
        }
        let report = store.verify_audit(None).await?;
        assert!(matches!(report, AuditReport::Whole { .. }), "{report:?}");
        check_events(&store).await?;
        // What the child was told to be stored is known, and what it was not told can be asked again.
        let lease = leased(&store, "engine").await?;
        let sender = attempt(0, 0, 0).account_nonce.sender;
        let next = store.next_account_nonce(crate::sample::CHAIN, sender).await?.unwrap_or(0);
        let again = store.record_attempt(&lease, attempt(next, 0, 0), NOW).await?;
        assert_eq!(again, Recorded::New);
        store.close().await;
    }
    Ok(())
}

/// The events have no gaps.
async fn check_events(store: &Store) -> Result<()> {
    let mut last = 0;
    loop {
        let events = store.events_after(last, EventFilter::default(), 1_000).await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            assert_eq!(event.sequence, last + 1);
            last = event.sequence;
        }
    }
    assert_eq!(last, store.last_event().await?);
    Ok(())
}
