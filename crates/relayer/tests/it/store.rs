//! What survives a crash: the rows that the engine asked to have stored, and what owners handed in.

use crate::{
    acts::{Act, CHAIN, WALLETS, config, wallet_address},
    chain::World,
};
use alloy::primitives::{Address, B256, U256, aliases::U192};
use quorate_core::{Lane, OwnerSignature, Snapshot};
use quorate_relayer::{
    Effect, Rows, Status,
    attempt::AttemptRecord,
    rows::{ProposalRow, Settlement, WalletRow},
    status::StatusChange,
};
use std::collections::{BTreeMap, BTreeSet};

/// A write that waits for its commit.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Attempts { request: u64, records: Vec<AttemptRecord> },
    Status(Box<StatusChange>),
    Settled { sender: Address, account_nonce: u64, settlement: Settlement },
    Checkpoint { wallet: Address, snapshot: Snapshot },
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) wallets: BTreeMap<Address, WalletRow>,
    pub(crate) proposals: BTreeMap<B256, (&'static Act, BTreeMap<Address, OwnerSignature>)>,
    pub(crate) statuses: BTreeMap<B256, StatusChange>,
    pub(crate) attempts: BTreeMap<(Address, u64, u32), AttemptRecord>,
    pub(crate) hashes: BTreeSet<B256>,
    pub(crate) settled: BTreeMap<(Address, u64), Settlement>,
    pub(crate) is_paused: bool,
}

impl Store {
    /// Wallets as they are at a block.
    pub(crate) fn new(block: u64, world: &World) -> Self {
        let mut store = Self::default();
        for wallet in 0..WALLETS {
            let row = wallet_row(wallet, block, world);
            store.wallets.insert(row.address, row);
        }
        store
    }

    pub(crate) fn rows(&self) -> Rows {
        let proposals = self.proposals.iter().map(|(digest, (act, signatures))| {
            let status = self.statuses.get(digest);
            ProposalRow {
                digest: *digest,
                request: act.request.clone(),
                signatures: signatures.clone(),
                ready_order: status.and_then(|status| status.ready_order),
                failures: status.map(|status| status.failures.clone()).unwrap_or_default(),
                forgiven: 0,
                status: status.map_or(Status::Collecting { reason: None }, |s| s.status.clone()),
                is_final: status.is_some_and(|status| status.is_final),
                revision: status.map_or(0, |status| status.revision),
            }
        });
        Rows {
            wallets: self.wallets.values().cloned().collect(),
            proposals: proposals.collect(),
            attempts: self.attempts.values().cloned().collect(),
            settled: self.settled.clone(),
            spent: Vec::new(),
            is_paused: self.is_paused,
        }
    }

    /// Whether attempts have their places now; false, and none has, if others have one of them.
    pub(crate) fn commit_attempts(&mut self, records: Vec<AttemptRecord>) -> bool {
        let place = |AttemptRecord { draft, .. }: &AttemptRecord| {
            (draft.sender, draft.account_nonce, draft.number)
        };
        let is_free = |record: &AttemptRecord| {
            let present = self.attempts.get(&place(record));
            present.is_none_or(|present| present.tx_hash == record.tx_hash)
        };
        if !records.iter().all(is_free) {
            return false;
        }
        for record in records {
            self.hashes.insert(record.tx_hash);
            self.attempts.insert(place(&record), record);
        }
        true
    }

    pub(crate) fn commit(&mut self, write: Write) {
        match write {
            Write::Attempts { .. } => unreachable!("attempts are committed by themselves"),
            Write::Status(change) => {
                self.statuses.insert(change.digest, *change);
            }
            Write::Settled { sender, account_nonce, settlement } => {
                self.settled.insert((sender, account_nonce), settlement);
            }
            Write::Checkpoint { wallet, snapshot } => {
                self.wallets.get_mut(&wallet).unwrap().snapshot = snapshot;
            }
        }
    }
}

/// A wallet as somebody reads it at a block.
pub(crate) fn wallet_row(wallet: usize, block: u64, world: &World) -> WalletRow {
    let state = &world.wallets[wallet];
    let config = config(wallet, state.epoch);
    let approvals = state.approvals.clone();
    let known = |(lane, next): (&u64, &u64)| (Lane::new(U192::from(*lane)), *next);
    WalletRow {
        address: wallet_address(wallet),
        creation: (wallet == 1)
            .then(|| (crate::acts::config(wallet, 0), B256::with_last_byte(wallet as u8))),
        snapshot: Snapshot {
            block,
            is_deployed: state.is_deployed,
            epoch: state.epoch,
            config,
            // Lanes that were never asked about are not known, even if nothing happened in them.
            lanes: state.lanes.iter().map(known).collect(),
            approvals,
        },
    }
}

/// An effect that writes, as a write.
pub(crate) fn as_write(effect: &Effect) -> Option<Write> {
    match effect.clone() {
        Effect::Persist { request, records } => Some(Write::Attempts { request, records }),
        Effect::StatusChanged(change) => Some(Write::Status(change)),
        Effect::Settled { sender, account_nonce, settlement } => {
            Some(Write::Settled { sender, account_nonce, settlement })
        }
        Effect::Checkpoint { wallet, snapshot } => Some(Write::Checkpoint { wallet, snapshot }),
        _ => None,
    }
}

pub(crate) fn wei(amount: u128) -> U256 {
    U256::from(amount)
}

pub(crate) const CHAIN_ID: u64 = CHAIN;
