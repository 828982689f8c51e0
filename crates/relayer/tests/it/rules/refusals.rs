//! What is refused, for what, and what is done about it.

use super::{execute, find, pay, rig};
use crate::{
    acts::{Deed, sender},
    rig::Rig,
    truth::{ask, check},
};
use quorate_relayer::{
    Alarm, Reason, Status,
    attempt::{AttemptRecord, Kind},
    event::{Least, Rejection, Sent},
};

const UNRECOGNISED: Sent = Sent::Doubtful(Rejection::Unrecognised);

impl Rig {
    fn attempts(&self) -> Vec<AttemptRecord> {
        self.store.attempts.values().cloned().collect()
    }

    fn refusals_told(&self) -> usize {
        self.alarms.iter().filter(|alarm| matches!(alarm, Alarm::Refused { .. })).count()
    }

    /// The first payment is swallowed, and somebody else executes it.
    fn overtake_first(&mut self) {
        self.sign_act(pay(0));
        self.drain();
        self.chain.pool.clear();
        self.chain.strangers.push(ask(pay(0)));
        self.next_block();
    }
}

#[test]
fn a_noop_has_the_gas_that_the_chain_asks_for() {
    let mut rig = rig();
    rig.chain.l1_gas = 30_000;
    rig.sign_act(pay(0));
    rig.drain();
    // What was estimated before is too little now.
    rig.chain.pool.clear();
    rig.chain.strangers.push(ask(pay(0)));
    for _ in 0..4 {
        rig.next_block();
    }
    let attempts = rig.attempts();
    let kinds: Vec<_> = attempts.iter().map(|record| record.draft.kind).collect();
    assert_eq!(kinds, [Kind::Execute, Kind::Noop, Kind::Noop]);
    let [_, refused, taken] = &attempts[..] else { panic!("three") };
    assert_eq!(refused.draft.fees, taken.draft.fees, "no fee was the answer");
    assert!(taken.draft.gas_limit >= 51_000, "{}", taken.draft.gas_limit);
    assert_eq!(rig.chain.head().after.nonce(sender(0)), 1);
    assert_eq!(rig.refusals_told(), 0, "it was cured at once");
    // The next one is right from the first.
    rig.sign_act(pay(1));
    rig.drain();
    rig.chain.pool.clear();
    rig.chain.strangers.push(ask(pay(1)));
    rig.next_block();
    rig.next_block();
    assert_eq!(rig.attempts().len(), 5, "one payload and one no-op");
    assert_eq!(rig.chain.head().after.nonce(sender(0)), 2);
}

#[test]
fn a_payload_that_allows_too_little_gas_gets_more_at_the_same_fees() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.until_stored();
    rig.chain.l1_gas = 60_000;
    rig.drain();
    for _ in 0..3 {
        rig.next_block();
    }
    assert!(matches!(rig.status(pay(0)), Status::Executed { .. }));
    let attempts = rig.attempts();
    let [refused, taken] = &attempts[..] else { panic!("{}", attempts.len()) };
    assert_eq!(refused.draft.fees, taken.draft.fees);
    assert!(taken.draft.gas_limit >= 113_000);
}

/// It waits for its next simulation as others do, and stops nobody.
#[test]
fn a_payload_that_allows_too_little_gas_and_reverts_now_is_freed() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.until_stored();
    rig.chain.l1_gas = 60_000;
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 0;
    rig.drain();
    for _ in 0..20 {
        rig.next_block();
    }
    assert_eq!(rig.chain.head().after.nonce(sender(0)), 1, "a no-op has the place");
    assert_eq!(rig.reason(pay(0)), Some(Reason::Simulation));
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 1;
    for _ in 0..80 {
        rig.next_block();
    }
    assert!(matches!(rig.status(pay(0)), Status::Executed { .. }));
}

