//! What is on its way, wallet by wallet, and which of it can still do what it was meant to do.

use crate::{
    attempt::{End, Purpose, Slot},
    effect::FreeCause,
    event::BlockId,
    state::State,
    wallet::Wallet,
};
use alloy::primitives::{Address, B256};
use quorate_core::{Lane, Nonce};
use std::collections::{BTreeMap, BTreeSet};

/// For how many blocks after a transaction was mined its receipt is waited for before what it leaves behind is judged.
const DOUBT_BLOCKS: u64 = 2;

/// An account nonce of a sender.
pub(super) type Place = (Address, u64);

/// What is on its way for one wallet.
#[derive(Clone, Debug, Default)]
pub(super) struct WalletFlights {
    /// Every account nonce that is open, whatever its latest attempt.
    pub(super) open: Vec<(Place, Purpose)>,
    /// The creation, if its payload is on its way.
    pub(super) creation: Option<Place>,
    /// The executions that can go through, by lane, in the order of their sequences from the next on.
    pub(super) lanes: BTreeMap<Lane, Vec<Place>>,
    /// The proposals that hold an account nonce that is not final: they take no other.
    pub(super) bound: BTreeSet<B256>,
    /// Whether a creation holds an account nonce that is not final.
    pub(super) is_creation_bound: bool,
    /// Whether a reconfiguration is on its way.
    pub(super) has_reconfiguration: bool,
    /// The proposals that an attempt may be on its way for.
    pub(super) carried: BTreeSet<B256>,
    /// The payloads that were mined and have a receipt, whatever they did.
    pub(super) landed: Vec<Landed>,
}

/// A payload that was mined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Landed {
    pub(super) purpose: Purpose,
    pub(super) tx_hash: B256,
    pub(super) block: BlockId,
    pub(super) success: bool,
}

/// What is on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    wallets: BTreeMap<Address, WalletFlights>,
    doomed: BTreeMap<Place, FreeCause>,
}

impl Flights {
    /// Looks through all account nonces.
    pub(super) fn of(state: &State) -> Self {
        let mut flights = Self::default();
        let mut healthy: BTreeMap<Address, BTreeMap<Nonce, Place>> = BTreeMap::new();
        let mut in_doubt = BTreeSet::new();
        for (&sender, account) in &state.senders {
            for (&account_nonce, slot) in &account.slots {
                let place = (sender, account_nonce);
                flights.enter(state, place, slot);
                let is_new = |passed: BlockId| passed.number + DOUBT_BLOCKS > state.head_number();
                if slot.may_execute() && slot.passed.is_some_and(is_new) {
                    // It was mined, and nothing says yet what it did: what is behind it may go through.
                    in_doubt.extend(slot.wallets());
                }
                let Some(wallet) = slot.purpose.wallet() else { continue };
                if !slot.carries_payload() || slot.passed.is_some() {
                    continue;
                }
                match (slot.purpose, own_cause(state, slot)) {
                    (_, Some(cause)) => {
                        flights.doomed.insert(place, cause);
                    }
                    (Purpose::Execute { digest, .. }, None) => {
                        if let Some(tracked) = state.proposals.get(&digest) {
                            let places = healthy.entry(wallet).or_default();
                            places.insert(tracked.request.nonce, place);
                        }
                    }
                    (Purpose::Create { .. }, None) => {
                        flights.wallets.entry(wallet).or_default().creation = Some(place);
                    }
                    (Purpose::Gap, None) => {}
                }
            }
        }
        for (address, places) in healthy {
            if let Some(wallet) = state.wallets.get(&address) {
                let orphans = flights.chain(address, wallet, places);
                if !in_doubt.contains(&address) {
                    let doomed = orphans.into_values().map(|place| (place, FreeCause::Orphaned));
                    flights.doomed.extend(doomed);
                }
            }
        }
        flights
    }

    /// What is on its way for a wallet.
    pub(super) fn of_wallet(&self, wallet: Address) -> Option<&WalletFlights> {
        self.wallets.get(&wallet)
    }

