//! The type strings that Rust hashes are the ones that the contracts hash.

use alloy::sol_types::SolStruct;
use eyre::{Result, ensure};
use quorate_bindings::typed::{Cancel, Execute, Payout, Reconfigure, domain};
use quorate_lab::repository;
use std::fs;

#[test]
fn rust_and_solidity_have_the_same_type_strings() -> Result<()> {
    let read = |name| fs::read_to_string(repository().join("contracts/src/libraries").join(name));
    let actions = read("ActionLib.sol")?;
    for string in [
        Execute::eip712_encode_type(),
        Payout::eip712_encode_type(),
        Reconfigure::eip712_encode_type(),
        Cancel::eip712_encode_type(),
    ] {
        // As a whole literal: a longer one would be another type.
        ensure!(actions.contains(&format!("\"{string}\"")), "{string}");
    }
    let domain = domain(1, Default::default(), Default::default()).encode_type();
    ensure!(read("DigestLib.sol")?.contains(&format!("\"{domain}\"")), "{domain}");
    Ok(())
}
