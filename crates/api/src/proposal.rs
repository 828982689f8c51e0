//! Proposals as they are answered.

use crate::{Instant, schema};
use alloy::primitives::{Address, B256, Bytes, U256};
use quorate_core::{
    Action, Lane, Nonce, Reason, Request, json,
    signature::Kind,
    status::{FailureReason, StatusWord},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A proposal. Everything in it is the relayer's word: [`Proposal::verify`] before anything is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    description = "A proposal. Everything in it is the relayer's word: compute the digest from the fields, and the \
                        signers from the signatures, before anything is made of it."
)]
pub struct Proposal {
    /// What owners sign, and the proposal's identity: follows from `chainId`, `wallet`, `epoch`, `action`, `nonce` and
    /// `deadline` (EIP-712).
    #[schema(value_type = schema::Bytes32)]
    pub digest: B256,
    /// The chain (EIP-155).
    #[serde(with = "json::integer")]
    pub chain_id: u64,
    /// The wallet.
    #[serde(with = "json::account")]
    #[schema(value_type = schema::Address)]
    pub wallet: Address,
    /// How often the wallet was reconfigured when this was proposed.
    #[serde(with = "json::integer")]
    pub epoch: u32,
    /// What is to be done.
    #[schema(value_type = schema::Action)]
    pub action: Action,
    /// The place in the wallet's queues: `lane << 64 | sequence`.
    #[schema(value_type = schema::Uint256)]
    pub nonce: Nonce,
    /// The lane of `nonce`.
    #[schema(value_type = schema::Lane)]
    pub lane: Lane,
    /// The sequence of `nonce`.
    #[serde(with = "json::integer")]
    pub sequence: u64,
    /// Until when the wallet takes it, in Unix seconds, inclusive.
    #[serde(with = "json::integer")]
    pub deadline: u64,
    /// What the proposer wrote. Nobody signed it.
    #[schema(required)]
    pub note: Option<String>,
    /// Where it stands.
    #[schema(value_type = schema::Status)]
    pub status: StatusWord,
    /// What it waits for, if it is `ready` or `collecting` and waits for something.
    #[schema(value_type = Option<schema::Reason>, required)]
    pub reason: Option<Reason>,
    /// Whether the block that decided it is as deep as this relayer waits for.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Grows with every change of the status.
    #[serde(with = "json::integer")]
    pub revision: u64,
    /// How many owners have to sign, by the present configuration.
    #[serde(with = "json::integer")]
    pub threshold: u8,
    /// The signatures, by owner address.
    pub signatures: Vec<Signature>,
    /// The present owners of whom no signature counts, in the wallet's order.
    #[serde(with = "json::accounts")]
    #[schema(value_type = Vec<schema::Address>)]
    pub missing: Vec<Address>,
    /// The transaction that executed it; null unless it is `executed`.
    #[schema(required)]
    pub execution: Option<Execution>,
    /// The last transaction that was mined and did not execute it.
    #[schema(required)]
    pub last_failure: Option<Failure>,
    /// Of a `superseded` one the digest of the action that took its nonce or ended its epoch, where known.
    #[schema(value_type = Option<schema::Bytes32>, required)]
    pub superseded_by: Option<B256>,
    /// Other proposals for the same nonce in the same epoch: at most one of them all is executed.
    #[schema(value_type = Vec<schema::Bytes32>)]
    pub rivals: Vec<B256>,
    /// The relayer's own transactions for it, the first one first.
    pub attempts: Vec<Attempt>,
    /// When it was recorded.
    #[schema(value_type = schema::Instant)]
    pub created_at: Instant,
    /// When its status or its signatures changed last.
    #[schema(value_type = schema::Instant)]
    pub updated_at: Instant,
}

/// One owner's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    /// Who signed.
    #[serde(with = "json::account")]
    #[schema(value_type = schema::Address)]
    pub owner: Address,
    /// How.
    #[schema(value_type = schema::SignatureKind)]
    pub kind: Kind,
    /// 65 bytes `r ‖ s ‖ v`; of a contract what its ERC-1271 takes; of an approval `0x`.
    #[serde(with = "json::bytes")]
    #[schema(value_type = schema::Bytes)]
    pub signature: Bytes,
    /// Whether it was found valid, and its owner is one now.
    pub counts: bool,
    /// When it came in.
    #[schema(value_type = schema::Instant)]
    pub received_at: Instant,
}

