//! The engine between a chain, a store and a network that fail: effects wait in queues, and are carried out
//! late, in another order, wrongly, or never.

use crate::{
    acts::{self, Ask, BLOCK_SECS, FACTORY, WALLETS, read, sender, wallet_address},
    chain::{Chain, Log, SENDERS, Tx, Verdict, gas},
    rng::Rng,
    store::{CHAIN_ID, Store, Write, as_write, wallet_row, wei},
};
use alloy::primitives::{Address, B256, Bytes};
use quorate_core::{Lane, Nonce};
use quorate_relayer::{
    Alarm, Effect, Event, Settings, State,
    attempt::{Draft, Kind},
    budget::Limits,
    effect::Call,
    event::{
        Block, BlockId, Header, Least, LogKind, Paid, Receipt, Refusal, Rejection, Sent,
        Simulation, Standing, WalletLog,
    },
    step_all,
    wallet::Execution,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) const FINAL_DEPTH: u64 = 4;

/// How the network behaves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Nothing is answered and nothing gets through.
    pub(crate) is_down: bool,
    /// How many sends in a hundred go wrong in some way.
    pub(crate) sends: u64,
    /// How many reads in a hundred fail.
    pub(crate) reads: u64,
    /// How many sends in a hundred are refused for something that no fee can cure.
    pub(crate) refusals: u64,
    /// What every no-op is refused for, proved or not.
    pub(crate) noops: Option<Sent>,
    /// What everything else is refused for.
    pub(crate) payloads: Option<Sent>,
    /// How many answers in a hundred leave out what they should hold: no events, no receipt, nothing said.
    pub(crate) empties: u64,
}

pub(crate) struct Rig {
    pub(crate) rng: Rng,
    pub(crate) chain: Chain,
    pub(crate) store: Store,
    pub(crate) engine: Option<State>,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) clock: u64,
    pub(crate) faults: Faults,
    pub(crate) writes: VecDeque<Write>,
    pub(crate) net: Vec<Effect>,
    pub(crate) replies: Vec<Event>,
    pub(crate) known: BTreeMap<B256, Tx>,
    pub(crate) signed: BTreeMap<B256, Draft>,
    /// The head that the engine was told, and the clock: deadlines are judged by them.
    pub(crate) told: Option<B256>,
    pub(crate) told_clock: u64,
    pub(crate) told_time: u64,
    pub(crate) first_sent: BTreeMap<(Address, u64, B256), bool>,
    /// Why the engine was told last that these are refused; none of one that was taken since.
    pub(crate) refused: BTreeMap<B256, Rejection>,
    /// Which attempts were signed, by place and number.
    checked: BTreeSet<(Address, u64, u32)>,
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) steps: u64,
    /// Answers that were given, to be given again.
    pub(crate) past: VecDeque<Event>,
    /// The wallets of which some events were left out of what the engine was told.
    pub(crate) left_out: BTreeSet<Address>,
    /// The first of those attempts that were asked to be stored together.
    asked: BTreeSet<B256>,
    /// What simulations showed to pass, each on top of what was in flight and of those before it.
    pub(crate) passed: Vec<Passed>,
    /// Owners that are contracts and take nothing any more.
    pub(crate) refusing: BTreeSet<Address>,
    /// Whose signatures were said to hold no more.
    pub(crate) lapsed: Vec<(B256, Address)>,
}

/// A simulation that was answered.
pub(crate) struct Passed {
    pub(crate) in_flight: Vec<Call>,
    pub(crate) next: Vec<Call>,
}

pub(crate) fn limits() -> Limits {
    Limits {
        per_day: wei(10_u128.pow(18)),
        per_wallet_and_day: wei(5 * 10_u128.pow(17)),
        per_transaction: wei(10_u128.pow(15)),
        max_fee_per_gas: 1_000,
        sender_floor: wei(1_000),
    }
}

pub(crate) fn settings() -> Settings {
    let senders = vec![sender(0)];
    let settings = Settings::new(CHAIN_ID, FACTORY);
    Settings { senders, final_depth: FINAL_DEPTH, history: 12, audit_blocks: 8, ..settings }
}

