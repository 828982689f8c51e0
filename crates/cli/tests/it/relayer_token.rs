//! `quorate relayer token`: who may read and register, by tokens that are shown once.

use crate::{operator::Operator, relayer::prepare, relayer_process::Stage};
use alloy::primitives::hex;
use eyre::{OptionExt as _, Result, ensure};
use serde_json::json;
use std::{fs, path::Path};

const LISTED: &str = "\
page
  may      read
  wallets  1:0x90F79bf6EB2c4f870365E785982E1f101E93b906
           31337:0x90F79bf6EB2c4f870365E785982E1f101E93b906
  made     … UTC, …
  revoked  … UTC, …

registrar
  may      read, register
  wallets  all
  made     … UTC, …";

const WALLET: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

/// Whether any file of the store has these bytes.
fn is_stored(folder: &Path, bytes: &[u8]) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let is_store =
            file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("relayer.db"));
        if is_store && fs::read(&file)?.windows(bytes.len()).any(|window| window == bytes) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// It is printed by the command that makes it, and found nowhere afterwards: its hash alone is stored.
#[test]
fn a_token_is_shown_once_and_stored_by_its_hash_alone() -> Result<()> {
    let (folder, program) = prepare("")?;
    let operator = Operator { program, folder: folder.path() };
    // The relayer need not have run.
    let first = operator.run(&["token", "create", "page", "--right", "read"])?;
    ensure!(first.code == 0 && first.stderr.is_empty(), "{first:?}");
    let (token, rest) = first.stdout.split_once('\n').ok_or_eyre("one line")?;
    assert_eq!(rest, "\nKeep it where nobody else reads it: it is not shown again.\n");
    let second = operator.json(&["token", "create", "registrar", "--right", "operator"])?;
    let other = second["token"].as_str().ok_or_eyre("no token")?;
    let expected = json!({
        "name": "registrar",
        "right": "operator",
        "wallets": "*",
        "token": other,
    });
    assert_eq!(second, expected);

    for token in [token, other] {
        let digits = token.strip_prefix("qrt_").ok_or_eyre("it has no prefix")?;
        let bytes = hex::decode(digits)?;
        assert_eq!(bytes.len(), 32, "{token}");
        let hash = quorate_server::token::hash(token);
        ensure!(is_stored(folder.path(), hash.as_slice())?, "the hash of {token}");
        ensure!(!is_stored(folder.path(), digits.as_bytes())?, "{token}");
        ensure!(!is_stored(folder.path(), digits.to_uppercase().as_bytes())?, "{token}");
        ensure!(!is_stored(folder.path(), &bytes)?, "the bytes of {token}");
        for command in [&["token", "list"][..], &["token", "list", "--json"]] {
            let listed = operator.run(command)?;
            ensure!(listed.code == 0 && !listed.stdout.contains(&digits[..8]), "{listed:?}");
        }
    }
    assert_ne!(token, other);
    Ok(())
}

#[test]
fn tokens_are_listed_with_what_they_are_for_and_whether_they_are_revoked() -> Result<()> {
    let (folder, program) = prepare("")?;
    let operator = Operator { program, folder: folder.path() };
    let [there, here] = [format!("1:{WALLET}"), format!("31337:{WALLET}")];
    let create = ["token", "create", "page", "--right", "read", "--wallet", &here];
    let made = operator.json(&[&create[..], &["--wallet", &there]].concat())?;
    assert_eq!(made["wallets"], json!([there, here]));
    operator.json(&["token", "create", "registrar", "--right", "operator"])?;
    operator.prints(&["token", "revoke", "page"], "page is revoked")?;
    operator.prints(&["token", "revoke", "page"], "page is revoked, as before")?;
    let again = operator.json(&["token", "revoke", "page"])?;
    assert_eq!(again, json!({ "name": "page", "revoked": true, "changed": false }));
    let news = operator.json(&["token", "revoke", "registrar"])?;
    assert_eq!(news, json!({ "name": "registrar", "revoked": true, "changed": true }));
    operator.prints(&["token", "list"], &format!("{LISTED}\n  revoked  … UTC, …"))?;

    let list = operator.json(&["token", "list"])?;
    let page = &list["tokens"][0];
    let fixed = ["name", "right", "wallets"].map(|field| page[field].clone());
    assert_eq!(fixed, [json!("page"), json!("read"), json!([there, here])]);
    let [made_at, revoked_at] = ["createdAt", "revokedAt"].map(|field| page[field].as_u64());
    ensure!(made_at.is_some() && made_at <= revoked_at, "{list}");
    assert_eq!(list["tokens"].as_array().map(Vec::len), Some(2));
    Ok(())
}

