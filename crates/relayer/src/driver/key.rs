//! Keys of senders.

use crate::attempt::Draft;
use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use thiserror::Error;

/// Why a key cannot sign.
#[derive(Debug, Error)]
#[error("the key of {sender} cannot sign: {reason}")]
pub struct KeyError {
    /// Whose key.
    pub sender: Address,
    /// What is wrong. Never a part of the key.
    pub reason: String,
}

/// A key that signs transactions and nothing else.
pub trait Key: Send + Sync {
    /// The account.
    fn address(&self) -> Address;

    /// Signs a transaction (EIP-1559) and returns its hash and bytes (EIP-2718). Does not send it.
    ///
    /// # Errors
    ///
    /// If the key cannot be used now.
    fn sign(&self, chain_id: u64, draft: &Draft) -> Result<(B256, Bytes), KeyError>;
}

/// A key in memory.
pub struct LocalKey(PrivateKeySigner);

impl LocalKey {
    /// This key.
    pub const fn new(key: PrivateKeySigner) -> Self {
        Self(key)
    }
}

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LocalKey").field(&self.0.address()).finish()
    }
}

impl Key for LocalKey {
    fn address(&self) -> Address {
        self.0.address()
    }

    fn sign(&self, chain_id: u64, draft: &Draft) -> Result<(B256, Bytes), KeyError> {
        let transaction = TxEip1559 {
            chain_id,
            nonce: draft.account_nonce,
            gas_limit: draft.gas_limit,
            max_fee_per_gas: draft.fees.max_fee_per_gas(),
            max_priority_fee_per_gas: draft.fees.max_priority_fee_per_gas(),
            to: TxKind::Call(draft.to),
            value: U256::ZERO,
            access_list: Default::default(),
            input: draft.data.clone(),
        };
        let signature = self
            .0
            .sign_hash_sync(&transaction.signature_hash())
            .map_err(|error| KeyError { sender: self.address(), reason: error.to_string() })?;
        let signed = TxEnvelope::from(transaction.into_signed(signature));
        Ok((*signed.tx_hash(), signed.encoded_2718().into()))
    }
}
