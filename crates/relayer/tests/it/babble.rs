//! Events that make no sense: none makes a step panic, and a step says the same when it is made again.

use crate::{
    acts::{sender, table, wallet_address},
    rig::{Rig, limits},
    rng::Rng,
    store::wei,
};
use alloy::primitives::{Address, B256, Bytes, U256, aliases::U192};
use quorate_core::{Lane, Nonce, OwnerSignature};
use quorate_relayer::{
    Event, State,
    event::{
        Block, BlockId, Header, Least, LogKind, Paid, Receipt, Refusal, Rejection, Sent,
        Simulation, Standing, WalletLog,
    },
    step,
    wallet::Execution,
};
use std::{collections::BTreeSet, sync::Arc};

struct Babbler(Rng);

impl Babbler {
    fn number(&mut self) -> u64 {
        match self.0.below(4) {
            0 => self.0.below(4),
            1 => u64::MAX - self.0.below(3),
            2 => 8 + self.0.below(20),
            _ => self.0.next(),
        }
    }

    fn hash(&mut self) -> B256 {
        let mut hash = B256::with_last_byte([0x77, 0xb1, 0x00][self.0.index(3)]);
        hash[..8].copy_from_slice(&self.0.below(12).to_be_bytes());
        hash
    }

    fn address(&mut self) -> Address {
        [wallet_address(0), wallet_address(1), sender(0), Address::ZERO][self.0.index(4)]
    }

    fn nonce(&mut self) -> Nonce {
        Nonce::new(Lane::new(U192::from(self.0.below(3))), self.number())
    }

    fn block(&mut self) -> BlockId {
        BlockId { number: self.number(), hash: self.hash() }
    }

    fn log(&mut self) -> WalletLog {
        let what = match self.0.below(4) {
            0 => LogKind::Created,
            1 => LogKind::Reconfigured { config: crate::acts::config(0, 1) },
            2 => LogKind::Approved { digest: self.digest(), owner: self.address() },
            _ => LogKind::Executed { digest: self.digest(), nonce: self.nonce() },
        };
        let (wallet, tx_hash, timestamp) = (self.address(), self.hash(), self.number());
        WalletLog { wallet, tx_hash, index: self.number(), timestamp, what }
    }

    fn digest(&mut self) -> B256 {
        table()[self.0.index(8)].digest
    }

    fn head(&mut self) -> Event {
        let id = self.block();
        let (parent, timestamp) = (self.hash(), self.number());
        let base_fee_per_gas = u128::from(self.number()) << self.0.below(65);
        let header = Header { id, parent, timestamp, base_fee_per_gas };
        let blocks = vec![Block { header, logs: vec![self.log(), self.log()] }];
        let of = self.0.chance(30).then(|| Arc::new(BTreeSet::from([self.address()])));
        Event::NewHead { blocks, of, tip: u128::from(self.number()) << self.0.below(65) }
    }

    fn receipt(&mut self) -> Option<Receipt> {
        let success = self.0.chance(50);
        let (block, cost) = (self.block(), U256::from_limbs([self.number(); 4]));
        let l1_fee = self.0.chance(50).then(|| U256::from(self.number()));
        let paid = Paid { success, gas_used: 21_000, cost, l1_fee, operator_fee: l1_fee };
        let logs = vec![self.log(), self.log()];
        self.0.chance(60).then_some(Receipt { block, paid, logs })
    }

    fn standing(&mut self) -> Event {
        let epoch = self.0.chance(70).then(|| u32::try_from(self.number()).unwrap_or(u32::MAX));
        let lanes = vec![(self.nonce().lane, self.number())];
        let approvals = vec![(self.digest(), self.address())];
        let is_absent = self.0.chance(50);
        let standing = Standing { epoch, is_absent, lanes, approvals };
        Event::StandingSeen { wallet: self.address(), at: self.block(), standing }
    }

    fn logs(&mut self) -> Event {
        let (wallets, from, to) = (vec![self.address()], self.number(), self.number());
        if self.0.chance(40) {
            return Event::LogsRefused { wallets, from, to };
        }
        let (to_hash, logs) = (self.hash(), vec![(self.block(), self.log())]);
        Event::LogsRead { wallets, from, to, to_hash, logs }
    }

