//! Payout files.

use crate::environment::{Environment, PAYEE};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::tokens;
use std::fs;

/// An account without code.
const NOBODY: &str = "0x7777777777777777777777777777777777777777";

fn rows(count: usize) -> String {
    let token = tokens::USDC.address().to_checksum(None);
    let row = |number| format!("inv-{number},{PAYEE},{number}.25,{token},\"rent, and more\"\n");
    let rows: String = (1..=count).map(row).collect();
    format!("id,to,amount,token,note\n{rows}eth-1,{PAYEE},0.125,ETH,\n")
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

    // Whatever is proposed again goes to other files, and has the same places.
    environment.refuses(&small, 3, "2026-11 exists already")?;
    let twice =
        environment.json(&[&small[..], &["--out", "twice", "--deadline", "8d"]].concat())?;
    for (one, two) in batches.iter().zip(twice["batches"].as_array().ok_or_eyre("no batches")?) {
        assert_eq!(one["lane"], two["lane"]);
    }
    let first = batches[0]["file"].as_str().ok_or_eyre("no file")?;
    environment.sign(first, &[0, 1, 2])?;
    environment.submit(first)?;
    let again = [&propose[..], &["--out", "again"]].concat();
    environment.refuses(&again, 3, "was paid already: batch 1 is on chain")?;
    let key = environment.keystore(0)?;
    let late = ["sign", "twice/2026-11.1-of-3.json", "--keystore", &key];
    environment.refuses(&late, 3, "never be executed")?;
    let second = batches[1]["file"].as_str().ok_or_eyre("no file")?;
    environment.sign(second, &[2, 3, 4])?;
    environment.submit(second)?;
    Ok(())
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
