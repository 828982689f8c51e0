//! What can go wrong, and whether asking again can help.

use crate::{attempt::AccountNonce, lease::Lease, wallet::WalletKey};
use alloy::primitives::{Address, B256};
use quorate_core::text::shown;
use thiserror::Error;

/// Why the database did not do what it was asked. Says nothing about whether the request made sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DatabaseError {
    /// Another transaction was in the way for longer than is waited.
    #[error("the database is busy: {detail}")]
    Busy {
        /// The database's own words.
        detail: String,
    },
    /// The disk, or what the database may take of it, is full. Nothing of the request was stored.
    #[error("the database is out of space: {detail}")]
    Full {
        /// The database's own words.
        detail: String,
    },
    /// The connection broke. If that happened during the commit, the request may be stored or not: every
    /// intention can be asked again, as [`Storage`](crate::Storage) says.
    #[error("the connection to the database was lost: {detail}")]
    Disconnected {
        /// The database's or the system's own words.
        detail: String,
    },
    /// The server takes no writes for now: a standby, or one that was told so. Nothing of the request was stored.
    #[error("the database only reads for now: {detail}")]
    Standby {
        /// The database's own words.
        detail: String,
    },
    /// More requests are waiting than are queued.
    #[error("{waiting} requests are waiting to be stored")]
    Overloaded {
        /// How many are queued at most.
        waiting: usize,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The file cannot be written.
    #[error("the database cannot be written: {detail}")]
    ReadOnly {
        /// The database's own words.
        detail: String,
    },
    /// The system failed to read or write the file.
    #[error("the database cannot be read or written: {detail}")]
    Io {
        /// The database's own words.
        detail: String,
    },
    /// The database found itself damaged.
    #[error("the database is damaged: {detail}")]
    Damaged {
        /// The database's own words.
        detail: String,
    },
    /// The database refused a statement, which is a defect of this program.
    #[error("the database refused a statement: {detail}")]
    Refused {
        /// The database's own words.
        detail: String,
    },
}

impl DatabaseError {
    /// Whether the same request may succeed later, with nothing changed by the one who asks.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::Full { .. }
            | Self::Disconnected { .. }
            | Self::Standby { .. }
            | Self::Overloaded { .. } => true,
            Self::Closed
            | Self::ReadOnly { .. }
            | Self::Io { .. }
            | Self::Damaged { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// Whether the same request may succeed later, if somebody puts the machine right: for a process that was at work,
    /// and should not end for it. More than [`Self::is_retryable`]: a file that cannot be read or written may be again.
    pub const fn may_pass(&self) -> bool {
        self.is_retryable() || matches!(self, Self::ReadOnly { .. } | Self::Io { .. })
    }

    /// Whether the connection has to be made anew: it is gone, or leads to a server or a file that was left behind.
    pub(crate) const fn is_disconnected(&self) -> bool {
        match self {
            Self::Disconnected { .. }
            | Self::Standby { .. }
            | Self::ReadOnly { .. }
            | Self::Io { .. } => true,
            Self::Busy { .. }
            | Self::Full { .. }
            | Self::Overloaded { .. }
            | Self::Closed
            | Self::Damaged { .. }
            | Self::Refused { .. } => false,
        }
    }
}

/// Why an intention was not carried out. Nothing of it was stored, except as [`DatabaseError::Disconnected`] says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A row is not what was stored, or was stored by something else.
    #[error("row {row} of table {table} is damaged: {detail}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The key of the row.
        row: String,
        /// What is wrong.
        detail: String,
    },
    /// A number that the database has no column for.
    #[error("{field} is {value}, more than can be stored")]
    OutOfRange {
        /// Which number.
        field: &'static str,
        /// The number.
        value: u64,
    },
    /// The wallet is not registered.
    #[error("wallet {} on chain {} is not registered", wallet.address, wallet.chain_id)]
    UnknownWallet {
        /// The wallet.
        wallet: WalletKey,
    },
    /// There is no such proposal.
    #[error("there is no proposal {digest}")]
    UnknownProposal {
        /// Its digest.
        digest: B256,
    },
    /// There is no attempt with this hash.
    #[error("there is no attempt {tx_hash} on chain {chain_id}")]
    UnknownTransaction {
        /// The chain (EIP-155).
        chain_id: u64,
        /// The hash.
        tx_hash: B256,
    },
    /// The name, or the token itself, was given before. A name stays taken when its token is revoked.
    #[error("there is already a token {}", shown(name))]
    TokenExists {
        /// The name of the one that is there.
        name: String,
    },
    /// There is no such token.
    #[error("there is no token {}", shown(name))]
    UnknownToken {
        /// Its name.
        name: String,
    },
    /// No events were ever noted for a webhook of this name.
    #[error("there is no webhook {}", shown(name))]
    UnknownWebhook {
        /// Its name.
        name: String,
    },
    /// The webhook is not told of this event.
    #[error("webhook {} is not told of event {sequence}", shown(webhook))]
    UnknownDelivery {
        /// Its name.
        webhook: String,
        /// The event.
        sequence: u64,
    },
    /// Somebody changed it first: read it again and decide anew.
    #[error("{what} is at revision {actual}, not at {expected}: somebody changed it first")]
    Conflict {
        /// What was to be changed.
        what: String,
        /// The revision that the caller had read.
        expected: u64,
        /// The revision it has.
        actual: u64,
    },
    /// The proposer has as many open proposals of this wallet as it may have.
    #[error("owner {owner} has {open} open proposals of this wallet, at most {limit} are taken")]
    TooManyOpen {
        /// The proposer.
        owner: Address,
        /// How many there are.
        open: u64,
        /// How many there may be.
        limit: u64,
    },
    /// The lease is not held by the caller: another engine took over. Nothing may be sent any more.
    #[error("the lease of {} in epoch {} was lost", asked.holder, asked.epoch)]
    LeaseLost {
        /// The lease that the caller showed.
        asked: Lease,
        /// The lease there is.
        held: Option<Lease>,
    },
    /// Another attempt took this place first. The bytes of the loser must never be sent.
    #[error("attempt {number} at {account_nonce} was taken by another")]
    Lost {
        /// The account nonce.
        account_nonce: AccountNonce,
        /// Which attempt at it, from 0.
        number: u32,
        /// The transaction that has the place; `None` if the account nonce was used elsewhere.
        winner: Option<B256>,
    },
    /// The attempt would leave a gap behind the ones before it.
    #[error("attempt {number} at {account_nonce} leaves a gap: the next is attempt {expected}")]
    Gap {
        /// The account nonce asked for.
        account_nonce: AccountNonce,
        /// The attempt asked for, from 0.
        number: u32,
        /// The next attempt.
        expected: u64,
    },
}