/// The transaction that executed a proposal, whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// The transaction.
    #[schema(value_type = schema::Bytes32)]
    pub tx_hash: B256,
    /// The number of its block.
    #[serde(with = "json::integer")]
    pub block_number: u64,
    /// The hash of its block.
    #[schema(value_type = schema::Bytes32)]
    pub block_hash: B256,
    /// How many blocks there are from its own on, itself included; null while the chain cannot be asked.
    #[schema(required)]
    pub depth: Option<u64>,
    /// Gas that the transaction used; null where its receipt is not known.
    #[schema(required)]
    pub gas_used: Option<u64>,
    /// Wei that its sender paid for it in all: what its account lost. Null where its receipt is not known.
    #[serde(with = "optional_decimal")]
    #[schema(value_type = Option<schema::Uint256>, required)]
    pub fee: Option<U256>,
    /// What of that was for gas, in wei; null where its receipt is not known.
    #[serde(default, with = "optional_decimal")]
    #[schema(value_type = Option<schema::Uint256>)]
    pub gas_fee: Option<U256>,
    /// What of that was for its place on layer 1, in wei; null where the chain takes nothing besides gas for that.
    #[serde(default, with = "optional_decimal")]
    #[schema(value_type = Option<schema::Uint256>)]
    pub l1_fee: Option<U256>,
    /// What of that went to the chain's operator, in wei; null where there is no such fee.
    #[serde(default, with = "optional_decimal")]
    #[schema(value_type = Option<schema::Uint256>)]
    pub operator_fee: Option<U256>,
}

/// A transaction that was mined and did not execute its proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The transaction.
    #[schema(value_type = schema::Bytes32)]
    pub tx_hash: B256,
    /// The number of its block.
    #[serde(with = "json::integer")]
    pub block_number: u64,
    /// What became of it.
    #[schema(value_type = schema::FailureReason)]
    pub reason: FailureReason,
}

/// A transaction that the relayer signed for a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its hash.
    #[schema(value_type = schema::Bytes32)]
    pub tx_hash: B256,
    /// What it does.
    pub kind: AttemptKind,
    /// The relayer's account that sends it.
    #[serde(with = "json::account")]
    #[schema(value_type = schema::Address)]
    pub sender: Address,
    /// That account's nonce: nothing to do with the wallet's.
    #[serde(with = "json::integer")]
    pub account_nonce: u64,
    /// What it pays at most for a unit of gas, in wei.
    #[serde(with = "json::decimal")]
    #[schema(value_type = schema::Uint256)]
    pub max_fee_per_gas: U256,
    /// What is known of it.
    pub state: AttemptState,
}

/// What an attempt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AttemptKind {
    /// Carries out the proposal.
    Execute,
    /// Creates the wallet.
    Create,
    /// Nothing, so that its account nonce is used up.
    Noop,
}

/// What is known of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AttemptState {
    /// Stored, and perhaps sent.
    Stored,
    /// Sent; nobody said whether it was taken.
    Unknown,
    /// An endpoint took it.
    Accepted,
    /// Every endpoint refused it, and it is not on its way.
    Rejected,
    /// In a block.
    Mined,
    /// In a block, where it reverted.
    Reverted,
    /// Another attempt at its account nonce is in a block.
    Replaced,
}

impl Proposal {
    /// What is asked for: the fields that the digest follows from.
    pub fn request(&self) -> Request {
        Request {
            chain_id: self.chain_id,
            wallet: self.wallet,
            epoch: self.epoch,
            action: self.action.clone(),
            nonce: self.nonce,
            deadline: self.deadline,
        }
    }
}

/// A 256-bit integer that may be null.
mod optional_decimal {
    use super::*;
    use serde::{Deserializer, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Decimal(#[serde(with = "json::decimal")] U256);

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub(super) fn serialize<S: Serializer>(
        number: &Option<U256>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        number.map(Decimal).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<U256>, D::Error> {
        Ok(Option::<Decimal>::deserialize(from)?.map(|Decimal(number)| number))
    }
}
