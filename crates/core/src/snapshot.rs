//! What a wallet is at a block, as far as it is known: what the following of its events begins with.

use crate::{Config, Lane};
use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a wallet is at a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// The block's number.
    pub block: u64,
    /// Whether the wallet has code.
    pub is_deployed: bool,
    /// How often it was reconfigured.
    pub epoch: u32,
    /// Its configuration; before it is created the one it is to be created with.
    pub config: Config,
    /// The next sequences of the lanes that are known. A lane that is missing is unknown, not at zero.
    pub lanes: BTreeMap<Lane, u64>,
    /// Which owners approved which digests on chain, as far as logs were read. A digest is of one epoch, but
    /// it can be approved before that begins.
    pub approvals: BTreeSet<(B256, Address)>,
}

impl Snapshot {
    /// A wallet as it was read, with nothing known of its lanes and approvals.
    pub const fn new(block: u64, is_deployed: bool, epoch: u32, config: Config) -> Self {
        let lanes = BTreeMap::new();
        Self { block, is_deployed, epoch, config, lanes, approvals: BTreeSet::new() }
    }
}
