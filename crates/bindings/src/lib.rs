//! Rust types for the Quorate contracts, made from the committed artifacts. No logic.
//!
//! - [`contracts`]: calls, events, errors and bytecode of each contract; with the feature `rpc`,
//!   instances that make calls.
//! - [`typed`]: the EIP-712 structs that owners sign, and the domain.
//! - [`canonical`]: where the contracts are on every chain.

pub mod canonical;
pub mod contracts;
pub mod typed;