impl Rig {
    /// One or two senders, mostly with `eth_simulateV1`.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let settings = Settings {
            senders: (0..1 + rng.index(SENDERS)).map(sender).collect(),
            has_simulate_v1: rng.chance(85),
            ..settings()
        };
        Self::with(rng, settings)
    }

    pub(crate) fn with(rng: Rng, settings: Settings) -> Self {
        let chain = Chain::new();
        let height = chain.height() - FINAL_DEPTH;
        let store = Store::new(height, &chain.blocks[usize::try_from(height).unwrap()].after);
        let clock = chain.head().after.time;
        let engine = State::new(settings.clone(), limits());
        let mut rig = Self {
            rng,
            chain,
            store,
            engine: Some(engine),
            settings,
            limits: limits(),
            clock,
            faults: Faults::default(),
            writes: VecDeque::new(),
            net: Vec::new(),
            replies: Vec::new(),
            known: BTreeMap::new(),
            signed: BTreeMap::new(),
            told: None,
            left_out: BTreeSet::new(),
            told_clock: 0,
            told_time: 0,
            first_sent: BTreeMap::new(),
            refused: BTreeMap::new(),
            checked: BTreeSet::new(),
            alarms: Vec::new(),
            steps: 0,
            past: VecDeque::new(),
            asked: BTreeSet::new(),
            passed: Vec::new(),
            refusing: BTreeSet::new(),
            lapsed: Vec::new(),
        };
        rig.give(Event::Restarted(Box::new(rig.store.rows())));
        rig.tick();
        rig
    }

    pub(crate) fn engine(&self) -> &State {
        self.engine.as_ref().unwrap()
    }

    /// Gives the engine an event and queues what it asks for.
    pub(crate) fn give(&mut self, event: Event) {
        self.give_all(vec![event]);
    }

    /// As [`Self::give`], of several events that are taken together.
    pub(crate) fn give_all(&mut self, events: Vec<Event>) {
        self.steps += events.len() as u64;
        for event in events.iter().filter(|event| is_answer(event)) {
            self.past.push_back(event.clone());
            if self.past.len() > 40 {
                self.past.pop_front();
            }
        }
        for event in &events {
            match event {
                Event::SendResult { tx_hash, outcome: Sent::Accepted } => {
                    self.refused.remove(tx_hash);
                }
                Event::SendResult {
                    tx_hash,
                    outcome: Sent::Rejected(rejection) | Sent::Doubtful(rejection),
                } => {
                    self.refused.insert(*tx_hash, *rejection);
                }
                _ => {}
            }
        }
        let (engine, effects) = step_all(self.engine.take().unwrap(), events);
        // Which of the blocks that it was told it takes for the head; it may be earlier than the one before.
        self.told_time = engine.history().head().map_or(0, |head| head.timestamp);
        self.engine = Some(engine);
        for effect in effects {
            // Asked for again it may be durable already, whatever happened since.
            if let Effect::Persist { records, .. } = &effect
                && self.asked.insert(records[0].tx_hash)
            {
                self.check_simulated(records);
                for record in records {
                    self.check_barrier(record);
                    self.check_pipeline(record, records);
                }
            }
            if let Some(write) = as_write(&effect) {
                self.writes.push_back(write);
                continue;
            }
            if let Effect::Sign { drafts, .. } = &effect {
                for draft in drafts {
                    if self.checked.insert((draft.sender, draft.account_nonce, draft.number)) {
                        self.check_fees(draft);
                    }
                }
            }
            match effect {
                Effect::Alarm(alarm) => self.alarms.push(alarm),
                Effect::SignatureLapsed { digest, owner, .. } => {
                    if let Some((_, signatures)) = self.store.proposals.get_mut(&digest) {
                        signatures.remove(&owner);
                    }
                    self.lapsed.push((digest, owner));
                }
                Effect::Ignored(_) | Effect::FreeNonce { .. } => {}
                Effect::Broadcast { tx_hash, .. } | Effect::Rebroadcast { tx_hash, .. } => {
                    self.check_send(tx_hash);
                    self.net.push(effect);
                }
                other => self.net.push(other),
            }
        }
    }

    pub(crate) fn tick(&mut self) {
        self.told_clock = self.clock;
        self.give(Event::Tick { now: self.clock });
    }

    /// The process dies and another begins with what was stored. What was handed to the network may arrive.
    pub(crate) fn crash(&mut self) {
        self.replies.clear();
        for effect in std::mem::take(&mut self.net) {
            if matches!(effect, Effect::Broadcast { .. }) && self.rng.chance(30) {
                self.carry_out(effect);
            }
        }
        self.replies.clear();
        let done = self.rng.index(self.writes.len() + 1);
        for write in self.writes.drain(..).take(done).collect::<Vec<_>>() {
            match write {
                Write::Attempts { records, .. } => {
                    self.store.commit_attempts(records);
                }
                other => self.store.commit(other),
            }
        }
        self.first_sent.clear();
        self.refused.clear();
        self.checked.clear();
        self.past.clear();
        self.passed.clear();
        self.told = None;
        self.told_time = 0;
        self.engine = Some(State::new(self.settings.clone(), self.limits));
        self.give(Event::Restarted(Box::new(self.store.rows())));
        self.tick();
    }

    /// Commits the oldest write.
    pub(crate) fn commit(&mut self) {
        match self.writes.pop_front() {
            None => {}
            Some(Write::Attempts { request, records }) => {
                records.iter().for_each(|record| self.check_persist(record));
                let event = if self.store.commit_attempts(records) {
                    Event::Persisted { request }
                } else {
                    Event::PersistLost { request }
                };
                self.replies.push(event);
            }
            Some(other) => self.store.commit(other),
        }
    }

    /// Carries out one of the waiting effects, not always the oldest.
    pub(crate) fn work(&mut self) {
        if self.net.is_empty() {
            return;
        }
        let index = self.rng.index(self.net.len().min(4));
        let effect = self.net.remove(index);
        self.carry_out(effect);
    }

    pub(crate) fn reply(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        let count = if self.rng.chance(70) { 1 } else { 2 + self.rng.index(4) };
        let mut events = Vec::new();
        while events.len() < count && !self.replies.is_empty() {
            let index = self.rng.index(self.replies.len().min(3));
            events.push(self.replies.remove(index));
        }
        self.give_all(events);
    }

    /// Tells the engine the chain, or a head that lags.
    pub(crate) fn tell_head(&mut self, lag: u64) {
        let last = self.chain.height().saturating_sub(lag);
        let told = self.told.and_then(|hash| self.chain.number_of(hash));
        // From a few blocks before what it knows.
        let first = match told {
            Some(told) => told.saturating_sub(self.rng.below(3)),
            None => last.saturating_sub(self.rng.below(8)),
        };
        self.tell_blocks(first.min(last), last);
    }

    pub(crate) fn tell_blocks(&mut self, first: u64, last: u64) {
        let mut blocks: Vec<Block> = (first..=last).map(|number| self.block(number)).collect();
        for block in &mut blocks {
            if self.rng.chance(self.faults.empties) {
                self.left_out.extend(block.logs.drain(..).map(|log| log.wallet));
            }
        }
        let Some(head) = blocks.last().map(|block| block.header) else { return };
        self.give(Event::NewHead { blocks, of: None, tip: 2 });
        // An older head is ignored by the engine, and then nothing changes here either.
        if self.engine().history().head().map(|h| h.id.hash) == Some(head.id.hash) {
            self.told = Some(head.id.hash);
        }
    }

    pub(crate) fn block(&self, number: u64) -> Block {
        let block = &self.chain.blocks[usize::try_from(number).unwrap()];
        let logs = (0_u64..).zip(&block.logs).map(|(index, (wallet, tx_hash, log))| {
            as_log(*wallet, (*tx_hash, index), block.after.time, log)
        });
        Block {
            header: Header {
                id: BlockId { number, hash: block.hash },
                parent: block.parent,
                timestamp: block.after.time,
                base_fee_per_gas: block.base_fee,
            },
            logs: logs.collect(),
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let fails = self.faults.is_down || self.rng.chance(self.faults.reads);
        match effect {
            Effect::Simulate { request, at, in_flight, next } => {
                let outcome = if fails {
                    Simulation::Unavailable
                } else {
                    self.simulate(at, &in_flight, &next)
                };
                self.replies.push(Event::Simulated { request, outcome });
            }
            Effect::AskContracts { request, signatures, .. } if !fails => {
                let refused = signatures.into_iter().filter(|(o, _)| self.refusing.contains(o));
                let lapsed = refused.map(|(o, signature)| (o, signature, "refuses")).collect();
                self.replies.push(Event::ContractsAsked { digest: request.digest(), lapsed });
            }
            Effect::Sign { request, drafts } => self.sign(request, drafts),
            Effect::Broadcast { tx_hash, .. } | Effect::Rebroadcast { tx_hash, .. } => {
                self.send(tx_hash);
            }
            Effect::AskGas { sender, account_nonce, at, in_flight, call } if !fails => {
                let found = self.simulate(at, &in_flight, std::slice::from_ref(&call));
                if let Simulation::Done { gas, rollup_fees, .. } = found
                    && let (Some(&gas), Some(&rollup_fee)) = (gas.first(), rollup_fees.first())
                {
                    let event = Event::GasSeen { sender, account_nonce, gas, rollup_fee };
                    self.replies.push(event);
                }
            }
            Effect::AskAccounts { at, senders } if !fails => self.read_accounts(at, &senders),
            Effect::AskReceipts { tx_hashes, .. } if !fails => self.read_receipts(tx_hashes),
            Effect::AskBlocks { from } if !fails => {
                let last = self.chain.height();
                self.tell_blocks(from.min(last), last);
            }
            Effect::AskLogs { wallets, from, to } => self.read_logs(wallets, from, to, fails),
            Effect::AskLane { wallet, lane, block } if !fails => {
                let index = usize::try_from(block).unwrap();
                if let Some(at) = self.chain.blocks.get(index) {
                    let wallet_state = &at.after.wallets[index_of(wallet)];
                    let next = wallet_state.lanes.get(&lane.number().to()).copied().unwrap_or(0);
                    self.replies.push(Event::LaneSeen { wallet, lane, next, block });
                }
            }
            Effect::AskStanding { wallet, at, lanes, approvals } if !fails => {
                self.read_standing(wallet, at, &lanes, &approvals);
            }
            Effect::AskExecution { wallet, nonce } if !fails => self.find(wallet, nonce),
            Effect::AskWallet { wallet } if !fails => {
                let block = self.chain.height().saturating_sub(FINAL_DEPTH);
                let world = &self.chain.blocks[usize::try_from(block).unwrap()].after;
                let row = wallet_row(index_of(wallet), block, world);
                self.store.wallets.insert(wallet, row.clone());
                self.replies.push(Event::WalletAdded(Box::new(row)));
            }
            Effect::AskWallet { .. } => self.net.push(effect),
            Effect::Reload => self.crash(),
            _ => {}
        }
    }

    fn simulate(&mut self, at: BlockId, in_flight: &[Call], next: &[Call]) -> Simulation {
        let Some(number) = self.chain.number_of(at.hash) else { return Simulation::Unavailable };
        let needs_v1 = !in_flight.is_empty() || next.len() > 1;
        assert!(self.settings.has_simulate_v1 || !needs_v1, "asked for what the node lacks");
        let mut world = self.chain.blocks[usize::try_from(number).unwrap()].after.clone();
        world.time += BLOCK_SECS;
        for call in in_flight {
            if world.call(&read(call.to, &call.data)).is_none() {
                return Simulation::InFlightReverted;
            }
        }
        let passes = |call: &&Call| world.call(&read(call.to, &call.data)).is_some();
        let passed = next.iter().take_while(passes);
        let l1_gas = self.chain.l1_gas;
        let gas: Vec<_> = passed.map(|call| gas(&read(call.to, &call.data)) + l1_gas).collect();
        // With a margin, as the real thing.
        let rollup_fees = vec![wei(self.chain.rollup_fee * 3 / 2); gas.len()];
        let refusal = (gas.len() < next.len()).then_some(Refusal::Reverted);
        let (in_flight, next) = (in_flight.to_vec(), next[..gas.len()].to_vec());
        self.passed.push(Passed { in_flight, next });
        Simulation::Done { gas, rollup_fees, refusal }
    }

    fn sign(&mut self, request: u64, drafts: Vec<Draft>) {
        if self.rng.chance(self.faults.reads / 4) {
            self.replies.push(Event::SignFailed { request });
            return;
        }
        let signed = drafts.into_iter().map(|draft| self.sign_one(draft)).collect();
        self.replies.push(Event::Signed { request, signed });
    }

    fn sign_one(&mut self, draft: Draft) -> (B256, Bytes) {
        let known = self.signed.iter().find(|(_, known)| **known == draft).map(|(hash, _)| *hash);
        let tx_hash = known.unwrap_or_else(|| {
            let mut hash = B256::with_last_byte(0x77);
            hash[..8].copy_from_slice(&(self.signed.len() as u64).to_be_bytes());
            hash
        });
        let is_noop = draft.kind == Kind::Noop;
        assert_eq!(is_noop, draft.to == draft.sender && draft.data.is_empty());
        let ask = if is_noop { Ask::Nothing } else { read(draft.to, &draft.data) };
        let tx = Tx {
            hash: tx_hash,
            from: draft.sender,
            nonce: draft.account_nonce,
            gas_limit: draft.gas_limit,
            max_fee: draft.fees.max_fee_per_gas(),
            tip: draft.fees.max_priority_fee_per_gas(),
            ask,
        };
        self.known.insert(tx_hash, tx);
        self.signed.insert(tx_hash, draft);
        (tx_hash, Bytes::copy_from_slice(tx_hash.as_slice()))
    }

    /// Sends, and answers what is true, or not.
    fn send(&mut self, tx_hash: B256) {
        let tx = self.known[&tx_hash].clone();
        if let Some(outcome) = self.refuses(&tx) {
            self.replies.push(Event::SendResult { tx_hash, outcome });
            return;
        }
        let is_faulty = self.faults.is_down || self.rng.chance(self.faults.sends);
        let way = if self.faults.is_down { 0 } else { self.rng.below(5) };
        let outcome = match (is_faulty, way) {
            // Lost on the way there.
            (true, 0) => Some(Sent::Unknown),
            // Lost on the way back.
            (true, 1) => {
                self.chain.submit(&tx);
                Some(Sent::Unknown)
            }
            // "already known", which is not true.
            (true, 2) => Some(Sent::Accepted),
            // No answer at all.
            (true, 3) => None,
            // Taken, and dropped at once.
            (true, _) => {
                self.chain.submit(&tx);
                self.chain.pool.remove(&(tx.from, tx.nonce));
                Some(Sent::Accepted)
            }
            (false, _) => Some(match self.chain.submit(&tx) {
                Verdict::Taken => Sent::Accepted,
                Verdict::NonceTooLow => Sent::Rejected(Rejection::NonceTooLow),
                Verdict::Underpriced => Sent::Rejected(Rejection::Underpriced(Least::default())),
                Verdict::TipTooLow(least) => Sent::Rejected(Rejection::Underpriced(Least {
                    max_fee_per_gas: None,
                    priority_fee_per_gas: self.rng.chance(50).then_some(least),
                })),
                Verdict::GasTooLow => Sent::Rejected(Rejection::GasTooLow { least: None }),
                Verdict::Poor => Sent::Rejected(Rejection::InsufficientFunds { missing: None }),
            }),
        };
        if let Some(outcome) = outcome {
            self.replies.push(Event::SendResult { tx_hash, outcome });
        }
    }

    /// What nodes refuse a transaction for that is not wrong at all; none if they do not.
    fn refuses(&mut self, tx: &Tx) -> Option<Sent> {
        let is_noop = tx.ask == Ask::Nothing;
        let all = if is_noop { self.faults.noops } else { self.faults.payloads };
        if all.is_some() {
            return all;
        }
        if !self.rng.chance(self.faults.refusals) {
            return None;
        }
        let missing = None;
        Some(match self.rng.below(8) {
            0 => Sent::Rejected(Rejection::Wait),
            1 => Sent::Doubtful(Rejection::Wait),
            2 | 3 => Sent::Doubtful(Rejection::Unrecognised),
            4 => Sent::Doubtful(Rejection::Reverted),
            5 => Sent::Rejected(Rejection::InsufficientFunds { missing }),
            6 => Sent::Doubtful(Rejection::GasTooLow { least: None }),
            _ => Sent::Rejected(Rejection::Invalid),
        })
    }

    fn read_standing(
        &mut self,
        wallet: Address,
        at: BlockId,
        lanes: &[Lane],
        approvals: &[(B256, Address)],
    ) {
        let Some(number) = self.chain.number_of(at.hash) else { return };
        let world = &self.chain.blocks[usize::try_from(number).unwrap()].after;
        let state = &world.wallets[index_of(wallet)];
        let next = |lane: &Lane| state.lanes.get(&lane.number().to()).copied().unwrap_or(0);
        let mut standing = Standing {
            epoch: state.is_deployed.then_some(state.epoch),
            is_absent: !state.is_deployed,
            lanes: lanes.iter().map(|lane| (*lane, next(lane))).collect(),
            approvals: approvals.iter().filter(|a| state.approvals.contains(*a)).copied().collect(),
        };
        if self.rng.chance(self.faults.empties) {
            standing = Standing::default();
        }
        self.replies.push(Event::StandingSeen { wallet, at, standing });
    }

    fn read_accounts(&mut self, at: BlockId, senders: &[Address]) {
        let at = at.hash;
        let Some(number) = self.chain.number_of(at) else { return };
        let world = &self.chain.blocks[usize::try_from(number).unwrap()].after;
        for &sender in senders {
            let balance = wei(world.balances[&sender]);
            let account_nonce = world.nonce(sender);
            self.replies.push(Event::AccountSeen { sender, at, account_nonce, balance });
        }
    }

    fn read_receipts(&mut self, tx_hashes: Vec<B256>) {
        for tx_hash in tx_hashes {
            let found = self.chain.find(tx_hash).map(|(number, mined)| (number, mined.clone()));
            let mut receipt = found.map(|(number, mined)| {
                let block = self.block(number);
                let logs = block.logs.into_iter().filter(|log| log.tx_hash == tx_hash).collect();
                let paid = Paid {
                    success: mined.success,
                    gas_used: 21_000,
                    cost: wei(mined.cost),
                    l1_fee: (mined.l1_fee > 0).then(|| wei(mined.l1_fee)),
                    operator_fee: None,
                };
                Receipt { block: block.header.id, paid, logs }
            });
            if self.rng.chance(self.faults.empties) {
                match &mut receipt {
                    Some(receipt) if self.rng.chance(50) => receipt.logs.clear(),
                    _ => receipt = None,
                }
            }
            self.replies.push(Event::ReceiptSeen { tx_hash, receipt });
        }
    }

    fn read_logs(&mut self, wallets: Vec<Address>, from: u64, to: u64, fails: bool) {
        let is_long = to - from > 2 && self.rng.chance(50);
        if fails || is_long || to > self.chain.height() {
            if !(fails && self.rng.chance(50)) {
                self.replies.push(Event::LogsRefused { wallets, from, to });
            }
            return;
        }
        let mut logs = Vec::new();
        for number in from..=to {
            let block = self.block(number);
            let id = block.header.id;
            let own = block.logs.into_iter().filter(|log| wallets.contains(&log.wallet));
            logs.extend(own.map(|log| (id, log)));
        }
        if self.rng.chance(self.faults.empties) {
            self.left_out.extend(logs.drain(..).map(|(_, log)| log.wallet));
        }
        let to_hash = self.block(to).header.id.hash;
        self.replies.push(Event::LogsRead { wallets, from, to, to_hash, logs });
    }

    fn find(&mut self, wallet: Address, nonce: Nonce) {
        if self.rng.chance(self.faults.empties) {
            return;
        }
        for number in 0..=self.chain.height() {
            let block = self.block(number);
            for log in block.logs {
                if let LogKind::Executed { digest, nonce: n } = log.what
                    && (n, log.wallet) == (nonce, wallet)
                {
                    let WalletLog { tx_hash, timestamp, .. } = log;
                    let block = block.header.id;
                    let execution = Execution { digest, tx_hash, block, timestamp };
                    let event = Event::ExecutionFound { wallet, nonce, execution };
                    self.replies.push(event);
                }
            }
        }
    }
}

