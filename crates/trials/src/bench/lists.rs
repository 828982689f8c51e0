//! Lists over HTTP, out of a great many proposals.

use super::{
    Bound, Measure, Options, Results,
    http::{self, Started},
    load::Load,
    millis, percentile,
};
use crate::{
    million::{self, WALLETS, owners, wallet, whale},
    store,
};
use alloy::transports::http::reqwest::Client;
use eyre::{Result, ensure};
use quorate_lab::service::Service;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

pub(super) const MEASURE: Measure = Measure {
    name: "a list of 100 out of a million, p99 of the slowest kind",
    unit: "ms",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

/// How many proposals are stored.
const STORED: u64 = 1_000_000;

/// How long a list may take, in milliseconds.
const MOST_MILLIS: f64 = 50.0;

/// How often each kind of list is asked for, each time of another wallet or owner.
pub(super) const ROUNDS: u64 = 100;

/// A kind of list: what it is called, and how it is asked for.
type Kind = (&'static str, fn(u64) -> String);

const KINDS: [Kind; 8] = [
    ("list of 100, all, ms", |_| "proposals?".to_owned()),
    ("list of 100, from the middle on, ms", |_| format!("proposals?cursor={}&", STORED / 2)),
    ("list of 100, executed, ms", |_| "proposals?status=executed&".to_owned()),
    ("list of 100, ready on one chain, ms", |_| "proposals?status=ready&chainId=1&".to_owned()),
    ("list of 100, awaiting an owner of three wallets, ms", |round| {
        format!("proposals?awaiting={}&", owners(round)[1])
    }),
    ("list of 100, awaiting an owner of 10,000 wallets, ms", |_| {
        format!("proposals?awaiting={}&", whale())
    }),
    ("list of 100, of a wallet with 90, ms", of_wallet),
    ("list of 100, of a wallet with 100,000, ms", |_| of_wallet(0)),
];

fn of_wallet(number: u64) -> String {
    let key = wallet(number);
    format!("wallets/{}/{}/proposals?", key.chain_id, key.address)
}

/// A store that is filled once for all runs.
#[derive(Debug, Default)]
pub(super) struct Million(Option<TempDir>);

impl Million {
    async fn folder(&mut self, options: &Options) -> Result<&TempDir> {
        let filled = match self.0.take() {
            Some(folder) => folder,
            None => {
                let folder = tempfile::tempdir()?;
                let store = store::open(folder.path()).await?;
                million::fill(&store, &store::url(folder.path()), options.scaled(STORED)).await?;
                store.close().await;
                folder
            }
        };
        Ok(self.0.insert(filled))
    }

    pub(super) async fn measure(&mut self, options: &Options, results: &mut Results) -> Result<()> {
        let load = Load::start(0).await?;
        let folder = self.folder(options).await?;
        let Started { service, took } = http::start(folder.path(), &load).await?;
        results.note("cold start with a million stored, ms", millis(took));
        let client = Client::new();
        let mut slowest = 0.0_f64;
        for (name, path) in KINDS {
            let mut times = Vec::new();
            for round in 0..ROUNDS {
                // Far from each other, and each once.
                let path = path(1 + round * 97 % (WALLETS - 1));
                times.push(time(&client, &service, &path).await?);
            }
            let late = percentile(times, 99);
            results.note(name, late);
            slowest = slowest.max(late);
        }
        results.add(MEASURE, slowest, MOST_MILLIS);
        service.kill()
    }
}

/// The milliseconds until a list is there whole.
async fn time(client: &Client, service: &Service, path: &str) -> Result<f64> {
    let url = format!("{}/v1/{path}limit=100", service.url());
    let begun = Instant::now();
    let answer = client.get(&url).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    let took = millis(begun.elapsed());
    ensure!(status.is_success(), "{path}: {status}: {text}");
    let page: Value = serde_json::from_str(&text)?;
    // An owner of three wallets may have nothing to sign.
    ensure!(page["items"].is_array(), "{path}: {text}");
    Ok(took)
}
