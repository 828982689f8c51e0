//! What is wrong before the relayer starts: everything that can be seen without changing anything.

mod nature;

use crate::{
    config::{ChainConfig, Config, HttpConfig, Listen},
    database::Database,
    http::{BindError, Bound},
    run,
    sender::{self, Sender},
};
use alloy::primitives::{Address, U256};
use quorate_bindings::canonical::WALLET_FACTORY;
use quorate_chain::{Chain, ChainError, Lack, lack::SIMULATE};
use quorate_core::amount::{ETHER_DECIMALS, plain};
use quorate_relayer::driver::Key as _;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};
use tokio::task::JoinSet;

/// How many seconds the time of a head may be before this machine's clock, at the least; and how many after.
const OLDEST_HEAD_SECS: u64 = 120;
const CLOCK_BEHIND_SECS: u64 = 30;

/// What was found, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report {
    /// Each thing that was looked at.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The chain; none of what is the whole process's.
    pub chain_id: Option<u64>,
    /// What was looked at.
    pub aspect: Aspect,
    /// Host and port of the endpoint, the account, or where its key is.
    pub subject: String,
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// What is there, and the way out where something is wrong.
    pub detail: String,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Aspect {
    /// Whether the endpoint answers, and for this chain.
    Endpoint,
    /// Whether the factory is at its address.
    Factory,
    /// Whether the endpoint knows `eth_simulateV1`.
    Simulation,
    /// What the chain takes, for gas and besides.
    Fees,
    /// How fast it makes blocks, and which of them are final.
    Finality,
    /// Whether the endpoint does all else that the relayer asks.
    Methods,
    /// Whether this machine's clock agrees with the head's time.
    Clock,
    /// Whether a sender's key opens, and its balance is above the floor.
    Sender,
    /// Whether HTTP can be served at its address, and there are tokens where it takes some.
    Http,
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It is.
    Good,
    /// The relayer works, but not as well as it could.
    Warning,
    /// It may get right by itself, or by what others do: deploy, fund.
    NotYet,
    /// No endpoint of the chain answers.
    Unreachable,
    /// A key or a URL cannot be used.
    BadInput,
    /// Two sources contradict each other.
    Mismatch,
}

impl Report {
    /// The worst verdict; [`Verdict::Good`] where there is nothing else.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Good)
    }
}

impl Aspect {
    /// Its word in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Factory => "factory",
            Self::Simulation => "simulation",
            Self::Fees => "fees",
            Self::Finality => "finality",
            Self::Methods => "methods",
            Self::Clock => "clock",
            Self::Sender => "sender",
            Self::Http => "http",
        }
    }
}

/// Collects what is found on one chain.
struct Findings {
    chain_id: u64,
    findings: Vec<Finding>,
}

impl Findings {
    const fn new(chain_id: u64) -> Self {
        Self { chain_id, findings: Vec::new() }
    }

    fn add(&mut self, aspect: Aspect, subject: &str, verdict: Verdict, detail: impl Into<String>) {
        let (subject, detail) = (subject.to_owned(), detail.into());
        let chain_id = Some(self.chain_id);
        self.findings.push(Finding { chain_id, aspect, subject, verdict, detail });
    }
}

/// Looks at all endpoints and senders, and at the address and tokens of HTTP. `clock` gives this machine's time in Unix seconds. Changes nothing.
pub async fn check(config: &Config, clock: fn() -> u64) -> Report {
    let mut work = JoinSet::new();
    for (place, chain) in config.chains.iter().cloned().enumerate() {
        work.spawn(async move { (place, check_chain(chain, clock).await) });
    }
    let chains: BTreeMap<_, _> = work.join_all().await.into_iter().collect();
    let mut findings: Vec<_> = chains.into_values().flatten().collect();
    findings.extend(check_http(&config.http).await);
    if config.http.is_public() {
        findings.push(check_tokens(&config.store).await);
    }
    Report { findings }
}

/// Whether somebody can be told apart from everybody. Reads the store, if there is one.
async fn check_tokens(store: &Database) -> Finding {
    let advice = "make one with `quorate relayer token create`: others can reach HTTP";
    let found = async {
        let store = store.open_read_only().await.map_err(|error| error.to_string())?;
        let found = run::has_token(&store).await.map_err(|error| error.to_string());
        store.close().await;
        found
    };
    let (verdict, detail) = match found.await {
        Ok(true) => (Verdict::Good, "there is one".to_owned()),
        Ok(false) => (Verdict::NotYet, format!("there is none: {advice}")),
        Err(reason) => (Verdict::NotYet, format!("{reason}; {advice}")),
    };
    let subject = "tokens".to_owned();
    Finding { chain_id: None, aspect: Aspect::Http, subject, verdict, detail }
}

