//! Raw transactions: what they should pay, sending them, and what became of them.

use crate::{
    Chain, ChainError, Header, Revert,
    endpoint::{Fault, RpcFault},
    evm::{self, Call, CallError},
    lack::{BLOCK_RECEIPTS, FEE_HISTORY, PRIORITY_FEE},
    log::{AnyLog, standing},
};
use alloy::{
    primitives::{Address, B256, Bytes, U64, U128, U256, keccak256},
    rpc::types::{BlockNumberOrTag, Log},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use thiserror::Error;
use tokio::time::sleep;

/// How many blocks are looked at for what others pay.
const FEE_BLOCKS: u64 = 10;

/// What is offered in wei per gas where nobody paid anything.
const LEAST_PRIORITY_FEE: u128 = 1;

/// How long to wait between looks for a receipt, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a transaction should offer (EIP-1559), in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// The most it pays in all: twice the next block's base fee, and the priority fee.
    pub max_fee_per_gas: u128,
    /// The most of that which the block's proposer gets.
    pub max_priority_fee_per_gas: u128,
}

/// What an endpoint said to sent bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendAnswer {
    /// It has them, or had them before.
    Accepted,
    /// It refused them, for the reason it gave, escaped.
    Refused(String),
    /// It may have them or not.
    Unknown,
}

/// What became of a mined transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whether it went through; if not, [`Chain::revert_reason`] tells why.
    pub success: bool,
    /// The number of the block it is in.
    pub block_number: u64,
    /// The hash of that block.
    pub block_hash: B256,
    /// The gas it used.
    pub gas_used: u64,
    /// What it paid, in wei per gas.
    pub effective_gas_price: u128,
}

impl Receipt {
    /// What the sender paid for gas, in wei. Without the value it sent, and what a rollup takes for its data.
    pub fn cost(&self) -> U256 {
        U256::from(self.gas_used) * U256::from(self.effective_gas_price)
    }
}

/// Why there is no receipt. Neither says that the transaction will not be mined.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WaitError {
    /// It was not mined in time.
    #[error("transaction {tx_hash} was not mined within {} seconds; it still may be", timeout.as_secs())]
    TimedOut {
        /// The transaction.
        tx_hash: B256,
        /// How long was waited.
        timeout: Duration,
    },
    /// The endpoint gave no answer, to the end.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

// Only the fields that are used, so that chains with fields of their own can be read too.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeeHistory {
    base_fee_per_gas: Option<Vec<U128>>,
    reward: Option<Vec<Vec<U128>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MinedReceipt {
    transaction_hash: B256,
    status: U64,
    block_number: U64,
    block_hash: B256,
    gas_used: U64,
    effective_gas_price: Option<U128>,
    logs: Option<Vec<AnyLog>>,
    logs_bloom: Option<Bytes>,
}

/// What tells receipts apart. Those of others may be of types that nobody here knows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptKey {
    transaction_hash: Option<B256>,
}

/// The events of a receipt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptLogs {
    block_hash: B256,
    logs: Vec<AnyLog>,
}

/// Where a transaction is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    block_number: Option<U64>,
}

/// What a transaction that was mined paid, for endpoints that do not say it in its receipt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaidPrice {
    gas_price: Option<U128>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mined {
    from: Address,
    to: Option<Address>,
    gas: U64,
    value: U256,
    input: Bytes,
    block_number: Option<U64>,
}

impl MinedReceipt {
    fn receipt(&self, price: U128) -> Receipt {
        Receipt {
            success: self.status == U64::ONE,
            block_number: self.block_number.to(),
            block_hash: self.block_hash,
            gas_used: self.gas_used.to(),
            effective_gas_price: price.to(),
        }
    }

    /// Whether events were left out: its bloom tells of some, and there are none.
    fn lacks_events(&self) -> bool {
        let has_none = self.logs.as_ref().is_none_or(Vec::is_empty);
        let bloom = self.logs_bloom.as_ref();
        has_none && bloom.is_some_and(|bloom| bloom.iter().any(|byte| *byte != 0))
    }
}

impl Chain {
    /// What to offer so that a transaction is mined soon: the median priority fee of the last ten blocks, and twice
    /// the next block's base fee. Where the endpoint has no history of fees, the tip that it suggests itself, and twice the
    /// newest block's base fee.
    ///
    /// Warning: the endpoint's word. Whoever pays sets a limit.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, as on a chain without EIP-1559.
    pub async fn fees(&self) -> Result<Fees, ChainError> {
        let params = (U64::from(FEE_BLOCKS), BlockNumberOrTag::Latest, [50]);
        let history: Option<FeeHistory> =
            self.read_if_can(FEE_HISTORY, FEE_HISTORY, params).await?;
        let base_fees = history.as_ref().and_then(|history| history.base_fee_per_gas.as_ref());
        let base_fee = match base_fees.and_then(|fees| fees.last()) {
            Some(fee) => fee.to(),
            None => {
                let none = || self.wrong_answer(FEE_HISTORY, "no base fee");
                self.head().await?.base_fee_per_gas.ok_or_else(none)?
            }
        };
        let rewards = history.and_then(|history| history.reward).filter(|r| !r.is_empty());
        let max_priority_fee_per_gas = match rewards {
            Some(rewards) => {
                let offered = rewards.iter().flatten().map(U128::to::<u128>);
                let mut offered: Vec<_> = offered.filter(|&fee| fee != 0).collect();
                offered.sort_unstable();
                offered.get(offered.len() / 2).copied().unwrap_or(LEAST_PRIORITY_FEE)
            }
            None => self.suggested_tip(base_fee).await?,
        };
        let max_fee_per_gas = base_fee.saturating_mul(2).saturating_add(max_priority_fee_per_gas);
        Ok(Fees { max_fee_per_gas, max_priority_fee_per_gas })
    }

