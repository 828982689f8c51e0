//! Which chain, and whose key.

use clap::{ArgGroup, Args};
use std::path::PathBuf;

/// Where the chain is read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Chain")]
pub(crate) struct ChainOptions {
    /// The RPC endpoint, http or https.
    #[arg(long, value_name = "URL", env = "ETH_RPC_URL", hide_env_values = true)]
    pub(crate) rpc_url: Option<String>,
}

/// Whose key signs. Keys themselves are never typed.
///
/// The variables that name a key are read where none is named here, and not by clap: to it they would
/// conflict with every other key.
#[derive(Args, Debug)]
#[command(next_help_heading = "Key", group = ArgGroup::new("key").multiple(false))]
pub(crate) struct KeyOptions {
    /// The keystore of this name in Foundry's folder, ~/.foundry/keystores. Where no key is named,
    /// ETH_KEYSTORE_ACCOUNT names one.
    #[arg(long, value_name = "NAME", group = "key")]
    pub(crate) account: Option<String>,

    /// A keystore file. Where no key is named, ETH_KEYSTORE names one.
    #[arg(long, value_name = "FILE", group = "key")]
    pub(crate) keystore: Option<PathBuf>,

    /// A file with the keystore's password. Without it the password is asked for.
    #[arg(long, value_name = "FILE", env = "ETH_PASSWORD")]
    pub(crate) password_file: Option<PathBuf>,

    /// A Ledger on USB.
    #[arg(long, group = "key")]
    pub(crate) ledger: bool,

    /// A Trezor on USB.
    #[arg(long, group = "key")]
    pub(crate) trezor: bool,

    /// A file with a mnemonic of 12 to 24 words (BIP-39).
    #[arg(long, value_name = "FILE", group = "key")]
    pub(crate) mnemonic_file: Option<PathBuf>,

    /// Which account of the mnemonic or the device, from 0 on.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) mnemonic_index: u32,

    /// The derivation path, instead of the usual one with --mnemonic-index at its end.
    #[arg(long, value_name = "PATH", conflicts_with = "mnemonic_index")]
    pub(crate) mnemonic_derivation_path: Option<String>,
}

/// Sending a transaction.
#[derive(Args, Debug)]
pub(crate) struct SendOptions {
    /// How long to wait for a transaction, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) timeout: u64,

    #[command(flatten)]
    pub(crate) chain: ChainOptions,

    #[command(flatten)]
    pub(crate) key: KeyOptions,
}
