//! The domain of Quorate: configurations, actions, digests, signatures, and the files that carry
//! them. Pure: state in, values out; no I/O, no clock, no randomness, no async.
//!
//! - [`config`]: who controls a wallet; [`creation`]: where that puts it.
//! - [`action`], [`nonce`], [`request`]: what owners are asked to sign, and its digest.
//! - [`signature`], [`packing`]: how owners sign, and the list that a wallet takes; [`nested`]: wallets that own wallets.
//! - [`status`], [`snapshot`]: what becomes of proposals and wallets.
//! - [`proposal`], [`wallet_file`]: the files, with their JSON Schemas in [`schema`]; [`document`]: what all files have.
//! - [`address`], [`amount`], [`text`]: what people type and read; [`json`]: how values look in JSON.

pub mod action;
pub mod address;
pub mod amount;
pub mod config;
pub mod creation;
pub mod document;
pub mod json;
pub mod nested;
pub mod nonce;
pub mod packing;
pub mod proposal;
pub mod request;
pub mod schema;
pub mod signature;
pub mod snapshot;
pub mod status;
#[cfg(test)]
mod testing;
pub mod text;
pub mod wallet_file;

pub use action::Action;
pub use config::Config;
pub use document::DocumentError;
pub use nonce::{Lane, Nonce};
pub use proposal::Proposal;
pub use request::Request;
pub use signature::OwnerSignature;
pub use snapshot::Snapshot;
pub use status::{Reason, Status};
pub use wallet_file::WalletFile;