/// Takes the address for a moment.
async fn check_http(config: &HttpConfig) -> Option<Finding> {
    let Listen::At(address) = config.listen else { return None };
    let (verdict, detail) = match Bound::take(config).await {
        Ok(_) => (Verdict::Good, "the address is free".to_owned()),
        Err(BindError { reason, .. }) if reason.kind() == io::ErrorKind::AddrInUse => {
            let detail = "another program is there: this relayer, or give another --listen";
            (Verdict::Warning, detail.to_owned())
        }
        Err(BindError { reason, .. }) => (Verdict::BadInput, reason.to_string()),
    };
    let subject = address.to_string();
    Some(Finding { chain_id: None, aspect: Aspect::Http, subject, verdict, detail })
}

async fn check_chain(config: ChainConfig, clock: fn() -> u64) -> Vec<Finding> {
    let mut work = JoinSet::new();
    for (place, url) in config.rpc_urls.iter().cloned().enumerate() {
        let settings = config.settings.clone();
        work.spawn(async move {
            let mut findings = Findings::new(settings.chain_id);
            let oldest = OLDEST_HEAD_SECS.max(settings.block_secs.saturating_mul(10));
            let chain = check_endpoint(&mut findings, place, url.as_str(), oldest, clock).await;
            if let Some(chain) = &chain {
                nature::look(&mut findings, chain, &settings).await;
            }
            (place, (chain, findings.findings))
        });
    }
    let endpoints: BTreeMap<_, _> = work.join_all().await.into_iter().collect();
    let mut findings = Findings::new(config.settings.chain_id);
    let mut chains = Vec::new();
    for (chain, found) in endpoints.into_values() {
        chains.extend(chain);
        findings.findings.extend(found);
    }
    forgive(&mut findings.findings, chains.len());
    check_senders(&mut findings, &config, &chains).await;
    findings.findings
}

/// One that is dead, or lacks what cannot be done without, stops nothing while another is there.
fn forgive(findings: &mut [Finding], answering: usize) {
    let is_unreachable = |finding: &&mut Finding| finding.verdict == Verdict::Unreachable;
    let is_poor = |finding: &Finding| {
        finding.verdict == Verdict::Unreachable
            && matches!(finding.aspect, Aspect::Methods | Aspect::Simulation)
    };
    let poor = findings.iter().filter(|finding| is_poor(finding));
    let poor: BTreeSet<_> = poor.map(|finding| finding.subject.clone()).collect();
    let is_served = answering > poor.len();
    for finding in findings.iter_mut().filter(is_unreachable) {
        if is_served || (answering > 0 && !is_poor(finding)) {
            finding.verdict = Verdict::Warning;
        }
    }
}

/// Looks at one endpoint, and returns it if it serves the chain.
async fn check_endpoint(
    findings: &mut Findings,
    place: usize,
    url: &str,
    oldest_secs: u64,
    clock: fn() -> u64,
) -> Option<Chain> {
    let subject = format!("rpc_urls[{place}]");
    let chain = match Chain::connect(url).await {
        Ok(chain) => chain,
        Err(error) => {
            findings.add(Aspect::Endpoint, &subject, verdict_of(&error), error.to_string());
            return None;
        }
    };
    let subject = chain.endpoint().to_owned();
    let (expected, found) = (findings.chain_id, chain.id());
    if found != expected {
        let detail = format!("serves chain {found}, not {expected}: give one of chain {expected}");
        findings.add(Aspect::Endpoint, &subject, Verdict::Mismatch, detail);
        return None;
    }
    match chain.head().await {
        Ok(head) => {
            let detail = format!("chain {found}, at block {}", head.number);
            findings.add(Aspect::Endpoint, &subject, Verdict::Good, detail);
            let (verdict, detail) = check_clock(head.timestamp, clock(), oldest_secs);
            findings.add(Aspect::Clock, &subject, verdict, detail);
        }
        Err(error) => {
            findings.add(Aspect::Endpoint, &subject, verdict_of(&error), error.to_string());
            return None;
        }
    }
    let (verdict, detail) = check_factory(&chain).await;
    findings.add(Aspect::Factory, &subject, verdict, detail);
    check_methods(findings, &chain).await;
    Some(chain)
}

/// Asks all that the relayer asks, in its words.
async fn check_methods(findings: &mut Findings, chain: &Chain) {
    let subject = chain.endpoint().to_owned();
    let found = match chain.examine().await {
        Ok(found) => found,
        Err(error) => {
            findings.add(Aspect::Methods, &subject, verdict_of(&error), error.to_string());
            return;
        }
    };
    let (simulation, others): (Vec<Lack>, Vec<Lack>) =
        found.lacks.into_iter().partition(|lack| lack.what == SIMULATE);
    let is_simulation = |(what, _): &(&str, ChainError)| *what == SIMULATE;
    let (failed_simulation, failures): (Vec<_>, Vec<_>) =
        found.failures.into_iter().partition(is_simulation);
    let (verdict, detail) = match (simulation.first(), failed_simulation.first()) {
        (Some(lack), _) => (Verdict::Warning, in_words(lack)),
        (None, Some((_, error))) => (verdict_of(error), error.to_string()),
        (None, None) => (Verdict::Good, "knows eth_simulateV1".to_owned()),
    };
    findings.add(Aspect::Simulation, &subject, verdict, detail);
    if failures.is_empty() && others.is_empty() {
        let detail = "does all that the relayer asks".to_owned();
        findings.add(Aspect::Methods, &subject, Verdict::Good, detail);
    }
    for lack in others {
        findings.add(Aspect::Methods, &subject, Verdict::Warning, in_words(&lack));
    }
    for (what, error) in failures {
        let detail = format!("the relayer cannot do without {what}: {error}");
        findings.add(Aspect::Methods, &subject, verdict_of(&error), detail);
    }
}

