//! What endpoints leave out is found all the same: in receipts, by reading again, and by asking the wallets themselves.

use super::{Rig, pay, rig, rig_with};
use crate::{
    acts::{Act, BLOCK_SECS, sender, table, wallet_address},
    rig::{FINAL_DEPTH, Faults, settings},
    rng::Rng,
    store::{wallet_row, wei},
    truth::ask,
};
use alloy::primitives::B256;
use quorate_core::Lane;
use quorate_relayer::{
    Alarm, Effect, Event, Settings, Status,
    event::{BlockId, Paid, Receipt, Standing},
};
use std::{collections::BTreeSet, sync::Arc};

/// Every answer leaves everything out.
const EMPTY: Faults = Faults {
    is_down: false,
    sends: 0,
    reads: 0,
    refusals: 0,
    noops: None,
    payloads: None,
    empties: 100,
};

impl Rig {
    /// A block of which nothing is told but that it is there, and whose events are left out whenever they are asked for.
    fn silent_block(&mut self) {
        self.faults = EMPTY;
        self.next_block();
        self.faults = Faults::default();
    }

    fn is_executed(&self, act: &Act) -> bool {
        matches!(self.status(act), Status::Executed { .. })
    }

    fn misses_events(&self, wallet: usize) -> bool {
        self.alarms.contains(&Alarm::EventsMissing { wallet: wallet_address(wallet) })
    }

    /// What the net was asked that `is_it` is true of.
    fn asked(&self, is_it: impl Fn(&Effect) -> bool) -> usize {
        self.net.iter().filter(|effect| is_it(effect)).count()
    }

    fn head(&self) -> BlockId {
        self.engine().history().head().expect("a head was told").id
    }
}

/// Case 12: the block's events were an empty list, and its receipt tells the truth.
#[test]
fn a_receipt_tells_what_the_events_of_its_block_left_out() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.sign_act(pay(1));
    rig.drain();
    rig.chain.mine(&mut Rng::new(2), 100);
    rig.faults = EMPTY;
    rig.tell_head(0);
    rig.faults = Faults::default();
    rig.drain();
    assert!(rig.is_executed(pay(0)) && rig.is_executed(pay(1)) && rig.misses_events(0));
    assert!(rig.places().iter().all(|(_, kind, _)| !kind.is_noop()), "nothing was freed");
    (0..=FINAL_DEPTH).for_each(|_| rig.next_block());
    assert!(rig.store.statuses[&pay(0).digest].is_final);
    assert_eq!(rig.store.settled.len(), 2);
}

/// Case 12: the receipt is without its events too: that is no failure, and no `noEffect`, but looked at again.
#[test]
fn a_receipt_without_its_events_is_no_failure() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    let tx_hash = rig.store.attempts.values().next().expect("it was stored").tx_hash;
    rig.silent_block();
    let paid = Paid { success: true, gas_used: 21_000, cost: wei(1), ..Paid::default() };
    let receipt = Receipt { block: rig.head(), paid, logs: Vec::new() };
    rig.give(Event::ReceiptSeen { tx_hash, receipt: Some(receipt) });
    assert_eq!(rig.status(pay(0)), Status::Submitted);
    assert!(rig.misses_events(0) && rig.store.statuses[&pay(0).digest].failures.is_empty());
    assert_eq!(
        rig.asked(|effect| matches!(effect, Effect::AskLogs { from, to, .. } if from == to)),
        1
    );
    rig.drain();
    rig.next_block();
    assert!(rig.is_executed(pay(0)));
}

