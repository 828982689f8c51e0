//! The word of a party that it takes its role in an escrow.

use crate::{Instant, schema};
use alloy::primitives::{Address, B256, Bytes};
use quorate_core::json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A party accepts the terms of an escrow, `POST /v1/wallets/{chainId}/{address}/acceptances`: the typed data
/// `Accept(uint8 role,bytes32 termsHash,uint256 deadline)` under the escrow's domain of epoch 0, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAcceptance {
    /// Which party: 0 the buyer, 1 the seller, 2 the arbiter.
    #[serde(with = "json::integer")]
    #[schema(maximum = 2)]
    pub role: u8,
    /// Who accepts: the wallet's owner with this index.
    #[serde(with = "json::account")]
    #[schema(value_type = schema::Address)]
    pub owner: Address,
    /// The hash of terms, token and amount, as in the wallet's policy data.
    #[schema(value_type = schema::Bytes32)]
    pub terms_hash: B256,
    /// Until when it is taken and the escrow funded on it, in Unix seconds, inclusive; later it still proves.
    #[serde(with = "json::integer")]
    pub deadline: u64,
    /// As that of a proposal: by a key, what the owner's ERC-1271 takes, or `0x` if it approved the digest on chain.
    #[serde(with = "json::bytes")]
    #[schema(value_type = schema::Bytes, max_length = 16386)]
    pub signature: Bytes,
}

/// An acceptance that is kept: of each party the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Acceptance {
    /// Which party: 0 the buyer, 1 the seller, 2 the arbiter.
    #[serde(with = "json::integer")]
    #[schema(maximum = 2)]
    pub role: u8,
    /// Who accepts.
    #[serde(with = "json::account")]
    #[schema(value_type = schema::Address)]
    pub owner: Address,
    /// What is accepted.
    #[schema(value_type = schema::Bytes32)]
    pub terms_hash: B256,
    /// Until when the escrow is to be funded on it, in Unix seconds, inclusive.
    #[serde(with = "json::integer")]
    pub deadline: u64,
    /// The signature, as it was handed in.
    #[serde(with = "json::bytes")]
    #[schema(value_type = schema::Bytes, max_length = 16386)]
    pub signature: Bytes,
    /// When it came in.
    #[schema(value_type = schema::Instant)]
    pub received_at: Instant,
}
