//! Which blocks are final, and how long things take.

use super::{pay, rig, rig_with};
use crate::{
    acts::{BLOCK_SECS, sender},
    rig::{FINAL_DEPTH, Rig, settings},
};
use quorate_relayer::{Alarm, Event, Settings, Status};

impl Rig {
    fn is_final(&self, sequence: u64) -> bool {
        self.store.statuses[&pay(sequence).digest].is_final
    }

    fn executed_at(&self, sequence: u64) -> u64 {
        let Status::Executed { block, .. } = self.status(pay(sequence)) else {
            panic!("it is not")
        };
        block.number
    }

    fn see_finality(&mut self, finalized: u64) {
        self.give(Event::FinalitySeen { finalized });
        self.drain();
    }
}

#[test]
fn final_waits_for_what_nodes_say_is_final() {
    let mut rig = rig();
    rig.see_finality(1);
    rig.sign_act(pay(0));
    for _ in 0..3 * FINAL_DEPTH {
        rig.next_block();
    }
    let block = rig.executed_at(0);
    assert!(!rig.is_final(0));
    assert!(rig.store.settled.is_empty(), "nor is what it cost");
    rig.see_finality(block - 1);
    assert!(!rig.is_final(0));
    rig.see_finality(block);
    assert!(rig.is_final(0));
    assert_eq!(rig.store.settled.len(), 1);
}

#[test]
fn what_is_final_is_at_the_depth_as_well() {
    let mut rig = rig();
    rig.see_finality(1);
    rig.sign_act(pay(0));
    rig.drain();
    rig.next_block();
    rig.next_block();
    rig.see_finality(rig.executed_at(0));
    assert!(!rig.is_final(0));
    for _ in 0..FINAL_DEPTH {
        rig.next_block();
    }
    assert!(rig.is_final(0));
}

#[test]
fn what_is_not_true_of_finality_is_not_believed() {
    let mut rig = rig();
    rig.see_finality(5);
    let head = rig.chain.height();
    for untrue in [0, 3, 5, head, head + 1, u64::MAX] {
        rig.see_finality(untrue);
        assert_eq!(rig.engine().finality().finalized, Some(5), "{untrue}");
    }
    rig.see_finality(6);
    assert_eq!(rig.engine().finality().finalized, Some(6));
}

/// Where nodes say nothing at first, the depth alone counts, and what was told stays told.
#[test]
fn what_is_final_stays_final() {
    let mut rig = rig();
    rig.sign_act(pay(0));
    for _ in 0..=FINAL_DEPTH {
        rig.next_block();
    }
    rig.next_block();
    assert!(rig.is_final(0));
    rig.see_finality(2);
    rig.sign_act(pay(1));
    for _ in 0..2 * FINAL_DEPTH {
        rig.next_block();
    }
    assert!(rig.is_final(0));
    assert!(!rig.is_final(1));
    assert!(!rig.alarms.iter().any(|alarm| matches!(alarm, Alarm::Reopened { .. })));
}

#[test]
fn finality_that_stands_still_for_an_hour_is_told_once() {
    let mut rig = rig();
    rig.see_finality(3);
    for _ in 0..3_600 / BLOCK_SECS - 1 {
        rig.next_block();
    }
    assert!(!rig.engine().is_finality_stalled());
    rig.sign_act(pay(0));
    for _ in 0..8 {
        rig.next_block();
    }
    assert!(rig.engine().is_finality_stalled());
    let told = rig.alarms.iter().filter(|a| **a == Alarm::FinalityStalled { finalized: 3 });
    assert_eq!(told.count(), 1);
    assert!(!rig.is_final(0), "it waits");
    rig.see_finality(rig.chain.height() - 1);
    assert!(!rig.engine().is_finality_stalled());
    rig.next_block();
    rig.see_finality(rig.chain.height() - 1);
    assert!(rig.is_final(0));
}

#[test]
fn a_depth_in_seconds_counts_where_it_is_more_blocks() {
    let final_secs = 10 * BLOCK_SECS - 1;
    let mut rig = rig_with(Settings { final_secs, ..settings() });
    rig.sign_act(pay(0));
    rig.drain();
    rig.next_block();
    let block = rig.executed_at(0);
    while rig.chain.height() < block + 9 {
        rig.next_block();
        assert!(!rig.is_final(0), "{} blocks deep", rig.chain.height() - block);
    }
    rig.next_block();
    assert!(rig.is_final(0));
}

#[test]
fn a_bump_in_seconds_counts_where_it_is_more_blocks() {
    let bump_after_secs = 6 * BLOCK_SECS;
    let mut rig = rig_with(Settings { bump_after_secs, ..settings() });
    rig.sign_act(pay(0));
    rig.drain();
    rig.chain.base_fee = 500;
    for _ in 0..5 {
        rig.next_block();
    }
    assert_eq!(rig.places().len(), 1);
    rig.next_block();
    assert_eq!(rig.places().len(), 2);
    rig.next_block();
    assert_eq!(rig.chain.head().after.nonce(sender(0)), 1);
}

#[test]
fn the_block_time_is_measured_unless_it_is_given() {
    let given = Settings { block_secs: 3, is_block_time_given: true, ..settings() };
    assert_eq!(rig_with(given).engine().block_millis(), 3_000);
    let mut measured = rig_with(Settings { block_secs: 3, ..settings() });
    for _ in 0..8 {
        measured.next_block();
    }
    assert_eq!(measured.engine().block_millis(), BLOCK_SECS * 1_000);
}
