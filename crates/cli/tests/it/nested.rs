//! A wallet that is an owner of another one.

use crate::{environment::Environment, relayer_process::Stage};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{fixtures::world, keystore, owners::owner};

/// The treasury is an owner of a second wallet and approves its proposal on chain; the approval counts without
/// being in any file.
#[tokio::test]
async fn an_approval_on_chain_counts() -> Result<()> {
    let environment = Environment::start().await?;
    let treasury = world::treasury().address().to_checksum(None);
    let other = owner(30).address().to_checksum(None);
    let create = ["wallet", "create", "--owner", &treasury, "--owner", &other];
    let child =
        environment.json(&[&create[..], &["--threshold", "2", "--out", "child.json"]].concat())?;
    let key = environment.keystore(8)?;
    environment.json(&["wallet", "deploy", "child.json", "--keystore", &key])?;

    let cancel = ["propose", "cancel", "--wallet", "child.json", "--sequence", "0"];
    environment.json(&[&cancel[..], &["--out", "cancel.json"]].concat())?;
    environment.sign("cancel.json", &[30])?;
    let submit = ["submit", "cancel.json", "--keystore", &key];
    environment.refuses(&submit, 6, "1 of the 2 signatures needed")?;

    let approve = ["propose", "approve", "--wallet", "wallet.json", "--proposal", "cancel.json"];
    environment.json(&[&approve[..], &["--out", "approve.json"]].concat())?;
    environment.sign("approve.json", &[0, 1, 2])?;
    environment.submit("approve.json")?;
    let shown = environment.json(&["show", "cancel.json"])?;
    assert_eq!((&shown["status"], &shown["missing"]), (&"ready".into(), &serde_json::json!([])));
    environment.submit("cancel.json")?;

    // A wallet that is no owner has nothing to approve.
    let child = child["address"].as_str().unwrap_or_default();
    environment.propose("payment.json", &[])?;
    let approve = ["propose", "approve", "--wallet", child, "--proposal", "payment.json"];
    environment.refuses(&approve, 3, "is not an owner of")?;
    Ok(())
}

/// Three deep: owners of owners sign in files, each with one command; together their parts are the signature of the wallet
/// that owns the wallet.
#[tokio::test]
async fn owners_of_owners_sign_in_files() -> Result<()> {
    let environment = Environment::start().await?;
    let payer = environment.keystore(8)?;
    let create = |name: &str, owners: &[&str]| -> Result<String> {
        let mut create = vec!["wallet", "create", "--threshold", "2", "--out", name];
        owners.iter().for_each(|owner| create.extend(["--owner", owner]));
        let made = environment.json(&create)?;
        environment.json(&["wallet", "deploy", name, "--keystore", &payer])?;
        Ok(made["address"].as_str().unwrap_or_default().to_owned())
    };
    let [a, b, c, d] = [30, 31, 32, 33].map(|number| owner(number).address().to_checksum(None));
    let inner = create("inner.json", &[&b, &c, &d])?;
    let middle = create("middle.json", &[&inner, &d])?;
    create("outer.json", &[&middle, &a])?;
    let cancel = ["propose", "cancel", "--wallet", "outer.json", "--sequence", "0"];
    environment.json(&[&cancel[..], &["--out", "cancel.json"]].concat())?;
    environment.sign("cancel.json", &[30])?;
    let sign = |key: u64, path: &[&str]| -> Result<serde_json::Value> {
        let key = environment.keystore(key)?;
        let mut sign = vec!["sign", "cancel.json", "--keystore", &key];
        path.iter().for_each(|wallet| sign.extend(["--owner", wallet]));
        environment.json(&sign)
    };
    // Owner 33 owns both: its own way is the short one.
    let signed = sign(33, &[&middle])?;
    assert_eq!((&signed["signer"], &signed["added"]), (&middle.as_str().into(), &true.into()));
    assert_eq!(sign(33, &[&middle])?["added"], false);
    let submit = ["submit", "cancel.json", "--keystore", &payer];
    environment.refuses(&submit, 6, "1 of the 2 signatures needed")?;
    sign(31, &[&middle])?;
    let shown = environment.json(&["show", "cancel.json"])?;
    let branch = &shown["branches"][0];
    assert_eq!((&branch["wallet"], &branch["whole"]), (&middle.as_str().into(), &false.into()));
    assert_eq!(branch["signed"], serde_json::json!([d]));
    assert_eq!(branch["branches"][0]["signed"], serde_json::json!([b]));
    assert_eq!(branch["branches"][0]["missing"], serde_json::json!([c, d]));
    let text = environment.run(&["show", "cancel.json"])?.stdout;
    eyre::ensure!(text.contains("1 of 2 needed") && text.contains("not signed"), "{text}");

    let stranger = environment.keystore(34)?;
    let by_stranger = ["sign", "cancel.json", "--keystore", &stranger, "--owner", &middle];
    environment.refuses(&by_stranger, 3, "is no owner of")?;
    let key = environment.keystore(31)?;
    let wrong = ["sign", "cancel.json", "--keystore", &key, "--owner", &middle, "--owner", &d];
    environment.refuses(&wrong, 3, &format!("--owner {middle} --owner {inner}"))?;

    let signed = sign(32, &[&middle, &inner])?;
    assert_eq!((&signed["signatures"], &signed["threshold"]), (&2.into(), &2.into()));
    let shown = environment.json(&["show", "cancel.json"])?;
    assert_eq!((&shown["status"], &shown["branches"][0]["whole"]), (&"ready".into(), &true.into()));
    environment.submit("cancel.json")?;
    Ok(())
}

