//! A relayer whose store does not take anything for a while, and the owners that use it meanwhile.

use crate::relayer_process::{Person, Stage};
use alloy::{providers::Provider as _, transports::http::reqwest};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{postgres::Server, program::Answer, sqlite::Lock};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PAYEE: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

/// In which time one who hands something in is answered.
const ANSWER: Duration = Duration::from_secs(8);

fn pay(by: &Person, amount: &str) -> Result<String> {
    let pay = ["propose", "transfer", "--to", PAYEE, "--amount", amount];
    Ok(by.json(&pay)?["digest"].as_str().ok_or_eyre("no digest")?.to_owned())
}

/// Whether the answer says what may have become of what was handed in, as one that is unreachable.
fn is_unsure(answer: &Answer) -> Result<()> {
    let error = answer.error();
    ensure!(answer.code == 5, "{answer:?}");
    ensure!(error.contains("may have") && error.contains("quorate list"), "{answer:?}");
    ensure!(!error.contains("cannot be reached"), "{answer:?}");
    Ok(())
}

/// Two payments are on their way; a third waits for its last signature.
struct Story {
    stage: Stage,
    owners: [Person; 3],
    sent: [String; 2],
    third: String,
}

impl Story {
    async fn begin(store: &str) -> Result<Self> {
        let stage = Stage::start_on(store, "").await?;
        stage.register()?;
        let owners = [stage.owner(0)?, stage.owner(1)?, stage.owner(2)?];
        let [alice, bob, carol] = &owners;
        let _: Value =
            stage.chain.provider().raw_request("evm_setAutomine".into(), (false,)).await?;
        let sent = [pay(alice, "1")?, pay(alice, "2")?];
        let third = pay(alice, "3")?;
        for digest in sent.iter().chain([&third]) {
            bob.json(&["sign", digest])?;
        }
        for digest in &sent {
            carol.json(&["sign", digest])?;
        }
        let story = Self { stage, owners, sent, third };
        for digest in &story.sent {
            story.until_shown(digest, "submitted").await?;
        }
        Ok(story)
    }

    /// Waits until the relayer tells this status.
    async fn until_shown(&self, digest: &str, status: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            let shown = self.owners[0].json(&["show", digest])?;
            if shown["relayer"]["status"] == status {
                return Ok(());
            }
            ensure!(begun.elapsed() < Duration::from_secs(30), "not {status}: {shown}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What is posted is answered in time, with 503 and what to do, once the store does not answer.
    async fn until_refused(&self) -> Result<()> {
        let url = format!("{}/v1/wallets", self.stage.relayer.url());
        let wallet = json!({ "chainId": 31_337, "config": { "threshold": 1, "owners": [PAYEE],
            "policy": format!("0x{}", "0".repeat(40)), "policyData": "0x" }, "salt": format!("0x{}", "7".repeat(64)) });
        let begun = Instant::now();
        loop {
            let asked = Instant::now();
            let post = reqwest::Client::new().post(&url).header("content-type", "application/json");
            let answer = post.body(wallet.to_string()).timeout(ANSWER).send().await?;
            ensure!(asked.elapsed() < ANSWER, "it took {:?}", asked.elapsed());
            let (status, retry) = (answer.status(), answer.headers().get("retry-after").cloned());
            let text = answer.text().await?;
            if status == 503 {
                ensure!(retry.is_some(), "no Retry-After: {text}");
                ensure!(text.contains("\"storeUnavailable\""), "{text}");
                ensure!(
                    text.contains("may have been taken") && text.contains("quorate list"),
                    "{text}"
                );
                return Ok(());
            }
            ensure!(begun.elapsed() < Duration::from_secs(20), "{status}: {text}");
        }
    }

    /// Everything is executed once the store is well, by the same process.
    async fn end(self) -> Result<()> {
        let Self { stage, owners: [alice, _, carol], sent, third } = &self;
        // Taken before or not: handed in again nothing is stored twice.
        carol.json(&["sign", third])?;
        let all = [&sent[..], std::slice::from_ref(third)].concat();
        stage.mine_until_executed(alice, &all).await?;
        Ok(())
    }
}

/// Case 51: another program holds SQLite's lock for writing, for longer than anybody waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_locked_keeps_nobody_waiting_and_loses_nothing() -> Result<()> {
    let story = Story::begin("relayer.db").await?;
    let lock = Lock::take(&story.stage.relayer.operator().folder.join("relayer.db")).await?;
    let begun = Instant::now();
    story.until_refused().await?;
    is_unsure(&story.owners[2].run(&["sign", &story.third])?)?;
    // Whoever runs it is told as well, and not kept for minutes.
    let paused = Instant::now();
    story.stage.relayer.operator().refuses(&["pause", "31337"], 5, "the database is busy")?;
    ensure!(paused.elapsed() < Duration::from_secs(15), "it took {:?}", paused.elapsed());
    // Who reads is answered as ever.
    story.owners[0].json(&["list"])?;
    story.until_shown(&story.sent[0], "submitted").await?;
    sleep(Duration::from_secs(20).saturating_sub(begun.elapsed())).await;
    lock.release().await?;
    story.end().await
}

/// Case 51: a server that takes no writes any more, as after a fail-over.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_ends_no_relayer() -> Result<()> {
    let Some(server) = Server::start().await? else { return Ok(()) };
    server.create("relayer").await?;
    let story = Story::begin(&server.url("relayer")).await?;
    server.set_read_only(true).await?;
    story.until_refused().await?;
    is_unsure(&story.owners[2].run(&["sign", &story.third])?)?;
    story.owners[0].json(&["list"])?;
    story.until_shown(&story.sent[0], "submitted").await?;
    server.set_read_only(false).await?;
    story.end().await
}
