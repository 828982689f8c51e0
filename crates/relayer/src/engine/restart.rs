//! Beginning from the store, and forgetting what cannot matter any more.

use super::Step;
use crate::{
    attempt::{End, Purpose},
    effect::{Alarm, Effect},
    event::BlockId,
    proposal::Tracked,
    rows::{Rows, Settlement, WalletRow},
    state::State,
    status::Status,
    wallet::Wallet,
};
use alloy::primitives::{Address, B256};

/// After how many blocks a wallet is stored anew although nothing happened: restarts read back from there.
const CHECKPOINT_BLOCKS: u64 = 1_000;

impl Step {
    pub(super) fn restart(&mut self, rows: Rows) {
        let old = &self.state;
        let mut state = State::new(old.settings.clone(), old.limits);
        // What was asked before must not be taken for an answer to what is asked from now on.
        state.next_request = old.next_request;
        (state.clock, state.last_head_at) = (old.clock, old.clock);
        (state.finality, state.block_millis, state.paid) =
            (old.finality, old.block_millis, old.paid);
        state.is_leading = true;
        let trusts_final = old.trusts_final;
        state.is_paused = rows.is_paused;
        for charge in &rows.spent {
            state.ledger.add(charge);
        }
        self.state = state;
        for row in rows.wallets {
            self.state.wallets.insert(row.address, Wallet::new(row));
        }
        for row in rows.proposals {
            let digest = row.digest;
            self.state.next_order = self.state.next_order.max(row.ready_order.unwrap_or(0));
            if let Some(wallet) = self.state.wallets.get_mut(&row.request.wallet) {
                wallet.proposals.insert(digest);
                let mut tracked = Tracked::new(row);
                tracked.was_final &= trusts_final;
                self.state.proposals.insert(digest, tracked);
            }
        }
        for record in rows.attempts {
            self.enter_attempt(record);
        }
        for ((sender, account_nonce), settlement) in rows.settled {
            self.resettle(sender, account_nonce, settlement);
        }
        let wallets: Vec<Address> = self.state.wallets.keys().copied().collect();
        for address in wallets {
            self.check_senders(address);
        }
    }

    fn resettle(&mut self, sender: Address, account_nonce: u64, settlement: Settlement) {
        let account = self.state.senders.get_mut(&sender);
        let Some(slot) = account.and_then(|s| s.slots.get_mut(&account_nonce)) else { return };
        let Settlement { tx_hash, block, paid } = settlement;
        slot.end = match tx_hash {
            Some(tx_hash) => End::Mined { tx_hash, block, receipt: Some(paid) },
            None => End::Foreign { block },
        };
        let spent = super::accounts::spent(slot, &settlement);
        self.state.ledger.take_back(&slot.charge);
        self.state.ledger.add(&spent);
        slot.charge = spent;
        slot.settled = Some(settlement);
    }

    /// Serves a wallet, or reads it anew; its proposals stay.
    pub(super) fn add_wallet(&mut self, row: WalletRow) {
        let address = row.address;
        let mut wallet = Wallet::new(row);
        if let Some(old) = self.state.wallets.remove(&address) {
            wallet.proposals = old.proposals;
            wallet.version = old.version.wrapping_add(1);
            wallet.failed_creations = old.failed_creations;
            wallet.served = old.served;
        }
        let head = self.state.head_number();
        let from = wallet.base().block.saturating_add(1);
        if from <= head {
            wallet.gaps.insert((from, head));
            let wallets = vec![address];
            self.effects.push(Effect::AskLogs { wallets, from, to: head });
        }
        self.state.wallets.insert(address, wallet);
        self.check_senders(address);
        self.touched.insert(address);
    }

    /// Says so if a wallet cannot be served.
    pub(super) fn check_senders(&mut self, address: Address) {
        let wallet = self.state.wallets.get(&address);
        if wallet.is_some_and(|wallet| self.state.sender_is_owner(wallet)) {
            self.alarm(Alarm::SenderIsOwner { wallet: address });
        }
    }

    /// Forgets blocks beyond those to be remembered, and what they decided for good.
    pub(super) fn forget_old(&mut self) {
        let deep =
            usize::try_from(self.state.final_depth().saturating_mul(2)).unwrap_or(usize::MAX);
        let most = self.state.settings.history.max(deep);
        self.state.history.shorten_to(most);
        if self.state.history.len() < most {
            // After a restart or a jump: what is older than what is known may be undone all the same.
            return;
        }
        let Some(oldest) = self.state.history.oldest().copied() else { return };
        let Some(last) = oldest.id.number.checked_sub(1) else { return };
        for (&address, wallet) in &mut self.state.wallets {
            let proposals = wallet.proposals.clone();
            let is_wanted = |nonce| {
                let tracked = |digest| self.state.proposals.get(digest);
                proposals.iter().filter_map(tracked).any(|t| t.request.nonce == nonce)
            };
            let has_changed = wallet.fold_to(last, is_wanted);
            let age = wallet.base().block.saturating_sub(wallet.stored);
            if has_changed || age >= CHECKPOINT_BLOCKS {
                wallet.stored = wallet.base().block;
                let snapshot = wallet.base().clone();
                self.effects.push(Effect::Checkpoint { wallet: address, snapshot });
            }
        }
        self.forget_slots(oldest.id);
        self.forget_proposals(oldest.id, oldest.timestamp);
        let today = self.state.today();
        self.state.ledger.forget_before(today);
    }

    fn forget_slots(&mut self, oldest: BlockId) {
        for sender in self.state.senders.values_mut() {
            sender.slots.retain(|_, slot| {
                let is_old = slot.ended_at().is_some_and(|block| block.number < oldest.number);
                let is_kept = slot.settled.is_none() || !is_old;
                if !is_kept {
                    for attempt in &slot.attempts {
                        self.state.hashes.remove(&attempt.tx_hash);
                    }
                }
                is_kept
            });
        }
    }

    fn forget_proposals(&mut self, oldest: BlockId, oldest_timestamp: u64) {
        let slots = self.state.senders.values().flat_map(|sender| sender.slots.values());
        let bound: std::collections::BTreeSet<B256> = slots
            .flat_map(|slot| slot.purposes())
            .filter_map(|purpose| match purpose {
                Purpose::Execute { digest, .. } => Some(digest),
                Purpose::Create { .. } | Purpose::Gap => None,
            })
            .collect();
        let is_old = |digest: &B256, tracked: &Tracked| {
            let Some(wallet) = self.state.wallets.get(&tracked.request.wallet) else { return true };
            if !tracked.is_final || bound.contains(digest) {
                return false;
            }
            let request = &tracked.request;
            match tracked.status {
                Status::Executed { block, .. } => block.number < oldest.number,
                Status::Expired => request.deadline < oldest_timestamp,
                Status::Superseded { .. } => {
                    let execution = wallet.find_execution(request.nonce).map(|e| e.block);
                    let end = wallet.find_epoch_end(request.epoch).map(|end| end.block);
                    execution.or(end).is_none_or(|block| block.number < oldest.number)
                }
                Status::Collecting { .. } | Status::Ready { .. } | Status::Submitted => false,
            }
        };
        let old: Vec<B256> = self
            .state
            .proposals
            .iter()
            .filter(|(digest, tracked)| is_old(digest, tracked))
            .map(|(digest, _)| *digest)
            .collect();
        for digest in old {
            let Some(tracked) = self.state.proposals.remove(&digest) else { continue };
            if let Some(wallet) = self.state.wallets.get_mut(&tracked.request.wallet) {
                wallet.forget(digest, tracked.request.nonce);
            }
        }
    }
}
