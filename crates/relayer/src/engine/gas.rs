//! Refusals, and what is learnt from them: how much gas things need, and what cannot be placed.

use super::{Applied, Step, flight::Place};
use crate::{
    attempt::{Attempt, Purpose, Slot},
    effect::{Alarm, Call, Effect, Ignored},
    event::{Rejection, Sent},
    fees,
    settings::GAS_CAP,
    state::NoopNeeds,
};
use alloy::primitives::{Address, Bytes, U256};

/// At which refusal in a row, for what no fee can cure, somebody is told.
const REFUSALS_TO_TELL: u32 = 2;

/// At which one a payload of which nobody can tell what gas it needs is freed.
const REFUSALS_TO_FREE: u32 = 4;

/// At which one where it may pass by itself.
const REFUSALS_TO_WAIT: u32 = 8;

/// For how many blocks a payload that can never be mined is not tried again at first; twice as many each time.
const REFUSED_BLOCKS: u64 = 16;

impl Step {
    /// Draws the consequences of what was said of the latest attempt of a place.
    pub(super) fn heed(&mut self, (sender, account_nonce): Place, outcome: Sent) {
        let margin = self.state.settings.gas_margin_percent;
        let Some(account) = self.state.senders.get_mut(&sender) else { return };
        let Some(slot) = account.slots.get_mut(&account_nonce) else { return };
        let (rejection, is_proof) = match outcome {
            Sent::Accepted => {
                (slot.refusals, slot.fee_refusals) = (0, 0);
                return;
            }
            Sent::Unknown => return,
            Sent::Rejected(rejection) => (rejection, true),
            Sent::Doubtful(rejection) => (rejection, false),
        };
        let Some(latest) = slot.latest() else { return };
        let (is_noop, gas_limit) = (latest.kind.is_noop(), latest.gas_limit);
        match rejection {
            // What was seen of the account will tell; it may as well have been mined.
            Rejection::NonceTooLow => return,
            Rejection::Underpriced(least) => {
                (slot.fee_refusals, slot.least) = (slot.fee_refusals.saturating_add(1), least);
                return;
            }
            _ => slot.refusals = slot.refusals.saturating_add(1),
        }
        let refusals = slot.refusals;
        match rejection {
            Rejection::InsufficientFunds { missing } => {
                if refusals == 1 {
                    self.alarm(Alarm::InsufficientFunds { sender, missing });
                }
                return;
            }
            Rejection::GasTooLow { least } => {
                let floor = fees::raised_gas(gas_limit, least, margin).min(GAS_CAP);
                if is_noop {
                    account.noop_floor = account.noop_floor.max(floor);
                } else {
                    slot.gas_floor = slot.gas_floor.max(floor);
                }
                let is_known = slot.wanted_gas.is_some_and(|wanted| wanted > gas_limit);
                if !is_noop && !is_known && refusals >= REFUSALS_TO_FREE {
                    // What it needs cannot be told, as where it would revert now: it is in nobody's way.
                    self.set_invalid((sender, account_nonce));
                }
                self.ask_gas_of((sender, account_nonce));
            }
            Rejection::Invalid | Rejection::Reverted
                if !is_noop && (is_proof || refusals >= REFUSALS_TO_TELL) =>
            {
                self.set_invalid((sender, account_nonce));
            }
            _ => {}
        }
        let to_tell =
            if rejection == Rejection::Wait { REFUSALS_TO_WAIT } else { REFUSALS_TO_TELL };
        if refusals == to_tell {
            self.alarm(Alarm::Refused { sender, account_nonce, rejection });
        }
        // Somebody's proposal may take the place.
        self.touch_all();
    }

    /// The payload of a place can never be mined: it is freed, and the proposal is not tried again for a while.
    fn set_invalid(&mut self, (sender, account_nonce): Place) {
        let head = self.state.head_number();
        let account = self.state.senders.get_mut(&sender);
        let Some(slot) = account.and_then(|s| s.slots.get_mut(&account_nonce)) else { return };
        let is_news = !std::mem::replace(&mut slot.is_invalid, true);
        let (purpose, wallets) = (slot.purpose, slot.wallets());
        if let Purpose::Execute { digest, .. } = purpose
            && let Some(tracked) = self.state.proposals.get_mut(&digest)
            && is_news
        {
            tracked.refusals = tracked.refusals.saturating_add(1);
            let blocks = REFUSED_BLOCKS << tracked.refusals.min(6);
            tracked.refused_until = head.saturating_add(blocks);
        }
        self.disturb_all(wallets);
    }

