//! A local chain with the rules of osaka.

use crate::{
    devnet::{Devnet, TRANSACTION_GAS_CAP},
    tools::{self, Tool},
};
use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    node_bindings::{Anvil, AnvilInstance},
    primitives::{Address, Bytes, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use eyre::{OptionExt, Result, WrapErr, ensure};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::{io::Read, path::Path};

/// The time of the genesis block in Unix seconds: 2026-01-01.
pub const GENESIS_SECS: u64 = 1_767_225_600;

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
        Self::spawn(Anvil::at(tools::find(Tool::Anvil)?), GENESIS_SECS)
    }

    /// Starts npm's anvil, of which everybody has the same version.
    ///
    /// # Errors
    ///
    /// If it is not installed or does not start.
    pub fn start_pinned() -> Result<Self> {
        Self::spawn(Anvil::at(tools::find_pinned(Tool::Anvil)?), GENESIS_SECS)
    }

    /// Starts an anvil with the chain that [`Self::dump`] wrote to the file at `state`. Its time goes on from
    /// `secs`, in Unix seconds, which must not be before its last block.
    ///
    /// # Errors
    ///
    /// If no anvil is installed, or it does not take the file.
    pub fn load(state: &Path, secs: u64) -> Result<Self> {
        let anvil = Anvil::at(tools::find(Tool::Anvil)?);
        Self::spawn(anvil.arg("--load-state").arg(state), secs)
    }

    /// Starts an anvil whose time is the machine's, for programs that read the clock.
    ///
    /// # Errors
    ///
    /// If no anvil is installed or it does not start.
    pub fn start_live() -> Result<Self> {
        Self::spawn_as_it_is(Anvil::at(tools::find(Tool::Anvil)?))
    }

    fn spawn(anvil: Anvil, secs: u64) -> Result<Self> {
        Self::spawn_as_it_is(anvil.args(["--timestamp", &secs.to_string()]))
    }

    fn spawn_as_it_is(anvil: Anvil) -> Result<Self> {
        let anvil = anvil
            .args(["--host", "127.0.0.1", "--hardfork", "osaka"])
            // What it says is final is two epochs behind: of one block each, as near as a depth is.
            .args(["--slots-in-an-epoch", "1"])
            .try_spawn()
            .wrap_err("anvil does not start")?;
        let provider = ProviderBuilder::default().connect_http(anvil.endpoint_url()).erased();
        Ok(Self { anvil, provider })
    }

    /// A provider without fillers: anvil holds the keys of its accounts and fills in the rest.
    pub const fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// The URL of its JSON-RPC endpoint.
    pub fn endpoint(&self) -> String {
        self.anvil.endpoint()
    }

    /// The chain's id.
    pub fn id(&self) -> u64 {
        self.anvil.chain_id()
    }

    /// An account with ether whose key anvil holds; sends all transactions here.
    pub fn sender(&self) -> Address {
        self.anvil.addresses()[0]
    }

    /// What an account has, in wei.
    ///
    /// # Errors
    ///
    /// If anvil does not answer.
    pub async fn balance(&self, account: Address) -> Result<U256> {
        Ok(self.provider.get_balance(account).await?)
    }

    /// The time of the newest block, in Unix seconds.
    ///
    /// # Errors
    ///
    /// If anvil does not answer.
    pub async fn now(&self) -> Result<u64> {
        let block = self.provider.get_block(BlockId::latest()).await?;
        Ok(block.ok_or_eyre("a chain without blocks")?.header.timestamp)
    }

    /// The number of anvil's process.
    pub fn process_id(&self) -> u32 {
        self.anvil.child().id()
    }

    /// Gives anvil up: it runs on when this process ends.
    pub fn leave_running(self) {
        std::mem::forget(self.anvil);
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
        self.send_mined(self.request(input).with_to(to).with_value(value)).await
    }

    /// Deploys init code with CREATE and returns the address.
    ///
    /// # Errors
    ///
    /// If the constructor reverts.
    pub async fn deploy(&self, init_code: Bytes) -> Result<Address> {
        let receipt =
            self.send_mined(self.request(Bytes::new()).with_deploy_code(init_code)).await?;
        receipt.contract_address.ok_or_else(|| eyre::eyre!("a deployment without an address"))
    }

    /// Lets each block be `secs` after the one before it, whatever the clock says.
    ///
    /// # Errors
    ///
    /// If anvil does not answer.
    pub async fn set_block_interval(&self, secs: u64) -> Result<()> {
        let method = "anvil_setBlockTimestampInterval".into();
        self.provider.raw_request::<_, ()>(method, (secs,)).await?;
        Ok(())
    }

    /// Mines an empty block of the time `secs`, in Unix seconds.
    ///
    /// # Errors
    ///
    /// If that is before the last block.
    pub async fn mine_at(&self, secs: u64) -> Result<()> {
        let method = "evm_setNextBlockTimestamp".into();
        self.provider.raw_request::<_, Value>(method, (secs,)).await?;
        self.provider.raw_request::<_, Value>("evm_mine".into(), ()).await?;
        Ok(())
    }

    /// Mines so many blocks.
    ///
    /// # Errors
    ///
    /// If anvil does not answer.
    pub async fn mine(&self, count: u64) -> Result<()> {
        let count = U256::from(count);
        self.provider.raw_request::<_, Value>("anvil_mine".into(), (count,)).await?;
        Ok(())
    }

    /// The whole chain as JSON, in anvil's own form. Lists in it have no fixed order.
    ///
    /// # Errors
    ///
    /// If anvil does not answer.
    pub async fn dump(&self) -> Result<Vec<u8>> {
        let packed: Bytes = self.provider.raw_request("anvil_dumpState".into(), ()).await?;
        let mut json = Vec::new();
        GzDecoder::new(packed.as_ref()).read_to_end(&mut json)?;
        Ok(json)
    }

    fn request(&self, input: Bytes) -> TransactionRequest {
        TransactionRequest::default()
            .with_from(self.sender())
            .with_gas_limit(TRANSACTION_GAS_CAP)
            .with_input(input)
    }

    async fn send_mined(&self, request: TransactionRequest) -> Result<TransactionReceipt> {
        let receipt = self.provider.send_transaction_sync(request).await?;
        ensure!(receipt.status(), "transaction {} reverted", receipt.transaction_hash);
        Ok(receipt)
    }
}

impl Devnet for Chain {
    fn provider(&self) -> &DynProvider {
        &self.provider
    }

    fn sender(&self) -> Address {
        self.anvil.addresses()[0]
    }

    async fn transact(&self, request: TransactionRequest) -> Result<TransactionReceipt> {
        self.send_mined(request).await
    }
}
