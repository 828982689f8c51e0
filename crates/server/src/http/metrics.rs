//! What is counted, and what is looked up when somebody asks.

mod format;

use super::{Shared, gates::Class};
use alloy::primitives::U256;
use axum::http::Method;
use prometheus_client::{
    encoding::{prometheus_text, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use quorate_core::amount::{ETHER_DECIMALS, plain};
use quorate_relayer::driver::Report;
use std::{fmt, sync::atomic::AtomicU64, time::Duration};

pub(crate) use format::Format;

/// What all names begin with.
const PREFIX: &str = "quorate";

/// The upper ends of the buckets of answer times, in seconds; the last ones are long polls.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 60.0];

/// Names with values. Both come from this program or its configuration: there are only so many.
type Labels = Vec<(&'static str, String)>;

/// A number that is looked up.
type Number = Gauge<f64, AtomicU64>;

/// The counters.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let requests = Family::<Labels, Counter>::default();
        let seconds = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register(
            "http_requests",
            "Requests by route, method and status",
            requests.clone(),
        );
        let help = "How long answers took";
        registry.register_with_unit("http_request", help, Unit::Seconds, seconds.clone());
        Self { registry, requests, seconds }
    }

    pub(crate) fn count_request(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let route = ("route", route.to_owned());
        let labels = vec![
            route.clone(),
            ("method", known(method).to_owned()),
            ("status", status.to_string()),
        ];
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&vec![route]).observe(took.as_secs_f64());
    }
}

/// The method, or that it is another: clients may make up as many as they like.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

/// All metrics.
pub(crate) async fn text(shared: &Shared, format: Format) -> String {
    let numbers = numbers(shared).await.registry();
    let registries = [&shared.metrics.registry, &numbers];
    let mut text = String::new();
    let encoded = match format {
        Format::Prometheus => registries
            .into_iter()
            .try_for_each(|registry| prometheus_text::encode(&mut text, registry)),
        Format::OpenMetrics => registries
            .into_iter()
            .try_for_each(|registry| text::encode_registry(&mut text, registry))
            .and_then(|()| text::encode_eof(&mut text)),
    };
    encoded.expect("a string takes all");
    text
}

/// What is looked up.
async fn numbers(shared: &Shared) -> Numbers {
    let mut numbers = Numbers::default();
    process(&mut numbers, shared).await;
    for desk in shared.desks.values() {
        let chain_id = desk.chain_id;
        let report = desk.report();
        let leading = report.as_ref().filter(|report| report.is_leading);
        if let Some(head) = leading.and_then(|report| report.head) {
            let (number, age) = (head.id.number, shared.now().saturating_sub(head.timestamp));
            let help = "The number of the newest block that the engine took note of";
            numbers.add("head_number", help, chain_id, number as f64);
            numbers.add("head_age_seconds", "How old that block is", chain_id, age as f64);
        }
        let help = "What endpoints do not do of what is asked of them: /readyz names it";
        numbers.add("endpoint_lacks", help, chain_id, desk.lacks().len() as f64);
        if let Some(report) = report {
            engine(&mut numbers, chain_id, &report, shared.now());
        }
    }
    numbers
}

/// What holds for the whole process.
async fn process(numbers: &mut Numbers, shared: &Shared) {
    for (name, help, class) in [
        ("http_requests_in_flight", "Requests being answered", Class::Request),
        ("http_long_polls", "Long polls that wait", Class::LongPoll),
        ("http_streams", "Streams of events", Class::Stream),
    ] {
        numbers.put(name, help, Vec::new(), shared.gates.taken(class) as f64);
    }
    let Ok(store) = shared.store() else {
        return numbers.put("store_up", "Whether the store answers", Vec::new(), 0.0);
    };
    let waiting = store.waiting() as f64;
    numbers.put("store_waiting", "Commits that wait for the writer", Vec::new(), waiting);
    let (last, head) = tokio::join!(
        quorate_store::Storage::last_event(store),
        quorate_store::Storage::audit_head(store),
    );
    let is_up = last.is_ok() && head.is_ok();
    numbers.put("store_up", "Whether the store answers", Vec::new(), f64::from(u8::from(is_up)));
    if let Ok(last) = last {
        numbers.put("last_event", "The sequence of the last event", Vec::new(), last as f64);
    }
    numbers.audit_head = head.ok().map(|head| head.to_string());
}

