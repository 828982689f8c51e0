//! `quorate policy`, `veto`, `freeze` and `unfreeze`.

use super::{ChainOptions, Common, SendOptions, Source};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What can be done with the rules of a treasury.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Turn a file of rules into what a wallet is created with, and check it.
    ///
    /// Needs no chain. With an endpoint it says too which owners have too little ether for vetoes, and with --wallet
    /// what counts against the limits of a wallet that is to have these rules.
    Init(PolicyInit),

    /// Show the rules of a wallet as a file, and what its policy knows now.
    Show(PolicyShow),

    /// Say in sentences who can do what by the rules, and what stolen and lost keys come to.
    Explain(PolicyExplain),
}

/// `quorate policy init`.
#[derive(Args, Debug)]
pub(crate) struct PolicyInit {
    /// The file of rules, TOML.
    pub(crate) file: PathBuf,

    /// A wallet that is to have these rules: its address or wallet file.
    #[arg(long, value_name = "ADDRESS|FILE")]
    pub(crate) wallet: Option<String>,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate policy show`.
#[derive(Args, Debug)]
pub(crate) struct PolicyShow {
    /// The wallet's address, or its wallet file.
    pub(crate) wallet: String,

    /// Write the rules into this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate policy explain`.
#[derive(Args, Debug)]
pub(crate) struct PolicyExplain {
    /// A file of rules, which needs no chain, or a wallet's address or wallet file.
    #[arg(value_name = "FILE|ADDRESS")]
    pub(crate) rules: String,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate veto`.
#[derive(Args, Debug)]
pub(crate) struct Veto {
    /// What to stop: digests, or proposal files. Also before it is queued.
    #[arg(value_name = "DIGEST|FILE", required = true)]
    pub(crate) actions: Vec<Source>,

    /// The wallet's address, or its wallet file.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: String,

    #[command(flatten)]
    pub(crate) send: SendOptions,
}

/// `quorate freeze`.
#[derive(Args, Debug)]
pub(crate) struct FreezeWallet {
    /// The wallet's address, or its wallet file.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: String,

    #[command(flatten)]
    pub(crate) send: SendOptions,
}

/// `quorate unfreeze`.
#[derive(Args, Debug)]
pub(crate) struct Unfreeze {
    #[command(flatten)]
    pub(crate) common: Common,
}
