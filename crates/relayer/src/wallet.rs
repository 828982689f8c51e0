//! A wallet as of the head: what it was at a block that cannot be undone, and its logs since.

use crate::event::{BlockId, LogKind, Standing, WalletLog};
use crate::rows::WalletRow;
use alloy::primitives::{Address, B256};
use quorate_core::{Config, Lane, Nonce, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// What consumed a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The digest.
    pub digest: B256,
    /// The transaction.
    pub tx_hash: B256,
    /// Its block.
    pub block: BlockId,
    /// That block's time, in Unix seconds.
    pub timestamp: u64,
}

/// A reconfiguration that ended an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The epoch that it ended.
    pub epoch: u32,
    /// The digest of the reconfiguration, if its log was seen.
    pub by: Option<B256>,
    /// Its block.
    pub block: BlockId,
    /// That block's time, in Unix seconds.
    pub timestamp: u64,
}

/// What is known of whether a wallet's events are complete. An endpoint may leave out any of them; what the wallet itself
/// says does not lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit {
    /// Whether there is a reason to look at the next opportunity.
    pub(crate) is_due: bool,
    /// Whether the wallet was asked at this head.
    pub(crate) is_asked: bool,
    /// The last block at which it agreed with its events.
    pub(crate) agreed: Option<u64>,
    /// How often in a row it did not, after its events were read again.
    pub(crate) rereads: u32,
    /// How many times it was asked: not everything is asked at once.
    pub(crate) turn: usize,
    /// The last block at which each lane agreed.
    pub(crate) lanes: BTreeMap<Lane, u64>,
    /// How often in a row there was no wallet, and the last block at which there was none. That may be an answer that was
    /// left empty.
    pub(crate) blanks: (u32, u64),
}

/// How often in a row there must be no wallet before that is believed, and how often where a transaction says otherwise.
const BLANKS: u32 = 4;
const DOUBTFUL_BLANKS: u32 = 32;

impl Audit {
    /// Whether the lane agreed at a block with this number or later: then what no event tells did not happen until there.
    pub(crate) fn covers(&self, lane: Lane, number: u64, is_doubtful: bool) -> bool {
        let (times, at) = self.blanks;
        let needed = if is_doubtful { DOUBTFUL_BLANKS } else { BLANKS };
        self.lanes.get(&lane).is_some_and(|agreed| *agreed >= number)
            || (times >= needed && at >= number)
    }

    /// Notes what a wallet that agrees said at a block. Whether it said anything.
    pub(crate) fn note(&mut self, at: u64, standing: &Standing, is_deployed: bool) -> bool {
        for (lane, _) in &standing.lanes {
            self.lanes.insert(*lane, at);
        }
        if standing.epoch.is_some() {
            self.blanks = (0, 0);
        } else if standing.is_absent && !is_deployed {
            self.blanks = (self.blanks.0.saturating_add(1), at);
        }
        let says_something = standing.epoch.is_some() || (standing.is_absent && !is_deployed);
        if says_something {
            self.agreed = Some(at);
            (self.is_due, self.rereads) = (false, 0);
        }
        says_something
    }
}

/// A wallet that is served.
#[derive(Clone, Debug)]
pub struct Wallet {
    /// What it is made of, if it may have to be created.
    pub creation: Option<(Config, B256)>,
    base: Snapshot,
    logs: Vec<(BlockId, WalletLog)>,
    now: Snapshot,
    executions: BTreeMap<Nonce, Execution>,
    found: BTreeMap<Nonce, Execution>,
    epoch_ends: Vec<EpochEnd>,
    /// The ranges of blocks whose logs are being read back, first and last.
    pub(crate) gaps: BTreeSet<(u64, u64)>,
    /// Whether it has to be read anew.
    pub(crate) is_lost: bool,
    /// The lanes and nonces that were asked about at this head.
    pub(crate) asked: BTreeSet<Nonce>,
    /// Whether its events are complete.
    pub(crate) audit: Audit,
    /// The block of the snapshot that the store has.
    pub(crate) stored: u64,
    /// Its proposals.
    pub(crate) proposals: BTreeSet<B256>,
    /// Changes with everything that a simulation depends on.
    pub(crate) version: u64,
    /// Creations that were mined and left no wallet.
    pub(crate) failed_creations: BTreeSet<B256>,
    /// When the last proposal that account nonces were taken for had become ready, in the order of all; 0 if none were.
    pub(crate) served: u64,
}

