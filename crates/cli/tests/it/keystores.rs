//! Keystores that other programs wrote, and broken ones. What is read is tested in crates/server.

use crate::environment::Environment;
use alloy::primitives::Address;
use eyre::{Result, ensure};
use quorate_lab::owners::owner;
use serde_json::{Value, json};

const SIGN: [&str; 4] = ["sign", "proposal.json", "--keystore", "keystore.json"];

/// A keystore of owner 1, changed.
fn keystore(environment: &Environment, change: impl FnOnce(&mut Value)) -> Result<()> {
    let mut keystore: Value = serde_json::from_str(&environment.read(&environment.keystore(1)?)?)?;
    change(&mut keystore);
    environment.write("keystore.json", &keystore.to_string())
}

/// Case 8: what ethers writes opens; an address that is not the key's stops, as a contradiction.
#[tokio::test]
async fn keystores_of_other_programs_sign() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    let own = owner(1).address();
    keystore(&environment, |keystore| {
        keystore["Crypto"] = keystore["crypto"].take();
        keystore["id"] = Value::Null;
        keystore["version"] = json!("3");
        keystore["address"] = json!(Address::repeat_byte(1));
    })?;
    let held = own.to_checksum(None);
    environment.refuses(&SIGN, 7, &format!("and holds the key of {held}"))?;
    keystore(&environment, |keystore| {
        keystore["Crypto"] = keystore["crypto"].take();
        keystore["address"] = json!(format!("{own:x}"));
    })?;
    assert_eq!(environment.json(&SIGN)?["signer"], held);
    Ok(())
}

/// Case 32: one line of ours, and nothing of a library's.
#[tokio::test]
async fn a_malformed_keystore_is_one_line() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    for (place, value) in [
        ("/crypto/kdfparams/dklen", json!(0)),
        ("/crypto/cipherparams/iv", json!("00".repeat(17))),
        ("/crypto/kdfparams/n", json!(0)),
        ("/crypto/mac", json!("")),
    ] {
        keystore(&environment, |keystore| *keystore.pointer_mut(place).unwrap() = value)?;
        environment.refuses(&SIGN, 3, &place[1..].replace('/', "."))?;
        let stderr = environment.run(&SIGN)?.stderr;
        ensure!(!stderr.contains("panicked") && !stderr.contains(".rs:"), "{stderr}");
    }
    Ok(())
}