/// Over a relayer, two deep: until enough of a wallet's owners signed for it their parts are in a file, and the last one hands in
/// the signature of the wallet.
#[tokio::test(flavor = "multi_thread")]
async fn owners_of_owners_sign_over_a_relayer() -> Result<()> {
    let stage = Stage::start().await?;
    let of = |number: u64| -> Result<_> {
        let person = stage.owner(0)?;
        keystore::write(person.folder(), "key", &owner(number))?;
        Ok(person)
    };
    let [a, b, c] = [of(30)?, of(31)?, of(32)?];
    world::KEY_HOLDING.give(&stage.chain, owner(30).address()).await?;
    let name = |number| owner(number).address().to_checksum(None);
    let create = |file: &str, owners: [&str; 2]| -> Result<String> {
        let [first, second] = owners;
        let create = ["wallet", "create", "--threshold", "2", "--out", file];
        let made = a.json(&[&create[..], &["--owner", first, "--owner", second]].concat())?;
        a.json(&["wallet", "deploy", file])?;
        Ok(made["address"].as_str().ok_or_eyre("no address")?.to_owned())
    };
    let inner = create("inner.json", [&name(31), &name(32)])?;
    let outer = create("outer.json", [&inner, &name(30)])?;
    a.json(&["wallet", "register", "outer.json"])?;
    let cancel = ["propose", "cancel", "--wallet", &outer, "--sequence", "0"];
    let proposed = a.json(&cancel)?;
    let digest = proposed["digest"].as_str().ok_or_eyre("no digest")?.to_owned();

    // One of two: nothing to hand in yet, and without a file it would be lost.
    let sign = ["sign", &digest, "--owner", &inner];
    b.refuses(&sign, 3, "give --out FILE")?;
    let kept = b.json(&[&sign[..], &["--out", "part.json"]].concat())?;
    ensure!(kept["added"] == false, "{kept:#}");
    let part = std::fs::read(b.path("part.json"))?;
    std::fs::write(c.path("part.json"), part)?;
    let whole = c.json(&["sign", "part.json", "--owner", &inner])?;
    ensure!(whole["added"] == true && whole["signer"] == inner.as_str(), "{whole:#}");
    stage.mine_until_executed(&a, &[digest]).await
}

/// A reconfiguration of the wallet that is signed for voids what was.
#[tokio::test]
async fn parts_end_with_the_epoch_of_their_wallet() -> Result<()> {
    let environment = Environment::start().await?;
    let payer = environment.keystore(8)?;
    let [a, b] = [30, 31].map(|number| owner(number).address().to_checksum(None));
    let create = |name: &str, threshold: &str, owners: [&str; 2]| -> Result<String> {
        let [first, second] = owners;
        let create = ["wallet", "create", "--threshold", threshold, "--out", name];
        let made =
            environment.json(&[&create[..], &["--owner", first, "--owner", second]].concat())?;
        environment.json(&["wallet", "deploy", name, "--keystore", &payer])?;
        Ok(made["address"].as_str().unwrap_or_default().to_owned())
    };
    let inner = create("inner.json", "1", [&a, &b])?;
    create("outer.json", "2", [&inner, &a])?;
    let cancel = ["propose", "cancel", "--wallet", "outer.json", "--sequence", "0"];
    environment.json(&[&cancel[..], &["--out", "cancel.json"]].concat())?;
    environment.sign("cancel.json", &[30])?;
    let key = environment.keystore(31)?;
    environment.json(&["sign", "cancel.json", "--keystore", &key, "--owner", &inner])?;
    assert_eq!(environment.json(&["show", "cancel.json"])?["status"], "ready");

    let change = ["propose", "owners", "--wallet", "inner.json", "--threshold", "2"];
    environment.json(&[&change[..], &["--out", "change.json"]].concat())?;
    let sign = ["sign", "change.json", "--keystore", &key, "--accept", "thresholdChange"];
    environment.json(&sign)?;
    environment.submit("change.json")?;
    let shown = environment.json(&["show", "cancel.json"])?;
    assert_eq!(
        (&shown["status"], &shown["branches"][0]["whole"]),
        (&"collecting".into(), &false.into())
    );
    for number in [30, 31] {
        let key = environment.keystore(number)?;
        environment.json(&["sign", "cancel.json", "--keystore", &key, "--owner", &inner])?;
    }
    environment.submit("cancel.json")?;
    Ok(())
}
