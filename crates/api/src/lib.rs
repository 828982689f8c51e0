//! The HTTP API of the relayer, version 1: what travels, what a reader verifies of it, and a client that does.
//!
//! - [`request`]: what is asked; [`wallet`], [`proposal`], [`acceptance`], [`event`], [`page`], [`readiness`]: what is answered;
//!   [`problem`]: why not.
//! - [`verify`]: nothing that a relayer says is believed which its own fields, or the chain, can prove wrong.
//! - [`client`]: asks a relayer, and gives back what was verified and nothing else.
//! - [`instant`]: times on the wire; [`schema`]: the forms of single values, for the OpenAPI description.
//!
//! JSON in camelCase, addresses in EIP-55, 256-bit integers as decimal strings, bytes as 0x-hex, instants as RFC 3339,
//! `deadline` in Unix seconds. Within version 1 only additions: readers ignore fields that they do not know, and a
//! request with an unknown field is refused.

pub mod acceptance;
pub mod client;
pub mod event;
pub mod instant;
pub mod page;
pub mod problem;
pub mod proposal;
pub mod readiness;
pub mod request;
pub mod schema;
pub mod verify;
pub mod wallet;

pub use acceptance::{Acceptance, NewAcceptance};
pub use client::{Client, ClientError};
pub use event::Event;
pub use instant::Instant;
pub use page::Page;
pub use problem::{Problem, ProblemCode};
pub use proposal::Proposal;
pub use readiness::Readiness;
pub use request::{NewProposal, NewSignature, RegisterWallet};
pub use verify::{Certainty, Facts, Lie, Outcome, Verified, VerifiedWallet};
pub use wallet::Wallet;
