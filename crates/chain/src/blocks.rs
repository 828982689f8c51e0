//! Blocks and what is in them, for those who follow a chain.

use crate::{
    Chain, ChainError,
    endpoint::Fault,
    evm::{Call, CallError},
};
use alloy::{
    primitives::{Address, B256, Bytes, U64, U128, U256},
    rpc::types::{BlockNumberOrTag, Log},
};
use quorate_bindings::contracts::IWallet::nonceCall;
use quorate_core::{Lane, Nonce};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The hash of the block before it.
    pub parent: B256,
    /// Its time in Unix seconds.
    pub timestamp: u64,
    /// Wei per gas; 0 on a chain without EIP-1559.
    pub base_fee_per_gas: u128,
}

/// A transaction in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The block's number.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: B256,
    /// Whether it went through.
    pub success: bool,
    /// The gas it used.
    pub gas_used: u64,
    /// What the sender paid for gas, in wei.
    pub cost: U256,
}

/// What one of several simulated calls did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// Whether it went through.
    pub success: bool,
    /// The gas it used, which is less than the gas it needs where gas is refunded.
    pub gas_used: u64,
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHeader {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    base_fee_per_gas: Option<U128>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    block_number: U64,
    block_hash: B256,
    status: U64,
    gas_used: U64,
    effective_gas_price: U128,
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
}

impl From<RawHeader> for Header {
    fn from(raw: RawHeader) -> Self {
        Self {
            number: raw.number.to(),
            hash: raw.hash,
            parent: raw.parent_hash,
            timestamp: raw.timestamp.to(),
            base_fee_per_gas: raw.base_fee_per_gas.unwrap_or_default().to(),
        }
    }
}