impl StoreError {
    /// Whether the same request may succeed later, with nothing changed by the one who asks.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Database(error) => error.is_retryable(),
            Self::Corrupt { .. }
            | Self::OutOfRange { .. }
            | Self::UnknownWallet { .. }
            | Self::UnknownProposal { .. }
            | Self::UnknownTransaction { .. }
            | Self::TokenExists { .. }
            | Self::UnknownToken { .. }
            | Self::UnknownWebhook { .. }
            | Self::UnknownDelivery { .. }
            | Self::Conflict { .. }
            | Self::TooManyOpen { .. }
            | Self::LeaseLost { .. }
            | Self::Lost { .. }
            | Self::Gap { .. } => false,
        }
    }

    /// As [`DatabaseError::may_pass`]; false for what is no failure of the database.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Database(error) if error.may_pass())
    }
}

/// Why a database is not opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The address of the database makes no sense.
    #[error("{detail}: give a file, sqlite:FILE or postgres://USER@HOST/DATABASE")]
    Url {
        /// What is wrong with it; without passwords.
        detail: String,
    },
    /// The file cannot be created.
    #[error("cannot create {path}: {detail}")]
    Create {
        /// The file.
        path: String,
        /// The system's own words.
        detail: String,
    },
    /// Something else keeps its data there.
    #[error("the database belongs to another application: give an empty one")]
    OtherApplication,
    /// A later version of this program changed the database in a way that this one does not know.
    #[error(
        "the database was written by a newer version (schema {found}, this program knows {known}): upgrade this program"
    )]
    Newer {
        /// The version of the schema.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// There is nothing in it, and nothing was to be made.
    #[error("there is no store in this database: name the one that the relayer keeps")]
    Missing,
    /// An earlier version of this program made the database, and it was not to be changed.
    #[error(
        "the database was written by an older version (schema {found}, this program needs {known}): start the relayer of this version once"
    )]
    Older {
        /// The version of the schema.
        found: i64,
        /// The version that is needed.
        known: i64,
    },
    /// The database's tables could not be made, or are not those of the version it claims.
    #[error("the tables of the database could not be brought up to date: {detail}")]
    Migration {
        /// The database's own words.
        detail: String,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl OpenError {
    /// Whether opening may succeed later, with nothing changed by the one who asks.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Database(error) => error.is_retryable(),
            Self::Url { .. }
            | Self::Create { .. }
            | Self::OtherApplication
            | Self::Missing
            | Self::Older { .. }
            | Self::Newer { .. }
            | Self::Migration { .. } => false,
        }
    }
}
