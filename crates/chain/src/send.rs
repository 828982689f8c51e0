//! Raw transactions: sending them, and what became of them.

use crate::{
    Chain, ChainError, Receipt, Revert,
    endpoint::Fault,
    evm::{self, Call, CallError},
    refusal::{Class, Refusal},
};
use alloy::{
    primitives::{Address, B256, Bytes, U64, U256, keccak256},
    rpc::types::BlockNumberOrTag,
};
use serde::Deserialize;
use std::time::Duration;
use thiserror::Error;
use tokio::time::sleep;

/// How long to wait between looks for a receipt, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What an endpoint said to sent bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendAnswer {
    /// It has them, or had them before.
    Accepted,
    /// It refused them.
    Refused(Refusal),
    /// It may have them or not.
    Unknown,
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
struct Mined {
    from: Address,
    to: Option<Address>,
    gas: U64,
    value: U256,
    input: Bytes,
    block_number: Option<U64>,
}

impl Chain {
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
            Err(Fault::Rpc(fault)) => {
                let class = Refusal::read(fault.code, &fault.message).class;
                if class == Class::Known {
                    return Ok(tx_hash);
                }
                if class == Class::Reverted || fault.has_data() {
                    let endpoint = self.endpoint().to_owned();
                    let reason = Box::new(evm::why(&fault));
                    return Err(ChainError::Reverted { endpoint, tx_hash, reason });
                }
                Err(self.raw().error(method, Fault::Rpc(fault)))
            }
            Err(fault) => Err(self.raw().error(method, fault)),
        }
    }

    /// Sends signed bytes once, and says what is known then. A refusal is an answer, not an error: see
    /// [`Chain::send`] for the other way round. That they failed when they were run proves nothing
    /// ([`Class::is_proof`]): they may be mined all the same.
    pub async fn offer(&self, raw: &[u8]) -> SendAnswer {
        match self.send(raw).await {
            Ok(_) => SendAnswer::Accepted,
            Err(error) => error.refusal().map_or(SendAnswer::Unknown, SendAnswer::Refused),
        }
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
