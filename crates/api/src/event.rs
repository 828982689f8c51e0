//! What is told while it happens.

use crate::{Instant, schema};
use alloy::primitives::{Address, B256};
use quorate_core::json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One event of `GET /v1/events`, the `data` of a server-sent event whose `id` is the sequence and whose `event` is the
/// kind. Tells that there is something to read; what is true stands in the proposal or wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its place among all events, from 1. `Last-Event-ID` goes on behind it.
    pub sequence: u64,
    /// When it was stored.
    #[schema(value_type = schema::Instant)]
    pub at: Instant,
    /// `walletRegistered`, `walletReconfigured`, `proposed`, `signed`, `signatureLapsed`, `status`, `reopened`,
    /// `attempted` or `attemptState`; in streams `connected` too. Others may be added.
    pub kind: String,
    /// The chain (EIP-155); 0 in `connected`.
    pub chain_id: u64,
    /// The wallet; the zero address in `connected`.
    #[serde(with = "json::account")]
    #[schema(value_type = schema::Address)]
    pub wallet: Address,
    /// The proposal, if it is of one.
    #[schema(value_type = Option<schema::Bytes32>, required)]
    pub digest: Option<B256>,
    /// More, as the kind has it: enough to be shown, not all that is known.
    #[schema(value_type = Object)]
    pub payload: Value,
}

impl Event {
    /// The kind of what a stream begins with that was asked for from now on. Nothing happened: it tells the sequence of the
    /// last event there was, to come back with.
    pub const CONNECTED: &str = "connected";
}
