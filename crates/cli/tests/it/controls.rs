//! `quorate check`: what guidance for multisigs asks for, and how much of it a wallet meets.

use crate::environment::{Environment, PAYEE};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::tokens;
use serde_json::Value;

fn state<'a>(report: &'a Value, id: &str) -> Result<&'a str> {
    let controls = report["controls"].as_array().ok_or_eyre("no controls")?;
    let control = controls.iter().find(|control| control["id"] == id).ok_or_eyre("no control")?;
    control["state"].as_str().ok_or_eyre("no state")
}

#[tokio::test]
async fn a_wallet_is_weighed_by_what_the_chain_shows() -> Result<()> {
    let environment = Environment::start().await?;
    let wallet = environment.wallet()?;
    // A book of its own, not that of whoever runs the tests.
    let book = ["--book", "book.toml"];
    environment.write("book.toml", "")?;
    let check = [&["check", &wallet][..], &book].concat();
    let report = environment.json(&check)?;
    for (id, expected) in [
        ("severalSigners", "met"),
        ("spareKey", "met"),
        ("halfSign", "met"),
        ("ownCode", "met"),
        ("allowances", "met"),
        ("delay", "notMet"),
        ("writtenDown", "notMet"),
        ("hardware", "cannotBeSeen"),
    ] {
        ensure!(state(&report, id)? == expected, "{id}: {report:#}");
    }
    let counts = report["counts"].as_object().ok_or_eyre("no counts")?;
    let sum: u64 = counts.values().filter_map(Value::as_u64).sum();
    ensure!(Some(sum as usize) == report["controls"].as_array().map(Vec::len), "{counts:?}");

    // An allowance without a limit is found from its event, and asked about.
    let usdc = tokens::USDC.address().to_checksum(None);
    let most = alloy::primitives::U256::MAX.to_string();
    let approve = ["propose", "call", "--wallet", "wallet.json", "--to", &usdc];
    let call = ["--sig", "approve(address,uint256)", PAYEE, &most, "--out", "approve.json"];
    environment.json(&[&approve[..], &call].concat())?;
    for number in 0..3 {
        let key = environment.keystore(number)?;
        let sign = ["sign", "approve.json", "--keystore", &key, "--accept", "unlimitedApproval"];
        environment.json(&sign)?;
    }
    environment.submit("approve.json")?;
    // What the book knows is compared.
    let add = ["book", "add", "wallet", "treasury", &wallet, "--chain-id", "31337"];
    environment.json(&[&add[..], &book].concat())?;
    let page =
        environment.run(&[&["check", "@treasury", "--html", "report.html"][..], &book].concat())?;
    ensure!(page.code == 0, "{page:?}");
    for part in [
        "Not met",
        "Cannot be seen from here",
        "without a limit",
        "the address book has it, and the chain is the same",
        "report.html written",
    ] {
        let text = page.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(text.contains(part), "{part:?} is not in {page:?}");
    }
    ensure!(page.stdout.lines().all(|line| line.chars().count() <= 100), "{page:?}");
    let html = environment.read("report.html")?;
    ensure!(html.contains("Not met") && !html.contains("<script"), "{html}");
    let report = environment.json(&check)?;
    ensure!(state(&report, "allowances")? == "notMet", "{report:#}");
    environment.refuses(&["check", PAYEE, "--book", "book.toml"], 3, "there is no wallet at")
}
