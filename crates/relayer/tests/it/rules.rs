//! One rule each, in a world without faults.

mod contracts;
mod finality;
mod missing;
mod money;
mod refusals;
mod runs;

use crate::{
    acts::{Act, Ask, BLOCK_SECS, Deed, owners, sender, signature, table, wallet_address},
    chain::Tx,
    rig::{FINAL_DEPTH, Passed, Rig, limits, settings},
    rng::Rng,
    store::{Write, wei},
    truth::{ask, check},
};
use alloy::primitives::B256;
use quorate_relayer::{
    Alarm, Effect, Event, Reason, Settings, Status,
    attempt::{Kind, Purpose},
    budget::Limits,
    event::{Refusal, Sent, Simulation},
};
use std::collections::BTreeMap;

fn rig() -> Rig {
    rig_with(settings())
}

fn rig_with(settings: Settings) -> Rig {
    let mut rig = Rig::with(Rng::new(1), settings);
    rig.tell_head(0);
    rig.drain();
    rig
}

fn find(wallet: usize, (lane, sequence): (u64, u64), deed: Deed) -> &'static Act {
    let is_it = |act: &&Act| {
        (act.wallet, act.lane, act.sequence, act.epoch) == (wallet, lane, sequence, 0)
            && act.deed == deed
    };
    table().iter().find(is_it).unwrap()
}

fn pay(sequence: u64) -> &'static Act {
    find(0, (0, sequence), Deed::Pay)
}

impl Rig {
    /// Everything that waits, until nothing does.
    fn drain(&mut self) {
        while !(self.writes.is_empty() && self.net.is_empty() && self.replies.is_empty()) {
            self.commit();
            self.work();
            self.reply();
        }
    }

    /// Two owners propose and sign it.
    fn sign_act(&mut self, act: &'static Act) {
        self.store.proposals.insert(act.digest, (act, BTreeMap::new()));
        let (digest, request) = (act.digest, Box::new(act.request.clone()));
        self.give(Event::ProposalAdded { digest, request });
        for owner in owners(act.wallet, act.epoch).into_iter().take(2) {
            let signature = signature(act);
            self.store.proposals.get_mut(&digest).unwrap().1.insert(owner, signature.clone());
            self.give(Event::SignatureAdded { digest, owner, signature });
        }
    }

    /// Until an attempt waits to be stored; its request.
    fn until_stored(&mut self) -> u64 {
        loop {
            if let Some(Write::Attempts { request, .. }) = self.writes.front() {
                return *request;
            }
            self.commit();
            self.work();
            self.reply();
        }
    }

    fn next_block(&mut self) {
        self.chain.mine(&mut Rng::new(2), 100);
        self.clock += BLOCK_SECS;
        self.tick();
        self.tell_head(0);
        self.drain();
    }

    fn status(&self, act: &Act) -> Status {
        self.store.statuses[&act.digest].status.clone()
    }

    fn reason(&self, act: &Act) -> Option<Reason> {
        self.status(act).reason()
    }

    /// Account nonces of payloads by what they are for.
    fn places(&self) -> Vec<(u64, Kind, Purpose)> {
        let attempts = self.store.attempts.values();
        attempts.map(|r| (r.draft.account_nonce, r.draft.kind, r.draft.purpose)).collect()
    }

    fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        self.give(Event::BudgetChanged(limits));
        self.drain();
    }
}

fn execute(act: &Act) -> Purpose {
    Purpose::Execute { wallet: wallet_address(act.wallet), digest: act.digest }
}

#[test]
fn a_lane_is_pipelined_in_order_at_most_eight_deep() {
    let mut rig = rig();
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 100;
    for sequence in (0..10).rev() {
        rig.sign_act(pay(sequence));
    }
    rig.drain();
    let expected: Vec<_> = (0..8).map(|n| (n, Kind::Execute, execute(pay(n)))).collect();
    assert_eq!(rig.places(), expected);
    assert_eq!(rig.status(pay(7)), Status::Submitted);
    assert_eq!(rig.reason(pay(8)), Some(Reason::Sequence));
    rig.next_block();
    rig.next_block();
    assert!((0..10).all(|n| rig.status(pay(n)).name() == "executed"));
}

