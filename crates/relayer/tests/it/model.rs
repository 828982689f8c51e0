//! Random sequences of everything that can happen, against the naive chain; and then quiet, in which all that
//! can be executed must be. `MODEL_SEQUENCES` and `MODEL_SEED` choose how many, and which.
//!
//! It was tried whether it finds an engine that is broken on purpose. It found: another account nonce taken
//! before the old one is final, or where the last send is `Unknown`; a time-out taken for a failure; an attempt
//! noted and sent before it was stored; nothing sent again, or only what is not accepted; executions by
//! strangers ignored; no no-ops; no bumps; gaps left; a reorg that undoes no logs or reopens no account nonce;
//! no deadline on the wire; budgets not checked; no barrier; final a block deep; a reverting simulation not
//! heeded. What costs gas and no truth only the rules find: what waits behind a revert not freed, a lane spread
//! over senders, failures without end, a revert told as `submitted`, and replacements by 5 %. Two breaks are
//! hardly or never found, since something else stands in for what they take away: the two blocks before a
//! deadline, and the account nonce read before a reorg.

use crate::{
    acts::{Act, Ask, BLOCK_SECS, Deed, WALLETS, owners, sender, signature, table, wallet_address},
    chain::Tx,
    rig::{FINAL_DEPTH, Faults, Rig, index_of, limits},
    rng::Rng,
    store::wei,
    truth::{ask, check},
};
use alloy::primitives::B256;
use quorate_relayer::{
    Alarm, Event, Status,
    attempt::{AttemptRecord, Kind, Purpose},
    budget::Limits,
    event::{Rejection, Sent},
};
use std::collections::{BTreeMap, btree_map::Entry};

/// How many rounds of quiet are enough: proposals wait up to 32 blocks for their next simulation.
const QUIET_ROUNDS: u64 = 150;

/// What a sequence came to; a model that never gets somewhere proves nothing about it.
type Reached = BTreeMap<&'static str, u64>;

/// Runs one sequence; says what is wrong.
pub(crate) fn run(seed: u64) -> Result<Reached, String> {
    let mut rig = Rig::new(seed);
    if rig.rng.chance(30) {
        let budget = wei(u128::from(1 + rig.rng.below(8)) * 2_000_000);
        rig.limits = Limits { per_wallet_and_day: budget, ..limits() };
        rig.give(Event::BudgetChanged(rig.limits));
    }
    if rig.rng.chance(20) {
        let balance = u128::from(1 + rig.rng.below(8)) * 4_000_000;
        rig.set_balances(balance);
    }
    rig.faults = Faults {
        sends: rig.rng.below(40),
        reads: rig.rng.below(30),
        refusals: if rig.rng.chance(30) { rig.rng.below(30) } else { 0 },
        empties: if rig.rng.chance(50) { rig.rng.below(80) } else { 0 },
        ..Faults::default()
    };
    if rig.rng.chance(30) {
        rig.chain.l1_gas = rig.rng.below(30_000);
        rig.chain.rollup_fee = u128::from(rig.rng.below(2_000_000));
    }
    rig.tell_head(0);
    let length = 40 + rig.rng.below(160);
    for _ in 0..length {
        rig.happen();
    }
    rig.check_budgets()?;
    rig.calm();
    let mut result = Ok(());
    for round in 0..QUIET_ROUNDS {
        rig.quiet_round();
        // Not sooner than what is final is known to be.
        if round > 2 * FINAL_DEPTH {
            result = check(&rig);
            if result.is_ok() {
                break;
            }
        }
    }
    let open = rig.engine().senders().values().flat_map(|sender| sender.slots.values());
    let open: Vec<_> = open.filter(|slot| slot.is_open()).collect();
    result.map(|()| rig.reached()).map_err(|wrong| format!("{wrong}\nopen: {open:#?}"))
}

