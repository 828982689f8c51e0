//! Blocks come, blocks are undone, and what was missed is read back.

use super::{Applied, Step};
use crate::{
    attempt::End,
    effect::{Alarm, Effect, Ignored},
    event::{Block, BlockId, Header, LogKind, Standing, WalletLog},
    head::Link,
    state::Finality,
    status::Reason,
    wallet::Execution,
};
use alloy::primitives::{Address, B256};
use quorate_core::{Lane, Nonce};
use std::collections::{BTreeMap, BTreeSet};

/// How often the logs of a wallet are read again before it is taken at its word.
const REREADS: u32 = 3;

impl Step {
    /// Takes blocks, with the logs of these wallets, or of all.
    pub(super) fn extend_chain(
        &mut self,
        blocks: Vec<Block>,
        of: Option<&BTreeSet<Address>>,
        tip: u128,
    ) -> Applied {
        let headers: Vec<Header> = blocks.iter().map(|block| block.header).collect();
        match self.state.history.link(&headers) {
            Link::Broken => return Err(Ignored::Broken),
            Link::Known => {
                self.state.last_head_at = self.state.clock;
                return Err(Ignored::NothingNew);
            }
            Link::TooShort => {
                let from = self.state.history.oldest().map_or(0, |oldest| oldest.id.number);
                self.effects.push(Effect::AskBlocks { from });
                return Ok(());
            }
            Link::Beyond => {
                self.alarm(Alarm::DeepReorg { blocks: self.state.settings.history as u64 });
                self.state.trusts_final = false;
                self.lose_lease();
                self.effects.push(Effect::Reload);
                return Ok(());
            }
            Link::Gap => {
                if let Some(from) = self.find_final_start(&headers) {
                    self.effects.push(Effect::AskBlocks { from });
                    return Ok(());
                }
                self.jump(&headers);
            }
            Link::Extends { fork, .. } => self.undo_after(fork),
        }
        let known = self.state.history.head().map(|head| head.id.number);
        let is_new = |block: &Block| known.is_none_or(|known| block.header.id.number > known);
        let new: Vec<Block> = blocks.into_iter().filter(is_new).collect();
        if let (Some(of), Some(first), Some(last)) = (of, new.first(), new.last()) {
            self.leave_gaps(of, first.header.id.number, last.header.id.number);
        }
        for block in new {
            self.append(block);
        }
        self.state.tip = tip;
        self.state.last_head_at = self.state.clock;
        self.measure_block_time();
        self.watch_finality();
        self.forget_old();
        self.begin_head();
        Ok(())
    }

    /// The logs of wallets that came meanwhile are still to be read.
    fn leave_gaps(&mut self, of: &BTreeSet<Address>, first: u64, last: u64) {
        for (address, wallet) in &mut self.state.wallets {
            let first = first.max(wallet.base().block.saturating_add(1));
            if !of.contains(address) && first <= last {
                wallet.gaps.insert((first, last));
            }
        }
    }

    /// Where a segment after a gap should begin, if it begins too late: what is read back of blocks that can
    /// still be undone could be of one branch here and of another there.
    fn find_final_start(&self, headers: &[Header]) -> Option<u64> {
        let (first, last) = (headers.first()?.id.number, headers.last()?.id.number);
        let from = last.saturating_sub(self.state.final_depth());
        (first > from).then_some(from)
    }

    fn measure_block_time(&mut self) {
        if !self.state.settings.is_block_time_given
            && let Some(millis) = self.state.history.block_millis()
        {
            self.state.block_millis = millis;
        }
    }

    /// Takes what a node says is final. What goes back, or is no block below the head, is not true.
    pub(super) fn see_finality(&mut self, finalized: u64) -> Applied {
        let is_true = finalized > 0 && finalized < self.state.head_number();
        let finality = self.state.finality;
        if !is_true || finality.finalized.is_some_and(|known| finalized <= known) {
            return Err(Ignored::NothingNew);
        }
        let moved_at = self.state.head_time();
        self.state.finality =
            Finality { finalized: Some(finalized), moved_at, ..Finality::default() };
        self.touch_all();
        Ok(())
    }

    /// Says so once if what nodes say is final stands still.
    fn watch_finality(&mut self) {
        let is_stalled = self.state.is_finality_stalled();
        let finality = &mut self.state.finality;
        if let Some(finalized) = finality.finalized.filter(|_| is_stalled)
            && !std::mem::replace(&mut finality.is_told, true)
        {
            self.alarm(Alarm::FinalityStalled { finalized });
        }
    }

    /// Forgets what may have changed unseen, and asks for the logs of the blocks that are skipped.
    fn jump(&mut self, headers: &[Header]) {
        let Some(first) = headers.first().map(|header| header.id.number) else { return };
        if let Some(head) = self.state.history.head().map(|head| head.id.number) {
            self.undo_after(head.saturating_sub(self.state.final_depth()));
        }
        let seen = self.state.history.head().map_or(0, |head| head.id.number);
        self.state.history.clear();
        let Some(last) = first.checked_sub(1) else { return };
        for wallet in self.state.wallets.values_mut() {
            let from = wallet.base().block.max(seen).saturating_add(1);
            if from <= last {
                wallet.gaps.insert((from, last));
            }
        }
    }

