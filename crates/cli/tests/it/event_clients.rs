//! Clients of others that read the stream of events, while the relayer is killed again and again.

use crate::relayer_process::Stage;
use alloy::primitives::{Address, B256, Bytes, U256};
use eyre::{Result, WrapErr as _, ensure, eyre};
use quorate_api::{Client, RegisterWallet, client::Patience};
use quorate_core::Config;
use quorate_lab::{python, repository};
use serde_json::Value;
use sqlx::Connection as _;
use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(90);

/// How many wallets are registered in a round.
const EACH: u64 = 6;

/// One that listens, as a process of its own.
struct Listener {
    name: String,
    child: Child,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Listener {
    fn start(name: &str, mut command: Command) -> Result<Self> {
        // It ends with its input, whatever becomes of this process.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().wrap_err_with(|| format!("{name} does not start"))?;
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let output = child.stdout.take().ok_or_else(|| eyre!("{name} has no output"))?;
        let list = told.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                list.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(Self { name: name.to_owned(), child, told })
    }

    fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it was told something of this id.
    async fn until(&self, id: u64) -> Result<()> {
        let begun = Instant::now();
        let id = id.to_string();
        while !self.told().iter().any(|told| told["id"] == id) {
            let told = self.told();
            let last = told.last();
            ensure!(begun.elapsed() < LONG, "{} was not told {id}, at last {last:?}", self.name);
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Whether it was told each event up to `last` once, in order, behind the one that it began with, and nothing else.
    fn check(&self, last: u64) -> Result<()> {
        let told = self.told();
        let name = &self.name;
        for (expected, told) in (0..).zip(&told) {
            let id = expected.to_string();
            ensure!(told["id"] == id.as_str(), "{name}: not {expected}: {told}");
            let data: Value = serde_json::from_str(told["data"].as_str().unwrap_or_default())
                .wrap_err_with(|| format!("{name}: {told}"))?;
            let kind = if expected == 0 { "connected" } else { "walletRegistered" };
            ensure!(told["type"] == kind && data["kind"] == kind, "{name}: {told}");
            ensure!(data["sequence"] == expected, "{name}: {told}");
        }
        ensure!(told.len() as u64 == last + 1, "{name}: {} told of {last}", told.len());
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A browser is closed by the one who started it, who is told so by the end of its input.
        drop(self.child.stdin.take());
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What there is of the clients. Those that are missing are named, which CI does not accept.
fn listeners(url: &str) -> Result<Vec<Listener>> {
    let mut all = Vec::new();
    let mut missing = Vec::new();
    let node = repository().join("tests/node/streams");
    let has_packages = node.join("node_modules/eventsource").exists();
    let chromium = chromium();
    for (name, client) in [
        ("npm eventsource", Some("eventsource".to_owned())),
        ("the newest npm eventsource", Some("eventsource-newest".to_owned())),
        ("Chromium", chromium.map(|path| path.display().to_string())),
    ] {
        let Some(client) = client.filter(|_| has_packages) else {
            missing.push(name);
            continue;
        };
        let mut command = Command::new("node");
        command.arg("listen.mjs").arg(client).arg(url).current_dir(&node);
        all.push(Listener::start(name, command)?);
    }
    let python = python::find()?;
    for name in ["httpx-sse", "sseclient-py"] {
        let Some(python) = &python else {
            missing.push(name);
            continue;
        };
        let mut command = Command::new(python);
        command.arg(repository().join("tests/python/listen.py")).arg(name).arg(url);
        all.push(Listener::start(name, command)?);
    }
    let is_required =
        ["CI", "QUORATE_REQUIRE_CLIENTS"].iter().any(|name| env::var_os(name).is_some());
    ensure!(missing.is_empty() || !is_required, "{missing:?} are not installed");
    if !missing.is_empty() {
        skip(&missing);
    }
    Ok(all)
}

#[expect(clippy::print_stderr, reason = "a test that is skipped in part says so")]
fn skip(missing: &[&str]) {
    eprintln!(
        "skipped: not there (scripts/install, scripts/python, Chromium): {}",
        missing.join(", ")
    );
}

fn chromium() -> Option<PathBuf> {
    let named = env::var_os("QUORATE_CHROMIUM").map(PathBuf::from);
    let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let usual = usual.iter().map(|name| Path::new("/usr/bin").join(name));
    named.into_iter().chain(usual).find(|path| path.exists())
}

fn config() -> Result<Config> {
    Ok(Config::new(1, vec![Address::with_last_byte(1)], Address::ZERO, Bytes::new())?)
}

/// Registers a wallet, again and again where nobody answers.
async fn register(client: Client, number: u64) -> Result<()> {
    let begun = Instant::now();
    let salt = B256::from(U256::from(number));
    let wallet = RegisterWallet::Made { chain_id: 31_337, config: config()?, salt };
    loop {
        match client.register_wallet(&wallet).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_retryable() && begun.elapsed() < LONG => {
                sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Cases 17 and 24: each event once and in order, in every client, though the relayer is killed before anything was told,
/// while much happens, and while its store does not open at once.
#[tokio::test(flavor = "multi_thread")]
async fn each_client_is_told_each_event_once_and_in_order_across_kills() -> Result<()> {
    let mut stage = Stage::start().await?;
    let url = stage.relayer.url();
    let listeners = listeners(&format!("{url}/v1/events"))?;
    for listener in &listeners {
        listener.until(0).await?;
    }
    let patience = Patience { pauses: Vec::new(), ..Patience::default() };
    let client = Client::new(&url, None, patience)?;
    let mut number = 0;
    for round in 0..5 {
        let mut tasks = JoinSet::new();
        if round > 0 {
            for _ in 0..EACH {
                number += 1;
                tasks.spawn(register(client.clone(), number));
            }
            // In the middle of it.
            sleep(Duration::from_millis(15 * round)).await;
        }
        stage.relayer.kill()?;
        if round == 3 {
            let mut intruder = stage.relayer.intruder().await?;
            sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut intruder).await?;
            stage.relayer.begin_to_listen()?;
            let held = format!("quorate_http_streams {}", listeners.len());
            stage.relayer.until_metric(&held).await?;
            sqlx::raw_sql("ROLLBACK").execute(&mut intruder).await?;
            intruder.close().await?;
        } else {
            stage.relayer.begin()?;
        }
        // Before most of them have come back.
        for _ in 0..EACH {
            number += 1;
            tasks.spawn(register(client.clone(), number));
        }
        while let Some(registered) = tasks.join_next().await {
            registered??;
        }
    }
    for listener in &listeners {
        listener.until(number).await?;
    }
    for listener in &listeners {
        listener.check(number)?;
    }
    Ok(())
}
