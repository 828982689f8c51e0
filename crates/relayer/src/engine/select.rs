//! Which proposal of a wallet goes next, and what the others wait for.

use super::{
    Step,
    flight::{Place, WalletFlights},
};
use crate::{
    attempt::Purpose,
    proposal::Tracked,
    settings::PIPELINE_DEPTH,
    state::{Goal, State, Target},
    status::Reason,
    wallet::Wallet,
};
use alloy::primitives::{Address, B256};
use quorate_core::{Lane, Nonce};
use std::{cmp::Reverse, collections::BTreeMap};

/// What a wallet is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// One after the other: what is chosen, behind the creation of the wallet where that is missing, and before what
    /// can go right behind it in its lane.
    pub(super) run: Vec<Goal>,
    pub(super) sender: Address,
    /// The account nonce of that sender whose place it takes, where a no-op cannot be placed.
    pub(super) takes: Option<u64>,
}

/// What each proposal that is not chosen waits for.
pub(super) type Holds = BTreeMap<B256, Option<Reason>>;

/// Where a transaction can go.
#[derive(Clone, Copy, Debug)]
struct Site {
    target: Target,
    sender: Address,
}

/// What the chain says about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// It can still be executed.
    Pending,
    /// The next sequence of its lane is not known.
    UnknownLane,
    /// Its nonce is consumed, and it is not known by what.
    Searching,
    /// It is decided.
    Decided,
}

impl Step {
    /// Looks at the proposals that could be executed. Changes nothing but the order in which they became ready.
    pub(super) fn select(
        &mut self,
        address: Address,
        flights: &WalletFlights,
    ) -> (Option<Choice>, Holds) {
        let mut holds = Holds::new();
        let ready = self.ready(address, flights);
        let Some(wallet) = self.state.wallets.get(&address) else { return (None, holds) };
        if let Some(reason) = self.state.hold_of_wallet(wallet) {
            holds.extend(ready.values().flatten().map(|digest| (*digest, Some(reason))));
            return (None, holds);
        }
        let mut candidates = Vec::new();
        for (nonce, rivals) in &ready {
            candidates.extend(self.state.candidate(wallet, flights, *nonce, rivals, &mut holds));
        }
        candidates.sort_by_key(|(digest, _)| self.state.order(*digest));
        let has_barrier = |digest: &B256| {
            self.state.proposals.get(digest).is_some_and(Tracked::is_reconfiguration)
        };
        let is_first_barrier = candidates.first().is_some_and(|(digest, _)| has_barrier(digest));
        let vacancy = self.state.vacancy_for(wallet, flights);
        // Of what takes a place and what had it before, one is mined: they are not on their way together.
        let is_busy = flights.open.iter().any(|(place, _)| Some(*place) != vacancy);
        let has_simulate_v1 = self.state.settings.has_simulate_v1;
        let is_closed =
            is_busy && (flights.has_reconfiguration || is_first_barrier || !has_simulate_v1);
        let barrier =
            candidates.iter().map(|(digest, _)| *digest).find(|digest| has_barrier(digest));
        let mut choice = None;
        for (index, (digest, forced)) in candidates.into_iter().enumerate() {
            let waits = is_closed || (index > 0 && (is_first_barrier || has_barrier(&digest)));
            if waits {
                holds.insert(digest, Some(Reason::Sequence));
                continue;
            }
            // Whatever it was refused for stays true until it is found otherwise.
            let refused = self.state.proposals.get(&digest).and_then(|tracked| tracked.backoff);
            holds.insert(digest, refused.map(|backoff| backoff.reason));
            if choice.is_none()
                && let Some((sender, account_nonce)) = vacancy
            {
                let run = vec![Goal { target: Target::Execute, digest }];
                choice = Some(Choice { run, sender, takes: Some(account_nonce) });
            } else if choice.is_none() {
                match self.state.place(wallet, flights, forced) {
                    Ok(Some(place)) => {
                        let run = self.state.run(flights, digest, place.target, (&ready, barrier));
                        choice = Some(Choice { run, sender: place.sender, takes: None });
                    }
                    Ok(None) => {}
                    Err(reason) => {
                        holds.insert(digest, Some(reason));
                    }
                }
            }
        }
        (choice, holds)
    }

    /// The proposals with enough signatures that are neither decided nor on their way, by nonce.
    fn ready(&mut self, address: Address, flights: &WalletFlights) -> BTreeMap<Nonce, Vec<B256>> {
        let mut ready: BTreeMap<Nonce, Vec<B256>> = BTreeMap::new();
        let Some(wallet) = self.state.wallets.get(&address) else { return ready };
        for digest in &wallet.proposals {
            let Some(tracked) = self.state.proposals.get_mut(digest) else { continue };
            let is_ready = tracked.has_enough(*digest, wallet);
            let head_time = self.state.history.head().map_or(0, |head| head.timestamp);
            let fact = fact(wallet, tracked, head_time);
            if !is_ready || matches!(fact, Fact::Decided | Fact::Searching) {
                continue;
            }
            if tracked.ready_order.is_none() {
                self.state.next_order = self.state.next_order.saturating_add(1);
                tracked.ready_order = Some(self.state.next_order);
            }
            let is_open = |(_, purpose): &(Place, Purpose)| matches!(purpose, Purpose::Execute { digest: other, .. } if other == digest);
            if fact == Fact::Pending && !flights.open.iter().any(is_open) {
                ready.entry(tracked.request.nonce).or_default().push(*digest);
            }
        }
        ready
    }
}

