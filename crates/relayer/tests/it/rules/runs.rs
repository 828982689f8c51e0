//! What is planned, simulated, signed and stored together.

use super::{execute, find, pay, rig, rig_with};
use crate::{
    acts::{Deed, sender},
    rig::{Rig, limits, settings},
    rng::Rng,
    store::{Write, wei},
    truth::ask,
};
use quorate_relayer::{Effect, Event, Reason, Settings, attempt::Kind, budget::Limits};

/// Payments from the first sequence on, all known before anything is planned.
fn run_of(count: u64) -> Rig {
    let mut rig = rig();
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 100;
    rig.give(Event::Paused);
    (0..count).for_each(|sequence| rig.sign_act(pay(sequence)));
    rig.drain();
    rig.give(Event::Resumed);
    rig
}

impl Rig {
    fn asked_to_simulate(&self) -> Vec<usize> {
        let asked = self.net.iter().filter_map(|effect| match effect {
            Effect::Simulate { next, .. } => Some(next.len()),
            _ => None,
        });
        asked.collect()
    }

    /// Until the network is asked to sign.
    fn until_signed(&mut self) {
        while !self.net.iter().any(|effect| matches!(effect, Effect::Sign { .. })) {
            self.work();
            self.reply();
        }
    }
}

#[test]
fn what_can_go_together_is_simulated_and_stored_together() {
    let mut rig = run_of(10);
    assert_eq!(rig.asked_to_simulate(), [8]);
    rig.until_stored();
    let Some(Write::Attempts { records, .. }) = rig.writes.front() else { panic!("it is") };
    let drafts = records.iter().map(|record| (record.draft.account_nonce, record.draft.purpose));
    let expected: Vec<_> = (0..8).map(|n| (n, execute(pay(n)))).collect();
    assert_eq!(drafts.collect::<Vec<_>>(), expected);
}

#[test]
fn what_goes_before_a_revert_goes_without_it() {
    let mut rig = run_of(5);
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 2;
    rig.drain();
    let expected: Vec<_> = (0..2).map(|n| (n, Kind::Execute, execute(pay(n)))).collect();
    assert_eq!(rig.places(), expected);
    assert_eq!(rig.reason(pay(2)), Some(Reason::Simulation));
    assert_eq!(rig.reason(pay(3)), Some(Reason::Sequence));
}

#[test]
fn what_was_simulated_on_another_state_is_simulated_again() {
    let mut rig = run_of(3);
    rig.work();
    rig.chain.strangers.push(ask(pay(0)));
    rig.chain.mine(&mut Rng::new(2), 100);
    rig.tell_head(0);
    rig.drain();
    let expected: Vec<_> = (0..2).map(|n| (n, Kind::Execute, execute(pay(n + 1)))).collect();
    assert_eq!(rig.places(), expected);
}

#[test]
fn a_rival_that_comes_during_a_simulation_ends_the_run_before_it() {
    let mut rig = run_of(3);
    let cancel = find(0, (0, 1), Deed::Cancel);
    rig.sign_act(cancel);
    rig.drain();
    let goes = [pay(0), cancel, pay(2)].map(execute);
    assert_eq!(rig.places().into_iter().map(|(.., what)| what).collect::<Vec<_>>(), goes);
}

#[test]
fn a_pause_in_the_middle_of_a_run_stops_all_of_it() {
    let mut rig = run_of(3);
    rig.until_signed();
    rig.give(Event::Paused);
    rig.drain();
    assert!(rig.places().is_empty());
    assert_eq!(rig.reason(pay(0)), Some(Reason::Paused));
    rig.give(Event::Resumed);
    rig.drain();
    assert_eq!(rig.places().len(), 3);
}

#[test]
fn a_lease_that_is_lost_in_the_middle_of_a_run_sends_nothing_of_it() {
    let mut rig = run_of(3);
    rig.until_stored();
    rig.give(Event::LeaseLost);
    // It is stored all the same, as the other one had the lease only afterwards.
    rig.drain();
    assert!(rig.chain.pool.is_empty());
    rig.crash();
    rig.tell_blocks(0, rig.chain.height());
    rig.drain();
    rig.next_block();
    assert!((0..3).all(|n| rig.status(pay(n)).name() == "executed"));
    assert_eq!(rig.places().len(), 3, "each once");
}

#[test]
fn a_run_is_as_long_as_its_budget() {
    let mut rig = run_of(5);
    rig.limit(Limits { per_wallet_and_day: wei(3_500_000), ..limits() });
    assert_eq!(rig.places().len(), 2);
    assert_eq!(rig.reason(pay(2)), Some(Reason::Budget));
}

#[test]
fn what_is_being_signed_counts_in_the_budget_of_others() {
    let senders = vec![sender(0), sender(1)];
    let mut rig = rig_with(Settings { senders, ..settings() });
    rig.limit(Limits { per_day: wei(2_000_000), ..limits() });
    rig.give(Event::Paused);
    [0, 2].into_iter().for_each(|wallet| rig.sign_act(find(wallet, (0, 0), Deed::Pay)));
    rig.drain();
    rig.give(Event::Resumed);
    rig.drain();
    assert_eq!(rig.places().len(), 1);
}
