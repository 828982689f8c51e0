//! A wallet's next transactions: chosen, simulated, budgeted, and given to their sender to sign.

use super::{
    Step,
    flight::{Flights, WalletFlights},
    select::Choice,
};
use crate::{
    attempt::{Draft, Kind, Purpose, Slot},
    budget::Charge,
    effect::{Call, Effect},
    fees,
    settings::{SIMULATION_BLOCKS, SIMULATION_SECS},
    state::{Goal, Plan, Stage, Target},
    status::Reason,
};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolCall,
};
use quorate_bindings::contracts::IWalletFactory;

/// A goal that passed its simulation.
struct Passed {
    goal: Goal,
    call: Call,
    /// What it needs as its gas limit, without a margin.
    gas: u64,
    /// What it costs besides gas at the most.
    rollup_fee: U256,
    /// The account nonce whose place it takes.
    takes: Option<u64>,
}

impl Step {
    /// Carries a wallet's plan on, or makes a new one.
    pub(super) fn plan(&mut self, address: Address, flights: &Flights) {
        let Some(wallet) = self.state.wallets.get(&address) else { return };
        let none = WalletFlights::default();
        let flights = flights.of_wallet(address).unwrap_or(&none);
        // Each refusal sets one proposal aside, so this ends.
        for _ in 0..=wallet.proposals.len() {
            let (choice, holds) = self.select(address, flights);
            for (digest, hold) in holds {
                if let Some(tracked) = self.state.proposals.get_mut(&digest) {
                    tracked.hold = hold;
                }
            }
            let refused = self.carry_on(address, choice, flights);
            let Some((digest, reason)) = refused else { break };
            self.back_off(digest, reason);
        }
    }

    /// Makes the state's plan fit the choice; says which proposal is refused, and why.
    fn carry_on(
        &mut self,
        address: Address,
        choice: Option<Choice>,
        flights: &WalletFlights,
    ) -> Option<(B256, Reason)> {
        if let Some(plan) = self.state.plans.get(&address) {
            let wanted =
                choice.as_ref().map_or(0, |choice| self.still_wanted(address, plan, choice));
            match &plan.stage {
                Stage::Working { .. } => return None,
                Stage::Simulating if wanted > 0 => return None,
                Stage::Simulated { needs } if wanted > 0 => {
                    if self.state.senders.get(&plan.sender)?.work.is_some() {
                        return None;
                    }
                    let most = wanted.min(self.state.room(plan.sender).max(1));
                    let goals = plan.run.iter().zip(&plan.calls).zip(needs).take(most);
                    let passed =
                        |((goal, call), (gas, rollup_fee)): ((&Goal, &Call), &(u64, U256))| {
                            Passed {
                                goal: *goal,
                                call: call.clone(),
                                gas: *gas,
                                rollup_fee: *rollup_fee,
                                takes: plan.takes,
                            }
                        };
                    let run: Vec<Passed> = goals.map(passed).collect();
                    return self.allocate(address, plan.sender, run);
                }
                Stage::Simulating | Stage::Simulated { .. } => {
                    self.state.plans.remove(&address);
                }
            }
        }
        self.simulate(address, choice?, flights);
        None
    }

    /// How much of a plan's run, from its first goal on, is what would be chosen now; nothing if what it was simulated
    /// on does not hold any more.
    fn still_wanted(&self, address: Address, plan: &Plan, choice: &Choice) -> usize {
        let version = self.state.wallets.get(&address).map(|wallet| wallet.version);
        let believed = self.state.blocks(SIMULATION_BLOCKS, SIMULATION_SECS);
        let holds = self.is_sender_fit(plan, choice)
            && plan.takes == choice.takes
            && version == Some(plan.version)
            && self.state.history.contains(plan.at)
            && self.state.head_number().saturating_sub(plan.at.number) <= believed;
        let is_same = |(planned, chosen): &(&Goal, &Goal)| planned == chosen;
        if holds { plan.run.iter().zip(&choice.run).take_while(is_same).count() } else { 0 }
    }

    /// Another sender may have become the least busy; that is no reason to simulate again.
    fn is_sender_fit(&self, plan: &Plan, choice: &Choice) -> bool {
        plan.sender == choice.sender
            || (plan.any_sender && self.state.senders.get(&plan.sender).is_some_and(|s| s.is_known))
    }

    fn simulate(&mut self, address: Address, choice: Choice, flights: &WalletFlights) {
        let Some(at) = self.state.history.head().map(|head| head.id) else { return };
        let Choice { mut run, sender, takes } = choice;
        let call = |goal: &Goal| {
            let (to, data) = self.payload(address, *goal)?;
            Some(Call { from: sender, to, data })
        };
        let next: Vec<Call> = run.iter().map_while(call).collect();
        if next.is_empty() {
            return;
        }
        run.truncate(next.len());
        let in_flight = self.calls_in_flight(flights);
        let any_sender = in_flight.is_empty() && takes.is_none();
        let request = self.state.request();
        let version = self.state.wallets.get(&address).map_or(0, |wallet| wallet.version);
        let since = self.state.clock;
        let stage = Stage::Simulating;
        let calls = next.clone();
        let plan =
            Plan { request, run, calls, sender, version, any_sender, takes, at, since, stage };
        self.state.plans.insert(address, plan);
        self.effects.push(Effect::Simulate { request, at, in_flight, next });
    }

