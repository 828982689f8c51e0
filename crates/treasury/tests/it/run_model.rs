//! Random histories of a run, against a ledger that knows nothing but who got how much: no line is ever paid twice, and none
//! is called paid that was not. Two people work from the same plan, or an edit of it; proposals expire, lines are set aside,
//! batches cancelled and asked for again, owners sign other things at nonces of the run, blocks are taken back, and files get
//! lost.

use alloy::primitives::{Address, B256, U256, keccak256};
use proptest::{collection::vec, prelude::*};
use quorate_core::{Action, Nonce, action::Transfer};
use quorate_treasury::{
    PayoutFile, Plan,
    payout_plan::Terms,
    plan,
    run::{Consumption, Epochs, Facts, Known, LineStanding, Meaning, Run, Stage, Wanted, Word},
};
use std::collections::{BTreeMap, BTreeSet};

const WALLET: Address = Address::repeat_byte(0xee);

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    /// Somebody runs `propose`, setting aside some lines, or asking for declined batches again.
    Propose { who: bool, aside: Option<u8>, again: Option<u8> },
    /// A proposal that was made and lives is executed.
    Execute(u8),
    /// Owners cancel a batch.
    Cancel(u8),
    /// Owners sign a payout of their own at a batch's nonce: of a line's payee, with its amount or another.
    Foreign { batch: u8, line: u8, same: bool },
    /// Everything that was proposed expires.
    Expire,
    /// One of the two loses the files.
    Lose(bool),
    /// The blocks become final.
    Settle,
    /// The last block, if it is not final, is taken back.
    Reorg,
    /// The list is edited: a line goes, comes back, or another is added.
    Edit(u8),
    /// Somebody accepts what stops the run.
    Accept,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (any::<bool>(), prop::option::weighted(0.2, any::<u8>()), prop::option::weighted(0.2, any::<u8>()))
            .prop_map(|(who, aside, again)| Event::Propose { who, aside, again }),
        6 => any::<u8>().prop_map(Event::Execute),
        1 => any::<u8>().prop_map(Event::Cancel),
        1 => (any::<u8>(), any::<u8>(), any::<bool>())
            .prop_map(|(batch, line, same)| Event::Foreign { batch, line, same }),
        1 => Just(Event::Expire),
        1 => any::<bool>().prop_map(Event::Lose),
        3 => Just(Event::Settle),
        1 => Just(Event::Reorg),
        1 => any::<u8>().prop_map(Event::Edit),
        2 => Just(Event::Accept),
    ]
}

/// A payment, as the ledger knows it.
type Paid = (Address, U256);

struct World {
    plans: Vec<Plan>,
    /// What each of the two works from: a place in `plans`.
    works_from: [usize; 2],
    next: BTreeMap<quorate_core::Lane, u64>,
    /// What the wallet did, in order, with the block.
    chain: Vec<Consumption>,
    /// Proposals that were made, and can be executed by anybody who has them.
    made: Vec<Known>,
    /// Those that each of the two knows.
    knows: [BTreeSet<B256>; 2],
    accepted: BTreeSet<B256>,
    count: u64,
}

fn planned(lines: &[(String, u8, u64)], old: Option<&Plan>) -> Plan {
    let rows = lines
        .iter()
        .map(|(id, to, amount)| format!("{id},{},{amount},ETH\n", Address::repeat_byte(*to)));
    let list = format!("id,to,amount,token\n{}", rows.collect::<String>());
    let file = PayoutFile::from_csv(list.as_bytes()).expect("a good list");
    let (wallet, decimals) = (WALLET, &BTreeMap::new());
    let terms = Terms { chain_id: 1, wallet, run: "r", decimals, max_lines: Some(2) };
    plan(&file, &terms, old).expect("a plan")
}

impl World {
    fn new(lines: &[(u8, u64)]) -> Self {
        let lines: Vec<_> = (lines.iter().enumerate())
            .map(|(place, &(to, amount))| (format!("l{place}"), to, amount))
            .collect();
        Self {
            plans: vec![planned(&lines, None)],
            works_from: [0, 0],
            next: BTreeMap::new(),
            chain: Vec::new(),
            made: Vec::new(),
            knows: Default::default(),
            accepted: BTreeSet::new(),
            count: 0,
        }
    }