impl Wallet {
    /// A wallet of which only the row is known.
    pub(crate) fn new(row: WalletRow) -> Self {
        let WalletRow { creation, snapshot, .. } = row;
        Self {
            creation,
            stored: snapshot.block,
            now: snapshot.clone(),
            base: snapshot,
            logs: Vec::new(),
            executions: BTreeMap::new(),
            found: BTreeMap::new(),
            epoch_ends: Vec::new(),
            gaps: BTreeSet::new(),
            is_lost: false,
            asked: BTreeSet::new(),
            audit: Audit::default(),
            proposals: BTreeSet::new(),
            version: 0,
            failed_creations: BTreeSet::new(),
            served: 0,
        }
    }

    /// What it is as of the head.
    pub const fn now(&self) -> &Snapshot {
        &self.now
    }

    /// What it was at the last block that is not remembered.
    pub const fn base(&self) -> &Snapshot {
        &self.base
    }

    /// Whether all of its logs up to the head are known.
    pub fn is_settled(&self) -> bool {
        self.gaps.is_empty() && !self.is_lost
    }

    /// The next sequence of a lane, if it is known.
    pub fn find_next(&self, lane: Lane) -> Option<u64> {
        self.now.lanes.get(&lane).copied()
    }

    /// What consumed a nonce, if that was seen or found.
    pub fn find_execution(&self, nonce: Nonce) -> Option<&Execution> {
        self.executions.get(&nonce).or_else(|| self.found.get(&nonce))
    }

    /// What ended an epoch, if it was seen.
    pub fn find_epoch_end(&self, epoch: u32) -> Option<&EpochEnd> {
        self.epoch_ends.iter().find(|end| end.epoch == epoch)
    }

    /// Whether `owner` approved `digest` on chain, as far as logs were read.
    pub fn is_approved(&self, digest: B256, owner: Address) -> bool {
        self.now.approvals.contains(&(digest, owner))
    }

    /// Adds a log of a block after all others. Those of blocks that the base includes are passed over.
    pub(crate) fn push(&mut self, block: BlockId, log: WalletLog) {
        if block.number > self.base.block {
            self.logs.push((block, log));
        }
    }

    /// Adds the logs of a range that were read back. Those that are known stay: whoever answered may have left some out.
    pub(crate) fn fill(&mut self, from: u64, to: u64, logs: Vec<(BlockId, WalletLog)>) {
        let mut read: BTreeMap<(u64, B256), (BlockId, Vec<WalletLog>)> = BTreeMap::new();
        for (block, log) in logs {
            if (from..=to).contains(&block.number) {
                let place = read.entry((block.number, log.tx_hash));
                place.or_insert_with(|| (block, Vec::new())).1.push(log);
            }
        }
        for (block, logs) in read.into_values() {
            self.insert(block, logs);
        }
        self.derive();
    }

    /// Adds the logs of one transaction, as its receipt has them; says whether any of them were not known.
    pub(crate) fn adopt(&mut self, block: BlockId, logs: Vec<WalletLog>) -> bool {
        let is_news = self.insert(block, logs);
        if is_news {
            self.derive();
        }
        is_news
    }

    /// Puts in the logs of one transaction in place of those that are known of it, if these are more.
    fn insert(&mut self, block: BlockId, logs: Vec<WalletLog>) -> bool {
        let Some(tx_hash) = logs.first().map(|log| log.tx_hash) else { return false };
        if block.number <= self.base.block {
            return false;
        }
        let is_its = |(id, log): &(BlockId, WalletLog)| *id == block && log.tx_hash == tx_hash;
        if logs.len() <= self.logs.iter().filter(|entry| is_its(entry)).count() {
            return false;
        }
        self.logs.retain(|entry| !is_its(entry));
        self.logs.extend(logs.into_iter().map(|log| (block, log)));
        // Stable: the order within a transaction stays.
        self.logs.sort_by_key(|(block, log)| (block.number, log.index));
        true
    }

    /// Whether it says more than its events do, as far as both are known: some of them are missing.
    pub(crate) fn misses_events(&self, standing: &Standing) -> bool {
        let now = &self.now;
        standing.epoch.is_some_and(|epoch| epoch > now.epoch || !now.is_deployed)
            || standing
                .lanes
                .iter()
                .any(|(lane, next)| self.find_next(*lane).is_some_and(|known| known < *next))
            || standing.approvals.iter().any(|approval| !now.approvals.contains(approval))
    }

