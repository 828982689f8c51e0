//! The engine against a naive model of a chain, and rule by rule.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may")]

mod acts;
mod babble;
mod chain;
mod checks;
mod model;
mod rig;
mod rng;
mod rules;
mod store;
mod truth;