    /// Why the payload of an account nonce is not wanted any more.
    pub(super) fn cause(&self, place: Place) -> Option<FreeCause> {
        self.doomed.get(&place).copied()
    }

    fn enter(&mut self, state: &State, place: Place, slot: &Slot) {
        if let End::Mined { tx_hash, block, receipt: Some(paid) } = slot.end
            && slot.find(tx_hash).is_none_or(|attempt| !attempt.kind.is_noop())
            && let purpose = slot.purpose_of(tx_hash)
            && let Some(wallet) = purpose.wallet()
        {
            let landed = Landed { purpose, tx_hash, block, success: paid.success };
            self.wallets.entry(wallet).or_default().landed.push(landed);
        }
        let is_final = slot.settled.is_some()
            || slot.ended_at().is_some_and(|block| state.is_final(block.number));
        if is_final {
            return;
        }
        // Each payload that ever had the place holds it: whichever is mined, it is this one account nonce.
        for purpose in slot.purposes() {
            let Some(wallet) = purpose.wallet() else { continue };
            let entry = self.wallets.entry(wallet).or_default();
            match purpose {
                Purpose::Execute { digest, .. } => {
                    entry.bound.insert(digest);
                    if slot.may_execute() {
                        entry.carried.insert(digest);
                    }
                    let tracked = state.proposals.get(&digest);
                    entry.has_reconfiguration |=
                        slot.is_open() && tracked.is_some_and(|t| t.is_reconfiguration());
                }
                Purpose::Create { .. } => entry.is_creation_bound = true,
                Purpose::Gap => {}
            }
            if slot.is_open() {
                entry.open.push((place, purpose));
            }
        }
    }

    /// Finds the executions that follow one another from the next sequence on, each after the one before on
    /// the same sender; returns the others, which cannot go through.
    fn chain(
        &mut self,
        address: Address,
        wallet: &Wallet,
        mut places: BTreeMap<Nonce, Place>,
    ) -> BTreeMap<Nonce, Place> {
        if !wallet.is_settled() {
            return BTreeMap::new();
        }
        let entry = self.wallets.entry(address).or_default();
        let lanes: BTreeSet<Lane> = places.keys().map(|nonce| nonce.lane).collect();
        for lane in lanes {
            let Some(next) = wallet.find_next(lane) else {
                // As after a restart: what goes before them is not known yet.
                places.retain(|nonce, _| nonce.lane != lane);
                continue;
            };
            let mut before = if wallet.now().is_deployed { None } else { entry.creation };
            let is_possible = wallet.now().is_deployed || before.is_some();
            let mut chain = Vec::new();
            for sequence in next..=u64::MAX {
                let nonce = Nonce::new(lane, sequence);
                let Some(&place) = places.get(&nonce) else { break };
                let follows = before.is_none_or(|(s, n)| s == place.0 && n < place.1);
                if !is_possible || !follows {
                    break;
                }
                places.remove(&nonce);
                chain.push(place);
                before = Some(place);
            }
            if !chain.is_empty() {
                entry.lanes.insert(lane, chain);
            }
        }
        places
    }
}

/// Why a payload cannot do what it was meant to do, whatever goes before it.
fn own_cause(state: &State, slot: &Slot) -> Option<FreeCause> {
    if slot.is_invalid {
        return Some(FreeCause::Invalid);
    }
    let Purpose::Execute { wallet, digest } = slot.purpose else { return None };
    let (wallet, tracked) = (state.wallets.get(&wallet)?, state.proposals.get(&digest)?);
    let request = &tracked.request;
    if state.head_time() > request.deadline {
        return Some(FreeCause::Expired);
    }
    if !slot.was_sent() && state.is_near(request.deadline) {
        return Some(FreeCause::Expired);
    }
    if !wallet.is_settled() {
        return None;
    }
    let is_consumed =
        wallet.find_next(request.nonce.lane).is_some_and(|next| next > request.nonce.sequence);
    if is_consumed || wallet.now().epoch > request.epoch {
        return Some(FreeCause::Overtaken);
    }
    None
}
