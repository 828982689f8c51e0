//! What is told about proposals. Statuses follow from the chain and from what is on its way; only the last
//! one told is remembered, to tell what changed.

use super::{
    Step,
    flight::{Flights, Landed, WalletFlights},
    select::{Fact, fact},
};
use crate::{
    attempt::Purpose,
    effect::{Alarm, Effect},
    event::BlockId,
    proposal::Tracked,
    state::State,
    status::{Failure, FailureReason, Reason, Status, StatusChange},
    wallet::{Execution, Wallet},
};
use alloy::primitives::{Address, B256};
use quorate_core::{Lane, Nonce, Request};
use std::collections::BTreeSet;

/// How many lanes and approvals a wallet is asked about at once.
const AUDITED_LANES: usize = 16;
const AUDITED_APPROVALS: usize = 8;

impl Step {
    /// Tells what changed about the proposals of a wallet, and asks for what is needed to know more.
    pub(super) fn tell_statuses(&mut self, address: Address, flights: &Flights) {
        let Some(wallet) = self.state.wallets.get(&address) else { return };
        if !wallet.is_settled() {
            return;
        }
        let none = WalletFlights::default();
        let flights = flights.of_wallet(address).unwrap_or(&none);
        self.note_failures(address, &flights.landed);
        self.ask_unknown(address);
        self.audit(address);
        let Some(wallet) = self.state.wallets.get(&address) else { return };
        let digests: Vec<B256> = wallet.proposals.iter().copied().collect();
        for digest in digests {
            let (wallet, tracked) =
                (self.state.wallets.get(&address), self.state.proposals.get(&digest));
            if let (Some(wallet), Some(tracked)) = (wallet, tracked)
                && let Some((status, is_final)) =
                    self.state.status(digest, wallet, tracked, &flights.carried)
            {
                self.tell(digest, status, is_final);
            }
        }
    }

    fn tell(&mut self, digest: B256, status: Status, is_final: bool) {
        let Some(tracked) = self.state.proposals.get_mut(&digest) else { return };
        // Only what decided it can be undone, not how deep that is, whatever is learnt of depths meanwhile.
        let is_final = is_final || (tracked.is_final && tracked.status == status);
        let is_news = tracked.status != status
            || tracked.is_final != is_final
            || tracked.told_failures != tracked.failures.len();
        if !is_news && tracked.revision > 0 {
            return;
        }
        let is_reopened = tracked.is_final && tracked.status != status;
        tracked.told_failures = tracked.failures.len();
        tracked.status = status.clone();
        tracked.is_final = is_final;
        tracked.revision = tracked.revision.saturating_add(1);
        let (revision, ready_order) = (tracked.revision, tracked.ready_order);
        let failures = tracked.failures.clone();
        let change = StatusChange { digest, status, is_final, revision, ready_order, failures };
        self.effects.push(Effect::StatusChanged(Box::new(change)));
        if is_reopened {
            self.alarm(Alarm::Reopened { digest });
        }
    }

    /// Payloads that were mined and did not do what they were meant to do.
    fn note_failures(&mut self, address: Address, landed: &[Landed]) {
        self.take_back_failures(address);
        for &Landed { purpose, tx_hash, block, success } in landed {
            let reason = if success { FailureReason::NoEffect } else { FailureReason::Reverted };
            match purpose {
                Purpose::Execute { digest, .. } => {
                    if success && self.is_effect_unknown(address, digest, (tx_hash, block)) {
                        continue;
                    }
                    self.note_failure(address, digest, Failure { tx_hash, block, reason });
                }
                Purpose::Create { .. } => {
                    if let Some(wallet) = self.state.wallets.get_mut(&address)
                        && !wallet.now().is_deployed
                    {
                        wallet.failed_creations.insert(tx_hash);
                    }
                }
                Purpose::Gap => {}
            }
        }
    }

