//! `quorate relayer`.

use clap::{Args, Subcommand, ValueEnum};
use quorate_server::config::Listen;
use std::path::PathBuf;

/// `quorate relayer`.
#[derive(Args, Debug)]
pub(crate) struct Relayer {
    #[command(subcommand)]
    pub(crate) command: Option<RelayerCommand>,

    #[command(flatten)]
    pub(crate) options: RelayerOptions,

    #[command(flatten)]
    pub(crate) log: LogOptions,
}

/// What can be done besides running.
#[derive(Debug, Subcommand)]
pub(crate) enum RelayerCommand {
    /// Look for what is wrong before starting: endpoints, the factory, balances, the clock, the
    /// address of HTTP.
    ///
    /// Changes nothing, and does not open the store.
    Check,
    /// Take no new account nonces on a chain, until resumed; what is on its way is kept moving.
    ///
    /// A relayer that runs on the store heeds it within a second, and one that is started later too.
    Pause(OnChain),
    /// Take account nonces again.
    Resume(OnChain),
}

/// How the relayer is configured.
#[derive(Args, Debug)]
pub(crate) struct RelayerOptions {
    /// The configuration, TOML. QUORATE_RPC_URLS_1=URL,URL takes the place of its endpoints of chain 1.
    #[arg(long, value_name = "FILE", env = "QUORATE_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// The store, instead of the one in the configuration.
    #[arg(long, value_name = "URL", env = "QUORATE_STORE", hide_env_values = true, global = true)]
    pub(crate) store: Option<String>,

    /// Where HTTP is served, instead of where the configuration says; "off" serves none. Without either on
    /// 127.0.0.1:8645.
    #[arg(long, value_name = "ADDRESS:PORT", env = "QUORATE_LISTEN", global = true)]
    pub(crate) listen: Option<Listen>,

    /// A proxy that speaks TLS stands in front. Without one, HTTP is served to this machine alone.
    #[arg(long, global = true)]
    pub(crate) behind_tls_proxy: bool,
}

/// Which chain.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OnChain {
    /// The chain's id, one of those in the configuration.
    #[arg(value_name = "CHAIN_ID")]
    pub(crate) chain_id: u64,
}

/// What is logged.
#[derive(Args, Debug)]
pub(crate) struct LogOptions {
    /// How logs are written; with --json as JSON.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// From which level on: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: tracing::Level,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}
