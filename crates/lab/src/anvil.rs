//! A local chain with the rules of osaka.

use crate::tools::{self, Tool};
use alloy::{
    network::TransactionBuilder,
    node_bindings::{Anvil, AnvilInstance},
    primitives::{Address, Bytes, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use eyre::{Result, WrapErr, ensure};

/// The time of the genesis block in Unix seconds: 2026-01-01.
pub const GENESIS_SECS: u64 = 1_767_225_600;

/// What one transaction may use at most under the osaka rules (EIP-7825).
const TRANSACTION_GAS_CAP: u64 = 1 << 24;

/// A running anvil, killed when dropped. Mines each transaction as it comes.
#[derive(Debug)]
pub struct Chain {
    anvil: AnvilInstance,
    provider: DynProvider,
}

impl Chain {
    /// Starts the native anvil on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If no anvil is installed or it does not start.
    pub fn start() -> Result<Self> {
        let genesis = GENESIS_SECS.to_string();
        let anvil = Anvil::at(tools::find(Tool::Anvil)?)
            .args(["--host", "127.0.0.1", "--hardfork", "osaka", "--timestamp", &genesis])
            .try_spawn()
            .wrap_err("anvil does not start")?;
        let provider = ProviderBuilder::default().connect_http(anvil.endpoint_url()).erased();
        Ok(Self { anvil, provider })
    }

    /// A provider without fillers: anvil holds the keys of its accounts and fills in the rest.
    pub const fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// The chain's id.
    pub fn id(&self) -> u64 {
        self.anvil.chain_id()
    }

    /// An account with ether whose key anvil holds; sends all transactions here.
    pub fn sender(&self) -> Address {
        self.anvil.addresses()[0]
    }

    /// Calls `to` without a transaction and returns what it answers.
    ///
    /// # Errors
    ///
    /// If the call reverts.
    pub async fn call(&self, to: Address, input: Bytes) -> Result<Bytes> {
        let request = self.request(input).with_to(to);
        Ok(self.provider.call(request).await?)
    }

    /// Sends a transaction, mines it, and returns its receipt.
    ///
    /// # Errors
    ///
    /// If the transaction reverts.
    pub async fn send(&self, to: Address, value: U256, input: Bytes) -> Result<TransactionReceipt> {
        self.mine(self.request(input).with_to(to).with_value(value)).await
    }

    /// Deploys init code with CREATE and returns the address.
    ///
    /// # Errors
    ///
    /// If the constructor reverts.
    pub async fn deploy(&self, init_code: Bytes) -> Result<Address> {
        let receipt = self.mine(self.request(Bytes::new()).with_deploy_code(init_code)).await?;
        receipt.contract_address.ok_or_else(|| eyre::eyre!("a deployment without an address"))
    }

    fn request(&self, input: Bytes) -> TransactionRequest {
        TransactionRequest::default()
            .with_from(self.sender())
            .with_gas_limit(TRANSACTION_GAS_CAP)
            .with_input(input)
    }

    async fn mine(&self, request: TransactionRequest) -> Result<TransactionReceipt> {
        let receipt = self.provider.send_transaction_sync(request).await?;
        ensure!(receipt.status(), "transaction {} reverted", receipt.transaction_hash);
        Ok(receipt)
    }
}