/// Receipts and logs leave the events out again and again: that is no failure either, before the wallet itself has said so.
#[test]
fn what_went_through_is_no_failure_before_the_wallet_says_so() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    let tx_hash = rig.store.attempts.values().next().expect("it was stored").tx_hash;
    rig.chain.mine(&mut Rng::new(2), 100);
    let number = rig.chain.height();
    let block = BlockId { number, hash: rig.chain.head().hash };
    rig.faults = EMPTY;
    let mut asked = 0;
    for _ in 0..3 {
        rig.tell_head(0);
        let paid = Paid { success: true, gas_used: 21_000, cost: wei(1), ..Paid::default() };
        let receipt = Receipt { block, paid, logs: Vec::new() };
        rig.give(Event::ReceiptSeen { tx_hash, receipt: Some(receipt) });
        for _ in 0..50 {
            asked += rig.asked(|effect| matches!(effect, Effect::AskStanding { .. }));
            rig.net.retain(|effect| !matches!(effect, Effect::AskStanding { .. }));
            rig.commit();
            rig.work();
            rig.reply();
        }
        rig.chain.mine(&mut Rng::new(2), 0);
    }
    assert!(asked > 0, "the wallet was not asked");
    assert!(rig.store.statuses[&pay(0).digest].failures.is_empty());
    rig.faults = Faults::default();
    (0..3).for_each(|_| rig.next_block());
    assert!(rig.is_executed(pay(0)));
}

/// Case 12: a stranger's execution, of which there is no receipt of ours: the wallet says that its lane moved.
#[test]
fn a_wallet_tells_that_its_lane_moved() {
    let mut rig = rig_with(Settings { audit_blocks: 3, ..settings() });
    rig.sign_act(pay(1));
    rig.drain();
    rig.chain.strangers.push(ask(pay(0)));
    rig.silent_block();
    assert_eq!(rig.places().len(), 0);
    (0..4).for_each(|_| rig.next_block());
    assert!(rig.misses_events(0) && rig.is_executed(pay(1)));
}

/// Case 12: a simulation that is refused is a reason to ask the wallet at once.
#[test]
fn a_refused_simulation_asks_the_wallet() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.chain.strangers.push(ask(pay(0)));
    rig.chain.mine(&mut Rng::new(2), 100);
    rig.faults = EMPTY;
    rig.tell_head(0);
    rig.faults = Faults::default();
    rig.drain();
    rig.next_block();
    assert!(rig.is_executed(pay(0)), "{:?}", rig.status(pay(0)));
}

/// Case 12: what was left out before the base, as in a store of before, is found again after a restart.
#[test]
fn a_wallet_whose_stored_state_lacks_an_execution_is_read_anew() {
    let mut rig = rig();
    rig.chain.strangers.push(ask(pay(0)));
    rig.chain.mine(&mut Rng::new(2), 100);
    for _ in 0..8 {
        rig.chain.mine(&mut Rng::new(2), 100);
    }
    // As if the execution had never been: the lane at its start, at a block behind it.
    let height = rig.chain.height() - FINAL_DEPTH;
    let mut row = wallet_row(0, height, &rig.chain.blocks[0].after);
    row.snapshot.lanes.insert(pay(0).request.nonce.lane, 0);
    rig.store.wallets.insert(wallet_address(0), row);
    rig.crash();
    rig.tell_head(0);
    rig.sign_act(pay(0));
    rig.sign_act(pay(1));
    for _ in 0..12 {
        rig.next_block();
    }
    assert!(rig.is_executed(pay(0)) && rig.is_executed(pay(1)), "{:?}", rig.status(pay(0)));
}

/// That a proposal was not executed before its deadline is final only when the wallet said so.
#[test]
fn an_expiry_is_final_when_the_wallet_says_so() {
    let mut rig = rig();
    let is_it = |act: &&Act| (act.wallet, act.lane, act.sequence, act.epoch) == (0, 0, 0, 0);
    let act = table().iter().filter(is_it).min_by_key(|act| act.deadline).expect("there are some");
    rig.store.proposals.insert(act.digest, (act, Default::default()));
    rig.give(Event::ProposalAdded { digest: act.digest, request: Box::new(act.request.clone()) });
    rig.drain();
    rig.faults = Faults { reads: 100, ..Faults::default() };
    while rig.chain.head().after.time <= act.deadline + FINAL_DEPTH * BLOCK_SECS {
        rig.next_block();
    }
    let told = &rig.store.statuses[&act.digest];
    assert!(told.status == Status::Expired && !told.is_final);
    rig.faults = Faults::default();
    rig.next_block();
    rig.next_block();
    assert!(rig.store.statuses[&act.digest].is_final);
}

