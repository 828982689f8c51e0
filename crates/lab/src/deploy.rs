//! Deploying the contracts from the committed artifacts.

use crate::{anvil::Chain, devnet::Devnet};
use alloy::{
    eips::eip7702::Authorization,
    network::{TransactionBuilder as _, TransactionBuilder7702 as _},
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::Provider,
    signers::{SignerSync as _, local::PrivateKeySigner},
    sol,
    sol_types::{SolCall, SolConstructor},
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_bindings::{
    canonical::{self, Canonical},
    contracts::{Courier, EscrowPolicy, IWalletFactory, TreasuryPolicy, WalletFactory},
};
use quorate_core::{Config, creation};

sol!(
    #[sol(all_derives)]
    TestToken,
    "../../anvil-fixtures/artifacts/TestToken.json"
);

/// Puts the factory, with its implementation, and the policy of escrows at their canonical addresses.
///
/// # Errors
///
/// If the code that ends up at an address is not the canonical one.
pub async fn canonical(chain: &impl Devnet) -> Result<()> {
    through_proxy(chain, &WalletFactory::BYTECODE).await?;
    through_proxy(chain, &EscrowPolicy::BYTECODE).await?;
    for expected in [canonical::WALLET_FACTORY, canonical::WALLET, canonical::ESCROW_POLICY] {
        ensure_deployed(chain, expected).await?;
    }
    Ok(())
}

/// Puts the policy of treasuries at its canonical address.
///
/// # Errors
///
/// If the code that ends up there is not the canonical one.
pub async fn treasury_policy(chain: &impl Devnet) -> Result<()> {
    through_proxy(chain, &TreasuryPolicy::BYTECODE).await?;
    ensure_deployed(chain, canonical::TREASURY_POLICY).await
}

/// Puts the courier at its canonical address.
///
/// # Errors
///
/// If the code that ends up there is not the canonical one.
pub async fn courier(chain: &impl Devnet) -> Result<()> {
    through_proxy(chain, &Courier::BYTECODE).await?;
    ensure_deployed(chain, canonical::COURIER).await
}

/// Deploys an OpenZeppelin ERC-20 that anyone may mint.
///
/// # Errors
///
/// If the chain refuses.
pub async fn token(chain: &impl Devnet, name: &str, symbol: &str, decimals: u8) -> Result<Address> {
    let arguments = TestToken::constructorCall {
        name_: name.to_owned(),
        symbol_: symbol.to_owned(),
        decimals_: decimals,
    };
    let init_code = [TestToken::BYTECODE.as_ref(), &arguments.abi_encode()].concat();
    let request = chain.request(Address::ZERO, U256::ZERO, Bytes::new());
    let receipt = chain.transact(request.with_deploy_code(init_code)).await?;
    receipt.contract_address.ok_or_eyre("a deployment without an address")
}

/// Has the canonical factory, which must be there, make a wallet, and returns its address.
///
/// # Errors
///
/// If the factory or the policy refuses, or the wallet is not where it was computed to be.
pub async fn wallet(chain: &impl Devnet, config: &Config, salt: B256) -> Result<Address> {
    let expected = creation::wallet_address(config, salt)?;
    let input = IWalletFactory::createCall { config: config.into(), salt }.abi_encode();
    chain.send(canonical::WALLET_FACTORY.address, U256::ZERO, input.into()).await?;
    let code = chain.provider().get_code_at(expected).await?;
    ensure!(code == creation::wallet_code(config), "no wallet of this configuration at {expected}");
    Ok(expected)
}

/// Has the account of a key delegate to `code`, or to nobody any more if that is zero (EIP-7702).
///
/// # Errors
///
/// If the chain refuses.
pub async fn delegate(chain: &Chain, key: &PrivateKeySigner, code: Address) -> Result<()> {
    let nonce = chain.provider().get_transaction_count(key.address()).await?;
    let authorization = Authorization { chain_id: U256::from(chain.id()), address: code, nonce };
    let signature = key.sign_hash_sync(&authorization.signature_hash())?;
    let request = chain.request(key.address(), U256::ZERO, Bytes::new());
    let request = request.with_authorization_list(vec![authorization.into_signed(signature)]);
    let receipt = chain.transact(request).await?;
    ensure!(receipt.status(), "the delegation failed");
    Ok(())
}

/// Puts a contract where salt zero and its init code lead, which is the same on every chain.
///
/// # Errors
///
/// If the constructor reverts.
pub(crate) async fn through_proxy(chain: &impl Devnet, init_code: &Bytes) -> Result<()> {
    let input = [canonical::SALT.as_slice(), init_code].concat();
    chain.send(canonical::DEPLOYER, U256::ZERO, input.into()).await?;
    Ok(())
}

async fn ensure_deployed(chain: &impl Devnet, expected: Canonical) -> Result<()> {
    let code = chain.provider().get_code_at(expected.address).await?;
    let hash = keccak256(&code);
    ensure!(
        hash == expected.runtime_code_hash,
        "code at {}: hash {hash}, expected {}",
        expected.address,
        expected.runtime_code_hash
    );
    Ok(())
}
