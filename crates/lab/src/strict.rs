//! An endpoint that refuses as other chains do: gas limits as Arbitrum, tips as Polygon, or in any words; and that
//! swallows transactions.

use crate::front::{Clerk, Front, Node, Refused};
use alloy::{
    consensus::{Transaction as _, TxEnvelope, transaction::SignerRecoverable as _},
    eips::eip2718::Decodable2718 as _,
    primitives::{Address, B256, Bytes, U256, keccak256},
};
use eyre::Result;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What it refuses, and swallows.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The least gas limit; a plain transfer takes this much.
    pub min_gas: u64,
    /// Whether estimates know of that, as a chain's own do.
    pub estimates_know: bool,
    /// The least tip, in wei per gas.
    pub min_tip: u128,
    /// Whether it suggests that tip to nobody.
    pub is_tip_secret: bool,
    /// How many of the next transactions it swallows: answers their hashes, and forwards nothing.
    pub hold: usize,
    /// What it says of every no-op, a transaction of nothing to its sender.
    pub noops: Option<Refused>,
    /// What it says of everything else.
    pub payloads: Option<Refused>,
}

/// A raw transaction that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its hash.
    pub tx_hash: B256,
    /// Who signed it.
    pub from: Address,
    /// Its account nonce.
    pub nonce: u64,
    /// Its gas limit.
    pub gas_limit: u64,
    /// The most it pays for a gas, in wei.
    pub max_fee_per_gas: u128,
    /// The tip, in wei per gas.
    pub tip: u128,
    /// Whether it does nothing.
    pub is_noop: bool,
    /// What was said of it.
    pub outcome: Outcome,
}

/// What was said of a raw transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The node has it.
    Forwarded,
    /// The node refused it.
    NodeRefused(Refused),
    /// Nobody has it, and its hash was answered.
    Swallowed,
    /// It was refused here.
    Refused(Refused),
}

/// A strict endpoint, until it is dropped.
#[derive(Debug)]
pub struct Strict {
    front: Front,
    desk: Arc<Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    rules: Mutex<Rules>,
    seen: Mutex<Vec<Seen>>,
}

impl Strict {
    /// Starts one in front of the endpoint at `target`.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(target: &str, rules: Rules) -> Result<Self> {
        let desk = Arc::new(Desk { rules: Mutex::new(rules), ..Desk::default() });
        let front = Front::start(target, desk.clone()).await?;
        Ok(Self { front, desk })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        self.front.endpoint()
    }

    /// Has other rules from now on.
    pub fn set_rules(&self, rules: Rules) {
        *lock(&self.desk.rules) = rules;
    }

    /// The raw transactions that came, in order.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.desk.seen).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clerk for Desk {
    async fn answer(&self, node: &Node, method: &str, params: Value) -> Result<Value, Refused> {
        let rules = lock(&self.rules).clone();
        match method {
            "eth_maxPriorityFeePerGas" if rules.is_tip_secret => Ok(json!("0x0")),
            "eth_maxPriorityFeePerGas" if rules.min_tip > 0 => Ok(json!(U256::from(rules.min_tip))),
            "eth_estimateGas" if rules.estimates_know => {
                let found: U256 = read(node.ask(method, params).await?)?;
                // What the node takes for a plain transfer, this chain takes more of.
                let more = rules.min_gas.saturating_sub(21_000);
                Ok(json!(found + U256::from(more)))
            }
            "eth_sendRawTransaction" => self.take(node, params).await,
            _ => node.ask(method, params).await,
        }
    }
}

impl Desk {
    async fn take(&self, node: &Node, params: Value) -> Result<Value, Refused> {
        let [raw]: [Bytes; 1] = read(params.clone())?;
        let transaction = TxEnvelope::decode_2718(&mut raw.as_ref())
            .map_err(|error| Refused::new(error.to_string()))?;
        let from = transaction.recover_signer().map_err(|_| Refused::new("invalid sender"))?;
        let tx_hash = keccak256(&raw);
        let mut seen = Seen {
            tx_hash,
            from,
            nonce: transaction.nonce(),
            gas_limit: transaction.gas_limit(),
            max_fee_per_gas: transaction.max_fee_per_gas(),
            tip: transaction.max_priority_fee_per_gas().unwrap_or_default(),
            is_noop: transaction.to() == Some(from) && transaction.input().is_empty(),
            outcome: Outcome::Swallowed,
        };
        let refused = {
            let mut rules = lock(&self.rules);
            let refused = rules.refuse(&seen);
            if refused.is_none() && rules.hold > 0 {
                rules.hold -= 1;
                lock(&self.seen).push(seen);
                return Ok(json!(tx_hash));
            }
            refused
        };
        let answer = match refused {
            Some(refused) => {
                seen.outcome = Outcome::Refused(refused.clone());
                Err(refused)
            }
            None => {
                let answer = node.ask("eth_sendRawTransaction", params).await;
                seen.outcome = match &answer {
                    Ok(_) => Outcome::Forwarded,
                    Err(refused) => Outcome::NodeRefused(refused.clone()),
                };
                answer
            }
        };
        lock(&self.seen).push(seen);
        answer
    }
}

impl Rules {
    /// Why a transaction is refused, if it is.
    fn refuse(&self, seen: &Seen) -> Option<Refused> {
        let words = if seen.is_noop { &self.noops } else { &self.payloads };
        if words.is_some() {
            return words.clone();
        }
        if seen.gas_limit < self.min_gas {
            return Some(Refused::new("intrinsic gas too low"));
        }
        (seen.tip < self.min_tip).then(|| {
            let (tip, least) = (seen.tip, self.min_tip);
            Refused::new(format!(
                "transaction underpriced: gas tip cap {tip}, minimum needed {least}"
            ))
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Refused> {
    serde_json::from_value(value)
        .map_err(|error| Refused { code: -32_602, ..Refused::new(error.to_string()) })
}