pub(crate) fn index_of(wallet: Address) -> usize {
    (0..WALLETS).find(|index| wallet_address(*index) == wallet).unwrap()
}

/// Whether it only says what was asked: hearing it twice, or late, must do no harm.
const fn is_answer(event: &Event) -> bool {
    matches!(
        event,
        Event::AccountSeen { .. }
            | Event::ReceiptSeen { .. }
            | Event::LogsRead { .. }
            | Event::LogsRefused { .. }
            | Event::LaneSeen { .. }
            | Event::StandingSeen { .. }
            | Event::ExecutionFound { .. }
            | Event::Simulated { .. }
            | Event::Signed { .. }
            | Event::Persisted { .. }
            | Event::SendResult { .. }
            | Event::GasSeen { .. }
    )
}

fn as_log(wallet: usize, (tx_hash, index): (B256, u64), timestamp: u64, log: &Log) -> WalletLog {
    let what = match *log {
        Log::Created => LogKind::Created,
        Log::Executed { digest, nonce } => LogKind::Executed { digest, nonce },
        Log::Reconfigured { epoch } => {
            LogKind::Reconfigured { config: acts::config(wallet, epoch) }
        }
        Log::Approved { digest, owner } => LogKind::Approved { digest, owner },
    };
    WalletLog { wallet: wallet_address(wallet), tx_hash, index, timestamp, what }
}
