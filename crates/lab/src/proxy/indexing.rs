//! A node that tells a block before it can tell what is in it.

use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// When each block was first heard of, by its hash.
#[derive(Debug, Default)]
pub(super) struct Heard(BTreeMap<String, Instant>);

impl Heard {
    /// Takes out of an answer what a node does not have yet, so long after it first heard of a block.
    pub(super) fn hide(
        &mut self,
        call: &Value,
        mut answer: Value,
        lasts: Duration,
        now: Instant,
    ) -> Value {
        let mut is_young = |hash: &Value| {
            let Some(hash) = hash.as_str() else { return false };
            now - *self.0.entry(hash.to_owned()).or_insert(now) < lasts
        };
        let result = &mut answer["result"];
        match call["method"].as_str().unwrap_or_default() {
            "eth_getLogs" => {
                // Also where there is nothing to hide: it was heard of.
                is_young(&call["params"][0]["blockHash"]);
                if let Some(logs) = result.as_array_mut() {
                    logs.retain(|log| !is_young(&log["blockHash"]));
                }
            }
            "eth_getBlockByNumber" if is_tag(&call["params"][0]) && is_young(&result["hash"]) => {
                result["transactions"] = json!([]);
            }
            "eth_getBlockByNumber" | "eth_getBlockByHash" if is_young(&result["hash"]) => {
                *result = Value::Null;
            }
            "eth_getTransactionReceipt" if is_young(&result["blockHash"]) => *result = Value::Null,
            "eth_getBlockReceipts" if is_young(&result[0]["blockHash"]) => *result = Value::Null,
            _ => {}
        }
        answer
    }
}

/// Whether it is `latest` or the like, by which blocks are told.
fn is_tag(block: &Value) -> bool {
    block.as_str().is_some_and(|text| !text.starts_with("0x"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_told_first_and_what_is_in_it_later() {
        let (mut heard, begun) = (Heard::default(), Instant::now());
        let lasts = Duration::from_millis(500);
        let mut ask = |method: &str, block: &str, result: Value, millis: u64| {
            let call = json!({ "method": method, "params": [block] });
            let now = begun + Duration::from_millis(millis);
            heard.hide(&call, json!({ "result": result }), lasts, now)["result"].take()
        };
        let block = json!({ "hash": "0xaa", "number": "0x5", "transactions": ["0x01"] });
        let log = json!({ "blockHash": "0xaa" });
        let older = json!({ "blockHash": "0x99" });

        assert_eq!(ask("eth_getLogs", "", json!([older]), 0), json!([]));
        let told = ask("eth_getBlockByNumber", "latest", block.clone(), 600);
        assert_eq!((&told["hash"], &told["transactions"]), (&json!("0xaa"), &json!([])));
        for method in ["eth_getBlockByHash", "eth_getBlockByNumber"] {
            assert_eq!(ask(method, "0xaa", block.clone(), 700), Value::Null);
        }
        assert_eq!(ask("eth_getTransactionReceipt", "0x01", log.clone(), 800), Value::Null);
        assert_eq!(ask("eth_getBlockReceipts", "0xaa", json!([log]), 900), Value::Null);
        // The older one is known for long.
        let both = json!([older, log]);
        assert_eq!(ask("eth_getLogs", "", both.clone(), 1_000), json!([older]));
        assert_eq!(ask("eth_getLogs", "", both.clone(), 1_100), both);
        assert_eq!(ask("eth_getBlockByHash", "0xaa", block.clone(), 1_100), block);
    }
}
