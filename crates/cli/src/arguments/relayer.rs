//! `quorate relayer`.

use clap::{Args, Subcommand, ValueEnum};
use quorate_core::{address, text};
use quorate_server::config::Listen;
use quorate_store::WalletKey;
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
    /// Changes nothing. Where others can reach HTTP, looks into the store for tokens.
    Check,
    /// Send no new transactions on a chain, until resumed; what is on its way is kept moving.
    ///
    /// A relayer that runs on the store heeds it within a second, and one that is started later too.
    Pause(OnChain),
    /// Send transactions on a chain again.
    Resume(OnChain),
    /// Make and revoke the tokens that reading and registering may need.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Look at what webhooks were told, and have them told again.
    #[command(subcommand)]
    Webhook(WebhookCommand),
}

/// `quorate relayer token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, once: only its hash is kept.
    Create {
        /// Its name: letters, digits, - and _, at most 64. No other token ever gets it, not even once this one is revoked.
        #[arg(value_parser = token_name)]
        name: String,
        /// What its bearer may do.
        #[arg(long, value_enum)]
        right: Right,
        /// A wallet that it is good for; once for each. Without one for all of them.
        #[arg(long, value_name = "CHAIN_ID:ADDRESS", value_parser = wallet_key)]
        wallet: Vec<WalletKey>,
    },
    /// List the tokens, the revoked ones too.
    List,
    /// Accept a token no longer, from the next request on.
    Revoke {
        /// The token's name.
        name: String,
    },
}

/// What the bearer of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Right {
    /// Read.
    Read,
    /// Read, and register wallets.
    Operator,
}

/// `quorate relayer webhook`.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// List how far each webhook is; or the events that one is told, the newest first, and what came of them.
    List {
        /// A webhook's name in the configuration.
        name: Option<String>,
        /// Only events that failed, and are to be told again.
        #[arg(long, requires = "name")]
        failing: bool,
        /// Only events before the one of this number: how a long list goes on.
        #[arg(long, value_name = "SEQUENCE", requires = "name")]
        before: Option<u64>,
    },
    /// Tell a webhook events again, and at once those that failed and wait for another attempt.
    ///
    /// Events are known by their numbers, as `quorate relayer webhook list NAME` shows them.
    Redeliver {
        /// The webhook's name in the configuration.
        name: String,
        /// The number of the first event.
        #[arg(long, value_name = "SEQUENCE")]
        from: u64,
        /// The number of the last event. Without it all from the first on.
        #[arg(long, value_name = "SEQUENCE")]
        to: Option<u64>,
    },
    /// Tell a webhook again that answered 410, which means gone. What happened meanwhile it is told too.
    Enable {
        /// The webhook's name in the configuration.
        name: String,
    },
}

/// The most characters of a token's name.
const LONGEST_NAME: usize = 64;

/// What a token may be called.
fn token_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if text.is_empty() || text.len() > LONGEST_NAME || !text.chars().all(is_plain) {
        return Err(format!("give letters, digits, - and _, at most {LONGEST_NAME} of them"));
    }
    Ok(text.to_owned())
}

/// A wallet, as `1:0x…`.
fn wallet_key(text: &str) -> Result<WalletKey, String> {
    let wrong = || format!("{} is not CHAIN_ID:ADDRESS, like 1:0x…", text::shown(text));
    let (chain_id, address) = text.split_once(':').ok_or_else(wrong)?;
    let chain_id = chain_id.parse().map_err(|_| wrong())?;
    let address = address::parse_account(address).map_err(|error| error.to_string())?;
    Ok(WalletKey { chain_id, address })
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
