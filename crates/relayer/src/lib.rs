//! The engine that executes what owners signed, exactly once, whatever breaks.
//!
//! Its heart is pure: [`step`] takes what happened on one chain, an [`Event`], and says what is to be done, the
//! [`Effect`]s; [`step_all`] takes several at once. No I/O, no clock, no randomness, no async, no store: those are in [`driver`], which is thin.
//!
//! - [`event`], [`effect`]: what goes in and out; [`rows`]: what a store must hold for it.
//! - [`state`]: all it knows; [`head`]: the blocks it follows; [`wallet`], [`proposal`], [`attempt`]: the parts.
//! - [`status`]: what is told about proposals; [`fees`], [`budget`]: what gas may cost; [`settings`].
//!
//! What holds, whatever the order of events:
//! - An attempt is stored before its bytes are sent, and its account nonce taken in the same commit.
//! - While an account nonce that was taken for a proposal is not final, no other is taken for it.
//! - Bytes whose fate is unknown are sent again as they are; a time-out is never a failure.
//! - What is told of a proposal follows from the chain's `Executed` events, never from an attempt.

pub mod attempt;
pub mod budget;
pub mod driver;
pub mod effect;
mod engine;
pub mod event;
pub mod fees;
pub mod head;
pub mod proposal;
pub mod rows;
pub mod settings;
pub mod state;
pub mod wallet;

pub use effect::{Alarm, Effect, Ignored};
pub use engine::{step, step_all};
pub use event::Event;
pub use quorate_core::{Reason, Snapshot, Status, status};
pub use rows::Rows;
pub use settings::Settings;
pub use state::State;