    fn undo_after(&mut self, fork: u64) {
        let head = self.state.head_number();
        if head <= fork {
            return;
        }
        if self.state.is_final(fork.saturating_add(1)) {
            self.alarm(Alarm::DeepReorg { blocks: head - fork });
            self.distrust_final();
        }
        self.state.history.undo_after(fork);
        for (&address, wallet) in &mut self.state.wallets {
            wallet.undo_after(fork);
            if wallet.is_lost {
                self.effects.push(Effect::AskWallet { wallet: address });
            }
        }
        for tracked in self.state.proposals.values_mut() {
            tracked.failures.retain(|failure| failure.block.number <= fork);
            tracked.forgiven = tracked.forgiven.min(tracked.failures.len());
        }
        for address in self.state.settings.senders.clone() {
            self.reopen_after(address, fork, head);
        }
        self.touch_all();
    }

    /// What the store has as final has to be looked at again.
    fn distrust_final(&mut self) {
        for tracked in self.state.proposals.values_mut() {
            tracked.was_final = false;
        }
    }

    fn append(&mut self, block: Block) {
        let id = block.header.id;
        self.state.history.push(block.header);
        let mut changed = BTreeSet::new();
        for log in block.logs {
            self.end_by_log(id, &log);
            let address = log.wallet;
            if let Some(wallet) = self.state.wallets.get_mut(&address) {
                wallet.push(id, log);
                changed.insert(address);
            }
        }
        for address in changed {
            self.rederive(address);
        }
    }

    pub(super) fn rederive(&mut self, address: Address) {
        let Some(wallet) = self.state.wallets.get_mut(&address) else { return };
        let epoch = wallet.now().epoch;
        wallet.derive();
        let is_other_epoch = wallet.now().epoch != epoch;
        for digest in &wallet.proposals {
            if let Some(tracked) = self.state.proposals.get_mut(digest)
                && tracked.backoff.is_some_and(|backoff| {
                    matches!(
                        backoff.reason,
                        Reason::Simulation | Reason::Policy | Reason::NotBefore
                    )
                })
            {
                tracked.backoff = None;
            }
        }
        self.touched.insert(address);
        if is_other_epoch {
            self.check_senders(address);
        }
    }

    /// An action of ours that says it executed was mined: no receipt is needed to know that.
    pub(super) fn end_by_log(&mut self, block: BlockId, log: &WalletLog) {
        if let LogKind::Executed { .. } | LogKind::Created = log.what
            && let Some(&(sender, account_nonce)) = self.state.hashes.get(&log.tx_hash)
            && let Some(sender) = self.state.senders.get_mut(&sender)
            && let Some(slot) = sender.slots.get_mut(&account_nonce)
            && slot.is_open()
        {
            slot.end = End::Mined { tx_hash: log.tx_hash, block, receipt: None };
            let wallets = slot.wallets();
            self.disturb_all(wallets);
        }
    }

    /// What every new head brings: accounts are read, gaps filled, unknown lanes asked about.
    fn begin_head(&mut self) {
        let Some(at) = self.state.history.head().map(|head| head.id) else { return };
        let senders = self.state.settings.senders.clone();
        self.effects.push(Effect::AskAccounts { at, senders });
        self.ask_gas();
        let mut ranges: BTreeMap<(u64, u64), Vec<Address>> = BTreeMap::new();
        for (&address, wallet) in &mut self.state.wallets {
            wallet.asked.clear();
            wallet.audit.is_asked = false;
            for &range in &wallet.gaps {
                ranges.entry(range).or_default().push(address);
            }
        }
        for ((from, to), wallets) in ranges {
            self.effects.push(Effect::AskLogs { wallets, from, to });
        }
        self.touch_all();
    }

    pub(super) fn fill_logs(
        &mut self,
        wallets: &[Address],
        (from, to): (u64, u64),
        to_hash: B256,
        logs: &[(BlockId, WalletLog)],
    ) -> Applied {
        let history = &self.state.history;
        let is_ours = |id: BlockId| history.may_contain(id);
        if !is_ours(BlockId { number: to, hash: to_hash })
            || !logs.iter().all(|(id, _)| is_ours(*id))
        {
            return Err(Ignored::OtherBlock);
        }
        let mut any = false;
        for address in wallets {
            let Some(wallet) = self.state.wallets.get_mut(address) else { continue };
            if !wallet.gaps.remove(&(from, to)) {
                continue;
            }
            any = true;
            let own = logs.iter().filter(|(_, log)| log.wallet == *address);
            let own: Vec<_> = own.cloned().collect();
            for (block, log) in &own {
                self.end_by_log(*block, log);
            }
            if let Some(wallet) = self.state.wallets.get_mut(address) {
                wallet.fill(from, to, own);
                // Whether that was all, the wallet knows.
                wallet.audit.is_due = true;
            }
            self.rederive(*address);
        }
        if any { Ok(()) } else { Err(Ignored::NotAsked) }
    }