impl Chain {
    /// The newest block.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn newest(&self) -> Result<Header, ChainError> {
        let raw: RawHeader =
            self.read("eth_getBlockByNumber", (BlockNumberOrTag::Latest, false)).await?;
        Ok(raw.into())
    }

    /// The block with this hash; none if the endpoint does not have it.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or another block.
    pub async fn block(&self, hash: B256) -> Result<Option<Header>, ChainError> {
        let method = "eth_getBlockByHash";
        let raw: Option<RawHeader> = self.read(method, (hash, false)).await?;
        match raw {
            Some(raw) if raw.hash != hash => Err(self.wrong_answer(method, "another block")),
            raw => Ok(raw.map(Header::from)),
        }
    }

    /// The block with this number on what the endpoint takes for the chain; none if it has none yet.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or another block.
    pub async fn block_at(&self, number: u64) -> Result<Option<Header>, ChainError> {
        let method = "eth_getBlockByNumber";
        let raw: Option<RawHeader> =
            self.read(method, (BlockNumberOrTag::Number(number), false)).await?;
        match raw {
            Some(raw) if raw.number != U64::from(number) => {
                Err(self.wrong_answer(method, "another block"))
            }
            raw => Ok(raw.map(Header::from)),
        }
    }

    /// The events of these contracts in one block, named by its hash, so that they cannot be those of another.
    ///
    /// # Errors
    ///
    /// If the endpoint does not have the block, or gives no sensible answer.
    pub async fn logs_of_block(
        &self,
        hash: B256,
        contracts: &[Address],
    ) -> Result<Vec<Log>, ChainError> {
        let logs: Vec<Log> =
            self.read("eth_getLogs", json!([{ "address": contracts, "blockHash": hash }])).await?;
        Ok(logs.into_iter().filter(|log| log.block_hash == Some(hash) && !log.removed).collect())
    }

    /// The events of these contracts in a range of blocks, both ends included.
    ///
    /// # Errors
    ///
    /// If the range is too much for the endpoint, or it gives no sensible answer.
    pub async fn logs_between(
        &self,
        from: u64,
        to: u64,
        contracts: &[Address],
    ) -> Result<Vec<Log>, ChainError> {
        let filter = json!([{
            "address": contracts,
            "fromBlock": BlockNumberOrTag::Number(from),
            "toBlock": BlockNumberOrTag::Number(to),
        }]);
        let logs: Vec<Log> = self.read("eth_getLogs", filter).await?;
        Ok(logs.into_iter().filter(|log| !log.removed).collect())
    }

    /// Where a transaction was mined; none if it was not.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn inclusion(&self, tx_hash: B256) -> Result<Option<Inclusion>, ChainError> {
        let receipt: Option<RawReceipt> = self.read("eth_getTransactionReceipt", [tx_hash]).await?;
        Ok(receipt.map(|receipt| Inclusion {
            block_number: receipt.block_number.to(),
            block_hash: receipt.block_hash,
            success: receipt.status == U64::ONE,
            gas_used: receipt.gas_used.to(),
            cost: U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price),
        }))
    }

    /// The next nonce of an account and its balance in wei, both after one block.
    ///
    /// # Errors
    ///
    /// If the endpoint does not have the block, or gives no sensible answer.
    pub async fn account_at(
        &self,
        account: Address,
        block: B256,
    ) -> Result<(u64, U256), ChainError> {
        let at = json!({ "blockHash": block });
        let nonce: U64 = self.read("eth_getTransactionCount", (account, &at)).await?;
        let balance: U256 = self.read("eth_getBalance", (account, &at)).await?;
        Ok((nonce.to(), balance))
    }

    /// The next sequence of a wallet's lane after a block; 0 where there is no wallet.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn sequence_at(
        &self,
        wallet: Address,
        lane: Lane,
        block: u64,
    ) -> Result<u64, ChainError> {
        let question = nonceCall { lane: lane.number() };
        let answer = self.ask(wallet, &question, BlockNumberOrTag::Number(block)).await?;
        Ok(answer.map_or(0, |nonce| Nonce::from_u256(nonce).sequence))
    }

    /// What calls would do, one after the other, on top of a block. None where the endpoint does not simulate.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn simulate_calls(
        &self,
        block: u64,
        calls: &[SimulatedCall],
    ) -> Result<Option<Vec<Simulated>>, ChainError> {
        const NO_SUCH_METHOD: i64 = -32_601;
        let method = "eth_simulateV1";
        let calls: Vec<_> = calls
            .iter()
            .map(|call| Call {
                from: Some(call.from),
                to: Some(call.to),
                data: call.data.clone(),
                ..Call::default()
            })
            .collect();
        let count = calls.len();
        let request = Request { block_state_calls: [Calls { calls }], validation: false };
        let at = BlockNumberOrTag::Number(block);
        let answer = self.raw().try_read::<Vec<SimulatedBlock>>(method, (request, at)).await;
        match answer {
            Ok(blocks) => {
                let answers: Vec<_> = blocks.into_iter().flat_map(|block| block.calls).collect();
                if answers.len() != count {
                    return Err(self.wrong_answer(method, "not an answer for each call"));
                }
                let simulated = |answer: SimulatedAnswer| Simulated {
                    success: answer.status == U64::ONE,
                    gas_used: answer.gas_used.to(),
                };
                Ok(Some(answers.into_iter().map(simulated).collect()))
            }
            Err(Fault::Rpc(fault)) if fault.code == NO_SUCH_METHOD => Ok(None),
            Err(fault) => Err(self.raw().error(method, fault)),
        }
    }

    /// What any call needs as its gas limit on top of a block; none if it would fail.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn estimate_at(
        &self,
        block: u64,
        call: &SimulatedCall,
    ) -> Result<Option<u64>, ChainError> {
        let method = "eth_estimateGas";
        let (from, to, data) = (Some(call.from), Some(call.to), call.data.clone());
        let call = Call { from, to, data, ..Call::default() };
        let at = BlockNumberOrTag::Number(block);
        let answer = self.raw().try_read::<U64>(method, (&call, at)).await;
        match answer.map_err(|fault| self.call_error(method, fault)) {
            Ok(gas) => Ok(Some(gas.to())),
            Err(CallError::Failed(_)) => Ok(None),
            Err(CallError::Chain(error)) => Err(error),
        }
    }

    /// Whether the endpoint knows `eth_simulateV1`.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn can_simulate(&self) -> Result<bool, ChainError> {
        let head = self.newest().await?.number;
        let to_itself = SimulatedCall {
            from: Address::with_last_byte(1),
            to: Address::with_last_byte(1),
            data: Bytes::new(),
        };
        Ok(self.simulate_calls(head, &[to_itself]).await?.is_some())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    block_state_calls: [Calls; 1],
    validation: bool,
}

#[derive(Serialize)]
struct Calls {
    calls: Vec<Call>,
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

impl Chain {
    /// Sends signed bytes once, and says what is known then. A refusal is an answer, not an error: see
    /// [`Chain::send`] for the other way round.
    pub async fn offer(&self, raw: &[u8]) -> SendAnswer {
        match self.send(raw).await {
            Ok(_) => SendAnswer::Accepted,
            Err(ChainError::Rpc { message, .. }) => SendAnswer::Refused(message),
            Err(_) => SendAnswer::Unknown,
        }
    }
}
