//! What accounts and receipts say about the account nonces that were taken.

use super::{Applied, Step};
use crate::{
    attempt::{End, Kind, Purpose, SentAt, Slot},
    budget::Charge,
    effect::{Alarm, Effect, Ignored},
    event::{BlockId, LogKind, Paid, Receipt, WalletLog},
    rows::Settlement,
    settings::Settings,
    state::Final,
    wallet::Execution,
};
use alloy::primitives::{Address, B256, U256};
use std::collections::BTreeMap;

/// How many receipts of one execution at least are left aside for what they leave out.
const LEAST_DOUBTS: u64 = 8;

impl Step {
    pub(super) fn see_account(
        &mut self,
        address: Address,
        at: B256,
        account_nonce: u64,
        balance: U256,
    ) -> Applied {
        let history = &self.state.history;
        let at = history.find_hash(at).map(|block| block.id).ok_or(Ignored::OtherBlock)?;
        let head = self.state.head_number();
        let sender = self.state.senders.get_mut(&address).ok_or(Ignored::NotKnown)?;
        // Where blocks come fast, they go on while an account is being read.
        if sender.is_known && at.number < sender.read_at {
            return Err(Ignored::OtherBlock);
        }
        sender.read_at = at.number;
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
            slot.passed.get_or_insert(at);
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
            self.effects.push(Effect::AskReceipts { head, tx_hashes: ask });
        }
        self.touch_all();
        Ok(())
    }

    pub(super) fn see_receipt(&mut self, tx_hash: B256, receipt: Option<Receipt>) -> Applied {
        let place = *self.state.hashes.get(&tx_hash).ok_or(Ignored::NotKnown)?;
        let may_be = receipt.as_ref().is_none_or(|r| self.state.history.may_contain(r.block));
        if !may_be {
            return Err(Ignored::OtherBlock);
        }
        let slot = self.slot(place)?;
        let Some(receipt) = receipt else {
            if !slot.is_open() || !slot.absent.insert(tx_hash) {
                return Err(Ignored::NothingNew);
            }
            if slot.attempts.iter().all(|attempt| slot.absent.contains(&attempt.tx_hash)) {
                slot.absences = slot.absences.saturating_add(1);
            }
            return Ok(());
        };
        match slot.end {
            End::Mined { tx_hash: mined, receipt, .. } if mined != tx_hash || receipt.is_some() => {
                return Err(Ignored::NothingNew);
            }
            End::Open | End::Mined { .. } => {}
            // It was ours after all.
            End::Foreign { .. } => self.reopen(place.0, place.1),
        }
        let Receipt { block, paid, logs } = receipt;
        self.adopt(block, tx_hash, logs);
        if paid.success && self.is_contradiction(place, tx_hash, block) {
            return self.doubt(place, tx_hash, block);
        }
        let slot = self.slot(place)?;
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

    fn slot(&mut self, (sender, account_nonce): (Address, u64)) -> Result<&mut Slot, Ignored> {
        let sender = self.state.senders.get_mut(&sender);
        sender.and_then(|s| s.slots.get_mut(&account_nonce)).ok_or(Ignored::NotKnown)
    }

    /// Takes the events of a transaction from its receipt: those of its block may lack them.
    fn adopt(&mut self, block: BlockId, tx_hash: B256, logs: Vec<WalletLog>) {
        let mut by_wallet: BTreeMap<Address, Vec<WalletLog>> = BTreeMap::new();
        for log in logs.into_iter().filter(|log| log.tx_hash == tx_hash) {
            by_wallet.entry(log.wallet).or_default().push(log);
        }
        for (address, logs) in by_wallet {
            let Some(wallet) = self.state.wallets.get_mut(&address) else { continue };
            for log in &logs {
                if let LogKind::Executed { digest, nonce } = log.what
                    && block.number <= wallet.base().block
                    && wallet.find_execution(nonce).is_none()
                {
                    let timestamp = log.timestamp;
                    wallet.add_found(nonce, Execution { digest, tx_hash, block, timestamp });
                }
            }
            let is_news = wallet.adopt(block, logs);
            if is_news {
                self.rederive(address);
                self.alarm(Alarm::EventsMissing { wallet: address });
            }
            self.touched.insert(address);
        }
    }

    /// Whether an execution is said to have gone through that did not say so itself: something was left out, unless there was
    /// no wallet, which is believed when it is said again and again.
    fn is_contradiction(&self, place: (Address, u64), tx_hash: B256, block: BlockId) -> bool {
        let slot = self.state.senders.get(&place.0).and_then(|s| s.slots.get(&place.1));
        let Some(slot) = slot else { return false };
        let is_execution = slot.find(tx_hash).is_some_and(|attempt| attempt.kind == Kind::Execute);
        let Purpose::Execute { wallet, digest } = slot.purpose_of(tx_hash) else { return false };
        let (wallet, tracked) =
            (self.state.wallets.get(&wallet), self.state.proposals.get(&digest));
        let (Some(wallet), Some(tracked)) = (wallet, tracked) else { return false };
        let execution = wallet.find_execution(tracked.request.nonce);
        let is_told = execution.is_some_and(|execution| execution.tx_hash == tx_hash);
        is_execution
            && !is_told
            && block.number > wallet.base().block
            && slot.doubts < self.state.settings.final_depth.max(LEAST_DOUBTS)
    }

    /// Leaves a receipt aside that leaves something out, and looks for it: receipt and logs are asked for again.
    fn doubt(&mut self, place: (Address, u64), tx_hash: B256, block: BlockId) -> Applied {
        let slot = self.slot(place)?;
        slot.doubts = slot.doubts.saturating_add(1);
        let (doubts, wallet) = (slot.doubts, slot.purpose_of(tx_hash).wallet());
        let Some(address) = wallet else { return Err(Ignored::Contradiction) };
        if doubts == 1 {
            self.alarm(Alarm::EventsMissing { wallet: address });
        }
        if let Some(wallet) = self.state.wallets.get_mut(&address) {
            let number = block.number;
            wallet.gaps.insert((number, number));
            let wallets = vec![address];
            self.effects.push(Effect::AskLogs { wallets, from: number, to: number });
        }
        self.touched.insert(address);
        Ok(())
    }

    /// Whether an account nonce was used up in a block that is undone now.
    pub(super) fn reopen_after(&mut self, address: Address, fork: u64, head: u64) {
        let Some(sender) = self.state.senders.get_mut(&address) else { return };
        sender.is_known = false;
        sender.read_at = 0;
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
        (slot.absences, slot.doubts) = (0, 0);
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
                detect_foreign(slot, finals, &self.state.settings);
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
        End::Mined { receipt: Some(_), .. } => Vec::new(),
        // As long as it is remembered, one of ours may turn up after all.
        End::Foreign { .. } => slot.attempts.iter().map(|attempt| attempt.tx_hash).collect(),
    }
}

/// An account nonce that is used for as long as makes a block final, by none of ours whenever that was asked, was used by a
/// stranger.
fn detect_foreign(slot: &mut Slot, finals: Final, settings: &Settings) {
    if let (End::Open, Some(block)) = (slot.end, slot.passed)
        && finals.is(block.number)
        && slot.absences > settings.final_depth
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
