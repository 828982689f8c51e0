//! Webhooks: what a receiver is told, when it is not there, and who is not told anything.

use crate::http_stage::{
    OPEN, Server, Stage, Wallet, now_millis, serve_text, serve_text_at, until,
};
use eyre::{OptionExt as _, Result, WrapErr as _, ensure};
use quorate_lab::{
    http::{Asked, Reply, Server as Sink},
    keystore,
};
use quorate_store::{DeliveryFilter, DeliveryState, Options, Storage as _, Store};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

const SECRETS: &str = "# The present one, then the old one.\nwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n";

fn config(stage: &Stage, url: &str, more: &str) -> Result<String> {
    let file = stage.folder.path().join("webhook.secret");
    keystore::write_private(&file, SECRETS)?;
    let rest = format!(
        "{OPEN}[[webhooks]]\nname = \"books\"\nurl = \"{url}\"\nsecret_file = \"webhook.secret\"\n{more}"
    );
    Ok(stage.config(&stage.chain.endpoint(), &rest))
}

/// The store beside the relayer, once the webhook is known in it: it is told what happens from then on.
async fn known(stage: &Stage) -> Result<Store> {
    let file = stage.folder.path().join("relayer.db");
    until("a store", || async { Ok(file.exists().then_some(())) }).await?;
    let store = Store::open(&file.display().to_string(), Options::default()).await?;
    until("a webhook", || async { Ok((!store.list_webhooks().await?.is_empty()).then_some(())) })
        .await?;
    Ok(store)
}

/// Has a wallet registered, and a payment of it executed.
async fn pay(server: &Server, wallet: &Wallet, sequence: u64) -> Result<()> {
    let payment = wallet.payment(1, sequence);
    for by in [0, 1] {
        let answer = server.propose(&payment, by).await?;
        ensure!(answer.status < 300, "{answer:?}");
    }
    let query = "?wait=executed&timeoutSecs=30";
    let proposal = server.proposal(&payment, query).await?;
    ensure!(proposal.status == quorate_core::status::StatusWord::Executed, "{proposal:?}");
    Ok(())
}

fn sequence(asked: &Asked) -> u64 {
    asked.body["data"]["sequence"].as_u64().unwrap_or(0)
}