    /// The tip that the endpoint would offer: what it says, or what its gas price is above the base fee.
    async fn suggested_tip(&self, base_fee: u128) -> Result<u128, ChainError> {
        if let Some(tip) = self.read_if_can::<U128>(PRIORITY_FEE, PRIORITY_FEE, [(); 0]).await? {
            return Ok(tip.to::<u128>().max(LEAST_PRIORITY_FEE));
        }
        let price = self.read_if_can::<U128>("eth_gasPrice", "eth_gasPrice", [(); 0]).await?;
        let price = price.map_or(0, |price| price.to::<u128>());
        Ok(price.saturating_sub(base_fee).max(LEAST_PRIORITY_FEE))
    }

    /// Sends a signed transaction and returns its hash, which is computed from the bytes. One that the endpoint
    /// has already is sent.
    ///
    /// Warning: after any error but [`ChainError::Rpc`] it is open whether it was taken. Send the same bytes
    /// again, or wait for the hash, which is that of the bytes; never sign another transaction for the same purpose.
    /// [`ChainError::Reverted`] is one of these: Hardhat answers so after it mined a transaction that failed. Then
    /// [`Chain::wait`] has its receipt at once, and [`Chain::revert_reason`] or the error itself why it failed; where there
    /// is no receipt in time, the endpoint tried it and kept nothing.
    ///
    /// # Errors
    ///
    /// If the endpoint refuses it, says that it failed, or gives no sensible answer. Never sends twice by itself.
    pub async fn send(&self, raw: &[u8]) -> Result<B256, ChainError> {
        let method = "eth_sendRawTransaction";
        let tx_hash = keccak256(raw);
        let params = [Bytes::copy_from_slice(raw)];
        match self.raw().once::<B256>(method, params).await {
            Ok(hash) if hash == tx_hash => Ok(tx_hash),
            Ok(hash) => {
                let reason = format!("hash {hash} for transaction {tx_hash}");
                Err(self.wrong_answer(method, reason))
            }
            Err(Fault::Rpc(fault)) if is_known(&fault) => Ok(tx_hash),
            Err(Fault::Rpc(fault)) => match evm::reverted(&fault) {
                Some(reason) => {
                    let endpoint = self.endpoint().to_owned();
                    Err(ChainError::Reverted { endpoint, tx_hash, reason: Box::new(reason) })
                }
                None => Err(self.raw().error(method, Fault::Rpc(fault))),
            },
            Err(fault) => Err(self.raw().error(method, fault)),
        }
    }

    /// Sends signed bytes once, and says what is known then. A refusal is an answer, not an error: see
    /// [`Chain::send`] for the other way round. That they failed when they were run is no refusal.
    pub async fn offer(&self, raw: &[u8]) -> SendAnswer {
        match self.send(raw).await {
            Ok(_) => SendAnswer::Accepted,
            Err(ChainError::Rpc { message, .. }) => SendAnswer::Refused(message),
            Err(_) => SendAnswer::Unknown,
        }
    }

