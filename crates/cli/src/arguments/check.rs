//! `quorate check`.

use super::{BookOptions, ChainOptions};
use clap::Args;
use std::path::PathBuf;

/// `quorate check`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The wallet's address, its wallet file, or `@NAME` of the address book.
    #[arg(value_name = "WALLET")]
    pub(crate) wallet: String,

    /// Write a page too: one file, without scripts. A file that lies there is replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// The block from which on allowances are looked for. Without it all blocks are, where the endpoint has them.
    #[arg(long, value_name = "BLOCK", default_value_t = 0)]
    pub(crate) from_block: u64,

    #[command(flatten)]
    pub(crate) book: BookOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}
