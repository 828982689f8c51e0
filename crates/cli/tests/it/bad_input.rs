//! Wrong things: one clear line, the right exit code, nothing written.

use crate::environment::{Environment, PAYEE};
use eyre::{Result, ensure};
use quorate_core::text::shown;
use quorate_lab::{owners::owner, program::Program, tokens};
use std::path::Path;

#[tokio::test]
async fn addresses_and_amounts_are_checked() -> Result<()> {
    let environment = Environment::start().await?;
    let token = tokens::USDC.address().to_checksum(None);
    let pay = |to: &str, amount: &str, code, reason| {
        let pay = ["propose", "transfer", "--wallet", "wallet.json", "--token", &token];
        environment.refuses(&[&pay[..], &["--to", to, "--amount", amount]].concat(), code, reason)
    };
    pay(&PAYEE.replace("90F7", "90f7"), "1", 3, "wrong checksum")?;
    pay("0x1234", "1", 3, "40 hexadecimal digits")?;
    pay("vitalik.eth", "1", 3, "\"vitalik.eth\" is not an address")?;
    pay(&format!("0x{}", "0".repeat(40)), "1", 3, "zero address")?;
    pay(PAYEE, "1.0000001", 3, "more than the 6 decimals")?;
    pay(PAYEE, "0", 3, "amount is 0")?;
    pay(PAYEE, "1e6", 3, "is not an amount")?;
    pay(PAYEE, "-1", 2, "-1")?;
    pay(PAYEE, &"9".repeat(80), 3, "more than any token can hold")?;
    let no_token = ["propose", "transfer", "--wallet", "wallet.json", "--token", PAYEE];
    let no_token = [&no_token[..], &["--to", PAYEE, "--amount", "1"]].concat();
    environment.refuses(&no_token, 3, "is no token")
}

#[tokio::test]
async fn configurations_are_checked() -> Result<()> {
    let environment = Environment::start().await?;
    let [a, b] = [0, 1].map(|number| owner(number).address().to_checksum(None));
    let create = |owners: &[&str], threshold: &str, more: &[&str], reason| {
        let owners: Vec<_> = owners.iter().flat_map(|owner| ["--owner", owner]).collect();
        let create = ["wallet", "create", "--threshold", threshold];
        environment.refuses(&[&create[..], &owners, more].concat(), 3, reason)
    };
    create(&[&a, &a], "1", &[], "listed twice")?;
    create(&[&a, &b], "3", &[], "threshold 3 of 2 owners")?;
    create(&[&a, &b], "0", &[], "threshold 0 of 2 owners")?;
    create(&[&a, &format!("0x{}", "0".repeat(40))], "1", &[], "zero address")?;
    create(&[&a], "1", &["--chain-id", "0"], "chainIds is 0")?;
    create(&[&a], "1", &["--chain-id", "324"], "does not run EVM bytecode")?;
    create(&[&a], "x", &[], "\"x\" is not a whole number: give digits alone")?;
    create(&[&a], &"9".repeat(30), &[], "is too large: give a smaller number")
}

/// What a parser refuses is named with the option, what was given, and what is needed.
#[test]
fn values_that_do_not_parse_are_shown_with_the_way_out() -> Result<()> {
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    let predict = ["wallet", "predict", "--owner", PAYEE, "--threshold", "1"];
    let call = ["propose", "call", "--wallet", "wallet.json", "--to", PAYEE];
    let show = ["wallet", "show", "wallet.json"];
    let zero = format!("0x{}", "0".repeat(40));
    let no_digits = "g".repeat(64);
    for (command, option, value, complaint) in [
        (
            &predict[..],
            "--salt",
            "0x12",
            "\"0x12\" is not 32 bytes: 0x and 64 hexadecimal digits are needed",
        ),
        (
            &predict,
            "--salt",
            &no_digits,
            "g\" is not hexadecimal: 0x and digits from 0 to f are needed",
        ),
        (&predict, "--chain-id", "", "\"\" is not a whole number: give digits alone"),
        (
            &call,
            "--data",
            "0x1",
            "\"0x1\" has an odd number of digits: each byte needs two after 0x",
        ),
        (&call, "--sequence", "1.5", "\"1.5\" is not a whole number: give digits alone"),
        (&show, "--token", &zero, "the zero address belongs to nobody"),
        (&show, "--token", "x", "\"x\" is not an address: 0x and 40 hexadecimal digits"),
        (&show, "--lane", "x\n", "\"x\\n\""),
        (
            &["relayer"],
            "--log-level",
            "loud",
            "\"loud\" is not a level: give error, warn, info, debug or trace",
        ),
    ] {
        let answer = program.run(Path::new("."), &[command, &[option, value]].concat())?;
        ensure!(answer.code == 3 && answer.stderr.lines().count() == 1, "{answer:?}");
        let error = answer.error();
        ensure!(error.starts_with(&format!("error: {option} <")), "{error}");
        ensure!(error.contains(complaint), "{error}, not {complaint}");
        ensure!(error.matches(&shown(value)).count() == 1, "{error}: shown twice or never");
    }
    Ok(())
}

