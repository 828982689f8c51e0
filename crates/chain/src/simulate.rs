//! What a transaction would do.

use crate::{
    Chain, ChainError, Revert,
    endpoint::Fault,
    evm::{Call, CallError},
    lack::{ESTIMATE_AT, SIMULATE},
    paid::{is_execution, riches},
    revert::decode,
};
use alloy::{
    primitives::{Address, B256, Bytes, U64, U256},
    rpc::types::BlockNumberOrTag,
    sol_types::SolEvent,
};
use quorate_bindings::contracts::IWallet::Executed;
use quorate_core::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// The code of JSON-RPC for parameters that the method does not take.
const INVALID_PARAMS: i64 = -32_602;

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

/// What one of several simulated calls did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// Why it failed; none if it went through.
    pub revert: Option<Revert>,
    /// The gas it used, which is less than the gas it needs where gas is refunded.
    pub gas_used: u64,
}

/// The event by which a wallet says that it acted, in what a simulation answers.
#[derive(Deserialize)]
pub(crate) struct SimulatedLog {
    address: Address,
    topics: Vec<B256>,
}

/// A call that is simulated after others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedCall {
    /// The sender.
    pub from: Address,
    /// Whom it calls.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
}

/// What a simulated call did, with what it returned.
pub(crate) struct Answered {
    pub(crate) revert: Option<Revert>,
    pub(crate) gas_used: u64,
    pub(crate) return_data: Bytes,
    /// None where the endpoint leaves them out.
    pub(crate) logs: Option<Vec<SimulatedLog>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SimulateRequest {
    block_state_calls: [Calls; 1],
    validation: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Calls {
    calls: Vec<Call>,
    state_overrides: Value,
}

#[derive(Deserialize)]
struct SimulatedBlock {
    calls: Vec<SimulatedAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimulatedAnswer {
    status: U64,
    gas_used: U64,
    #[serde(default)]
    return_data: Bytes,
    /// None where the endpoint leaves them out.
    logs: Option<Vec<SimulatedLog>>,
}

impl From<&SimulatedCall> for Call {
    fn from(call: &SimulatedCall) -> Self {
        let (from, to, data) = (Some(call.from), Some(call.to), call.data.clone());
        Self { from, to, data, ..Self::default() }
    }
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
        self.estimate(from, request.wallet, request.calldata(signatures)).await
    }

    /// The gas that any call takes, sent by `from`, as [`Self::simulate`] estimates it: for creating a wallet, or
    /// approving a digest.
    ///
    /// Does not check that there is code at `to`, but for executions.
    ///
    /// # Errors
    ///
    /// If it would fail, it is an execution and `to` is no wallet, or the endpoint gives no sensible answer.
    pub async fn estimate(
        &self,
        from: Address,
        to: Address,
        data: Bytes,
    ) -> Result<u64, SimulateError> {
        let call = Call { from: Some(from), to: Some(to), data, ..Call::default() };
        self.estimate_call(&call, BlockNumberOrTag::Latest).await
    }

    /// As [`Self::estimate`], sent by whomever the endpoint takes where nobody is named: of what anybody may do, for a
    /// sender who has too little ether to be given an estimate.
    ///
    /// # Errors
    ///
    /// As [`Self::estimate`].
    pub async fn estimate_by_anybody(
        &self,
        to: Address,
        data: Bytes,
    ) -> Result<u64, SimulateError> {
        let call = Call { to: Some(to), data, ..Call::default() };
        self.estimate_call(&call, BlockNumberOrTag::Latest).await
    }

    /// The gas that sending ether takes, as [`Self::estimate`] estimates it.
    ///
    /// # Errors
    ///
    /// As [`Self::estimate`].
    pub async fn estimate_value(
        &self,
        from: Address,
        to: Address,
        value: U256,
    ) -> Result<u64, SimulateError> {
        let call = Call { from: Some(from), to: Some(to), value: Some(value), ..Call::default() };
        self.estimate_call(&call, BlockNumberOrTag::Latest).await
    }

    /// The gas that creating a contract takes, as [`Self::estimate`] estimates it.
    ///
    /// # Errors
    ///
    /// As [`Self::estimate`].
    pub async fn estimate_creation(
        &self,
        from: Address,
        init_code: Bytes,
    ) -> Result<u64, SimulateError> {
        let call = Call { from: Some(from), data: init_code, ..Call::default() };
        self.estimate_call(&call, BlockNumberOrTag::Latest).await
    }

    async fn estimate_call(&self, call: &Call, at: BlockNumberOrTag) -> Result<u64, SimulateError> {
        if let Some(wallet) = call.to.filter(|_| is_execution(&call.data))
            && !self.is_wallet(wallet, at).await?
        {
            return Err(SimulateError::NotDeployed { wallet });
        }
        match self.gas_of(call, at).await {
            Ok(gas) => Ok(gas),
            // Some nodes give the reason to a call alone.
            Err(CallError::Failed(vague @ (Revert::Silent | Revert::Halted(_)))) => {
                match self.call(call, at).await {
                    Err(CallError::Failed(reason)) => Err(SimulateError::Reverted(reason)),
                    _ => Err(SimulateError::Reverted(vague)),
                }
            }
            Err(CallError::Failed(reason)) => Err(SimulateError::Reverted(reason)),
            Err(CallError::Chain(error)) => Err(error.into()),
        }
    }

    /// What calls would do, one after the other, on top of a block, in transactions that pay fees. An execution that goes
    /// through without the wallet's event fails as [`Revert::NoEffect`]. None where the endpoint does not simulate, whatever
    /// it says instead.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn simulate_calls(
        &self,
        block: u64,
        calls: &[SimulatedCall],
    ) -> Result<Option<Vec<Simulated>>, ChainError> {
        let rich = riches(calls.iter().map(|call| call.from));
        let paid = calls.iter().map(|call| Call::from(call).paid()).collect();
        let at = BlockNumberOrTag::Number(block);
        let Some(answers) = self.simulated(at, paid, rich).await? else { return Ok(None) };
        let mut simulated = Vec::with_capacity(calls.len());
        for (call, answer) in calls.iter().zip(answers) {
            let revert = match answer.revert {
                None if self.had_effect(call, answer.logs.as_deref(), at).await? => None,
                None => Some(Revert::NoEffect),
                revert => revert,
            };
            simulated.push(Simulated { revert, gas_used: answer.gas_used });
        }
        Ok(Some(simulated))
    }

    /// Calls one after the other, with what they return, on a block in which `overrides` hold.
    pub(crate) async fn simulated(
        &self,
        at: BlockNumberOrTag,
        calls: Vec<Call>,
        overrides: Value,
    ) -> Result<Option<Vec<Answered>>, ChainError> {
        let count = calls.len();
        let block_state_calls = [Calls { calls, state_overrides: overrides }];
        let request = SimulateRequest { block_state_calls, validation: false };
        let answer = self.read_if_can::<Vec<SimulatedBlock>>(SIMULATE, SIMULATE, (request, at));
        let Some(blocks) = answer.await? else { return Ok(None) };
        let answers: Vec<_> = blocks.into_iter().flat_map(|block| block.calls).collect();
        if answers.len() != count {
            return Err(self.wrong_answer(SIMULATE, "not an answer for each call"));
        }
        let answered = |answer: SimulatedAnswer| Answered {
            revert: (answer.status != U64::ONE).then(|| decode(&answer.return_data)),
            gas_used: answer.gas_used.to(),
            return_data: answer.return_data,
            logs: answer.logs,
        };
        Ok(Some(answers.into_iter().map(answered).collect()))
    }

    /// Whether a call that went through did what it is for: a wallet says so by its event, its factory by that or by being
    /// there.
    async fn had_effect(
        &self,
        call: &SimulatedCall,
        logs: Option<&[SimulatedLog]>,
        at: BlockNumberOrTag,
    ) -> Result<bool, ChainError> {
        if !is_execution(&call.data) {
            return Ok(true);
        }
        let Some(logs) = logs else { return self.is_wallet(call.to, at).await };
        let is_executed = |log: &SimulatedLog| {
            log.address == call.to && log.topics.first() == Some(&Executed::SIGNATURE_HASH)
        };
        Ok(logs.iter().any(is_executed))
    }

    /// As [`Self::estimate`], on top of a block.
    ///
    /// # Errors
    ///
    /// If it would fail, or the endpoint gives no sensible answer.
    pub async fn estimate_at(
        &self,
        block: u64,
        call: &SimulatedCall,
    ) -> Result<u64, SimulateError> {
        self.estimate_call(&call.into(), BlockNumberOrTag::Number(block)).await
    }

    /// Whether the endpoint knows `eth_simulateV1`.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn can_simulate(&self) -> Result<bool, ChainError> {
        let head = self.head().await?.number;
        let to_itself = SimulatedCall {
            from: Address::with_last_byte(1),
            to: Address::with_last_byte(1),
            data: Bytes::new(),
        };
        Ok(self.simulate_calls(head, &[to_itself]).await?.is_some())
    }

    async fn gas_of(&self, call: &Call, at: BlockNumberOrTag) -> Result<u64, CallError> {
        if is_execution(&call.data)
            && let Some(answer) = self.paid_gas_of(call, at).await
        {
            let answer = answer.map(|gas| gas.to());
            return answer.map_err(|fault| self.call_error("eth_estimateGas", fault));
        }
        let method = "eth_estimateGas";
        let lacks = &self.raw().lacks;
        let answer = if lacks.may_ask(ESTIMATE_AT) {
            match self.try_read::<U64>(method, (call, at)).await {
                // Some take no block, and estimate on top of the newest.
                Err(Fault::Rpc(fault)) if fault.code == INVALID_PARAMS && !fault.is_execution() => {
                    let answer = self.try_read::<U64>(method, [call]).await;
                    if answer.is_ok() {
                        lacks.missing(ESTIMATE_AT, &Fault::Rpc(fault));
                    }
                    answer
                }
                answer => {
                    lacks.worked(ESTIMATE_AT);
                    answer
                }
            }
        } else {
            self.try_read::<U64>(method, [call]).await
        };
        answer.map(|gas| gas.to()).map_err(|fault| self.call_error(method, fault))
    }
}
