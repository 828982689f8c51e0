//! What must hold at every moment, whatever breaks.

use crate::{
    acts::{Ask, BLOCK_SECS, Deed, read, wallet_address},
    rig::{FINAL_DEPTH, Passed, Rig},
    store::wei,
};
use alloy::primitives::{Address, B256, U256};
use quorate_core::Nonce;
use quorate_relayer::{
    attempt::{AttemptRecord, Draft, Kind, Purpose},
    effect::Call,
    event::Rejection,
    fees::worst_case,
};

impl Rig {
    /// Nothing is sent that is not stored, and no payload after its deadline or first shortly before.
    pub(crate) fn check_send(&mut self, tx_hash: B256) {
        assert!(self.store.hashes.contains(&tx_hash), "sent before it was stored");
        let draft = &self.signed[&tx_hash];
        let Ask::Act { deadline, .. } = self.known[&tx_hash].ask else { return };
        let now = self.told_time.max(self.told_clock);
        assert!(now <= deadline, "a payload was sent after its deadline");
        let Purpose::Execute { digest, .. } = draft.purpose else { panic!("it executes nothing") };
        let place = (draft.sender, draft.account_nonce, digest);
        let is_first = self.first_sent.insert(place, true).is_none();
        let limit = now + 2 * BLOCK_SECS;
        assert!(!is_first || limit <= deadline, "first sent within two blocks of the deadline");
    }

    /// No proposal takes an account nonce while another that it took is not final.
    pub(crate) fn check_persist(&self, record: &AttemptRecord) {
        let Purpose::Execute { digest, .. } = record.draft.purpose else { return };
        let is_other = |other: &&AttemptRecord| {
            matches!(other.draft.purpose, Purpose::Execute { digest: d, .. } if d == digest)
                && (other.draft.sender, other.draft.account_nonce)
                    != (record.draft.sender, record.draft.account_nonce)
        };
        let depth = usize::try_from(FINAL_DEPTH).unwrap();
        let last = self.chain.blocks.len() - 1 - depth;
        for other in self.store.attempts.values().filter(is_other) {
            let nonce = self.chain.blocks[last].after.nonce(other.draft.sender);
            assert!(
                nonce > other.draft.account_nonce,
                "signed again while account nonce {} of {} is not final",
                other.draft.account_nonce,
                other.draft.sender,
            );
        }
    }

    /// What is refused for something that no fee can cure is never followed by the same with a higher fee; and what is
    /// reserved is enough for every attempt as it bids.
    pub(crate) fn check_fees(&self, draft: &Draft) {
        let all = (draft.sender, draft.account_nonce);
        let before =
            (0..draft.number).filter_map(|number| self.store.attempts.get(&(all.0, all.1, number)));
        if let Some(last) = before.clone().next_back()
            && let Some(rejection) = self.refused.get(&last.tx_hash)
            && !matches!(rejection, Rejection::Underpriced(_))
            && (last.draft.kind, last.draft.purpose) == (draft.kind, draft.purpose)
        {
            assert_eq!(draft.fees, last.draft.fees, "{rejection:?} was answered with a fee");
            assert!(draft.gas_limit > last.draft.gas_limit, "{rejection:?} was answered in vain");
        }
        for draft in before.map(|record| &record.draft).chain([draft]) {
            let worst = worst_case(draft.gas_limit, draft.fees, draft.rollup_fee);
            assert!(draft.charge.amount >= worst, "less is reserved than is bid");
        }
    }

    /// Whether an attempt takes the place of a no-op for something else than that was for.
    fn takes_place(&self, AttemptRecord { draft, .. }: &AttemptRecord) -> bool {
        let before = draft.number.checked_sub(1).and_then(|before| {
            self.store.attempts.get(&(draft.sender, draft.account_nonce, before))
        });
        draft.kind != Kind::Noop && before.is_some_and(|before| before.draft.kind == Kind::Noop)
    }

    /// As of the head that the engine knows, nothing else of its wallet is on its way with a reconfiguration.
    pub(crate) fn check_barrier(&self, record: &AttemptRecord) {
        let told = self.told.and_then(|hash| self.chain.number_of(hash));
        let Some(told) = told.filter(|_| self.takes_nonce(record)) else { return };
        let world = &self.chain.blocks[usize::try_from(told).unwrap()].after;
        let wallet = record.draft.purpose.wallet();
        let is_barrier = |record: &AttemptRecord| match record.draft.purpose {
            Purpose::Execute { digest, .. } => {
                self.store.proposals[&digest].0.deed == Deed::Reconfigure
            }
            Purpose::Create { .. } | Purpose::Gap => false,
        };
        for other in self.store.attempts.values() {
            let draft = &other.draft;
            // Of all that had one place, one is mined.
            let place = |draft: &Draft| (draft.sender, draft.account_nonce);
            let is_open = draft.account_nonce >= world.nonce(draft.sender)
                && place(draft) != place(&record.draft);
            if wallet.is_some() && draft.purpose.wallet() == wallet && is_open {
                assert!(!is_barrier(record) && !is_barrier(other), "a barrier was passed");
            }
        }
    }

