//! What happened, for those who watch: written in the same commit as what it tells.

use crate::{
    error::StoreError,
    many::push_keys,
    page::rows_for,
    query::Query,
    row::{Fields, blob, int},
    transaction::Transaction,
    wallet::WalletKey,
    writer::Intention,
};
use alloy::primitives::{Address, B256};
use serde_json::Value;
use sqlx::{AnyConnection, any::AnyRow};

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A wallet was registered.
    WalletRegistered,
    /// Another configuration of a wallet was read from its chain.
    WalletReconfigured,
    /// A proposal was recorded.
    Proposed,
    /// A signature was accepted, or took the place of one that no longer verifies.
    Signed,
    /// A proposal's status changed, or what belongs to it.
    Status,
    /// A closed proposal is open again, or closed otherwise: a reorg took back what had closed it.
    Reopened,
    /// An attempt was recorded.
    Attempted,
    /// An attempt's state changed.
    AttemptState,
}

impl EventKind {
    const ALL: [(Self, &'static str); 8] = [
        (Self::WalletRegistered, "walletRegistered"),
        (Self::WalletReconfigured, "walletReconfigured"),
        (Self::Proposed, "proposed"),
        (Self::Signed, "signed"),
        (Self::Status, "status"),
        (Self::Reopened, "reopened"),
        (Self::Attempted, "attempted"),
        (Self::AttemptState, "attemptState"),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(kind, _)| *kind == self);
        found.map(|(_, word)| word).expect("all are listed")
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, other)| *other == word).map(|(kind, _)| kind)
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place among all events, from 1, without gaps.
    pub sequence: u64,
    /// When, in Unix milliseconds, by the clock of the one who wrote.
    pub at: i64,
    /// What it tells.
    pub kind: EventKind,
    /// Of which wallet.
    pub wallet: WalletKey,
    /// Of which proposal, if of one.
    pub digest: Option<B256>,
    /// More, in JSON: enough to be shown, not all that is known.
    pub payload: Value,
}

/// Which events to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Those of this chain.
    pub chain_id: Option<u64>,
    /// Those of the wallets at this address.
    pub address: Option<Address>,
    /// Those of the wallets that this account owns now.
    pub owner: Option<Address>,
    /// Those of the wallets among these.
    pub among: Option<Vec<WalletKey>>,
}

pub(crate) async fn after(
    connection: &mut AnyConnection,
    sequence: u64,
    filter: &EventFilter,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let mut query = Query::new("SELECT e.* FROM outbox e");
    query.bind(" WHERE e.sequence > ?", int("sequence", sequence)?);
    if let Some(chain_id) = filter.chain_id {
        query.bind(" AND e.chain_id = ?", int("chainId", chain_id)?);
    }
    if let Some(address) = filter.address {
        query.bind(" AND e.wallet = ?", blob(address));
    }
    if let Some(owner) = filter.owner {
        query.bind(
            " AND EXISTS (SELECT 1 FROM wallet_owners o WHERE o.owner = ? \
             AND o.chain_id = e.chain_id AND o.address = e.wallet)",
            blob(owner),
        );
    }
    if let Some(among) = &filter.among {
        query.push(" AND (");
        push_keys(&mut query, "(e.chain_id = ?", " AND e.wallet = ?)", among)?;
        query.push(")");
    }
    query.bind(" ORDER BY e.sequence LIMIT ?", rows_for(limit) - 1);
    query.fetch_all(connection).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Event, StoreError> {
    let fields = Fields::new(row, "outbox", &["sequence"]);
    let kind = EventKind::of_word(&fields.text("kind")?);
    Ok(Event {
        sequence: fields.number("sequence")?,
        at: fields.int("at")?,
        kind: kind.ok_or_else(|| fields.corrupt("kind is no known word"))?,
        wallet: WalletKey {
            chain_id: fields.number("chain_id")?,
            address: fields.address("wallet")?,
        },
        digest: fields.b256_opt("digest")?,
        payload: fields.json("payload")?,
    })
}

/// How far the webhook of that name was told; 0 if nothing yet.
pub(crate) async fn delivered(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<u64, StoreError> {
    let query = sqlx::query("SELECT name, sequence FROM deliveries WHERE name = $1");
    let row = query.bind(name.to_owned()).fetch_optional(connection).await?;
    row.map_or(Ok(0), |row| Fields::new(&row, "deliveries", &["name"]).number("sequence"))
}

pub(crate) struct MarkDelivered {
    pub(crate) name: String,
    pub(crate) sequence: u64,
    pub(crate) at: i64,
}

impl Intention for MarkDelivered {
    type Output = u64;

    async fn apply(&self, tx: &mut Transaction) -> Result<u64, StoreError> {
        let sequence = int("sequence", self.sequence)?;
        let query = sqlx::query(
            "INSERT INTO deliveries (name, sequence, updated_at) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET sequence = $2, updated_at = $3 \
             WHERE deliveries.sequence < $2",
        );
        query.bind(self.name.clone()).bind(sequence).bind(self.at).execute(tx.connection()).await?;
        delivered(tx.connection(), &self.name).await
    }
}