#[test]
fn what_no_fee_can_cure_is_never_answered_with_a_fee() {
    let missing = None;
    for outcome in [
        UNRECOGNISED,
        Sent::Rejected(Rejection::Wait),
        Sent::Doubtful(Rejection::Wait),
        Sent::Rejected(Rejection::InsufficientFunds { missing }),
        Sent::Rejected(Rejection::NonceTooLow),
    ] {
        let mut rig = rig();
        rig.faults.payloads = Some(outcome);
        rig.sign_act(pay(0));
        rig.drain();
        for _ in 0..30 {
            rig.next_block();
        }
        assert_eq!(rig.attempts().len(), 1, "{outcome:?}");
        assert_eq!(rig.status(pay(0)), Status::Submitted);
        // The same bytes are taken as soon as nodes take them.
        rig.faults.payloads = None;
        for _ in 0..5 {
            rig.next_block();
        }
        assert!(matches!(rig.status(pay(0)), Status::Executed { .. }), "{outcome:?}");
        assert_eq!(rig.attempts().len(), 1, "{outcome:?}");
    }
}

#[test]
fn what_nobody_understands_is_told_at_the_second_refusal() {
    let mut rig = rig();
    rig.faults.payloads = Some(UNRECOGNISED);
    rig.sign_act(pay(0));
    rig.drain();
    assert_eq!(rig.refusals_told(), 0);
    for _ in 0..3 {
        rig.next_block();
    }
    let rejection = Rejection::Unrecognised;
    let told = Alarm::Refused { sender: sender(0), account_nonce: 0, rejection };
    assert!(rig.alarms.contains(&told));
    for _ in 0..30 {
        rig.next_block();
    }
    assert_eq!(rig.refusals_told(), 1, "told once");
}

#[test]
fn a_payload_takes_the_place_of_a_noop_that_cannot_be_placed() {
    for outcome in [UNRECOGNISED, Sent::Rejected(Rejection::Invalid)] {
        let mut rig = rig();
        rig.faults.noops = Some(outcome);
        rig.overtake_first();
        for _ in 0..8 {
            rig.next_block();
        }
        assert_eq!(rig.attempts().len(), 2, "the no-op was not made dearer");
        assert_eq!(rig.refusals_told(), 1);
        rig.sign_act(pay(1));
        rig.drain();
        let last = rig.attempts().pop().expect("there is one").draft;
        assert_eq!((last.account_nonce, last.number, last.purpose), (0, 2, execute(pay(1))));
        rig.next_block();
        assert!(matches!(rig.status(pay(1)), Status::Executed { .. }), "{outcome:?}");
        rig.sign_act(pay(2));
        for _ in 0..12 {
            rig.next_block();
        }
        assert_eq!(rig.chain.head().after.nonce(sender(0)), 2);
        assert_eq!(check(&rig), Ok(()));
    }
}

#[test]
fn another_wallets_payload_may_take_it_and_pays_for_it() {
    let mut rig = rig();
    rig.faults.noops = Some(UNRECOGNISED);
    rig.overtake_first();
    for _ in 0..8 {
        rig.next_block();
    }
    let other = find(2, (0, 0), Deed::Pay);
    rig.sign_act(other);
    rig.drain();
    let last = rig.attempts().pop().expect("there is one").draft;
    assert_eq!((last.account_nonce, last.purpose), (0, execute(other)));
    assert_eq!(last.charge.wallet, Some(crate::acts::wallet_address(2)));
    for _ in 0..8 {
        rig.next_block();
    }
    assert!(matches!(rig.status(other), Status::Executed { .. }));
    let (today, ledger) = (last.charge.day, rig.engine().ledger());
    let (first, second) = (crate::acts::wallet_address(0), crate::acts::wallet_address(2));
    assert!(ledger.of_wallet(today, Some(first)).is_zero(), "it paid for nothing");
    assert_eq!(ledger.of_wallet(today, Some(second)), rig.spent(Some(second)));
    assert_eq!(check(&rig), Ok(()));
}

