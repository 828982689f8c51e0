//! One step: what was learnt is noted, then everything that follows from it is decided anew.
//!
//! What is asked for is remembered until it is answered, so that nothing is asked twice; what is true is not
//! remembered where it can be derived. No event makes a step panic: one that does not fit is ignored.

mod accounts;
mod blocks;
mod flight;
mod gas;
mod plan;
mod restart;
mod select;
mod signatures;
mod statuses;
mod upkeep;
mod work;

use crate::{
    effect::{Alarm, Effect, Ignored},
    event::Event,
    proposal::Tracked,
    rows::ProposalRow,
    state::State,
    status::{Reason, Status},
};
use alloy::primitives::{Address, B256};
use quorate_core::Request;
use std::collections::{BTreeMap, BTreeSet};

/// As [`step_all`], of one event.
pub fn step(state: State, event: Event) -> (State, Vec<Effect>) {
    step_all(state, [event])
}

/// Takes note of `events` in this order: the new state, and what is to be done, in this order. What follows from
/// them is decided once, after the last, so that many together cost hardly more than one.
///
/// Pure and total: the same state and events give the same, and no event is refused or makes it panic; one that
/// does not fit leaves the state as it was and says [`Effect::Ignored`].
pub fn step_all(state: State, events: impl IntoIterator<Item = Event>) -> (State, Vec<Effect>) {
    let mut step = Step { state, effects: Vec::new(), touched: BTreeSet::new() };
    let mut is_news = false;
    for event in events {
        match step.apply(event) {
            Ok(()) => is_news = true,
            Err(ignored) => step.effects.push(Effect::Ignored(ignored)),
        }
    }
    if is_news {
        step.follow_up();
    }
    (step.state, step.effects)
}

/// Whether an event was taken note of.
type Applied = Result<(), Ignored>;

/// A step that is being made.
struct Step {
    state: State,
    effects: Vec<Effect>,
    /// The wallets that something changed for.
    touched: BTreeSet<Address>,
}

impl Step {
    fn apply(&mut self, event: Event) -> Applied {
        if !self.state.is_leading && !matches!(event, Event::Restarted(_)) {
            return Err(Ignored::NotLeading);
        }
        match event {
            Event::Restarted(rows) => self.restart(*rows),
            Event::LeaseLost => self.lose_lease(),
            Event::Tick { now } => self.tick(now),
            Event::NewHead { blocks, of, tip } => {
                return self.extend_chain(blocks, of.as_deref(), tip);
            }
            Event::AccountSeen { sender, at, account_nonce, balance } => {
                return self.see_account(sender, at, account_nonce, balance);
            }
            Event::ReceiptSeen { tx_hash, receipt } => return self.see_receipt(tx_hash, receipt),
            Event::LogsRead { wallets, from, to, to_hash, logs } => {
                return self.fill_logs(&wallets, (from, to), to_hash, &logs);
            }
            Event::LogsRefused { wallets, from, to } => return self.halve_logs(&wallets, from, to),
            Event::LaneSeen { wallet, lane, next, block } => {
                return self.see_lane(wallet, lane, next, block);
            }
            Event::StandingSeen { wallet, at, standing } => {
                return self.see_standing(wallet, at, &standing);
            }
            Event::CanSimulate(can) => {
                if std::mem::replace(&mut self.state.settings.has_simulate_v1, can) == can {
                    return Err(Ignored::NothingNew);
                }
                self.touch_all();
            }
            Event::ExecutionFound { wallet, nonce, execution } => {
                return self.find_execution(wallet, nonce, execution);
            }
            Event::WalletAdded(row) => self.add_wallet(*row),
            Event::ProposalAdded { digest, request } => {
                return self.add_proposal(digest, *request);
            }
            Event::SignatureAdded { digest, owner, signature } => {
                return self.add_signature(digest, owner, signature);
            }
            Event::ContractsAsked { digest, lapsed } => {
                return self.lapse_signatures(digest, lapsed);
            }
            Event::Simulated { request, outcome } => {
                return self.finish_simulation(request, &outcome);
            }
            Event::Signed { request, signed } => return self.finish_signing(request, signed),
            Event::SignFailed { request } => return self.fail_signing(request),
            Event::Persisted { request } => return self.finish_persisting(request),
            Event::PersistLost { request } => return self.lose_race(request),
            Event::SendResult { tx_hash, outcome } => return self.finish_send(tx_hash, outcome),
            Event::GasSeen { sender, account_nonce, gas, rollup_fee } => {
                return self.see_gas(sender, account_nonce, gas, rollup_fee);
            }
            Event::FinalitySeen { finalized } => return self.see_finality(finalized),
            Event::Paused => self.set_paused(true),
            Event::Resumed => self.set_paused(false),
            Event::BudgetChanged(limits) => {
                self.state.limits = limits;
                self.touch_all();
            }
        }
        Ok(())
    }

