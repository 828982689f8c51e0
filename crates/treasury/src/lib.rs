//! What treasuries do with wallets. Pure: state in, values out; no I/O, no clock, no randomness, no
//! async.
//!
//! - [`escrow_terms`]: what the parties of an escrow agreed on; [`escrow`]: who may do what by it, and its files.
//! - [`payout_file`]: lists of payments as people keep them in spreadsheets; [`problem`]: what can be
//!   wrong with one.
//! - [`payout_plan`]: a list as a wallet pays it, frozen; [`remark`]: what people should look at before they sign it.
//! - [`run`]: what of a plan is paid and what may be asked for, told by the chain; [`report`]: the same for accountants.
//! - [`book`]: names of addresses, tokens and wallets.
//! - [`controls`]: what guidance for multisigs asks for, and how much of it a wallet meets.
//! - [`rules`]: the rules of a treasury, what its policy answers by them, and what they come to.

pub mod book;
pub mod controls;
pub mod escrow;
pub mod escrow_terms;
pub mod payout_file;
pub mod payout_plan;
pub mod problem;
pub mod remark;
pub mod report;
pub mod rules;
pub mod run;

pub use book::Book;
pub use escrow::EscrowFile;
pub use escrow_terms::EscrowTerms;
pub use payout_file::PayoutFile;
pub use payout_plan::{Plan, PlanError, PlanFileError, plan};
pub use problem::PayoutFileError;
pub use rules::{Rules, RulesFile};