    fn read(&self, plan: &Plan) -> Run {
        let facts = Facts {
            epochs: Epochs::plain(),
            epoch: 0,
            is_settled: true,
            next: self.next.clone(),
            consumed: self.chain.clone(),
        };
        Run::read(plan, &facts, &self.accepted)
    }

    fn present(&self, number: u64) -> Nonce {
        let lane = self.plans[0].lane(number);
        Nonce::new(lane, self.next.get(&lane).copied().unwrap_or_default())
    }

    /// Executes something at a nonce, if that is the lane's next.
    fn execute(&mut self, nonce: Nonce, action: Action, digest: B256) {
        let next = self.next.entry(nonce.lane).or_default();
        if *next != nonce.sequence {
            return;
        }
        *next += 1;
        let block = self.chain.len() as u64;
        let (epoch, content) = (0, Some(action));
        self.chain.push(Consumption { nonce, epoch, digest, block, is_final: false, content });
    }

    fn digest(&mut self) -> B256 {
        self.count += 1;
        keccak256(self.count.to_be_bytes())
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Propose { who, aside, again } => self.propose(usize::from(who), aside, again),
            Event::Execute(which) => {
                if let Some(known) = pick(&self.made, which).cloned() {
                    self.execute(known.nonce, known.action, known.digest);
                }
            }
            Event::Cancel(batch) => {
                let count = self.plans.last().expect("a plan").batches.len() as u64;
                let (nonce, digest) = (self.present(u64::from(batch) % count), self.digest());
                self.execute(nonce, Action::Cancel {}, digest);
            }
            Event::Foreign { batch, line, same } => self.foreign(batch, line, same),
            Event::Expire => self.made.clear(),
            Event::Lose(who) => self.knows[usize::from(who)].clear(),
            Event::Settle => self.chain.iter_mut().for_each(|it| it.is_final = true),
            Event::Reorg => {
                if self.chain.last().is_some_and(|last| !last.is_final) {
                    let last = self.chain.pop().expect("a block");
                    self.next.insert(last.nonce.lane, last.nonce.sequence);
                }
            }
            Event::Edit(seed) => self.edit(seed),
            Event::Accept => {
                let stops: Vec<_> = (self.plans.iter())
                    .flat_map(|plan| self.read(plan).stops())
                    .map(|(_, digest)| digest)
                    .collect();
                self.accepted.extend(stops);
            }
        }
    }

    fn propose(&mut self, who: usize, aside: Option<u8>, again: Option<u8>) {
        let plan = self.plans[self.works_from[who]].clone();
        let run = self.read(&plan);
        if !run.stops().is_empty() || !run.misplaced(&plan).is_empty() {
            return;
        }
        let known: Vec<_> = (self.made.iter())
            .filter(|known| self.knows[who].contains(&known.digest))
            .cloned()
            .collect();
        let count = plan.batches.len() as u64;
        let wanted = Wanted {
            set_aside: aside
                .and_then(|it| pick(&plan.lines, it))
                .map(|it| it.id.clone())
                .into_iter()
                .collect(),
            again: again.map(|it| u64::from(it) % count).into_iter().collect(),
        };
        let Ok(asked) = run.ask(&plan, &known, &wanted) else { return };
        for ask in asked.asks {
            let digest = self.digest();
            self.knows[who].insert(digest);
            let (nonce, action, stage) = (ask.nonce, ask.action, Stage::Ready);
            self.made.push(Known { digest, nonce, action, stage });
        }
    }

    /// Owners pay a line's payee at a nonce of its batch, by a payout that nobody planned.
    fn foreign(&mut self, batch: u8, line: u8, same: bool) {
        let plan = self.plans.last().expect("a plan").clone();
        let batch = &plan.batches[usize::from(batch) % plan.batches.len()];
        let place = batch.lines[usize::from(line) % batch.lines.len()];
        let line = &plan.lines[place];
        let amount = if same { line.amount } else { line.amount + U256::ONE };
        let extra = Transfer { to: Address::repeat_byte(0x77), amount: U256::ONE };
        let transfers = vec![Transfer { to: line.payee, amount }, extra];
        let (nonce, digest) = (self.present(batch.number), self.digest());
        // Owners who know that a line is paid do not pay it again.
        let run = self.read(&plan);
        let is_paid = run
            .batches
            .iter()
            .any(|reading| matches!(reading.lines.get(&place), Some(LineStanding::Paid { .. })));
        if !(same && is_paid) {
            self.execute(nonce, Action::Payout { token: Address::ZERO, transfers }, digest);
        }
    }

    fn edit(&mut self, seed: u8) {
        let old = self.plans.last().expect("a plan").clone();
        let ether = U256::from(10).pow(U256::from(18));
        let mut lines: Vec<_> = (old.lines.iter())
            .filter(|line| !line.removed)
            .map(|line| {
                let amount: u64 = (line.amount / ether).to();
                (line.id.clone(), line.payee[0], amount)
            })
            .collect();
        if seed.is_multiple_of(2) && lines.len() > 1 {
            lines.remove(usize::from(seed) % lines.len());
        } else {
            lines.insert(
                0,
                (format!("n{}", self.plans.len()), 1 + seed % 4, 1 + u64::from(seed % 3)),
            );
        }
        self.plans.push(planned(&lines, Some(&old)));
        self.works_from[usize::from(seed > 127)] = self.plans.len() - 1;
    }

    /// What everybody got, by the actions that were executed.
    fn ledger(&self) -> BTreeMap<Paid, usize> {
        let mut ledger = BTreeMap::new();
        for consumption in &self.chain {
            if let Some(Action::Payout { transfers, .. }) = &consumption.content {
                for transfer in transfers {
                    *ledger.entry((transfer.to, transfer.amount)).or_default() += 1;
                }
            }
        }
        ledger
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let ledger = self.ledger();
        let newest = self.plans.last().expect("a plan");
        let mut owed: BTreeMap<Paid, usize> = BTreeMap::new();
        // An edited line keeps payee and amount here, so that the newest plan owes what any of them did.
        for line in &newest.lines {
            *owed.entry((line.payee, line.amount)).or_default() += 1;
        }
        for (paid, count) in &ledger {
            let most = owed.get(paid).copied().unwrap_or_default();
            let is_extra = paid.0 == Address::repeat_byte(0x77) || most == 0;
            prop_assert!(
                is_extra || *count <= most,
                "{paid:?} was paid {count} times, and is owed {most} times"
            );
        }
        for plan in &self.plans {
            let run = self.read(plan);
            let mut called: BTreeMap<Paid, usize> = BTreeMap::new();
            for (place, standing) in run.batches.iter().flat_map(|reading| &reading.lines) {
                if let LineStanding::Paid { .. } = standing {
                    let line = &plan.lines[*place];
                    *called.entry((line.payee, line.amount)).or_default() += 1;
                }
            }
            for (paid, count) in called {
                let found = ledger.get(&paid).copied().unwrap_or_default();
                prop_assert!(
                    count <= found,
                    "{paid:?} is called paid {count} times, and was {found} times"
                );
            }
            for reading in &run.batches {
                let has_foreign = reading.consumed.iter().any(|(_, meaning)| {
                    matches!(meaning, Meaning::Foreign { is_accepted: false, .. })
                });
                prop_assert_eq!(reading.word(plan, &[]) == Word::Stopped, has_foreign);
            }
        }
        Ok(())
    }
}

fn pick<T>(list: &[T], which: u8) -> Option<&T> {
    (!list.is_empty()).then(|| &list[usize::from(which) % list.len()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_line_is_paid_twice_and_none_is_called_paid_that_was_not(
        lines in vec((1_u8..5, 1_u64..4), 1..7),
        events in vec(event(), 0..40),
    ) {
        let mut world = World::new(&lines);
        for event in events {
            world.step(event);
            world.check()?;
        }
        // The run can always be brought to its end: whatever stops it can be accepted.
        world.made.clear();
        world.works_from = [world.plans.len() - 1; 2];
        for _ in 0..world.plans.last().expect("a plan").batches.len() + 4 {
            world.step(Event::Settle);
            world.step(Event::Accept);
            world.step(Event::Propose { who: false, aside: None, again: None });
            for known in world.made.clone() {
                world.execute(known.nonce, known.action, known.digest);
            }
            world.check()?;
        }
        let plan = world.plans.last().expect("a plan").clone();
        let run = world.read(&plan);
        for reading in &run.batches {
            prop_assert!(reading.open().is_empty(), "{reading:?}");
        }
    }
}
