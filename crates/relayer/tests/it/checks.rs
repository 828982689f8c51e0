//! What must hold at every moment, whatever breaks.

use crate::{
    acts::{Ask, BLOCK_SECS, Deed},
    rig::{FINAL_DEPTH, Rig},
    store::wei,
};
use alloy::primitives::{Address, B256, U256};
use quorate_relayer::attempt::{AttemptRecord, Purpose};

impl Rig {
    /// Nothing is sent that is not stored, and no payload after its deadline or first shortly before.
    pub(crate) fn check_send(&mut self, tx_hash: B256) {
        assert!(self.store.hashes.contains(&tx_hash), "sent before it was stored");
        let draft = &self.signed[&tx_hash];
        let Ask::Act { deadline, .. } = self.known[&tx_hash].ask else { return };
        let now = self.told_time.max(self.told_clock);
        assert!(now <= deadline, "a payload was sent after its deadline");
        let place = (draft.sender, draft.account_nonce);
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

    /// As of the head that the engine knows, nothing else of its wallet is on its way with a reconfiguration.
    pub(crate) fn check_barrier(&self, record: &AttemptRecord) {
        let told = self.told.and_then(|hash| self.chain.number_of(hash));
        let (Some(told), 0) = (told, record.draft.number) else { return };
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
            let is_open =
                draft.account_nonce >= world.nonce(draft.sender) && other.tx_hash != record.tx_hash;
            if wallet.is_some() && draft.purpose.wallet() == wallet && is_open {
                assert!(!is_barrier(record) && !is_barrier(other), "a barrier was passed");
            }
        }
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
