//! The relayer as a process: what an operator writes down, what is wrong with it before it starts, and
//! one engine for each chain on one store.
//!
//! - [`config`]: the one file; [`database`]: where the store is.
//! - [`keystore`], [`sender`]: keys in files. No key and no password is ever part of a message, a log or a `Debug`.
//! - [`check`](mod@check): a look at everything before starting; [`run`](mod@run): the process itself.
//!
//! - [`http`]: the API over the store, and what the process tells of itself.

pub mod check;
pub mod config;
pub mod database;
pub mod http;
pub mod keystore;
pub mod run;
pub mod sender;
pub mod token;
pub mod webhook;

pub use check::{Report, check};
pub use config::{Config, Overrides};
pub use database::Database;
pub use run::run;
pub use sender::Sender;
