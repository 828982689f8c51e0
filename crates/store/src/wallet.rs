//! The wallets that are served.

use crate::{
    audit::Kind,
    error::StoreError,
    lease::{self, Lease},
    many::push_keys,
    outbox::EventKind,
    page::{Page, rows_for},
    query::Query,
    row::{Fields, blob, int},
    transaction::Transaction,
    writer::Intention,
};
use alloy::primitives::Address;
use quorate_core::{Config, Snapshot, proposal::Origin};
use serde_json::json;
use sqlx::{AnyConnection, any::AnyRow};

/// A wallet on a chain. The same address on another chain is another wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalletKey {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The address.
    pub address: Address,
}

/// A wallet to be served. That it is genuine is checked before, by those who can read the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWallet {
    /// Which wallet.
    pub key: WalletKey,
    /// What its address commits to, if that is known: needed to create it.
    pub origin: Option<Origin>,
    /// What it was when it was examined.
    pub snapshot: Snapshot,
}

/// A wallet that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletRecord {
    /// Which wallet.
    pub key: WalletKey,
    /// What its address commits to, if that is known.
    pub origin: Option<Origin>,
    /// The configuration that was last read from the chain.
    pub config: Config,
    /// The epoch of that configuration.
    pub epoch: u32,
    /// What it was at a block that cannot be undone any more.
    pub snapshot: Snapshot,
    /// When it was registered, in Unix milliseconds.
    pub registered_at: i64,
}

/// Which wallets to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalletFilter {
    /// Those of this chain.
    pub chain_id: Option<u64>,
    /// Those that this account owns, by the configuration that was last read.
    pub owner: Option<Address>,
    /// Those among these.
    pub among: Option<Vec<WalletKey>>,
}

/// Whether something was stored now or was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was stored now.
    New,
    /// It was there before; nothing changed.
    Known,
}

pub(crate) struct RegisterWallet {
    pub(crate) wallet: NewWallet,
    pub(crate) at: i64,
}

impl Intention for RegisterWallet {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        let NewWallet { key, origin, snapshot } = &self.wallet;
        let (config, epoch) = (&snapshot.config, snapshot.epoch);
        let chain_id = int("chainId", key.chain_id)?;
        if let Some(known) = find(tx.connection(), *key).await? {
            if known.origin.is_none() && origin.is_some() {
                set_origin(tx, *key, origin.as_ref()).await?;
            }
            return Ok(Recorded::Known);
        }
        let query = sqlx::query(
            "INSERT INTO wallets (chain_id, address, config, epoch, snapshot, registered_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        query
            .bind(chain_id)
            .bind(blob(key.address))
            .bind(config_text(config))
            .bind(i64::from(epoch))
            .bind(json!(snapshot).to_string())
            .bind(self.at)
            .execute(tx.connection())
            .await?;
        set_origin(tx, *key, origin.as_ref()).await?;
        set_owners(tx, *key, config, tx.next_event()).await?;
        let what = json!({ "config": config, "salt": origin.as_ref().map(|origin| origin.salt) });
        tx.emit(self.at, EventKind::WalletRegistered, *key, None, what.clone()).await?;
        tx.audit(self.at, Kind::WalletRegistered, named(*key, what)).await?;
        Ok(Recorded::New)
    }
}

pub(crate) struct RecordConfig {
    pub(crate) key: WalletKey,
    pub(crate) config: Config,
    pub(crate) epoch: u32,
    pub(crate) at: i64,
}

impl Intention for RecordConfig {
    type Output = ();

    async fn apply(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        let found = find(tx.connection(), self.key).await?;
        let known = found.ok_or(StoreError::UnknownWallet { wallet: self.key })?;
        if known.config == self.config && known.epoch == self.epoch {
            return Ok(());
        }
        let query = sqlx::query(
            "UPDATE wallets SET config = $1, epoch = $2 WHERE chain_id = $3 AND address = $4",
        );
        query
            .bind(config_text(&self.config))
            .bind(i64::from(self.epoch))
            .bind(int("chainId", self.key.chain_id)?)
            .bind(blob(self.key.address))
            .execute(tx.connection())
            .await?;
        set_owners(tx, self.key, &self.config, tx.next_event()).await?;
        let what = json!({ "config": self.config, "epoch": self.epoch });
        tx.emit(self.at, EventKind::WalletReconfigured, self.key, None, what.clone()).await?;
        tx.audit(self.at, Kind::WalletReconfigured, named(self.key, what)).await
    }
}

pub(crate) struct Checkpoint {
    pub(crate) lease: Lease,
    pub(crate) key: WalletKey,
    pub(crate) snapshot: Snapshot,
}

impl Intention for Checkpoint {
    type Output = ();

    async fn apply(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        lease::check(tx, &self.lease).await?;
        let query =
            sqlx::query("UPDATE wallets SET snapshot = $1 WHERE chain_id = $2 AND address = $3");
        let done = query
            .bind(json!(self.snapshot).to_string())
            .bind(int("chainId", self.key.chain_id)?)
            .bind(blob(self.key.address))
            .execute(tx.connection())
            .await?;
        if done.rows_affected() == 1 {
            Ok(())
        } else {
            Err(StoreError::UnknownWallet { wallet: self.key })
        }
    }
}

/// `what` with the wallet's name in it.
pub(crate) fn named(key: WalletKey, mut what: serde_json::Value) -> serde_json::Value {
    what["chainId"] = json!(key.chain_id);
    what["wallet"] = json!(key.address.to_checksum(None));
    what
}