#[test]
fn nothing_is_pipelined_where_nodes_cannot_simulate_it() {
    let mut rig = rig_with(Settings { has_simulate_v1: false, ..settings() });
    rig.sign_act(pay(0));
    rig.sign_act(pay(1));
    rig.drain();
    assert_eq!(rig.places().len(), 1);
    assert_eq!(rig.reason(pay(1)), Some(Reason::Sequence));
    rig.next_block();
    assert_eq!(rig.places().len(), 2);
}

#[test]
fn a_wallet_is_created_just_before_its_first_action_by_the_same_sender() {
    let senders = vec![sender(0), sender(1)];
    let mut rig = rig_with(Settings { senders, ..settings() });
    let act = find(1, (0, 0), Deed::Pay);
    rig.sign_act(act);
    rig.drain();
    let creation = Purpose::Create { wallet: wallet_address(1) };
    let expected = [(0, Kind::Create, creation), (1, Kind::Execute, execute(act))];
    assert_eq!(rig.places(), expected);
    assert!(rig.store.attempts.keys().all(|(address, ..)| *address == sender(0)));
    rig.next_block();
    assert_eq!(rig.status(act).name(), "executed");
}

#[test]
fn nothing_is_on_its_way_together_with_a_reconfiguration() {
    let mut rig = rig();
    let (other_lane, change) = (find(0, (7, 0), Deed::Pay), find(0, (0, 1), Deed::Reconfigure));
    for act in [pay(0), other_lane, change] {
        rig.sign_act(act);
    }
    rig.drain();
    assert_eq!(rig.places().len(), 2, "the other lane does not wait");
    assert_eq!(rig.reason(change), Some(Reason::Sequence));
    rig.next_block();
    assert_eq!(rig.status(change), Status::Submitted);
    let late = find(0, (9, 0), Deed::Pay);
    rig.sign_act(late);
    rig.drain();
    assert_eq!(rig.reason(late), Some(Reason::Sequence));
    rig.next_block();
    assert_eq!(rig.status(late), Status::Superseded { by: Some(change.digest) });
}

#[test]
fn a_cancel_goes_before_its_rivals_and_the_others_in_order() {
    let mut rig = rig();
    rig.give(Event::Paused);
    let cancel = find(0, (0, 0), Deed::Cancel);
    for act in [pay(0), cancel] {
        rig.sign_act(act);
    }
    rig.drain();
    assert_eq!(rig.engine().rivals(cancel.digest), vec![pay(0).digest]);
    rig.give(Event::Resumed);
    rig.drain();
    assert_eq!(rig.status(cancel), Status::Submitted);
    assert_eq!(rig.reason(pay(0)), Some(Reason::Conflict));
    rig.next_block();
    assert_eq!(rig.status(pay(0)), Status::Superseded { by: Some(cancel.digest) });
}

#[test]
fn a_reverting_execution_costs_no_account_nonce() {
    let mut rig = rig();
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 0;
    rig.sign_act(pay(0));
    rig.drain();
    assert_eq!(rig.reason(pay(0)), Some(Reason::Simulation));
    assert!(rig.places().is_empty());
}

#[test]
fn what_the_policy_refuses_collects_more_signatures_until_it_does_not() {
    let mut rig = rig();
    rig.give(Event::Paused);
    rig.sign_act(pay(0));
    rig.drain();
    rig.give(Event::Resumed);
    refuse(&mut rig, Refusal::Policy);
    assert_eq!(rig.status(pay(0)), Status::Collecting { reason: Some(Reason::Policy) });
    assert!(rig.places().is_empty());
    // Time may be all that it waited for.
    rig.next_block();
    rig.next_block();
    rig.next_block();
    assert_eq!(rig.status(pay(0)).name(), "executed");
}

/// Answers the simulation that is asked for with this refusal.
fn refuse(rig: &mut Rig, refusal: Refusal) {
    let asked = rig.net.iter().find_map(|effect| match effect {
        Effect::Simulate { request, .. } => Some(*request),
        _ => None,
    });
    rig.net.retain(|effect| !matches!(effect, Effect::Simulate { .. }));
    let refusal = Some(refusal);
    let outcome = Simulation::Done { gas: Vec::new(), rollup_fees: Vec::new(), refusal };
    rig.give(Event::Simulated { request: asked.unwrap(), outcome });
    rig.drain();
}

