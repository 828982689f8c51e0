//! What a store holds: all that outlives a crash.

use crate::{
    attempt::AttemptRecord,
    budget::Charge,
    event::{BlockId, Paid},
    status::{Failure, Status},
};
use alloy::primitives::{Address, B256};
use quorate_core::{Config, OwnerSignature, Request, Snapshot};
use std::collections::BTreeMap;

/// What an engine begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The wallets that are served.
    pub wallets: Vec<WalletRow>,
    /// Their proposals that are not final, or became so within the blocks that are remembered.
    pub proposals: Vec<ProposalRow>,
    /// The attempts of all account nonces that are not settled, or were so within those blocks; in order.
    pub attempts: Vec<AttemptRecord>,
    /// How account nonces among them ended, by sender and account nonce.
    pub settled: BTreeMap<(Address, u64), Settlement>,
    /// What other account nonces cost, on the days that still count.
    pub spent: Vec<Charge>,
    /// Whether the operator paused the engine.
    pub is_paused: bool,
}

/// A wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletRow {
    /// Its address.
    pub address: Address,
    /// What it is made of, if it may have to be created.
    pub creation: Option<(Config, B256)>,
    /// What it was at a final block.
    pub snapshot: Snapshot,
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalRow {
    /// Its digest, as computed by whoever accepted it: nothing here trusts anybody else for it.
    pub digest: B256,
    /// What is asked for.
    pub request: Request,
    /// The verified signatures.
    pub signatures: BTreeMap<Address, OwnerSignature>,
    /// Its place among those that became ready.
    pub ready_order: Option<u64>,
    /// The mined transactions that did not execute it.
    pub failures: Vec<Failure>,
    /// How many of them are older than its last signature, and so count no more.
    pub forgiven: usize,
    /// Its status, as last told; of one that is new it does not matter.
    pub status: Status,
    /// Whether that was final.
    pub is_final: bool,
    /// How often its status changed, 0 of one that is new.
    pub revision: u64,
}

/// How an account nonce ended, once that was final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The attempt that was mined; none if it was somebody else's transaction.
    pub tx_hash: Option<B256>,
    /// Its block.
    pub block: BlockId,
    /// What its receipt says; nothing if it was somebody else's.
    pub paid: Paid,
}
