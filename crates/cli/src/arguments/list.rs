//! `quorate list` and `watch`.

use super::{AccessOptions, ChainOptions};
use alloy::primitives::B256;
use clap::{Args, ValueEnum};
use quorate_core::{address::Written, status::StatusWord};

/// Whose proposals.
///
/// QUORATE_WALLET is read where nothing is named, and not by clap: to it an owner would be named beside.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// The owner who is awaited.
    #[arg(long, value_name = "ADDRESS", value_parser = Written::parse_account)]
    pub(crate) owner: Option<Written>,

    /// The wallet's address, or its wallet file. Where neither it nor an owner is named, QUORATE_WALLET
    /// names it.
    #[arg(long, value_name = "ADDRESS|FILE")]
    pub(crate) wallet: Option<String>,

    /// The chain; without it the endpoint's, of a wallet that of its file, and of an owner all of them.
    #[arg(long, value_name = "ID")]
    pub(crate) chain_id: Option<u64>,
}

/// `quorate list`.
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) target: Target,

    /// Only those with this status, by the relayer's word.
    #[arg(long, value_enum, value_name = "STATUS")]
    pub(crate) status: Option<StatusName>,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate watch`.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// The digests of the proposals. Without them those of an owner's wallets, or of one wallet, and new
    /// ones too, until it is stopped.
    #[arg(value_name = "DIGEST", conflicts_with_all = ["owner", "wallet"])]
    pub(crate) digests: Vec<B256>,

    #[command(flatten)]
    pub(crate) target: Target,

    /// When a proposal is done: as soon as it is executed, or when only a deep reorg can undo it.
    #[arg(long, value_enum, value_name = "STATUS", default_value_t = WatchUntil::Final)]
    pub(crate) until: WatchUntil,

    /// How long to follow them, in seconds. Without it as long as it takes.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// When a proposal that is followed is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WatchUntil {
    /// It is executed.
    Executed,
    /// It is decided, and the block that decided it is deep enough for the relayer.
    Final,
}

/// The status of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusName {
    /// Signatures are missing.
    Collecting,
    /// Signed by enough, and not on its way yet.
    Ready,
    /// On its way.
    Submitted,
    /// On chain.
    Executed,
    /// Its deadline is past.
    Expired,
    /// Something else used up its nonce, or its epoch ended.
    Superseded,
}

impl From<StatusName> for StatusWord {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Collecting => Self::Collecting,
            StatusName::Ready => Self::Ready,
            StatusName::Submitted => Self::Submitted,
            StatusName::Executed => Self::Executed,
            StatusName::Expired => Self::Expired,
            StatusName::Superseded => Self::Superseded,
        }
    }
}
