//! `quorate show`, `sign`, `combine` and `submit`.

use super::{AccessOptions, ChainOptions, KeyOptions, SendOptions, Source};
use alloy::primitives::Bytes;
use clap::Args;
use quorate_core::{address::Written, signature};
use std::path::PathBuf;

/// Dangers that were seen and are accepted.
#[derive(Args, Debug)]
pub(crate) struct Accept {
    /// Accept a danger by its code; once for each. Asked for where somebody is there to answer.
    #[arg(long, value_name = "CODE")]
    pub(crate) accept: Vec<String>,
}

/// Other proposals that are compared with one.
#[derive(Args, Debug)]
pub(crate) struct Beside {
    /// Another proposal of the wallet that may still be executed; once for each. What it pays too is a danger, as with those at
    /// the relayer. Files in this folder, in that of the file, and in the folders in them are compared as well: of them a
    /// warning is given.
    #[arg(long, value_name = "FILE")]
    pub(crate) beside: Vec<PathBuf>,
}

/// `quorate show`.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The proposal file; or its digest, which the relayer is asked for.
    #[arg(value_name = "FILE|DIGEST")]
    pub(crate) source: Source,

    /// Print the EIP-712 JSON that other wallets sign, and nothing else.
    #[arg(long, conflicts_with = "check")]
    pub(crate) typed_data: bool,

    /// Exit with 4 when there is a danger that is not accepted.
    #[arg(long)]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) beside: Beside,

    #[command(flatten)]
    pub(crate) accept: Accept,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate sign`.
#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The proposal file, into which the signature is written; or its digest, which the relayer is asked
    /// for. A file that the relayer does not know yet becomes a proposal there.
    #[arg(value_name = "FILE|DIGEST")]
    pub(crate) source: Source,

    /// Write another file and leave the first as it is.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// A signature made elsewhere, 0x-hex with or without the 0x: 65 bytes, 64 bytes (EIP-2098), or what a contract takes.
    #[arg(long, value_name = "HEX", value_parser = signature::parse_bytes, conflicts_with = "key")]
    pub(crate) signature: Option<Bytes>,

    /// With --signature, the owner whose it is. Without it a key's is recovered, and each owner with code is asked whether it
    /// takes it. With a key, the Quorate wallet that is an owner and that the key signs for; where several ways lead from it
    /// to the key, once for each wallet on the way, outermost first.
    #[arg(long, value_name = "ADDRESS", value_parser = Written::parse_account)]
    pub(crate) owner: Vec<Written>,

    /// The plan that a batch of a payout run has to be of: what is no line of it there is refused, and what was paid before too.
    #[arg(long, value_name = "PLAN")]
    pub(crate) plan: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) beside: Beside,

    #[command(flatten)]
    pub(crate) accept: Accept,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,

    #[command(flatten)]
    pub(crate) key: KeyOptions,
}

/// `quorate combine`.
#[derive(Args, Debug)]
pub(crate) struct Combine {
    /// The proposal files.
    #[arg(required = true, num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,

    /// The file to write, which may be one of them.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `quorate submit`.
#[derive(Args, Debug)]
pub(crate) struct Submit {
    /// The proposal file.
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) send: SendOptions,
}