/// What a wallet says that is less than what is known may be of a node that lags: it changes nothing.
#[test]
fn a_wallet_that_says_less_is_not_believed() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    rig.next_block();
    assert!(rig.is_executed(pay(0)));
    let (wallet, at) = (wallet_address(0), rig.head());
    let lanes = vec![(Lane::ZERO, 0)];
    let standing = Standing { epoch: Some(0), lanes, ..Standing::default() };
    rig.give(Event::StandingSeen { wallet, at, standing });
    rig.drain();
    assert!(rig.is_executed(pay(0)) && !rig.misses_events(0));
}

/// Logs that are read back without what is known lose nothing.
#[test]
fn what_is_known_stays_when_it_is_read_back_without() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    rig.next_block();
    let (wallet, at) = (wallet_address(0), rig.head());
    // It claims more than there is, so that everything is read again, and that answer is empty.
    let standing = Standing { epoch: Some(0), lanes: vec![(Lane::ZERO, 9)], ..Standing::default() };
    rig.give(Event::StandingSeen { wallet, at, standing });
    rig.faults = EMPTY;
    rig.drain();
    rig.faults = Faults::default();
    rig.next_block();
    assert!(rig.is_executed(pay(0)));
}

/// An account nonce that passed is a stranger's only if none of ours has a receipt at any of the heads until it is final.
#[test]
fn receipts_that_are_left_out_now_and_then_make_no_stranger() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    rig.drain();
    for _ in 0..2 * FINAL_DEPTH {
        rig.silent_block();
        assert!(rig.alarms.iter().all(|a| !matches!(a, Alarm::ForeignTransaction { .. })));
        if rig.chain.height().is_multiple_of(2) {
            rig.tell_head(0);
            rig.drain();
        }
        rig.next_block();
    }
    assert!(rig.is_executed(pay(0)));
    assert_eq!(rig.store.settled.len(), 1);
}

/// A wallet that came while the events of a block were read without it has them read.
#[test]
fn the_events_of_a_wallet_that_came_meanwhile_are_read() {
    let mut rig = rig();
    rig.chain.mine(&mut Rng::new(2), 100);
    let height = rig.chain.height();
    let block = rig.block(height);
    let others: BTreeSet<_> = [wallet_address(1), wallet_address(2)].into();
    rig.give(Event::NewHead { blocks: vec![block], of: Some(Arc::new(others)), tip: 2 });
    let is_its = |effect: &Effect| {
        let Effect::AskLogs { wallets, from, to } = effect else { return false };
        (&wallets[..], *from, *to) == (&[wallet_address(0)][..], height, height)
    };
    assert_eq!(rig.asked(is_its), 1);
}

/// Where blocks come faster than accounts are read, what was read a few blocks ago still counts, and older does not.
#[test]
fn an_account_of_a_recent_block_counts() {
    let mut rig = rig();
    let before = rig.head();
    rig.chain.mine(&mut Rng::new(2), 100);
    rig.tell_head(0);
    let sender = sender(0);
    let seen = |at: BlockId, nonce| Event::AccountSeen {
        sender,
        at: at.hash,
        account_nonce: nonce,
        balance: wei(7),
    };
    rig.give(seen(before, 5));
    assert_eq!(rig.engine().senders()[&sender].account_nonce, 5);
    rig.give(seen(rig.head(), 6));
    rig.give(seen(before, 5));
    assert_eq!(rig.engine().senders()[&sender].account_nonce, 6);
    rig.give(seen(BlockId { number: before.number, hash: B256::ZERO }, 9));
    assert_eq!(rig.engine().senders()[&sender].account_nonce, 6);
}

/// Case 13: what an endpoint lacks may turn out later, and come back.
#[test]
fn pipelining_ends_and_begins_with_what_nodes_can_simulate() {
    let mut rig = rig();
    rig.give(Event::CanSimulate(false));
    (0..3).for_each(|sequence| rig.sign_act(pay(sequence)));
    rig.drain();
    assert_eq!(rig.places().len(), 1);
    rig.give(Event::CanSimulate(true));
    rig.drain();
    assert_eq!(rig.places().len(), 3);
}
