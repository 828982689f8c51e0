//! What became of a transaction, and what it cost: all of it.

use crate::{Chain, ChainError, fee};
use alloy::{
    primitives::{B256, U64, U128, U256},
    rpc::types::BlockNumberOrTag,
};
use serde::Deserialize;

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

/// Only the fields that are used, so that chains with fields of their own can be read too.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MinedReceipt {
    pub(crate) transaction_hash: B256,
    #[serde(default, rename = "type")]
    kind: Option<U64>,
    status: U64,
    block_number: U64,
    block_hash: B256,
    gas_used: U64,
    effective_gas_price: U128,
    #[serde(default)]
    l1_fee: Option<U256>,
    #[serde(default)]
    operator_fee_scalar: Option<U256>,
    #[serde(default)]
    operator_fee_constant: Option<U256>,
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
}

impl Chain {
    /// A receipt with what only the chain itself can say of its costs.
    pub(crate) async fn whole_receipt(&self, raw: MinedReceipt) -> Result<Receipt, ChainError> {
        let operator_fee = match self.has_rollup_fees().await? {
            true => Some(self.operator_fee(&raw).await?),
            false => None,
        };
        Ok(Receipt {
            success: raw.status == U64::ONE,
            block_number: raw.block_number.to(),
            block_hash: raw.block_hash,
            gas_used: raw.gas_used.to(),
            effective_gas_price: raw.effective_gas_price.to(),
            l1_fee: raw.l1_fee,
            operator_fee,
        })
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
