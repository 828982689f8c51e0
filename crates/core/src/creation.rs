//! Where wallets are: the address follows from configuration and salt, and from nothing else.

use crate::{Config, config::ConfigError};
use alloy::primitives::{Address, B256, hex, keccak256};
use quorate_bindings::canonical;

/// Bytes of a wallet's program; its configuration follows.
const PROGRAM_LENGTH: usize = 51;

/// The program before and behind the implementation's address.
const HEAD: [u8; 16] = hex!("36600557005b363d3d373d3d3d363d73");
const TAIL: [u8; 15] = hex!("5af43d82803e903d91603157fd5bf3");

/// The address of the wallet that the canonical factory makes of `config` and `salt`, on every chain.
///
/// # Errors
///
/// If the wallet would be its own owner.
pub fn wallet_address(config: &Config, salt: B256) -> Result<Address, ConfigError> {
    let factory = canonical::WALLET_FACTORY.address;
    let address = address_at(factory, canonical::WALLET.address, config, salt);
    config.check_for(address)?;
    Ok(address)
}

/// The code of a wallet of the canonical implementation that was created with `config`.
pub fn wallet_code(config: &Config) -> Vec<u8> {
    code(canonical::WALLET.address, config)
}

/// The configuration that a wallet was created with, read from its code; `None` if the code is not that
/// of a wallet of the canonical implementation.
///
/// Says nothing about the present configuration, which a reconfiguration keeps elsewhere, nor about who
/// deployed the code: only the factory makes sure that a wallet's storage began empty.
pub fn created_with(code: &[u8]) -> Option<Config> {
    let (program, blob) = code.split_at_checked(PROGRAM_LENGTH)?;
    let expected = [&HEAD[..], canonical::WALLET.address.as_slice(), &TAIL].concat();
    if program != expected {
        return None;
    }
    Config::from_blob(blob).ok()
}

fn code(implementation: Address, config: &Config) -> Vec<u8> {
    [&HEAD[..], implementation.as_slice(), &TAIL, &config.to_blob()].concat()
}

fn address_at(factory: Address, implementation: Address, config: &Config, salt: B256) -> Address {
    let code = code(implementation, config);
    let length = u16::try_from(code.len()).expect("a blob has at most 6,118 bytes");
    let init_code =
        [&hex!("61")[..], &length.to_be_bytes(), &hex!("3d81600a3d39f3"), &code].concat();
    factory.create2(salt, keccak256(init_code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::Bytes;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Vectors {
        wallets: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        factory: Address,
        implementation: Address,
        config: Config,
        salt: B256,
        code: Bytes,
        wallet: Address,
    }

    #[test]
    fn addresses_and_code_are_the_ones_viem_computes() {
        let text = include_str!("../../../anvil-fixtures/vectors/addresses.json");
        let vectors: Vectors = serde_json::from_str(text).unwrap();
        assert!(!vectors.wallets.is_empty());
        for Vector { factory, implementation, config, salt, code: expected, wallet } in
            vectors.wallets
        {
            assert_eq!(code(implementation, &config), expected);
            assert_eq!(address_at(factory, implementation, &config, salt), wallet);
        }
    }

    #[test]
    fn a_configuration_is_read_from_the_code_of_a_wallet_alone() {
        let owners = vec![Address::with_last_byte(1)];
        let config = Config::new(1, owners, Address::ZERO, Bytes::from_static(b"x")).unwrap();
        let code = wallet_code(&config);
        assert_eq!(created_with(&code), Some(config));
        for place in [0, 20, 50] {
            let mut other = code.clone();
            other[place] ^= 1;
            assert_eq!(created_with(&other), None);
        }
        assert_eq!(created_with(&code[..60]), None);
        assert_eq!(created_with(&[]), None);
    }
}
