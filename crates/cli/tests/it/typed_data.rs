//! Signatures made by other people's software.

use crate::environment::Environment;
use alloy::primitives::hex;
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{owners::owner, python, repository, tools};
use serde_json::Value;
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

/// The libraries that wallets are made of, each told the typed data as docs/wallets.md says.
const LIBRARIES: [&str; 6] = ["viem", "ethers", "ethers5", "eth-sig-util", "eth-account", "cast"];

/// Case 20: every library makes our digest of each kind of action, and a signature that is taken.
#[tokio::test]
async fn every_library_signs_every_kind_of_action() -> Result<()> {
    let environment = Environment::start().await?;
    let python = python::find()?;
    let libraries = LIBRARIES.into_iter().filter(|name| *name != "eth-account" || python.is_some());
    let libraries: Vec<_> = libraries.collect();
    let wallet = ["--wallet", "wallet.json", "--out"];
    let to = crate::environment::PAYEE;
    let call = ["propose", "call", "--to", to, "--value", "0.5", "--data", "0x12345678"];
    let owners = ["propose", "owners", "--threshold", "2"];
    let cancel = ["propose", "cancel", "--sequence", "0"];
    environment.propose("payout.json", &["--lane", "77"])?;
    for (name, action) in
        [("call.json", &call[..]), ("owners.json", &owners), ("cancel.json", &cancel)]
    {
        environment.json(&[action, &wallet, &[name]].concat())?;
    }
    let accept = ["unknownCalldata", "dataToNoCode", "thresholdChange"];
    let accept: Vec<_> = accept.iter().flat_map(|code| ["--accept", *code]).collect();
    for name in ["payout.json", "call.json", "owners.json", "cancel.json"] {
        let proposal = environment.read(name)?;
        let digest = environment.json(&["show", name])?["digest"].clone();
        environment
            .write("typed.json", &environment.run(&["show", name, "--typed-data"])?.stdout)?;
        for (number, library) in (0..).zip(&libraries) {
            let signed =
                sign_by(library, python.as_deref(), &environment.path("typed.json"), number % 5)?;
            if let Some(made) = &signed.digest {
                assert_eq!(*made, digest, "{library} {name}");
            }
            environment.write("copy.json", &proposal)?;
            let sign = ["sign", "copy.json", "--signature", &signed.signature];
            let added = environment.json(&[&sign[..], &accept].concat())?;
            let owner = owner(number % 5).address().to_checksum(None);
            assert_eq!(added["signer"], owner, "{library} {name}");
        }
    }
    Ok(())
}

/// Case 19: the danger is named exactly where Ledger's own library loses something on the way to a device.
#[tokio::test]
async fn what_ledgers_library_cuts_is_a_danger() -> Result<()> {
    let lengths =
        [0, 4, 253, 254, 255, 508, 509, 510, 511, 763, 764, 766, 767, 1018, 1019, 1022, 1023, 7000];
    let script = repository().join("tests/node/wallets/ledger.mjs");
    let told =
        Command::new("node").arg(script).args(lengths.map(|n: usize| n.to_string())).output()?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Vec<(usize, usize)> = serde_json::from_slice(&told.stdout)?;
    assert_eq!(told.len(), lengths.len());

    let environment = Environment::start().await?;
    for (given, sent) in told {
        let name = format!("{given}.json");
        let data = format!("0x{}", "ab".repeat(given));
        let to = crate::environment::PAYEE;
        let call = [
            "propose",
            "call",
            "--wallet",
            "wallet.json",
            "--to",
            to,
            "--value",
            "1",
            "--data",
            &data,
        ];
        environment.json(&[&call[..], &["--out", &name]].concat())?;
        let dangers = environment.dangers(&name)?;
        assert_eq!(dangers.iter().any(|code| code == "ledgerCuts"), sent < given, "{given}");
    }
    Ok(())
}

/// What a library made of typed data.
struct Signed {
    /// Of those that tell it.
    digest: Option<Value>,
    signature: String,
}

fn sign_by(library: &str, python: Option<&Path>, typed: &Path, number: u64) -> Result<Signed> {
    if library == "cast" {
        return Ok(Signed { digest: None, signature: cast(typed, number)? });
    }
    let folder = repository().join("tests/node/wallets");
    let mut command = match library {
        "eth-account" => {
            let mut command = Command::new(python.ok_or_eyre("no Python")?);
            command.arg(folder.join("sign.py"));
            command
        }
        _ => {
            let mut command = Command::new("node");
            command.arg(folder.join("sign.mjs")).arg(library);
            command
        }
    };
    let output = command.arg(typed).arg(hex::encode_prefixed(owner(number).to_bytes())).output()?;
    ensure!(output.status.success(), "{library}: {}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout)?;
    let signature = made["signature"].as_str().unwrap_or_default().to_owned();
    Ok(Signed { digest: Some(made["digest"].clone()), signature })
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
