//! A chain, read: against a real anvil, and against endpoints that fail or lie.

mod blocks;
mod endpoint;
mod fake;
mod history;
mod judge;
mod lacks;
mod rollup;
mod send;
mod simulate;
mod stage;
mod standing;
mod token;
mod verify;
mod wallet;
