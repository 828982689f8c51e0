//! What goes wrong with an endpoint in a storm.

use quorate_lab::proxy::{Fault, Faults, HttpError, Nothing, Refusal};
use std::time::Duration;

/// A kind of fault, with the name it has in the report.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// This fault, at the rate.
    Struck(Fault),
    /// So many requests in a second are answered, by rate; this fault strikes what is beyond.
    Limited(Fault, [u32; 3]),
}

/// All kinds.
pub const ALL: [Kind; 20] = [
    struck("replies lost", Fault::LoseReply),
    struck("requests lost", Fault::LoseRequest),
    struck("a gateway's page with HTTP 200", Fault::GarbleReply),
    struck("JSON that ends in the middle", Fault::Truncate),
    struck("another id", Fault::WrongId),
    struck("answers of other requests", Fault::OtherAnswer),
    struck("empty answers", Fault::Empty(Nothing::Fitting)),
    struck("null", Fault::Empty(Nothing::Null)),
    struck("half of the answer", Fault::Partial),
    struck("HTTP 200 with error 429", Fault::Refuse(Refusal::TOO_MANY)),
    struck("refused, -32001", Fault::Refuse(Refusal::NOT_WHITELISTED)),
    struck("refused, -32601", Fault::Refuse(Refusal::NO_SUCH_METHOD)),
    struck("refused, -32603", Fault::Refuse(Refusal::INTERNAL)),
    struck("HTTP 503, HTML", Fault::Http(HttpError::html(503))),
    struck(
        "HTTP 429, JSON-RPC, Retry-After",
        Fault::Http(HttpError::json_rpc(429, Refusal::LIMIT_EXCEEDED).retry_after(1)),
    ),
    struck("HTTP 500, JSON-RPC", Fault::Http(HttpError::json_rpc(500, Refusal::INTERNAL))),
    struck("2 blocks behind", Fault::Behind(2)),
    struck("indexing for 1 s", Fault::Indexing(1_000)),
    struck("hanging", Fault::Hang),
    limited(
        "limited a second",
        Fault::Http(HttpError::json_rpc(429, Refusal::LIMIT_EXCEEDED)),
        [40, 20, 10],
    ),
];

/// Those that are tried in a minute.
pub const QUICK: [&str; 6] = [
    "empty answers",
    "half of the answer",
    "HTTP 200 with error 429",
    "HTTP 503, HTML",
    "answers of other requests",
    "2 blocks behind",
];

const fn struck(name: &'static str, fault: Fault) -> Kind {
    Kind { name, what: What::Struck(fault) }
}

const fn limited(name: &'static str, fault: Fault, per_second: [u32; 3]) -> Kind {
    Kind { name, what: What::Limited(fault, per_second) }
}

impl Kind {
    /// The faults, of one method or of all.
    pub(super) fn faults(&self, per_mille: u32, method: Option<&'static str>) -> Faults {
        let none = Faults::none(u64::from(per_mille));
        match self.what {
            What::Struck(fault) => none.with(fault, per_mille, method),
            What::Limited(fault, per_second) => {
                none.beyond(fault, per_second[place(per_mille)], method)
            }
        }
    }

    /// A rate in words.
    pub(super) fn rate_name(&self, per_mille: u32) -> String {
        match self.what {
            What::Struck(_) => format!("0.{}", per_mille / 100),
            What::Limited(_, per_second) => format!("{}", per_second[place(per_mille)]),
        }
    }

    /// How long it may take until something is executed, by the rate; longer where the program starts `anew`, and where each
    /// request that is struck is waited for.
    pub(super) const fn patience(&self, per_mille: u32, anew: bool) -> Duration {
        let is_slow = matches!(self.what, What::Struck(Fault::Hang));
        let secs = match (is_slow, per_mille) {
            (false, ..=500) => 20,
            (false, _) => 60,
            (true, ..=500) => 60,
            (true, _) => 240,
        };
        Duration::from_secs(if anew { 3 * secs } else { secs })
    }

    /// Whether an operator is to be told: not of answers that another endpoint might give too.
    pub(super) const fn is_told(&self) -> bool {
        !matches!(self.what, What::Struck(Fault::Behind(_) | Fault::Indexing(_)))
    }

    /// How often the relayer asks for the head: a provider that limits requests is not asked twenty times a second.
    pub(super) const fn poll_millis(&self) -> u64 {
        match self.what {
            What::Struck(_) => 100,
            What::Limited(..) => 500,
        }
    }
}

/// The place of a rate among the rates.
const fn place(per_mille: u32) -> usize {
    match per_mille {
        ..=100 => 0,
        101..=500 => 1,
        _ => 2,
    }
}
