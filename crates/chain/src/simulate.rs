//! What a transaction would do.

use crate::{
    Chain, ChainError, Revert,
    evm::{Call, CallError},
};
use alloy::{
    primitives::{Address, Bytes, U64},
    rpc::types::BlockNumberOrTag,
};
use quorate_core::Request;
use thiserror::Error;

/// Why there is no estimate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SimulateError {
    /// It would fail.
    #[error("it would fail: {0}")]
    Reverted(Revert),
    /// There is no code at the wallet's address: the transaction would go through and do nothing.
    #[error("wallet {wallet} is not deployed on this chain")]
    NotDeployed {
        /// The wallet.
        wallet: Address,
    },
    /// The endpoint gave no answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl Chain {
    /// The gas that carrying out a request takes, sent by `from`, on top of the newest block; the
    /// endpoint's estimate without any margin.
    ///
    /// Does not say what the action does, nor that it still goes through later.
    ///
    /// # Errors
    ///
    /// If it would fail, the wallet is not deployed, or the endpoint gives no sensible answer. A failed estimate is never
    /// replaced by a guess.
    pub async fn simulate(
        &self,
        request: &Request,
        signatures: Bytes,
        from: Address,
    ) -> Result<u64, SimulateError> {
        let wallet = request.wallet;
        if !self.has_code(wallet).await? {
            return Err(SimulateError::NotDeployed { wallet });
        }
        self.estimate(from, wallet, request.calldata(signatures)).await
    }

    /// The gas that any call takes, sent by `from`, as [`Self::simulate`] estimates it: for creating a wallet, or
    /// approving a digest.
    ///
    /// Does not check that there is code at `to`.
    ///
    /// # Errors
    ///
    /// If it would fail, or the endpoint gives no sensible answer.
    pub async fn estimate(
        &self,
        from: Address,
        to: Address,
        data: Bytes,
    ) -> Result<u64, SimulateError> {
        let method = "eth_estimateGas";
        let call = Call { from: Some(from), to: Some(to), data, ..Call::default() };
        let answer = self.raw().try_read::<U64>(method, (&call, BlockNumberOrTag::Latest)).await;
        match answer.map_err(|fault| self.call_error(method, fault)) {
            Ok(gas) => Ok(gas.to()),
            // Some nodes give the reason to a call alone.
            Err(CallError::Failed(vague @ (Revert::Silent | Revert::Halted(_)))) => {
                match self.call(&call, BlockNumberOrTag::Latest).await {
                    Err(CallError::Failed(reason)) => Err(SimulateError::Reverted(reason)),
                    _ => Err(SimulateError::Reverted(vague)),
                }
            }
            Err(CallError::Failed(reason)) => Err(SimulateError::Reverted(reason)),
            Err(CallError::Chain(error)) => Err(error.into()),
        }
    }
}
