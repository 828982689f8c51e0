//! What became of a transaction, and what it cost: all of it.

use crate::{
    Chain, ChainError, Header, fee,
    lack::BLOCK_RECEIPTS,
    log::{AnyLog, standing},
};
use alloy::{
    primitives::{B256, Bytes, U64, U128, U256},
    rpc::types::{BlockNumberOrTag, Log},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// The type of OP chains' deposits, which pay nothing where they are mined.
const DEPOSIT: u64 = 0x7e;

/// A gas used is multiplied by the operator fee's scalar in millionths (Isthmus).
const MILLIONTHS: u64 = 1_000_000;

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
    /// What it paid besides for its place on layer 1, in wei; none where the chain takes nothing of the kind, or takes
    /// it as gas, as Arbitrum and zkSync do.
    pub l1_fee: Option<U256>,
    /// What it paid besides to the chain's operator, in wei; none on all but OP chains.
    pub operator_fee: Option<U256>,
}

impl Receipt {
    /// What the sender paid for gas, in wei.
    pub fn gas_fee(&self) -> U256 {
        U256::from(self.gas_used) * U256::from(self.effective_gas_price)
    }

    /// What the sender paid in all, in wei, without the value that it sent: what its account has less. Saturates.
    pub fn cost(&self) -> U256 {
        let beside = [self.l1_fee, self.operator_fee].into_iter().flatten();
        beside.fold(self.gas_fee(), U256::saturating_add)
    }
}

// Only the fields that are used, so that chains with fields of their own can be read too.

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MinedReceipt {
    transaction_hash: B256,
    #[serde(rename = "type")]
    kind: Option<U64>,
    status: U64,
    block_number: U64,
    block_hash: B256,
    gas_used: U64,
    effective_gas_price: Option<U128>,
    l1_fee: Option<U256>,
    operator_fee_scalar: Option<U256>,
    operator_fee_constant: Option<U256>,
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

impl MinedReceipt {
    fn is_deposit(&self) -> bool {
        self.kind == Some(U64::from(DEPOSIT))
    }

    /// What the receipt's own fields say of the operator's fee, by Isthmus' rule; none if it has none of them.
    fn said_operator_fee(&self) -> Option<U256> {
        let (scalar, constant) = (self.operator_fee_scalar?, self.operator_fee_constant?);
        let part = U256::from(self.gas_used).checked_mul(scalar)? / U256::from(MILLIONTHS);
        part.checked_add(constant)
    }

    /// Whether events were left out: its bloom tells of some, and there are none.
    fn lacks_events(&self) -> bool {
        let has_none = self.logs.as_ref().is_none_or(Vec::is_empty);
        let bloom = self.logs_bloom.as_ref();
        has_none && bloom.is_some_and(|bloom| bloom.iter().any(|byte| *byte != 0))
    }
}

impl Chain {
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
        Ok(Some(self.whole(receipt, price).await?))
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
                found.insert(receipt.transaction_hash, self.whole(receipt, price).await?);
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

    /// A receipt with what only the chain itself can say of its costs, and its events.
    async fn whole(
        &self,
        raw: MinedReceipt,
        price: U128,
    ) -> Result<(Receipt, Vec<Log>), ChainError> {
        let operator_fee = match self.has_rollup_fees().await? {
            true => Some(self.operator_fee(&raw).await?),
            false => None,
        };
        let receipt = Receipt {
            success: raw.status == U64::ONE,
            block_number: raw.block_number.to(),
            block_hash: raw.block_hash,
            gas_used: raw.gas_used.to(),
            effective_gas_price: price.to(),
            l1_fee: raw.l1_fee,
            operator_fee,
        };
        Ok((receipt, standing(raw.logs.unwrap_or_default())))
    }

    /// Asks the chain, since the rule changes from fork to fork. Before there was such a fee, or where the endpoint has
    /// no state of the block any more, the receipt's fields tell.
    async fn operator_fee(&self, raw: &MinedReceipt) -> Result<U256, ChainError> {
        let said = raw.said_operator_fee().unwrap_or_default();
        let params = [raw.operator_fee_scalar, raw.operator_fee_constant];
        if raw.is_deposit() || params.iter().all(|param| *param == Some(U256::ZERO)) {
            return Ok(U256::ZERO);
        }
        let question = fee::GasPriceOracle::getOperatorFeeCall { gasUsed: raw.gas_used.to() };
        let at = BlockNumberOrTag::Number(raw.block_number.to());
        match self.ask(fee::GAS_PRICE_ORACLE, &question, at).await {
            Ok(fee) => Ok(fee.unwrap_or(said)),
            Err(ChainError::Rpc { .. }) => Ok(said),
            Err(error) => Err(error),
        }
    }
}
