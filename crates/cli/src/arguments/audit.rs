//! `quorate audit`.

use alloy::primitives::B256;
use clap::{Args, Subcommand};

/// What can be asked of the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Examine every row: that none was changed, removed or moved.
    ///
    /// Prints the hash of the last row, which commits to all of them: keep it elsewhere, and give it with
    /// --head the next time. Exits with 7 where a row is not as it was written.
    Verify(Verify),

    /// Print the hash of the last row. Examines nothing.
    Head(StoreOptions),
}

/// `quorate audit verify`.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// A hash that was printed earlier: without it, an end that was cut off or written anew, together with
    /// the store's own note of it, is not found.
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<B256>,

    #[command(flatten)]
    pub(crate) store: StoreOptions,
}

/// Which store.
#[derive(Args, Debug)]
pub(crate) struct StoreOptions {
    /// The relayer's store: a file, sqlite:FILE, or postgres://USER@HOST/DATABASE.
    #[arg(long, value_name = "URL", env = "QUORATE_STORE", hide_env_values = true)]
    pub(crate) store: String,
}
