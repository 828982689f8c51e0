//! From a simulation to a sent attempt: signed, then stored, and only then sent.

use super::{Applied, Step};
use crate::{
    attempt::{AttemptRecord, AttemptState, Draft, Kind, Purpose, Slot},
    effect::{Alarm, Effect, Ignored},
    event::{Refusal, Sent, Simulation},
    proposal::Tracked,
    state::{Goal, Stage, Target, Work},
    status::Reason,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use std::iter::repeat;

impl Step {
    pub(super) fn finish_simulation(&mut self, request: u64, outcome: &Simulation) -> Applied {
        let plan = self
            .state
            .plans
            .iter_mut()
            .find(|(_, plan)| plan.request == request && plan.stage == Stage::Simulating);
        let Some((&wallet, plan)) = plan else { return Err(Ignored::NotAsked) };
        self.touched.insert(wallet);
        let Some(&Goal { target, digest }) = plan.run.first() else {
            return Err(Ignored::NotAsked);
        };
        // A creation for nothing would be paid for nothing.
        let needed = if target == Target::Create { plan.run.len().min(2) } else { 1 };
        let reason = match outcome {
            Simulation::Done { gas, rollup_fees, .. } if gas.len() >= needed => {
                let passed = gas.len().min(plan.run.len());
                let rollup_fees = rollup_fees.iter().copied().chain(repeat(U256::ZERO));
                let needs = gas.iter().copied().zip(rollup_fees).take(passed).collect();
                plan.stage = Stage::Simulated { needs };
                for goal in &plan.run[..passed] {
                    if let Some(Tracked { backoff, .. }) =
                        self.state.proposals.get_mut(&goal.digest)
                        && backoff.is_some_and(|backoff| backoff.is_of_simulation())
                    {
                        *backoff = None;
                    }
                }
                return Ok(());
            }
            Simulation::Done { refusal: Some(Refusal::Policy | Refusal::Rules), .. } => {
                Reason::Policy
            }
            Simulation::Done { refusal: Some(Refusal::NotBefore(_)), .. } => Reason::NotBefore,
            Simulation::Done { refusal: Some(Refusal::Reverted) | None, .. } => Reason::Simulation,
            Simulation::InFlightReverted => Reason::Sequence,
            Simulation::Unavailable => Reason::RpcDown,
        };
        self.state.plans.remove(&wallet);
        if reason != Reason::RpcDown
            && let Some(wallet) = self.state.wallets.get_mut(&wallet)
        {
            // It may be done already, and its event was left out.
            wallet.audit.is_due = true;
        }
        if matches!(reason, Reason::Simulation | Reason::Policy) {
            self.ask_contracts(digest);
        }
        match outcome {
            &Simulation::Done { refusal: Some(Refusal::NotBefore(time)), .. } => {
                self.back_off_until(digest, time);
            }
            outcome => {
                self.back_off(digest, reason);
                let is_by_rules =
                    matches!(outcome, Simulation::Done { refusal: Some(Refusal::Rules), .. });
                if let Some(Tracked { backoff: Some(backoff), .. }) =
                    self.state.proposals.get_mut(&digest)
                {
                    backoff.is_by_rules = is_by_rules;
                }
            }
        }
        Ok(())
    }

    /// Has attempts of a sender signed, at least one. The caller made sure that it has no other work.
    pub(super) fn start_work(&mut self, sender: Address, drafts: Vec<Draft>) -> u64 {
        let request = self.state.request();
        let since = self.state.clock;
        if let Some(sender) = self.state.senders.get_mut(&sender) {
            sender.work = Some(Work { request, drafts: drafts.clone(), signed: None, since });
            self.effects.push(Effect::Sign { request, drafts });
        }
        request
    }

    pub(super) fn finish_signing(&mut self, request: u64, signed: Vec<(B256, Bytes)>) -> Applied {
        let address = self.find_work(request)?;
        let is_wanted = self.is_wanted(address);
        let clock = self.state.clock;
        let sender = self.state.senders.get_mut(&address).ok_or(Ignored::NotAsked)?;
        let work = sender.work.as_mut().ok_or(Ignored::NotAsked)?;
        if work.signed.is_some() {
            return Err(Ignored::NothingNew);
        }
        if signed.len() != work.drafts.len() {
            return Err(Ignored::NotAsked);
        }
        if !is_wanted {
            self.drop_work(address);
            return Ok(());
        }
        work.since = clock;
        work.signed = Some(signed);
        let records = work.records().unwrap_or_default();
        self.effects.push(Effect::Persist { request, records });
        Ok(())
    }

    pub(super) fn fail_signing(&mut self, request: u64) -> Applied {
        let address = self.find_work(request)?;
        let work = self.state.senders.get(&address).and_then(|sender| sender.work.as_ref());
        if work.is_some_and(|work| work.signed.is_some()) {
            // It was asked twice, and is being stored: what may become durable must not be forgotten.
            return Err(Ignored::NothingNew);
        }
        self.alarm(Alarm::SignFailed { sender: address });
        let digest = self.plan_of(request).map(|(_, digest)| digest);
        self.drop_work(address);
        if let Some(digest) = digest {
            self.back_off(digest, Reason::RpcDown);
        }
        Ok(())
    }

    pub(super) fn finish_persisting(&mut self, request: u64) -> Applied {
        let address = self.find_work(request)?;
        let sender = self.state.senders.get(&address);
        let records = sender.and_then(|sender| sender.work.as_ref()?.records());
        let records = records.ok_or(Ignored::NotAsked)?;
        self.drop_work(address);
        for record in records {
            self.enter_attempt(record);
        }
        Ok(())
    }

    /// Notes a stored attempt.
    pub(super) fn enter_attempt(&mut self, record: AttemptRecord) {
        let Draft { sender, account_nonce, charge, .. } = record.draft;
        let Some(account) = self.state.senders.get_mut(&sender) else { return };
        self.state.hashes.insert(record.tx_hash, (sender, account_nonce));
        self.state.ledger.add(&charge);
        let wallets = match account.slots.get_mut(&account_nonce) {
            Some(slot) => {
                // What is on its way counts, whether the budget allows it or not.
                self.state.ledger.take_back(&slot.charge);
                slot.charge = charge;
                slot.push(record);
                slot.wallets()
            }
            None => {
                let slot = account.slots.entry(account_nonce).or_insert(Slot::new(record));
                slot.wallets()
            }
        };
        self.disturb_all(wallets);
    }

    /// Whether what was signed is still what is wanted. Of several each is so if the first one is.
    fn is_wanted(&self, address: Address) -> bool {
        let Some(sender) = self.state.senders.get(&address) else { return false };
        let Some(work) = &sender.work else { return false };
        let Some(&Draft { account_nonce, number, purpose, kind, .. }) = work.drafts.first() else {
            return false;
        };
        if !sender.is_known {
            return false;
        }
        if let Some(slot) = sender.slots.get(&account_nonce) {
            let is_next = u32::try_from(slot.attempts.len()).is_ok_and(|next| next == number);
            let takes_place = kind != Kind::Noop && !slot.carries_payload();
            return slot.is_open()
                && slot.passed.is_none()
                && is_next
                && (!takes_place || (slot.is_vacant() && self.is_current(work, purpose)));
        }
        let is_next = sender.slots.keys().next_back().is_none_or(|last| *last < account_nonce)
            && sender.account_nonce <= account_nonce;
        if purpose.wallet().is_none() {
            return sender.account_nonce <= account_nonce;
        }
        is_next && self.is_current(work, purpose)
    }

    /// Whether the plan that is worked on for a wallet still holds.
    fn is_current(&self, work: &Work, purpose: Purpose) -> bool {
        let Some(wallet) = purpose.wallet().filter(|_| !self.state.is_paused) else { return false };
        let plan = self.state.plans.get(&wallet);
        plan.is_some_and(|plan| {
            plan.stage == Stage::Working { request: work.request }
                && self.state.wallets.get(&wallet).is_some_and(|w| w.version == plan.version)
        })
    }

    pub(super) fn lose_race(&mut self, request: u64) -> Applied {
        let sender = self.find_work(request)?;
        let work = self.state.senders.get(&sender).and_then(|account| account.work.as_ref());
        let first = work.and_then(|work| work.drafts.first());
        let account_nonce = first.map_or(0, |draft| draft.account_nonce);
        self.alarm(Alarm::PersistLost { sender, account_nonce });
        self.lose_lease();
        self.effects.push(Effect::Reload);
        Ok(())
    }

    pub(super) fn finish_send(&mut self, tx_hash: B256, outcome: Sent) -> Applied {
        let (sender, nonce) = *self.state.hashes.get(&tx_hash).ok_or(Ignored::NotKnown)?;
        let slot = self.state.senders.get_mut(&sender).and_then(|s| s.slots.get_mut(&nonce));
        let slot = slot.ok_or(Ignored::NotKnown)?;
        let is_latest = slot.latest().is_some_and(|latest| latest.tx_hash == tx_hash);
        let attempt = slot.attempts.iter_mut().find(|attempt| attempt.tx_hash == tx_hash);
        let attempt = attempt.ok_or(Ignored::NotKnown)?;
        if attempt.last_sent.is_none() {
            return Err(Ignored::NotAsked);
        }
        attempt.state = AttemptState::from(outcome);
        match outcome {
            Sent::Accepted => {
                if attempt.refusal.take().is_some() {
                    // The blocks before did not miss it: nobody had it.
                    attempt.first_sent = attempt.last_sent;
                }
            }
            // Nobody answered: what they said before is still all that is known.
            Sent::Unknown => {}
            Sent::Rejected(rejection) | Sent::Doubtful(rejection) => {
                attempt.refusal = Some(rejection);
            }
        }
        if is_latest {
            self.heed((sender, nonce), outcome);
        }
        Ok(())
    }

    /// Makes requests again that were not answered in time. Each may be answered twice.
    pub(super) fn repeat_requests(&mut self) {
        let (clock, patience) = (self.state.clock, self.state.settings.reply_secs);
        let is_late = |since: &mut u64| {
            *since = (*since).min(clock);
            let is_late = clock.saturating_sub(*since) > patience;
            if is_late {
                *since = clock;
            }
            is_late
        };
        for sender in self.state.senders.values_mut() {
            let Some(work) = &mut sender.work else { continue };
            if !is_late(&mut work.since) {
                continue;
            }
            let request = work.request;
            self.effects.push(match work.records() {
                None => Effect::Sign { request, drafts: work.drafts.clone() },
                Some(records) => Effect::Persist { request, records },
            });
        }
        let late: Vec<(Address, B256)> = self
            .state
            .plans
            .iter_mut()
            .filter(|(_, plan)| plan.stage == Stage::Simulating)
            .filter_map(|(&wallet, plan)| {
                let first = plan.run.first()?.digest;
                is_late(&mut plan.since).then_some((wallet, first))
            })
            .collect();
        for (wallet, digest) in late {
            self.state.plans.remove(&wallet);
            self.back_off(digest, Reason::RpcDown);
        }
    }

    /// Ends the work of a sender, and the plan that it was for.
    fn drop_work(&mut self, address: Address) {
        let Some(sender) = self.state.senders.get_mut(&address) else { return };
        let Some(work) = sender.work.take() else { return };
        if let Some((wallet, _)) = self.plan_of(work.request) {
            self.state.plans.remove(&wallet);
        }
        // Whoever waited for this sender may go on.
        let waiting = self.state.plans.iter().filter(|(_, plan)| plan.sender == address);
        self.touched.extend(waiting.map(|(wallet, _)| *wallet));
        self.touched.extend(work.drafts.iter().filter_map(|draft| draft.purpose.wallet()));
    }

    fn plan_of(&self, request: u64) -> Option<(Address, B256)> {
        let stage = Stage::Working { request };
        let (&wallet, plan) = self.state.plans.iter().find(|(_, plan)| plan.stage == stage)?;
        Some((wallet, plan.run.first()?.digest))
    }

    fn find_work(&self, request: u64) -> Result<Address, Ignored> {
        let is_it = |work: &Work| work.request == request;
        let found = self.state.senders.iter().find(|(_, s)| s.work.as_ref().is_some_and(is_it));
        found.map(|(&address, _)| address).ok_or(Ignored::NotAsked)
    }
}

impl Work {
    /// What is to be stored, once all are signed.
    fn records(&self) -> Option<Vec<AttemptRecord>> {
        let signed = self.drafts.iter().cloned().zip(self.signed.clone()?);
        let record = |(draft, (tx_hash, raw))| AttemptRecord { draft, tx_hash, raw };
        Some(signed.map(record).collect())
    }
}
