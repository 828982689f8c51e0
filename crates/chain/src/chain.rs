//! One endpoint of one chain.

use crate::{
    ChainError,
    endpoint::{Endpoint, Fault, Patience},
    fee::RollupCell,
    lack::{ALL_EVENTS, Lack},
};
use alloy::{
    primitives::{Address, Bytes, U64, U256, keccak256},
    rpc::types::BlockNumberOrTag,
};
use quorate_bindings::canonical::Canonical;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// How the code of an account begins that delegates, and how long all of it is (EIP-7702).
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];
const DELEGATION_LENGTH: usize = 23;

/// One JSON-RPC endpoint, and the chain it serves. Cheap to clone.
///
/// Each request has ten seconds. Reads are made again where that may help, as often as [`Self::with_patience`] says, by
/// default up to three times; sends never. An endpoint that wants fewer requests (HTTP 429, `Retry-After`, or the codes and
/// words of the common providers) gets none for a while, from any clone.
#[derive(Clone, Debug)]
pub struct Chain {
    endpoint: Arc<Endpoint>,
    id: u64,
    patience: Patience,
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
        let (patience, rollup) = (Patience::default(), Arc::default());
        let mut chain = Self { endpoint, id: 0, patience, rollup };
        chain.id = chain.read::<U64>("eth_chainId", [(); 0]).await?.to();
        Ok(chain)
    }

    /// The same endpoint, whose reads are made again as often as this.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self { patience, ..self.clone() }
    }

    /// Whether the endpoint wants no requests at this moment. Those that are made all the same wait for up to five seconds.
    pub fn is_resting(&self) -> bool {
        !self.endpoint.rest_left().is_zero()
    }

    /// What the endpoint turned out not to do. Nothing that was not asked for; each is tried again now and then, and leaves
    /// the list once it is done.
    pub fn lacks(&self) -> Vec<Lack> {
        let endpoint = self.endpoint();
        let lack = |(what, reason)| Lack { endpoint: endpoint.to_owned(), what, reason };
        self.endpoint.lacks.list().into_iter().map(lack).collect()
    }

    /// The chain's id (EIP-155), as the endpoint gave it when connected.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Host and port of the endpoint.
    pub fn endpoint(&self) -> &str {
        self.endpoint.name()
    }

    /// Notes that the endpoint left out events, as was found elsewhere, for [`Self::lacks`].
    pub fn left_out_events(&self, block: u64) {
        self.endpoint.lacks.happened(ALL_EVENTS, format!("none of block {block}"));
    }

    /// Whether the account of a key runs code of others (EIP-7702).
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn delegates(&self, address: Address) -> Result<bool, ChainError> {
        let code = self.code(address, BlockNumberOrTag::Latest).await?;
        Ok(code.len() == DELEGATION_LENGTH && code.starts_with(&DELEGATION))
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
        let method = "eth_getTransactionCount";
        if pending {
            match self.try_read::<U64>(method, (address, BlockNumberOrTag::Pending)).await {
                Ok(nonce) => return Ok(nonce.to()),
                // Not every endpoint has a pool to tell of.
                Err(fault) if fault.is_refusal() => {}
                Err(fault) => return Err(self.raw().error(method, fault)),
            }
        }
        let nonce: U64 = self.read(method, (address, BlockNumberOrTag::Latest)).await?;
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
        self.try_read(method, params).await.map_err(|fault| self.endpoint.error(method, fault))
    }

    /// As [`Self::read`], with an error that can be looked into.
    pub(crate) async fn try_read<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, Fault> {
        self.endpoint.ask(method, params, self.patience).await
    }

    /// Asks for something that can be done without: none where the endpoint refuses it, or did and is not to be asked again
    /// yet.
    pub(crate) async fn read_if_can<T: DeserializeOwned>(
        &self,
        what: &'static str,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<Option<T>, ChainError> {
        let lacks = &self.endpoint.lacks;
        if !lacks.may_ask(what) {
            return Ok(None);
        }
        match self.try_read(method, params).await {
            Ok(answer) => {
                lacks.worked(what);
                Ok(Some(answer))
            }
            Err(fault) if fault.is_refusal() => {
                lacks.refused(what, &fault);
                Ok(None)
            }
            Err(fault) => Err(self.endpoint.error(method, fault)),
        }
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
