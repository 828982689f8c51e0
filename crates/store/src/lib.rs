//! What a relayer must not lose: wallets, proposals, signatures, attempts, events and the audit log, in a SQLite
//! file or on a PostgreSQL server.
//!
//! - [`Storage`] is what can be asked; [`Store`] answers. The types are re-exported here.
//! - One task writes, on a connection of its own; what waits for it is committed together, and each caller hears
//!   of its own part, after the commit. Reads have other connections and never wait for it.
//! - [`StoreError::is_retryable`] tells whether asking again can help.
//!
//! SQL stands in this crate only, one text for both databases; they differ in how a transaction begins
//! ([`Engine`]) and in the word for bytes.

mod acceptance;
mod attempt;
mod audit;
mod budget;
mod chain;
mod error;
mod fault;
mod lease;
mod many;
mod migrate;
mod open;
mod outbox;
mod page;
#[cfg(test)]
mod plans;
mod proposal;
mod query;
mod row;
mod signature;
mod storage;
mod store;
mod token;
mod transaction;
mod wallet;
mod webhook;
mod writer;

pub use acceptance::{AcceptanceRecord, NewAcceptance};
pub use attempt::{
    AccountNonce, AttemptRecord, AttemptState, Inclusion, NewAttempt, Purpose,
    mark::{MinedAttempt, SendState, Settlement},
};
pub use audit::verify::{AuditFault, AuditReport};
pub use budget::{Reservation, Usage};
pub use chain::{BudgetRecord, ChainRecords, Horizon};
pub use error::{DatabaseError, OpenError, StoreError};
pub use lease::{Lease, LeaseAnswer};
pub use many::OpenNonce;
pub use open::{Engine, Options};
pub use outbox::{Event, EventFilter, EventKind};
pub use page::{MAX_PAGE, Page};
pub use proposal::{NewProposal, ProposalFilter, ProposalRecord, RecordedProposal};
pub use signature::{Accepted, Lapse, NewSignature, SignatureRecord};
pub use storage::{Storage, Stores};
pub use store::Store;
pub use token::{NewToken, TokenRecord, TokenRight, TokenWallets};
pub use wallet::{NewWallet, Recorded, WalletFilter, WalletKey, WalletRecord};
pub use webhook::{
    DeliveryFilter, DeliveryRecord, DeliveryState, Enqueued, EventKinds, WebhookRecord,
    outcome::DeliveryAttempt,
};
