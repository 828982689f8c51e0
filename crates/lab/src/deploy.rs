//! Deploying the contracts from the committed artifacts.

use crate::anvil::Chain;
use alloy::{
    primitives::{Address, Bytes, U256, keccak256},
    providers::Provider,
    sol,
    sol_types::SolConstructor,
};
use eyre::{Result, ensure};
use quorate_bindings::{
    canonical::{self, Canonical},
    contracts::{EscrowPolicy, WalletFactory},
};

sol!(
    #[sol(all_derives)]
    TestToken,
    "../../anvil-fixtures/artifacts/TestToken.json"
);

/// Puts the factory, with its implementation, and the policies at their canonical addresses.
///
/// # Errors
///
/// If the code that ends up at an address is not the canonical one.
pub async fn canonical(chain: &Chain) -> Result<()> {
    through_proxy(chain, &WalletFactory::BYTECODE).await?;
    through_proxy(chain, &EscrowPolicy::BYTECODE).await?;
    for expected in [canonical::WALLET_FACTORY, canonical::WALLET, canonical::ESCROW_POLICY] {
        ensure_deployed(chain, expected).await?;
    }
    Ok(())
}

/// Deploys an OpenZeppelin ERC-20 that anyone may mint.
///
/// # Errors
///
/// If the chain refuses.
pub async fn token(chain: &Chain, name: &str, symbol: &str, decimals: u8) -> Result<Address> {
    let arguments = TestToken::constructorCall {
        name_: name.to_owned(),
        symbol_: symbol.to_owned(),
        decimals_: decimals,
    };
    let init_code = [TestToken::BYTECODE.as_ref(), &arguments.abi_encode()].concat();
    chain.deploy(init_code.into()).await
}

async fn through_proxy(chain: &Chain, init_code: &Bytes) -> Result<()> {
    let input = [canonical::SALT.as_slice(), init_code].concat();
    chain.send(canonical::DEPLOYER, U256::ZERO, input.into()).await?;
    Ok(())
}

async fn ensure_deployed(chain: &Chain, expected: Canonical) -> Result<()> {
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
