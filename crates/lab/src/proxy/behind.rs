//! What a node answers that is some blocks behind.

use super::{Refusal, Shared};
use serde_json::{Value, json};
use std::io;

/// Where the block stands in the parameters of a method that is about one.
fn block_place(method: &str) -> Option<usize> {
    match method {
        "eth_getBlockByNumber" | "eth_getBlockByHash" | "eth_getBlockReceipts" => Some(0),
        "eth_call"
        | "eth_estimateGas"
        | "eth_simulateV1"
        | "eth_createAccessList"
        | "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount"
        | "eth_feeHistory" => Some(1),
        "eth_getStorageAt" | "eth_getProof" => Some(2),
        _ => None,
    }
}

/// Answers as a node does that is `blocks` behind.
pub(super) async fn answer(shared: &Shared, call: &Value, blocks: u64) -> io::Result<Value> {
    let newest = number(&shared.result("eth_blockNumber", json!([])).await?).unwrap_or_default();
    let node = Node { shared, head: newest.saturating_sub(blocks) };
    let method = call["method"].as_str().unwrap_or_default();
    let mut call = call.clone();
    let answer = match method {
        "eth_blockNumber" => return Ok(result(&call, json!(hex(node.head)))),
        "eth_getLogs" => node.logs(&mut call).await?,
        _ => node.of_block(method, &mut call).await?,
    };
    if let Some(answer) = answer {
        return Ok(answer);
    }
    let mut answer = shared.ask_json(&call).await?;
    let of_transaction = matches!(method, "eth_getTransactionReceipt" | "eth_getTransactionByHash");
    if of_transaction && number(&answer["result"]["blockNumber"]).is_some_and(|at| at > node.head) {
        answer["result"] = Value::Null;
    }
    Ok(answer)
}

/// A node with its head.
struct Node<'a> {
    shared: &'a Shared,
    head: u64,
}

impl Node<'_> {
    /// Has the call ask about this node's head where it asks about the newest block; its answer where the block is one
    /// that it does not have.
    async fn of_block(&self, method: &str, call: &mut Value) -> io::Result<Option<Value>> {
        let Some(place) = block_place(method) else { return Ok(None) };
        let Some(params) = call["params"].as_array_mut() else { return Ok(None) };
        if params.len() == place {
            params.push(json!("latest"));
        }
        let Some(block) = params.get_mut(place) else { return Ok(None) };
        if is_newest(block) {
            *block = json!(hex(self.head));
            return Ok(None);
        }
        if self.has(block).await? {
            return Ok(None);
        }
        let is_about_it = matches!(
            method,
            "eth_getBlockByNumber" | "eth_getBlockByHash" | "eth_getBlockReceipts"
        );
        Ok(Some(if is_about_it { result(call, Value::Null) } else { unknown(call) }))
    }

    /// As [`Self::of_block`], of events.
    async fn logs(&self, call: &mut Value) -> io::Result<Option<Value>> {
        let filter = &call["params"][0];
        if !filter["blockHash"].is_null() {
            let is_there = self.has(&filter["blockHash"]).await?;
            return Ok((!is_there).then(|| unknown(call)));
        }
        let from = number(&filter["fromBlock"]).unwrap_or(self.head);
        let to = number(&filter["toBlock"]).unwrap_or(self.head).min(self.head);
        if from > self.head {
            return Ok(Some(result(call, json!([]))));
        }
        call["params"][0]["fromBlock"] = json!(hex(from));
        call["params"][0]["toBlock"] = json!(hex(to));
        Ok(None)
    }

    /// Whether it has a block, by number, hash, or as EIP-1898 has it.
    async fn has(&self, block: &Value) -> io::Result<bool> {
        let inner =
            if block["blockHash"].is_null() { &block["blockNumber"] } else { &block["blockHash"] };
        let block = if inner.is_null() { block } else { inner };
        let is_hash = block.as_str().is_some_and(|text| text.len() == 66);
        if !is_hash {
            return Ok(number(block).is_none_or(|number| number <= self.head));
        }
        let found = self.shared.result("eth_getBlockByHash", json!([block, false])).await?;
        Ok(number(&found["number"]).is_some_and(|number| number <= self.head))
    }
}

/// Whether it stands for the newest block that a node has.
fn is_newest(block: &Value) -> bool {
    matches!(block.as_str(), Some("latest" | "pending"))
}

fn number(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}

fn result(call: &Value, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": call["id"], "result": result })
}

fn unknown(call: &Value) -> Value {
    let error = Refusal::HEADER_NOT_FOUND.error();
    json!({ "jsonrpc": "2.0", "id": call["id"], "error": error })
}