    pub(super) fn halve_logs(&mut self, wallets: &[Address], from: u64, to: u64) -> Applied {
        let halves = match to.checked_sub(from) {
            None => return Err(Ignored::NotAsked),
            // A single block is asked for again with the next head.
            Some(0) => {
                self.alarm(Alarm::LogsRefused { block: from });
                return Ok(());
            }
            Some(length) => {
                let middle = from + length / 2;
                [(from, middle), (middle + 1, to)]
            }
        };
        let mut asking = Vec::new();
        for address in wallets {
            if let Some(wallet) = self.state.wallets.get_mut(address)
                && wallet.gaps.remove(&(from, to))
            {
                wallet.gaps.extend(halves);
                asking.push(*address);
            }
        }
        if asking.is_empty() {
            return Err(Ignored::NotAsked);
        }
        for (from, to) in halves {
            self.effects.push(Effect::AskLogs { wallets: asking.clone(), from, to });
        }
        Ok(())
    }

    pub(super) fn see_lane(
        &mut self,
        address: Address,
        lane: Lane,
        next: u64,
        block: u64,
    ) -> Applied {
        let head = self.state.head_number();
        let wallet = self.state.wallets.get_mut(&address).ok_or(Ignored::NotKnown)?;
        match wallet.find_next(lane) {
            None if block <= wallet.base().block => {
                wallet.add_lane(lane, next);
                self.touched.insert(address);
                Ok(())
            }
            // It moved, and no log said so: logs are missing.
            Some(known) if block == head && next > known && wallet.is_settled() => {
                self.read_again(address);
                Ok(())
            }
            Some(_) => Err(Ignored::NothingNew),
            None => Err(Ignored::OtherBlock),
        }
    }

    /// Compares what a wallet says with what its events say. What it says is a fact of its block; that it says less is not:
    /// whoever answered may not have the block yet.
    pub(super) fn see_standing(
        &mut self,
        address: Address,
        at: BlockId,
        standing: &Standing,
    ) -> Applied {
        if !self.state.history.contains(at) {
            return Err(Ignored::OtherBlock);
        }
        let wallet = self.state.wallets.get_mut(&address).ok_or(Ignored::NotKnown)?;
        if !wallet.is_settled() || wallet.base().block > at.number {
            return Err(Ignored::NothingNew);
        }
        self.touched.insert(address);
        let is_missing = wallet.misses_events(standing);
        for &(lane, next) in &standing.lanes {
            if wallet.find_next(lane).is_none() {
                wallet.add_lane(lane, next);
            }
        }
        if !is_missing {
            let is_deployed = wallet.now().is_deployed;
            let says_something = wallet.audit.note(at.number, standing, is_deployed);
            return if says_something { Ok(()) } else { Err(Ignored::NothingNew) };
        }
        wallet.audit.is_due = true;
        // The same is asked again, until it agrees or is believed: other questions would have it agree meanwhile.
        wallet.audit.turn = wallet.audit.turn.wrapping_sub(1);
        wallet.audit.rereads = wallet.audit.rereads.saturating_add(1);
        let rereads = wallet.audit.rereads;
        if rereads == 1 {
            self.alarm(Alarm::EventsMissing { wallet: address });
        }
        if rereads <= REREADS {
            self.read_again(address);
        } else {
            self.believe(address, standing);
        }
        Ok(())
    }

    /// Reads all logs of a wallet again that can be told from each other.
    fn read_again(&mut self, address: Address) {
        let to = self.state.head_number();
        let Some(wallet) = self.state.wallets.get_mut(&address) else { return };
        let from = wallet.base().block.saturating_add(1);
        if from <= to {
            wallet.gaps.insert((from, to));
            self.effects.push(Effect::AskLogs { wallets: vec![address], from, to });
        }
    }

    /// Takes a wallet at its word where no events are found for it: nobody gives them, or they were left out before the
    /// base.
    fn believe(&mut self, address: Address, standing: &Standing) {
        let Some(wallet) = self.state.wallets.get_mut(&address) else { return };
        wallet.add_approvals(&standing.approvals);
        if wallet.misses_events(standing) {
            wallet.is_lost = true;
            self.effects.push(Effect::AskWallet { wallet: address });
        }
    }

    pub(super) fn find_execution(
        &mut self,
        address: Address,
        nonce: Nonce,
        execution: Execution,
    ) -> Applied {
        let may_be = self.state.history.may_contain(execution.block);
        let wallet = self.state.wallets.get_mut(&address).ok_or(Ignored::NotKnown)?;
        if !may_be {
            return Err(Ignored::OtherBlock);
        }
        if wallet.find_execution(nonce).is_some() {
            return Err(Ignored::NothingNew);
        }
        wallet.add_found(nonce, execution);
        self.touched.insert(address);
        Ok(())
    }
}