impl Rig {
    /// One thing that can happen.
    pub(crate) fn happen(&mut self) {
        match self.rng.below(100) {
            0..40 => self.move_queues(),
            40..56 => {
                self.mine();
                if self.rng.chance(80) {
                    self.tell_head(0);
                }
            }
            56..62 => {
                let lag = self.rng.below(3);
                self.tell_head(lag);
            }
            62..65 => self.advance_clock(),
            65..80 => self.own(),
            80..83 => self.meddle(),
            83 => self.race(),
            84..86 => {
                let depth = 1 + self.rng.index(usize::try_from(FINAL_DEPTH).unwrap() - 1);
                self.chain.undo(depth, &self.known, &mut self.rng);
                for _ in 0..=depth {
                    self.mine();
                }
                self.tell_head(0);
            }
            86..88 => self.crash(),
            88 => self.foreign(),
            89 => self.foreign_undone(),
            90 => {
                let is_paused = self.rng.chance(30);
                self.store.is_paused = is_paused;
                self.give(if is_paused { Event::Paused } else { Event::Resumed });
            }
            91 => self.deny_noops(),
            92..94 => self.chain.base_fee = [5, 10, 10, 40, 300, 900][self.rng.index(6)],
            94 => self.chain.pool.clear(),
            95 => self.fund(),
            96 => self.faults.is_down = self.rng.chance(40),
            97 if self.rng.chance(30) => {
                self.give(Event::LeaseLost);
                self.crash();
            }
            97 => {
                if let Some(event) = self.past.get(self.rng.index(40)).cloned() {
                    self.give(event);
                }
            }
            98 => match self.rng.below(4) {
                0 => self.spike(),
                1 => self.change_rules(),
                _ => self.deny_noops(),
            },
            _ => (0..6).for_each(|_| self.move_queues()),
        }
    }

    fn move_queues(&mut self) {
        for _ in 0..6 {
            match self.rng.below(3) {
                0 => self.commit(),
                1 => self.work(),
                _ => self.reply(),
            }
        }
    }

    fn mine(&mut self) {
        let percent = [0, 50, 90, 100][self.rng.index(4)];
        let mut rng = Rng::new(self.rng.next());
        self.chain.mine(&mut rng, percent);
        self.clock += BLOCK_SECS;
    }

    fn advance_clock(&mut self) {
        self.clock = match self.rng.below(10) {
            0 => self.clock.saturating_sub(self.rng.below(3_000)),
            1 => self.clock + self.rng.below(3_000),
            2 => self.chain.head().after.time,
            _ => self.clock + self.rng.below(20),
        };
        self.tick();
    }

    /// An owner proposes or signs.
    fn own(&mut self) {
        let known = self.store.proposals.len();
        let digest = if known > 0 && self.rng.chance(40) {
            *self.store.proposals.keys().nth(self.rng.index(known)).unwrap()
        } else {
            let Some(act) = self.pick_act() else { return };
            if let Entry::Vacant(place) = self.store.proposals.entry(act.digest) {
                place.insert((act, BTreeMap::new()));
                let (digest, request) = (act.digest, Box::new(act.request.clone()));
                self.give(Event::ProposalAdded { digest, request });
            }
            act.digest
        };
        for _ in 0..1 + self.rng.below(3) {
            self.sign_as_owner(digest);
        }
    }

    fn sign_as_owner(&mut self, digest: B256) {
        let act = self.store.proposals[&digest].0;
        let owners = owners(act.wallet, act.epoch);
        let owner = owners[self.rng.index(owners.len())];
        if self.rng.chance(15) {
            self.chain.strangers.push(Ask::Approve { wallet: act.wallet, digest, owner });
            return;
        }
        let signature = signature(act);
        self.store.proposals.get_mut(&digest).unwrap().1.insert(owner, signature.clone());
        self.give(Event::SignatureAdded { digest, owner, signature });
    }