#[tokio::test]
async fn wallets_that_are_neither_address_nor_file_are_said_to_be_neither() -> Result<()> {
    let environment = Environment::start().await?;
    let propose = ["propose", "cancel", "--sequence", "0", "--wallet"];
    for wallet in ["x", "", "wallet.jsom", "vitalik.eth", "0x1234", &PAYEE[2..]] {
        let neither = format!("\"{wallet}\" is neither an address");
        environment.refuses(&["wallet", "show", wallet], 3, &neither)?;
        environment.refuses(&[&propose[..], &[wallet]].concat(), 3, &neither)?;
    }
    let mistyped = PAYEE.replace("90F7", "90f7");
    environment.refuses(&["wallet", "show", &mistyped], 3, "wrong checksum")?;
    environment.refuses(&["wallet", "show", "password"], 3, "not a wallet file")?;
    environment.refuses(&["wallet", "show", "."], 3, "cannot read .")
}

#[tokio::test]
async fn damaged_and_edited_files_are_refused() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    environment.sign("proposal.json", &[0])?;
    let text = environment.read("proposal.json")?;
    let check = |text: &str, code, reason| {
        environment.write("bad.json", text)?;
        environment.refuses(&["show", "bad.json"], code, reason)?;
        environment.refuses(&["sign", "bad.json", "--keystore", "key-0"], code, reason)?;
        environment.refuses(&["submit", "bad.json", "--keystore", "key-0"], code, reason)?;
        let combine = ["combine", "proposal.json", "bad.json", "--out", "out.json"];
        environment.refuses(&combine, code, reason)
    };
    check(&text[..text.len() / 2], 3, "cut off")?;
    check("", 3, "cut off")?;
    check("PK\u{3}\u{4}", 3, "not a proposal file")?;
    check(&text.replace("\"version\": 1", "\"version\": 9"), 3, "version 9")?;
    check(&environment.read("wallet.json")?, 3, "a \"wallet\" file")?;
    check(&text.replace("1500000000000000000", "2500000000000000000"), 7, "edited or damaged")?;
    check(&text.replace("\"chainId\": 31337", "\"chainId\": 1"), 7, "edited or damaged")?;
    check(&text.replace("\"threshold\": 3", "\"threshold\": 1"), 7, "edited or damaged")?;
    environment.refuses(&["show", "nothing.json"], 3, "no such file")?;

    environment.propose("other.json", &["--lane", "3"])?;
    let combine = ["combine", "proposal.json", "other.json", "--out", "out.json"];
    environment.refuses(&combine, 7, "different proposals")
}

#[tokio::test]
async fn signatures_of_others_and_over_other_things_are_refused() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    environment.propose("other.json", &["--lane", "3"])?;
    environment.sign("other.json", &[0])?;
    let other: serde_json::Value = serde_json::from_str(&environment.read("other.json")?)?;
    let signature = other["signatures"][0]["signature"].as_str().unwrap_or_default();
    let sign = ["sign", "proposal.json", "--signature"];
    environment.refuses(&[&sign[..], &[signature]].concat(), 3, "something else was signed")?;
    let owner = owner(0).address().to_checksum(None);
    let named = [&sign[..], &[signature, "--owner", &owner]].concat();
    environment.refuses(&named, 3, "does not count")?;
    environment.refuses(&[&sign[..], &["0x1234"]].concat(), 3, "65 bytes")?;
    environment.refuses(&[&sign[..], &["hello"]].concat(), 3, "--signature")?;
    let key = environment.keystore(9)?;
    environment.refuses(&["sign", "proposal.json", "--keystore", &key], 3, "is not an owner")
}