    /// The payloads of this wallet that can go through, in an order in which they do.
    fn calls_in_flight(&self, flights: &WalletFlights) -> Vec<Call> {
        let mut places: Vec<_> = flights.lanes.values().flatten().copied().collect();
        places.extend(flights.creation);
        // An account's transactions are mined in order; between accounts there is none.
        places.sort_by_key(|(sender, account_nonce)| (*sender, *account_nonce));
        let call = |(sender, nonce): (Address, u64)| {
            let slot: &Slot = self.state.senders.get(&sender)?.slots.get(&nonce)?;
            Some(Call { from: sender, to: slot.to, data: slot.data.clone() })
        };
        places.into_iter().filter_map(call).collect()
    }

    fn payload(&self, address: Address, goal: Goal) -> Option<(Address, Bytes)> {
        let wallet = self.state.wallets.get(&address)?;
        match goal.target {
            Target::Execute => {
                let tracked = self.state.proposals.get(&goal.digest)?;
                Some((address, tracked.calldata(goal.digest, wallet)?))
            }
            Target::Create => {
                let (config, salt) = wallet.creation.as_ref()?;
                let call = IWalletFactory::createCall { config: config.into(), salt: *salt };
                Some((self.state.settings.factory, call.abi_encode().into()))
            }
        }
    }

    /// Takes the next account nonces, as far as fees, budgets and balance allow; if they allow none, says what is
    /// refused, and why.
    fn allocate(
        &mut self,
        address: Address,
        sender: Address,
        run: Vec<Passed>,
    ) -> Option<(B256, Reason)> {
        let mut drafts: Vec<Draft> = Vec::with_capacity(run.len());
        let mut last = 0;
        for passed in run {
            let goal = passed.goal;
            match self.draft(address, passed, &drafts) {
                Ok(draft) => {
                    if let Some(tracked) = self.state.proposals.get_mut(&goal.digest) {
                        tracked.backoff = None;
                        last = tracked.ready_order.unwrap_or(last);
                    }
                    drafts.push(draft);
                }
                // What goes before it goes without it.
                Err(_) if !drafts.is_empty() => break,
                Err(reason) => {
                    self.state.plans.remove(&address);
                    return Some((goal.digest, reason));
                }
            }
        }
        let request = self.start_work(sender, drafts);
        if let Some(wallet) = self.state.wallets.get_mut(&address) {
            wallet.served = last;
        }
        if let Some(plan) = self.state.plans.get_mut(&address) {
            plan.stage = Stage::Working { request };
        }
        None
    }

    /// The transaction behind those of `before`, which take account nonces with it.
    fn draft(&self, address: Address, passed: Passed, before: &[Draft]) -> Result<Draft, Reason> {
        let Passed { goal, call: Call { from: sender, to, data }, gas, rollup_fee, takes } = passed;
        let limits = &self.state.limits;
        let account = self.state.senders.get(&sender).ok_or(Reason::RpcDown)?;
        let gas_limit = fees::gas_limit(gas, self.state.settings.gas_margin_percent);
        let (per_transaction, cap) = (limits.per_transaction, limits.max_fee_per_gas);
        let ceiling = fees::ceiling_within(gas_limit, rollup_fee, per_transaction, cap);
        let most = fees::payload_ceiling(ceiling).ok_or(Reason::FeeCap)?;
        let base_fee = self.state.history.head().map_or(0, |head| head.base_fee_per_gas);
        if most < base_fee.saturating_add(self.state.tip) {
            return Err(Reason::FeeCap);
        }
        let taken = takes.and_then(|nonce| Some((nonce, account.slots.get(&nonce)?)));
        let fees = match taken.and_then(|(_, slot)| slot.latest()) {
            // What had the place before may be in somebody's pool.
            Some(latest) => latest.fees.bumped(self.market(), most).ok_or(Reason::FeeCap)?,
            None => self.market().capped(most),
        };
        let last = account.slots.keys().next_back();
        let next = last.map_or(0, |last| last.saturating_add(1)).max(account.account_nonce);
        let (account_nonce, number) = match taken {
            Some((nonce, slot)) => (nonce, u32::try_from(slot.attempts.len()).unwrap_or(u32::MAX)),
            None => (next.saturating_add(before.len() as u64), 0),
        };
        let amount = fees::worst_case(gas_limit, fees, rollup_fee);
        let amount = taken.map_or(amount, |(_, slot)| amount.max(slot.charge.amount));
        let charge = Charge { day: self.state.today(), wallet: Some(address), amount };
        let (purpose, kind) = match goal.target {
            Target::Create => (Purpose::Create { wallet: address }, Kind::Create),
            Target::Execute => {
                (Purpose::Execute { wallet: address, digest: goal.digest }, Kind::Execute)
            }
        };
        let draft = Draft {
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
            rollup_fee,
            charge,
        };
        self.check_funds(&draft, before).map(|()| draft)
    }

    /// Whether budgets and the balance allow a draft behind those of `before`.
    fn check_funds(&self, draft: &Draft, before: &[Draft]) -> Result<(), Reason> {
        let limits = &self.state.limits;
        let more = self.state.more_charged(draft);
        let pending = self.state.pending().chain(before.iter().map(|draft| draft.charge));
        self.state.ledger.check(&more, pending, limits).map_err(|_| Reason::Budget)?;
        let account = self.state.senders.get(&draft.sender).ok_or(Reason::RpcDown)?;
        let open = account.slots.range(account.account_nonce..);
        let open = open.filter(|(nonce, _)| **nonce != draft.account_nonce);
        let reserved = open.map(|(_, slot)| slot.reserved.amount);
        let reserved = reserved.chain(before.iter().map(|draft| draft.charge.amount));
        let reserved = reserved.fold(draft.charge.amount, |sum, next| sum.saturating_add(next));
        if reserved.saturating_add(limits.sender_floor) > account.balance {
            return Err(Reason::SenderBalance);
        }
        Ok(())
    }
}
