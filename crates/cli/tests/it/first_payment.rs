//! From a proposal to a payment.

use crate::environment::{Environment, PAYEE};
use alloy::primitives::{Address, U256};
use eyre::{Result, ensure};
use quorate_lab::owners::owner;

/// A payment of ether, signed by three of five in three copies of the file, is made once.
#[tokio::test]
async fn three_owners_pay_and_nothing_is_paid_twice() -> Result<()> {
    let environment = Environment::start().await?;
    let payee: Address = PAYEE.parse()?;
    let before = environment.chain.balance(payee).await?;
    environment.propose("proposal.json", &["--note", "rent"])?;
    let proposal = environment.read("proposal.json")?;
    let names = ["one.json", "two.json", "three.json"];
    for (number, name) in (0..).zip(names) {
        environment.write(name, &proposal)?;
        environment.sign(name, &[number])?;
    }
    let combine = [&["combine"], &names[..], &["--out", "signed.json"]].concat();
    environment.json(&combine)?;

    let shown = environment.json(&["show", "signed.json"])?;
    assert_eq!(shown["status"], "ready");
    assert_eq!(shown["decoded"]["totalText"], "1.5 ETH");
    assert_eq!(shown["dangers"].as_array().map(Vec::len), Some(0));
    let done = environment.submit("signed.json")?;
    assert_eq!((&done["status"], &done["already"]), (&"executed".into(), &false.into()));
    let again = environment.submit("signed.json")?;
    assert_eq!((&again["already"], &again["txHash"]), (&true.into(), &done["txHash"]));

    let paid = environment.chain.balance(payee).await? - before;
    assert_eq!(paid, U256::from(1_500_000_000_000_000_000_u64));
    let shown = environment.json(&["show", "signed.json"])?;
    assert_eq!(
        (&shown["status"], &shown["execution"]["txHash"]),
        (&"executed".into(), &done["txHash"])
    );
    Ok(())
}

/// The order of combining and how often does not matter: the file has the same bytes.
#[tokio::test]
async fn combining_gives_the_same_file_in_every_order() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("a.json", &[])?;
    environment.write("b.json", &environment.read("a.json")?)?;
    environment.sign("a.json", &[0])?;
    environment.sign("b.json", &[1])?;
    environment.json(&["combine", "a.json", "b.json", "--out", "ab.json"])?;
    environment.json(&["combine", "b.json", "a.json", "b.json", "--out", "ba.json"])?;
    assert_eq!(environment.read("ab.json")?, environment.read("ba.json")?);
    environment.json(&["combine", "ab.json", "a.json", "--out", "ab.json"])?;
    assert_eq!(environment.read("ab.json")?, environment.read("ba.json")?);
    Ok(())
}

/// An owner who signs twice changes nothing the second time.
#[tokio::test]
async fn a_second_signature_of_an_owner_changes_nothing() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    environment.sign("proposal.json", &[0])?;
    let signed = environment.read("proposal.json")?;
    let keystore = environment.keystore(0)?;
    let again = environment.json(&["sign", "proposal.json", "--keystore", &keystore])?;
    assert_eq!((&again["added"], &again["signatures"]), (&false.into(), &1.into()));
    assert_eq!(environment.read("proposal.json")?, signed);
    Ok(())
}

/// What is behind another proposal has to wait for it; what takes its place ends it.
#[tokio::test]
async fn proposals_go_in_their_order_and_a_cancellation_ends_one() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("first.json", &[])?;
    environment.propose("second.json", &["--after", "first.json"])?;
    environment.sign("first.json", &[0, 1, 2])?;
    environment.sign("second.json", &[0, 1, 2])?;
    let key = environment.keystore(8)?;
    let submit = ["submit", "second.json", "--keystore", &key];
    environment.refuses(&submit, 6, "what is before it must go first")?;

    let cancel = ["propose", "cancel", "first.json", "--wallet", "wallet.json"];
    environment.json(&[&cancel[..], &["--out", "cancel.json"]].concat())?;
    environment.sign("cancel.json", &[2, 3, 4])?;
    environment.submit("cancel.json")?;
    let submit = ["submit", "first.json", "--keystore", &key];
    environment.refuses(&submit, 1, "another action")?;
    environment.refuses(&["sign", "first.json", "--keystore", "key-0"], 3, "never be executed")?;
    assert_eq!(environment.json(&["show", "first.json"])?["status"], "superseded");
    environment.submit("second.json")?;
    Ok(())
}

/// A key's folder of Foundry is found by the account's name, and mnemonics are read from files.
#[tokio::test]
async fn keys_come_from_accounts_and_mnemonics() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    let keystores = environment.path(".foundry/keystores");
    std::fs::create_dir_all(&keystores)?;
    quorate_lab::keystore::write(&keystores, "alice", &owner(0))?;
    let at_home = environment.program.clone().with("HOME", environment.folder());
    let sign = ["sign", "proposal.json", "--account", "alice"];
    let signed = at_home.json(environment.folder(), &sign)?;
    assert_eq!(signed["signer"], owner(0).address().to_checksum(None));
    let unknown = ["sign", "proposal.json", "--account", "nobody"];
    let answer = at_home.run(environment.folder(), &unknown)?;
    ensure!(answer.code == 3 && answer.error().contains("no keystore \"nobody\""), "{answer:?}");

    // What is named by an argument goes before what the environment names.
    let at_home = at_home.with("ETH_KEYSTORE_ACCOUNT", "alice").with("ETH_KEYSTORE", "missing");
    assert_eq!(at_home.json(environment.folder(), &sign[..2])?["added"], false);
    let key = environment.keystore(1)?;
    let named = ["sign", "proposal.json", "--keystore", &key];
    let signed = at_home.json(environment.folder(), &named)?;
    assert_eq!(signed["signer"], owner(1).address().to_checksum(None));
    let signature: serde_json::Value = serde_json::from_str(&environment.read("proposal.json")?)?;
    let signature = signature["signatures"][0]["signature"].as_str().unwrap_or_default();
    at_home.json(environment.folder(), &["sign", "proposal.json", "--signature", signature])?;

    // The mnemonic is anvil's, whose accounts are no owners here: the key is read, and refused as a stranger's.
    let words = "test test test test test test test test test test test junk\n";
    environment.write("words", words)?;
    let stranger = ["sign", "proposal.json", "--mnemonic-file", "words", "--mnemonic-index", "1"];
    environment.refuses(
        &stranger,
        3,
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8 is not an owner",
    )?;
    environment.write("words", &words.replace("junk", "test"))?;
    environment.refuses(&stranger[..4], 3, "no mnemonic")?;
    Ok(())
}
