//! What accounts and receipts say about the account nonces that were taken.

use super::{Applied, Step};
use crate::{
    attempt::{End, SentAt, Slot},
    budget::Charge,
    effect::{Alarm, Effect, Ignored},
    event::{Paid, Receipt},
    rows::Settlement,
    state::Final,
};
use alloy::primitives::{Address, B256, U256};

impl Step {
    pub(super) fn see_account(
        &mut self,
        address: Address,
        at: B256,
        account_nonce: u64,
        balance: U256,
    ) -> Applied {
        let head = self.state.history.head().map(|head| head.id);
        let Some(head) = head.filter(|head| head.hash == at) else {
            return Err(Ignored::OtherBlock);
        };
        let history = &self.state.history;
        let sender = self.state.senders.get_mut(&address).ok_or(Ignored::NotKnown)?;
        sender.account_nonce = account_nonce;
        sender.balance = balance;
        sender.is_known = true;
        let (mut ask, mut undone) = (Vec::new(), Vec::new());
        for (&nonce, slot) in &mut sender.slots {
            if nonce >= account_nonce {
                // It ended before everything that is remembered, on another branch.
                if slot.ended_at().is_some_and(|block| !history.contains(block)) {
                    undone.push(nonce);
                }
                slot.passed = None;
                continue;
            }
            slot.passed.get_or_insert(head);
            slot.absent.clear();
            ask.extend(unanswered(slot));
        }
        if !undone.is_empty() {
            self.alarm(Alarm::DeepReorg { blocks: self.state.settings.history as u64 });
        }
        for nonce in undone {
            self.reopen(address, nonce);
        }
        if !ask.is_empty() {
            self.effects.push(Effect::AskReceipts { head: head.number, tx_hashes: ask });
        }
        self.touch_all();
        Ok(())
    }

    pub(super) fn see_receipt(&mut self, tx_hash: B256, receipt: Option<Receipt>) -> Applied {
        let (sender, nonce) = *self.state.hashes.get(&tx_hash).ok_or(Ignored::NotKnown)?;
        let may_be = receipt.is_none_or(|r| self.state.history.may_contain(r.block));
        if !may_be {
            return Err(Ignored::OtherBlock);
        }
        let slot = self.state.senders.get_mut(&sender).and_then(|s| s.slots.get_mut(&nonce));
        let slot = slot.ok_or(Ignored::NotKnown)?;
        let Some(receipt) = receipt else {
            return if slot.is_open() && slot.absent.insert(tx_hash) {
                Ok(())
            } else {
                Err(Ignored::NothingNew)
            };
        };
        match slot.end {
            End::Mined { tx_hash: mined, receipt, .. } if mined != tx_hash || receipt.is_some() => {
                return Err(Ignored::NothingNew);
            }
            End::Open | End::Mined { .. } => {}
            // It was ours after all.
            End::Foreign { .. } => self.reopen(sender, nonce),
        }
        let Receipt { block, paid } = receipt;
        let slot = self.state.senders.get_mut(&sender).and_then(|s| s.slots.get_mut(&nonce));
        let slot = slot.ok_or(Ignored::NotKnown)?;
        let was_open = slot.is_open();
        slot.end = End::Mined { tx_hash, block, receipt: Some(paid) };
        let wallets = slot.wallets();
        if was_open {
            self.disturb_all(wallets);
        } else {
            // Its log told that it was mined: what it cost changes no simulation.
            self.touched.extend(wallets);
        }
        Ok(())
    }

    /// Whether an account nonce was used up in a block that is undone now.
    pub(super) fn reopen_after(&mut self, address: Address, fork: u64, head: u64) {
        let Some(sender) = self.state.senders.get_mut(&address) else { return };
        sender.is_known = false;
        let mut reopened = Vec::new();
        for (&nonce, slot) in &mut sender.slots {
            slot.absent.clear();
            if slot.passed.is_some_and(|block| block.number > fork) {
                slot.passed = None;
            }
            let is_reopened = slot.ended_at().is_some_and(|block| block.number > fork);
            if is_reopened {
                reopened.push(nonce);
            }
            // A node may have forgotten it together with the block.
            if let Some(attempt) = slot.attempts.last_mut() {
                attempt.last_sent = attempt.last_sent.map(|sent| SentAt { block: 0, ..sent });
                // The blocks that included it did not miss it.
                attempt.first_sent = attempt.first_sent.map(|sent| SentAt {
                    block: if is_reopened { head } else { sent.block },
                    ..sent
                });
            }
        }
        for nonce in reopened {
            self.reopen(address, nonce);
        }
    }

