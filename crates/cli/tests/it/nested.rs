//! A wallet that is an owner of another one.

use crate::environment::Environment;
use eyre::Result;
use quorate_lab::{fixtures::world, owners::owner};

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
