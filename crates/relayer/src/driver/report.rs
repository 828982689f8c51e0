//! What an engine tells of itself, for those who watch over it.

use crate::{
    State,
    attempt::AttemptState,
    budget::Limits,
    event::Header,
    state::PaidSums,
    status::{Status, StatusWord},
};
use alloy::primitives::{Address, B256, U256};
use std::collections::BTreeMap;

/// What an engine knows, as of the last second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whether it has the lease: without, it does nothing.
    pub is_leading: bool,
    /// Whether the operator paused it.
    pub is_paused: bool,
    /// Whether the chain is out of reach for too long.
    pub is_rpc_down: bool,
    /// The head that it follows.
    pub head: Option<Header>,
    /// When it was told of that head, in Unix seconds.
    pub head_at: u64,
    /// How many of the proposals that it looks after are in which status.
    pub proposals: BTreeMap<&'static str, usize>,
    /// Since when the proposal that is ready for longest is, in Unix seconds; as far as this engine saw it.
    pub ready_since: Option<u64>,
    /// How many account nonces were taken and are not used up.
    pub in_flight: usize,
    /// How many of them have a last attempt of which nobody knows whether it is on its way.
    pub unknown: usize,
    /// The accounts that send.
    pub senders: Vec<SenderReport>,
    /// What is reserved or spent of the day's budget, in wei.
    pub used_today: U256,
    /// What may be spent.
    pub limits: Limits,
    /// What account nonces that were settled since this engine began did cost.
    pub paid: PaidSums,
    /// The last block that nodes say is final; none where they tell nothing true.
    pub finalized: Option<u64>,
    /// Whether that stands still for too long, while blocks come.
    pub is_finality_stalled: bool,
    /// The time from block to block as it is taken, in milliseconds.
    pub block_millis: u64,
}

/// What is known of an account that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// The account.
    pub address: Address,
    /// Wei; none while it was not read.
    pub balance: Option<U256>,
    /// How many of its account nonces are open.
    pub open: usize,
}

/// Since when proposals are ready.
#[derive(Debug, Default)]
pub(super) struct Readiness(BTreeMap<B256, u64>);

impl Readiness {
    /// Notes what is ready now; since when the longest is.
    fn note(&mut self, state: &State) -> Option<u64> {
        let is_ready = |digest: &B256| {
            let found = state.proposals().get(digest);
            found.is_some_and(|proposal| matches!(proposal.status, Status::Ready { .. }))
        };
        self.0.retain(|digest, _| is_ready(digest));
        for digest in state.proposals().keys().filter(|digest| is_ready(digest)) {
            self.0.entry(*digest).or_insert(state.clock);
        }
        self.0.values().min().copied()
    }
}

impl Report {
    pub(super) fn of(state: &State, readiness: &mut Readiness) -> Self {
        let mut proposals: BTreeMap<_, _> =
            StatusWord::ALL.into_iter().map(|word| (word.name(), 0)).collect();
        for proposal in state.proposals().values() {
            *proposals.entry(proposal.status.name()).or_default() += 1;
        }
        let open = |slots: &BTreeMap<u64, crate::attempt::Slot>| {
            slots.values().filter(|slot| slot.is_open()).count()
        };
        let senders = state.senders().iter().map(|(&address, sender)| SenderReport {
            address,
            balance: sender.is_known.then_some(sender.balance),
            open: open(&sender.slots),
        });
        let senders: Vec<_> = senders.collect();
        let slots = state.senders().values().flat_map(|sender| sender.slots.values());
        let unknown = slots.filter(|slot| {
            let latest = slot.latest().filter(|_| slot.is_open());
            latest.is_some_and(|attempt| attempt.state == AttemptState::Unknown)
        });
        Self {
            is_leading: state.is_leading,
            is_paused: state.is_paused,
            is_rpc_down: state.is_rpc_down(),
            head: state.history().head().copied(),
            head_at: state.last_head_at,
            proposals,
            ready_since: readiness.note(state),
            in_flight: senders.iter().map(|sender| sender.open).sum(),
            unknown: unknown.count(),
            senders,
            used_today: state.ledger().of_day(state.today()),
            limits: *state.limits(),
            paid: state.paid(),
            finalized: state.finality().finalized,
            is_finality_stalled: state.is_finality_stalled(),
            block_millis: state.block_millis(),
        }
    }
}