fn in_words(lack: &Lack) -> String {
    let way = lack.way().unwrap_or("the relayer cannot do without");
    format!("does not give {}: {way} ({})", lack.what, lack.reason)
}

fn check_clock(head: u64, now: u64, oldest_secs: u64) -> (Verdict, String) {
    let (behind, ahead) = (now.saturating_sub(head), head.saturating_sub(now));
    if ahead > CLOCK_BEHIND_SECS {
        let detail = format!("this machine's clock is {ahead} s behind the head: set it");
        (Verdict::Mismatch, detail)
    } else if behind > oldest_secs {
        let detail = format!(
            "the head is {behind} s old: the endpoint is behind, or this machine's clock is ahead"
        );
        (Verdict::Warning, detail)
    } else {
        (Verdict::Good, format!("the head is {behind} s old"))
    }
}

async fn check_factory(chain: &Chain) -> (Verdict, String) {
    let address = WALLET_FACTORY.address;
    let look = async {
        let is_canonical = chain.has_canonical(&WALLET_FACTORY).await?;
        Ok((is_canonical, is_canonical || chain.has_code(address).await?))
    };
    match look.await {
        Ok((true, _)) => (Verdict::Good, format!("is at {address}")),
        Ok((false, true)) => (Verdict::Mismatch, format!("{address} has other code")),
        Ok((false, false)) => {
            let way = "`quorate wallet deploy --with-factory` puts it there";
            (Verdict::NotYet, format!("is not at {address}: {way}"))
        }
        Err(error) => (verdict_of(&error), error.to_string()),
    }
}

async fn check_senders(findings: &mut Findings, config: &ChainConfig, chains: &[Chain]) {
    let keys = match sender::open_all(findings.chain_id, &config.senders).await {
        Ok(keys) => keys,
        Err(error) => {
            let places: Vec<_> = config.senders.iter().map(Sender::to_string).collect();
            findings.add(Aspect::Sender, &places.join(", "), Verdict::BadInput, error.to_string());
            return;
        }
    };
    for key in keys {
        let (address, floor) = (key.address(), config.limits.sender_floor);
        let (verdict, detail) = check_balance(chains, address, floor).await;
        findings.add(Aspect::Sender, &address.to_checksum(None), verdict, detail);
    }
}

/// What a sender has, as the first endpoint says that answers.
async fn check_balance(chains: &[Chain], sender: Address, floor: U256) -> (Verdict, String) {
    let ether = |wei| plain(wei, ETHER_DECIMALS);
    let mut answer = None;
    for chain in chains {
        answer = Some(chain.balance(sender).await);
        if matches!(answer, Some(Ok(_))) {
            break;
        }
    }
    let Some(answer) = answer else {
        let detail = "its key opens; nobody can be asked for its balance";
        return (Verdict::Warning, detail.to_owned());
    };
    match answer {
        Ok(balance) if balance > floor => {
            (Verdict::Good, format!("has {} ether, above {}", ether(balance), ether(floor)))
        }
        Ok(balance) => {
            let (has, floor) = (ether(balance), ether(floor));
            let detail = format!("has {has} ether, not above {floor} (sender_floor): fund it");
            (Verdict::NotYet, detail)
        }
        Err(error) => (verdict_of(&error), error.to_string()),
    }
}

const fn verdict_of(error: &ChainError) -> Verdict {
    match error {
        ChainError::InvalidUrl { .. } => Verdict::BadInput,
        ChainError::NotAWallet { .. } | ChainError::OtherChain { .. } => Verdict::Mismatch,
        ChainError::Unreachable { .. }
        | ChainError::Rpc { .. }
        | ChainError::Reverted { .. }
        | ChainError::WrongAnswer { .. }
        | ChainError::HistoryRefused { .. } => Verdict::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_behind_contradicts_the_head_and_one_ahead_may_not() {
        for (head, now, verdict) in [
            (1_000, 1_000, Verdict::Good),
            (1_000, 1_120, Verdict::Good),
            (1_000, 1_121, Verdict::Warning),
            (1_030, 1_000, Verdict::Good),
            (1_031, 1_000, Verdict::Mismatch),
        ] {
            assert_eq!(check_clock(head, now, 120).0, verdict, "{head} {now}");
        }
    }
}
