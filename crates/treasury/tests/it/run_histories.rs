//! Histories of runs that once ended in a line paid twice, a line called paid that was not, or a run that could not go on.

use alloy::primitives::{Address, B256, U256, keccak256};
use quorate_core::{Action, Config, Nonce, action::Transfer};
use quorate_treasury::{
    PayoutFile, Plan,
    payout_plan::Terms,
    plan,
    run::{
        Asked, Consumption, Epochs, Facts, Known, Lanes, LineStanding, Run, Stage, Waiting, Wanted,
        Word, exit_code,
    },
};
use std::collections::{BTreeMap, BTreeSet};

const WALLET: Address = Address::repeat_byte(0xee);

fn payee(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// A plan of ether: ids with payee and amount.
fn planned(lines: &[(&str, u8, u64)], max_lines: usize, old: Option<&Plan>) -> Plan {
    let rows = lines.iter().map(|(id, to, amount)| format!("{id},{},{amount},ETH\n", payee(*to)));
    let list = format!("id,to,amount,token\n{}", rows.collect::<String>());
    let file = PayoutFile::from_csv(list.as_bytes()).expect("a good list");
    let (wallet, decimals) = (WALLET, &BTreeMap::new());
    let max_lines = Some(max_lines);
    plan(&file, &Terms { chain_id: 1, wallet, run: "r", decimals, max_lines }, old).expect("a plan")
}

fn pays(transfers: &[(u8, u64)]) -> Action {
    let ether = |amount: u64| U256::from(amount) * U256::from(10).pow(U256::from(18));
    let transfer = |&(to, amount): &(u8, u64)| Transfer { to: payee(to), amount: ether(amount) };
    Action::Payout { token: Address::ZERO, transfers: transfers.iter().map(transfer).collect() }
}

/// A chain, as far as a run is concerned.
struct Chain {
    facts: Facts,
}

impl Chain {
    fn new(epochs: Epochs) -> Self {
        let (next, consumed) = (BTreeMap::new(), Vec::new());
        Self { facts: Facts { epochs, epoch: 0, is_settled: true, next, consumed } }
    }

    fn plain() -> Self {
        Self::new(Epochs::plain())
    }

    /// Consumes the next nonce of a lane, and returns the digest.
    fn consume(&mut self, lane: quorate_core::Lane, content: Option<Action>) -> B256 {
        let next = self.facts.next.entry(lane).or_default();
        let (nonce, block) = (Nonce::new(lane, *next), self.facts.consumed.len() as u64);
        *next += 1;
        let digest = keccak256(format!("{nonce} {block}"));
        let epoch = self.facts.epoch;
        let consumption = Consumption { nonce, epoch, digest, block, is_final: true, content };
        self.facts.consumed.push(consumption);
        digest
    }

    /// Consumes the present nonce of a batch.
    fn execute(&mut self, number: u64, content: Action) -> B256 {
        let lanes = Lanes::of("r", number);
        let present = lanes.present(&self.facts.epochs, self.facts.epoch, &self.facts.next);
        self.consume(present.lane, Some(content))
    }

    fn unfinal(&mut self) {
        self.facts.consumed.last_mut().expect("a consumption").is_final = false;
    }

    fn read(&self, plan: &Plan, accepted: &[B256]) -> Run {
        Run::read(plan, &self.facts, &accepted.iter().copied().collect())
    }

    fn known(&self, number: u64, action: Action, stage: Stage) -> Known {
        let nonce =
            Lanes::of("r", number).present(&self.facts.epochs, self.facts.epoch, &self.facts.next);
        Known { digest: keccak256(format!("{nonce} {action:?}")), nonce, action, stage }
    }
}

fn ask(run: &Run, plan: &Plan, known: &[Known]) -> Asked {
    run.ask(plan, known, &Wanted::default()).expect("nothing stops it")
}

fn asked(asked: &Asked) -> Vec<(u64, Vec<usize>)> {
    asked.asks.iter().map(|ask| (ask.number, ask.places.clone())).collect()
}

fn word(run: &Run, plan: &Plan, number: usize) -> Word {
    run.batches[number].word(plan, &[])
}

#[test]
fn a_new_run_asks_for_every_batch_and_a_paid_one_for_none() {
    let plan = planned(&[("a", 1, 1), ("b", 2, 2), ("c", 3, 3)], 2, None);
    let mut chain = Chain::plain();
    let run = chain.read(&plan, &[]);
    assert_eq!(asked(&ask(&run, &plan, &[])), [(0, vec![0, 1]), (1, vec![2])]);
    assert_eq!((word(&run, &plan, 0), exit_code(&run, &plan, &[])), (Word::Unproposed, 6));
    chain.execute(0, pays(&[(1, 1), (2, 2)]));
    chain.execute(1, pays(&[(3, 3)]));
    chain.unfinal();
    let run = chain.read(&plan, &[]);
    assert_eq!(ask(&run, &plan, &[]), Asked::default());
    assert_eq!((word(&run, &plan, 1), exit_code(&run, &plan, &[])), (Word::Paid, 6));
    chain.facts.consumed[1].is_final = true;
    assert_eq!(exit_code(&chain.read(&plan, &[]), &plan, &[]), 0);
}

/// Histories 1 and 2: at another nonce than the present one a proposal is no proposal of the batch.
#[test]
fn a_thiefs_proposal_elsewhere_is_none_of_the_run() {
    let plan = planned(&[("a", 1, 1)], 2, None);
    let mut chain = Chain::plain();
    let lanes = Lanes::of("r", 0);
    let elsewhere =
        Known { nonce: Nonce::new(lanes.high, 7), ..chain.known(0, pays(&[(1, 1)]), Stage::Ready) };
    let run = chain.read(&plan, &[]);
    assert_eq!(asked(&ask(&run, &plan, std::slice::from_ref(&elsewhere))).len(), 1);
    chain.execute(0, pays(&[(1, 1)]));
    let next = chain.known(0, pays(&[(1, 1)]), Stage::Collecting);
    let run = chain.read(&plan, &[]);
    assert_eq!(ask(&run, &plan, &[next, elsewhere]), Asked::default());
    // What is consumed in a lane that the batch does not have in this epoch means nothing.
    let mut other = Chain::plain();
    let spare = [lanes.high, lanes.low].into_iter().find(|lane| *lane != lanes.hash).unwrap();
    other.consume(spare, Some(pays(&[(1, 1)])));
    assert_eq!(asked(&ask(&other.read(&plan, &[]), &plan, &[])).len(), 1);
}

/// History 3: two laptops set different lines aside; one is executed.
#[test]
fn of_two_that_set_lines_aside_one_is_executed() {
    let plan = planned(&[("a", 1, 1), ("b", 2, 2), ("c", 3, 3)], 3, None);
    let mut chain = Chain::plain();
    let aside = |id: &str| Wanted { set_aside: vec![id.to_owned()], ..Wanted::default() };
    let run = chain.read(&plan, &[]);
    let one = run.ask(&plan, &[], &aside("a")).unwrap();
    let two = run.ask(&plan, &[], &aside("c")).unwrap();
    assert_eq!((asked(&one), asked(&two)), (vec![(0, vec![1, 2])], vec![(0, vec![0, 1])]));
    assert_eq!(one.asks[0].nonce, two.asks[0].nonce);
    let digest = chain.execute(0, one.asks[0].action.clone());
    let run = chain.read(&plan, &[]);
    assert_eq!(run.batches[0].lines[&0], LineStanding::LeftOut { digest });
    assert_eq!(run.batches[0].lines[&1], LineStanding::Paid { digest, position: 0 });
    assert_eq!((word(&run, &plan, 0), exit_code(&run, &plan, &[])), (Word::SetAside, 0));
    let rest = ask(&run, &plan, &[]);
    assert_eq!((rest.asks.len(), rest.declined), (0, vec![0]));
    let wanted = Wanted { again: BTreeSet::from([0]), ..Wanted::default() };
    assert_eq!(asked(&run.ask(&plan, &[], &wanted).unwrap()), [(0, vec![0])]);
}

/// History 4.
#[test]
fn equal_lines_are_set_aside_together_and_the_first_is_paid_first() {
    let plan = planned(&[("a", 1, 1), ("b", 1, 1), ("c", 2, 2)], 3, None);
    let mut chain = Chain::plain();
    let wanted = Wanted { set_aside: vec!["b".to_owned()], ..Wanted::default() };
    let run = chain.read(&plan, &[]);
    let rest = run.ask(&plan, &[], &wanted).unwrap();
    assert_eq!((asked(&rest), rest.set_aside), (vec![(0, vec![2])], vec![0, 1]));
    let digest = chain.execute(0, pays(&[(1, 1), (2, 2)]));
    let run = chain.read(&plan, &[]);
    assert_eq!(run.batches[0].lines[&0], LineStanding::Paid { digest, position: 0 });
    assert_eq!(run.batches[0].lines[&1], LineStanding::LeftOut { digest });
    assert!(run.ask(&plan, &[], &Wanted { set_aside: vec!["a".to_owned()], ..wanted }).is_err());
}

/// Histories 5 and 8: a list corrected and planned anew without its old plan.
#[test]
fn a_corrected_amount_stops_the_run_and_is_never_paid_on_top() {
    let old = planned(&[("a", 1, 1), ("b", 2, 2)], 2, None);
    let mut chain = Chain::plain();
    let digest = chain.execute(0, old.action(Address::ZERO, &[0, 1]));
    let new = planned(&[("a", 1, 1), ("b", 2, 5)], 2, None);
    let run = chain.read(&new, &[]);
    assert_eq!(run.stops(), [(0, digest)]);
    assert_eq!((word(&run, &new, 0), exit_code(&run, &new, &[])), (Word::Stopped, 4));
    let run = chain.read(&new, &[digest]);
    assert_eq!(run.stops(), []);
    assert_eq!(run.batches[0].lines[&0], LineStanding::Paid { digest, position: 0 });
    let asked = ask(&run, &new, &[]);
    assert_eq!((asked.asks.len(), asked.withheld), (0, vec![(1, digest)]));
    assert_eq!(run.leftover().len(), 1);
}

/// Histories 6 and 9: lines that another list had in other batches.
#[test]
fn a_line_that_was_paid_in_another_batch_is_found() {
    let old = planned(&[("a", 1, 1), ("b", 2, 2)], 1, None);
    let mut chain = Chain::plain();
    let digest = chain.execute(1, old.action(Address::ZERO, &[1]));
    let new = planned(&[("a", 1, 1), ("b", 2, 2)], 2, None);
    let run = chain.read(&new, &[digest]);
    let misplaced = run.misplaced(&new);
    assert_eq!(misplaced.iter().map(|it| (it.place, it.batch)).collect::<Vec<_>>(), [(1, 1)]);
    let mut far = Chain::plain();
    far.execute(102, old.action(Address::ZERO, &[1]));
    let run = far.read(&new, &[]);
    assert_eq!((run.stops().len(), run.misplaced(&new).len()), (0, 0), "100 untouched in a row");
    far.execute(40, pays(&[(9, 9)]));
    let run = far.read(&new, &[]);
    assert_eq!((run.stops().len(), run.misplaced(&new).len()), (2, 1));
    // What is alive in another batch is found too.
    let chain = Chain::plain();
    let alive = Known {
        nonce: Nonce::new(Lanes::of("r", 0).hash, 0),
        ..chain.known(0, pays(&[(3, 3)]), Stage::Collecting)
    };
    let list = [("a", 1, 1), ("b", 2, 2), ("c", 3, 3)];
    let three = planned(&list, 2, None);
    let run = chain.read(&three, &[]);
    assert_eq!(run.misplaced_by(&three, &[alive]).len(), 1);
}

/// History 7: with the old plan at hand every line stays in its batch.
#[test]
fn an_edit_excludes_what_it_replaces() {
    let v1 = planned(&[("a", 1, 1), ("b", 2, 2)], 2, None);
    let v2 = planned(&[("z", 9, 9), ("a", 1, 1), ("b", 2, 2)], 2, Some(&v1));
    let mut chain = Chain::plain();
    let run = chain.read(&v2, &[]);
    assert_eq!(asked(&ask(&run, &v2, &[])), [(0, vec![0, 1]), (1, vec![2])]);
    chain.execute(0, v1.action(Address::ZERO, &[0, 1]));
    let run = chain.read(&v2, &[]);
    assert_eq!(asked(&ask(&run, &v2, &[])), [(1, vec![2])]);
    // A line that was removed after it was paid stops the run.
    let v3 = planned(&[("z", 9, 9), ("a", 1, 1)], 2, Some(&v2));
    let run = chain.read(&v3, &[]);
    assert_eq!(word(&run, &v3, 0), Word::Stopped);
    let digest = run.stops()[0].1;
    let run = chain.read(&v3, &[digest]);
    assert_eq!(run.batches[0].lines[&1], LineStanding::Paid { digest, position: 1 });
    assert_eq!(run.leftover(), []);
}

/// Histories 10 and 11.
#[test]
fn what_was_declined_is_asked_for_again_by_word_alone() {
    let plan = planned(&[("a", 1, 1), ("b", 2, 2)], 2, None);
    let mut chain = Chain::plain();
    chain.execute(0, Action::Cancel {});
    let run = chain.read(&plan, &[]);
    let none = ask(&run, &plan, &[]);
    assert_eq!((none.asks.len(), none.declined), (0, vec![0]));
    assert_eq!((word(&run, &plan, 0), exit_code(&run, &plan, &[])), (Word::Declined, 0));
    let again = Wanted { again: BTreeSet::from([0]), ..Wanted::default() };
    let asks = run.ask(&plan, &[], &again).unwrap();
    assert_eq!((asks.asks[0].nonce.sequence, asks.again), (1, vec![0]));
    assert!(run.ask(&plan, &[], &Wanted { again: BTreeSet::from([1]), ..again }).is_err());
    // A line that somebody set aside is not asked for by whoever resumes next.
    let chain = Chain::plain();
    let aside = chain.known(0, pays(&[(2, 2)]), Stage::Dead);
    let whole = chain.known(0, pays(&[(1, 1), (2, 2)]), Stage::Dead);
    let run = chain.read(&plan, &[]);
    let rest = ask(&run, &plan, &[whole, aside]);
    assert_eq!((asked(&rest), rest.set_aside), (vec![(0, vec![1])], vec![0]));
}

/// Histories 12 and 21.
#[test]
fn what_nobody_can_tell_moves_nothing() {
    let plan = planned(&[("a", 1, 1), ("b", 2, 2)], 1, None);
    let mut chain = Chain::plain();
    chain.consume(Lanes::of("r", 0).hash, None);
    let run = chain.read(&plan, &[]);
    assert_eq!((word(&run, &plan, 0), exit_code(&run, &plan, &[])), (Word::Unknown, 7));
    assert_eq!(asked(&ask(&run, &plan, &[])), [(1, vec![1])]);
    chain.facts.consumed[0].content = Some(pays(&[(1, 1)]));
    assert_eq!(word(&chain.read(&plan, &[]), &plan, 0), Word::Paid);
}

/// History 14.
#[test]
fn anything_else_at_a_nonce_stops_until_it_is_accepted() {
    let plan = planned(&[("a", 1, 1)], 1, None);
    let owners = vec![payee(1)];
    let config = Config::new(1, owners, Address::ZERO, Default::default()).unwrap();
    let call = quorate_core::action::Call {
        to: payee(1),
        value: U256::from(10).pow(U256::from(18)),
        data: Default::default(),
    };
    for (content, is_paid) in [
        (Action::Execute { calls: Vec::new() }, false),
        (Action::Reconfigure { config }, false),
        (pays(&[]), false),
        (Action::Payout { token: payee(7), transfers: Vec::new() }, false),
        (Action::Execute { calls: vec![call] }, true),
    ] {
        let mut chain = Chain::plain();
        let digest = chain.execute(0, content);
        assert_eq!(word(&chain.read(&plan, &[]), &plan, 0), Word::Stopped);
        let run = chain.read(&plan, &[digest]);
        let asks = ask(&run, &plan, &[]);
        assert_eq!(
            asks.asks.iter().map(|ask| ask.nonce.sequence).collect::<Vec<_>>(),
            match is_paid {
                true => vec![],
                false => vec![1],
            }
        );
    }
}

/// History 15: a thief's rival is passed over.
#[test]
fn a_rival_of_one_owner_stops_nothing() {
    let plan = planned(&[("a", 1, 1)], 1, None);
    let chain = Chain::plain();
    let rival = chain.known(0, pays(&[(9, 1)]), Stage::Collecting);
    let run = chain.read(&plan, &[]);
    assert_eq!(asked(&ask(&run, &plan, std::slice::from_ref(&rival))), [(0, vec![0])]);
    assert_eq!(run.misplaced_by(&plan, &[rival]), []);
}

/// Histories 16 and 22: the next nonce waits until the one before is final, and everything for a reconfiguration.
#[test]
fn nothing_is_asked_for_before_what_was_is_final() {
    let plan = planned(&[("a", 1, 1), ("b", 2, 2)], 2, None);
    let mut chain = Chain::plain();
    let digest = chain.execute(0, pays(&[(9, 9)]));
    chain.unfinal();
    let waiting = ask(&chain.read(&plan, &[digest]), &plan, &[]);
    assert_eq!(waiting.waiting, [(0, Waiting::NonceNotFinal { digest })]);
    chain.facts.consumed[0].is_final = true;
    chain.facts.is_settled = false;
    let waiting = ask(&chain.read(&plan, &[digest]), &plan, &[]);
    assert_eq!((waiting.asks.len(), waiting.waiting), (0, vec![(0, Waiting::Reconfigured)]));
}

/// History 17: after an expiry two ask for the same nonce.
#[test]
fn what_is_alive_is_not_asked_for_and_what_died_is() {
    let plan = planned(&[("a", 1, 1)], 1, None);
    let chain = Chain::plain();
    let run = chain.read(&plan, &[]);
    for (stage, count, expected) in [
        (Stage::Dead, 1, Word::Expired),
        (Stage::Collecting, 0, Word::Collecting),
        (Stage::Ready, 0, Word::Ready),
        (Stage::Submitted, 0, Word::Submitted),
        (Stage::Queued, 0, Word::Queued),
        (Stage::Refused, 0, Word::Refused),
    ] {
        let known = [chain.known(0, pays(&[(1, 1)]), stage)];
        assert_eq!(ask(&run, &plan, &known).asks.len(), count, "{stage:?}");
        assert_eq!(run.batches[0].word(&plan, &known), expected);
    }
}

/// History 25: a veto consumes nothing, and is asked for again by word alone.
#[test]
fn a_vetoed_batch_is_declined() {
    let plan = planned(&[("a", 1, 1)], 1, None);
    let chain = Chain::new(Epochs::with_treasury_policy([0]));
    let vetoed = [chain.known(0, pays(&[(1, 1)]), Stage::Vetoed)];
    let run = chain.read(&plan, &[]);
    assert_eq!(run.batches[0].word(&plan, &vetoed), Word::Declined);
    assert_eq!(ask(&run, &plan, &vetoed).declined, [0]);
    let again = Wanted { again: BTreeSet::from([0]), ..Wanted::default() };
    let asks = run.ask(&plan, &vetoed, &again).unwrap();
    assert_eq!(asks.asks[0].nonce, vetoed[0].nonce);
}

/// Histories 22 to 24.
#[test]
fn with_a_treasury_policy_a_batch_goes_from_high_to_low() {
    let plan = planned(&[("a", 1, 1)], 1, None);
    let lanes = Lanes::of("r", 0);
    // Paid before the policy came.
    let mut chain = Chain::new(Epochs::with_treasury_policy([1]));
    chain.execute(0, pays(&[(1, 1)]));
    chain.facts.epoch = 1;
    let run = chain.read(&plan, &[]);
    assert_eq!((word(&run, &plan, 0), ask(&run, &plan, &[]).asks.len()), (Word::Paid, 0));
    // A petty thief consumes high, once; low is out of his reach.
    let mut chain = Chain::new(Epochs::with_treasury_policy([0]));
    assert_eq!(chain.read(&plan, &[]).batches[0].present, Nonce::new(lanes.high, 0));
    let digest = chain.execute(0, pays(&[(9, 1)]));
    let run = chain.read(&plan, &[digest]);
    assert_eq!(run.batches[0].present.lane, lanes.low);
    chain.consume(lanes.high, Some(pays(&[(1, 1)])));
    let run = chain.read(&plan, &[digest]);
    assert_eq!(ask(&run, &plan, &[]).asks.len(), 1, "high is the batch's once");
    chain.execute(0, pays(&[(1, 1)]));
    let run = chain.read(&plan, &[digest]);
    assert_eq!((word(&run, &plan, 0), run.batches[0].consumed.len()), (Word::Paid, 2));
}