/// What the chain says about a proposal of this wallet.
pub(super) fn fact(wallet: &Wallet, tracked: &Tracked, head_time: u64) -> Fact {
    let request = &tracked.request;
    let Some(next) = wallet.find_next(request.nonce.lane) else { return Fact::UnknownLane };
    if next > request.nonce.sequence {
        let is_known = wallet.find_execution(request.nonce).is_some();
        return if is_known { Fact::Decided } else { Fact::Searching };
    }
    if wallet.now().epoch > request.epoch || head_time > request.deadline {
        return Fact::Decided;
    }
    Fact::Pending
}

impl State {
    /// Why nothing of a wallet can be sent.
    fn hold_of_wallet(&self, wallet: &Wallet) -> Option<Reason> {
        if self.sender_is_owner(wallet) {
            return Some(Reason::SenderIsOwner);
        }
        if self.is_paused {
            return Some(Reason::Paused);
        }
        // What is known of it may be of a block that was not read here yet: it may not be there before.
        let is_ahead = wallet.base().block > self.head_number();
        (self.is_rpc_down() || !wallet.is_settled() || is_ahead).then_some(Reason::RpcDown)
    }

    /// The place that something of a wallet can take, of which nothing is on its way that could go through: what takes
    /// it comes before everything that is.
    fn vacancy_for(&self, wallet: &Wallet, flights: &WalletFlights) -> Option<Place> {
        let is_free = wallet.now().is_deployed
            && flights.creation.is_none()
            && flights.lanes.values().all(Vec::is_empty);
        let vacancy = self.vacancy().filter(|_| is_free)?;
        // One that others plan to take is theirs.
        let is_planned = self.plans.iter().any(|(address, plan)| {
            plan.takes.is_some_and(|nonce| (plan.sender, nonce) == vacancy)
                && self.wallets.get(address).is_some_and(|other| !std::ptr::eq(other, wallet))
        });
        (!is_planned).then_some(vacancy)
    }

    /// Cancels first, then in the order in which they became ready.
    fn order(&self, digest: B256) -> (u64, B256) {
        let order = self.proposals.get(&digest).and_then(|tracked| tracked.ready_order);
        (order.unwrap_or(u64::MAX), digest)
    }

    /// Which of the rivals for a nonce could go, and on which sender it would have to.
    fn candidate(
        &self,
        wallet: &Wallet,
        flights: &WalletFlights,
        nonce: Nonce,
        rivals: &[B256],
        holds: &mut Holds,
    ) -> Option<(B256, Option<Place>)> {
        let chain = flights.lanes.get(&nonce.lane).map_or(&[][..], Vec::as_slice);
        let cursor = wallet.find_next(nonce.lane)?.saturating_add(chain.len() as u64);
        if nonce.sequence != cursor {
            let is_early = nonce.sequence > cursor;
            let reason = if is_early { Reason::Sequence } else { Reason::Conflict };
            holds.extend(rivals.iter().map(|digest| (*digest, Some(reason))));
            return None;
        }
        let mut first = None;
        for digest in self.in_order(rivals) {
            let own = self.hold_of_proposal(flights, digest);
            let is_free = own.is_none() && first.is_none();
            if is_free {
                first = Some(digest);
            } else {
                holds.insert(digest, Some(own.unwrap_or(Reason::Conflict)));
            }
        }
        let first = first?;
        if chain.len() + usize::from(flights.creation.is_some()) >= PIPELINE_DEPTH {
            holds.insert(first, Some(Reason::Sequence));
            return None;
        }
        Some((first, chain.last().copied()))
    }

    /// Rivals for a nonce, a cancel first, then in the order in which they became ready.
    fn in_order(&self, rivals: &[B256]) -> Vec<B256> {
        let mut rivals = rivals.to_vec();
        let is_cancel = |digest: &B256| self.proposals.get(digest).is_some_and(Tracked::is_cancel);
        rivals.sort_by_key(|digest| (!is_cancel(digest), self.order(*digest)));
        rivals
    }