    /// Asks, with every head, for what is not known of no-ops, and for what is refused.
    pub(super) fn ask_gas(&mut self) {
        let mut places = Vec::new();
        let mut unknown = Vec::new();
        for (&address, sender) in &self.state.senders {
            if sender.noop.is_none() {
                unknown.push(address);
            }
            let refused = sender.slots.iter().filter(|(_, slot)| is_short_of_gas(slot));
            places.extend(refused.map(|(&nonce, _)| (address, nonce)));
        }
        for address in unknown {
            self.ask_noop(address);
        }
        for place in places {
            self.ask_gas_of(place);
        }
    }

    /// Asks what a place's latest attempt needs.
    fn ask_gas_of(&mut self, (sender, account_nonce): Place) {
        let Some(at) = self.state.history.head().map(|head| head.id) else { return };
        let Some(account) = self.state.senders.get(&sender) else { return };
        let Some(slot) = account.slots.get(&account_nonce) else { return };
        if slot.latest().is_some_and(|latest| latest.kind.is_noop()) {
            return self.ask_noop(sender);
        }
        // What goes before it, of the same wallet and sender: all that its outcome can depend on.
        let before = account.slots.range(..account_nonce).filter(|(nonce, other)| {
            **nonce >= account.account_nonce
                && other.carries_payload()
                && other.purpose.wallet() == slot.purpose.wallet()
        });
        let call = |slot: &Slot| Call { from: sender, to: slot.to, data: slot.data.clone() };
        let in_flight: Vec<Call> = before.map(|(_, slot)| call(slot)).collect();
        if !in_flight.is_empty() && !self.state.settings.has_simulate_v1 {
            // Nobody can tell before those are mined.
            return;
        }
        let call = call(slot);
        let account_nonce = Some(account_nonce);
        self.effects.push(Effect::AskGas { sender, account_nonce, at, in_flight, call });
    }

    fn ask_noop(&mut self, sender: Address) {
        let Some(at) = self.state.history.head().map(|head| head.id) else { return };
        let call = Call { from: sender, to: sender, data: Bytes::new() };
        let in_flight = Vec::new();
        self.effects.push(Effect::AskGas { sender, account_nonce: None, at, in_flight, call });
    }

    pub(super) fn see_gas(
        &mut self,
        sender: Address,
        account_nonce: Option<u64>,
        gas: u64,
        rollup_fee: U256,
    ) -> Applied {
        let margin = self.state.settings.gas_margin_percent;
        let account = self.state.senders.get_mut(&sender).ok_or(Ignored::NotKnown)?;
        let needed = fees::gas_limit(gas, margin);
        let Some(account_nonce) = account_nonce else {
            let gas_limit = needed.max(account.noop_floor).min(GAS_CAP);
            let needs = Some(NoopNeeds { gas_limit, rollup_fee });
            if account.noop == needs {
                return Err(Ignored::NothingNew);
            }
            account.noop = needs;
            return Ok(());
        };
        let slot = account.slots.get_mut(&account_nonce).ok_or(Ignored::NotKnown)?;
        if !is_short_of_gas(slot) {
            return Err(Ignored::NotAsked);
        }
        slot.wanted_gas = Some(needed.max(slot.gas_floor).min(GAS_CAP));
        slot.rollup_fee = slot.rollup_fee.max(rollup_fee);
        Ok(())
    }
}

/// Whether its latest attempt is refused for its gas limit.
fn is_short_of_gas(slot: &Slot) -> bool {
    let is_short = |latest: &Attempt| matches!(latest.refusal, Some(Rejection::GasTooLow { .. }));
    slot.is_open() && slot.passed.is_none() && slot.latest().is_some_and(is_short)
}