/// As node's crypto has it: a third implementation.
fn signed_by(secret: &str, asked: &Asked) -> Result<String> {
    let script = "const [s, m] = JSON.parse(require('fs').readFileSync(0)); \
         process.stdout.write(require('crypto').createHmac('sha256', Buffer.from(s, 'base64')).update(m).digest('base64'))";
    let mut node = Command::new("node")
        .args(["-e", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let header = |name: &str| asked.headers.get(name).cloned().ok_or_eyre("a header is missing");
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let message = format!("{id}.{timestamp}.{}", asked.text);
    let input = json!([secret, message]).to_string();
    node.stdin.take().ok_or_eyre("no input")?.write_all(input.as_bytes())?;
    let output = node.wait_with_output()?;
    Ok(format!("v1,{}", String::from_utf8(output.stdout)?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_told_all_in_order_and_signed_by_every_secret() -> Result<()> {
    let stage = Stage::new().await?;
    let sink = Sink::start(|_| Reply::Json(204, Value::Null)).await?;
    let server =
        serve_text(&config(&stage, &sink.url(), "allow_private = true\n")?, stage.folder.path())
            .await?;
    let store = known(&stage).await?;
    let wallet = stage.deployed(1).await?;
    ensure!(server.register(&wallet).await?.status == 201);
    pay(&server, &wallet, 0).await?;
    let last = store.last_event().await?;
    let all = || async {
        let told = sink.asked();
        Ok((told.iter().map(sequence).max() >= Some(last)).then_some(told))
    };
    let told = until("all events", all).await?;
    let sequences: Vec<_> = told.iter().filter(|a| sequence(a) <= last).map(sequence).collect();
    let mut sorted = sequences.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted, (1..=last).collect::<Vec<_>>(), "each once or more: {sequences:?}");
    let mut of_proposal: Vec<_> =
        told.iter().filter(|asked| !asked.body["data"]["digest"].is_null()).map(sequence).collect();
    of_proposal.dedup();
    assert!(of_proposal.is_sorted(), "{of_proposal:?}");

    let first = &told[0];
    assert_eq!(first.body["type"], "walletRegistered");
    assert_eq!(first.body["data"]["wallet"], wallet.address.to_checksum(None));
    assert_eq!(first.headers["webhook-id"], format!("books.{}", sequence(first)));
    ensure!(first.body["data"]["auditHead"].as_str().is_some_and(|head| head.len() == 66));
    let given: Vec<_> = first.headers["webhook-signature"].split(' ').collect();
    let expected = [
        signed_by("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", first)?,
        signed_by("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", first)?,
    ];
    assert_eq!(given, expected);

    // Told again it is the same event.
    let id = &first.headers["webhook-id"];
    let before = told.iter().filter(|asked| asked.headers["webhook-id"] == *id).count();
    store.redeliver("books".to_owned(), None, 1..=1, 0).await?;
    let again = || async {
        let told = sink.asked();
        let count = told.iter().filter(|asked| asked.headers["webhook-id"] == *id).count();
        Ok((count > before).then_some(()))
    };
    until("the event again", again).await?;
    store.close().await;
    server.stop().await
}

/// How far this file's clock is ahead, in milliseconds.
static AHEAD: AtomicU64 = AtomicU64::new(0);

fn clock() -> u64 {
    now_millis() + AHEAD.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_failures_loses_nothing_and_keeps_the_order_of_each_proposal() -> Result<()> {
    let stage = Stage::new().await?;
    let is_down = Arc::new(AtomicBool::new(true));
    let down = is_down.clone();
    let sink = Sink::start(move |_| {
        let status = if down.load(Ordering::Relaxed) { 500 } else { 200 };
        Reply::Json(status, Value::Null)
    })
    .await?;
    let text = config(&stage, &sink.url(), "allow_private = true\n")?;
    let server = serve_text(&text, stage.folder.path()).await?;
    let store = known(&stage).await?;
    let wallet = stage.deployed(1).await?;
    ensure!(server.register(&wallet).await?.status == 201);
    for sequence in 0..3 {
        pay(&server, &wallet, sequence).await?;
    }
    until("a failure", || async { Ok((!sink.asked().is_empty()).then_some(())) }).await?;
    // It ends, and another goes on from what is stored, an hour later.
    server.stop().await?;
    AHEAD.store(3_600_000, Ordering::Relaxed);
    let server = serve_text_at(&text, stage.folder.path(), clock).await?;
    let failed = || async {
        let page = store.list_deliveries("books".to_owned(), DeliveryFilter::Failing, None, 50);
        let page = page.await?;
        Ok(page.items.iter().any(|delivery| delivery.failures >= 2).then_some(()))
    };
    until("a second failure", failed).await?;
    let before = sink.asked().len();
    is_down.store(false, Ordering::Relaxed);
    AHEAD.store(3 * 3_600_000, Ordering::Relaxed);
    let done = || async {
        let webhooks = store.list_webhooks().await?;
        let last = store.last_event().await?;
        Ok(webhooks.iter().all(|w| w.pending == 0 && w.sequence == last).then_some(last))
    };
    let last = until("all delivered", done).await?;
    let mut delivered = BTreeMap::<String, Vec<u64>>::new();
    for asked in sink.asked().iter().skip(before) {
        let subject = asked.body["data"]["digest"].as_str().unwrap_or("wallet").to_owned();
        delivered.entry(subject).or_default().push(sequence(asked));
    }
    assert_eq!(delivered.len(), 4, "three proposals, and the wallet");
    for (subject, sequences) in &mut delivered {
        sequences.dedup();
        assert!(sequences.is_sorted(), "{subject}: {sequences:?}");
    }
    let mut all: Vec<_> = delivered.into_values().flatten().collect();
    all.sort_unstable();
    all.dedup();
    ensure!(all.len() as u64 >= last - 1, "{all:?} of {last}");
    store.close().await;
    server.stop().await
}

/// Case 16: a pause that a receiver asks for is granted, to all that it is told, and through a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_a_pause_is_left_alone() -> Result<()> {
    static PAUSED: AtomicU64 = AtomicU64::new(0);
    fn clock() -> u64 {
        now_millis() + PAUSED.load(Ordering::Relaxed)
    }
    let stage = Stage::new().await?;
    let is_busy = Arc::new(AtomicBool::new(true));
    let busy = is_busy.clone();
    let sink = Sink::start(move |_| {
        if busy.load(Ordering::Relaxed) {
            Reply::Busy(429, "120".to_owned())
        } else {
            Reply::Json(200, Value::Null)
        }
    })
    .await?;
    let text = config(&stage, &sink.url(), "allow_private = true\n")?;
    let server = serve_text_at(&text, stage.folder.path(), clock).await?;
    let store = known(&stage).await?;
    ensure!(server.register(&stage.wallet(1)?).await?.status == 201);
    let held = || async {
        let webhooks = store.list_webhooks().await?;
        Ok(webhooks[0].held_until.filter(|_| webhooks[0].failing > 0))
    };
    let until_then = until("a pause", held).await?;
    let asked = sink.asked().len();
    // Neither what happens meanwhile is told, nor what failed, nor by the next process.
    ensure!(server.register(&stage.wallet(2)?).await?.status == 201);
    let noted = || async { Ok((store.list_webhooks().await?[0].pending == 2).then_some(())) };
    until("the second is noted", noted).await?;
    server.stop().await?;
    is_busy.store(false, Ordering::Relaxed);
    let almost = u64::try_from(until_then)? - now_millis() - 20_000;
    PAUSED.store(almost, Ordering::Relaxed);
    let server = serve_text_at(&text, stage.folder.path(), clock).await?;
    ensure!(server.register(&stage.wallet(3)?).await?.status == 201);
    let noted = || async { Ok((store.list_webhooks().await?[0].pending == 3).then_some(())) };
    until("the third is noted", noted).await?;
    assert_eq!(sink.asked().len(), asked, "it was not left alone");
    let failed =
        store.list_deliveries("books".to_owned(), DeliveryFilter::Failing, None, 9).await?;
    assert_eq!(failed.items[0].outcome.as_deref(), Some("status 429, to be left alone for 120 s"));
    assert_eq!(failed.items[0].state, DeliveryState::Due { at: until_then });
    PAUSED.fetch_add(20_000, Ordering::Relaxed);
    let done = || async { Ok((store.list_webhooks().await?[0].pending == 0).then_some(())) };
    until("all delivered", done).await?;
    store.close().await;
    server.stop().await
}

/// Registrations from the very beginning on are told: the webhook is begun with before anything is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_webhook_is_told_the_first_that_happens() -> Result<()> {
    let stage = Stage::new().await?;
    let sink = Sink::start(|_| Reply::Json(200, Value::Null)).await?;
    let text = config(&stage, &sink.url(), "allow_private = true\n")?;
    let server = serve_text(&text, stage.folder.path()).await?;
    ensure!(server.register(&stage.wallet(1)?).await?.status == 201);
    let told = || async { Ok(sink.asked().first().map(sequence)) };
    assert_eq!(until("the first event", told).await?, 1);
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_in_the_relayers_own_network_is_told_anything_unasked() -> Result<()> {
    // By a name, by digits, and by digits in disguise.
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "2130706433"] {
        is_told_nothing(host).await.wrap_err(host)?;
    }
    Ok(())
}

async fn is_told_nothing(host: &'static str) -> Result<()> {
    let stage = Stage::new().await?;
    let sink = Sink::start(|_| Reply::Json(200, Value::Null)).await?;
    let port = sink.url().rsplit_once(':').ok_or_eyre("no port")?.1.to_owned();
    let text = config(&stage, &format!("http://{host}:{port}/"), "")?;
    let server = serve_text(&text, stage.folder.path()).await?;
    let store = known(&stage).await?;
    let wallet = stage.wallet(1)?;
    ensure!(server.register(&wallet).await?.status == 201);
    let refused = || async {
        let page = store.list_deliveries("books".to_owned(), DeliveryFilter::Failing, None, 5);
        Ok(page.await?.items.into_iter().next())
    };
    let refused = until("a refusal", refused).await?;
    ensure!(matches!(refused.state, DeliveryState::Due { .. }), "{refused:?}");
    let outcome = refused.outcome.unwrap_or_default();
    ensure!(outcome.contains("allow_private = true"), "{outcome}");
    assert!(sink.asked().is_empty());
    store.close().await;
    server.stop().await
}
