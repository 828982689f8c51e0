//! What an endpoint turned out not to do, and what is done without it.

use crate::endpoint::Fault;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Several transactions simulated one after the other.
pub const SIMULATE: &str = "eth_simulateV1";

/// The receipts of a whole block.
pub const BLOCK_RECEIPTS: &str = "eth_getBlockReceipts";

/// What others pay.
pub const FEE_HISTORY: &str = "eth_feeHistory";

/// The tip that the endpoint would offer.
pub const PRIORITY_FEE: &str = "eth_maxPriorityFeePerGas";

/// State after a block that is named by its hash (EIP-1898).
pub const STATE_BY_HASH: &str = "state by block hash (EIP-1898)";

/// The events of a block that is named by its hash (EIP-234).
pub const LOGS_BY_HASH: &str = "eth_getLogs by block hash (EIP-234)";

/// As many requests as it gets: it wanted fewer a moment ago.
pub const ALL_REQUESTS: &str = "as many requests";

/// An answer to each request: some were answered a moment ago with something that is none, or a part of one.
pub const ALL_ANSWERS: &str = "an answer each time";

/// All events of a block: it left some out a moment ago.
pub const ALL_EVENTS: &str = "all events";

/// For how long what happened a moment ago did so.
const MOMENT: Duration = Duration::from_secs(120);

/// A question in a transaction that pays fees, from an account that is taken to have the ether for them.
pub const CALL_OVERRIDE: &str = "eth_call with fees and state overrides";

/// The gas of a transaction that pays fees, by an account that is taken to have the ether for them.
pub const ESTIMATE_OVERRIDE: &str = "eth_estimateGas with fees and state overrides";

/// The gas of a call on top of a block.
pub const ESTIMATE_AT: &str = "eth_estimateGas on top of a block";

/// After how long what is missing is tried again, at first and at last.
const FIRST_AGAIN: Duration = Duration::from_secs(60);
const LAST_AGAIN: Duration = Duration::from_secs(16 * 60);

/// After how many refusals in a row that do not say so something counts as missing.
const REFUSALS: u32 = 3;

/// Something that an endpoint does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Host and port of the endpoint.
    pub endpoint: String,
    /// The method, or one of the constants of this module.
    pub what: &'static str,
    /// What the endpoint wrote, escaped.
    pub reason: String,
}

impl Lack {
    /// What is done without it; none if nothing can be.
    pub fn way(&self) -> Option<&'static str> {
        way(self.what)
    }
}

/// What is done without something; none if nothing can be.
pub(crate) fn way(what: &str) -> Option<&'static str> {
    match what {
        SIMULATE => Some("nothing is pipelined"),
        BLOCK_RECEIPTS => Some("receipts are read one by one"),
        FEE_HISTORY => Some("the tip is what the endpoint suggests"),
        PRIORITY_FEE => Some("the tip is what others pay"),
        STATE_BY_HASH => Some("accounts are read by number, between two looks at the block's hash"),
        LOGS_BY_HASH => Some("events are read by number, between two looks at the block's hash"),
        CALL_OVERRIDE => Some("contracts are asked without fees"),
        ESTIMATE_OVERRIDE => Some("gas is estimated with the ether that the sender has"),
        ESTIMATE_AT => Some("gas is estimated on top of the newest block"),
        ALL_REQUESTS => Some("it is asked less, others first"),
        ALL_ANSWERS => Some("it is asked again, others first"),
        ALL_EVENTS => Some("they are looked for elsewhere, in receipts, and by asking the wallets"),
        "eth_getBlockByHash" => Some("blocks are read by number, and their hashes compared"),
        _ => None,
    }
}

/// What one endpoint does not do, as far as it was asked.
#[derive(Debug, Default)]
pub(crate) struct Lacks {
    known: Mutex<BTreeMap<&'static str, Known>>,
    moments: Mutex<Moments>,
    /// What it did at least once.
    did: Mutex<BTreeSet<&'static str>>,
}

/// What happened a moment ago, until when that is a moment ago, and what the endpoint wrote.
type Moments = BTreeMap<&'static str, (Instant, String)>;

#[derive(Debug, Default)]
struct Known {
    /// How many refusals there were in a row.
    refusals: u32,
    /// How often it was found missing.
    found: u32,
    /// Until when it is not asked for; none if it is not missing.
    until: Option<Instant>,
    reason: String,
}