    fn reply(&mut self) -> Event {
        let request = self.0.below(12);
        match self.0.below(6) {
            0 | 1 => {
                let gas = (0..self.0.below(4)).map(|_| self.number()).collect();
                let refusals = [
                    None,
                    Some(Refusal::Reverted),
                    Some(Refusal::Policy),
                    Some(Refusal::Rules),
                    Some(Refusal::NotBefore(self.number())),
                ];
                let rollup_fees =
                    (0..self.0.below(4)).map(|_| U256::from_limbs([self.number(); 4])).collect();
                let refusal = refusals[self.0.index(5)];
                let outcome = Simulation::Done { gas, rollup_fees, refusal };
                Event::Simulated { request, outcome }
            }
            2 => {
                let count = self.0.below(3);
                let signed = (0..count).map(|_| (self.hash(), Bytes::new())).collect();
                Event::Signed { request, signed }
            }
            3 => Event::SignFailed { request },
            4 => Event::Persisted { request },
            _ => Event::PersistLost { request },
        }
    }

    fn event(&mut self) -> Event {
        let (wallet, digest, owner) = (self.address(), self.digest(), self.address());
        match self.0.below(20) {
            0 => self.head(),
            1 => self.logs(),
            2 => Event::AccountSeen {
                sender: self.address(),
                at: self.hash(),
                account_nonce: self.number(),
                balance: U256::from(self.number()),
            },
            3 => Event::ReceiptSeen { tx_hash: self.hash(), receipt: self.receipt() },
            4 => {
                let (lane, next) = (self.nonce().lane, self.number());
                Event::LaneSeen { wallet, lane, next, block: self.number() }
            }
            5 => {
                let (tx_hash, block, timestamp) = (self.hash(), self.block(), self.number());
                let execution = Execution { digest, tx_hash, block, timestamp };
                Event::ExecutionFound { wallet, nonce: self.nonce(), execution }
            }
            6 => {
                let request = Box::new(table()[self.0.index(8)].request.clone());
                Event::ProposalAdded { digest, request }
            }
            7 => Event::SignatureAdded { digest, owner, signature: OwnerSignature::Approved },
            8 => {
                let lapsed = vec![(owner, OwnerSignature::Approved, "refuses")];
                Event::ContractsAsked { digest, lapsed }
            }
            9 => {
                let request = self.0.below(12);
                Event::Simulated { request, outcome: Simulation::InFlightReverted }
            }
            10 => {
                let gas = Rejection::GasTooLow { least: Some(self.number()) };
                let least = Least {
                    max_fee_per_gas: Some(u128::from(self.number()) << self.0.below(65)),
                    priority_fee_per_gas: Some(u128::from(self.number()) << self.0.below(65)),
                };
                let missing = Some(U256::from(self.number()));
                let outcome = [
                    Sent::Unknown,
                    Sent::Rejected(Rejection::Invalid),
                    Sent::Rejected(gas),
                    Sent::Doubtful(gas),
                    Sent::Rejected(Rejection::Underpriced(least)),
                    Sent::Rejected(Rejection::InsufficientFunds { missing }),
                    Sent::Doubtful(Rejection::Unrecognised),
                ][self.0.index(7)];
                Event::SendResult { tx_hash: self.hash(), outcome }
            }
            11 => Event::Tick { now: self.number() },
            12 => [Event::Paused, Event::Resumed][self.0.index(2)].clone(),
            13 => {
                let per_day = wei(u128::from(self.number()));
                Event::BudgetChanged(quorate_relayer::budget::Limits { per_day, ..limits() })
            }
            14 => self.standing(),
            15 => Event::CanSimulate(self.0.chance(50)),
            16 => Event::FinalitySeen { finalized: self.number() },
            17 => Event::GasSeen {
                sender: self.address(),
                account_nonce: self.0.chance(50).then(|| self.number()),
                gas: self.number(),
                rollup_fee: U256::from_limbs([self.number(); 4]),
            },
            _ => self.reply(),
        }
    }
}

#[test]
fn no_event_makes_a_step_panic_and_steps_are_deterministic() {
    for seed in 0..200 {
        let mut rig = Rig::new(seed);
        for _ in 0..60 {
            rig.happen();
        }
        let mut babbler = Babbler(Rng::new(seed));
        let mut state: State = rig.engine().clone();
        for _ in 0..80 {
            let event = babbler.event();
            let again = step(state.clone(), event.clone()).1;
            let (next, effects) = step(state, event);
            assert_eq!(effects, again);
            state = next;
        }
    }
}