    /// Whether a transaction that went through may have executed its proposal, and only its event was left out. Then the wallet
    /// is asked.
    fn is_effect_unknown(
        &mut self,
        address: Address,
        digest: B256,
        (tx_hash, block): (B256, BlockId),
    ) -> bool {
        let Some(wallet) = self.state.wallets.get_mut(&address) else { return true };
        let Some(tracked) = self.state.proposals.get(&digest) else { return true };
        let nonce = tracked.request.nonce;
        let is_unknown = match wallet.find_execution(nonce) {
            Some(execution) => execution.tx_hash == tx_hash,
            // What took its nonce may be this one, and is still to be found.
            None if wallet.find_next(nonce.lane) > Some(nonce.sequence) => true,
            None => !wallet.audit.covers(nonce.lane, block.number, false),
        };
        let is_told = tracked.failures.iter().any(|known| known.tx_hash == tx_hash);
        wallet.audit.is_due |= is_unknown && !is_told;
        is_unknown
    }

    /// What was taken for a failure since its event was left out is none.
    fn take_back_failures(&mut self, address: Address) {
        let Some(wallet) = self.state.wallets.get(&address) else { return };
        for digest in &wallet.proposals {
            let Some(tracked) = self.state.proposals.get_mut(digest) else { continue };
            if let Some(execution) = wallet.find_execution(tracked.request.nonce) {
                tracked.failures.retain(|failure| failure.tx_hash != execution.tx_hash);
                tracked.forgiven = tracked.forgiven.min(tracked.failures.len());
            }
        }
    }

    fn note_failure(&mut self, address: Address, digest: B256, failure: Failure) {
        let Some(wallet) = self.state.wallets.get(&address) else { return };
        let Some(tracked) = self.state.proposals.get_mut(&digest) else { return };
        let execution = wallet.find_execution(tracked.request.nonce);
        let is_its = execution.is_some_and(|execution| execution.tx_hash == failure.tx_hash);
        if is_its || tracked.failures.iter().any(|known| known.tx_hash == failure.tx_hash) {
            return;
        }
        let max_failures = self.state.settings.max_failures;
        let was_used_up = tracked.is_used_up(max_failures);
        tracked.failures.push(failure);
        if !was_used_up && tracked.is_used_up(max_failures) && execution.is_none() {
            self.alarm(Alarm::FailuresUsedUp { digest });
        }
    }

    /// Asks, once for each head, about lanes and consumed nonces of which nothing is known.
    fn ask_unknown(&mut self, address: Address) {
        let Some(wallet) = self.state.wallets.get(&address) else { return };
        let block = wallet.base().block;
        let lane = self.state.unknown_lane(wallet);
        let is_unknown = |tracked: &&Tracked| {
            let nonce = tracked.request.nonce;
            !tracked.was_final
                && wallet.find_next(nonce.lane).is_some_and(|next| next > nonce.sequence)
                && wallet.find_execution(nonce).is_none()
        };
        let tracked = wallet.proposals.iter().filter_map(|digest| self.state.proposals.get(digest));
        let nonces: Vec<Nonce> = tracked.filter(is_unknown).map(|t| t.request.nonce).collect();
        let Some(wallet) = self.state.wallets.get_mut(&address) else { return };
        if let Some(lane) = lane
            && wallet.asked.insert(Nonce::new(lane, u64::MAX))
        {
            self.effects.push(Effect::AskLane { wallet: address, lane, block });
        }
        for nonce in nonces {
            if wallet.asked.insert(nonce) {
                self.effects.push(Effect::AskExecution { wallet: address, nonce });
            }
        }
    }
}