#[tokio::test]
async fn keys_that_cannot_be_used_give_one_line() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    let key = environment.keystore(0)?;
    let sign = ["sign", "proposal.json"];
    environment.write("wrong", "not the password")?;
    let wrong = ["--keystore", &key, "--password-file", "wrong"];
    environment.refuses(&[&sign[..], &wrong].concat(), 3, "wrong password")?;
    let missing = ["--keystore", &key, "--password-file", "missing"];
    environment.refuses(&[&sign[..], &missing].concat(), 3, "no such file")?;
    environment.refuses(
        &[&sign[..], &["--keystore", "wallet.json"]].concat(),
        3,
        "not a keystore",
    )?;
    environment.refuses(&sign, 2, "no key")?;
    environment.refuses(&[&sign[..], &["--ledger"]].concat(), 3, "no Ledger can be used")?;
    environment.refuses(&[&sign[..], &["--trezor"]].concat(), 3, "no Trezor can be used")?;
    environment.refuses(
        &[&sign[..], &["--account", "../etc"]].concat(),
        3,
        "not the name of a keystore",
    )
}

#[tokio::test]
async fn endpoints_that_are_none_or_of_another_chain_are_refused() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    let show = ["show", "proposal.json", "--rpc-url"];
    let secret = "http://user:hunter2@127.0.0.1:1/v3/hunter2?key=hunter2";
    environment.refuses(&[&show[..], &[secret]].concat(), 5, "127.0.0.1:1 cannot be reached")?;
    let answer = environment.run(&[&show[..], &[secret]].concat())?;
    ensure!(!answer.stderr.contains("hunter2"), "{}", answer.stderr);
    environment.refuses(&[&show[..], &["ftp://127.0.0.1"]].concat(), 3, "http")?;
    let text = environment.read("proposal.json")?;
    environment.write("mainnet.json", &text.replace("\"chainId\": 31337", "\"chainId\": 1"))?;
    environment.refuses(&["show", "mainnet.json"], 7, "serves chain 31337")?;
    let without = environment.program.clone().with("ETH_RPC_URL", "");
    let submit = ["submit", "proposal.json", "--keystore", "key-0"];
    let answer = without.run(environment.folder(), &submit)?;
    ensure!(answer.code == 2 && answer.error().contains("ETH_RPC_URL"), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_too_late_or_used_up_is_refused() -> Result<()> {
    let environment = Environment::start().await?;
    for (deadline, reason) in [
        ("2020-01-01T00:00:00Z", "ago"),
        ("1", "ago"),
        ("soon", "not a deadline"),
        ("0d", "UTC, now: give one that is to come"),
    ] {
        let propose = ["propose", "cancel", "--wallet", "wallet.json", "--sequence", "0"];
        let propose = [&propose[..], &["--deadline", deadline]].concat();
        environment.refuses(&propose, 3, reason)?;
    }
    environment.propose("proposal.json", &["--deadline", "2h"])?;
    environment.sign("proposal.json", &[0, 1, 2])?;
    let later = environment.chain.now().await? + 3 * 60 * 60;
    environment.chain.mine_at(later).await?;
    let key = environment.keystore(8)?;
    let submit = ["submit", "proposal.json", "--keystore", &key];
    environment.refuses(&submit, 3, "the deadline was")?;
    environment.refuses(&["sign", "proposal.json", "--keystore", &key], 3, "the deadline was")?;
    assert_eq!(environment.json(&["show", "proposal.json"])?["status"], "expired");
    Ok(())
}

/// Scripts get errors as JSON too, with the exit code in it.
#[tokio::test]
async fn errors_are_json_where_json_was_asked_for() -> Result<()> {
    let environment = Environment::start().await?;
    for (arguments, code, name) in [
        (&["show", "nothing.json", "--json"][..], 3, "badInput"),
        (&["show", "--json"], 2, "usage"),
        (&["wallet", "create", "--owner", "x", "--threshold", "1", "--json"], 3, "badInput"),
    ] {
        let answer = environment.run(arguments)?;
        let error: serde_json::Value = serde_json::from_str(&answer.stderr)?;
        assert_eq!((answer.code, &error["error"]["code"]), (code, &name.into()));
        assert_eq!(error["error"]["exitCode"], code);
        assert!(answer.stdout.is_empty());
    }
    Ok(())
}