#[test]
fn what_a_policy_lets_wait_is_left_alone_until_its_time_has_come() {
    let mut rig = rig();
    rig.give(Event::Paused);
    rig.sign_act(pay(0));
    rig.drain();
    rig.give(Event::Resumed);
    let time = rig.engine().history().head().map_or(0, |head| head.timestamp) + 60;
    refuse(&mut rig, Refusal::NotBefore(time));
    assert_eq!(rig.status(pay(0)), Status::Ready { reason: Some(Reason::NotBefore) });
    for _ in 0..3 {
        rig.next_block();
        assert_eq!(rig.status(pay(0)), Status::Ready { reason: Some(Reason::NotBefore) });
    }
    assert!(rig.places().is_empty());
    for _ in 0..5 {
        rig.next_block();
    }
    assert_eq!(rig.status(pay(0)).name(), "executed");
}

#[test]
fn what_a_policy_refuses_as_things_are_has_enough_signatures() {
    let mut rig = rig();
    rig.give(Event::Paused);
    rig.sign_act(pay(0));
    rig.drain();
    rig.give(Event::Resumed);
    refuse(&mut rig, Refusal::Rules);
    assert_eq!(rig.status(pay(0)), Status::Ready { reason: Some(Reason::Policy) });
    for _ in 0..3 {
        rig.next_block();
    }
    assert_eq!(rig.status(pay(0)).name(), "executed");
}

#[test]
fn a_simulation_that_nobody_answers_is_not_replaced_by_a_default() {
    let mut rig = rig();
    rig.faults.is_down = true;
    rig.sign_act(pay(0));
    rig.drain();
    assert_eq!(rig.reason(pay(0)), Some(Reason::RpcDown), "nothing is known of the lane");
    rig.faults.is_down = false;
    rig.give(Event::Paused);
    rig.next_block();
    rig.faults.is_down = true;
    rig.give(Event::Resumed);
    rig.drain();
    assert_eq!(rig.reason(pay(0)), Some(Reason::RpcDown), "nobody can simulate");
    assert!(rig.places().is_empty());
}

#[test]
fn every_limit_says_which_it_is() {
    let cases = [
        (Limits { per_day: wei(1), ..limits() }, Reason::Budget),
        (Limits { per_wallet_and_day: wei(1), ..limits() }, Reason::Budget),
        (Limits { max_fee_per_gas: 11, ..limits() }, Reason::FeeCap),
        (Limits { per_transaction: wei(1), ..limits() }, Reason::FeeCap),
        (Limits { sender_floor: wei(10_u128.pow(24)), ..limits() }, Reason::SenderBalance),
    ];
    for (limits, reason) in cases {
        let mut rig = rig();
        rig.limit(limits);
        rig.sign_act(pay(0));
        rig.drain();
        assert_eq!(rig.reason(pay(0)), Some(reason));
        assert!(rig.places().is_empty());
        rig.limit(crate::rig::limits());
        rig.next_block();
        assert_eq!(rig.status(pay(0)), Status::Submitted);
    }
}

#[test]
fn a_wallet_that_a_sender_owns_is_not_served() {
    let senders = vec![sender(0), owners(0, 0)[2]];
    let mut rig = Rig::with(Rng::new(1), Settings { senders, ..settings() });
    rig.chain.blocks.iter_mut().for_each(|block| {
        block.after.balances.insert(owners(0, 0)[2], 10_u128.pow(24));
    });
    let wallet = wallet_address(0);
    assert!(rig.alarms.contains(&Alarm::SenderIsOwner { wallet }));
    rig.tell_head(0);
    rig.sign_act(pay(0));
    rig.drain();
    assert_eq!(rig.reason(pay(0)), Some(Reason::SenderIsOwner));
}

#[test]
fn a_pause_stops_new_account_nonces_and_not_what_is_on_its_way() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    rig.give(Event::Paused);
    rig.limit(Limits { per_day: wei(0), ..limits() });
    rig.sign_act(find(0, (7, 0), Deed::Pay));
    rig.chain.base_fee = 60;
    for _ in 0..6 {
        rig.next_block();
    }
    assert_eq!(rig.status(pay(0)).name(), "executed", "bumped above the new base fee");
    assert_eq!(rig.store.attempts.keys().filter(|(_, nonce, _)| *nonce > 0).count(), 0);
    assert_eq!(rig.reason(find(0, (7, 0), Deed::Pay)), Some(Reason::Paused));
}

