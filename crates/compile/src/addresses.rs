//! The canonical addresses: the same on every chain, because deployer, salt and code are.

use crate::{artifact::to_json, solidity::Compiled};
use alloy::primitives::{Address, B256, U256, address, keccak256};
use eyre::{OptionExt, Result, bail};
use serde::Serialize;
use std::collections::BTreeMap;

/// The deterministic deployment proxy, which deploys with CREATE2 whatever it is sent.
const DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");
const SALT: B256 = B256::ZERO;

/// The factory makes this contract in its constructor, as its first CREATE.
const FACTORY: &str = "WalletFactory";
const IMPLEMENTATION: &str = "Wallet";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Canonical {
    /// EIP-55.
    address: String,
    init_code_hash: B256,
    /// Hash of the code at the address: with the immutables in their places.
    runtime_code_hash: B256,
}

/// The table of `addresses.json`, for every contract that can be deployed.
pub(crate) fn render(contracts: &[Compiled]) -> Result<String> {
    let deployable = || contracts.iter().filter(|contract| !contract.bytecode.is_empty());
    let factory = deployable().find(|contract| contract.name == FACTORY);
    let factory = create2(factory.ok_or_eyre("there is no factory")?);
    let implementation = factory.create(1);

    let mut table = BTreeMap::new();
    for contract in deployable() {
        let address =
            if contract.name == IMPLEMENTATION { implementation } else { create2(contract) };
        let canonical = Canonical {
            address: address.to_checksum(None),
            init_code_hash: keccak256(&contract.bytecode),
            runtime_code_hash: keccak256(runtime_code(contract, address, implementation)?),
        };
        table.insert(&contract.name, canonical);
    }
    to_json(&table)
}

fn create2(contract: &Compiled) -> Address {
    DEPLOYER.create2_from_code(SALT, &contract.bytecode)
}

/// The runtime code as the constructor leaves it.
///
/// Knows the immutables by name, because what a constructor computes cannot be read off the
/// compiler's output; an unknown one is an error. A test on a real chain holds the result.
fn runtime_code(contract: &Compiled, own: Address, implementation: Address) -> Result<Vec<u8>> {
    let mut code = contract.deployed_bytecode.to_vec();
    for (variable, places) in &contract.immutables {
        let value = match variable.as_str() {
            "implementation" => implementation,
            "_SELF" => own,
            _ => bail!("the value of {}'s immutable {variable} is not known", contract.name),
        };
        for place in places {
            let word = U256::from_be_slice(value.as_slice()).to_be_bytes::<32>();
            let start = place.start as usize;
            code[start..start + word.len()].copy_from_slice(&word);
        }
    }
    Ok(code)
}
