//! Events as endpoints give them. Only the fields that are used have to be there.

use alloy::{
    primitives::{Address, B256, Bytes, Log as Emitted, LogData, U64},
    rpc::types::Log,
};
use serde::Deserialize;

/// An event, read. Chains have fields of their own, and some leave some out.
#[derive(Debug, Deserialize)]
#[serde(from = "Raw")]
pub(crate) struct AnyLog(pub(crate) Log);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_hash: Option<B256>,
    block_number: Option<U64>,
    transaction_hash: Option<B256>,
    transaction_index: Option<U64>,
    log_index: Option<U64>,
    removed: Option<bool>,
}

impl From<Raw> for AnyLog {
    fn from(raw: Raw) -> Self {
        Self(Log {
            inner: Emitted {
                address: raw.address,
                data: LogData::new_unchecked(raw.topics, raw.data),
            },
            block_hash: raw.block_hash,
            block_number: raw.block_number.map(|number| number.to()),
            block_timestamp: None,
            transaction_hash: raw.transaction_hash,
            transaction_index: raw.transaction_index.map(|index| index.to()),
            log_index: raw.log_index.map(|index| index.to()),
            removed: raw.removed.unwrap_or_default(),
        })
    }
}

/// The events among `logs` that stand.
pub(crate) fn standing(logs: Vec<AnyLog>) -> Vec<Log> {
    logs.into_iter().map(|AnyLog(log)| log).filter(|log| !log.removed).collect()
}
