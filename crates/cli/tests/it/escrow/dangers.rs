//! What is said before one pays the same again.

use super::{BUYER, SELLER, Story};
use eyre::{Result, ensure};

/// An offer that pays the seller lies around, and the buyer releases: it is named, with the command that cancels it.
#[tokio::test]
async fn a_release_names_the_open_decision_that_would_pay_the_same() -> Result<()> {
    let story = Story::funded("seller").await?;
    story.act(BUYER, "split", &["--to-seller", "700", "--milestone"], "offer.json")?;
    let release =
        ["escrow", "release", "escrow.json", "--keystore", "key-5", "--out", "release.json"];
    let answer = story.at.run(&[&release[..], &["--amount", "700"]].concat())?;
    ensure!(answer.code == 0, "{answer:?}");
    ensure!(answer.stderr.contains("offer.json") && answer.stderr.contains("700"), "{answer:?}");
    // Named, it is a danger that has to be accepted.
    let beside = ["--amount", "700", "--beside", "offer.json"];
    story.refused(BUYER, "release", &beside, 4, "paidAgain")?;
    // Decisions of two are rivals for one nonce, and exclude each other.
    let rival = story.act(SELLER, "split", &["--to-seller", "700"], "rival.json")?;
    ensure!(rival["sequence"] == 0 && rival["lane"] == "0", "{rival:#}");
    Ok(())
}