    /// Decides everything that follows from what is known now.
    fn follow_up(&mut self) {
        if !self.state.is_leading || self.state.history.head().is_none() {
            return;
        }
        self.settle_final();
        let flights = flight::Flights::of(&self.state);
        self.keep_up(&flights);
        for wallet in self.in_turn() {
            self.plan(wallet, &flights);
            self.tell_statuses(wallet, &flights);
        }
        self.send_due(&flights);
    }

    /// The wallets that something changed for, first the one whose proposals have waited the longest: where blocks are
    /// full, none is left behind again and again.
    fn in_turn(&mut self) -> Vec<Address> {
        let mut touched: Vec<_> = std::mem::take(&mut self.touched).into_iter().collect();
        touched.sort_by_key(|wallet| self.state.wallets.get(wallet).map(|wallet| wallet.served));
        touched
    }

    fn tick(&mut self, now: u64) {
        self.state.clock = now;
        if self.state.last_head_at > now {
            // The clock was set back: how long ago the head came is not known any more.
            self.state.last_head_at = now;
        }
        self.repeat_requests();
        self.touch_all();
    }

    fn set_paused(&mut self, is_paused: bool) {
        self.state.is_paused = is_paused;
        self.touch_all();
    }

    fn lose_lease(&mut self) {
        self.state.is_leading = false;
        self.state.plans.clear();
        for sender in self.state.senders.values_mut() {
            sender.work = None;
        }
    }

    fn add_proposal(&mut self, digest: B256, request: Request) -> Applied {
        let wallet = self.state.wallets.get_mut(&request.wallet).ok_or(Ignored::NotKnown)?;
        if request.chain_id != self.state.settings.chain_id {
            return Err(Ignored::NotKnown);
        }
        if !wallet.proposals.insert(digest) {
            return Err(Ignored::NothingNew);
        }
        self.touched.insert(request.wallet);
        let row = ProposalRow {
            digest,
            request,
            signatures: BTreeMap::new(),
            ready_order: None,
            failures: Vec::new(),
            forgiven: 0,
            status: Status::Collecting { reason: None },
            is_final: false,
            revision: 0,
        };
        self.state.proposals.insert(digest, Tracked::new(row));
        Ok(())
    }

    /// A proposal that is about to change.
    fn tracked(&mut self, digest: B256) -> Result<&mut Tracked, Ignored> {
        let tracked = self.state.proposals.get_mut(&digest).ok_or(Ignored::NotKnown)?;
        self.touched.insert(tracked.request.wallet);
        Ok(tracked)
    }

    /// Does not look at a proposal again for a while: a block, or twice as many as the last time if it reverts.
    fn back_off(&mut self, digest: B256, reason: Reason) {
        let (head, clock) = (self.state.head_number(), self.state.clock);
        // Where blocks come fast, several of them count as one.
        let beat = self.state.blocks(1, crate::settings::BACKOFF_SECS);
        let beat_secs = self.state.secs(beat).max(1);
        let Some(tracked) = self.state.proposals.get_mut(&digest) else { return };
        let times = match tracked.backoff {
            Some(before) if before.reason == reason => before.times.saturating_add(1),
            _ => 0,
        };
        let blocks = match reason {
            Reason::Simulation | Reason::Policy => {
                (1_u64 << times.min(16)).min(crate::settings::MAX_BACKOFF_BLOCKS)
            }
            _ => 1,
        };
        tracked.backoff = Some(crate::proposal::Backoff {
            reason,
            until_block: head.saturating_add(blocks.saturating_mul(beat)),
            until_clock: clock.saturating_add(blocks.saturating_mul(beat_secs)),
            times,
            is_by_rules: false,
        });
        self.touched.insert(tracked.request.wallet);
    }

    /// Does not look at a proposal again before its time has come. Looks now and then all the same: the time is a policy's
    /// word, and what it depends on may change without an event of the wallet.
    fn back_off_until(&mut self, digest: B256, time: u64) {
        let now = self.state.latest_time();
        let soon = now.saturating_add(crate::settings::BACKOFF_SECS);
        let late = now.saturating_add(crate::settings::NOT_BEFORE_SECS);
        let Some(tracked) = self.state.proposals.get_mut(&digest) else { return };
        tracked.backoff = Some(crate::proposal::Backoff {
            reason: Reason::NotBefore,
            until_block: u64::MAX,
            until_clock: time.clamp(soon, late),
            times: 0,
            is_by_rules: true,
        });
        self.touched.insert(tracked.request.wallet);
    }

    fn touch_all(&mut self) {
        self.touched.extend(self.state.wallets.keys());
    }

    /// Something changed that simulations of this wallet depend on.
    fn disturb(&mut self, wallet: Option<Address>) {
        if let Some(address) = wallet
            && let Some(wallet) = self.state.wallets.get_mut(&address)
        {
            wallet.version = wallet.version.wrapping_add(1);
            self.touched.insert(address);
        }
    }

    /// As [`Self::disturb`], of all of these.
    fn disturb_all(&mut self, wallets: impl IntoIterator<Item = Address>) {
        wallets.into_iter().for_each(|wallet| self.disturb(Some(wallet)));
    }

    fn alarm(&mut self, alarm: Alarm) {
        self.effects.push(Effect::Alarm(alarm));
    }
}
