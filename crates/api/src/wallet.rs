//! Wallets as they are answered.

use crate::{Instant, schema};
use alloy::primitives::{Address, B256};
use quorate_core::{Config, Lane, json, proposal::Origin};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A wallet that is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Wallet {
    /// The chain (EIP-155).
    #[serde(with = "json::integer")]
    pub chain_id: u64,
    /// Its address.
    #[serde(with = "json::account")]
    #[schema(value_type = schema::Address)]
    pub address: Address,
    /// The present configuration, as last read from the chain.
    #[schema(value_type = schema::Config)]
    pub config: Config,
    /// How often it was reconfigured.
    #[serde(with = "json::integer")]
    pub epoch: u32,
    /// With `originConfig` what the address commits to, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Bytes32>)]
    pub salt: Option<B256>,
    /// The configuration that the wallet is, or was, created with, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Config>)]
    pub origin_config: Option<Config>,
    /// Whether it exists on its chain. If not, its first execution creates it.
    pub deployed: bool,
    /// Whether the factory made it, or will: others are not served.
    pub genuine: bool,
    /// Lane 0 and every lane with open proposals.
    pub lanes: Vec<LaneState>,
    /// The block as of which `deployed` and `lanes` are; null while the chain cannot be asked: then they are as of the
    /// last block that is known to be final.
    #[schema(required)]
    pub head: Option<Head>,
    /// How many blocks have to be on top of the one that decided a proposal, for this relayer to call it final; left out
    /// where the chain is not served any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_depth: Option<u64>,
    /// When it was registered.
    #[schema(value_type = schema::Instant)]
    pub registered_at: Instant,
}

/// Where a lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaneState {
    /// The lane.
    #[schema(value_type = schema::Lane)]
    pub lane: Lane,
    /// The sequence that the wallet takes next.
    #[serde(with = "json::integer")]
    pub next: u64,
    /// The sequence behind those of all open proposals: where one that waits for nothing else would go.
    #[serde(with = "json::integer")]
    pub next_free: u64,
}

/// A block of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Its number.
    #[serde(with = "json::integer")]
    pub number: u64,
    /// Its hash.
    #[schema(value_type = schema::Bytes32)]
    pub hash: B256,
    /// Its time, in Unix seconds.
    #[serde(with = "json::integer")]
    pub timestamp: u64,
}

impl Wallet {
    /// What the address commits to, if it is told. Does not check that it does: see [`crate::verify`].
    pub fn origin(&self) -> Option<Origin> {
        let (config, salt) = self.origin_config.clone().zip(self.salt)?;
        Some(Origin { config, salt })
    }
}
