//! Reading attempts back.

use super::{AccountNonce, AttemptRecord, AttemptState, Place, Purpose};
use crate::{
    budget::Reservation,
    error::StoreError,
    row::{Fields, blob, int},
};
use alloy::primitives::{B256, Bytes, keccak256};
use sqlx::{AnyConnection, any::AnyRow};

/// All attempts at an account nonce, the first one first.
pub(crate) async fn at_nonce(
    connection: &mut AnyConnection,
    account_nonce: AccountNonce,
) -> Result<Vec<AttemptRecord>, StoreError> {
    let place = Place::of(account_nonce)?;
    let query = sqlx::query(
        "SELECT * FROM attempts WHERE chain_id = $1 AND sender = $2 AND account_nonce = $3 \
         ORDER BY number",
    );
    let query = query.bind(place.chain_id).bind(place.sender).bind(place.nonce);
    query.fetch_all(connection).await?.iter().map(read).collect()
}

/// All attempts on a chain whose account nonce is not settled, or was settled at `since` or later, by sender, nonce
/// and number.
pub(crate) async fn open(
    connection: &mut AnyConnection,
    chain_id: u64,
    since: i64,
) -> Result<Vec<AttemptRecord>, StoreError> {
    let query = sqlx::query(
        "SELECT * FROM attempts WHERE chain_id = $1 AND (final = 0 OR updated_at >= $2) \
         ORDER BY sender, account_nonce, number",
    );
    let rows = query.bind(int("chainId", chain_id)?).bind(since).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// All attempts to execute a proposal, the first one first.
pub(crate) async fn of_proposal(
    connection: &mut AnyConnection,
    digest: B256,
) -> Result<Vec<AttemptRecord>, StoreError> {
    let query = sqlx::query(
        "SELECT * FROM attempts WHERE digest = $1 ORDER BY created_at, account_nonce, number",
    );
    let rows = query.bind(blob(digest)).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// The attempt with that hash.
pub(crate) async fn by_hash(
    connection: &mut AnyConnection,
    chain_id: u64,
    tx_hash: B256,
) -> Result<Option<AttemptRecord>, StoreError> {
    let query = sqlx::query("SELECT * FROM attempts WHERE chain_id = $1 AND tx_hash = $2")
        .bind(int("chainId", chain_id)?)
        .bind(blob(tx_hash));
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

pub(crate) fn read(row: &AnyRow) -> Result<AttemptRecord, StoreError> {
    let fields = Fields::new(row, "attempts", &["chain_id", "sender", "account_nonce", "number"]);
    let raw = Bytes::from(fields.blob("raw")?);
    let tx_hash = keccak256(&raw);
    if tx_hash != fields.b256("tx_hash")? {
        return Err(fields.corrupt(format!("its bytes have the hash {tx_hash}")));
    }
    let purpose = match (fields.text("kind")?.as_str(), fields.b256_opt("digest")?) {
        ("execute", Some(digest)) => Purpose::Execute { digest },
        ("create", None) => Purpose::Create,
        ("noop", None) => Purpose::Noop,
        _ => return Err(fields.corrupt("kind is no known word, or has no such digest")),
    };
    Ok(AttemptRecord {
        account_nonce: AccountNonce {
            chain_id: fields.number("chain_id")?,
            sender: fields.address("sender")?,
            nonce: fields.number("account_nonce")?,
        },
        number: fields.number("number")?,
        tx_hash,
        raw,
        purpose,
        wallet: fields.address_opt("wallet")?,
        max_fee_per_gas: fields.u256("max_fee_per_gas")?,
        max_priority_fee_per_gas: fields.u256("max_priority_fee_per_gas")?,
        gas_limit: fields.number("gas_limit")?,
        ceiling: fields.u256("ceiling")?,
        rollup_fee: fields.u256_opt("rollup_fee")?.unwrap_or_default(),
        reservation: Reservation {
            day: fields.number("budget_day")?,
            amount: fields.u256("reserved")?,
        },
        state: AttemptState::read(&fields)?,
        settled: fields.block_opt("settled_block", "settled_hash")?,
        revision: fields.number("revision")?,
        created_at: fields.int("created_at")?,
        updated_at: fields.int("updated_at")?,
    })
}