impl Step {
    /// Asks a wallet, where there is a reason to, and with open proposals now and then, whether its events are complete.
    fn audit(&mut self, address: Address) {
        let (every, head_time) = (self.state.settings.audit_blocks, self.state.head_time());
        let Some(at) = self.state.history.head().map(|head| head.id) else { return };
        let Some(wallet) = self.state.wallets.get(&address) else { return };
        let agreed = wallet.audit.agreed;
        let tracked = |digest: &B256| Some((*digest, self.state.proposals.get(digest)?));
        let tracked = wallet.proposals.iter().filter_map(tracked);
        // Over, and nothing told that it was decided by its nonce.
        let is_lapsing = |tracked: &Tracked| {
            let is_over = matches!(tracked.status, Status::Expired | Status::Superseded { .. });
            is_over && !tracked.is_final && wallet.find_execution(tracked.request.nonce).is_none()
        };
        let open = tracked.filter(|(_, tracked)| {
            !tracked.was_final
                && (is_lapsing(tracked) || fact(wallet, tracked, head_time) != Fact::Decided)
        });
        // That something did not happen before its deadline or its epoch's end is to be known, not just that nothing told it.
        let lapsing =
            open.clone().filter(|(_, tracked)| is_lapsing(tracked)).any(|(_, tracked)| {
                let end = self.state.end_of(wallet, tracked);
                end.is_some_and(|end| !is_covered(wallet, tracked, end))
            });
        let is_old = agreed.is_none_or(|agreed| agreed.saturating_add(every) <= at.number);
        if wallet.audit.is_asked || !(wallet.audit.is_due || is_old || lapsing) {
            return;
        }
        let open: Vec<(B256, &Tracked)> = open.collect();
        if open.is_empty() && !wallet.audit.is_due {
            return;
        }
        let turn = wallet.audit.turn;
        let lanes: BTreeSet<Lane> = open.iter().map(|(_, t)| t.request.nonce.lane).collect();
        let lanes = in_turn(lanes.into_iter().collect(), turn, AUDITED_LANES);
        // Not at first: whoever proposes looks at them too.
        let approvals =
            if agreed.is_some() { missing_approvals(wallet, &open) } else { Vec::new() };
        let approvals = in_turn(approvals, turn, AUDITED_APPROVALS);
        if let Some(wallet) = self.state.wallets.get_mut(&address) {
            wallet.audit.is_asked = true;
            wallet.audit.turn = turn.wrapping_add(1);
        }
        self.effects.push(Effect::AskStanding { wallet: address, at, lanes, approvals });
    }
}

/// Whether it is known that a proposal was not executed until a block: the wallet said so, not only that no event did.
fn is_covered(wallet: &Wallet, tracked: &Tracked, number: u64) -> bool {
    let has_no_effect = |failure: &Failure| failure.reason == FailureReason::NoEffect;
    let is_doubtful = tracked.failures.iter().any(has_no_effect);
    wallet.audit.covers(tracked.request.nonce.lane, number, is_doubtful)
}

/// The owners who did not sign proposals of the present epoch, and may have approved them.
fn missing_approvals(wallet: &Wallet, open: &[(B256, &Tracked)]) -> Vec<(B256, Address)> {
    let config = &wallet.now().config;
    let mut missing = Vec::new();
    for (digest, tracked) in open {
        if tracked.request.epoch != wallet.now().epoch || tracked.has_enough(*digest, wallet) {
            continue;
        }
        let has_signed = |owner: &&Address| {
            tracked.signatures.contains_key(*owner) || wallet.is_approved(*digest, **owner)
        };
        let owners = config.owners().iter().filter(|owner| !has_signed(owner));
        missing.extend(owners.map(|owner| (*digest, *owner)));
    }
    missing
}

/// So many of these, others each time.
fn in_turn<T>(mut all: Vec<T>, turn: usize, most: usize) -> Vec<T> {
    let rounds = all.len().div_ceil(most).max(1);
    let first = (turn % rounds) * most;
    all.drain(..first.min(all.len()));
    all.truncate(most);
    all
}

impl State {
    /// The status, and whether it is final; none while something is being searched for, if one was told before.
    fn status(
        &self,
        digest: B256,
        wallet: &Wallet,
        tracked: &Tracked,
        carried: &BTreeSet<B256>,
    ) -> Option<(Status, bool)> {
        let request = &tracked.request;
        if tracked.was_final {
            return Some((tracked.status.clone(), true));
        }
        let fact = fact(wallet, tracked, self.head_time());
        match fact {
            Fact::Decided => return self.decided(digest, wallet, tracked),
            Fact::Searching if tracked.revision > 0 => return None,
            Fact::Searching | Fact::UnknownLane | Fact::Pending => {}
        }
        if carried.contains(&digest) {
            return Some((Status::Submitted, false));
        }
        let has_enough = tracked.has_enough(digest, wallet);
        let status = if !has_enough || request.epoch != wallet.now().epoch {
            Status::Collecting { reason: None }
        } else if tracked.hold == Some(Reason::Policy) && !tracked.is_held_by_rules() {
            // Enough for the wallet, and not for its policy: more may sign, or its time may come.
            Status::Collecting { reason: Some(Reason::Policy) }
        } else {
            let reason = match fact {
                Fact::UnknownLane => Some(Reason::RpcDown),
                Fact::Searching => Some(Reason::Conflict),
                Fact::Pending | Fact::Decided => tracked.hold,
            };
            Status::Ready { reason }
        };
        Some((status, false))
    }

