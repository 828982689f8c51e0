//! What happened, for those who watch: written in the same commit as what it tells.

use crate::{
    error::StoreError,
    many::push_keys,
    page::rows_for,
    query::Query,
    row::{Fields, blob, int},
    transaction,
    wallet::WalletKey,
};
use alloy::primitives::{Address, B256};
use serde_json::Value;
use sqlx::{AnyConnection, any::AnyRow};
use std::ops::RangeInclusive;

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
    /// A contract's signature that was accepted holds no more.
    SignatureLapsed,
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
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::WalletRegistered, "walletRegistered"),
        (Self::WalletReconfigured, "walletReconfigured"),
        (Self::Proposed, "proposed"),
        (Self::Signed, "signed"),
        (Self::SignatureLapsed, "signatureLapsed"),
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
    /// Those of the wallets that this account owns, and of those it owned up to the event that tells that it does not.
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
    let most = rows_for(limit) - 1;
    if filter.owner.is_none() {
        let query = among_all(sequence..=u64::MAX, filter, most)?;
        return query.fetch_all(connection).await?.iter().map(read).collect();
    }
    // An owner may have a part in most of what happens, or in next to nothing: a few are looked through, then more and
    // more by way of its wallets.
    let last = transaction::read_head(connection, transaction::SELECT_HEAD).await?.outbox_sequence;
    let (mut from, mut width) = (sequence, FIRST_LOOK * most.unsigned_abs());
    let mut events = Vec::new();
    loop {
        let range = from..=last.min(from.saturating_add(width));
        let (to, missing) = (*range.end(), most - events.len() as i64);
        let query = if from == sequence {
            among_all(range, filter, missing)?
        } else {
            by_wallets(range, filter, missing)?
        };
        for row in query.fetch_all(connection).await? {
            events.push(read(&row)?);
        }
        if to >= last || events.len() as i64 >= most {
            return Ok(events);
        }
        (from, width) = (to, width * WIDENING);
    }
}

/// Of how many events for each one that is asked for all are looked through, and how many times as many are then.
const FIRST_LOOK: u64 = 4;
const WIDENING: u64 = 4;

/// Looks through all events behind the start of `range`, up to its end.
pub(crate) fn among_all(
    range: RangeInclusive<u64>,
    filter: &EventFilter,
    limit: i64,
) -> Result<Query, StoreError> {
    let mut query = Query::new("SELECT e.* FROM outbox e WHERE 1 = 1");
    if let Some(owner) = filter.owner {
        query.bind(
            " AND (EXISTS (SELECT 1 FROM wallet_owners o WHERE o.owner = ? \
             AND o.chain_id = e.chain_id AND o.address = e.wallet) \
             OR EXISTS (SELECT 1 FROM former_owners f WHERE f.owner = ? \
             AND f.chain_id = e.chain_id AND f.address = e.wallet AND f.until >= e.sequence))",
            blob(owner),
        );
    }
    restrict(query, range, filter, limit)
}

/// Looks at the events of the owner's wallets alone. The order in which the tables are named is the one in which SQLite
/// goes through them. No wallet is in both: who owns it is no former owner.
pub(crate) fn by_wallets(
    range: RangeInclusive<u64>,
    filter: &EventFilter,
    limit: i64,
) -> Result<Query, StoreError> {
    let mut query = Query::new("SELECT e.* FROM (SELECT chain_id, address, ");
    query.bind("CAST(? AS BIGINT) AS until FROM wallet_owners", i64::MAX);
    query.bind(" WHERE owner = ?", filter.owner.map(blob));
    query.push(" UNION ALL SELECT chain_id, address, until FROM former_owners");
    query.bind(" WHERE owner = ?", filter.owner.map(blob));
    query.push(") o CROSS JOIN outbox e WHERE e.wallet = o.address AND e.chain_id = o.chain_id");
    query.push(" AND e.sequence <= o.until");
    restrict(query, range, filter, limit)
}

/// Appends what `filter` says of the event itself, and the order.
fn restrict(
    mut query: Query,
    range: RangeInclusive<u64>,
    filter: &EventFilter,
    limit: i64,
) -> Result<Query, StoreError> {
    query.bind(" AND e.sequence > ?", int("sequence", *range.start())?);
    query.bind(" AND e.sequence <= ?", i64::try_from(*range.end()).unwrap_or(i64::MAX));
    if let Some(chain_id) = filter.chain_id {
        query.bind(" AND e.chain_id = ?", int("chainId", chain_id)?);
    }
    if let Some(address) = filter.address {
        query.bind(" AND e.wallet = ?", blob(address));
    }
    if let Some(among) = &filter.among {
        query.push(" AND (");
        push_keys(&mut query, "(e.chain_id = ?", " AND e.wallet = ?)", among)?;
        query.push(")");
    }
    query.bind(" ORDER BY e.sequence LIMIT ?", limit);
    Ok(query)
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