    /// One that owners could think of now: near the next sequence, mostly of this epoch.
    fn pick_act(&mut self) -> Option<&'static Act> {
        let table = table();
        let deed = match self.rng.below(100) {
            0..75 => Deed::Pay,
            75..92 => Deed::Cancel,
            _ => Deed::Reconfigure,
        };
        for _ in 0..200 {
            let act = &table[self.rng.index(table.len())];
            let wallet = &self.chain.head().after.wallets[act.wallet];
            let next = wallet.lanes.get(&act.lane).copied().unwrap_or(0);
            let is_near = act.sequence <= next + 4 && (act.sequence >= next || self.rng.chance(3));
            let is_of_epoch = act.epoch == wallet.epoch || self.rng.chance(3);
            if act.deed == deed && is_near && is_of_epoch {
                return Some(act);
            }
        }
        None
    }

    /// A stranger submits what has signatures enough, or creates a wallet.
    fn meddle(&mut self) {
        let known = self.store.proposals.len();
        if known == 0 || self.rng.chance(10) {
            self.chain.strangers.push(Ask::Create { wallet: 1 });
            return;
        }
        let (act, signatures) = self.store.proposals.values().nth(self.rng.index(known)).unwrap();
        if signatures.len() >= 2 {
            self.chain.strangers.push(ask(act));
        }
    }

    /// Something changes under what is on its way, just before it is mined.
    fn race(&mut self) {
        self.set_funds(0);
        let mut rng = Rng::new(self.rng.next());
        self.chain.mine(&mut rng, 100);
        self.set_funds(3);
        self.clock += BLOCK_SECS;
        self.tell_head(0);
    }

    /// What nodes take is another now: more gas for the same, no no-ops, higher tips.
    fn change_rules(&mut self) {
        self.chain.l1_gas = self.rng.below(60_000);
        self.chain.rollup_fee = u128::from(self.rng.below(4_000_000));
        self.chain.least_tip = [0, 0, 5, 60][self.rng.index(4)];
        self.faults.noops = match self.rng.below(4) {
            0 => Some(Sent::Rejected(Rejection::Invalid)),
            1 => Some(Sent::Doubtful(Rejection::Unrecognised)),
            _ => None,
        };
    }

    /// What is on its way would revert now, and no node takes the no-op for its place; then there is something to do.
    fn deny_noops(&mut self) {
        self.faults.noops = Some(Sent::Rejected(Rejection::Invalid));
        self.set_funds(0);
        for _ in 0..3 {
            self.pass_block();
        }
        self.set_funds(3);
        (0..3).for_each(|_| self.own());
        for _ in 0..4 {
            self.pass_block();
        }
    }

    /// A block that nothing of the pool gets into.
    fn pass_block(&mut self) {
        let mut rng = Rng::new(self.rng.next());
        self.chain.mine(&mut rng, 0);
        self.clock += BLOCK_SECS;
        self.tell_head(0);
        (0..4).for_each(|_| self.move_queues());
    }

    fn set_funds(&mut self, funds: u64) {
        for wallet in &mut self.chain.blocks.last_mut().unwrap().after.wallets {
            wallet.funds = funds;
        }
    }

    /// Blocks are dear for a while.
    fn spike(&mut self) {
        self.chain.base_fee = [60, 200, 450][self.rng.index(3)];
        for _ in 0..3 + self.rng.below(8) {
            self.mine();
            self.tell_head(0);
            (0..4).for_each(|_| self.move_queues());
        }
        self.chain.base_fee = 10;
    }

    /// Somebody else uses the sender's key, we take the account nonce after that, and then it was not so.
    fn foreign_undone(&mut self) {
        self.foreign();
        let mut rng = Rng::new(self.rng.next());
        self.chain.mine(&mut rng, 100);
        self.tell_head(0);
        self.own();
        (0..4).for_each(|_| self.move_queues());
        let known = BTreeMap::new();
        self.chain.undo(1, &known, &mut self.rng);
        self.mine();
        self.mine();
        self.tell_head(0);
    }

    /// Somebody else uses the sender's key.
    fn foreign(&mut self) {
        let from = sender(0);
        let nonce = self.chain.head().after.nonce(from) + self.rng.below(2);
        let mut hash = B256::with_last_byte(0xff);
        hash[..8].copy_from_slice(&self.rng.next().to_be_bytes());
        let ask = Ask::Nothing;
        let tx = Tx { hash, from, nonce, gas_limit: 200_000, max_fee: 950, tip: 900, ask };
        self.known.insert(hash, tx.clone());
        self.chain.pool.insert((from, nonce), tx);
    }

    fn fund(&mut self) {
        let (wallet, funds) = (self.rng.index(WALLETS), self.rng.below(4));
        self.chain.blocks.last_mut().unwrap().after.wallets[wallet].funds = funds;
    }

    fn set_balances(&mut self, balance: u128) {
        for block in &mut self.chain.blocks {
            for known in block.after.balances.values_mut() {
                *known = balance;
            }
        }
    }

    /// The faults end, and there is enough of everything but of the wallets' funds.
    fn calm(&mut self) {
        self.faults = Faults::default();
        (self.chain.rollup_fee, self.chain.least_tip) = (0, 0);
        // What was cheap enough before need not be now.
        self.chain.base_fee = [10, 10, 80][self.rng.index(3)];
        self.store.is_paused = false;
        self.limits = limits();
        self.clock = self.chain.head().after.time;
        for balance in self.chain.blocks.last_mut().unwrap().after.balances.values_mut() {
            *balance = 10_u128.pow(24);
        }
        self.give(Event::Resumed);
        self.give(Event::BudgetChanged(self.limits));
    }

    fn quiet_round(&mut self) {
        for _ in 0..500 {
            if self.writes.is_empty() && self.net.is_empty() && self.replies.is_empty() {
                break;
            }
            self.commit();
            self.work();
            self.reply();
        }
        let mut rng = Rng::new(self.rng.next());
        self.chain.mine(&mut rng, 100);
        self.clock = self.chain.head().after.time;
        self.tick();
        self.tell_head(0);
    }

    fn reached(&self) -> Reached {
        let attempts = self.store.attempts.values();
        let is_bump = |r: &&AttemptRecord| r.draft.number > 0 && r.draft.kind != Kind::Noop;
        let mined = |r: &&AttemptRecord| self.chain.find(r.tx_hash).is_some();
        let of = |kind: Kind| attempts.clone().filter(move |r| r.draft.kind == kind);
        let is = |name: &'static str| {
            self.store.statuses.values().filter(move |s| s.status.name() == name)
        };
        let failed = self.store.statuses.values().filter(|s| !s.failures.is_empty());
        let is_foreign = |alarm: &&Alarm| matches!(alarm, Alarm::ForeignTransaction { .. });
        let before = |r: &AttemptRecord| {
            let number = r.draft.number.checked_sub(1)?;
            self.store.attempts.get(&(r.draft.sender, r.draft.account_nonce, number))
        };
        let given = |r: &&AttemptRecord| {
            r.draft.kind != Kind::Noop && before(r).is_some_and(|b| b.draft.kind == Kind::Noop)
        };
        let raised = |r: &&AttemptRecord| before(r).is_some_and(|b| b.draft.fees == r.draft.fees);
        let gaps = attempts.clone().filter(|r| r.draft.purpose == Purpose::Gap);
        let by_us = self.store.statuses.values().filter(|s| match s.status {
            Status::Executed { tx_hash, .. } => self.store.hashes.contains(&tx_hash),
            _ => false,
        });
        let executed = is("executed").count();
        let counts = [
            ("steps", usize::try_from(self.steps).unwrap()),
            ("executed by us", by_us.clone().count()),
            ("executed by strangers", executed - by_us.count()),
            ("expired", is("expired").count()),
            ("superseded", is("superseded").count()),
            ("ready", is("ready").count()),
            ("mined reverts", failed.count()),
            ("bumps", attempts.clone().filter(is_bump).count()),
            ("bumps mined", attempts.clone().filter(is_bump).filter(mined).count()),
            ("no-ops mined", of(Kind::Noop).filter(mined).count()),
            ("creations mined", of(Kind::Create).filter(mined).count()),
            ("gaps filled", gaps.count()),
            ("foreign transactions", self.alarms.iter().filter(is_foreign).count()),
            ("places given to another", attempts.clone().filter(given).count()),
            ("gas raised", attempts.clone().filter(raised).count()),
        ];
        counts.into_iter().map(|(what, times)| (what, times as u64)).collect()
    }

    /// What a wallet's account nonces cost never exceeds what was allowed while they were taken; but for bumps, which
    /// nothing stops, and what layer 1 costs, which has no cap.
    fn check_budgets(&self) -> Result<(), String> {
        for wallet in 0..WALLETS {
            let address = wallet_address(wallet);
            let gas = self.store.attempts.values().filter(|record| {
                record.draft.number == 0 && record.draft.purpose.wallet() == Some(address)
            });
            let gas = gas.filter_map(|record| self.chain.find(record.tx_hash));
            let spent = wei(gas.map(|(_, mined)| mined.cost - mined.l1_fee).sum());
            if spent > self.limits.per_wallet_and_day {
                return Err(format!("wallet {} cost {spent} wei", index_of(address)));
            }
        }
        Ok(())
    }
}

