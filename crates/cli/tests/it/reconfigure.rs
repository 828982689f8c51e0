//! Changes of owners.

use crate::environment::Environment;
use eyre::Result;
use quorate_lab::owners::owner;

/// An owner is replaced; what was signed before is void, and the new owner signs.
#[tokio::test]
async fn a_change_of_owners_voids_what_was_signed_before() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("old.json", &["--lane", "5"])?;
    environment.sign("old.json", &[0, 1])?;
    let [out, new] = [4, 20].map(|number| owner(number).address().to_checksum(None));
    let replace = ["propose", "owners", "--wallet", "wallet.json", "--replace", &out, &new];
    let more = ["--threshold", "2", "--out", "owners.json"];
    environment.json(&[&replace[..], &more].concat())?;
    let dangers = environment.dangers("owners.json")?;
    assert_eq!(dangers, ["ownerChange", "ownerChange", "thresholdChange"]);
    let accept = ["--accept", "ownerChange", "--accept", "thresholdChange"];
    for number in 0..3 {
        let key = environment.keystore(number)?;
        environment.json(&[&["sign", "owners.json", "--keystore", &key], &accept[..]].concat())?;
    }
    environment.submit("owners.json")?;

    let shown = environment.json(&["wallet", "show", "wallet.json"])?;
    assert_eq!((&shown["epoch"], &shown["config"]["threshold"]), (&1.into(), &2.into()));
    let key = environment.keystore(2)?;
    let sign = ["sign", "old.json", "--keystore", &key];
    environment.refuses(&sign, 3, "of epoch 0, the wallet is in epoch 1")?;
    let submit = ["submit", "old.json", "--keystore", "key-8"];
    environment.refuses(&submit, 3, "of epoch 0, the wallet is in epoch 1")?;

    environment.propose("new.json", &[])?;
    let key = environment.keystore(4)?;
    environment.refuses(&["sign", "new.json", "--keystore", &key], 3, "is not an owner")?;
    environment.sign("new.json", &[20, 0])?;
    environment.submit("new.json")?;
    Ok(())
}
