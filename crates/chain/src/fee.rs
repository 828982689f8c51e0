//! What a transaction should offer, and what it will cost besides gas.

use crate::{
    Chain, ChainError,
    evm::{Call, CallError},
    lack::{FEE_HISTORY, PRIORITY_FEE},
};
use alloy::{
    consensus::{SignableTransaction as _, TxEip1559},
    primitives::{Address, Bytes, TxKind, U64, U128, U256, address},
    rpc::types::BlockNumberOrTag,
    sol,
    sol_types::SolCall,
};
use serde::Deserialize;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

sol! {
    /// What OP chains charge besides gas.
    interface GasPriceOracle {
        /// For layer 1, of a transaction's unsigned bytes.
        function getL1Fee(bytes data) external view returns (uint256);
        /// The most of that for so many bytes.
        function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256);
        /// For the operator.
        function getOperatorFee(uint256 gasUsed) external view returns (uint256);
    }
}

/// Where OP chains have it. Its code tells an OP chain.
pub const GAS_PRICE_ORACLE: Address = address!("420000000000000000000000000000000000000F");

/// How much more than the chain says now is reserved for layer 1, in percent: its base fee may rise by an eighth with
/// each of its blocks, 1.125^3 = 1.42.
pub const ROLLUP_FEE_MARGIN_PERCENT: u64 = 50;

/// How many blocks are looked at for what others pay.
const FEE_BLOCKS: u64 = 10;

/// What is offered in wei per gas where nobody paid anything and nobody suggests anything: geth refuses 0.
const LEAST_PRIORITY_FEE: u128 = 1;

/// How long a chain that is no OP chain is believed to be none: some became one at a block.
const AGAIN: Duration = Duration::from_secs(60);

/// What a transaction should offer (EIP-1559), in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// The most it pays in all: twice the next block's base fee, and the priority fee.
    pub max_fee_per_gas: u128,
    /// The most of that which the block's proposer gets.
    pub max_priority_fee_per_gas: u128,
}

/// A transaction whose costs are asked for: what of it is not known yet is taken at its longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// Whom it calls.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
    /// Its gas limit.
    pub gas_limit: u64,
}

/// Whether a chain is an OP chain, and when that was looked up.
#[derive(Debug, Default)]
pub(crate) struct RollupCell(Mutex<Option<(Instant, bool)>>);

// Only the fields that are used.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeeHistory {
    base_fee_per_gas: Option<Vec<U128>>,
    reward: Option<Vec<Vec<U128>>>,
}

impl FeeHistory {
    /// The base fee of the next block.
    fn base_fee(&self) -> Option<u128> {
        self.base_fee_per_gas.as_ref()?.last().map(U128::to)
    }

    /// The median of what was paid to get in, without the blocks in which nobody paid anything; 0 if that is all of them.
    fn median_tip(&self) -> Option<u128> {
        let rewards = self.reward.as_ref().filter(|rewards| !rewards.is_empty())?;
        let paid = rewards.iter().flatten().map(U128::to::<u128>);
        let mut paid: Vec<_> = paid.filter(|&fee| fee != 0).collect();
        paid.sort_unstable();
        Some(paid.get(paid.len() / 2).copied().unwrap_or_default())
    }
}

