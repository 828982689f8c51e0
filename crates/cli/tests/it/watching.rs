//! `quorate watch` where little happens, and where much does while nobody looks.

use crate::relayer_process::{Person, Stage};
use eyre::{OptionExt as _, Result, ensure};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command},
};

const PAYEE: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

/// Has a payment of the treasury proposed and signed by all who are needed.
fn pay(stage: &Stage) -> Result<String> {
    let pay = ["propose", "transfer", "--to", PAYEE, "--amount", "1"];
    let proposed = stage.owner(0)?.json(&pay)?;
    let digest = proposed["digest"].as_str().ok_or_eyre("no digest")?.to_owned();
    for number in [1, 2] {
        stage.owner(number)?.json(&["sign", &digest])?;
    }
    Ok(digest)
}

/// Case 30: on a chain that makes no blocks it does not look as if it hung.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_says_which_blocks_it_waits_for() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let digest = pay(&stage)?;
    let alice = stage.owner(0)?;
    // The chain makes a block for a transaction, and no other.
    let executed = alice.run(&["watch", &digest, "--until", "executed"])?;
    ensure!(executed.code == 0, "{executed:?}");
    let mut watching = alice.begin(&["watch", &digest])?;
    let mut errors = BufReader::new(watching.stderr.take().ok_or_eyre("no errors")?);
    let mut line = String::new();
    errors.read_line(&mut line)?;
    let waiting: Value = serde_json::from_str(&line)?;
    let said = waiting["waiting"].as_str().unwrap_or_default();
    ensure!(said.starts_with(&digest[..10]), "{line}");
    for part in ["more, to be final; the newest block is ", " seconds old"] {
        ensure!(said.contains(part), "{part} is not in {line}");
    }
    stage.chain.mine(4).await?;
    ensure!(watching.wait()?.success());
    Ok(())
}

/// Stops a process, or has it go on.
fn signal(child: &Child, name: &str) -> Result<()> {
    let done = Command::new("kill").args([name, &child.id().to_string()]).status()?;
    ensure!(done.success(), "kill {name}");
    Ok(())
}

/// Reads lines until one is of this proposal, and ends the process.
fn find(mut child: Child, digest: &str) -> Result<Value> {
    let output = BufReader::new(child.stdout.take().ok_or_eyre("no output")?);
    let mut found = None;
    for line in output.lines() {
        let line: Value = serde_json::from_str(&line?)?;
        if line["digest"] == digest {
            found = Some(line);
            break;
        }
    }
    child.kill()?;
    child.wait()?;
    found.ok_or_eyre("the watch ended")
}

/// Whoever watches a wallet is told of what began and ended between two looks.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_and_went_while_nobody_looked_is_told() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let bob: Person = stage.owner(1)?;
    let watching = bob.begin(&["watch", "--timeout", "60"])?;
    stage.relayer.until_metric("quorate_http_streams 1").await?;
    signal(&watching, "-STOP")?;
    let digest = pay(&stage)?;
    stage.mine_until_executed(&stage.owner(0)?, std::slice::from_ref(&digest)).await?;
    signal(&watching, "-CONT")?;
    let told = find(watching, &digest)?;
    ensure!(told["status"] == "executed", "{told}");
    Ok(())
}
