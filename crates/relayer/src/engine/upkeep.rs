//! What is on its way is kept moving: sent again, bumped, freed. Neither pause nor budgets stop this: each attempt reserves
//! what it bids beyond those before it, whatever the budget says.
//!
//! Only what offers too little, or was left out of blocks, is ever answered with a higher fee.

use super::{Step, flight::Flights};
use crate::{
    attempt::{Attempt, AttemptState, Draft, Kind, Purpose, SentAt, Slot},
    budget::Charge,
    effect::{Alarm, Effect, FreeCause},
    event::Rejection,
    fees::{self, Fees},
    state::Sender,
};
use alloy::primitives::{Address, Bytes};

/// From how many refusals in a row on for offering too little, without a number, twice as much is offered.
const REFUSALS_TO_DOUBLE: u32 = 2;

/// What an account nonce needs.
enum Need {
    Attempt(Box<Draft>, Option<FreeCause>),
    /// It would need one, and may not offer more.
    Capped,
}

/// How an attempt differs from the one that it takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    /// It offers more.
    Fee,
    /// It allows more gas, at the same fees.
    Gas,
}

impl Step {
    /// Starts the next bump or no-op of every sender that has no other work.
    pub(super) fn keep_up(&mut self, flights: &Flights) {
        for address in self.state.settings.senders.clone() {
            let Some(sender) = self.state.senders.get(&address) else { continue };
            if sender.work.is_some() || !sender.is_known {
                continue;
            }
            let mut capped = Vec::new();
            let mut found = None;
            for (nonce, need) in self.needs(address, sender, flights) {
                match need {
                    Need::Capped => capped.push(nonce),
                    Need::Attempt(draft, cause) => {
                        found = Some((draft, cause));
                        break;
                    }
                }
            }
            for nonce in capped {
                self.report_cap(address, nonce);
            }
            if let Some((draft, cause)) = found {
                if let Some(cause) = cause {
                    let (sender, account_nonce) = (address, draft.account_nonce);
                    self.effects.push(Effect::FreeNonce { sender, account_nonce, cause });
                }
                self.start_work(address, vec![*draft]);
            }
        }
    }