    /// What can be planned together within the depth of the lane: `first`, and what can go right behind it in its lane.
    /// Of a reconfiguration nothing but that, and nothing that became ready after one that waits; and where nothing can
    /// be simulated on top of other things, nothing but the first transaction.
    fn run(
        &self,
        flights: &WalletFlights,
        first: B256,
        target: Target,
        (ready, barrier): (&BTreeMap<Nonce, Vec<B256>>, Option<B256>),
    ) -> Vec<Goal> {
        let goal = |target, digest| Goal { target, digest };
        let mut run = vec![goal(target, first)];
        if !self.settings.has_simulate_v1 {
            return run;
        }
        if target == Target::Create {
            run.push(goal(Target::Execute, first));
        }
        let Some(tracked) = self.proposals.get(&first) else { return run };
        let Nonce { lane, sequence } = tracked.request.nonce;
        let in_flight = flights.lanes.get(&lane).map_or(0, Vec::len);
        let ahead = in_flight + usize::from(flights.creation.is_some()) + run.len();
        if !tracked.is_reconfiguration() {
            let behind = (1..).map_while(|distance| {
                let nonce = Nonce::new(lane, sequence.checked_add(distance)?);
                let follower = self.follower(flights, ready.get(&nonce)?)?;
                let is_early = |barrier| self.order(follower) < self.order(barrier);
                barrier.is_none_or(is_early).then_some(follower)
            });
            let most = PIPELINE_DEPTH.saturating_sub(ahead);
            run.extend(behind.take(most).map(|digest| goal(Target::Execute, digest)));
        }
        run
    }

    /// Which of the rivals for a nonce could go right behind another execution.
    fn follower(&self, flights: &WalletFlights, rivals: &[B256]) -> Option<B256> {
        let is_free = |digest: &B256| self.hold_of_proposal(flights, *digest).is_none();
        let follower = self.in_order(rivals).into_iter().find(is_free)?;
        (!self.proposals.get(&follower)?.is_reconfiguration()).then_some(follower)
    }

    /// Why a proposal cannot be sent, whatever the others do.
    fn hold_of_proposal(&self, flights: &WalletFlights, digest: B256) -> Option<Reason> {
        let tracked = self.proposals.get(&digest)?;
        if flights.bound.contains(&digest) {
            // What carried it is not final: until then nothing else may.
            return Some(Reason::Simulation);
        }
        if tracked.is_used_up(self.settings.max_failures) {
            return Some(Reason::Budget);
        }
        if self.head_number() < tracked.refused_until {
            // Nodes said that it can never be mined; each time costs a no-op.
            return Some(Reason::Simulation);
        }
        if self.is_near(tracked.request.deadline) {
            return Some(Reason::DeadlineNear);
        }
        let backoff = tracked.backoff.filter(|backoff| {
            // Policies go by the chain's time, which may be ahead.
            let time = match backoff.reason {
                Reason::NotBefore => self.latest_time(),
                _ => self.clock,
            };
            self.head_number() < backoff.until_block && time < backoff.until_clock
        });
        backoff.map(|backoff| backoff.reason)
    }

    /// What to send and from where: the same sender as what has to be mined before. None if that sender is full.
    fn place(
        &self,
        wallet: &Wallet,
        flights: &WalletFlights,
        forced: Option<Place>,
    ) -> Result<Option<Site>, Reason> {
        let is_deployed = wallet.now().is_deployed;
        let target = if is_deployed || flights.creation.is_some() {
            Target::Execute
        } else {
            Target::Create
        };
        if target == Target::Create {
            if wallet.creation.is_none() {
                return Err(Reason::Sequence);
            }
            if flights.is_creation_bound {
                return Err(Reason::Simulation);
            }
            if wallet.failed_creations.len() >= self.settings.max_failures {
                return Err(Reason::Budget);
            }
        }
        let before = forced.or(flights.creation.filter(|_| !is_deployed));
        if let Some((sender, _)) = before {
            return Ok((self.room(sender) > 0).then_some(Site { target, sender }));
        }
        if !self.senders.values().any(|sender| sender.is_known) {
            return Err(Reason::RpcDown);
        }
        let planned = |sender: Address| {
            let plans = self.plans.values().filter(|plan| plan.sender == sender);
            plans.map(|plan| plan.run.len()).sum::<usize>()
        };
        let free = self.senders.keys().filter_map(|&sender| {
            let room = self.room(sender);
            let spare = isize::try_from(room).ok()?.checked_sub_unsigned(planned(sender))?;
            (room > 0).then_some((Reverse(spare), sender))
        });
        Ok(free.min().map(|(_, sender)| Site { target, sender }))
    }

    /// How many more account nonces a sender may have open; none if it is not known how many it has.
    pub(super) fn room(&self, sender: Address) -> usize {
        let Some(account) = self.senders.get(&sender).filter(|account| account.is_known) else {
            return 0;
        };
        let open = account.slots.values().filter(|slot| slot.is_open()).count();
        self.settings.max_open_per_sender.saturating_sub(open)
    }

    /// A lane of `wallet` with a proposal, of which nothing is known.
    pub(super) fn unknown_lane(&self, wallet: &Wallet) -> Option<Lane> {
        let lanes = wallet.proposals.iter().filter_map(|digest| self.proposals.get(digest));
        lanes
            .map(|tracked| tracked.request.nonce.lane)
            .find(|lane| wallet.find_next(*lane).is_none())
    }
}
