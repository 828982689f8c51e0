//! Stories that cross crates: one module each.

mod artifacts;
mod deployment;
mod escrow_model;
mod fixtures;
mod nodes;
mod packing;
mod payouts;
mod treasury_model;
mod type_strings;
