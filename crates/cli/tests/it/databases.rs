//! One story on each database that a relayer can keep its store in.

use crate::relayer_process::{Person, Stage};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::postgres::Server;
use serde_json::Value;

const PAYEE: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

fn pay(by: &Person, amount: &str) -> Result<String> {
    let pay = ["propose", "transfer", "--to", PAYEE, "--amount", amount];
    Ok(by.json(&pay)?["digest"].as_str().ok_or_eyre("no digest")?.to_owned())
}

/// A wallet is registered, a payment proposed, signed and executed; the relayer is killed and started again, still knows
/// it, and executes another. Its log is whole, and what was added to it came behind what it was.
async fn story(url: &str) -> Result<()> {
    let mut stage = Stage::start_on(url, "open_reading = false\n").await?;
    let operator = stage.relayer.operator();
    let made = operator.json(&["token", "create", "owners", "--right", "operator"])?;
    let token = made["token"].as_str().ok_or_eyre("no token")?;
    let owner =
        |number| Ok::<_, eyre::Report>(stage.owner(number)?.with("QUORATE_RELAYER_TOKEN", token));
    let owners = [owner(0)?, owner(1)?, owner(2)?];
    let [alice, bob, carol] = &owners;
    let registered = alice.json(&["wallet", "register", "wallet.json"])?;
    ensure!(registered["wallets"][0]["new"] == true, "{registered}");

    let first = pay(alice, "1")?;
    bob.json(&["sign", &first])?;
    let second = pay(bob, "2")?;
    ensure!(bob.json(&["sign", &first])?["added"] == false);
    carol.json(&["sign", &first])?;
    stage.mine_until_executed(carol, std::slice::from_ref(&first)).await?;

    operator.prints(&["pause", "31337"], "chain 31337 is paused")?;
    stage.relayer.kill()?;
    stage.relayer.begin()?;
    let operator = stage.relayer.operator();
    operator.prints(&["pause", "31337"], "chain 31337 is paused, as before")?;
    operator.prints(&["resume", "31337"], "chain 31337 is not paused")?;
    let shown = alice.json(&["show", &first])?;
    ensure!(shown["relayer"]["status"] == "executed", "{shown}");
    ensure!(shown["relayer"]["sureness"] == "proven", "{shown}");
    let signed = alice.json(&["sign", &second])?;
    ensure!(signed["signatures"] == 2, "{signed}");
    carol.json(&["sign", &second])?;
    stage.mine_until_executed(alice, std::slice::from_ref(&second)).await?;
    let listed = alice.json(&["list", "--status", "executed"])?;
    let digests = listed["proposals"].as_array().ok_or_eyre("no proposals")?;
    let digests: Vec<_> = digests.iter().map(|proposal| proposal["digest"].clone()).collect();
    let both = [first, second].map(Value::from);
    ensure!(digests.len() == 2 && both.iter().all(|digest| digests.contains(digest)), "{listed}");

    // Also while it runs.
    let operator = stage.relayer.operator();
    let audit = |arguments: &[&str]| {
        let command = [&["audit"], arguments, &["--store", url]].concat();
        operator.program.json(operator.folder, &command)
    };
    let head = audit(&["head"])?;
    let head = head["head"].as_str().ok_or_eyre("no head")?;
    let verified = audit(&["verify", "--head", head])?;
    ensure!(verified["whole"] == true && verified["rows"].as_u64() > Some(10), "{verified}");
    operator.json(&["token", "revoke", "owners"])?;
    alice.refuses(&["list"], 3, "(unauthorized)")?;
    let verified = audit(&["verify", "--head", head])?;
    ensure!(verified["whole"] == true && verified["head"] != head, "{verified}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_and_a_restart_on_sqlite() -> Result<()> {
    story("relayer.db").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_and_a_restart_on_postgresql() -> Result<()> {
    let Some(server) = Server::start().await? else { return Ok(()) };
    server.create("relayer").await?;
    story(&server.url("relayer")).await
}
