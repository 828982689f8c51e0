//! An endpoint that gives as little as public ones do: logs of few blocks at a time, no old state, no traces, no simulations.

use crate::front::{Clerk, Front, Node, Refused};
use alloy::primitives::U64;
use eyre::Result;
use serde_json::{Value, json};
use std::sync::Arc;

/// How far behind the head state counts as old, in blocks.
const RECENT: u64 = 4;

/// What it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gives {
    /// Logs of at most so many blocks in one answer.
    pub log_blocks: u64,
    /// Whether it has the state of old blocks.
    pub old_state: bool,
    /// Whether it traces.
    pub traces: bool,
    /// Whether it simulates several calls.
    pub simulations: bool,
}

/// A narrow endpoint, until it is dropped.
#[derive(Debug)]
pub struct Narrow {
    front: Front,
}

impl Narrow {
    /// Starts one in front of the endpoint at `target`.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(target: &str, gives: Gives) -> Result<Self> {
        Ok(Self { front: Front::start(target, Arc::new(gives)).await? })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        self.front.endpoint()
    }
}

impl Clerk for Gives {
    async fn answer(&self, node: &Node, method: &str, params: Value) -> Result<Value, Refused> {
        match method {
            "eth_getLogs" => {
                let filter = &params[0];
                let (from, to) = (number(&filter["fromBlock"]), number(&filter["toBlock"]));
                if let Some((from, to)) = from.zip(to)
                    && to.saturating_sub(from) >= self.log_blocks
                {
                    let most = self.log_blocks;
                    return Err(Refused::new(format!("query exceeds max block range {most}")));
                }
            }
            "eth_call" if !self.old_state => {
                let head = number(&node.ask("eth_blockNumber", json!([])).await?);
                let at = number(&params[1]);
                if at.zip(head).is_some_and(|(at, head)| at + RECENT < head) {
                    return Err(Refused::new("missing trie node"));
                }
            }
            "debug_traceTransaction" if !self.traces => return Err(unknown(method)),
            "eth_simulateV1" if !self.simulations => return Err(unknown(method)),
            _ => {}
        }
        node.ask(method, params).await
    }
}

fn unknown(method: &str) -> Refused {
    let message = format!("the method {method} does not exist/is not available");
    Refused { code: -32_601, message, data: None }
}

/// A block's number; none of a word.
fn number(value: &Value) -> Option<u64> {
    serde_json::from_value::<U64>(value.clone()).ok().map(|number| number.to())
}
