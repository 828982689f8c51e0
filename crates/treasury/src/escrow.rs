//! Escrows between a buyer and a seller, with an arbiter: who may do what, the file that travels between the three, what
//! they accept, and how a decision becomes a payout.
//!
//! - [`party`]: the three, and who signed.
//! - [`model`]: what `EscrowPolicy` answers, without a chain.
//! - [`power`]: what each can do, from when, and until when.
//! - [`decision`]: amounts and shares as transfers.
//! - [`acceptance`], [`mod@file`]: what is accepted, and the file that holds it.
//! - [`evidence`]: everything that was agreed, signed and executed, in one file.

pub mod acceptance;
pub mod decision;
pub mod evidence;
pub mod file;
pub mod model;
pub mod party;
pub mod power;

pub use acceptance::{Acceptance, AcceptanceError};
pub use decision::{Closing, DecisionError, Share};
pub use evidence::Evidence;
pub use file::{EscrowFile, EscrowFileError};
pub use model::{Agreement, Question, Refusal};
pub use party::{Role, Signers};
pub use power::Power;
