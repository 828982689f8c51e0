//! How long the lists of the HTTP API take with a million proposals stored: `million [URL] [PROPOSALS]`, by default a new
//! SQLite file. What is stored is kept: run on the same URL again, it measures only.
//!
//! A tenth of the proposals is of one wallet, the rest of ten thousand others; 4 % are open. One account owns all wallets,
//! every other one three. Rows are put in by SQL, past the store.

#![expect(clippy::print_stdout, reason = "it is what this is for")]

use alloy::primitives::{Address, B256, Bytes, U256, hex};
use eyre::{Result, ensure};
use quorate_core::{Action, Config, Nonce, Request, Snapshot, status::StatusWord};
use quorate_store::{
    Engine, EventFilter, NewWallet, Options, ProposalFilter, Storage, Store, WalletFilter,
    WalletKey,
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::{env, fmt::Write as _};
use tokio::time::Instant;

const WALLETS: u64 = 10_000;
/// How many rows are put in by one statement.
const AT_ONCE: u64 = 2_000;
/// How many wallets an account owns, but for the one that owns all.
const EACH: u64 = 3;
const ROUNDS: u64 = 40;
const PAGE: u32 = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("million.db").display().to_string();
    let url = env::args().nth(1).unwrap_or(file);
    let proposals = env::args().nth(2).map_or(Ok(1_000_000), |text| text.parse())?;
    let store = Store::open(&url, Options::default()).await?;
    if store.last_event().await? == 0 {
        fill(&store, &url, proposals).await?;
    }
    measure(&store).await?;
    store.close().await;
    Ok(())
}

const fn chain_of(wallet: u64) -> u64 {
    if wallet % 10 == 9 { 2 } else { 1 }
}

fn wallet(number: u64) -> WalletKey {
    let address = Address::left_padding_from(&(number | 1 << 40).to_be_bytes());
    WalletKey { chain_id: chain_of(number), address }
}

fn whale() -> Address {
    Address::repeat_byte(0xee)
}

fn owner(number: u64) -> Address {
    Address::left_padding_from(&(number | 1 << 41).to_be_bytes())
}

/// The account that proposed all of a wallet, and the one that is waited for.
fn owners(wallet: u64) -> [Address; 2] {
    [owner(wallet / EACH * 2), owner(wallet / EACH * 2 + 1)]
}

fn config(wallet: u64) -> Result<Config> {
    let [first, second] = owners(wallet);
    Ok(Config::new(2, vec![first, second, whale()], Address::ZERO, Bytes::new())?)
}

