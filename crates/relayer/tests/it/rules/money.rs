//! What is reserved, spent and told: all that an account loses.

use super::{find, pay, rig, rig_with};
use crate::{
    acts::{Deed, sender, wallet_address},
    rig::{FINAL_DEPTH, Rig, limits, settings},
    store::wei,
};
use alloy::primitives::U256;
use quorate_relayer::{Reason, Settings, Status, budget::Limits, fees::worst_case};

impl Rig {
    fn used_today(&self) -> U256 {
        let day = self.chain.head().after.time / 86_400;
        self.engine().ledger().of_day(day)
    }
}

#[test]
fn what_is_bid_is_reserved_and_not_what_might_be() {
    let mut rig = rig();
    rig.chain.rollup_fee = 1_000_000;
    rig.sign_act(pay(0));
    rig.drain();
    let draft = rig.store.attempts.values().next().expect("it is sent").draft.clone();
    assert_eq!(draft.rollup_fee, wei(1_500_000), "with the margin");
    let bid = worst_case(draft.gas_limit, draft.fees, draft.rollup_fee);
    assert_eq!(rig.used_today(), bid);
    let ceiling = U256::from(draft.gas_limit) * U256::from(draft.ceiling);
    assert!(bid * wei(2) < ceiling, "{bid} of {ceiling}");
}

#[test]
fn what_is_settled_is_all_that_the_account_lost() {
    let mut rig = rig();
    rig.chain.rollup_fee = 1_234_567;
    let before = rig.chain.head().after.balances[&sender(0)];
    rig.sign_act(pay(0));
    for _ in 0..=FINAL_DEPTH + 1 {
        rig.next_block();
    }
    let lost = before - rig.chain.head().after.balances[&sender(0)];
    let settled = rig.store.settled.values().next().expect("it is final").paid;
    assert_eq!((settled.cost, settled.l1_fee), (wei(lost), Some(wei(1_234_567))));
    assert_eq!(settled.gas_fee(), wei(lost - 1_234_567));
    assert_eq!(rig.used_today(), wei(lost));
    let paid = rig.engine().paid();
    assert_eq!((paid.gas, paid.l1), (settled.gas_fee(), wei(1_234_567)));
}

#[test]
fn a_bump_reserves_the_difference_whatever_the_budget_says() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    let before = rig.used_today();
    rig.limit(Limits { per_day: before, ..limits() });
    rig.chain.base_fee = 80;
    for _ in 0..4 {
        rig.next_block();
    }
    assert!(matches!(rig.status(pay(0)), Status::Executed { .. }));
    assert!(rig.used_today() > before, "{} and not {before}", rig.used_today());
    // But nothing else is begun.
    rig.sign_act(pay(1));
    rig.drain();
    assert_eq!(rig.reason(pay(1)), Some(Reason::Budget));
}

#[test]
fn a_budget_is_passed_by_one_transaction_at_most() {
    let mut rig = rig_with(Settings { has_simulate_v1: false, ..settings() });
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 100;
    rig.chain.rollup_fee = 5_000_000;
    let limit = wei(20_000_000);
    rig.limit(Limits { per_day: limit, ..limits() });
    let mut dearest = U256::ZERO;
    for sequence in 0..10 {
        rig.sign_act(pay(sequence));
        for round in 0..4 {
            rig.chain.base_fee = if round < 2 { 40 } else { 10 };
            rig.next_block();
        }
    }
    for _ in 0..2 * FINAL_DEPTH {
        rig.next_block();
    }
    let executed = (0..10).filter(|n| rig.status(pay(*n)).name() == "executed").count();
    for settlement in rig.store.settled.values() {
        dearest = dearest.max(settlement.paid.cost);
    }
    let spent = rig.spent(None);
    assert!((1..10).contains(&executed), "{executed}");
    assert!(spent <= limit + dearest, "{spent} of {limit}");
    assert_eq!(rig.reason(pay(9)), Some(Reason::Sequence));
}

#[test]
fn layer_one_counts_for_each_limit() {
    let fee = 10_u128.pow(9);
    let cases = [
        (Limits { per_day: wei(fee), ..limits() }, Reason::Budget),
        (Limits { per_wallet_and_day: wei(fee), ..limits() }, Reason::Budget),
        (Limits { per_transaction: wei(fee), ..limits() }, Reason::FeeCap),
        (Limits { sender_floor: wei(10_u128.pow(24) - fee), ..limits() }, Reason::SenderBalance),
    ];
    for (limits, reason) in cases {
        let mut rig = rig();
        rig.limit(limits);
        rig.chain.rollup_fee = fee;
        rig.sign_act(pay(0));
        rig.drain();
        assert_eq!(rig.reason(pay(0)), Some(reason));
        rig.chain.rollup_fee = 0;
        rig.next_block();
        rig.next_block();
        assert_ne!(rig.status(pay(0)).name(), "ready", "{limits:?}");
    }
}

#[test]
fn a_restart_knows_what_was_reserved() {
    let mut rig = rig();
    rig.chain.rollup_fee = 1_000_000;
    rig.sign_act(pay(0));
    rig.sign_act(find(2, (0, 0), Deed::Pay));
    rig.drain();
    let before = rig.used_today();
    let of = |rig: &Rig| rig.engine().ledger().of_wallet(11, Some(wallet_address(2)));
    let other = of(&rig);
    rig.crash();
    rig.tell_head(0);
    assert_eq!((rig.used_today(), of(&rig)), (before, other));
}
