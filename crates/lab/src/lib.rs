//! What tests, the demo and the measurements share: a local chain, owners with known keys, deployed
//! contracts. For development only: every key in here is public.

pub mod anvil;
pub mod demo;
pub mod deploy;
pub mod devnet;
pub mod fixtures;
pub mod front;
pub mod gas;
pub mod http;
pub mod keystore;
pub mod narrow;
pub mod nodes;
pub mod op_like;
pub mod owners;
#[cfg(all(feature = "postgres", unix))]
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod python;
pub mod service;
pub mod signatures;
#[cfg(feature = "postgres")]
pub mod sqlite;
pub mod strict;
pub mod tokens;
pub mod tools;

use std::path::{Path, PathBuf};

/// The root of the repository this crate was built from.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