async fn fill(store: &Store, url: &str, proposals: u64) -> Result<()> {
    let begun = Instant::now();
    for number in 0..WALLETS {
        let snapshot = Snapshot::new(0, true, 0, config(number)?);
        store.register_wallet(NewWallet { key: wallet(number), origin: None, snapshot }, 0).await?;
    }
    println!("{WALLETS} wallets in {:.0} s", begun.elapsed().as_secs_f64());
    let mut connection = connect(url).await?;
    for from in (0..proposals).step_by(AT_ONCE as usize) {
        let statements = rows(store.engine(), from..proposals.min(from + AT_ONCE));
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await?;
    }
    let (last, statistics) = (
        WALLETS + proposals,
        match store.engine() {
            Engine::Sqlite => "",
            Engine::Postgres => "ANALYZE;",
        },
    );
    let end = format!("UPDATE store_head SET outbox_sequence = {last}; {statistics}");
    sqlx::raw_sql(AssertSqlSafe(end)).execute(&mut connection).await?;
    println!("{proposals} proposals in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

async fn connect(url: &str) -> Result<AnyConnection> {
    let url = if url.contains(':') { url.to_owned() } else { format!("sqlite://{url}") };
    let mut connection = AnyConnection::connect(&url).await?;
    if url.starts_with("sqlite") {
        sqlx::raw_sql("PRAGMA synchronous = OFF").execute(&mut connection).await?;
    }
    Ok(connection)
}

/// Numbers that look random, by splitmix64.
const fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const fn status_of(number: u64) -> &'static str {
    match mixed(number) / 7 % 1_000 {
        0..30 => "collecting",
        30..39 => "ready",
        39 => "submitted",
        40..60 => "expired",
        60..80 => "superseded",
        _ => "executed",
    }
}

/// Statements that put in proposals, a signature of each, and an event.
fn rows(engine: Engine, range: std::ops::Range<u64>) -> String {
    let bytes = |bytes: &[u8]| match engine {
        Engine::Sqlite => format!("x'{}'", hex::encode(bytes)),
        Engine::Postgres => format!("'\\x{}'", hex::encode(bytes)),
    };
    let (mut proposals, mut signatures, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for number in range {
        let of = if number % 10 == 0 { 0 } else { mixed(number) % WALLETS };
        let (key, nonce) = (wallet(of), U256::from(number));
        let request = Request {
            chain_id: key.chain_id,
            wallet: key.address,
            epoch: 0,
            action: Action::Cancel {},
            nonce: Nonce::from_u256(nonce),
            deadline: 2_000_000_000,
        };
        let (digest, position) = (bytes(&request.digest()[..]), WALLETS + number + 1);
        let (address, proposer) = (bytes(&key.address[..]), bytes(&owners(of)[0][..]));
        let (status, chain_id, nonce) =
            (status_of(number), key.chain_id, bytes(&nonce.to_be_bytes::<32>()));
        let execution = match status {
            "executed" => format!("{digest}, 5, {digest}"),
            _ => "NULL, NULL, NULL".to_owned(),
        };
        proposals.push(format!(
            "({digest}, {position}, {chain_id}, {address}, 0, '{{\"type\":\"cancel\"}}', {nonce}, \
             2000000000, {proposer}, '{status}', 0, 0, '[]', 0, 0, {execution})"
        ));
        let signature = bytes(&[1; 64]);
        signatures.push(format!("({digest}, {proposer}, 'ecdsa', {signature}, 1, 0)"));
        events
            .push(format!("({position}, 0, 'proposed', {chain_id}, {address}, {digest}, '{{}}')"));
    }
    let mut text = String::from("BEGIN;");
    for (into, rows) in [
        (
            "proposals (digest, position, chain_id, wallet, epoch, action, nonce, deadline, \
             proposer, status, final, revision, failures, created_at, updated_at, execution_tx, \
             execution_block, execution_block_hash)",
            proposals,
        ),
        ("signatures (digest, owner, kind, signature, verified, received_at)", signatures),
        ("outbox (sequence, at, kind, chain_id, wallet, digest, payload)", events),
    ] {
        let rows = rows.join(", ");
        write!(text, "INSERT INTO {into} VALUES {rows};").expect("text takes all");
    }
    text + "COMMIT;"
}

/// Middle and longest of many, in milliseconds, each for another wallet or owner.
async fn time(what: &str, ask: impl AsyncFn(u64) -> Result<usize>) -> Result<()> {
    let (mut millis, mut most) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let begun = Instant::now();
        most = most.max(ask(round * 241 % WALLETS).await?);
        millis.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    millis.sort_by(f64::total_cmp);
    let (middle, longest) = (millis[millis.len() / 2], millis[millis.len() - 1]);
    println!("{middle:>8.2} ms  {longest:>8.2} ms at most  {most:>4} items  {what}");
    Ok(())
}

async fn measure(store: &Store) -> Result<()> {
    let all = ProposalFilter::default;
    let list = async |filter: ProposalFilter, before| {
        eyre::Ok(store.list_proposals(filter, before, PAGE).await?.items.len())
    };
    let of = |number| ProposalFilter {
        chain_id: Some(wallet(number).chain_id),
        wallet: Some(wallet(number).address),
        ..all()
    };
    let middle = Some(store.last_event().await? / 2);
    time("all", async |_| list(all(), None).await).await?;
    for before in [None, middle] {
        let place = if before.is_some() { ", from the middle on" } else { "" };
        time(&format!("of a wallet{place}"), async |n| list(of(n), before).await).await?;
        time(&format!("of the biggest wallet{place}"), async |_| list(of(0), before).await).await?;
        for status in [StatusWord::Collecting, StatusWord::Submitted, StatusWord::Executed] {
            let (status, word) = (Some(status), status.name());
            let with = |filter| ProposalFilter { status, ..filter };
            time(&format!("{word}{place}"), async |_| list(with(all()), before).await).await?;
            let what = format!("{word} of a wallet{place}");
            time(&what, async |n| list(with(of(n)), before).await).await?;
            let what = format!("{word} of the biggest wallet{place}");
            time(&what, async |_| list(with(of(0)), before).await).await?;
        }
        for status in [None, Some(StatusWord::Ready)] {
            for chain_id in [None, Some(1)] {
                let by =
                    |owner| ProposalFilter { awaiting: Some(owner), status, chain_id, ..all() };
                let more = format!("{status:?}, chain {chain_id:?}{place}");
                let what = format!("awaiting an owner, {more}");
                time(&what, async |n| list(by(owners(n)[1]), before).await).await?;
                let what = format!("awaiting the owner of all, {more}");
                time(&what, async |_| list(by(whale()), before).await).await?;
            }
        }
    }
    measure_rest(store).await
}

async fn measure_rest(store: &Store) -> Result<()> {
    let wallets = async |owner, chain_id| {
        let filter = WalletFilter { owner, chain_id, among: None };
        eyre::Ok(store.list_wallets(filter, Some(wallet(5)), PAGE).await?.items.len())
    };
    time("wallets", async |_| wallets(None, None).await).await?;
    time("wallets of an owner", async |n| wallets(Some(owners(n)[0]), None).await).await?;
    time("wallets of the owner of all", async |_| wallets(Some(whale()), None).await).await?;
    time("wallets of the owner of all, chain 2", async |_| wallets(Some(whale()), Some(2)).await)
        .await?;
    let nonces = async |number| eyre::Ok(store.open_nonces(vec![wallet(number)]).await?.len());
    time("open nonces", async |n| nonces(n).await).await?;
    time("open nonces of the biggest wallet", async |_| nonces(0).await).await?;
    let last = store.last_event().await?;
    for (place, after) in [("all", 0), ("the second half", last / 2), ("the end", last - 200)] {
        let events = async |filter| eyre::Ok(store.events_after(after, filter, PAGE).await?.len());
        let all = EventFilter::default;
        let on = |chain_id| EventFilter { chain_id: Some(chain_id), ..all() };
        let at = |n| EventFilter { address: Some(wallet(n).address), ..all() };
        let by = |owner| EventFilter { owner: Some(owner), ..all() };
        time(&format!("{place}: events"), async |_| events(all()).await).await?;
        time(&format!("{place}: events of a chain"), async |_| events(on(2)).await).await?;
        time(&format!("{place}: events of no chain"), async |_| events(on(3)).await).await?;
        time(&format!("{place}: events of a wallet"), async |n| events(at(n)).await).await?;
        let what = format!("{place}: events of an owner");
        time(&what, async |n| events(by(owners(n)[1])).await).await?;
        let what = format!("{place}: events of the owner of all");
        time(&what, async |_| events(by(whale())).await).await?;
        let what = format!("{place}: events of a stranger");
        time(&what, async |_| events(by(Address::ZERO)).await).await?;
    }
    let digest = store.list_proposals(ProposalFilter::default(), None, 1).await?.items[0].digest;
    ensure!(digest != B256::ZERO, "it has one");
    time("one proposal", async |_| Ok(store.find_proposal(digest).await?.into_iter().count())).await
}
