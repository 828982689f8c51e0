//! What is on its way is kept moving: sent again, bumped, freed. Neither pause nor budgets stop this, since
//! all of it was reserved when the account nonce was taken.

use super::{Step, flight::Flights};
use crate::{
    attempt::{Attempt, AttemptState, Draft, Kind, Purpose, SentAt, Slot},
    budget::Charge,
    effect::{Alarm, Effect, FreeCause},
    event::Rejection,
    fees::{self, Fees, NOOP_GAS},
    state::Sender,
};
use alloy::primitives::{Address, Bytes};

/// What an account nonce needs.
enum Need {
    Attempt(Box<Draft>, Option<FreeCause>),
    /// It would need one, and may not offer more.
    Capped,
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
                let draft = self.fill_gap(address, nonce);
                return Some((nonce, Need::Attempt(Box::new(draft), Some(FreeCause::Gap))));
            };
            if !slot.is_open() {
                return None;
            }
            let is_lowest = std::mem::replace(&mut is_first, false);
            let latest = slot.latest()?;
            let cause = flights.cause((address, nonce)).filter(|_| !latest.kind.is_noop());
            let need = match cause {
                Some(_) => self.replace(address, nonce, slot, latest, Kind::Noop),
                None if self.is_bump_due(latest, is_lowest) && self.may_send(slot, latest) => {
                    self.replace(address, nonce, slot, latest, latest.kind)
                }
                None => return None,
            };
            let need = need.map_or(Need::Capped, |draft| Need::Attempt(Box::new(draft), cause));
            Some((nonce, need))
        })
    }

    /// Whether blocks went by that could have included it, and did not.
    fn is_bump_due(&self, latest: &Attempt, is_lowest: bool) -> bool {
        let Some(sent) = latest.first_sent else { return false };
        let missed = self.state.head_number().saturating_sub(sent.block);
        let base_fee = self.state.history.head().map_or(0, |head| head.base_fee_per_gas);
        let is_underpriced = latest.state == AttemptState::Rejected(Rejection::Underpriced);
        // Only the lowest can be blamed on its fee, unless the fee is below what any block takes.
        let may_matter = is_lowest || latest.fees.max_fee_per_gas() < base_fee;
        (is_underpriced && missed > 0)
            || (may_matter && missed >= self.state.settings.bump_after_blocks.max(1))
    }

    /// The attempt that takes the place of the latest, if it may offer enough.
    fn replace(
        &self,
        sender: Address,
        account_nonce: u64,
        slot: &Slot,
        latest: &Attempt,
        kind: Kind,
    ) -> Option<Draft> {
        let (to, data, gas_limit, ceiling) = match kind {
            Kind::Noop => (sender, Bytes::new(), NOOP_GAS, slot.ceiling),
            Kind::Execute | Kind::Create => {
                let ceiling = fees::payload_ceiling(slot.ceiling)?;
                (slot.to, slot.data.clone(), slot.gas_limit, ceiling)
            }
        };
        let fees = latest.fees.bumped(self.market(), ceiling)?;
        let number = u32::try_from(slot.attempts.len()).ok()?;
        let (purpose, charge, ceiling) = (slot.purpose, slot.reserved, slot.ceiling);
        Some(Draft {
            sender,
            account_nonce,
            number,
            purpose,
            kind,
            to,
            data,
            gas_limit,
            fees,
            ceiling,
            charge,
        })
    }

    fn fill_gap(&self, sender: Address, account_nonce: u64) -> Draft {
        let limits = &self.state.limits;
        let cap = limits.max_fee_per_gas;
        let ceiling = fees::ceiling_within(NOOP_GAS, limits.per_transaction, cap);
        let amount = fees::worst_case(NOOP_GAS, ceiling);
        Draft {
            sender,
            account_nonce,
            number: 0,
            purpose: Purpose::Gap,
            kind: Kind::Noop,
            to: sender,
            data: Bytes::new(),
            gas_limit: NOOP_GAS,
            fees: self.market().capped(ceiling),
            ceiling,
            charge: Charge { day: self.state.today(), wallet: None, amount },
        }
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
        let is_unknown = latest.state == AttemptState::Unknown;
        let blocks = if is_unknown { 1 } else { settings.rebroadcast_blocks.max(1) };
        let secs = now.clock.saturating_sub(sent.clock);
        now.block >= sent.block.saturating_add(blocks)
            || (is_unknown && secs >= settings.resend_secs.max(1))
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
        let was_sent = slot.attempts.iter().any(|attempt| attempt.first_sent.is_some());
        self.state.latest_time() <= deadline && (was_sent || !self.state.is_near(deadline))
    }
}
