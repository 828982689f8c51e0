//! One endpoint of one chain.

use crate::{ChainError, endpoint::Endpoint, fee::RollupCell};
use alloy::{
    primitives::{Address, Bytes, U64, U256, keccak256},
    rpc::types::BlockNumberOrTag,
};
use quorate_bindings::canonical::Canonical;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// One JSON-RPC endpoint, and the chain it serves. Cheap to clone.
///
/// Each request has ten seconds. Reads are tried up to three times where the connection fails or the
/// endpoint is overloaded; sends never.
#[derive(Clone, Debug)]
pub struct Chain {
    endpoint: Arc<Endpoint>,
    id: u64,
    rollup: Arc<RollupCell>,
}

impl Chain {
    /// Connects to an endpoint, http or https, and asks it which chain it serves.
    ///
    /// Of the URL only host and port are ever shown; user, password, path and query may hold keys.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used, or no JSON-RPC endpoint answers there.
    pub async fn connect(url: &str) -> Result<Self, ChainError> {
        let endpoint = Arc::new(Endpoint::new(url)?);
        let id: U64 = endpoint.read("eth_chainId", [(); 0]).await?;
        Ok(Self { endpoint, id: id.to(), rollup: Arc::default() })
    }

    /// The chain's id (EIP-155), as the endpoint gave it when connected.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Host and port of the endpoint.
    pub fn endpoint(&self) -> &str {
        self.endpoint.name()
    }

    /// Whether there is code at `address`. An account that delegates (EIP-7702) has code too.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn has_code(&self, address: Address) -> Result<bool, ChainError> {
        Ok(!self.code(address, BlockNumberOrTag::Latest).await?.is_empty())
    }

    /// Whether a canonical contract is deployed on this chain: its very code, at its address.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn has_canonical(&self, contract: &Canonical) -> Result<bool, ChainError> {
        let code = self.code(contract.address, BlockNumberOrTag::Latest).await?;
        Ok(keccak256(code) == contract.runtime_code_hash)
    }

    /// The ether of an account, in wei.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn balance(&self, address: Address) -> Result<U256, ChainError> {
        self.read("eth_getBalance", (address, BlockNumberOrTag::Latest)).await
    }

    /// The next nonce of an account that sends transactions, with those of its transactions that wait in the
    /// endpoint's pool if `pending`. Not the nonce of a wallet: see [`Self::next_nonce`].
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn account_nonce(&self, address: Address, pending: bool) -> Result<u64, ChainError> {
        let at = if pending { BlockNumberOrTag::Pending } else { BlockNumberOrTag::Latest };
        let nonce: U64 = self.read("eth_getTransactionCount", (address, at)).await?;
        Ok(nonce.to())
    }

    pub(crate) async fn code(
        &self,
        address: Address,
        at: BlockNumberOrTag,
    ) -> Result<Bytes, ChainError> {
        self.read("eth_getCode", (address, at)).await
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, ChainError> {
        self.endpoint.read(method, params).await
    }

    pub(crate) fn rollup(&self) -> &RollupCell {
        &self.rollup
    }

    pub(crate) fn raw(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn wrong_answer(
        &self,
        method: &'static str,
        reason: impl Into<String>,
    ) -> ChainError {
        ChainError::WrongAnswer {
            endpoint: self.endpoint().to_owned(),
            method,
            reason: reason.into(),
        }
    }
}
