//! What every chain of one's own can do, whichever node runs it.

use alloy::{
    network::TransactionBuilder as _,
    primitives::{Address, Bytes, U256},
    providers::{DynProvider, Provider as _},
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use eyre::Result;
use std::future::Future;

/// What one transaction may use at most under the osaka rules (EIP-7825).
pub(crate) const TRANSACTION_GAS_CAP: u64 = 1 << 24;

/// A chain whose node holds the key of an account with ether, and sends for it.
pub trait Devnet: Sync {
    /// A provider without fillers: the node fills in what is missing.
    fn provider(&self) -> &DynProvider;

    /// An account with ether whose key the node holds; sends all transactions here.
    fn sender(&self) -> Address;

    /// Has the node sign and send a transaction, waits until it is mined, and returns its receipt.
    ///
    /// # Errors
    ///
    /// If the node refuses it, or it reverts.
    fn transact(
        &self,
        request: TransactionRequest,
    ) -> impl Future<Output = Result<TransactionReceipt>> + Send;

    /// A transaction of [`Self::sender`] that may use all the gas that one may.
    fn request(&self, to: Address, value: U256, input: Bytes) -> TransactionRequest {
        let request = TransactionRequest::default().with_from(self.sender());
        request.with_to(to).with_value(value).with_input(input).with_gas_limit(TRANSACTION_GAS_CAP)
    }

    /// Sends a transaction, waits until it is mined, and returns its receipt.
    ///
    /// # Errors
    ///
    /// If the node refuses it, or it reverts.
    fn send(
        &self,
        to: Address,
        value: U256,
        input: Bytes,
    ) -> impl Future<Output = Result<TransactionReceipt>> + Send {
        self.transact(self.request(to, value, input))
    }

    /// Calls `to` without a transaction and returns what it answers.
    ///
    /// # Errors
    ///
    /// If the call reverts.
    fn call(&self, to: Address, input: Bytes) -> impl Future<Output = Result<Bytes>> + Send {
        async move { Ok(self.provider().call(self.request(to, U256::ZERO, input)).await?) }
    }

    /// What an account has, in wei.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    fn balance(&self, account: Address) -> impl Future<Output = Result<U256>> + Send {
        async move { Ok(self.provider().get_balance(account).await?) }
    }
}
