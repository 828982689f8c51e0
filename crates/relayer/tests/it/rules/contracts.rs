//! A contract's yes can end. In this world all signatures are contracts'.

use super::{Rig, pay, rig};
use crate::{
    acts::{Act, owners, signature},
    rig::FINAL_DEPTH,
};
use alloy::primitives::Bytes;
use quorate_core::OwnerSignature;
use quorate_relayer::{Effect, Event, Reason, Status};

impl Rig {
    fn give_first(&mut self, funds: u64) {
        self.chain.blocks.last_mut().unwrap().after.wallets[0].funds = funds;
    }

    fn asked_contracts(&self) -> usize {
        self.net.iter().filter(|effect| matches!(effect, Effect::AskContracts { .. })).count()
    }

    fn sign_anew(&mut self, act: &Act, signature: OwnerSignature) {
        let owner = owners(act.wallet, act.epoch)[1];
        let (_, signatures) = self.store.proposals.get_mut(&act.digest).unwrap();
        signatures.insert(owner, signature.clone());
        self.give(Event::SignatureAdded { digest: act.digest, owner, signature });
    }
}

/// Case 43: contracts are asked again when a simulation fails; whose yes ended is missing, and signing anew heals it.
#[test]
fn whose_contract_says_no_is_missing_again() {
    let mut rig = rig();
    let act = pay(0);
    rig.give_first(0);
    let lapsing = owners(act.wallet, act.epoch)[1];
    rig.refusing.insert(lapsing);
    rig.sign_act(act);
    rig.drain();
    assert_eq!(rig.lapsed, [(act.digest, lapsing)]);
    assert_eq!(rig.status(act), Status::Collecting { reason: None });
    rig.give_first(100);
    (0..5).for_each(|_| rig.next_block());
    assert_eq!(rig.status(act), Status::Collecting { reason: None });
    assert!(rig.places().is_empty(), "nothing was sent");
    rig.refusing.clear();
    rig.sign_anew(act, signature(act));
    rig.drain();
    (0..=FINAL_DEPTH).for_each(|_| rig.next_block());
    assert!(matches!(rig.status(act), Status::Executed { .. }));
}

/// Where nothing fails, nobody is asked; and where all hold, what fails stays what it was.
#[test]
fn contracts_are_asked_only_where_a_simulation_fails() {
    let mut rig = rig();
    let act = pay(0);
    rig.sign_act(act);
    while !(rig.writes.is_empty() && rig.net.is_empty() && rig.replies.is_empty()) {
        assert_eq!(rig.asked_contracts(), 0);
        rig.commit();
        rig.work();
        rig.reply();
    }
    (0..=FINAL_DEPTH).for_each(|_| rig.next_block());
    let next = pay(1);
    rig.give_first(0);
    rig.sign_act(next);
    rig.drain();
    (0..4).for_each(|_| rig.next_block());
    assert!(rig.lapsed.is_empty());
    assert_eq!(rig.reason(next), Some(Reason::Simulation));
}

/// Another signature that came while the contract was asked about the one before stays.
#[test]
fn an_answer_about_an_older_signature_takes_nothing_away() {
    let mut rig = rig();
    let act = pay(0);
    rig.give_first(0);
    rig.sign_act(act);
    rig.drain();
    let old = signature(act);
    rig.sign_anew(act, OwnerSignature::Contract(Bytes::from_static(&[9, 9])));
    let lapsed = vec![(owners(act.wallet, act.epoch)[1], old, "refuses")];
    rig.give(Event::ContractsAsked { digest: act.digest, lapsed });
    rig.drain();
    assert!(rig.lapsed.is_empty());
    assert_eq!(rig.reason(act), Some(Reason::Simulation));
}