#[test]
fn a_stranger_is_recognised_and_our_account_nonce_freed() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    rig.chain.pool.clear();
    rig.chain.strangers.push(ask(pay(0)));
    rig.next_block();
    let Status::Executed { tx_hash, .. } = rig.status(pay(0)) else { panic!("it is on chain") };
    assert!(!rig.store.hashes.contains(&tx_hash));
    let kinds: Vec<_> = rig.places().into_iter().map(|(_, kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::Execute, Kind::Noop]);
    rig.next_block();
    assert_eq!(rig.chain.head().after.nonce(sender(0)), 1);
}

#[test]
fn a_mined_revert_waits_for_depth_and_for_a_simulation() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 0;
    rig.next_block();
    assert_eq!(rig.reason(pay(0)), Some(Reason::Simulation));
    assert_eq!(rig.store.statuses[&pay(0).digest].failures.len(), 1);
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 1;
    for _ in 1..FINAL_DEPTH {
        rig.next_block();
        assert_eq!(rig.places().len(), 1, "the first account nonce is not final");
    }
    rig.next_block();
    rig.next_block();
    assert_eq!(rig.status(pay(0)).name(), "executed");
    assert_eq!(rig.places().len(), 2);
}

#[test]
fn what_waits_behind_a_mined_revert_is_not_burned() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.sign_act(pay(1));
    rig.drain();
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 0;
    rig.chain.pool.remove(&(sender(0), 1));
    rig.next_block();
    let second: Vec<_> = rig.places().into_iter().filter(|(nonce, ..)| *nonce == 1).collect();
    let expected = [Kind::Execute, Kind::Noop].map(|kind| (1, kind, execute(pay(1))));
    assert_eq!(second, expected);
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 2;
    for _ in 0..3 * FINAL_DEPTH {
        rig.next_block();
    }
    assert_eq!(rig.status(pay(1)).name(), "executed");
}

#[test]
fn a_proposal_is_given_up_after_its_failures() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    for _ in 0..settings().max_failures {
        rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 1;
        // The block that carries the revert is the one after which it could be sent.
        while rig.chain.pool.is_empty() {
            rig.drain();
            if rig.chain.pool.is_empty() {
                rig.next_block();
            }
        }
        rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 0;
        rig.next_block();
    }
    rig.chain.blocks.last_mut().unwrap().after.wallets[0].funds = 1;
    for _ in 0..40 {
        rig.next_block();
    }
    assert_eq!(rig.reason(pay(0)), Some(Reason::Budget));
    assert!(rig.alarms.contains(&Alarm::FailuresUsedUp { digest: pay(0).digest }));
}

#[test]
fn an_outage_of_ten_minutes_cancels_nothing() {
    let mut rig = rig();
    rig.give(Event::Paused);
    rig.sign_act(pay(0));
    rig.drain();
    rig.give(Event::Resumed);
    rig.faults.is_down = true;
    // It was simulated before, and is signed and stored, but no byte gets through.
    let replies: Vec<_> = rig.net.iter().filter_map(as_passed).collect();
    rig.passed.extend(rig.net.iter().filter_map(|effect| match effect {
        Effect::Simulate { in_flight, next, .. } => {
            Some(Passed { in_flight: in_flight.clone(), next: next.clone() })
        }
        _ => None,
    }));
    rig.net.retain(|effect| as_passed(effect).is_none());
    replies.into_iter().for_each(|reply| rig.give(reply));
    rig.drain();
    for _ in 0..60 {
        rig.clock += 10;
        rig.tick();
        rig.drain();
    }
    assert_eq!(rig.status(pay(0)), Status::Submitted);
    assert_eq!(rig.places(), [(0, Kind::Execute, execute(pay(0)))]);
    rig.faults.is_down = false;
    rig.tick();
    rig.clock += 12;
    rig.tick();
    rig.drain();
    rig.next_block();
    rig.next_block();
    assert_eq!(rig.status(pay(0)).name(), "executed");
    assert_eq!(rig.places().iter().filter(|(_, kind, _)| kind.is_noop()).count(), 0);
}

fn as_passed(effect: &Effect) -> Option<Event> {
    let Effect::Simulate { request, next, .. } = effect else { return None };
    let (gas, rollup_fees) = (vec![53_000; next.len()], Vec::new());
    let outcome = Simulation::Done { gas, rollup_fees, refusal: None };
    Some(Event::Simulated { request: *request, outcome })
}

