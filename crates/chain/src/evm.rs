//! Calls without a transaction.

use crate::{
    Chain, ChainError, Revert,
    endpoint::{Fault, RpcFault},
    revert,
};
use alloy::{
    primitives::{Address, Bytes, U64, U256},
    rpc::types::BlockNumberOrTag,
    sol_types::SolCall,
};
use serde::Serialize;

/// What a contract that is asked something gets to answer; more than any honest one needs.
pub(crate) const VIEW_GAS: u64 = 1_000_000;

/// A call, as endpoints take it. `data` is the older name of the field, which all of them know.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gas: Option<U64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_fee_per_gas: Option<U256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_priority_fee_per_gas: Option<U256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<U256>,
    pub(crate) data: Bytes,
}

/// Why a call returned nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// What was called failed.
    Failed(Revert),
    /// The endpoint failed.
    Chain(ChainError),
}

impl Chain {
    /// What a call returns.
    pub(crate) async fn call(&self, call: &Call, at: BlockNumberOrTag) -> Result<Bytes, CallError> {
        let method = "eth_call";
        let answer = self.try_read(method, (call, at)).await;
        answer.map_err(|fault| self.call_error(method, fault))
    }

    /// Asks a contract. None if it fails, or if what it returns is not of the type that the question has.
    pub(crate) async fn ask<Q: SolCall>(
        &self,
        contract: Address,
        question: &Q,
        at: BlockNumberOrTag,
    ) -> Result<Option<Q::Return>, ChainError> {
        let answer = self.ask_raw(contract, question.abi_encode().into(), at).await?;
        Ok(answer.and_then(|answer| Q::abi_decode_returns_validate(&answer).ok()))
    }

    /// Asks a contract, with little gas. None if it fails.
    pub(crate) async fn ask_raw(
        &self,
        contract: Address,
        question: Bytes,
        at: BlockNumberOrTag,
    ) -> Result<Option<Bytes>, ChainError> {
        let gas = Some(U64::from(VIEW_GAS));
        let call = Call { to: Some(contract), gas, data: question, ..Call::default() };
        match self.call(&call, at).await {
            Ok(answer) => Ok(Some(answer)),
            Err(CallError::Failed(_)) => Ok(None),
            Err(CallError::Chain(error)) => Err(error),
        }
    }

    /// Tells a call that failed from an endpoint that did.
    pub(crate) fn call_error(&self, method: &'static str, fault: Fault) -> CallError {
        match fault {
            Fault::Rpc(fault) if fault.is_execution() => CallError::Failed(why(&fault)),
            fault => CallError::Chain(self.raw().error(method, fault)),
        }
    }
}

/// Why an execution failed, by what the endpoint says of it.
pub(crate) fn why(fault: &RpcFault) -> Revert {
    match &fault.data {
        Some(data) if !data.is_empty() => revert::decode(data),
        _ if fault.is_revert() => Revert::Silent,
        _ => Revert::Halted(fault.message.clone()),
    }
}