    /// What the account nonces of a sender need, the lowest first.
    fn needs<'a>(
        &'a self,
        address: Address,
        sender: &'a Sender,
        flights: &'a Flights,
    ) -> impl Iterator<Item = (u64, Need)> + 'a {
        let last = sender.slots.keys().next_back().copied();
        let end = last.map_or(sender.account_nonce, |last| last.saturating_add(1));
        let mut is_first = true;
        (sender.account_nonce..end).filter_map(move |nonce| {
            let Some(slot) = sender.slots.get(&nonce) else {
                // Until it is known what gas that takes, it waits.
                let draft = self.fill_gap(address, nonce)?;
                return Some((nonce, Need::Attempt(Box::new(draft), Some(FreeCause::Gap))));
            };
            if !slot.is_open() {
                return None;
            }
            let is_lowest = std::mem::replace(&mut is_first, false);
            let latest = slot.latest()?;
            let cause = flights.cause((address, nonce)).filter(|_| !latest.kind.is_noop());
            let (kind, more) = match cause {
                Some(_) => (Kind::Noop, More::Fee),
                None if !self.may_send(slot, latest) => return None,
                None if wants_gas(sender, slot, latest) => (latest.kind, More::Gas),
                None if self.is_bump_due(latest, is_lowest) => (latest.kind, More::Fee),
                None => return None,
            };
            if kind.is_noop() && sender.noop.is_none() {
                return None;
            }
            let draft = self.replace((address, nonce), sender, slot, (kind, more));
            let need = draft.map_or(Need::Capped, |draft| Need::Attempt(Box::new(draft), cause));
            Some((nonce, need))
        })
    }

    /// Whether it offers too little, or blocks went by that could have included it, and did not. What is refused for
    /// anything else is not: no fee would help.
    fn is_bump_due(&self, latest: &Attempt, is_lowest: bool) -> bool {
        let Some(sent) = latest.first_sent else { return false };
        let missed = self.state.head_number().saturating_sub(sent.block);
        match latest.refusal {
            Some(Rejection::Underpriced(_)) => {
                let waited = self.state.clock.saturating_sub(sent.clock);
                missed > 0 || waited >= self.state.secs(1).max(1)
            }
            Some(_) => false,
            None => {
                let base_fee = self.state.history.head().map_or(0, |head| head.base_fee_per_gas);
                // Only the lowest can be blamed on its fee, unless the fee is below what any block takes.
                let may_matter = is_lowest || latest.fees.max_fee_per_gas() < base_fee;
                let settings = &self.state.settings;
                let most = settings.bump_after_blocks.max(1);
                may_matter && missed >= self.state.blocks(most, settings.bump_after_secs)
            }
        }
    }

    /// The attempt that takes the place of the latest, if it may offer enough.
    fn replace(
        &self,
        (address, account_nonce): (Address, u64),
        sender: &Sender,
        slot: &Slot,
        (kind, more): (Kind, More),
    ) -> Option<Draft> {
        let latest = slot.latest()?;
        let (to, data, gas_limit, rollup_fee, ceiling) = if kind.is_noop() {
            let noop = sender.noop?;
            (address, Bytes::new(), noop.gas_limit, noop.rollup_fee, slot.ceiling)
        } else {
            let ceiling = fees::payload_ceiling(slot.ceiling)?;
            let gas_limit = slot.wanted_gas.unwrap_or(0).max(slot.gas_limit);
            (slot.to, slot.data.clone(), gas_limit, slot.rollup_fee, ceiling)
        };
        let fees = match more {
            More::Fee => latest.fees.bumped(self.wanted_fees(slot, latest), ceiling)?,
            More::Gas => latest.fees,
        };
        let worst = fees::worst_case(gas_limit, fees, rollup_fee);
        if more == More::Gas && worst > self.state.limits.per_transaction {
            return None;
        }
        // Whichever of its attempts is mined.
        let charge = Charge { amount: worst.max(slot.reserved.amount), ..slot.reserved };
        Some(Draft {
            sender: address,
            account_nonce,
            number: u32::try_from(slot.attempts.len()).ok()?,
            purpose: slot.purpose,
            kind,
            to,
            data,
            gas_limit,
            fees,
            ceiling: slot.ceiling,
            rollup_fee,
            charge,
        })
    }

    /// What the attempt after `latest` should offer: what the market asks for, and what nodes named; where they name
    /// nothing and go on refusing, twice as much.
    fn wanted_fees(&self, slot: &Slot, latest: &Attempt) -> Fees {
        let wanted = self.market().at_least(slot.least);
        let is_unnamed = slot.least == Default::default();
        if slot.fee_refusals < REFUSALS_TO_DOUBLE || !is_unnamed {
            return wanted;
        }
        let doubled = latest.fees.doubled();
        Fees::new(
            wanted.max_fee_per_gas().max(doubled.max_fee_per_gas()),
            wanted.max_priority_fee_per_gas().max(doubled.max_priority_fee_per_gas()),
        )
    }

    fn fill_gap(&self, sender: Address, account_nonce: u64) -> Option<Draft> {
        let limits = &self.state.limits;
        let needs = self.state.senders.get(&sender)?.noop?;
        let (gas_limit, rollup_fee) = (needs.gas_limit, needs.rollup_fee);
        let (most, cap) = (limits.per_transaction, limits.max_fee_per_gas);
        let ceiling = fees::ceiling_within(gas_limit, rollup_fee, most, cap);
        let fees = self.market().capped(ceiling);
        let amount = fees::worst_case(gas_limit, fees, rollup_fee);
        Some(Draft {
            sender,
            account_nonce,
            number: 0,
            purpose: Purpose::Gap,
            kind: Kind::Noop,
            to: sender,
            data: Bytes::new(),
            gas_limit,
            fees,
            ceiling,
            rollup_fee,
            charge: Charge { day: self.state.today(), wallet: None, amount },
        })
    }

    /// What transactions have to offer now.
    pub(super) fn market(&self) -> Fees {
        let base_fee = self.state.history.head().map_or(0, |head| head.base_fee_per_gas);
        Fees::market(base_fee, self.state.tip)
    }

    fn report_cap(&mut self, sender: Address, account_nonce: u64) {
        let account = self.state.senders.get_mut(&sender);
        let Some(slot) = account.and_then(|s| s.slots.get_mut(&account_nonce)) else { return };
        if !std::mem::replace(&mut slot.is_capped, true) {
            self.alarm(Alarm::FeeCapReached { sender, account_nonce });
        }
    }

    /// Sends the latest attempts that were not sent yet, whose fate is unknown, or that were not sent for some
    /// blocks: a node may have dropped them whatever it said.
    pub(super) fn send_due(&mut self, flights: &Flights) {
        let now = SentAt { block: self.state.head_number(), clock: self.state.clock };
        let mut due = Vec::new();
        for (&address, sender) in &self.state.senders {
            for (&nonce, slot) in &sender.slots {
                let Some(latest) = slot.latest().filter(|_| slot.is_open()) else { continue };
                let is_wanted = latest.kind.is_noop() || flights.cause((address, nonce)).is_none();
                if is_wanted
                    && slot.passed.is_none()
                    && self.may_send(slot, latest)
                    && self.is_send_due(latest, now)
                {
                    due.push((address, nonce));
                }
            }
        }
        for (address, nonce) in due {
            let slot = self.state.senders.get_mut(&address).and_then(|s| s.slots.get_mut(&nonce));
            let Some(attempt) = slot.and_then(|slot| slot.attempts.last_mut()) else { continue };
            let (tx_hash, raw) = (attempt.tx_hash, attempt.raw.clone());
            attempt.last_sent = Some(now);
            self.effects.push(match attempt.first_sent {
                Some(_) => Effect::Rebroadcast { tx_hash, raw },
                None => Effect::Broadcast { tx_hash, raw },
            });
            attempt.first_sent.get_or_insert(now);
        }
    }

    fn is_send_due(&self, latest: &Attempt, now: SentAt) -> bool {
        let Some(sent) = latest.last_sent else { return true };
        let settings = &self.state.settings;
        let is_refused = latest.refusal.is_some();
        let is_unknown = latest.state == AttemptState::Unknown && !is_refused;
        let blocks = if is_unknown {
            1
        } else {
            let most = settings.rebroadcast_blocks.max(1);
            self.state.blocks(most, settings.rebroadcast_secs)
        };
        let times = if is_unknown { 1 } else { settings.rebroadcast_blocks.max(1) };
        let patience = settings.resend_secs.max(1).saturating_mul(times);
        let secs = now.clock.saturating_sub(sent.clock);
        now.block >= sent.block.saturating_add(blocks)
            || ((is_unknown || is_refused) && secs >= patience)
    }

    /// Whether the deadline allows to send it: a no-op always, a payload not after it, and for the first time
    /// not within two blocks of it.
    fn may_send(&self, slot: &Slot, latest: &Attempt) -> bool {
        let Purpose::Execute { digest, .. } = slot.purpose else { return true };
        if latest.kind.is_noop() {
            return true;
        }
        let Some(tracked) = self.state.proposals.get(&digest) else { return false };
        let deadline = tracked.request.deadline;
        self.state.latest_time() <= deadline && (slot.was_sent() || !self.state.is_near(deadline))
    }
}

/// Whether the latest attempt is refused for its gas limit, and a higher one is known.
fn wants_gas(sender: &Sender, slot: &Slot, latest: &Attempt) -> bool {
    let wanted = match latest.kind.is_noop() {
        true => sender.noop.map(|noop| noop.gas_limit),
        false => slot.wanted_gas,
    };
    matches!(latest.refusal, Some(Rejection::GasTooLow { .. }))
        && wanted.is_some_and(|wanted| wanted > latest.gas_limit)
}
