//! The chain in `anvil-fixtures`, as a test or a person would use it.

use alloy::{
    primitives::{Address, U256},
    providers::Provider,
    sol_types::SolCall,
};
use eyre::{Result, ensure};
use quorate_bindings::{canonical, contracts::IWallet};
use quorate_core::{Config, WalletFile, creation};
use quorate_lab::{
    anvil::{Chain, GENESIS_SECS},
    fixtures::{self, world},
    owners::owner,
    repository,
};
use std::fs;

#[tokio::test]
async fn the_committed_state_holds_what_the_accounts_say() -> Result<()> {
    let chain = fixtures::load()?;
    ensure!(chain.id() == world::CHAIN_ID, "chain {}", chain.id());
    for contract in [canonical::WALLET_FACTORY, canonical::WALLET, canonical::ESCROW_POLICY] {
        ensure!(!code(&chain, contract.address).await?.is_empty(), "no {}", contract.address);
    }
    for (name, holdings) in
        [("treasury", world::TREASURY_HOLDINGS), ("escrow", world::ESCROW_HOLDINGS)]
    {
        let path = repository().join(format!("anvil-fixtures/wallets/{name}.json"));
        let file = WalletFile::from_json(&fs::read(path)?)?;
        ensure!(code(&chain, file.address()).await? == creation::wallet_code(file.config()));
        ensure!(config(&chain, file.address()).await? == *file.config(), "config of {name}");
        for holding in holdings {
            ensure!(holding.balance(&chain, file.address()).await? == holding.units(), "{name}");
        }
    }
    for number in 0..=world::SUBMITTER {
        let address = owner(number).address();
        let units = world::KEY_HOLDING.units();
        ensure!(world::KEY_HOLDING.balance(&chain, address).await? == units, "owner {number}");
    }
    Ok(())
}

/// A chain that was loaded goes on: its time does not fall back to the genesis block's, nor jump to today's,
/// when the escrow's time-out might have come.
#[tokio::test]
async fn blocks_follow_the_committed_ones_closely() -> Result<()> {
    let chain = fixtures::load()?;
    let receipt = chain.send(owner(0).address(), U256::ONE, Default::default()).await?;
    let block = chain.provider().get_block(receipt.block_hash.expect("mined").into()).await?;
    let secs = block.expect("a block").header.timestamp;
    ensure!((world::STATE_SECS..world::STATE_SECS + 3_600).contains(&secs), "time {secs}");
    ensure!(world::STATE_SECS > GENESIS_SECS && secs < world::ESCROW_EXPIRY_SECS);
    Ok(())
}

async fn code(chain: &Chain, address: Address) -> Result<Vec<u8>> {
    Ok(chain.provider().get_code_at(address).await?.to_vec())
}

async fn config(chain: &Chain, wallet: Address) -> Result<Config> {
    let answer = chain.call(wallet, IWallet::configCall {}.abi_encode().into()).await?;
    Ok(IWallet::configCall::abi_decode_returns(&answer)?.try_into()?)
}
