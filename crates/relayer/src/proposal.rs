//! A proposal, with the signatures it gathered and what became of it.

use crate::{
    rows::ProposalRow,
    status::{Failure, Reason, Status},
    wallet::Wallet,
};
use alloy::primitives::{Address, B256, Bytes};
use quorate_core::{Action, OwnerSignature, Request, packing};
use std::collections::BTreeMap;

/// How many times as often as others a proposal may fail whose signatures change in between.
const FORGIVEN: usize = 4;

/// A refusal that is not looked at again before a block or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// What was refused.
    pub reason: Reason,
    /// The block's number.
    pub until_block: u64,
    /// Unix seconds.
    pub until_clock: u64,
    /// How often in a row.
    pub times: u32,
    /// Whether the policy refused it as things are, and not for want of signatures.
    pub is_by_rules: bool,
}

impl Backoff {
    /// Whether a simulation that passes ends it.
    pub(crate) const fn is_of_simulation(self) -> bool {
        matches!(
            self.reason,
            Reason::Simulation
                | Reason::Policy
                | Reason::NotBefore
                | Reason::Sequence
                | Reason::RpcDown
        )
    }
}

/// A proposal that is served.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// What is asked for.
    pub request: Request,
    /// The verified signatures, by owner or former owner.
    pub signatures: BTreeMap<Address, OwnerSignature>,
    /// Its place among those that became ready.
    pub ready_order: Option<u64>,
    /// The mined transactions that did not execute it.
    pub failures: Vec<Failure>,
    /// Its status, as last told.
    pub status: Status,
    /// Whether the block that decided it is at the configured depth.
    pub is_final: bool,
    /// How often its status changed.
    pub revision: u64,
    /// Whether the store had it as final: what decided it may be older than all that is known now.
    pub(crate) was_final: bool,
    /// The failures that were told.
    pub(crate) told_failures: usize,
    /// How many failures there were when the last signature came: those count no more.
    pub(crate) forgiven: usize,
    /// The signatures that hold no more, by owner.
    pub(crate) lapsed: BTreeMap<Address, OwnerSignature>,
    /// Why planning passed it over.
    pub(crate) hold: Option<Reason>,
    /// Why it is not looked at for a while.
    pub(crate) backoff: Option<Backoff>,
    /// How often nodes said of a payload that it can never be mined, as far as this process knows.
    pub(crate) refusals: u32,
    /// Before which block it is not tried again for that.
    pub(crate) refused_until: u64,
}

impl Tracked {
    /// A proposal as it was stored.
    pub(crate) fn new(row: ProposalRow) -> Self {
        Self {
            request: row.request,
            signatures: row.signatures,
            ready_order: row.ready_order,
            told_failures: row.failures.len(),
            forgiven: row.forgiven,
            lapsed: BTreeMap::new(),
            failures: row.failures,
            was_final: row.is_final && row.status.is_terminal(),
            status: row.status,
            is_final: row.is_final,
            revision: row.revision,
            hold: None,
            backoff: None,
            refusals: 0,
            refused_until: 0,
        }
    }

    /// Whether the policy refused it as things are, and not for want of signatures.
    pub(crate) fn is_held_by_rules(&self) -> bool {
        self.backoff.is_some_and(|backoff| backoff.is_by_rules)
    }

    /// Whether it failed so often that it is not tried again before another signature comes; nor ever, where that went on
    /// and on: each try costs gas.
    pub(crate) fn is_used_up(&self, max_failures: usize) -> bool {
        let failures = self.failures.len();
        failures.saturating_sub(self.forgiven) >= max_failures
            || failures >= max_failures.saturating_mul(FORGIVEN)
    }

    /// Whether it consumes its nonce and does nothing else.
    pub const fn is_cancel(&self) -> bool {
        matches!(self.request.action, Action::Cancel {})
    }

    /// Whether it ends the epoch.
    pub const fn is_reconfiguration(&self) -> bool {
        matches!(self.request.action, Action::Reconfigure { .. })
    }

    /// The signatures that count at the head: of present owners, on-chain approvals included. None of them
    /// if the proposal is of an epoch to come.
    pub fn counting(&self, digest: B256, wallet: &Wallet) -> BTreeMap<Address, OwnerSignature> {
        if self.request.epoch != wallet.now().epoch {
            return BTreeMap::new();
        }
        let signed = |owner: &Address| {
            let given = self.signatures.get(owner).cloned();
            let approved = wallet.is_approved(digest, *owner).then_some(OwnerSignature::Approved);
            Some((*owner, given.or(approved)?))
        };
        wallet.now().config.owners().iter().filter_map(signed).collect()
    }

    /// Whether enough owners signed, whatever the policy says.
    pub fn has_enough(&self, digest: B256, wallet: &Wallet) -> bool {
        let (config, epoch) = (&wallet.now().config, wallet.now().epoch);
        let signed = |owner: &&Address| {
            self.signatures.contains_key(*owner) || wallet.is_approved(digest, **owner)
        };
        let count = config.owners().iter().filter(signed).count();
        self.request.epoch == epoch && count >= usize::from(config.threshold())
    }

    /// The call to the wallet that carries it out, if enough owners signed.
    pub fn calldata(&self, digest: B256, wallet: &Wallet) -> Option<Bytes> {
        let config = &wallet.now().config;
        let counting = self.counting(digest, wallet);
        let chosen = packing::choose(config, self.request.nonce.lane, &counting);
        let packed = packing::pack(config, &chosen).ok()?;
        Some(self.request.calldata(packed))
    }
}
