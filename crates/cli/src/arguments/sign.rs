//! `quorate show`, `verify`, `sign`, `combine` and `submit`.

use super::{AccessOptions, ChainOptions, KeyOptions, SendOptions, Source};
use crate::book_access;
use alloy::primitives::Bytes;
use clap::{Args, ValueEnum};
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

/// `quorate verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyProposal {
    /// The proposal file; or its digest, which the relayer is asked for.
    #[arg(value_name = "FILE|DIGEST")]
    pub(crate) source: Source,

    /// Which words of the digest to show: six, of its first 66 bits, or all 24 of the whole digest.
    #[arg(long, value_name = "WHICH", default_value = "six")]
    pub(crate) words: WhichWords,

    /// Read no chain, and accept that nothing of it is checked.
    #[arg(long)]
    pub(crate) offline: bool,

    #[command(flatten)]
    pub(crate) expected: Expected,

    #[command(flatten)]
    pub(crate) beside: Beside,

    #[command(flatten)]
    pub(crate) accept: Accept,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// Which words of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhichWords {
    /// Six, of its first 66 bits.
    Six,
    /// 24, of all of it.
    All,
}

/// What a proposal is expected to pay, and nothing else. What differs ends with exit code 7.
#[derive(Args, Debug)]
#[command(next_help_heading = "Expected payment")]
pub(crate) struct Expected {
    /// The only payee.
    #[arg(long, value_name = "ADDRESS", value_parser = book_access::account)]
    pub(crate) expect_to: Option<Written>,

    /// How much in all, in ether or in the token's units; `all` is everything left.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) expect_amount: Option<String>,

    /// The token, or its symbol in the address book; ether where --expect-amount stands without it.
    #[arg(long, value_name = "ADDRESS", value_parser = book_access::token)]
    pub(crate) expect_token: Option<Written>,

    /// How many decimals the token has, where it does not tell them, or with --offline.
    #[arg(long, value_name = "NUMBER", requires = "expect_token")]
    pub(crate) decimals: Option<u8>,
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