    /// Forgets what happened after a block; ranges that are being read back end there.
    pub(crate) fn undo_after(&mut self, number: u64) {
        self.logs.retain(|(block, _)| block.number <= number);
        self.found.retain(|_, execution| execution.block.number <= number);
        let clamp = |(from, to): (u64, u64)| (from <= number).then_some((from, to.min(number)));
        self.gaps = std::mem::take(&mut self.gaps).into_iter().filter_map(clamp).collect();
        self.is_lost |= self.base.block > number;
        self.derive();
    }

    /// What consumed a nonce before the base.
    pub(crate) fn add_found(&mut self, nonce: Nonce, execution: Execution) {
        self.found.insert(nonce, execution);
        self.version = self.version.wrapping_add(1);
    }

    /// The next sequence of a lane at a block not after the base, unless an execution told it meanwhile.
    pub(crate) fn add_lane(&mut self, lane: Lane, next: u64) {
        self.base.lanes.entry(lane).or_insert(next);
        self.derive();
    }

    /// What owners approved, though no event of it was found.
    pub(crate) fn add_approvals(&mut self, approvals: &[(B256, Address)]) {
        self.base.approvals.extend(approvals.iter().copied());
        self.derive();
    }

    /// Moves the base to a block; says whether anything happened until there. What consumed a nonce is kept
    /// where a proposal wants to know.
    pub(crate) fn fold_to(&mut self, number: u64, is_wanted: impl Fn(Nonce) -> bool) -> bool {
        if number <= self.base.block || !self.is_settled() {
            return false;
        }
        let old = self.logs.partition_point(|(block, _)| block.number <= number);
        for (block, log) in self.logs.drain(..old) {
            if let LogKind::Executed { digest, nonce } = log.what
                && is_wanted(nonce)
            {
                let WalletLog { tx_hash, timestamp, .. } = log;
                let execution = Execution { digest, tx_hash, block, timestamp };
                self.found.insert(nonce, execution);
            }
            advance(&mut self.base, &log.what);
        }
        self.base.block = number;
        self.now.block = self.now.block.max(number);
        old > 0
    }

    /// Forgets what is known of a proposal and of its nonce.
    pub(crate) fn forget(&mut self, digest: B256, nonce: Nonce) {
        self.proposals.remove(&digest);
        self.found.remove(&nonce);
        self.base.approvals.retain(|(approved, _)| *approved != digest);
        self.now.approvals.retain(|(approved, _)| *approved != digest);
    }

    /// Computes everything from the base and the logs.
    pub(crate) fn derive(&mut self) {
        self.version = self.version.wrapping_add(1);
        self.now = self.base.clone();
        self.executions.clear();
        let base = self.base.block;
        self.epoch_ends.retain(|end| end.block.number <= base);
        let mut last = None;
        for (block, log) in &self.logs {
            let timestamp = log.timestamp;
            match log.what {
                LogKind::Executed { digest, nonce } => {
                    let tx_hash = log.tx_hash;
                    last = Some((tx_hash, digest));
                    let execution = Execution { digest, tx_hash, block: *block, timestamp };
                    self.executions.insert(nonce, execution);
                }
                LogKind::Reconfigured { .. } => {
                    // An action says that it executed before it says what the configuration is.
                    let by = last.filter(|(tx_hash, _)| *tx_hash == log.tx_hash).map(|(_, by)| by);
                    let (epoch, block) = (self.now.epoch, *block);
                    self.epoch_ends.push(EpochEnd { epoch, by, block, timestamp });
                }
                LogKind::Created | LogKind::Approved { .. } => {}
            }
            advance(&mut self.now, &log.what);
        }
    }
}

/// Carries a log over to what a wallet is.
fn advance(snapshot: &mut Snapshot, what: &LogKind) {
    // Only a wallet that has code emits anything.
    snapshot.is_deployed = true;
    match what {
        LogKind::Executed { nonce, .. } => {
            snapshot.lanes.insert(nonce.lane, nonce.sequence.saturating_add(1));
        }
        LogKind::Reconfigured { config } => {
            snapshot.epoch = snapshot.epoch.saturating_add(1);
            snapshot.config = config.clone();
        }
        LogKind::Approved { digest, owner } => {
            snapshot.approvals.insert((*digest, *owner));
        }
        LogKind::Created => {}
    }
}
