//! The one file that an operator writes.
//!
//! ```toml
//! store = "relayer.db"        # or sqlite:FILE, or postgres://USER@HOST/DATABASE
//! lease_secs = 10             # how long a relayer that vanished keeps others out
//!
//! [[chains]]
//! chain_id = 1
//! rpc_urls = ["https://one.example", "https://other.example"]
//! poll_millis = 1000
//! final_depth = 64            # and the other numbers of `quorate_relayer::Settings`
//!
//! [chains.limits]             # the defaults
//! per_day = "2 ether"
//! per_wallet_and_day = "0.5 ether"
//! per_transaction = "0.1 ether"
//! sender_floor = "0.01 ether"
//! max_fee_per_gas = "200 gwei"
//!
//! [[chains.senders]]
//! keystore = "relayer.json"   # or account = NAME, in Foundry's folder
//! password_file = "password"
//!
//! [[chains.senders]]
//! env_file = "keys.env"
//! variable = "SENDER_KEY"
//!
//! [http]
//! listen = "127.0.0.1:8645"   # or "off"
//! open_registration = false   # and what else `HttpConfig` and `HttpLimits` have
//! ```
//!
//! Files count from the folder that this one is in. What is not known is refused, and so is what would not
//! work: the relayer does not start on a guess.

mod error;
mod http;
mod section;
mod webhook;

pub use error::{ConfigError, ConfigFault};
pub use http::{DEFAULT_PORT, HttpConfig, HttpLimits, Listen, ListenError};
pub use webhook::{WebhookConfig, WebhookUrl};

use crate::{database::Database, keystore, sender::Sender};
use alloy::primitives::U256;
use quorate_bindings::canonical::WALLET_FACTORY;
use quorate_relayer::{Settings, budget::Limits};
use section::Section;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
    time::Duration,
};
use toml::{Table, Value};

/// How many seconds' worth of blocks make one final, where the file says nothing: twelve blocks are three seconds on some
/// chains.
const FINAL_SECS: u64 = 30;

/// After how many seconds' worth of blocks something is bumped or sent again, where the file says nothing.
const BUMP_AFTER_SECS: u64 = 6;

/// What [`Overrides::from_variables`] reads begins with this, then comes the number of a chain.
pub const RPC_URLS_VARIABLE: &str = "QUORATE_RPC_URLS_";

/// Everything that a relayer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where everything is kept that must not be lost.
    pub store: Database,
    /// How long a relayer that vanished keeps others from taking over.
    pub lease: Duration,
    /// The chains, at least one, each once.
    pub chains: Vec<ChainConfig>,
    /// How HTTP is served.
    pub http: HttpConfig,
    /// Who is told of events.
    pub webhooks: Vec<WebhookConfig>,
}

/// How one chain is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainConfig {
    /// What the engine is told. Without senders, which are known once their keys are open.
    pub settings: Settings,
    /// What may be spent.
    pub limits: Limits,
    /// Its endpoints, at least one.
    pub rpc_urls: Vec<RpcUrl>,
    /// How often its head is asked for.
    pub poll: Duration,
    /// The keys of the accounts that send, at least one.
    pub senders: Vec<Sender>,
}

/// The URL of an endpoint. It may hold a key: its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RpcUrl(String);

/// What takes the place of what the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Where the store is; counts from the working folder.
    pub store: Option<Database>,
    /// The endpoints of chains, by the number of the chain.
    pub rpc_urls: BTreeMap<String, RpcUrl>,
    /// Where HTTP is served.
    pub listen: Option<Listen>,
    /// That a proxy that speaks TLS stands in front of HTTP.
    pub behind_tls_proxy: bool,
}

impl RpcUrl {
    /// The URL, for the one who connects.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RpcUrl(…)")
    }
}