    fn reopen(&mut self, address: Address, nonce: u64) {
        let slot = self.state.senders.get_mut(&address).and_then(|s| s.slots.get_mut(&nonce));
        let Some(slot) = slot else { return };
        slot.end = End::Open;
        slot.passed = None;
        if slot.settled.take().is_some() {
            self.state.ledger.take_back(&slot.charge);
            slot.charge = slot.reserved;
            self.state.ledger.add(&slot.charge);
        }
        let wallets = slot.wallets();
        self.disturb_all(wallets);
    }

    /// Settles account nonces whose end is final, and finds those that a stranger used.
    pub(super) fn settle_final(&mut self) {
        let addresses = self.state.settings.senders.clone();
        let finals = self.state.finals();
        for address in addresses {
            let Some(sender) = self.state.senders.get_mut(&address) else { continue };
            let mut done = Vec::new();
            for (&nonce, slot) in &mut sender.slots {
                if slot.settled.is_some() {
                    continue;
                }
                let was_open = slot.is_open();
                detect_foreign(slot, finals);
                if was_open && !slot.is_open() {
                    done.push((nonce, None));
                }
                if let Some(settlement) = final_settlement(slot, finals) {
                    done.push((nonce, Some(settlement)));
                }
            }
            for (nonce, settlement) in done {
                match settlement {
                    None => self
                        .alarm(Alarm::ForeignTransaction { sender: address, account_nonce: nonce }),
                    Some(settlement) => self.settle(address, nonce, settlement),
                }
            }
        }
    }

    fn settle(&mut self, address: Address, account_nonce: u64, settlement: Settlement) {
        let sender = self.state.senders.get_mut(&address);
        let Some(slot) = sender.and_then(|s| s.slots.get_mut(&account_nonce)) else { return };
        let spent = spent(slot, &settlement);
        self.state.ledger.take_back(&slot.charge);
        self.state.ledger.add(&spent);
        slot.charge = spent;
        slot.settled = Some(settlement);
        let wallets = slot.wallets();
        let (paid, sums) = (settlement.paid, &mut self.state.paid);
        sums.gas = sums.gas.saturating_add(paid.gas_fee());
        sums.l1 = sums.l1.saturating_add(paid.l1_fee.unwrap_or_default());
        sums.operator = sums.operator.saturating_add(paid.operator_fee.unwrap_or_default());
        self.effects.push(Effect::Settled { sender: address, account_nonce, settlement });
        if settlement.tx_hash.is_none() {
            // It carries its payload no more, which nothing told before.
            self.disturb_all(wallets);
        } else {
            self.touched.extend(wallets);
        }
    }
}

/// What is charged for an account nonce once it is settled: what it cost, for whom the mined attempt was.
pub(super) fn spent(slot: &Slot, settlement: &Settlement) -> Charge {
    let mined = settlement.tx_hash.and_then(|tx_hash| slot.find(tx_hash));
    let (day, wallet) = match mined {
        Some(attempt) => (attempt.day, attempt.purpose.wallet()),
        None => (slot.charge.day, slot.charge.wallet),
    };
    Charge { day, wallet, amount: settlement.paid.cost }
}

/// The transactions whose receipts are still needed.
fn unanswered(slot: &Slot) -> Vec<B256> {
    match slot.end {
        End::Open => slot.attempts.iter().map(|attempt| attempt.tx_hash).collect(),
        End::Mined { tx_hash, receipt: None, .. } => vec![tx_hash],
        End::Mined { receipt: Some(_), .. } | End::Foreign { .. } => Vec::new(),
    }
}

/// An account nonce that is used for as long as makes a block final, by none of ours, was used by a stranger.
fn detect_foreign(slot: &mut Slot, finals: Final) {
    if let (End::Open, Some(block)) = (slot.end, slot.passed)
        && finals.is(block.number)
        && slot.attempts.iter().all(|attempt| slot.absent.contains(&attempt.tx_hash))
    {
        slot.end = End::Foreign { block };
    }
}

fn final_settlement(slot: &Slot, finals: Final) -> Option<Settlement> {
    match slot.end {
        End::Mined { tx_hash, block, receipt: Some(paid) } if finals.is(block.number) => {
            Some(Settlement { tx_hash: Some(tx_hash), block, paid })
        }
        End::Foreign { block } => Some(Settlement { tx_hash: None, block, paid: Paid::default() }),
        End::Open | End::Mined { .. } => None,
    }
}
