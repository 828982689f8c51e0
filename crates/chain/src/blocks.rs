//! Blocks, the events in them, and accounts and wallets after them.

// Where the relayer's driver looks for it.
use crate::{Chain, ChainError};
use alloy::{
    primitives::{Address, B256, U64, U128, U256},
    rpc::types::{BlockNumberOrTag, Log},
};
use quorate_bindings::contracts::IWallet::nonceCall;
use quorate_core::{Lane, Nonce};
use serde::Deserialize;
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
    /// Its base fee in wei per gas; none on a chain without EIP-1559.
    pub base_fee_per_gas: Option<u128>,
}

/// The fields of a block that are used, so that chains with headers of their own can be read too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHeader {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    base_fee_per_gas: Option<U128>,
}

impl From<RawHeader> for Header {
    fn from(raw: RawHeader) -> Self {
        Self {
            number: raw.number.to(),
            hash: raw.hash,
            parent: raw.parent_hash,
            timestamp: raw.timestamp.to(),
            base_fee_per_gas: raw.base_fee_per_gas.map(|fee| fee.to()),
        }
    }
}

impl Chain {
    /// The newest block.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn head(&self) -> Result<Header, ChainError> {
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
}