impl Lacks {
    /// Whether to ask for it: not while it is missing, but for a try now and then.
    pub(crate) fn may_ask(&self, what: &'static str) -> bool {
        let mut known = self.known();
        let Some(known) = known.get_mut(what) else { return true };
        let is_due = known.until.is_none_or(|until| until <= Instant::now());
        if is_due && known.until.is_some() {
            // One tries; the others wait for what comes of it.
            known.until = Some(Instant::now() + FIRST_AGAIN);
        }
        is_due
    }

    /// Whether it was done before.
    pub(crate) fn did(&self, what: &'static str) -> bool {
        self.did.lock().unwrap_or_else(PoisonError::into_inner).contains(what)
    }

    /// Notes that it was done.
    pub(crate) fn worked(&self, what: &'static str) {
        self.did.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
        let mut all = self.known();
        if let Some(known) = all.get_mut(what) {
            known.refusals = 0;
            known.until = None;
        }
    }

    /// Notes that it was refused.
    pub(crate) fn refused(&self, what: &'static str, fault: &Fault) {
        self.note(what, fault.is_missing(), fault.reason());
    }

    /// Notes that it is missing.
    pub(crate) fn missing(&self, what: &'static str, fault: &Fault) {
        self.note(what, true, fault.reason());
    }

    fn note(&self, what: &'static str, is_missing: bool, reason: String) {
        let mut all = self.known();
        let known = all.entry(what).or_default();
        known.refusals = known.refusals.saturating_add(1);
        if is_missing || known.refusals >= REFUSALS {
            let again = FIRST_AGAIN.saturating_mul(1 << known.found.min(8)).min(LAST_AGAIN);
            known.until = Some(Instant::now() + again);
            known.found = known.found.saturating_add(1);
            known.reason = reason;
        }
    }

    /// Notes something that is forgotten after a moment.
    pub(crate) fn happened(&self, what: &'static str, reason: String) {
        self.moments().insert(what, (Instant::now() + MOMENT, reason));
    }

    /// What is missing, and what the endpoint wrote.
    pub(crate) fn list(&self) -> Vec<(&'static str, String)> {
        let known = self.known();
        let missing = known.iter().filter(|(_, known)| known.until.is_some());
        let mut list: Vec<_> = missing.map(|(what, known)| (*what, known.reason.clone())).collect();
        drop(known);
        let now = Instant::now();
        let mut moments = self.moments();
        moments.retain(|_, (until, _)| *until > now);
        list.extend(moments.iter().map(|(what, (_, reason))| (*what, reason.clone())));
        list
    }

    fn moments(&self) -> MutexGuard<'_, Moments> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<&'static str, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn fault(code: i64, message: &str) -> Fault {
        Fault::Rpc(crate::endpoint::RpcFault {
            code,
            message: message.to_owned(),
            data: None,
            is_of_server: false,
        })
    }

    /// Case 13: what an endpoint lacks is remembered, and tried again now and then.
    #[tokio::test(start_paused = true)]
    async fn what_is_missing_is_asked_for_again_more_and_more_rarely() {
        let lacks = Lacks::default();
        for secs in [60, 120, 240, 480, 960, 960] {
            assert!(lacks.may_ask(SIMULATE));
            lacks.refused(SIMULATE, &fault(-32_601, "gone"));
            assert!(!lacks.may_ask(SIMULATE));
            advance(Duration::from_secs(secs - 1)).await;
            assert!(!lacks.may_ask(SIMULATE), "{secs}");
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(lacks.list(), [(SIMULATE, "gone (code -32601)".to_owned())]);
        assert!(lacks.may_ask(SIMULATE) && !lacks.may_ask(SIMULATE), "one tries");
        lacks.worked(SIMULATE);
        assert!(lacks.may_ask(SIMULATE) && lacks.list().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_happened_is_forgotten_after_a_moment() {
        let lacks = Lacks::default();
        lacks.happened(ALL_REQUESTS, "429".to_owned());
        assert_eq!(lacks.list(), [(ALL_REQUESTS, "429".to_owned())]);
        advance(MOMENT).await;
        assert!(lacks.list().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_says_nothing_counts_when_it_comes_again_and_again() {
        let lacks = Lacks::default();
        let refused = fault(-32_000, "internal error");
        for _ in 0..2 {
            lacks.refused(SIMULATE, &refused);
            lacks.refused(SIMULATE, &refused);
            assert!(lacks.may_ask(SIMULATE) && lacks.list().is_empty());
            lacks.worked(SIMULATE);
        }
        (0..3).for_each(|_| lacks.refused(SIMULATE, &refused));
        assert!(!lacks.may_ask(SIMULATE));
    }
}
