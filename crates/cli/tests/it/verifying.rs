//! `quorate verify`: what would be signed, what of it was checked, and whether it is what somebody expects.

use crate::{
    environment::{Environment, PAYEE},
    relayer_process::Stage,
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{program::Answer, tokens};
use serde_json::Value;

fn parsed(answer: &Answer) -> Result<Value> {
    Ok(serde_json::from_str(&answer.stdout)?)
}

fn said(view: &Value, list: &str, part: &str) -> Result<()> {
    let mut lines = view[list].as_array().into_iter().flatten().filter_map(Value::as_str);
    ensure!(lines.any(|line| line.contains(part)), "{part:?} is not in {:#}", view[list]);
    Ok(())
}

/// Missing signatures do not matter; the page for people and the JSON tell the same.
#[tokio::test]
async fn what_would_be_signed_is_verified() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("rent.json", &["--note", "rent"])?;
    environment.sign("rent.json", &[0])?;
    let view = environment.json(&["verify", "rent.json"])?;
    let review = environment.json(&["show", "rent.json"])?;
    assert_eq!(view["review"], review);
    let of_digest: Vec<_> = view["allWords"].as_str().unwrap_or_default().split(' ').collect();
    assert_eq!(of_digest.len(), 24);
    assert_eq!(view["words"], of_digest[..6].join(" "));
    for part in
        ["struct hash", "the factory", "owners, threshold", "nonce is not used up", "1 signature"]
    {
        let part = part.replace("the factory", "the Quorate factory");
        said(&view, "checked", &part)?;
    }
    said(&view, "notChecked", "nothing was simulated")?;

    let page = environment.run(&["verify", "rent.json", "--words", "all"])?;
    ensure!(page.code == 0, "{page:?}");
    let six = view["words"].as_str().ok_or_eyre("no words")?;
    for part in [
        "Proposal: a payment in ETH",
        "\nChecked\n",
        "\nNot checked\n",
        six,
        "66 bits",
        of_digest[23],
    ] {
        ensure!(page.stdout.contains(part), "{part:?} is not in {page:?}");
    }
    let shown = environment.run(&["show", "rent.json"])?.stdout;
    ensure!(page.stdout.starts_with(shown.trim_end()), "{page:?}");
    Ok(())
}

/// Without a chain that is a danger, unless it was asked for; then what was not checked is all the same said.
#[tokio::test]
async fn without_a_chain_it_says_what_nobody_checked() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("rent.json", &[])?;
    let verify = ["verify", "rent.json"];
    let answer = environment.run(&[&["--json"], &verify[..], &["--rpc-url", ""]].concat())?;
    ensure!(answer.code == 4, "{answer:?}");
    said(&parsed(&answer)?, "notChecked", "no endpoint was asked")?;
    let accepted = [&["--json"], &verify[..], &["--rpc-url", "", "--accept", "offline"]].concat();
    ensure!(environment.run(&accepted)?.code == 0, "{accepted:?}");
    let view = environment.json(&[&verify[..], &["--offline"]].concat())?;
    assert_eq!(view["review"]["dangers"].as_array().map(Vec::len), Some(0));
    said(&view, "notChecked", "no endpoint was asked")?;
    said(&view, "checked", "computed here")?;
    // Expectations need no chain either, where the units are known.
    let expect = ["--offline", "--expect-to", PAYEE, "--expect-amount", "1.5"];
    let view = environment.json(&[&verify[..], &expect].concat())?;
    assert_eq!(view["expected"], true);
    Ok(())
}

/// What differs from what was expected ends with 7, and names both.
#[tokio::test]
async fn what_is_not_expected_is_refused() -> Result<()> {
    let environment = Environment::start().await?;
    let dollars = tokens::USDC.address().to_checksum(None);
    environment.propose("ether.json", &[])?;
    let of_token = ["propose", "transfer", "--wallet", "wallet.json", "--to", PAYEE, "--amount"];
    let of_token = [&of_token[..], &["12.5", "--token", &dollars, "--out", "token.json"]].concat();
    let of_token = environment.run(&of_token)?;
    ensure!(of_token.code == 0, "{of_token:?}");

    let verify = |file: &str, expected: &[&str]| -> Result<(i32, String, Value)> {
        let answer = environment.run(&[&["--json", "verify", file][..], expected].concat())?;
        Ok((answer.code, answer.error().to_owned(), parsed(&answer)?))
    };
    let as_expected = |file: &str, expected: &[&str]| -> Result<()> {
        let (code, error, view) = verify(file, expected)?;
        ensure!(code == 0 && view["expected"] == true, "{file} {expected:?}: {code} {error}");
        Ok(())
    };
    as_expected("ether.json", &["--expect-to", PAYEE, "--expect-amount", "1.5"])?;
    as_expected("ether.json", &["--expect-to", PAYEE])?;
    let all = ["--expect-to", PAYEE, "--expect-amount", "12.5", "--expect-token", &dollars];
    as_expected("token.json", &all)?;
    as_expected("token.json", &["--expect-token", &dollars])?;

    let wallet = environment.wallet()?;
    let refuses = |file: &str, expected: &[&str], parts: &[&str]| -> Result<()> {
        let (code, error, view) = verify(file, expected)?;
        ensure!(code == 7 && view["expected"] == false, "{file} {expected:?}: {code} {error}");
        for part in parts {
            ensure!(error.contains(part), "{part:?} is not in {error}");
        }
        Ok(())
    };
    refuses("ether.json", &["--expect-amount", "15"], &["it pays 1.5 ETH, not 15 ETH"])?;
    refuses("ether.json", &["--expect-to", &wallet], &[PAYEE, &wallet])?;
    refuses("ether.json", &["--expect-token", &dollars], &["it pays ether", &dollars])?;
    refuses("token.json", &["--expect-amount", "12.5"], &["not ether", &dollars])?;
    let more = ["--expect-amount", "12.51", "--expect-token", &dollars];
    refuses("token.json", &more, &["it pays 12.5", "not 12.51"])
}

/// A digest is asked of the relayer, whose word on the status is named as such.
#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_verified_at_a_relayer() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let alice = stage.owner(0)?;
    let made = alice.json(&["propose", "transfer", "--to", PAYEE, "--amount", "3"])?;
    let digest = made["digest"].as_str().ok_or_eyre("no digest")?;
    let view = alice.json(&["verify", digest, "--expect-to", PAYEE, "--expect-amount", "3"])?;
    assert_eq!((&view["digest"], &view["expected"]), (&made["digest"], &true.into()));
    said(&view, "notChecked", "the relayer's word")
}
