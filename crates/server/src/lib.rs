//! The relayer as a process: what an operator writes down, what is wrong with it before it starts, and
//! one engine for each chain on one store.
//!
//! - [`config`]: the one file; [`database`]: where the store is.
//! - [`keystore`], [`sender`]: keys in files. No key and no password is ever part of a message, a log or a `Debug`.
//!
//! The process itself is still to come, and HTTP; both will live here.

pub mod config;
pub mod database;
pub mod keystore;
pub mod sender;

pub use config::{Config, Overrides};
pub use database::Database;
pub use sender::Sender;
