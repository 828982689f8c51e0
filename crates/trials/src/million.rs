//! A store with a great many proposals, put in by SQL, past the store.
//!
//! A tenth of the proposals is of one wallet, the rest of ten thousand others; 4 % are open. One account owns all wallets,
//! every other one three. The chains do not exist.

use alloy::primitives::{Address, Bytes, U256, hex};
use eyre::{Result, WrapErr};
use quorate_core::{Action, Config, Nonce, Request, Snapshot};
use quorate_store::{Engine, NewWallet, Storage, Store, WalletKey};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::{fmt::Write as _, ops::Range};

/// How many wallets there are.
pub const WALLETS: u64 = 10_000;

/// How many rows are put in by one statement.
const AT_ONCE: u64 = 2_000;

/// How many wallets an account owns, but for the one that owns all.
const EACH: u64 = 3;

const fn chain_of(wallet: u64) -> u64 {
    if wallet % 10 == 9 { 2 } else { 1 }
}

/// A wallet by its number; number 0 is the one with a tenth of all.
pub fn wallet(number: u64) -> WalletKey {
    let address = Address::left_padding_from(&(number | 1 << 40).to_be_bytes());
    WalletKey { chain_id: chain_of(number), address }
}

/// The account that owns all wallets.
pub fn whale() -> Address {
    Address::repeat_byte(0xee)
}

fn owner(number: u64) -> Address {
    Address::left_padding_from(&(number | 1 << 41).to_be_bytes())
}

/// The account that proposed all of a wallet, and the one that is waited for.
pub fn owners(wallet: u64) -> [Address; 2] {
    [owner(wallet / EACH * 2), owner(wallet / EACH * 2 + 1)]
}

fn config(wallet: u64) -> Result<Config> {
    let [first, second] = owners(wallet);
    Ok(Config::new(2, vec![first, second, whale()], Address::ZERO, Bytes::new())?)
}

/// Fills an empty store, which is open at `url`.
///
/// # Errors
///
/// If the store refuses something.
pub async fn fill(store: &Store, url: &str, proposals: u64) -> Result<()> {
    for number in 0..WALLETS {
        let snapshot = Snapshot::new(0, true, 0, config(number)?);
        store.register_wallet(NewWallet { key: wallet(number), origin: None, snapshot }, 0).await?;
    }
    let mut connection = connect(url).await.wrap_err_with(|| url.to_owned())?;
    for from in (0..proposals).step_by(AT_ONCE as usize) {
        let statements = rows(store.engine(), from..proposals.min(from + AT_ONCE));
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await?;
    }
    let last = WALLETS + proposals;
    let statistics = match store.engine() {
        Engine::Sqlite => "",
        Engine::Postgres => "ANALYZE;",
    };
    let end = format!("UPDATE store_head SET outbox_sequence = {last}; {statistics}");
    sqlx::raw_sql(AssertSqlSafe(end)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

async fn connect(url: &str) -> Result<AnyConnection> {
    let url = if url.contains(':') { url.to_owned() } else { format!("sqlite://{url}") };
    let mut connection = AnyConnection::connect(&url).await?;
    if url.starts_with("sqlite") {
        // Digests come in no order: all pages of their indexes are wanted all the time.
        let settings = "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000";
        sqlx::raw_sql(settings).execute(&mut connection).await?;
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
fn rows(engine: Engine, range: Range<u64>) -> String {
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