    /// As of the head that the engine knows, an execution is one of the next eight of its lane, and the one before it was
    /// given to the same sender, with a lower account nonce. What is left out of what it is told, it cannot know.
    pub(crate) fn check_pipeline(&self, record: &AttemptRecord, together: &[AttemptRecord]) {
        let told = self.told.and_then(|hash| self.chain.number_of(hash));
        let Some(told) = told.filter(|_| self.takes_nonce(record)) else { return };
        let Some((wallet, nonce)) = self.nonce_of(record) else { return };
        let world = &self.chain.blocks[usize::try_from(told).unwrap()].after;
        let lane: u64 = nonce.lane.number().to();
        let next = world.wallets[wallet].lanes.get(&lane).copied().unwrap_or(0);
        let address = wallet_address(wallet);
        // What was left out it may learn together with the answer that had it go on.
        let next = if self.left_out.contains(&address) { next.min(nonce.sequence) } else { next };
        assert!(nonce.sequence >= next, "sequence {} of {next} was consumed", nonce.sequence);
        assert!(nonce.sequence - next < 8, "{} go before it in its lane", nonce.sequence - next);
        let before = nonce.sequence.checked_sub(1).filter(|before| *before >= next);
        let Some(before) = before.map(|sequence| Nonce::new(nonce.lane, sequence)) else { return };
        let own = &record.draft;
        // Whether that was mined without effect, or overtaken by a stranger with the key, the engine may not know yet.
        let is_before = |other: &AttemptRecord| {
            self.nonce_of(other) == Some((wallet, before))
                && other.draft.sender == own.sender
                && other.draft.account_nonce < own.account_nonce
        };
        let is_behind = self.store.attempts.values().chain(together).any(is_before);
        assert!(is_behind, "nothing goes before sequence {} of a lane", nonce.sequence);
    }

    /// Account nonces are taken for what was simulated just so, one on top of the other, on top of what goes before
    /// them.
    pub(crate) fn check_simulated(&self, records: &[AttemptRecord]) {
        let Some(AttemptRecord { draft: first, .. }) = records.first() else { return };
        if first.number > 0 || first.purpose == Purpose::Gap {
            assert_eq!(records.len(), 1, "no run of replacements");
            if !self.takes_place(&records[0]) {
                return;
            }
        }
        let call = |AttemptRecord { draft, .. }: &AttemptRecord| Call {
            from: draft.sender,
            to: draft.to,
            data: draft.data.clone(),
        };
        let calls: Vec<_> = records.iter().map(call).collect();
        let passed = self.passed.iter().filter(|passed| passed.next.starts_with(&calls));
        assert!(passed.clone().count() > 0, "account nonces were taken for what was not simulated");
        for (earlier, later) in records.iter().zip(&records[1..]) {
            assert_eq!(earlier.draft.account_nonce + 1, later.draft.account_nonce);
        }
        let Some((wallet, nonce)) = self.nonce_of(&records[0]) else { return };
        let told = self.told.and_then(|hash| self.chain.number_of(hash));
        let Some(told) = told.and_then(|told| usize::try_from(told).ok()) else { return };
        let world = &self.chain.blocks[told].after;
        let next = world.wallets[wallet].lanes.get(&nonce.lane.number().to()).copied();
        let goes_before = |call: &Call, sequence: u64| {
            let Ask::Act { wallet: of, nonce: is, .. } = read(call.to, &call.data) else {
                return false;
            };
            (of, is) == (wallet, Nonce::new(nonce.lane, sequence))
        };
        let is_on_top = |passed: &Passed| {
            let mut before = next.unwrap_or(0)..nonce.sequence;
            before.all(|sequence| passed.in_flight.iter().any(|call| goes_before(call, sequence)))
        };
        assert!(passed.clone().any(is_on_top), "simulated without what goes before it");
    }

    /// Whether an attempt is the first for what it is for.
    fn takes_nonce(&self, record: &AttemptRecord) -> bool {
        record.draft.number == 0 || self.takes_place(record)
    }

    /// What an attempt was stored to execute: the wallet, and the nonce.
    fn nonce_of(&self, record: &AttemptRecord) -> Option<(usize, Nonce)> {
        let Purpose::Execute { digest, .. } = record.draft.purpose else { return None };
        let act = self.store.proposals[&digest].0;
        Some((act.wallet, act.request.nonce))
    }

    pub(crate) fn spent(&self, wallet: Option<Address>) -> U256 {
        let first = self
            .store
            .attempts
            .values()
            .filter(|record| wallet.is_none() || record.draft.purpose.wallet() == wallet);
        let cost = |record: &AttemptRecord| self.chain.find(record.tx_hash).map(|(_, m)| m.cost);
        wei(first.filter_map(cost).sum())
    }
}
