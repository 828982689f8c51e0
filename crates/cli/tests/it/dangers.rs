//! What owners are told before they sign.

use crate::environment::{Environment, PAYEE};
use alloy::primitives::{Address, U256};
use eyre::{Result, ensure};
use quorate_lab::tokens;

/// A danger stops a signature where nobody is there to answer, until its code is accepted.
#[tokio::test]
async fn a_danger_has_to_be_accepted_by_its_code() -> Result<()> {
    let environment = Environment::start().await?;
    let token = tokens::USDC.address().to_checksum(None);
    let max = U256::MAX.to_string();
    let approve = ["propose", "call", "--wallet", "wallet.json", "--to", &token];
    let sig = ["--sig", "approve(address,uint256)", PAYEE, &max, "--out", "proposal.json"];
    environment.json(&[&approve[..], &sig].concat())?;
    assert_eq!(environment.dangers("proposal.json")?, ["unlimitedApproval"]);

    let key = environment.keystore(0)?;
    let sign = ["sign", "proposal.json", "--keystore", &key];
    environment.refuses(&sign, 4, "--accept unlimitedApproval")?;
    let accept = |code| [&sign[..], &["--accept", code]].concat();
    environment.refuses(&accept("ownerChange"), 4, "--accept unlimitedApproval")?;
    environment.refuses(&accept("unlimited"), 2, "the codes are")?;
    environment.json(&accept("unlimitedApproval"))?;

    let check = ["show", "proposal.json", "--check"];
    environment.refuses(&check, 4, "without limit")?;
    let shown = environment.run(&["show", "proposal.json"])?;
    ensure!(shown.code == 0 && shown.stdout.contains("everything, without limit, of tUSDC"));
    Ok(())
}

/// Amounts of a token are in its units, with its symbol, in calls too.
#[tokio::test]
async fn amounts_are_shown_in_the_tokens_units() -> Result<()> {
    let environment = Environment::start().await?;
    let token = tokens::USDC.address().to_checksum(None);
    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--token", &token, "--to", PAYEE];
    environment.json(&[&pay[..], &["--amount", "1234.5", "--out", "pay.json"]].concat())?;
    let shown = environment.run(&["show", "pay.json"])?.stdout;
    for part in ["1,234.5 tUSDC", PAYEE, &token, "6 decimals", "in 1 payment", "sequence", "epoch"]
    {
        ensure!(shown.contains(part), "{part} is not in {shown}");
    }
    let approve = ["propose", "approve", "--wallet", "wallet.json", "--token", &token];
    let more = ["--spender", PAYEE, "--amount", "7.25", "--out", "approve.json"];
    environment.json(&[&approve[..], &more].concat())?;
    let shown = environment.run(&["show", "approve.json"])?.stdout;
    ensure!(shown.contains("amount: 7.25 tUSDC"), "{shown}");
    Ok(())
}

/// Without a chain nothing is checked, and that has to be accepted too.
#[tokio::test]
async fn signing_without_a_chain_is_a_danger() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    let offline = environment.program.clone().with("ETH_RPC_URL", "");
    let key = environment.keystore(0)?;
    let sign = ["sign", "proposal.json", "--keystore", &key];
    let answer = offline.run(environment.folder(), &sign)?;
    ensure!(answer.code == 4 && answer.error().contains("--accept offline"), "{answer:?}");
    let accepted = [&sign[..], &["--accept", "offline"]].concat();
    let signed = offline.json(environment.folder(), &accepted)?;
    assert_eq!(signed["review"]["threshold"], 3);
    Ok(())
}

/// Whoever names a token or writes a note cannot move the cursor or reorder what is read.
#[tokio::test]
async fn hostile_text_is_spelled_out() -> Result<()> {
    let environment = Environment::start().await?;
    let evil = tokens::Token {
        name: "evil",
        symbol: "USD\u{202e}C\u{1b}[2J",
        decimals: 6,
        is_silent: false,
    };
    evil.deploy(&environment.chain).await?;
    let token = evil.address().to_checksum(None);
    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--token", &token, "--to", PAYEE];
    let note = ["--amount", "1", "--note", "a\u{1b}[31m\u{2066}b", "--out", "pay.json"];
    environment.json(&[&pay[..], &note].concat())?;
    let shown = environment.run(&["show", "pay.json"])?.stdout;
    ensure!(!shown.contains(['\u{1b}', '\u{202e}', '\u{2066}']), "{shown:?}");
    ensure!(shown.contains(r"USD\u{202e}C\u{1b}[2J") && shown.contains(r"a\u{1b}[31m\u{2066}b"));
    assert_eq!(environment.dangers("pay.json")?, ["hiddenText"]);
    Ok(())
}

/// Data to an account without code does nothing, and what is not understood is said to be.
#[tokio::test]
async fn data_that_does_nothing_or_is_not_understood_is_named() -> Result<()> {
    let environment = Environment::start().await?;
    let nobody = Address::repeat_byte(0x77).to_checksum(None);
    let call = ["propose", "call", "--wallet", "wallet.json", "--to", &nobody];
    environment.json(&[&call[..], &["--data", "0xdeadbeef01", "--out", "call.json"]].concat())?;
    assert_eq!(environment.dangers("call.json")?, ["unknownCalldata", "dataToNoCode"]);
    let far = ["--deadline", "91d"];
    environment.propose("far.json", &far)?;
    assert_eq!(environment.dangers("far.json")?, ["deadlineFar"]);
    environment.propose("near.json", &["--deadline", "30m"])?;
    assert_eq!(environment.dangers("near.json")?, ["deadlineNear"]);
    Ok(())
}
