//! What a webhook is told.

use alloy::primitives::B256;
use quorate_api::{Event as Told, Instant};
use quorate_store::Event;
use serde::Serialize;

/// The body: `type` and `timestamp` as Standard Webhooks recommends, and the event as `GET /v1/events` has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Instant,
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(flatten)]
    event: Told,
    /// The hash of the last row of the audit log when this was sent: whoever keeps it can tell later whether the log's
    /// end was cut off or written anew.
    audit_head: B256,
}

/// The identity of an event for a webhook, the same each time it is told.
pub(super) fn id(webhook: &str, sequence: u64) -> String {
    format!("{webhook}.{sequence}")
}

pub(super) fn body(event: &Event, audit_head: B256) -> String {
    let body = Body {
        kind: event.kind.word(),
        timestamp: Instant::from_millis(event.at),
        data: Data { event: told(event), audit_head },
    };
    serde_json::to_string(&body).expect("every field has a form in JSON")
}

/// An event as it goes out, to webhooks and to streams.
pub(crate) fn told(event: &Event) -> Told {
    Told {
        sequence: event.sequence,
        at: Instant::from_millis(event.at),
        kind: event.kind.word().to_owned(),
        chain_id: event.wallet.chain_id,
        wallet: event.wallet.address,
        digest: event.digest,
        payload: event.payload.clone(),
    }
}
