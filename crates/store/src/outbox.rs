//! What happened, for those who watch: written in the same commit as what it tells.

use crate::{
    error::StoreError,
    many::push_keys,
    page::rows_for,
    query::Query,
    row::{Fields, blob, int},
    wallet::WalletKey,
};
use alloy::primitives::{Address, B256};
use serde_json::Value;
use sqlx::{AnyConnection, any::AnyRow};

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// All of them, with their words.
    pub const ALL: [(Self, &'static str); 8] = [
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

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().map(|(kind, _)| kind)
    }

    /// The kind that has this word.
    pub fn find(word: &str) -> Option<Self> {
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

/// At most `limit` events behind `sequence` that `filter` takes, in order.
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

/// A row of `outbox`.
pub(crate) fn read(row: &AnyRow) -> Result<Event, StoreError> {
    let fields = Fields::new(row, "outbox", &["sequence"]);
    let kind = EventKind::find(&fields.text("kind")?);
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
