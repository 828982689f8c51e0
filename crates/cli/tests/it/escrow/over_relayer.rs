//! An escrow over a relayer: no file goes from hand to hand but the first one.

use crate::relayer_process::{Person, Stage};
use alloy::primitives::U256;
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{fixtures::world, owners::owner};
use serde_json::Value;
use std::fs;

fn copy(from: &Person, to: &Person, name: &str) -> Result<()> {
    fs::copy(from.folder().join(name), to.folder().join(name))?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escrow_from_agreement_to_payment() -> Result<()> {
    let stage = Stage::start().await?;
    let [buyer, seller, arbiter] = [stage.owner(5)?, stage.owner(6)?, stage.owner(7)?];
    for number in [5, 6, 7] {
        world::KEY_HOLDING.give(&stage.chain, owner(number).address()).await?;
    }
    let names = [5, 6, 7].map(|number| owner(number).address().to_checksum(None));
    fs::write(buyer.folder().join("terms.txt"), "deliver")?;
    let [one, two, three] = &names;
    let open = ["escrow", "open", "--buyer", one, "--seller", two, "--arbiter", three];
    let what = ["--token", "ETH", "--amount", "1.5", "--expiry", "30d", "--arbitration", "10"];
    let rest = ["--timeout-to", "seller", "--fee-cap", "5", "--terms", "terms.txt"];
    let opened = buyer.json(&[&open[..], &what, &rest, &["--out", "escrow.json"]].concat())?;
    let wallet = opened["wallet"].as_str().ok_or_eyre("no wallet")?.to_owned();
    for person in [&seller, &arbiter] {
        copy(&buyer, person, "escrow.json")?;
    }
    let accept = ["escrow", "accept", "escrow.json"];
    buyer.refuses(&accept, 3, "does not serve wallet")?;
    buyer.json(&["wallet", "register", "escrow.json"])?;
    for person in [&buyer, &seller, &arbiter] {
        ensure!(person.json(&accept)?["handedIn"] == true);
    }
    // Each sees what the others said, though their files do not have it.
    for person in [&buyer, &seller, &arbiter] {
        ensure!(person.json(&["escrow", "show", "escrow.json"])?["accepted"] == true);
    }
    let listed = seller.json(&["escrow", "list", "--owner", two])?;
    ensure!(listed["escrows"][0]["wallet"] == wallet.as_str(), "{listed:#}");
    let stranger = stage.stranger()?;
    let listed = stranger.json(&["escrow", "list", "--owner", three])?;
    ensure!(listed["escrows"][0]["role"] == "arbiter", "{listed:#}");

    buyer.json(&["wallet", "deploy", "escrow.json"])?;
    buyer.json(&["escrow", "fund", "escrow.json"])?;
    let before = stage.chain.balance(owner(6).address()).await?;
    let offer = buyer.json(&["escrow", "split", "escrow.json", "--to-seller", "80%"])?;
    ensure!(offer["file"].is_null() && offer["relayer"]["status"] != "executed", "{offer:#}");
    let digest = offer["digest"].as_str().ok_or_eyre("no digest")?.to_owned();
    // Nobody sent the seller anything, and it sees the offer, who may complete it, and what each can do.
    let shown = seller.json(&["escrow", "show", "escrow.json"])?;
    ensure!(shown["open"][0]["digest"] == digest.as_str(), "{shown:#}");
    ensure!(shown["open"][0]["signers"] == serde_json::json!(["buyer"]), "{shown:#}");
    let completed_by = serde_json::json!(["seller", "arbiter"]);
    ensure!(shown["open"][0]["completedBy"] == completed_by, "{shown:#}");
    ensure!(shown["funded"] == true && shown["parties"][1]["takesAllFrom"].is_u64(), "{shown:#}");
    let seller = seller.with("TZ", "JST-9");
    let told = seller.run(&["escrow", "show", "escrow.json"])?.stdout;
    for part in [
        "ACCEPTED by all three",
        "on the chain",
        "1.5 ETH, as agreed",
        "UTC (",
        "+09:00)",
        "from then on the seller alone may take everything",
        "alone, once, before ",
        "The arbiter",
        "everything left to the buyer",
        "the seller or the arbiter may complete it with `sign`, until ",
    ] {
        ensure!(told.contains(part), "{part}: {told}");
    }
    arbiter.json(&["sign", &digest])?;
    stage.mine_until_executed(&arbiter, &[digest]).await?;
    let shown = buyer.json(&["escrow", "show", "escrow.json"])?;
    ensure!(shown["open"] == serde_json::json!([]), "{shown:#}");
    ensure!(shown["executions"].as_array().is_some_and(|all| all.len() == 1), "{shown:#}");
    ensure!(shown["held"] == "0", "{shown:#}");
    let gained = stage.chain.balance(owner(6).address()).await? - before;
    ensure!(gained == U256::from(1_200_000_000_000_000_000_u64), "{gained}");
    let written = seller.json(&["escrow", "evidence", "escrow.json", "--out", "evidence.json"])?;
    ensure!(written["proposals"] == 1 && written["executions"] == 1, "{written:#}");
    let verified: Value = seller.json(&["escrow", "verify", "evidence.json"])?;
    ensure!(verified["result"] == "verified", "{verified:#}");
    Ok(())
}