fn config_text(config: &Config) -> String {
    json!(config).to_string()
}

async fn set_origin(
    tx: &mut Transaction,
    key: WalletKey,
    origin: Option<&Origin>,
) -> Result<(), StoreError> {
    let Some(Origin { config, salt }) = origin else { return Ok(()) };
    let query = sqlx::query(
        "UPDATE wallets SET origin_config = $1, salt = $2 WHERE chain_id = $3 AND address = $4",
    );
    query
        .bind(config_text(config))
        .bind(blob(salt))
        .bind(int("chainId", key.chain_id)?)
        .bind(blob(key.address))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Replaces who owns the wallet. Whoever does no longer is told events up to `until`, the one that tells so.
async fn set_owners(
    tx: &mut Transaction,
    key: WalletKey,
    config: &Config,
    until: u64,
) -> Result<(), StoreError> {
    let (chain_id, address) = (int("chainId", key.chain_id)?, blob(key.address));
    sqlx::query(
        "INSERT INTO former_owners (chain_id, address, owner, until) \
         SELECT chain_id, address, owner, $3 FROM wallet_owners WHERE chain_id = $1 AND address = $2 \
         ON CONFLICT (owner, chain_id, address) DO UPDATE SET until = EXCLUDED.until",
    )
    .bind(chain_id)
    .bind(address.clone())
    .bind(int("sequence", until)?)
    .execute(tx.connection())
    .await?;
    sqlx::query("DELETE FROM wallet_owners WHERE chain_id = $1 AND address = $2")
        .bind(chain_id)
        .bind(address.clone())
        .execute(tx.connection())
        .await?;
    for owner in config.owners() {
        sqlx::query("INSERT INTO wallet_owners (chain_id, address, owner) VALUES ($1, $2, $3)")
            .bind(chain_id)
            .bind(address.clone())
            .bind(blob(owner))
            .execute(tx.connection())
            .await?;
    }
    // Those who still own it, or do again.
    sqlx::query(
        "DELETE FROM former_owners WHERE chain_id = $1 AND address = $2 AND owner IN \
         (SELECT owner FROM wallet_owners WHERE chain_id = $1 AND address = $2)",
    )
    .bind(chain_id)
    .bind(address)
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(crate) async fn find(
    connection: &mut AnyConnection,
    key: WalletKey,
) -> Result<Option<WalletRecord>, StoreError> {
    let query = sqlx::query("SELECT * FROM wallets WHERE chain_id = $1 AND address = $2")
        .bind(int("chainId", key.chain_id)?)
        .bind(blob(key.address));
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// The wallets of a chain, all of them.
pub(crate) async fn of_chain(
    connection: &mut AnyConnection,
    chain_id: u64,
) -> Result<Vec<WalletRecord>, StoreError> {
    let query = sqlx::query("SELECT * FROM wallets WHERE chain_id = $1 ORDER BY address");
    let rows = query.bind(int("chainId", chain_id)?).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

pub(crate) async fn list(
    connection: &mut AnyConnection,
    filter: &WalletFilter,
    after: Option<WalletKey>,
    limit: u32,
) -> Result<Page<WalletRecord, WalletKey>, StoreError> {
    let rows = listing(filter, after, limit)?.fetch_all(connection).await?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::new(items, limit, |wallet: &WalletRecord| wallet.key))
}

pub(crate) fn listing(
    filter: &WalletFilter,
    after: Option<WalletKey>,
    limit: u32,
) -> Result<Query, StoreError> {
    // Both tables have the key, and are in its order: k is the one that is gone through.
    let mut query = Query::new("SELECT k.* FROM wallets k WHERE 1 = 1");
    if let Some(owner) = filter.owner {
        query = Query::new("SELECT w.* FROM wallet_owners k CROSS JOIN wallets w");
        query.push(" WHERE w.chain_id = k.chain_id AND w.address = k.address");
        query.bind(" AND k.owner = ?", blob(owner));
    }
    if let Some(chain_id) = filter.chain_id {
        query.bind(" AND k.chain_id = ?", int("chainId", chain_id)?);
    }
    if let Some(among) = &filter.among {
        query.push(" AND (");
        push_keys(&mut query, "(k.chain_id = ?", " AND k.address = ?)", among)?;
        query.push(")");
    }
    if let Some(after) = after {
        query.bind(" AND (k.chain_id, k.address) > (?,", int("chainId", after.chain_id)?);
        query.bind(" ?)", blob(after.address));
    }
    query.bind(" ORDER BY k.chain_id, k.address LIMIT ?", rows_for(limit));
    Ok(query)
}

pub(crate) fn read(row: &AnyRow) -> Result<WalletRecord, StoreError> {
    let fields = Fields::new(row, "wallets", &["chain_id", "address"]);
    let origin = match (fields.json_opt("origin_config")?, fields.b256_opt("salt")?) {
        (Some(config), Some(salt)) => Some(Origin { config, salt }),
        (None, None) => None,
        _ => return Err(fields.corrupt("origin_config and salt belong together")),
    };
    Ok(WalletRecord {
        key: WalletKey {
            chain_id: fields.number("chain_id")?,
            address: fields.address("address")?,
        },
        origin,
        config: fields.json("config")?,
        epoch: fields.number("epoch")?,
        snapshot: fields.json("snapshot")?,
        registered_at: fields.int("registered_at")?,
    })
}
