//! Makes a plain chain look like one of the OP Stack: deposits in every block, money taken besides gas, and finality that
//! lags; with transactions of other chains' types wherever there is a place for one.
//!
//! What it charges is what its oracle says. Whoever sends past it pays as well, once somebody asks for the receipt.
//! Contracts on the chain do not see the oracle, and a restart forgets what was paid.

mod strangers;

use crate::front::{Clerk, Front, Node, Refused};
use alloy::{
    consensus::{Transaction as _, TxEnvelope, transaction::SignerRecoverable as _},
    eips::eip2718::Decodable2718 as _,
    primitives::{Address, B256, Bytes, U256, address, hex, keccak256},
};
use eyre::Result;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Where OP chains say what they charge.
const ORACLE: Address = address!("420000000000000000000000000000000000000F");

/// How many bytes a signature adds, as the real oracle counts.
const SIGNATURE_BYTES: u64 = 68;

/// What the chain is like.
#[derive(Clone, Copy, Debug)]
pub struct OpRules {
    /// What a byte of a transaction costs on layer 1, in wei.
    pub l1_fee_per_byte: u64,
    /// What each transaction pays to the operator, in wei.
    pub operator_fee: u64,
    /// How many blocks `finalized` is behind; `safe` a quarter of that. None: null for both.
    pub final_lag: Option<u64>,
    /// How many transactions of other types stand before each of ours, and behind the last, besides the deposit that
    /// every block begins with.
    pub strangers: usize,
}

impl Default for OpRules {
    fn default() -> Self {
        Self { l1_fee_per_byte: 1_000_000_000, operator_fee: 0, final_lag: Some(120), strangers: 0 }
    }
}

/// An endpoint of such a chain, until it is dropped.
#[derive(Debug)]
pub struct OpLike {
    front: Front,
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    rules: Mutex<OpRules>,
    /// The transactions that were paid for or may be, by hash.
    sent: Mutex<BTreeMap<B256, Sent>>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    from: Address,
    l1_fee: U256,
}

