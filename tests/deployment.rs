//! Where the contracts end up on a chain.

use alloy::{primitives::keccak256, sol_types::SolCall};
use eyre::{Result, ensure};
use quorate_bindings::{
    canonical,
    contracts::{Courier, EscrowPolicy, IWalletFactory, TreasuryPolicy, Wallet, WalletFactory},
};
use quorate_lab::{anvil::Chain, deploy};

/// The addresses are computed when the contracts are compiled; here the chain has the last word.
#[tokio::test]
async fn the_proxy_deploys_every_contract_at_its_canonical_address() -> Result<()> {
    let chain = Chain::start()?;
    // Fails unless the code at each address has the canonical hash.
    deploy::canonical(&chain).await?;
    deploy::treasury_policy(&chain).await?;
    deploy::courier(&chain).await?;

    let call = IWalletFactory::implementationCall {}.abi_encode().into();
    let answer = chain.call(canonical::WALLET_FACTORY.address, call).await?;
    let implementation = IWalletFactory::implementationCall::abi_decode_returns(&answer)?;
    ensure!(implementation == canonical::WALLET.address, "implementation is {implementation}");
    Ok(())
}

#[test]
fn canonical_init_code_is_the_committed_one() {
    for (contract, init_code) in [
        (canonical::COURIER, &Courier::BYTECODE),
        (canonical::ESCROW_POLICY, &EscrowPolicy::BYTECODE),
        (canonical::TREASURY_POLICY, &TreasuryPolicy::BYTECODE),
        (canonical::WALLET, &Wallet::BYTECODE),
        (canonical::WALLET_FACTORY, &WalletFactory::BYTECODE),
    ] {
        assert_eq!(contract.init_code_hash, keccak256(init_code), "at {}", contract.address);
    }
}
