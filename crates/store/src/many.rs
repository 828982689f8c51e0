//! What belongs to many proposals or wallets at once, for lists: one query each, however long the list is.

use crate::{
    attempt::{AttemptRecord, read},
    error::StoreError,
    proposal::nonce_of,
    query::Query,
    row::{Fields, blob, int},
    wallet::{self, WalletKey, WalletRecord},
};
use alloy::primitives::B256;
use quorate_core::Nonce;
use sqlx::AnyConnection;

/// How many keys are bound in one query: databases take no more than some thousands.
const KEYS: usize = 500;

/// The wallets among `keys` that are registered, each once.
pub(crate) async fn wallets(
    connection: &mut AnyConnection,
    keys: &[WalletKey],
) -> Result<Vec<WalletRecord>, StoreError> {
    let mut found = Vec::new();
    for keys in keys.chunks(KEYS) {
        let mut query = Query::new("SELECT * FROM wallets w WHERE ");
        push_keys(&mut query, "(w.chain_id = ?", " AND w.address = ?)", keys)?;
        let rows = query.fetch_all(&mut *connection).await?;
        for row in &rows {
            found.push(wallet::read(row)?);
        }
    }
    Ok(found)
}

/// A nonce that an open proposal has, and the epoch that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenNonce {
    /// The wallet.
    pub wallet: WalletKey,
    /// The epoch.
    pub epoch: u32,
    /// The nonce.
    pub nonce: Nonce,
}

/// The nonces of the open proposals of these wallets, each once.
pub(crate) async fn open_nonces(
    connection: &mut AnyConnection,
    keys: &[WalletKey],
) -> Result<Vec<OpenNonce>, StoreError> {
    let mut found = Vec::new();
    for keys in keys.chunks(KEYS) {
        let mut query = Query::new(
            "SELECT DISTINCT p.chain_id, p.wallet, p.epoch, p.nonce FROM proposals p \
             WHERE p.status IN ('collecting', 'ready', 'submitted') AND (",
        );
        push_keys(&mut query, "(p.chain_id = ?", " AND p.wallet = ?)", keys)?;
        query.push(")");
        let rows = query.fetch_all(&mut *connection).await?;
        for row in &rows {
            let fields = Fields::new(row, "proposals", &["chain_id", "wallet"]);
            let wallet = WalletKey {
                chain_id: fields.number("chain_id")?,
                address: fields.address("wallet")?,
            };
            let nonce = nonce_of(fields.b256("nonce")?);
            found.push(OpenNonce { wallet, epoch: fields.number("epoch")?, nonce });
        }
    }
    Ok(found)
}

/// The other proposals for the nonce of each of these, of the same wallet and epoch: pairs of one of `digests` and a rival
/// of it, the first recorded first.
pub(crate) async fn rivals(
    connection: &mut AnyConnection,
    digests: &[B256],
) -> Result<Vec<(B256, B256)>, StoreError> {
    let mut found = Vec::new();
    for digests in digests.chunks(KEYS) {
        let mut query = Query::new(
            "SELECT p.digest AS digest, r.digest AS rival FROM proposals p JOIN proposals r \
             ON r.chain_id = p.chain_id AND r.wallet = p.wallet AND r.nonce = p.nonce \
             AND r.epoch = p.epoch AND r.digest <> p.digest WHERE p.digest IN (",
        );
        push_digests(&mut query, digests);
        query.push(") ORDER BY r.position");
        let rows = query.fetch_all(&mut *connection).await?;
        for row in &rows {
            let fields = Fields::new(row, "proposals", &["digest"]);
            found.push((fields.b256("digest")?, fields.b256("rival")?));
        }
    }
    Ok(found)
}

/// The attempts for each of these proposals, with what else was tried at their account nonces, and with the creation of
/// their wallet at the account nonce before, if there was one; the first one first.
pub(crate) async fn attempts(
    connection: &mut AnyConnection,
    digests: &[B256],
) -> Result<Vec<(B256, AttemptRecord)>, StoreError> {
    let mut found = Vec::new();
    for digests in digests.chunks(KEYS) {
        let mut query = Query::new(
            "SELECT DISTINCT o.digest AS for_digest, a.* FROM attempts o JOIN attempts a \
             ON a.chain_id = o.chain_id AND a.sender = o.sender AND (a.account_nonce = o.account_nonce \
             OR (a.account_nonce = o.account_nonce - 1 AND a.kind = 'create' AND a.wallet = o.wallet)) \
             WHERE o.digest IN (",
        );
        push_digests(&mut query, digests);
        query.push(") ORDER BY a.created_at, a.account_nonce, a.number");
        let rows = query.fetch_all(&mut *connection).await?;
        for row in &rows {
            let digest = Fields::new(row, "attempts", &["for_digest"]).b256("for_digest")?;
            found.push((digest, read::read(row)?));
        }
    }
    Ok(found)
}

/// A condition that takes the rows of these wallets, and none if there are none.
pub(crate) fn push_keys(
    query: &mut Query,
    chain: &'static str,
    address: &'static str,
    keys: &[WalletKey],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        query.push("1 = 0");
    }
    for (place, key) in keys.iter().enumerate() {
        if place > 0 {
            query.push(" OR ");
        }
        query.bind(chain, int("chainId", key.chain_id)?);
        query.bind(address, blob(key.address));
    }
    Ok(())
}

/// A list of digests; one that no proposal has if there are none.
fn push_digests(query: &mut Query, digests: &[B256]) {
    if digests.is_empty() {
        query.bind("?", Vec::<u8>::new());
    }
    for (place, digest) in digests.iter().enumerate() {
        if place > 0 {
            query.push(", ");
        }
        query.bind("?", blob(digest));
    }
}