#[test]
fn a_clock_that_jumps_ahead_sends_no_payload_and_decides_nothing() {
    let mut rig = rig();
    let act = table().iter().find(|act| {
        let now = rig.chain.head().after.time;
        act.wallet == 0 && act.deed == Deed::Pay && act.deadline < now + 600 && act.sequence == 0
    });
    let act = act.unwrap();
    let now = rig.clock;
    rig.clock = act.deadline;
    rig.tick();
    rig.tell_head(0);
    rig.sign_act(act);
    rig.drain();
    assert_eq!(rig.reason(act), Some(Reason::DeadlineNear));
    assert!(rig.places().is_empty());
    rig.clock = now;
    rig.next_block();
    rig.next_block();
    assert_eq!(rig.status(act).name(), "executed");
}

#[test]
fn a_foreign_transaction_is_reported_and_planned_around_at_depth() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    let (hash, from) = (B256::repeat_byte(9), sender(0));
    let tx =
        Tx { hash, from, nonce: 0, gas_limit: 21_000, max_fee: 900, tip: 900, ask: Ask::Nothing };
    rig.chain.pool.insert((from, 0), tx);
    for _ in 0..FINAL_DEPTH {
        rig.next_block();
        assert_eq!(rig.places().len(), 1);
    }
    for _ in 0..4 {
        rig.next_block();
    }
    assert!(rig.alarms.contains(&Alarm::ForeignTransaction { sender: from, account_nonce: 0 }));
    assert_eq!(rig.status(pay(0)).name(), "executed");
}

#[test]
fn a_reorg_beyond_the_depth_is_reported_and_takes_the_final_back() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    for _ in 0..FINAL_DEPTH + 2 {
        rig.next_block();
    }
    assert!(rig.store.statuses[&pay(0).digest].is_final);
    for _ in 0..FINAL_DEPTH + 3 {
        rig.chain.blocks.pop();
    }
    for _ in 0..FINAL_DEPTH + 4 {
        rig.chain.mine(&mut Rng::new(3), 0);
    }
    rig.tell_head(0);
    rig.drain();
    assert!(rig.alarms.iter().any(|alarm| matches!(alarm, Alarm::DeepReorg { .. })));
    assert!(rig.alarms.contains(&Alarm::Reopened { digest: pay(0).digest }));
    for _ in 0..2 * FINAL_DEPTH {
        rig.next_block();
    }
    assert_eq!(rig.status(pay(0)).name(), "executed");
    assert_eq!(rig.places().len(), 1, "the same bytes were sent again");
    assert_eq!(check(&rig), Ok(()));
}

#[test]
fn the_loser_of_a_race_for_an_account_nonce_sends_nothing() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    let request = rig.until_stored();
    rig.writes.pop_front();
    rig.net.clear();
    rig.give(Event::PersistLost { request });
    assert_eq!(rig.net, [Effect::Reload]);
    rig.tick();
    rig.tell_head(0);
    assert_eq!(rig.net, [Effect::Reload], "nothing until the store was read");
}

#[test]
fn unknown_bytes_are_sent_again_as_they_are() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    rig.chain.pool.clear();
    let tx_hash = *rig.store.hashes.iter().next().unwrap();
    rig.give(Event::SendResult { tx_hash, outcome: Sent::Unknown });
    rig.clock += settings().resend_secs;
    rig.tick();
    let is_it =
        |effect: &Effect| matches!(effect, Effect::Rebroadcast { tx_hash: h, .. } if *h == tx_hash);
    assert!(rig.net.iter().any(is_it));
    assert_eq!(rig.places().len(), 1);
}

#[test]
fn a_key_that_fails_when_asked_again_does_not_make_an_attempt_forgotten() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    let request = rig.until_stored();
    rig.give(Event::SignFailed { request });
    rig.drain();
    assert_eq!(rig.status(pay(0)), Status::Submitted);
    assert_eq!(rig.places().len(), 1);
}

#[test]
fn a_restart_frees_nothing_that_is_on_its_way() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.sign_act(pay(1));
    rig.drain();
    rig.crash();
    rig.tick();
    rig.tell_blocks(0, rig.chain.height());
    // Accounts are read before anybody says how far the lane is.
    let at = rig.engine().history().head().unwrap().id.hash;
    let (account_nonce, balance) = (0, wei(10_u128.pow(21)));
    rig.give(Event::AccountSeen { sender: sender(0), at, account_nonce, balance });
    rig.drain();
    rig.next_block();
    assert_eq!(rig.store.attempts.len(), 2, "the two executions, and no no-op");
    assert!(matches!(rig.status(pay(1)), Status::Executed { .. }));
}
