//! `quorate payout`.

use super::{Accept, AccessOptions, ChainOptions, KeyOptions};
use clap::{Args, Subcommand};
use quorate_treasury::payout_plan::{DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE};
use std::path::PathBuf;

/// What can be done with payout files.
#[derive(Debug, Subcommand)]
pub(crate) enum PayoutCommand {
    /// Turn a payout file into proposals.
    ///
    /// The file is CSV with the columns id,to,amount,token,note; token is ETH or an address. The run's
    /// name decides the nonces: a wallet pays each batch of a run at most once, however often it is
    /// proposed.
    ///
    /// With --relayer and a key each batch is reviewed as `sign` does, signed, and handed in. If that breaks
    /// off, the same command goes on where it was.
    #[command(override_usage = "quorate payout propose [OPTIONS] --wallet <ADDRESS|FILE>\n       \
                                --run <NAME> <FILE>")]
    Propose(Box<PayoutPropose>),
}

/// `quorate payout propose`.
#[derive(Args, Debug)]
pub(crate) struct PayoutPropose {
    /// The payout file.
    pub(crate) file: PathBuf,

    /// The name of the run, unique for the wallet, as payroll-2026-11.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: String,

    /// The wallet's address, or its wallet file, which is needed while the wallet is not deployed.
    #[arg(long, value_name = "ADDRESS|FILE", env = "QUORATE_WALLET")]
    pub(crate) wallet: String,

    /// How many payments go into one proposal.
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_BATCH_SIZE,
        help = format!("How many payments go into one proposal, from 1 to {MAX_BATCH_SIZE}"))]
    pub(crate) batch_size: usize,

    /// Until when it can be executed: from now (7d, 12h, 30m), a time (2026-12-24T18:00:00Z), or Unix
    /// seconds.
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    pub(crate) deadline: String,

    /// The folder for the proposal files; made if missing. Without it one named like the run; what is
    /// handed to a relayer is then not written.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) accept: Accept,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,

    #[command(flatten)]
    pub(crate) key: KeyOptions,
}