impl RollupCell {
    fn get(&self) -> Option<bool> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (looked, is_rollup) = known?;
        (is_rollup || looked.elapsed() < AGAIN).then_some(is_rollup)
    }

    fn set(&self, is_rollup: bool) {
        let now = Some((Instant::now(), is_rollup));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Chain {
    /// What to offer so that a transaction is mined soon: the larger of the median priority fee of the last ten blocks
    /// and what the endpoint suggests (`eth_maxPriorityFeePerGas`), and twice the next block's base fee. Where the
    /// endpoint lacks one of the methods, or has nothing to say, the other counts, and where it lacks both, what its gas
    /// price is above the base fee; the base fee is the newest block's then.
    ///
    /// Warning: the endpoint's word. Whoever pays sets a limit.
    ///
    /// # Errors
    ///
    /// If the endpoint does not answer, or on a chain without EIP-1559.
    pub async fn fees(&self) -> Result<Fees, ChainError> {
        let params = (U64::from(FEE_BLOCKS), BlockNumberOrTag::Latest, [50]);
        let (history, suggested) = tokio::join!(
            self.read_if_can::<FeeHistory>(FEE_HISTORY, FEE_HISTORY, params),
            self.read_if_can::<U128>(PRIORITY_FEE, PRIORITY_FEE, [(); 0]),
        );
        let (history, suggested) = (history?, suggested?);
        let base_fee = match history.as_ref().and_then(FeeHistory::base_fee) {
            Some(base_fee) => base_fee,
            None => self
                .head()
                .await?
                .base_fee_per_gas
                .ok_or_else(|| self.wrong_answer(FEE_HISTORY, "no base fee"))?,
        };
        let paid = history.as_ref().and_then(FeeHistory::median_tip);
        let tip = match paid.max(suggested.map(|tip| tip.to())) {
            Some(tip) => tip.max(LEAST_PRIORITY_FEE),
            None => self.tip_of_price(base_fee).await?,
        };
        let max_fee_per_gas = base_fee.saturating_mul(2).saturating_add(tip);
        Ok(Fees { max_fee_per_gas, max_priority_fee_per_gas: tip })
    }

    /// What the endpoint's gas price is above the base fee.
    async fn tip_of_price(&self, base_fee: u128) -> Result<u128, ChainError> {
        let price = self.read_if_can::<U128>("eth_gasPrice", "eth_gasPrice", [(); 0]).await?;
        let price = price.map_or(0, |price| price.to::<u128>());
        Ok(price.saturating_sub(base_fee).max(LEAST_PRIORITY_FEE))
    }

    /// Whether this is an OP chain, which takes money besides gas: told by the code of its [`GAS_PRICE_ORACLE`], not by
    /// its id.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn has_rollup_fees(&self) -> Result<bool, ChainError> {
        if let Some(known) = self.rollup().get() {
            return Ok(known);
        }
        let is_rollup = self.has_code(GAS_PRICE_ORACLE).await?;
        self.rollup().set(is_rollup);
        Ok(is_rollup)
    }

    /// What a transaction will cost besides gas at the most, in wei: what an OP chain's oracle says now of its bytes and
    /// its gas limit, and [`ROLLUP_FEE_MARGIN_PERCENT`] more for layer 1. None where the chain takes nothing besides gas.
    ///
    /// Warning: no cap. A sender cannot limit what layer 1 costs when it is mined.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn rollup_fee_bound(&self, call: &Unsigned) -> Result<Option<U256>, ChainError> {
        if !self.has_rollup_fees().await? {
            return Ok(None);
        }
        let bytes = self.longest(call);
        let size = U256::from(bytes.len());
        let by_bytes = GasPriceOracle::getL1FeeCall { data: bytes };
        let l1_fee = match self.ask_oracle(&by_bytes).await? {
            Some(fee) => Some(fee),
            None => {
                let by_size = GasPriceOracle::getL1FeeUpperBoundCall { unsignedTxSize: size };
                self.ask_oracle(&by_size).await?
            }
        };
        let all_used = GasPriceOracle::getOperatorFeeCall { gasUsed: U256::from(call.gas_limit) };
        let operator_fee = self.ask_oracle(&all_used).await?.unwrap_or_default();
        let l1_fee = l1_fee.unwrap_or_default();
        let margin = l1_fee.saturating_mul(U256::from(ROLLUP_FEE_MARGIN_PERCENT)) / U256::from(100);
        Ok(Some(l1_fee.saturating_add(margin).saturating_add(operator_fee)))
    }

    /// The bytes that would be signed, with numbers as long as they may become.
    fn longest(&self, call: &Unsigned) -> Bytes {
        let transaction = TxEip1559 {
            chain_id: self.id(),
            nonce: u64::MAX >> 24,
            gas_limit: call.gas_limit,
            max_fee_per_gas: u128::from(u64::MAX),
            max_priority_fee_per_gas: u128::from(u64::MAX),
            to: TxKind::Call(call.to),
            value: U256::ZERO,
            access_list: Default::default(),
            input: call.data.clone(),
        };
        let mut bytes = Vec::new();
        transaction.encode_for_signing(&mut bytes);
        bytes.into()
    }

    /// Asks the oracle, with as much gas as the endpoint gives: long bytes take much. None if it does not know.
    async fn ask_oracle<Q: SolCall<Return = U256>>(
        &self,
        question: &Q,
    ) -> Result<Option<U256>, ChainError> {
        let (to, data) = (Some(GAS_PRICE_ORACLE), question.abi_encode().into());
        let call = Call { to, data, ..Call::default() };
        match self.call(&call, BlockNumberOrTag::Latest).await {
            Ok(answer) => Ok(Q::abi_decode_returns_validate(&answer).ok()),
            Err(CallError::Failed(_)) => Ok(None),
            Err(CallError::Chain(error)) => Err(error),
        }
    }
}