#[test]
fn whatever_happens_each_proposal_is_executed_once_or_not_for_a_true_reason() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let (first, count) = (number("MODEL_SEED", 0), number("MODEL_SEQUENCES", 10_000));
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let workers: Vec<_> = (0..threads)
        .map(|thread| std::thread::spawn(move || run_some(first + thread, first + count, threads)))
        .collect();
    let mut reached = Reached::new();
    for worker in workers {
        for (what, times) in worker.join().unwrap() {
            *reached.entry(what).or_default() += times;
        }
    }
    if count >= 1_000 {
        let missed: Vec<_> = reached.iter().filter(|(_, times)| **times < count / 100).collect();
        assert!(missed.is_empty(), "hardly ever reached: {missed:?} of {reached:?}");
    }
}

fn run_some(first: u64, end: u64, step: u64) -> Reached {
    let mut reached = Reached::new();
    for seed in (first..end).step_by(usize::try_from(step).unwrap()) {
        match std::panic::catch_unwind(|| run(seed)) {
            Ok(Ok(more)) => {
                for (what, times) in more {
                    *reached.entry(what).or_default() += times;
                }
            }
            Ok(Err(wrong)) => panic!("seed {seed}: {wrong}"),
            Err(_) => panic!("seed {seed}: see above"),
        }
    }
    reached
}
