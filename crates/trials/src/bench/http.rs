//! The program `quorate relayer` as its users meet it: how long it takes to start, and to answer an owner who signs.

use super::{
    Bound, Measure, Options, Results,
    load::{Load, Payment, SENDERS, complete_all, propose_all},
    millis, percentile,
    watch::Watch,
};
use crate::{store, world::sender};
use alloy::{
    primitives::B256,
    transports::http::reqwest::{Client, StatusCode},
};
use eyre::{Result, ensure};
use quorate_api::NewSignature;
use quorate_lab::{keystore, owners::owner, program::Program, service::Service};
use quorate_store::Storage as _;
use std::{fmt::Write as _, fs, path::Path, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep},
};

pub(super) const ANSWER: Measure = Measure {
    name: "signature posted to answered, p50 at 50/s",
    unit: "ms",
    against: "a bare commit at the same time, p50",
    bound: Bound::AtMost(10.0),
};

pub(super) const LATE_ANSWER: Measure = Measure {
    name: "signature posted to answered, p99 at 50/s",
    unit: "ms",
    against: "a bare commit at the same time, p99",
    bound: Bound::AtMost(10.0),
};

pub(super) const COLD_START: Measure = Measure {
    name: "cold start, until all is ready",
    unit: "ms",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

/// How many signatures.
const COUNT: u64 = 500;

/// From one signature to the next.
const PACE: Duration = Duration::from_millis(20);

/// How long the program may take to start, in milliseconds.
const MOST_START_MILLIS: f64 = 1_000.0;

/// How often is asked whether it is ready.
const POLL: Duration = Duration::from_millis(2);

/// How long it is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG_FILE: &str = "relayer.toml";

/// A relayer that has taken up work, and how long that took.
pub(super) struct Started {
    pub(super) service: Service,
    pub(super) took: Duration,
}

pub(super) async fn measure(options: &Options, results: &mut Results) -> Result<()> {
    let load = Load::start(options.scaled(COUNT)).await?;
    load.world.mine_every(1).await?;
    propose_all(&load.store, &load.payments).await?;
    complete_all(&load.store, load.warm_up()).await?;
    let watch = Watch::start(load.store.clone());
    let first = start(load.folder(), &load).await?;
    watch.settled(load.warm_up()).await?;

    let (answers, bare) = sign_all(&first.service, load.measured()).await?;
    watch.executed(load.measured()).await?;
    first.service.kill()?;
    let again = start(load.folder(), &load).await?;
    again.service.kill()?;
    for (measure, percent) in [(ANSWER, 50), (LATE_ANSWER, 99)] {
        let value = percentile(answers.iter().copied(), percent);
        results.add(measure, value, percentile(bare.iter().copied(), percent));
    }
    results.add(COLD_START, millis(again.took), MOST_START_MILLIS);
    Ok(())
}

/// Starts the program on the store in `folder`, with the chain and the senders of `load`, and waits until it is ready.
pub(super) async fn start(folder: &Path, load: &Load) -> Result<Started> {
    start_at(folder, load, &load.world.chain.endpoint()).await
}

/// As [`start`], with another endpoint of the chain.
pub(super) async fn start_at(folder: &Path, load: &Load, endpoint: &str) -> Result<Started> {
    let keys: Vec<_> = (0..SENDERS).map(|n| (format!("KEY_{n}"), owner(sender(n)))).collect();
    keystore::write_env_file(&folder.join("keys.env"), &keys)?;
    let chain_id = load.world.chain.id();
    let mut config = format!(
        "store = \"relayer.db\"\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n[http.limits]\nrequests_per_second = 100000\n\
         burst = 1000000\n\n[[chains]]\nchain_id = {chain_id}\nrpc_urls = [\"{endpoint}\"]\npoll_millis = 50\n\
         final_depth = 3\nblock_secs = 1\n\n[chains.limits]\nper_day = \"10000 ether\"\n\
         per_wallet_and_day = \"1000 ether\"\n"
    );
    for (variable, _) in &keys {
        writeln!(
            config,
            "\n[[chains.senders]]\nenv_file = \"keys.env\"\nvariable = \"{variable}\""
        )?;
    }
    fs::write(folder.join(CONFIG_FILE), config)?;
    let begun = Instant::now();
    let service = Service::start(&Program::beside()?, folder, CONFIG_FILE, &[])?;
    let (client, url) = (Client::new(), format!("{}/readyz", service.url()));
    while client.get(&url).send().await?.status() != StatusCode::OK {
        ensure!(begun.elapsed() < PATIENCE, "the relayer does not get ready");
        sleep(POLL).await;
    }
    Ok(Started { service, took: begun.elapsed() })
}

/// Posts the last signature of each of these at a steady pace, whether or not answers keep up, and makes a bare commit in a
/// store that nobody else uses between each two. Tells the milliseconds that each answer took, and each commit.
async fn sign_all(service: &Service, payments: &[Payment]) -> Result<(Vec<f64>, Vec<f64>)> {
    let folder = tempfile::tempdir()?;
    let store = store::open(folder.path()).await?;
    let client = Client::new();
    let mut pace = interval(PACE);
    let (mut answers, mut commits) = (JoinSet::new(), Vec::new());
    for payment in payments {
        let (client, url, body) = (client.clone(), url(service, payment.digest), body(payment)?);
        pace.tick().await;
        answers.spawn(async move {
            let begun = Instant::now();
            let request = client.post(url).header("content-type", "application/json").body(body);
            let answer = request.send().await?;
            let status = answer.status();
            let text = answer.text().await?;
            let took = millis(begun.elapsed());
            ensure!(status == StatusCode::CREATED, "{status}: {text}");
            Ok(took)
        });
        sleep(PACE / 2).await;
        let begun = Instant::now();
        store.check_writable().await?;
        commits.push(millis(begun.elapsed()));
    }
    let answers = answers.join_all().await.into_iter().collect::<Result<_>>()?;
    store.close().await;
    Ok((answers, commits))
}

pub(super) fn url(service: &Service, digest: B256) -> String {
    format!("{}/v1/proposals/{digest}/signatures", service.url())
}

/// The last signature of a payment, as it is posted.
pub(super) fn body(payment: &Payment) -> Result<Vec<u8>> {
    let (&owner, signature) = payment.signatures.iter().nth(1).expect("two sign");
    let signature = signature.to_bytes();
    Ok(serde_json::to_vec(&NewSignature { owner, signature })?)
}
