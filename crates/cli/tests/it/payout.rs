//! Payout files.

use crate::environment::{Environment, PAYEE};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::tokens;
use serde_json::Value;
use std::fs;

/// An account without code.
const NOBODY: &str = "0x7777777777777777777777777777777777777777";

fn rows(count: usize) -> String {
    let token = tokens::USDC.address().to_checksum(None);
    let row = |number| format!("inv-{number},{PAYEE},{number}.25,{token},\"rent, and more\"\n");
    let rows: String = (1..=count).map(row).collect();
    format!("id,to,amount,token,note\n{rows}eth-1,{PAYEE},0.15,ETH,\n")
}

/// A run becomes a file for each batch; each is paid once, whoever proposes it again.
#[tokio::test]
async fn a_run_is_paid_once() -> Result<()> {
    let environment = Environment::start().await?;
    environment.write("run.csv", &rows(5))?;
    let propose = ["payout", "propose", "run.csv", "--run", "2026-11", "--wallet", "wallet.json"];
    let small = [&propose[..], &["--batch-size", "3"]].concat();
    let run = environment.json(&small)?;
    let batches = run["batches"].as_array().ok_or_eyre("no batches")?;
    let counts: Vec<_> = batches.iter().map(|batch| batch["count"].clone()).collect();
    assert_eq!(counts, [3, 2, 1]);

    // What lives is not proposed again.
    let twice = environment.json(&small)?;
    assert_eq!((&twice["proposed"], standings(&twice)), (&0.into(), vec!["proposed"; 3]));
    let first = batches[0]["file"].as_str().ok_or_eyre("no file")?;
    ensure!(first == "2026-11/2026-11.0.json", "{first}");
    environment.sign(first, &[0, 1, 2])?;
    environment.submit(first)?;
    let again = environment.json(&small)?;
    assert_eq!(standings(&again), ["paid", "proposed", "proposed"]);
    let second = batches[1]["file"].as_str().ok_or_eyre("no file")?;
    environment.sign(second, &[2, 3, 4])?;
    environment.submit(second)?;
    let status = environment.run(&["payout", "status", "2026-11.plan.json", "--json"])?;
    let told: Value = serde_json::from_str(&status.stdout)?;
    let words: Vec<_> = told["batches"].as_array().into_iter().flatten().collect();
    let words: Vec<_> = words.iter().map(|batch| batch["status"].clone()).collect();
    assert_eq!((status.code, words), (6, vec!["paid".into(), "paid".into(), "collecting".into()]));
    Ok(())
}

fn standings(run: &Value) -> Vec<&str> {
    let batches = run["batches"].as_array().into_iter().flatten();
    batches.filter_map(|batch| batch["standing"].as_str()).collect()
}

/// A file with mistakes gives nothing but the list of them.
#[tokio::test]
async fn a_file_with_mistakes_is_refused_whole() -> Result<()> {
    let environment = Environment::start().await?;
    let propose = ["payout", "propose", "run.csv", "--run", "r", "--wallet", "wallet.json"];
    let good = rows(2);
    for (from, to, reason) in [
        ("1.25", "1.0000001", "decimals"),
        ("1.25", "-1", "amount"),
        ("1.25", "0", "0"),
        ("1.25", "", "amount"),
        ("inv-2", "inv-1", "inv-1"),
        ("0x90F7", "0x90f7", "checksum"),
        (PAYEE, "0x0000000000000000000000000000000000000000", "zero address"),
        ("amount,", "sum,", "amount"),
    ] {
        ensure!(good.contains(from), "{from}");
        environment.write("run.csv", &good.replacen(from, to, 1))?;
        environment.refuses(&propose, 3, reason)?;
    }
    environment.write("run.csv", &good)?;
    environment.refuses(
        &[&propose[..4], &["Not A Name"], &propose[5..]].concat(),
        3,
        "no name of a run",
    )?;
    let nobody = good.replace(&tokens::USDC.address().to_checksum(None), NOBODY);
    environment.write("run.csv", &nobody)?;
    environment.refuses(&propose, 3, "there is no code")?;
    assert!(!fs::exists(environment.path("r"))?);
    Ok(())
}
