//! Signatures made by other people's software.

use crate::environment::Environment;
use alloy::primitives::hex;
use eyre::{Result, ensure};
use quorate_lab::{owners::owner, repository, tools};
use std::{path::Path, process::Command};

/// cast and viem sign what `show --typed-data` prints, and the wallet takes it.
#[tokio::test]
async fn cast_and_viem_sign_and_the_result_executes() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &["--lane", "77"])?;
    let typed = environment.run(&["show", "proposal.json", "--typed-data"])?;
    ensure!(typed.code == 0, "{}", typed.stderr);
    environment.write("typed.json", &typed.stdout)?;
    let typed = environment.path("typed.json");
    for signature in [cast(&typed, 1)?, viem(&typed, 2)?] {
        let sign = ["sign", "proposal.json", "--signature", &signature];
        assert_eq!(environment.json(&sign)?["added"], true);
        let again = environment.json(&sign)?;
        assert_eq!(again["added"], false);
    }
    environment.sign("proposal.json", &[3])?;
    assert_eq!(environment.submit("proposal.json")?["status"], "executed");
    Ok(())
}

/// Each kind of action gives typed data that viem hashes to our digest: a wrong one would not recover.
#[tokio::test]
async fn every_kind_of_action_can_be_signed_elsewhere() -> Result<()> {
    let environment = Environment::start().await?;
    let wallet = ["--wallet", "wallet.json", "--out"];
    let to = crate::environment::PAYEE;
    let call = ["propose", "call", "--to", to, "--value", "0.5", "--data", "0x12345678"];
    let owners = ["propose", "owners", "--threshold", "2"];
    let cancel = ["propose", "cancel", "--sequence", "0"];
    for (name, action) in
        [("call.json", &call[..]), ("owners.json", &owners), ("cancel.json", &cancel)]
    {
        environment.json(&[action, &wallet, &[name]].concat())?;
        let typed = environment.run(&["show", name, "--typed-data"])?;
        environment.write("typed.json", &typed.stdout)?;
        let signature = viem(&environment.path("typed.json"), 0)?;
        let accept = ["unknownCalldata", "dataToNoCode", "thresholdChange"];
        let accept: Vec<_> = accept.iter().flat_map(|code| ["--accept", *code]).collect();
        let sign = [&["sign", name, "--signature", &signature], &accept[..]].concat();
        assert_eq!(environment.json(&sign)?["signer"], owner(0).address().to_checksum(None));
    }
    Ok(())
}

fn cast(typed: &Path, number: u64) -> Result<String> {
    let key = hex::encode_prefixed(owner(number).to_bytes());
    let output = Command::new(tools::find(tools::Tool::Cast)?)
        .args(["wallet", "sign", "--data", "--from-file"])
        .arg(typed)
        .args(["--private-key", &key])
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn viem(typed: &Path, number: u64) -> Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/viem_sign.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(repository().join("contracts"))
        .arg(typed)
        .arg(hex::encode_prefixed(owner(number).to_bytes()))
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
