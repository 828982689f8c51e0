//! `quorate wallet`.

use super::{AccessOptions, ChainOptions, SendOptions, bytes};
use alloy::primitives::{B256, Bytes};
use clap::{Args, Subcommand};
use quorate_core::{Lane, address::Written};
use std::path::PathBuf;

/// What can be done with wallets.
#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Make a new wallet: choose a salt and write the wallet file. Needs no chain.
    ///
    /// The address can receive money at once; `wallet deploy` puts the wallet there. Until then the
    /// file is the only way to that money: losing it loses the money.
    Create(Make),

    /// Compute the address of owners, threshold and salt. Needs no chain.
    ///
    /// As `create`, with a salt that you give; writes the file only where --out says so.
    Predict(Make),

    /// Put the wallet of a wallet file on a chain.
    Deploy(WalletDeploy),

    /// Have a relayer serve a wallet: an operator's token is needed where not everyone may.
    Register(WalletRegister),

    /// Show a wallet: owners, threshold, policy, epoch, nonces and balance.
    Show(WalletShow),

    /// Compare a wallet with the address book: ends with 7 if its owners or threshold are others.
    Check(WalletCheck),
}

/// What a wallet is made of.
#[derive(Args, Debug)]
pub(crate) struct Make {
    /// An owner; once for each, or several with commas, at most 100. The order is part of the address.
    #[arg(long = "owner", visible_alias = "owners", value_name = "ADDRESS", value_delimiter = ',',
        value_parser = Written::parse, required = true)]
    pub(crate) owners: Vec<Written>,

    /// How many owners must sign: from 1 to as many as there are.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) threshold: u64,

    /// A contract that may veto actions.
    #[arg(long, value_name = "ADDRESS", value_parser = Written::parse)]
    pub(crate) policy: Option<Written>,

    /// What the policy is told about this wallet, 0x-hex, at most 4,096 bytes.
    #[arg(long, value_name = "HEX", value_parser = bytes, requires = "policy", default_value = "0x")]
    pub(crate) policy_data: Bytes,

    /// 32 bytes, 0x-hex, that tell apart wallets of the same owners; `create` chooses them by itself.
    #[arg(long, value_name = "HEX")]
    pub(crate) salt: Option<B256>,

    /// A chain the wallet is used on; once for each. Without it the endpoint's chain, and mainnet without
    /// an endpoint.
    #[arg(long = "chain-id", value_name = "ID")]
    pub(crate) chain_ids: Vec<u64>,

    /// Where the wallet file is written; `create` takes wallet-ADDRESS.json.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate wallet deploy`.
#[derive(Args, Debug)]
pub(crate) struct WalletDeploy {
    /// The wallet file.
    pub(crate) file: PathBuf,

    /// Put the factory on the chain first where it is missing, as on a new local chain.
    #[arg(long)]
    pub(crate) with_factory: bool,

    /// Put the deterministic deployment proxy there before, where that is missing too: its transaction was signed for all
    /// chains, and its sender, 0x3fab184622dc19b6109349b94811493bf2a45362, is given the 0.01 ether that it costs.
    #[arg(long, requires = "with_factory")]
    pub(crate) with_proxy: bool,

    #[command(flatten)]
    pub(crate) send: SendOptions,
}

/// `quorate wallet register`.
#[derive(Args, Debug)]
pub(crate) struct WalletRegister {
    /// The wallet file, or the address of a wallet that is deployed.
    pub(crate) wallet: String,

    /// A chain it is to be served on; once for each. Without it the endpoint's chain, and without an
    /// endpoint those of the wallet file.
    #[arg(long = "chain-id", value_name = "ID")]
    pub(crate) chain_ids: Vec<u64>,

    #[command(flatten)]
    pub(crate) access: AccessOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate wallet check`.
#[derive(Args, Debug)]
pub(crate) struct WalletCheck {
    /// The wallet's name in the address book, its address, or its wallet file. Without it all wallets of the book on the
    /// endpoint's chain.
    pub(crate) wallet: Option<String>,

    #[command(flatten)]
    pub(crate) book: super::BookOptions,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}

/// `quorate wallet show`.
#[derive(Args, Debug)]
pub(crate) struct WalletShow {
    /// The wallet's address, or its wallet file.
    pub(crate) wallet: String,

    /// A lane whose next sequence is shown, from 0 to 2^192-1, besides lane 0; once for each.
    #[arg(long = "lane", value_name = "NUMBER")]
    pub(crate) lanes: Vec<Lane>,

    /// A token whose balance is shown, besides ether; once for each.
    #[arg(long = "token", value_name = "ADDRESS", value_parser = Written::parse_account)]
    pub(crate) tokens: Vec<Written>,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,
}
