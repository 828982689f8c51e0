//! Payees that take ether at some times only.

use alloy::{
    network::TransactionBuilder as _,
    primitives::{Address, B256, Bytes, U256, hex},
    providers::Provider as _,
};
use eyre::{OptionExt as _, Result};
use quorate_lab::{devnet::Devnet as _, nodes::Node};

/// A payee whose door anybody opens and closes: a call with a word sets whether it is closed; ether alone reverts where it
/// is.
pub(super) struct Door {
    pub(super) address: Address,
}

impl Door {
    pub(super) async fn install(node: &Node) -> Result<Self> {
        // calldatasize: set slot 0 to the first word; else revert where slot 0 is not zero.
        let runtime = hex!("36600b5760005460135700" "5b60003560005500" "5b60006000fd");
        Ok(Self { address: install(node, &runtime).await? })
    }

    /// Sends what closes it, and does not wait. It goes before a transaction that offers so many wei per gas.
    pub(super) async fn close(&self, node: &Node, offered: u128) -> Result<B256> {
        let request = node
            .request(self.address, U256::ZERO, B256::with_last_byte(1).into())
            .with_gas_limit(100_000)
            .with_max_fee_per_gas(4 * offered)
            .with_max_priority_fee_per_gas(2 * offered);
        Ok(*node.provider().send_transaction(request).await?.tx_hash())
    }

    pub(super) async fn open(&self, node: &Node) -> Result<()> {
        node.send(self.address, U256::ZERO, B256::ZERO.into()).await.map(drop)
    }
}

/// A payee that takes ether until the block with this number, and reverts from then on.
pub(super) async fn closing_after(node: &Node, block: u64) -> Result<Address> {
    let block = u32::try_from(block)?.to_be_bytes();
    let [before, after] = [&hex!("4363")[..], &hex!("10600b57005b60006000fd")];
    install(node, &[before, &block, after].concat()).await
}

async fn install(node: &Node, runtime: &[u8]) -> Result<Address> {
    let size = u8::try_from(runtime.len())?;
    let copies = [0x60, size, 0x60, 12, 0x60, 0, 0x39, 0x60, size, 0x60, 0, 0xf3];
    let request = node.request(Address::ZERO, U256::ZERO, Bytes::new());
    let receipt = node.transact(request.with_deploy_code([&copies[..], runtime].concat())).await?;
    receipt.contract_address.ok_or_eyre("a deployment without an address")
}
