//! What is logged of requests, and what never is.

use crate::http_stage::{OPEN, Stage, proposal, signature};
use alloy::transports::http::reqwest::Method;
use eyre::{Result, ensure};
use quorate_lab::proxy::{Fault, Faults, Proxy, Refusal};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Stands wherever a client can put a secret.
const SECRET: &str = "hunter2hunter2";

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Down to the last detail. And case 33: every line of an engine names its chain; case 13: what an endpoint lacks is named
/// once.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_a_token_a_signature_or_what_a_client_made_up() -> Result<()> {
    let log = Log::default();
    // As the program filters it: of this program everything, of what it is built on warnings.
    let filter =
        Targets::new().with_default(LevelFilter::WARN).with_target("quorate", LevelFilter::TRACE);
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(log.clone());
    tracing_subscriber::registry().with(filter).with(layer).init();
    let stage = Stage::new().await?;
    let refuse = Fault::Refuse(Refusal::NOT_WHITELISTED);
    let faults = Faults::none(1).with(refuse, 1_000, Some("eth_simulateV1"));
    let proxy = Proxy::start(&stage.chain.endpoint(), faults).await?;
    let server = stage.serve_at(&proxy.endpoint(), OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;

    for path in [
        "/v1/wallets".to_owned(),
        format!("/v1/wallets?owner={SECRET}"),
        format!("/v1/proposals/{SECRET}"),
        format!("/{SECRET}"),
    ] {
        let request = server.request(Method::GET, &path).header("x-api-key", SECRET);
        let request = request.header("authorization", format!("Bearer {SECRET}"));
        server.send(request).await?;
    }
    let paid = wallet.payment(6, 0);
    server.propose(&paid, 0).await?;
    server.sign(&paid, 1).await?;
    server.proposal(&paid, "?wait=executed&timeoutSecs=60").await?;
    let request = wallet.payment(5, 1);
    let mut signed = proposal(&request, &signature(&request, 0)?);
    signed["note"] = SECRET.into();
    let posted = server.post(&format!("{}/proposals", wallet.path()), &signed).await?;
    ensure!(posted.status == 201, "{posted:?}");
    server.post_text("/v1/wallets", SECRET).await?;
    server.stop().await?;

    let text = log.text();
    for line in [
        "route=\"/v1/wallets\" status=401",
        "route=\"/v1/proposals/{digest}\" status=400",
        "route=\"unknown\" status=404",
        "status=201 micros=",
        "listening address=127.0.0.1:",
        "audit log head=0x",
    ] {
        ensure!(text.contains(line), "{line} is missing in\n{text}");
    }
    let signature = signed["signature"]["signature"].as_str().unwrap_or_default();
    for line in text.lines() {
        ensure!(!line.contains(SECRET) && !line.contains(&signature[2..]), "{line}");
        // The lease is the process's, for all of its engines.
        let is_of_engine = line.contains("quorate_relayer::driver") && !line.contains("::tenure");
        ensure!(!is_of_engine || line.contains("chain_id=31337"), "{line}");
    }
    let is_named = |line: &&str| line.contains(" WARN ") && line.contains("eth_simulateV1");
    assert_eq!(text.lines().filter(is_named).count(), 1, "{text}");
    Ok(())
}