impl OpLike {
    /// Starts one in front of the endpoint at `target`.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(target: &str, rules: OpRules) -> Result<Self> {
        let desk = Arc::new(Desk { rules: Mutex::new(rules), sent: Mutex::default() });
        let front = Front::start(target, desk.clone()).await?;
        Ok(Self { front, desk })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        self.front.endpoint()
    }

    /// Has other rules from now on; what was sent before pays as it was sent.
    pub fn set_rules(&self, rules: OpRules) {
        *lock(&self.desk.rules) = rules;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clerk for Desk {
    async fn answer(&self, node: &Node, method: &str, params: Value) -> Result<Value, Refused> {
        let params = self.with_tags(node, params).await?;
        match method {
            "eth_getCode" if is_oracle(&params[0]) => Ok(json!("0x60806040526004361061")),
            "eth_call" if is_oracle(&params[0]["to"]) => self.ask_oracle(&params[0]),
            "eth_getBlockByNumber" | "eth_getBlockByHash" => {
                let block = node.ask(method, params.clone()).await?;
                Ok(self.block(block, params[1] == true))
            }
            "eth_getTransactionByHash" => Ok(self.shifted(node.ask(method, params).await?)),
            "eth_getTransactionReceipt" => {
                let receipt = node.ask(method, params).await?;
                if receipt.is_null() { Ok(receipt) } else { self.receipt(node, receipt).await }
            }
            "eth_getBlockReceipts" => self.receipts(node, params).await,
            "eth_getLogs" => {
                let logs = node.ask(method, params).await?;
                let logs = logs.as_array().cloned().unwrap_or_default();
                Ok(logs.into_iter().map(|log| self.shifted(log)).collect())
            }
            "eth_getBalance" => {
                let block = node_number(node, &params[1]).await?;
                let account = address_of(&params[0])?;
                let balance = number(&node.ask(method, params).await?)?;
                Ok(json!(balance.saturating_sub(self.paid(node, account, block).await?)))
            }
            "eth_sendRawTransaction" => self.take(node, params).await,
            _ => node.ask(method, params).await,
        }
    }
}

impl Desk {
    fn rules(&self) -> OpRules {
        *lock(&self.rules)
    }

    /// The tags that lag, as numbers; where nothing is known of them, a block that nobody has.
    async fn with_tags(&self, node: &Node, mut params: Value) -> Result<Value, Refused> {
        let Some(list) = params.as_array_mut() else { return Ok(params) };
        for param in list {
            let part = match param.as_str() {
                Some("finalized") => 1,
                Some("safe") => 4,
                _ => continue,
            };
            *param = match self.rules().final_lag {
                None => json!("0xffffffffff"),
                Some(lag) => {
                    let head = number(&node.ask("eth_blockNumber", json!([])).await?)?;
                    json!(head.saturating_sub(U256::from(lag / part)))
                }
            };
        }
        Ok(params)
    }

    fn ask_oracle(&self, call: &Value) -> Result<Value, Refused> {
        let input = if call["input"].is_string() { &call["input"] } else { &call["data"] };
        let input = hex::decode(input.as_str().unwrap_or("0x")).unwrap_or_default();
        let argument = |index: usize| {
            let at = 4 + 32 * index;
            U256::from_be_slice(input.get(at..at + 32).unwrap_or_default())
        };
        let rules = self.rules();
        let of_bytes =
            |bytes: U256| (bytes + U256::from(SIGNATURE_BYTES)) * U256::from(rules.l1_fee_per_byte);
        let word = match input.get(..4).unwrap_or_default() {
            // getL1Fee(bytes): where its bytes begin, how many, and they themselves.
            [0x49, 0x94, 0x8e, 0x0e] => of_bytes(argument(1)),
            // getL1FeeUpperBound(uint256)
            [0xf1, 0xc7, 0xa5, 0x8b] => of_bytes(argument(0)) * U256::from(11) / U256::from(10),
            // getOperatorFee(uint256)
            [0x27, 0x5a, 0xed, 0xd2] => U256::from(rules.operator_fee),
            _ => {
                return Err(Refused {
                    code: 3,
                    message: "execution reverted".to_owned(),
                    data: Some(json!("0x")),
                });
            }
        };
        Ok(json!(B256::from(word)))
    }

    /// What a transaction of so many signed bytes pays for layer 1.
    fn l1_fee(&self, bytes: usize) -> U256 {
        U256::from(bytes as u64) * U256::from(self.rules().l1_fee_per_byte)
    }

    /// Takes a transaction if its sender can pay for all of it.
    async fn take(&self, node: &Node, params: Value) -> Result<Value, Refused> {
        let raw: Bytes = serde_json::from_value(params[0].clone())
            .map_err(|error| Refused::new(error.to_string()))?;
        let transaction = TxEnvelope::decode_2718(&mut raw.as_ref())
            .map_err(|error| Refused::new(error.to_string()))?;
        let from = transaction.recover_signer().map_err(|_| Refused::new("invalid sender"))?;
        let l1_fee = self.l1_fee(raw.len());
        let gas = U256::from(transaction.gas_limit()) * U256::from(transaction.max_fee_per_gas());
        let cost = gas + transaction.value() + l1_fee + U256::from(self.rules().operator_fee);
        let latest = json!([from, "latest"]);
        let has = number(&node.ask("eth_getBalance", latest).await?)?;
        let has = has.saturating_sub(self.paid(node, from, U256::MAX).await?);
        if let Some(overshot) = cost.checked_sub(has).filter(|missing| !missing.is_zero()) {
            return Err(Refused::new(format!(
                "insufficient funds for gas * price + value: balance {has}, tx cost {cost}, overshot {overshot}"
            )));
        }
        let hash = node.ask("eth_sendRawTransaction", params).await?;
        lock(&self.sent).entry(keccak256(&raw)).or_insert(Sent { from, l1_fee });
        Ok(hash)
    }

    /// What is known of a transaction, whoever sent it.
    async fn sent(&self, node: &Node, hash: B256, from: Address) -> Result<Sent, Refused> {
        if let Some(sent) = lock(&self.sent).get(&hash) {
            return Ok(*sent);
        }
        let raw = node.ask("eth_getRawTransactionByHash", json!([hash])).await?;
        let bytes = raw.as_str().map_or(0, |raw| raw.len() / 2 - 1);
        let sent = Sent { from, l1_fee: self.l1_fee(bytes) };
        Ok(*lock(&self.sent).entry(hash).or_insert(sent))
    }

    /// What an account paid besides gas, up to a block.
    async fn paid(&self, node: &Node, account: Address, block: U256) -> Result<U256, Refused> {
        let sent: Vec<_> = {
            let all = lock(&self.sent);
            let own = all.iter().filter(|(_, sent)| sent.from == account);
            own.map(|(hash, sent)| (*hash, *sent)).collect()
        };
        let mut sum = U256::ZERO;
        for (hash, sent) in sent {
            let receipt = node.ask("eth_getTransactionReceipt", json!([hash])).await?;
            if !receipt.is_null() && number(&receipt["blockNumber"])? <= block {
                sum += sent.l1_fee + U256::from(self.rules().operator_fee);
            }
        }
        Ok(sum)
    }

    /// A block with what stands in it besides what the node has.
    fn block(&self, mut block: Value, is_full: bool) -> Value {
        if block.is_null() || block["number"] == "0x0" {
            return block;
        }
        let own = block["transactions"].as_array().cloned().unwrap_or_default();
        let mut all = Vec::new();
        let strangers = strangers::Strangers::of(&block, self.rules().strangers);
        for (place, transaction) in own.into_iter().enumerate() {
            all.extend(strangers.at(place).map(|stranger| stranger.transaction(is_full)));
            all.push(if is_full { self.shifted(transaction) } else { transaction });
        }
        let last = strangers.behind(block["transactions"].as_array().map_or(0, Vec::len));
        all.extend(last.map(|stranger| stranger.transaction(is_full)));
        block["transactions"] = Value::Array(all);
        block
    }

    /// Something with the place of its transaction as it is here.
    fn shifted(&self, mut item: Value) -> Value {
        if let Ok(index) = number(&item["transactionIndex"]) {
            item["transactionIndex"] = json!(strangers::shifted(index, self.rules().strangers));
        }
        item
    }

    async fn receipt(&self, node: &Node, receipt: Value) -> Result<Value, Refused> {
        let mut receipt = self.shifted(receipt);
        let hash = serde_json::from_value(receipt["transactionHash"].clone());
        let hash = hash.map_err(|error| Refused::new(error.to_string()))?;
        let sent = self.sent(node, hash, address_of(&receipt["from"])?).await?;
        if let Some(logs) = receipt["logs"].as_array_mut() {
            for log in logs {
                *log = self.shifted(log.take());
            }
        }
        for (key, value) in [
            ("l1Fee", json!(sent.l1_fee)),
            ("l1GasUsed", json!("0x640")),
            ("l1GasPrice", json!("0x3b9aca00")),
            ("l1BaseFeeScalar", json!("0x8dd")),
            ("l1BlobBaseFee", json!("0x1")),
            ("l1BlobBaseFeeScalar", json!("0x101c12")),
            ("operatorFeeScalar", json!("0x0")),
            ("operatorFeeConstant", json!(U256::from(self.rules().operator_fee))),
            ("daFootprintGasScalar", json!("0x190")),
        ] {
            receipt[key] = value;
        }
        Ok(receipt)
    }

    async fn receipts(&self, node: &Node, params: Value) -> Result<Value, Refused> {
        let at = match &params[0] {
            Value::Object(at) => at.get("blockHash").or(at.get("blockNumber")).cloned(),
            at => Some(at.clone()),
        };
        let found = node.ask("eth_getBlockReceipts", params).await?;
        let Some(own) = found.as_array() else { return Ok(found) };
        let at = at.unwrap_or_default();
        let by_hash = at.as_str().is_some_and(|at| at.len() == 66);
        let method = if by_hash { "eth_getBlockByHash" } else { "eth_getBlockByNumber" };
        let block = node.ask(method, json!([at, false])).await?;
        if block["number"] == "0x0" {
            return Ok(found);
        }
        let strangers = strangers::Strangers::of(&block, self.rules().strangers);
        let mut all = Vec::new();
        for (place, receipt) in own.iter().enumerate() {
            all.extend(strangers.at(place).map(|stranger| stranger.receipt()));
            all.push(self.receipt(node, receipt.clone()).await?);
        }
        all.extend(strangers.behind(own.len()).map(|stranger| stranger.receipt()));
        Ok(Value::Array(all))
    }
}

fn is_oracle(account: &Value) -> bool {
    address_of(account) == Ok(ORACLE)
}

fn address_of(value: &Value) -> Result<Address, Refused> {
    serde_json::from_value(value.clone()).map_err(|error| Refused::new(error.to_string()))
}

fn number(value: &Value) -> Result<U256, Refused> {
    serde_json::from_value(value.clone()).map_err(|error| Refused::new(error.to_string()))
}

/// The number of the block that is meant; beyond all that there are for one that nobody has.
async fn node_number(node: &Node, at: &Value) -> Result<U256, Refused> {
    let hash = if at["blockHash"].is_string() { Some(&at["blockHash"]) } else { None };
    let block = match hash {
        Some(hash) => node.ask("eth_getBlockByHash", json!([hash, false])).await?,
        None => {
            let at = if at.is_null() { &json!("latest") } else { at };
            node.ask("eth_getBlockByNumber", json!([at, false])).await?
        }
    };
    Ok(number(&block["number"]).unwrap_or(U256::MAX))
}