#[test]
fn tokens_that_cannot_be_meant_are_refused() -> Result<()> {
    let (folder, program) = prepare("")?;
    let operator = Operator { program, folder: folder.path() };
    for command in [&["token", "list"][..], &["token", "revoke", "page"]] {
        operator.refuses(command, 3, "there is no store at ")?;
    }
    ensure!(!folder.path().join("relayer.db").exists(), "looking makes no store");
    let create = |more: &[&'static str]| [&["token", "create"], more].concat();
    let long = "x".repeat(65);
    for (arguments, code, reason) in [
        (&[][..], 2, "NAME"),
        (&["page"], 2, "--right"),
        (&["page", "--right", "write"], 2, "read, operator"),
        (&["", "--right", "read"], 3, "give letters, digits, - and _"),
        (&["a page", "--right", "read"], 3, "give letters, digits, - and _"),
        (&["page", "--right", "read", "--wallet", WALLET], 3, "is not CHAIN_ID:ADDRESS"),
        (&["page", "--right", "read", "--wallet", "x:0x"], 3, "is not CHAIN_ID:ADDRESS"),
        (&["page", "--right", "read", "--wallet", "1:0x12"], 3, "0x12"),
        (
            &[
                "page",
                "--right",
                "read",
                "--wallet",
                "1:0x90f79bf6EB2c4f870365E785982E1f101E93b906",
            ],
            3,
            "checksum",
        ),
    ] {
        operator.refuses(&create(arguments), code, reason)?;
    }
    operator.refuses(&["token", "create", &long, "--right", "read"], 3, "at most 64")?;
    ensure!(!folder.path().join("relayer.db").exists(), "what is refused makes no store");

    operator.json(&create(&["page", "--right", "read"]))?;
    operator.prints(&["token", "list"], "page\n  may      read\n  wallets  all\n  made     …")?;
    operator.refuses(&["token", "revoke", "Page"], 3, "there is no token \"Page\"")?;
    let again = create(&["page", "--right", "read"]);
    operator.refuses(&again, 3, "there is already a token \"page\"")?;
    operator.json(&["token", "revoke", "page"])?;
    operator.refuses(&again, 3, "there is already a token \"page\"")?;
    assert_eq!(operator.json(&["token", "list"])?["tokens"].as_array().map(Vec::len), Some(1));
    fs::write(folder.path().join("relayer.db"), "no database")?;
    operator.refuses(&["token", "list"], 3, "is no SQLite database")
}

/// Revoking one needs no restart: the next request is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_a_relayer_that_runs_until_it_is_revoked() -> Result<()> {
    let stage = Stage::start_with("open_reading = false\n").await?;
    stage.register()?;
    let operator = stage.relayer.operator();
    let none = "no tokens yet: quorate relayer token create NAME --right read|operator";
    operator.prints(&["token", "list"], none)?;
    let make = |name: &str, more: &[&str]| -> Result<String> {
        let create = ["token", "create", name, "--right", "read"];
        let made = operator.json(&[&create[..], more].concat())?;
        Ok(made["token"].as_str().ok_or_eyre("no token")?.to_owned())
    };
    let page = make("page", &[])?;
    let elsewhere = make("elsewhere", &["--wallet", &format!("31337:{WALLET}")])?;
    let reads = |token: &str| stage.stranger().map(|who| who.with("QUORATE_RELAYER_TOKEN", token));
    reads("")?.refuses(&["list"], 3, "(unauthorized)")?;
    reads("qrt_made-up")?.refuses(&["list"], 3, "(unauthorized)")?;
    reads(&elsewhere)?.refuses(&["list"], 3, "may not read this wallet (forbidden)")?;
    assert_eq!(reads(&page)?.json(&["list"])?["proposals"], json!([]));

    // Whoever has no token may register here; whoever has one is held to it.
    let register = ["wallet", "register", "wallet.json"];
    reads(&page)?.refuses(&register, 3, "has to be an operator's (forbidden)")?;
    reads("")?.json(&register)?;

    operator.prints(&["token", "revoke", "page"], "page is revoked")?;
    reads(&page)?.refuses(&["list"], 3, "(unauthorized)")
}
