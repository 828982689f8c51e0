//! The HTTP API, driven by its description alone: by node's `fetch` and viem, which make digest and signatures and read the
//! chain in their own way.

use crate::relayer_process::Stage;
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{fixtures::world, owners::owner, repository};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

pub(crate) const PAYEE: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_client_and_viem_drive_the_api_by_its_description() -> Result<()> {
    let stage = Stage::start().await?;
    let treasury = world::treasury();
    #[expect(clippy::disallowed_methods, reason = "a live chain keeps the machine's time")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let keys = [0, 1, 2].map(|number| owner(number).to_bytes());
    let input = json!({
        "url": stage.relayer.url(),
        "rpcUrl": stage.chain.endpoint(),
        "chainId": stage.chain.id(),
        "wallet": treasury.address().to_checksum(None),
        "config": treasury.config(),
        "salt": treasury.salt(),
        "keys": keys,
        "payee": PAYEE,
        "deadline": now + 86_400,
    });
    let mut node = Command::new("node")
        .arg(repository().join("contracts/scripts/drive-api.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    node.stdin.take().ok_or_eyre("no input")?.write_all(input.to_string().as_bytes())?;
    let output = node.wait_with_output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{errors}");
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let kinds: Vec<_> = found["events"].as_array().into_iter().flatten().collect();
    ensure!(kinds.first().is_some_and(|kind| *kind == "walletRegistered"), "{found}");
    ensure!(kinds.iter().filter(|kind| **kind == "signed").count() == 3, "{found}");
    Ok(())
}