    /// What became of a transaction; none if it is not mined.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn receipt(&self, tx_hash: B256) -> Result<Option<Receipt>, ChainError> {
        Ok(self.receipt_with_logs(tx_hash).await?.map(|(receipt, _)| receipt))
    }

    /// What became of a transaction, and the events that it emitted, in order; none if it is not mined.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or leaves out events that the receipt's bloom tells of.
    pub async fn receipt_with_logs(
        &self,
        tx_hash: B256,
    ) -> Result<Option<(Receipt, Vec<Log>)>, ChainError> {
        let method = "eth_getTransactionReceipt";
        let receipt: Option<MinedReceipt> = self.read(method, [tx_hash]).await?;
        let Some(receipt) = receipt else { return Ok(None) };
        if receipt.transaction_hash != tx_hash {
            return Err(self.wrong_answer(method, "the receipt of another transaction"));
        }
        if receipt.lacks_events() {
            return Err(self.wrong_answer(method, "events are missing, by the receipt's bloom"));
        }
        let price = match receipt.effective_gas_price {
            Some(price) => price,
            None => {
                let mined: Option<PaidPrice> =
                    self.read("eth_getTransactionByHash", [tx_hash]).await?;
                let none = || self.wrong_answer(method, "no price that was paid");
                mined.and_then(|mined| mined.gas_price).ok_or_else(none)?
            }
        };
        let paid = receipt.receipt(price);
        Ok(Some((paid, standing(receipt.logs.unwrap_or_default()))))
    }

    /// Whether the endpoint has a transaction in a block, whether or not it gives a receipt of it.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn is_mined(&self, tx_hash: B256) -> Result<bool, ChainError> {
        let found: Option<Place> = self.read("eth_getTransactionByHash", [tx_hash]).await?;
        Ok(found.is_some_and(|place| place.block_number.is_some()))
    }

    /// What became of these transactions as far as they are in the block with this number, with their events, by hash; none
    /// where the endpoint has no such block, or does not give the receipts of a whole block.
    ///
    /// Says nothing about a transaction that is not among them. Receipts of others, of whatever type, are passed over, and
    /// those that say too little.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn block_receipts(
        &self,
        number: u64,
        tx_hashes: &BTreeSet<B256>,
    ) -> Result<Option<BTreeMap<B256, (Receipt, Vec<Log>)>>, ChainError> {
        let Some(receipts) = self.raw_receipts(number).await? else { return Ok(None) };
        let mut found = BTreeMap::new();
        for raw in receipts {
            let key = serde_json::from_str::<ReceiptKey>(raw.get()).ok();
            let key = key.and_then(|key| key.transaction_hash);
            if key.is_none_or(|tx_hash| !tx_hashes.contains(&tx_hash)) {
                continue;
            }
            let Ok(receipt) = serde_json::from_str::<MinedReceipt>(raw.get()) else { continue };
            if let Some(price) = receipt.effective_gas_price.filter(|_| !receipt.lacks_events()) {
                let paid = receipt.receipt(price);
                found.insert(
                    receipt.transaction_hash,
                    (paid, standing(receipt.logs.unwrap_or_default())),
                );
            }
        }
        Ok(Some(found))
    }

    /// The events of a block as its receipts have them; none where the endpoint does not give the receipts of a block.
    pub(crate) async fn logs_of_receipts(
        &self,
        block: &Header,
    ) -> Result<Option<Vec<Log>>, ChainError> {
        let Some(receipts) = self.raw_receipts(block.number).await? else { return Ok(None) };
        let mut logs = Vec::new();
        for raw in receipts {
            let Ok(receipt) = serde_json::from_str::<ReceiptLogs>(raw.get()) else { continue };
            if receipt.block_hash != block.hash {
                return Err(self.wrong_answer(BLOCK_RECEIPTS, "receipts of another block"));
            }
            logs.extend(standing(receipt.logs));
        }
        Ok(Some(logs))
    }

    async fn raw_receipts(&self, number: u64) -> Result<Option<Vec<Box<RawValue>>>, ChainError> {
        let params = [BlockNumberOrTag::Number(number)];
        let receipts: Option<Option<_>> =
            self.read_if_can(BLOCK_RECEIPTS, BLOCK_RECEIPTS, params).await?;
        Ok(receipts.flatten())
    }

    /// Waits until a transaction is mined. An endpoint that fails meanwhile is asked again.
    ///
    /// Says nothing about how deep its block is.
    ///
    /// # Errors
    ///
    /// If there is no receipt within `timeout`.
    pub async fn wait(&self, tx_hash: B256, timeout: Duration) -> Result<Receipt, WaitError> {
        let mut trouble = None;
        let polling = async {
            let mut pause = FIRST_PAUSE;
            loop {
                match self.receipt(tx_hash).await {
                    Ok(Some(receipt)) => return receipt,
                    Ok(None) => trouble = None,
                    Err(error) => trouble = Some(error),
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        let receipt = tokio::time::timeout(timeout, polling).await;
        receipt
            .map_err(|_| trouble.map_or(WaitError::TimedOut { tx_hash, timeout }, WaitError::Chain))
    }

    /// Why a mined transaction failed, found by calling the same again on top of its block; none if that goes
    /// through, as it may where other transactions of the block were in the way, or if the transaction is not mined.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, as where it keeps no state of that block.
    pub async fn revert_reason(&self, tx_hash: B256) -> Result<Option<Revert>, ChainError> {
        let mined: Option<Mined> = self.read("eth_getTransactionByHash", [tx_hash]).await?;
        let Some((block, mined)) = mined.and_then(|mined| Some((mined.block_number?.to(), mined)))
        else {
            return Ok(None);
        };
        let call = Call {
            from: Some(mined.from),
            to: mined.to,
            gas: Some(mined.gas),
            value: Some(mined.value),
            data: mined.input,
            ..Call::default()
        };
        match self.call(&call, BlockNumberOrTag::Number(block)).await {
            Ok(_) => Ok(None),
            Err(CallError::Failed(reason)) => Ok(Some(reason)),
            Err(CallError::Chain(error)) => Err(error),
        }
    }
}

/// Whether the endpoint refuses a transaction because it has it, in the words of the common nodes.
fn is_known(fault: &RpcFault) -> bool {
    let message = fault.message.to_lowercase();
    ["already known", "alreadyknown", "known transaction", "already imported"]
        .iter()
        .any(|known| message.contains(known))
}