impl Overrides {
    /// Takes what is meant for the relayer from the environment: `QUORATE_RPC_URLS_1=URL,URL` has the endpoints of
    /// chain 1. One that is set to nothing is not set.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let of_chain = |(name, value): (String, String)| {
            let id = name.strip_prefix(RPC_URLS_VARIABLE)?.to_owned();
            (!value.is_empty()).then_some((id, RpcUrl(value)))
        };
        let rpc_urls = variables.into_iter().filter_map(of_chain).collect();
        Self { rpc_urls, ..Self::default() }
    }
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, with the way out.
    pub fn load(file: &Path, overrides: Overrides) -> Result<Self, ConfigError> {
        let read = || {
            let text = fs::read(file).map_err(|error| ConfigFault::unreadable(&error))?;
            let text = String::from_utf8(text).map_err(|_| ConfigFault::NotText)?;
            let folder = std::path::absolute(file).map_err(|e| ConfigFault::unreadable(&e))?;
            Self::parse(&text, folder.parent().unwrap_or(&folder), overrides)
        };
        read().map_err(|fault| ConfigError { file: file.to_owned(), fault })
    }

    /// Reads the text of a file in `folder`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn parse(text: &str, folder: &Path, overrides: Overrides) -> Result<Self, ConfigFault> {
        let table: Table =
            toml::from_str(text).map_err(|error| ConfigFault::syntax(text, &error))?;
        let mut root = Section::new(String::new(), table);
        let written = root.text("store")?;
        let store = match (overrides.store.clone(), written) {
            (Some(store), _) => store,
            (None, Some(url)) => Database::parse(&url, folder).ok_or_else(|| {
                root.hidden("store", "give a file, sqlite:FILE or postgres://USER@HOST/DATABASE")
            })?,
            (None, None) => {
                return Err(root.missing("store", "give a file, or a postgres:// URL"));
            }
        };
        let lease = Duration::from_secs(root.number("lease_secs", 2..=600, 10)?);
        let mut rpc_urls = overrides.rpc_urls.clone();
        let mut chains = Vec::new();
        let mut seen = BTreeSet::new();
        for mut section in root.sections("chains")? {
            let chain_id = section.required_number("chain_id", 1..=i64::MAX as u64)?;
            if !seen.insert(chain_id) {
                return Err(section.refused("chain_id", chain_id, "each chain has one section"));
            }
            let given = rpc_urls.remove(&chain_id.to_string());
            chains.push(read_chain(chain_id, given, section, folder)?);
        }
        let http = HttpConfig::read(root.section("http")?, &overrides)?;
        let webhooks = read_webhooks(&mut root, folder)?;
        root.finish()?;
        match rpc_urls.into_keys().next() {
            Some(id) => Err(ConfigFault::Refused {
                key: format!("{RPC_URLS_VARIABLE}{id}"),
                found: "set in the environment".to_owned(),
                advice: "no section of the file has this chain_id; unset it, or add the section"
                    .to_owned(),
            }),
            None => Ok(Self { store, lease, chains, http, webhooks }),
        }
    }
}

/// The webhooks, each under a name of its own: what was delivered is remembered by it.
fn read_webhooks(root: &mut Section, folder: &Path) -> Result<Vec<WebhookConfig>, ConfigFault> {
    let mut webhooks = Vec::<WebhookConfig>::new();
    for section in root.any_sections("webhooks")? {
        let key = section.key("name");
        let webhook = WebhookConfig::read(section, folder)?;
        if webhooks.iter().any(|known| known.name == webhook.name) {
            let advice = "give each webhook a name of its own";
            return Err(ConfigFault::refused_text(key, &webhook.name, advice));
        }
        webhooks.push(webhook);
    }
    Ok(webhooks)
}

fn read_chain(
    chain_id: u64,
    given: Option<RpcUrl>,
    mut section: Section,
    folder: &Path,
) -> Result<ChainConfig, ConfigFault> {
    let written = section.texts("rpc_urls")?;
    let (key, urls) = match given {
        Some(RpcUrl(urls)) => {
            let urls = urls.split(',').map(|url| url.trim().to_owned()).collect();
            (format!("{RPC_URLS_VARIABLE}{chain_id}"), urls)
        }
        None => (section.key("rpc_urls"), written),
    };
    let rpc_urls = read_urls(&key, urls)?;
    let poll = Duration::from_millis(section.number("poll_millis", 50..=60_000, 1_000)?);
    let settings = read_settings(chain_id, &mut section)?;
    let limits = match section.section("limits")? {
        Some(limits) => read_limits(limits)?,
        None => default_limits(),
    };
    let senders = section.sections("senders")?;
    let senders = senders.into_iter().map(|section| read_sender(section, folder));
    let senders = senders.collect::<Result<_, _>>()?;
    section.finish()?;
    Ok(ChainConfig { settings, limits, rpc_urls, poll, senders })
}

fn read_urls(key: &str, urls: Vec<String>) -> Result<Vec<RpcUrl>, ConfigFault> {
    if urls.is_empty() {
        let advice = "give one endpoint or more, like [\"https://host\"]".to_owned();
        return Err(ConfigFault::Missing { key: key.to_owned(), advice });
    }
    let mut known = BTreeSet::new();
    for (place, url) in urls.iter().enumerate() {
        let host = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let advice = match host {
            Some(host) if !host.is_empty() && known.insert(url) => continue,
            Some(host) if !host.is_empty() => "the same endpoint is there already: remove it",
            _ => "give a URL that begins with http:// or https:// and names a host",
        };
        return Err(ConfigFault::Hidden {
            key: format!("{key}[{place}]"),
            advice: advice.to_owned(),
        });
    }
    Ok(urls.into_iter().map(RpcUrl).collect())
}

