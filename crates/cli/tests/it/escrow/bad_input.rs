//! One clear line, before anybody signs.

use super::{ARBITER, BUYER, DAY, SELLER, Story};
use eyre::{OptionExt as _, Result, ensure};
use std::fs;

#[tokio::test]
async fn what_cannot_be_agreed_is_refused() -> Result<()> {
    let story = Story::opened("seller").await?;
    let at = &story.at;
    let [buyer, seller, arbiter] = story.parties.map(|party| party.to_checksum(None));
    let token = story.token.to_checksum(None);
    let past = (at.chain.now().await? - 1).to_string();
    at.write("empty.txt", "")?;
    let cases: [(&str, &str, i32, &str); 16] = [
        ("--expiry", &past, 3, "the expiry is"),
        ("--expiry", "1798761600000", 3, "milliseconds"),
        ("--expiry", "40000d", 3, "at most 100 years"),
        ("--expiry", "soon", 3, "is not an expiry"),
        ("--arbitration", "0", 3, "worth nothing"),
        ("--arbitration", "1w", 3, "not a length of time"),
        ("--arbitration", "60000", 3, "too long"),
        ("--fee-cap", "10.01", 4, "together with one party it can take everything"),
        ("--fee-cap", "100.01", 3, "above 100 percent"),
        ("--fee-cap", "2,5", 3, "write percent"),
        ("--seller", &buyer, 3, "the buyer and the seller are both"),
        ("--arbiter", &seller, 3, "the seller and the arbiter are both"),
        ("--seller", &token, 3, "is the token itself"),
        ("--amount", "0", 3, "nothing to hold"),
        ("--amount", "1.0000001", 3, "--amount"),
        ("--terms", "empty.txt", 3, "nothing to accept"),
    ];
    for (name, value, code, why) in cases {
        let mut open = vec!["escrow", "open"];
        for (option, usual) in [
            ("--buyer", buyer.as_str()),
            ("--seller", &seller),
            ("--arbiter", &arbiter),
            ("--token", &token),
            ("--amount", "1000"),
            ("--expiry", "30d"),
            ("--arbitration", "10"),
            ("--timeout-to", "seller"),
            ("--fee-cap", "5"),
            ("--terms", "terms.txt"),
            ("--out", "other.json"),
        ] {
            open.extend([option, if option == name { value } else { usual }]);
        }
        at.refuses(&open, code, why)?;
        if code == 4 {
            at.json(&[&open[..], &["--accept", "arbiterFee"]].concat())?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_changed_file_and_a_strangers_acceptance_are_refused() -> Result<()> {
    let story = Story::opened("seller").await?;
    let at = &story.at;
    let whole = at.read("escrow.json")?;
    at.keystore(9)?;
    at.refuses(
        &["escrow", "accept", "escrow.json", "--keystore", "key-9"],
        3,
        "neither the buyer",
    )?;
    let as_seller = ["escrow", "accept", "escrow.json", "--keystore", "key-5", "--as", "seller"];
    at.refuses(&as_seller, 3, "is the buyer, not the seller")?;
    let late = ["escrow", "accept", "escrow.json", "--keystore", "key-5", "--deadline", "1"];
    at.refuses(&late, 3, "the deadline is")?;

    // Signed for another chain, deadline or escrow.
    let typed = ["escrow", "accept", "escrow.json", "--as", "buyer", "--deadline", "4000000000"];
    let typed = at.run(&[&typed[..], &["--typed-data"]].concat())?;
    ensure!(typed.code == 0 && typed.stdout.contains("\"primaryType\": \"Accept\""), "{typed:?}");
    story.accept(BUYER)?;
    let accepted: serde_json::Value = serde_json::from_str(&at.read("escrow.json")?)?;
    let signature = accepted["acceptances"][0]["signature"].as_str().ok_or_eyre("no signature")?;
    let elsewhere = ["escrow", "accept", "escrow.json", "--as", "buyer", "--signature", signature];
    at.refuses(
        &[&elsewhere[..], &["--deadline", "4000000000"]].concat(),
        3,
        "no acceptance by the buyer",
    )?;

    // Terms, token, amount or chain changed behind an acceptance; files of different escrows.
    let json = at.read("escrow.json")?;
    for (from, to) in [
        ("\"amount\": \"1000000000\"", "\"amount\": \"1000000001\""),
        ("\"terms\": \"V", "\"terms\": \"X"),
        ("\"chainId\": 31337", "\"chainId\": 31338"),
        ("\"role\": 0", "\"role\": 1"),
    ] {
        ensure!(json.contains(from), "{from}");
        at.write("changed.json", &json.replacen(from, to, 1))?;
        for verb in ["show", "accept", "fund", "release"] {
            let command = ["escrow", verb, "changed.json"];
            at.refuses(&command, 7, "changed.json")?;
        }
        at.refuses(
            &["combine", "escrow.json", "changed.json", "--out", "both.json"],
            7,
            "changed.json",
        )?;
    }
    at.write("unsigned.json", &whole)?;
    let combined = at.json(&["combine", "unsigned.json", "escrow.json", "--out", "both.json"])?;
    ensure!(combined["accepted"][0] == "buyer", "{combined}");
    ensure!(at.read("both.json")? == json);
    Ok(())
}

#[tokio::test]
async fn nobody_acts_in_anothers_role_or_lane() -> Result<()> {
    let story = Story::funded("seller").await?;
    story.refused(SELLER, "release", &[], 3, "only the buyer")?;
    story.refused(ARBITER, "release", &[], 3, "only the buyer")?;
    story.refused(BUYER, "refund", &[], 3, "only the seller")?;
    story.refused(BUYER, "resolve", &["--to-buyer", "1"], 3, "`resolve` is the arbiter's")?;
    story.refused(
        ARBITER,
        "split",
        &["--to-buyer", "1"],
        3,
        "the arbiter decides with `resolve`",
    )?;
    story.refused(BUYER, "claim", &[], 3, "only the seller can claim")?;
    story.refused(SELLER, "dispute", &[], 3, "only the buyer can dispute")?;
    story.refused(BUYER, "release", &["--amount", "1000.000001"], 3, "that amount is not there")?;
    story.refused(BUYER, "release", &["--amount", "0"], 3, "nothing would be paid")?;
    story.refused(BUYER, "split", &["--to-seller", "101%"], 3, "not a percentage")?;
    story.at.keystore(9)?;
    story.refused(9, "release", &[], 3, "neither the buyer")?;
    story.refused(BUYER, "release", &["--as", "seller"], 3, "is the buyer, not the seller")?;
    story.at.refuses(&["escrow", "release", "escrow.json"], 2, "nobody acts")?;

    // What another's lane is for, nobody else signs; nor a payment that no two may make now.
    story.act(BUYER, "release", &["--amount", "1"], "own.json")?;
    story.at.refuses(
        &["sign", "own.json", "--keystore", "key-6"],
        3,
        "lane 1 is the buyer's alone",
    )?;
    let token = story.token.to_checksum(None);
    let seller = story.parties[1].to_checksum(None);
    let pay =
        ["propose", "transfer", "--wallet", "escrow.json", "--token", &token, "--to", &seller];
    story
        .at
        .json(&[&pay[..], &["--amount", "all", "--lane", "2", "--out", "early.json"]].concat())?;
    story.at.refuses(&["sign", "early.json", "--keystore", "key-6"], 6, "not yet")?;
    Ok(())
}

/// A changed byte is found and named, with the code of a lie.
#[tokio::test]
async fn a_changed_byte_of_the_evidence_is_named() -> Result<()> {
    let story = Story::funded("seller").await?;
    story.done(BUYER, "release", &[], "release.json")?;
    story.evidence(0)?;
    let json = story.at.read("evidence.json")?;
    let field = |name: &str| -> Result<usize> {
        json.find(&format!("\"{name}\": \"0x")).map(|at| at + name.len() + 6).ok_or_eyre("no field")
    };
    for (at, part) in [
        (field("txHash")? + 9, "execution 1"),
        (field("input")? + 300, "execution 1, its calldata"),
        (field("salt")? + 5, "wallet"),
        (json.find("\"terms\": \"").ok_or_eyre("no terms")? + 12, "terms"),
    ] {
        let mut bytes = json.clone().into_bytes();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        fs::write(story.at.path("bad.json"), bytes)?;
        for offline in [&["--offline"][..], &[]] {
            let verify = [&["escrow", "verify", "bad.json"], offline].concat();
            let answer = story.at.run(&verify)?;
            ensure!(answer.code == 7 && answer.error().contains(part), "{part}: {answer:?}");
        }
    }
    // Left out with its checksum: the chain knows of it.
    let mut document: serde_json::Value = serde_json::from_str(&json)?;
    document["executions"] = serde_json::json!([]);
    document["checksums"]["executions"] = serde_json::json!([]);
    fs::write(story.at.path("bad.json"), format!("{document:#}\n"))?;
    let answer = story.at.run(&["escrow", "verify", "bad.json"])?;
    ensure!(answer.code == 7 && answer.error().contains("executions"), "{answer:?}");
    Ok(())
}

/// An acceptance is good to be funded on until its deadline, and proves for ever.
#[tokio::test]
async fn an_acceptance_that_is_past_is_not_funded_on() -> Result<()> {
    let story = Story::accepted("seller").await?;
    story.pass(story.expiry - 10 * DAY).await?;
    let fund = ["escrow", "fund", "escrow.json", "--keystore", "key-5"];
    story.at.refuses(&fund, 6, "have it accept again")?;
    ensure!(story.show()?["accepted"] == true);
    for key in ["key-5", "key-6", "key-7"] {
        story.at.json(&[
            "escrow",
            "accept",
            "escrow.json",
            "--keystore",
            key,
            "--deadline",
            "1d",
        ])?;
    }
    ensure!(story.at.json(&fund)?["funded"] == true);
    story.pass(story.expiry).await?;
    let late = ["escrow", "accept", "escrow.json", "--keystore", "key-5"];
    story.at.refuses(&late, 3, "the expiry was")?;
    story.at.refuses(&fund, 3, "the expiry was")?;
    Ok(())
}
