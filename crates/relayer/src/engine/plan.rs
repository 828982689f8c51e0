//! A wallet's next transaction: chosen, simulated, budgeted, and given to its sender to sign.

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
    settings::SIMULATION_BLOCKS,
    state::{Plan, Stage, Target},
    status::Reason,
};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolCall,
};
use quorate_bindings::contracts::IWalletFactory;

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
        if let Some(plan) = self.state.plans.get(&address).cloned() {
            if matches!(plan.stage, Stage::Working { .. }) {
                return None;
            }
            let is_current = choice.is_some_and(|choice| self.is_current(address, &plan, choice));
            match plan.stage {
                Stage::Simulating if is_current => return None,
                Stage::Simulated { gas } if is_current => {
                    let is_free = self.state.senders.get(&plan.sender)?.work.is_none();
                    return if is_free { self.allocate(address, &plan, gas) } else { None };
                }
                Stage::Simulating | Stage::Simulated { .. } | Stage::Working { .. } => {
                    self.state.plans.remove(&address);
                }
            }
        }
        let choice = choice?;
        self.simulate(address, choice, flights);
        None
    }

    /// Whether a plan is for the choice, and what it was simulated on still holds.
    fn is_current(&self, address: Address, plan: &Plan, choice: Choice) -> bool {
        let is_same = plan.digest == choice.digest && plan.target == choice.target;
        let version = self.state.wallets.get(&address).map(|wallet| wallet.version);
        is_same
            && self.is_sender_fit(plan, choice)
            && version == Some(plan.version)
            && self.state.history.contains(plan.at)
            && self.state.head_number().saturating_sub(plan.at.number) <= SIMULATION_BLOCKS
    }

    /// Another sender may have become the least busy; that is no reason to simulate again.
    fn is_sender_fit(&self, plan: &Plan, choice: Choice) -> bool {
        plan.sender == choice.sender
            || (plan.any_sender && self.state.senders.get(&plan.sender).is_some_and(|s| s.is_known))
    }

    fn simulate(&mut self, address: Address, choice: Choice, flights: &WalletFlights) {
        let Some(at) = self.state.history.head().map(|head| head.id) else { return };
        let Choice { digest, target, sender } = choice;
        let Some((to, data)) = self.payload(address, target, digest) else { return };
        let mut next = vec![Call { from: sender, to, data }];
        if target == Target::Create
            && self.state.settings.has_simulate_v1
            && let Some((to, data)) = self.payload(address, Target::Execute, digest)
        {
            next.push(Call { from: sender, to, data });
        }
        let in_flight = self.calls_in_flight(flights);
        let any_sender = in_flight.is_empty();
        let request = self.state.request();
        let version = self.state.wallets.get(&address).map_or(0, |wallet| wallet.version);
        let since = self.state.clock;
        let stage = Stage::Simulating;
        let plan = Plan { request, target, digest, sender, version, any_sender, at, since, stage };
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

    fn payload(&self, address: Address, target: Target, digest: B256) -> Option<(Address, Bytes)> {
        let wallet = self.state.wallets.get(&address)?;
        match target {
            Target::Execute => {
                let tracked = self.state.proposals.get(&digest)?;
                Some((address, tracked.calldata(digest, wallet)?))
            }
            Target::Create => {
                let (config, salt) = wallet.creation.as_ref()?;
                let call = IWalletFactory::createCall { config: config.into(), salt: *salt };
                Some((self.state.settings.factory, call.abi_encode().into()))
            }
        }
    }

    /// Takes the next account nonce, if fees, budgets and balance allow; else says what is refused, and why.
    fn allocate(&mut self, address: Address, plan: &Plan, gas: u64) -> Option<(B256, Reason)> {
        match self.draft(address, plan, gas) {
            Ok(draft) => {
                if let Some(tracked) = self.state.proposals.get_mut(&plan.digest) {
                    tracked.backoff = None;
                }
                let request = self.start_work(draft);
                if let Some(plan) = self.state.plans.get_mut(&address) {
                    plan.stage = Stage::Working { request };
                }
                None
            }
            Err(reason) => {
                self.state.plans.remove(&address);
                Some((plan.digest, reason))
            }
        }
    }

    fn draft(&self, address: Address, plan: &Plan, gas: u64) -> Result<Draft, Reason> {
        let (settings, limits) = (&self.state.settings, &self.state.limits);
        let account = self.state.senders.get(&plan.sender).ok_or(Reason::RpcDown)?;
        let gas_limit = fees::gas_limit(gas, settings.gas_margin_percent);
        let ceiling =
            fees::ceiling_within(gas_limit, limits.per_transaction, limits.max_fee_per_gas);
        let most = fees::payload_ceiling(ceiling).ok_or(Reason::FeeCap)?;
        let base_fee = self.state.history.head().map_or(0, |head| head.base_fee_per_gas);
        if most < base_fee.saturating_add(self.state.tip) {
            return Err(Reason::FeeCap);
        }
        let amount = fees::worst_case(gas_limit, ceiling);
        let charge = Charge { day: self.state.today(), wallet: Some(address), amount };
        self.state.ledger.check(&charge, limits).map_err(|_| Reason::Budget)?;
        let reserved = account.slots.iter().filter(|(nonce, _)| **nonce >= account.account_nonce);
        let reserved =
            reserved.fold(U256::ZERO, |sum, (_, s)| sum.saturating_add(s.reserved.amount));
        let needed = reserved.saturating_add(amount).saturating_add(limits.sender_floor);
        if needed > account.balance {
            return Err(Reason::SenderBalance);
        }
        let last = account.slots.keys().next_back();
        let next = last.map_or(0, |last| last.saturating_add(1)).max(account.account_nonce);
        let (to, data) =
            self.payload(address, plan.target, plan.digest).ok_or(Reason::Simulation)?;
        let (purpose, kind) = match plan.target {
            Target::Create => (Purpose::Create { wallet: address }, Kind::Create),
            Target::Execute => {
                (Purpose::Execute { wallet: address, digest: plan.digest }, Kind::Execute)
            }
        };
        Ok(Draft {
            sender: plan.sender,
            account_nonce: next,
            number: 0,
            purpose,
            kind,
            to,
            data,
            gas_limit,
            fees: self.market().capped(most),
            ceiling,
            charge,
        })
    }
}