fn read_settings(chain_id: u64, section: &mut Section) -> Result<Settings, ConfigFault> {
    let mut settings = Settings::new(chain_id, WALLET_FACTORY.address);
    let s = &mut settings;
    // Whoever counts in blocks means blocks; else a chain that makes them fast counts more of them.
    let secs = |given: bool, secs: u64| if given { 0 } else { secs };
    s.final_secs = secs(section.has("final_depth"), FINAL_SECS);
    s.bump_after_secs = secs(section.has("bump_after_blocks"), BUMP_AFTER_SECS);
    s.rebroadcast_secs = secs(section.has("rebroadcast_blocks"), BUMP_AFTER_SECS);
    s.is_block_time_given = section.has("block_secs");
    s.final_depth = section.number("final_depth", 1..=10_000, s.final_depth)?;
    s.final_secs = section.number("final_secs", 0..=86_400, s.final_secs)?;
    s.block_secs = section.number("block_secs", 1..=3_600, s.block_secs)?;
    s.bump_after_blocks = section.number("bump_after_blocks", 1..=1_000, s.bump_after_blocks)?;
    s.bump_after_secs = section.number("bump_after_secs", 0..=3_600, s.bump_after_secs)?;
    s.rebroadcast_blocks = section.number("rebroadcast_blocks", 1..=1_000, s.rebroadcast_blocks)?;
    s.resend_secs = section.number("resend_secs", 1..=3_600, s.resend_secs)?;
    s.rpc_down_secs = section.number("rpc_down_secs", 1..=86_400, s.rpc_down_secs)?;
    s.reply_secs = section.number("reply_secs", 1..=600, s.reply_secs)?;
    s.gas_margin_percent = section.number("gas_margin_percent", 0..=1_000, s.gas_margin_percent)?;
    s.max_open_per_sender =
        section.count("max_open_per_sender", 1..=1_024, s.max_open_per_sender)?;
    s.max_failures = section.count("max_failures", 1..=100, s.max_failures)?;
    // An engine that forgets blocks before they are final could not undo them.
    let least = usize::try_from(s.final_depth * 2).unwrap_or(usize::MAX);
    s.history = section.count("history", 1..=100_000, s.history.max(least))?;
    if s.history < least {
        let advice = format!("give at least {least}, twice final_depth, or leave it out");
        return Err(section.refused("history", s.history, advice));
    }
    Ok(settings)
}

/// A day's work of a small treasury, and an hour's worth of gas that nobody would mourn.
fn default_limits() -> Limits {
    let milli_ether = |count: u64| U256::from(count) * U256::from(10).pow(U256::from(15));
    Limits {
        per_day: milli_ether(2_000),
        per_wallet_and_day: milli_ether(500),
        per_transaction: milli_ether(100),
        max_fee_per_gas: 200_000_000_000,
        sender_floor: milli_ether(10),
    }
}

fn read_limits(mut section: Section) -> Result<Limits, ConfigFault> {
    let limits = default_limits();
    let fee = section.amount("max_fee_per_gas", U256::from(limits.max_fee_per_gas))?;
    let limits = Limits {
        per_day: section.amount("per_day", limits.per_day)?,
        per_wallet_and_day: section.amount("per_wallet_and_day", limits.per_wallet_and_day)?,
        per_transaction: section.amount("per_transaction", limits.per_transaction)?,
        sender_floor: section.amount("sender_floor", limits.sender_floor)?,
        max_fee_per_gas: u128::try_from(fee).ok().filter(|&fee| fee > 0).ok_or_else(|| {
            section.refused("max_fee_per_gas", format!("{fee} wei"), "give a fee like \"200 gwei\"")
        })?,
    };
    section.finish()?;
    Ok(limits)
}

fn read_sender(mut section: Section, folder: &Path) -> Result<Sender, ConfigFault> {
    let file = |path: String| folder.join(path);
    let keystore = section.text("keystore")?.map(file);
    let account = section.text("account")?;
    let password_file = section.text("password_file")?.map(file);
    let env_file = section.text("env_file")?.map(file);
    let variable = section.text("variable")?;
    let misfit = |key, advice: &str| Err(section.refused(key, "out of place", advice));
    let sender = match (keystore, account, env_file) {
        (Some(_), Some(_), _) => return misfit("account", "name a keystore or an account"),
        (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            return misfit("env_file", "each sender has one key: give the other its own section");
        }
        (None, None, None) => {
            let advice = "give keystore = FILE, account = NAME or env_file = FILE";
            return Err(section.missing("keystore", advice));
        }
        (None, None, Some(_)) if password_file.is_some() => {
            return misfit("password_file", "it goes with keystore or account");
        }
        (None, None, Some(file)) => {
            let advice = "give the name of the line that holds the key";
            let variable = variable.ok_or_else(|| section.missing("variable", advice))?;
            Sender::EnvFile { file, variable }
        }
        (Some(_), None, None) | (None, Some(_), None) if variable.is_some() => {
            return misfit("variable", "it goes with env_file");
        }
        (keystore, account, None) => {
            let file = match (keystore, account) {
                (None, Some(name)) => keystore::account(&name)
                    .map_err(|error| section.refused("account", "unusable", error.to_string()))?,
                (keystore, _) => keystore.unwrap_or_default(),
            };
            let advice = "give a file with the keystore's password";
            let password_file =
                password_file.ok_or_else(|| section.missing("password_file", advice))?;
            Sender::Keystore { file, password_file }
        }
    };
    section.finish()?;
    Ok(sender)
}

/// What a value is, in a message.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a number",
        Value::Float(_) => "a number with a point",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}
