//! A client in TypeScript, generated from the description of the HTTP API and from nothing else.

use crate::{described_api::PAYEE, relayer_process::Stage};
use alloy::primitives::{Address, B256, U256};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{fixtures::world, owners::owner, repository};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

/// The folder with the packages that npm brought.
fn packages() -> Result<PathBuf> {
    let folder = repository().join("tests/node/interfaces");
    let is_there = folder.join("node_modules/openapi-typescript").exists();
    ensure!(is_there, "nothing is installed: run `scripts/install tests/node/interfaces`");
    Ok(folder.canonicalize()?)
}

/// Runs a program in `folder`; it must succeed. Returns what it prints.
fn node(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("node").args(arguments).current_dir(folder).output()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    ensure!(output.status.success(), "node {arguments:?}: {stdout}{stderr}");
    Ok(stdout)
}

/// The client in a folder of its own, generated and type-checked.
fn built() -> Result<TempDir> {
    let packages = packages()?;
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    std::os::unix::fs::symlink(packages.join("node_modules"), at.join("node_modules"))?;
    fs::write(at.join("package.json"), "{\"type\":\"module\"}")?;
    for name in ["drive.ts", "tsconfig.json"] {
        fs::copy(packages.join("client").join(name), at.join(name))?;
    }
    let description = repository().join("docs/openapi.json").canonicalize()?;
    let description = description.to_str().ok_or_eyre("a path in Unicode")?;
    for file in ["openapi.ts", "again.ts"] {
        let generator = "node_modules/openapi-typescript/bin/cli.js";
        node(at, &[generator, description, "--output", file])?;
    }
    ensure!(
        fs::read(at.join("openapi.ts"))? == fs::read(at.join("again.ts"))?,
        "not the same twice"
    );
    node(at, &["node_modules/typescript/bin/tsc", "--project", "."])?;
    Ok(folder)
}

/// Case 25: openapi-typescript makes a client of `docs/openapi.json` that is sound in TypeScript's strict mode and drives the
/// demo's HTTP part: it registers a wallet, proposes, lists, signs, waits, and watches until the payment is executed.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_generated_from_the_description_pays_over_the_relayer() -> Result<()> {
    let client = built()?;
    let stage = Stage::start().await?;
    let treasury = world::treasury();
    #[expect(clippy::disallowed_methods, reason = "a live chain keeps the machine's time")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let payee: Address = PAYEE.parse()?;
    let before = stage.chain.balance(payee).await?;
    let keys = [0, 1, 2].map(|number| owner(number).to_bytes());
    let input = json!({
        "url": stage.relayer.url(),
        "chainId": stage.chain.id(),
        "wallet": treasury.address().to_checksum(None),
        "config": treasury.config(),
        "salt": treasury.salt(),
        "keys": keys,
        "payee": PAYEE,
        "deadline": now + 86_400,
    });
    let at = client.path().to_owned();
    let drive = move || node(&at, &["built/drive.js", &input.to_string()]);
    let printed = tokio::task::spawn_blocking(drive).await??;
    let done: Value = serde_json::from_str(&printed)?;
    let signers: Vec<Address> = serde_json::from_value(done["signers"].clone())?;
    ensure!(signers.len() == 3, "{done}");
    let _: B256 = serde_json::from_value(done["txHash"].clone())?;
    ensure!(done["kinds"][0] == "walletRegistered", "{done}");
    assert_eq!(stage.chain.balance(payee).await? - before, U256::from(1_000));
    Ok(())
}
