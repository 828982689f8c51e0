//! What treasuries do with wallets. Pure: state in, values out; no I/O, no clock, no randomness, no
//! async.
//!
//! - [`escrow_terms`]: what the parties of an escrow agreed on.
//! - [`payout_file`]: lists of payments as people keep them in spreadsheets; [`problem`]: what can be
//!   wrong with one.
//! - [`payout_plan`]: the batches that a wallet pays such a list in; [`remark`]: what people should look at
//!   before they sign them.
//! - [`rules`]: the rules of a treasury, what its policy answers by them, and what they come to.

pub mod escrow_terms;
pub mod payout_file;
pub mod payout_plan;
pub mod problem;
pub mod remark;
pub mod rules;

pub use escrow_terms::EscrowTerms;
pub use payout_file::PayoutFile;
pub use payout_plan::{Plan, PlanError, plan};
pub use problem::PayoutFileError;
pub use rules::{Rules, RulesFile};
