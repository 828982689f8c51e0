//! Owners that are contracts, some of them for a while only.

use crate::relayer_process::{Person, Stage};
use alloy::{
    hex,
    primitives::{Address, Bytes},
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{anvil::Chain, deploy, owners::owner};
use serde_json::Value;

const PAYEE: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

/// Takes 66 bytes, as those of a Kernel account, and nothing else.
const TAKES_66: &[u8] = &hex!("631626ba7e60e01b6044356042140260005260206000f3");

async fn deploy_code(chain: &Chain, code: &[u8]) -> Result<Address> {
    let length = u16::try_from(code.len())?.to_be_bytes();
    let init_code = [&hex!("61")[..], &length, &hex!("80600a3d393df3"), code].concat();
    chain.deploy(Bytes::from(init_code)).await
}

fn name(number: u64) -> String {
    owner(number).address().to_checksum(None)
}

fn proposed(person: &Person) -> Result<String> {
    let answer = person.json(&["propose", "transfer", "--to", PAYEE, "--amount", "1"])?;
    Ok(answer["digest"].as_str().ok_or_eyre("no digest")?.to_owned())
}

/// Owner 3 has code for as long as it takes to sign as a contract.
async fn signed_while_delegating(stage: &Stage, digest: &str) -> Result<()> {
    let kernel = deploy_code(&stage.chain, TAKES_66).await?;
    deploy::delegate(&stage.chain, &owner(3), kernel).await?;
    let bytes = format!("0x{}", "07".repeat(66));
    let sign = ["sign", digest, "--signature", &bytes, "--owner", &name(3)];
    let signed = stage.stranger()?.json(&sign)?;
    ensure!(signed["added"] == true, "{signed}");
    deploy::delegate(&stage.chain, &owner(3), Address::ZERO).await?;
    Ok(())
}

/// Case 42: an owner signs as a contract and then is none any more: nobody calls the relayer a liar for it, every command
/// goes on, and signing anew heals it.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_stops_to_be_a_contract_makes_nobody_a_liar() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let [alice, bob, dave] = [stage.owner(0)?, stage.owner(1)?, stage.owner(3)?];
    let digest = proposed(&alice)?;
    signed_while_delegating(&stage, &digest).await?;

    let shown = bob.json(&["show", &digest])?;
    let missing = shown["missing"].to_string();
    ensure!(missing.contains(&name(3)), "{shown}");
    assert_eq!(shown["relayer"]["sureness"], "late");
    let text = bob.run(&["show", &digest])?.stdout;
    ensure!(text.contains("no code on chain 31337"), "{text}");
    let wallet = quorate_lab::fixtures::world::treasury().address().to_checksum(None);
    let list = bob.json(&["list", "--wallet", &wallet])?;
    assert_eq!(list["proposals"].as_array().map(Vec::len), Some(1));
    let watched = bob.run(&["watch", &digest, "--timeout", "1"])?;
    ensure!(watched.code == 6, "{watched:?}");
    let cancel = bob.json(&["propose", "cancel", &digest])?;
    ensure!(cancel["relayer"]["status"] == "collecting", "{cancel}");

    // With enough of them by its word the relayer looks again, and finds the same.
    bob.json(&["sign", &digest])?;
    let told = stage.until_proposal(&digest, |told| told["missing"].to_string().contains(&name(3)));
    let told = told.await?;
    assert_eq!(told["status"], "collecting");
    let signed = dave.json(&["sign", &digest])?;
    assert_eq!((&signed["added"], &signed["signatures"]), (&true.into(), &3.into()));
    stage.mine_until_executed(&bob, &[digest]).await
}

/// A relayer that says of an account that never had code that it signed as a contract lies, all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_never_had_code_never_signed_as_a_contract() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let digest = proposed(&stage.owner(0)?)?;
    let bytes = format!("0x{}", "07".repeat(66));
    let sign = ["sign", &digest, "--signature", &bytes, "--owner", &name(3)];
    stage.stranger()?.refuses(&sign, 3, "no code on chain 31337 yet")?;
    let mut intruder = stage.relayer.intruder().await?;
    let row = "INSERT INTO signatures (digest, owner, kind, signature, verified, received_at) VALUES ($1, $2, 'contract', $3, 1, 1)";
    sqlx::query(sqlx::AssertSqlSafe(row))
        .bind(hex::decode(&digest)?)
        .bind(owner(3).address().to_vec())
        .bind(vec![7_u8; 66])
        .execute(&mut intruder)
        .await?;
    stage.stranger()?.refuses(&["show", &digest], 7, "which the chain does not show")
}

/// A key signs for an owner that has code as it signs for one that has none.
#[tokio::test(flavor = "multi_thread")]
async fn a_delegating_owner_signs_with_its_key_before_in_and_after() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let [alice, bob, dave] = [stage.owner(0)?, stage.owner(1)?, stage.owner(3)?];
    let kernel = deploy_code(&stage.chain, TAKES_66).await?;
    for (sign_as, send_as) in [(Address::ZERO, kernel), (kernel, Address::ZERO), (kernel, kernel)] {
        deploy::delegate(&stage.chain, &owner(3), sign_as).await?;
        let digest = proposed(&alice)?;
        let signed: Value = dave.json(&["sign", &digest])?;
        assert_eq!(signed["added"], true);
        deploy::delegate(&stage.chain, &owner(3), send_as).await?;
        bob.json(&["sign", &digest, "--accept", "paidAgain"])?;
        stage.mine_until_executed(&bob, &[digest]).await?;
    }
    Ok(())
}