/// What had the place before may still be mined there: it holds no other account nonce meanwhile.
#[test]
fn what_had_the_place_before_takes_no_other() {
    let mut rig = rig();
    rig.faults.noops = Some(UNRECOGNISED);
    rig.sign_act(pay(0));
    rig.sign_act(pay(1));
    rig.drain();
    // The first fails under a race, and the second waits behind it for nothing.
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 0;
    rig.chain.pool.remove(&(sender(0), 1));
    rig.next_block();
    for _ in 0..8 {
        rig.next_block();
    }
    assert_eq!(rig.reason(pay(0)), Some(Reason::Simulation));
    let other = find(2, (0, 0), Deed::Pay);
    rig.sign_act(other);
    rig.drain();
    let places = rig.places();
    assert_eq!(places.last(), Some(&(1, Kind::Execute, execute(other))), "{places:?}");
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 2;
    for _ in 0..16 {
        rig.next_block();
    }
    assert_eq!(check(&rig), Ok(()));
    for act in [pay(0), pay(1), other] {
        assert!(matches!(rig.status(act), Status::Executed { .. }));
    }
}

#[test]
fn a_noop_that_is_taken_after_all_keeps_its_place() {
    let mut rig = rig();
    rig.faults.noops = Some(UNRECOGNISED);
    rig.overtake_first();
    for _ in 0..8 {
        rig.next_block();
    }
    rig.faults.noops = None;
    rig.next_block();
    rig.next_block();
    rig.next_block();
    assert_eq!(rig.chain.head().after.nonce(sender(0)), 1);
    rig.sign_act(pay(1));
    rig.drain();
    assert_eq!(rig.places().last().map(|(nonce, ..)| *nonce), Some(1));
}

#[test]
fn the_least_fee_that_a_node_names_is_offered() {
    let mut rig = rig();
    let least = Least { max_fee_per_gas: None, priority_fee_per_gas: Some(25) };
    rig.faults.payloads = Some(Sent::Rejected(Rejection::Underpriced(least)));
    rig.sign_act(pay(0));
    rig.drain();
    rig.faults.payloads = None;
    rig.next_block();
    let attempts = rig.attempts();
    let [first, second] = &attempts[..] else { panic!("{}", attempts.len()) };
    assert_eq!(second.draft.fees.max_priority_fee_per_gas(), 25);
    assert!(second.draft.fees.max_fee_per_gas() > first.draft.fees.max_fee_per_gas());
    rig.next_block();
    assert!(matches!(rig.status(pay(0)), Status::Executed { .. }));
}

#[test]
fn without_a_number_twice_as_much_is_offered() {
    let mut rig = rig();
    let least = Least::default();
    rig.faults.payloads = Some(Sent::Rejected(Rejection::Underpriced(least)));
    rig.sign_act(pay(0));
    rig.drain();
    for _ in 0..6 {
        rig.next_block();
    }
    let tips: Vec<_> =
        rig.attempts().iter().map(|r| r.draft.fees.max_priority_fee_per_gas()).collect();
    assert!(tips.len() > 4 && *tips.last().unwrap() >= tips[1] * 8, "{tips:?}");
}

/// On a chain that makes no blocks of its own none would ever come.
#[test]
fn an_offer_that_is_too_low_waits_for_no_block() {
    let mut rig = rig();
    rig.faults.payloads = Some(Sent::Rejected(Rejection::Underpriced(Least::default())));
    rig.sign_act(pay(0));
    rig.drain();
    rig.faults.payloads = None;
    rig.clock += 13;
    rig.tick();
    rig.drain();
    assert_eq!(rig.attempts().len(), 2);
}

#[test]
fn what_can_never_be_mined_is_freed_and_not_tried_again_at_once() {
    let mut rig = rig();
    rig.faults.payloads = Some(Sent::Rejected(Rejection::Invalid));
    rig.sign_act(pay(0));
    rig.drain();
    for _ in 0..20 {
        rig.next_block();
    }
    let kinds: Vec<_> = rig.attempts().iter().map(|record| record.draft.kind).collect();
    assert_eq!(kinds, [Kind::Execute, Kind::Noop], "one no-op in twenty blocks");
    assert_eq!(rig.reason(pay(0)), Some(Reason::Simulation));
    rig.faults.payloads = None;
    for _ in 0..20 {
        rig.next_block();
    }
    assert!(matches!(rig.status(pay(0)), Status::Executed { .. }));
}