    fn decided(&self, digest: B256, wallet: &Wallet, tracked: &Tracked) -> Option<(Status, bool)> {
        let request = &tracked.request;
        let lapse = lapse(wallet, request);
        let execution = wallet.find_execution(request.nonce);
        // What came first stays: only a reorg undoes it.
        if let Some(execution) = execution.filter(|e| e.timestamp <= request.deadline) {
            let (tx_hash, block) = (execution.tx_hash, execution.block);
            let by = match self.is_before(execution, lapse, tracked) {
                Some(true) => Some(Some(execution.digest)),
                Some(false) => None,
                None => Some(None),
            };
            if let Some(by) = by {
                let status = if by == Some(digest) {
                    Status::Executed { tx_hash, block }
                } else {
                    Status::Superseded { by }
                };
                return Some((status, self.is_final(block.number)));
            }
        }
        let block = self.end_of(wallet, tracked)?;
        // What took its nonce, and is still to be found, may have been before.
        let is_taken = wallet.find_next(request.nonce.lane) > Some(request.nonce.sequence);
        let is_final = self.is_final(block)
            && is_covered(wallet, tracked, block)
            && (execution.is_some() || !is_taken);
        let status = match lapse {
            Some(lapse) => Status::Superseded { by: lapse.by.or(told_by(tracked)) },
            None => Status::Expired,
        };
        Some((status, is_final))
    }

    /// Whether an execution was before the end of the proposal's epoch, if that is known. A digest commits to its epoch; of one that
    /// nobody here knows the block tells, and where the end is forgotten, what was told while it was known.
    fn is_before(
        &self,
        execution: &Execution,
        lapse: Option<Lapse>,
        tracked: &Tracked,
    ) -> Option<bool> {
        if let Some(known) = self.proposals.get(&execution.digest) {
            return Some(known.request.epoch <= tracked.request.epoch);
        }
        let Some(lapse) = lapse else { return Some(true) };
        if lapse.is_remembered || execution.block.number > lapse.block {
            return Some(execution.block.number <= lapse.block);
        }
        (told_by(tracked) == Some(execution.digest)).then_some(true)
    }

    /// The block by which a proposal that was not executed is over: its epoch ended, or its deadline passed; none while it is
    /// not.
    fn end_of(&self, wallet: &Wallet, tracked: &Tracked) -> Option<u64> {
        let after = || self.history.find_after(tracked.request.deadline);
        match lapse(wallet, &tracked.request) {
            Some(lapse) => Some(lapse.block),
            None => after().map(|block| block.id.number),
        }
    }
}

/// How a proposal's epoch ended before its deadline did.
#[derive(Clone, Copy)]
struct Lapse {
    /// The block, or a later one that nobody takes back where it is not remembered.
    block: u64,
    /// The reconfiguration, where it is known.
    by: Option<B256>,
    is_remembered: bool,
}

fn lapse(wallet: &Wallet, request: &Request) -> Option<Lapse> {
    if wallet.now().epoch <= request.epoch {
        return None;
    }
    match wallet.find_epoch_end(request.epoch) {
        Some(end) => (end.timestamp <= request.deadline).then_some(Lapse {
            block: end.block.number,
            by: end.by,
            is_remembered: true,
        }),
        None => Some(Lapse { block: wallet.base().block, by: None, is_remembered: false }),
    }
}

/// What superseded a proposal, as it was told last.
const fn told_by(tracked: &Tracked) -> Option<B256> {
    match tracked.status {
        Status::Superseded { by } => by,
        _ => None,
    }
}
