//! Stories that cross crates: one module each.

mod artifacts;
mod deployment;