/// What an engine tells.
fn engine(numbers: &mut Numbers, chain_id: u64, report: &Report, now: u64) {
    let flag = |flag: bool| f64::from(u8::from(flag));
    let age = report.ready_since.map_or(0, |since| now.saturating_sub(since));
    for (name, help, value) in [
        ("leading", "Whether this process has the lease", flag(report.is_leading)),
        ("paused", "Whether the operator paused the engine", flag(report.is_paused)),
        ("ready_oldest_seconds", "How long the longest ready proposal is", age as f64),
        ("attempts_in_flight", "Account nonces that are not used up", report.in_flight as f64),
        ("attempts_unknown", "Of those, with bytes of unknown fate", report.unknown as f64),
        ("spend_today_ether", "Reserved or spent of the day's budget", ether(report.used_today)),
        ("spend_limit_ether", "The day's budget", ether(report.limits.per_day)),
        ("sender_floor_ether", "What balances are kept above", ether(report.limits.sender_floor)),
        (
            "finality_stalled",
            "Whether that stands still for an hour",
            flag(report.is_finality_stalled),
        ),
        (
            "block_seconds",
            "The time from block to block, as measured",
            report.block_millis as f64 / 1e3,
        ),
    ] {
        numbers.add(name, help, chain_id, value);
    }
    for (part, paid) in
        [("gas", report.paid.gas), ("l1", report.paid.l1), ("operator", report.paid.operator)]
    {
        let labels = vec![("chain", chain_id.to_string()), ("part", part.to_owned())];
        let help = "What account nonces settled since the start did cost, by what it was for";
        numbers.put("fees_paid_ether", help, labels, ether(paid));
    }
    if let Some(finalized) = report.finalized {
        let help = "The last block that nodes say is final";
        numbers.add("finalized_number", help, chain_id, finalized as f64);
    }
    for (status, count) in &report.proposals {
        let labels = vec![("chain", chain_id.to_string()), ("status", (*status).to_owned())];
        let help = "Proposals that the engine looks after";
        numbers.put("proposals", help, labels, *count as f64);
    }
    for sender in &report.senders {
        let address = sender.address.to_checksum(None);
        let labels = vec![("chain", chain_id.to_string()), ("sender", address)];
        if let Some(balance) = sender.balance {
            let help = "What a sender has";
            numbers.put("sender_balance_ether", help, labels, ether(balance));
        }
    }
}

/// Wei as ether, as exactly as a float can.
fn ether(wei: U256) -> f64 {
    plain(wei, ETHER_DECIMALS).parse().unwrap_or(f64::INFINITY)
}

/// The unit that a name ends with, if it does, and the name without it, as a registry wants both.
fn unit_of(name: &'static str) -> Option<(&'static str, Unit)> {
    let (stem, unit) = name.rsplit_once('_')?;
    let unit = match unit {
        "seconds" => Unit::Seconds,
        "ether" => Unit::Other(unit.to_owned()),
        _ => return None,
    };
    Some((stem, unit))
}

/// Numbers that were looked up.
#[derive(Default)]
struct Numbers {
    families: Vec<(&'static str, &'static str, Family<Labels, Number>)>,
    audit_head: Option<String>,
}

impl Numbers {
    fn add(&mut self, name: &'static str, help: &'static str, chain_id: u64, value: f64) {
        self.put(name, help, vec![("chain", chain_id.to_string())], value);
    }

    fn put(&mut self, name: &'static str, help: &'static str, labels: Labels, value: f64) {
        let place = match self.families.iter().position(|(known, ..)| *known == name) {
            Some(place) => place,
            None => {
                self.families.push((name, help, Family::default()));
                self.families.len() - 1
            }
        };
        self.families[place].2.get_or_create(&labels).set(value);
    }

    fn registry(self) -> Registry {
        let mut registry = Registry::with_prefix(PREFIX);
        for (name, help, family) in self.families {
            match unit_of(name) {
                Some((name, unit)) => registry.register_with_unit(name, help, unit, family),
                None => registry.register(name, help, family),
            }
        }
        if let Some(head) = self.audit_head {
            let head = Info::new(vec![("hash", head)]);
            registry.register("audit_head", "The hash of the last row of the audit log", head);
        }
        registry
    }
}
