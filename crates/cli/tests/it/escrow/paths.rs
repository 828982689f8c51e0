//! Every way that an escrow can go.

use super::{ARBITER, BUYER, DAY, SELLER, Story, usdc};
use alloy::primitives::{Address, U256};
use eyre::{Result, ensure};
use quorate_lab::tokens as lab_tokens;

const PAID: i64 = 1_000_000_000;

/// The happy path, in two milestones and a rest; each step is the buyer's alone.
#[tokio::test]
async fn the_buyer_releases_in_milestones() -> Result<()> {
    let story = Story::funded("seller").await?;
    let shown = story.show()?;
    ensure!(shown["accepted"] == true && shown["funded"] == true, "{shown:#}");
    story.done(BUYER, "release", &["--amount", "250.5"], "one.json")?;
    story.done(BUYER, "release", &["--amount", "50%"], "two.json")?;
    story.done(BUYER, "release", &[], "three.json")?;
    story.ends([-PAID, PAID, 0], 0).await?;
    let shown = story.show()?;
    ensure!(shown["executions"].as_array().is_some_and(|all| all.len() == 3), "{shown:#}");
    Ok(())
}

/// The seller concedes: a part, then all.
#[tokio::test]
async fn the_seller_pays_back() -> Result<()> {
    let story = Story::funded("seller").await?;
    story.done(SELLER, "refund", &["--amount", "0.000001"], "one.json")?;
    story.done(SELLER, "refund", &[], "two.json")?;
    story.ends([0, 0, 0], 0).await
}

/// Buyer and seller agree without the arbiter, before and after a dispute.
#[tokio::test]
async fn the_two_agree() -> Result<()> {
    let story = Story::funded("buyer").await?;
    let offer = story.act(SELLER, "split", &["--to-seller", "33.3333%"], "offer.json")?;
    ensure!(offer["lane"] == "0" && offer["completedBy"][0] == "buyer", "{offer:#}");
    ensure!(offer["outcome"]["seller"] == "333333000", "{offer:#}");
    // The exact amount is the beneficiary's, whoever is named.
    let transfers = &offer["review"]["action"]["transfers"];
    ensure!(transfers[0]["to"] == story.parties[0].to_checksum(None).as_str(), "{transfers:#}");
    ensure!(transfers[0]["amount"] == "666667000", "{transfers:#}");
    // Dust that somebody pays in does not make it fail: it goes to the other.
    story.mint(story.wallet, 7).await?;
    story.completed("offer.json", BUYER)?;
    story.ends([-333_333_000, 333_333_007, 0], 0).await
}

/// The buyer disputes in time; arbiter and seller decide.
#[tokio::test]
async fn a_dispute_is_decided_for_the_seller() -> Result<()> {
    let story = Story::funded("seller").await?;
    story.done(BUYER, "dispute", &[], "dispute.json")?;
    ensure!(story.show()?["disputed"] == true);
    story.pass(story.expiry + DAY).await?;
    story.refused(SELLER, "claim", &[], 6, "from 20")?;
    let more = ["--to-seller", "800", "--fee", "50", "--deadline", "2d"];
    story.act(ARBITER, "resolve", &more, "decision.json")?;
    story.completed("decision.json", SELLER)?;
    story.ends([-(PAID - 150_000_000), 800_000_000, 50_000_000], 0).await
}

/// The seller disputes, as the time-out is for the buyer; arbiter and buyer decide.
#[tokio::test]
async fn a_dispute_is_decided_for_the_buyer() -> Result<()> {
    let story = Story::funded("buyer").await?;
    story.done(SELLER, "dispute", &[], "dispute.json")?;
    let more = ["--to-buyer", "100%"];
    story.act(ARBITER, "resolve", &more, "decision.json")?;
    story.completed("decision.json", BUYER)?;
    story.ends([0, 0, 0], 0).await
}

/// Nobody disputes: from the expiry on the beneficiary takes all, and not before.
#[tokio::test]
async fn the_time_out_without_a_dispute() -> Result<()> {
    for (beneficiary, key, other, gained) in
        [("seller", SELLER, BUYER, [-PAID, PAID, 0]), ("buyer", BUYER, SELLER, [0, 0, 0])]
    {
        let story = Story::funded(beneficiary).await?;
        story.refused(key, "claim", &[], 6, "not yet")?;
        story.pass(story.expiry).await?;
        story.refused(other, "claim", &[], 3, "only the")?;
        story.refused(other, "dispute", &[], 3, "too late to dispute")?;
        let deadline = ["--deadline", "1d"];
        story.done(key, "claim", &deadline, "claim.json")?;
        story.ends(gained, 0).await?;
    }
    Ok(())
}

/// The arbiter is silent after a dispute: nothing is locked for ever.
#[tokio::test]
async fn a_silent_arbiter_locks_nothing() -> Result<()> {
    let story = Story::funded("seller").await?;
    story.done(BUYER, "dispute", &[], "dispute.json")?;
    story.refused(BUYER, "dispute", &[], 3, "disputed before")?;
    story.pass(story.expiry + 10 * DAY - 60).await?;
    story.refused(SELLER, "claim", &[], 6, "not yet")?;
    story.pass(story.expiry + 10 * DAY).await?;
    story.done(SELLER, "claim", &["--deadline", "1d"], "claim.json")?;
    story.ends([-PAID, PAID, 0], 0).await
}

/// The buyer's key is lost: seller and arbiter pay the buyer's account back, or the time-out comes.
#[tokio::test]
async fn a_lost_key_loses_no_money() -> Result<()> {
    let story = Story::funded("buyer").await?;
    // Nobody is there to claim, so the other two decide after the time-out.
    story.pass(story.expiry + 100 * DAY).await?;
    story.act(ARBITER, "resolve", &["--to-seller", "60%", "--deadline", "2d"], "decision.json")?;
    story.completed("decision.json", SELLER)?;
    story.ends([-600_000_000, 600_000_000, 0], 0).await
}

/// All three agree on something else: they pay whom they like, or end the terms.
#[tokio::test]
async fn all_three_agree_on_something_else() -> Result<()> {
    let story = Story::funded("seller").await?;
    let elsewhere = "0x00000000000000000000000000000000000E5CA9";
    let (token, at) = (story.token.to_checksum(None), &story.at);
    let pay =
        ["propose", "transfer", "--wallet", "escrow.json", "--token", &token, "--to", elsewhere];
    at.json(&[&pay[..], &["--amount", "400", "--out", "other.json"]].concat())?;
    at.sign("other.json", &[BUYER, SELLER])?;
    at.refuses(&["submit", "other.json", "--keystore", "key-8"], 1, "PolicyRefused")?;
    at.sign("other.json", &[ARBITER])?;
    story.submit("other.json")?;
    let got = story.balance(elsewhere.parse()?).await?;
    ensure!(got == U256::from(usdc(400)), "{got}");

    let end = ["propose", "owners", "--wallet", "escrow.json", "--policy"];
    let zero = Address::ZERO.to_string();
    at.json(
        &[&end[..], &[&zero, "--policy-data", "0x", "--threshold", "2", "--out", "end.json"]]
            .concat(),
    )?;
    for key in ["key-5", "key-6", "key-7"] {
        let sign = ["sign", "end.json", "--keystore", key, "--accept", "policyChange"];
        at.json(&[&sign[..], &["--accept", "thresholdChange"]].concat())?;
    }
    story.submit("end.json")?;
    let shown = at.run(&["escrow", "show", "escrow.json"])?;
    ensure!(shown.stdout.starts_with("THESE TERMS ENDED"), "{}", shown.stdout);
    story.refused(BUYER, "release", &[], 3, "these terms ended")?;
    at.refuses(
        &["escrow", "accept", "escrow.json", "--keystore", "key-5"],
        3,
        "these terms ended",
    )?;
    at.refuses(&["escrow", "fund", "escrow.json", "--keystore", "key-5"], 3, "these terms ended")?;
    story.ends([-PAID, 0, 0], usdc(600)).await
}

/// What two can do against the third: give all of it to one of them, but for a fee within the cap; nothing goes elsewhere.
#[tokio::test]
async fn what_two_can_do_against_the_third_and_what_not() -> Result<()> {
    let story = Story::funded("buyer").await?;
    let (token, at) = (story.token.to_checksum(None), &story.at);
    let elsewhere = "0x00000000000000000000000000000000000E5CA9";
    let pay = ["propose", "transfer", "--wallet", "escrow.json", "--token", &token];
    at.json(&[&pay[..], &["--to", elsewhere, "--amount", "all", "--out", "theft.json"]].concat())?;
    at.sign("theft.json", &[ARBITER, SELLER])?;
    at.refuses(&["submit", "theft.json", "--keystore", "key-8"], 1, "PolicyRefused")?;
    story.refused(
        ARBITER,
        "resolve",
        &["--to-seller", "94%", "--fee", "6%"],
        3,
        "above the agreed cap",
    )?;
    story.refused(SELLER, "split", &["--to-seller", "90%", "--fee", "5%"], 3, "`resolve`")?;
    story.act(ARBITER, "resolve", &["--to-seller", "95%", "--fee", "5%"], "all.json")?;
    story.completed("all.json", SELLER)?;
    story.ends([-PAID, 950_000_000, 50_000_000], 0).await
}

/// Money comes before anybody accepted: it can be got back, and the first line says what is missing.
#[tokio::test]
async fn funded_before_acceptance() -> Result<()> {
    let story = Story::opened("buyer").await?;
    let at = &story.at;
    at.refuses(&["escrow", "fund", "escrow.json", "--keystore", "key-5"], 6, "not accepted yet")?;
    story.mint(story.wallet, usdc(1_000)).await?;
    story.accept(BUYER)?;
    let shown = at.run(&["escrow", "show", "escrow.json"])?;
    let first = "NOT ACCEPTED by the seller or the arbiter";
    ensure!(shown.stdout.starts_with(first), "{}", shown.stdout);
    at.refuses(
        &["escrow", "fund", "escrow.json", "--keystore", "key-5"],
        6,
        "the seller and the arbiter",
    )?;
    story.deploy()?;
    story.pass(story.expiry).await?;
    story.done(BUYER, "claim", &["--deadline", "1d"], "claim.json")?;
    story.ends([PAID, 0, 0], 0).await
}

/// Too little, then the rest, then too much.
#[tokio::test]
async fn under_and_over_funded() -> Result<()> {
    let story = Story::accepted("seller").await?;
    let fund = ["escrow", "fund", "escrow.json"];
    let with_key = |more: &[&'static str]| [&fund[..], &["--keystore", "key-5"], more].concat();
    let paid = story.at.json(&with_key(&["--amount", "999.999999"]))?;
    ensure!(paid["arrived"] == "999999999" && paid["missing"] == "1", "{paid:#}");
    story.at.refuses(&fund, 6, "is missing")?;
    let paid = story.at.json(&with_key(&[]))?;
    ensure!(paid["arrived"] == "1" && paid["funded"] == true, "{paid:#}");
    ensure!(story.at.json(&with_key(&[]))?["arrived"].is_null());
    story.at.json(&with_key(&["--amount", "500"]))?;
    story.at.refuses(&with_key(&["--amount", "500.000001"]), 3, "that amount is not there")?;
    let shown = story.at.run(&["escrow", "show", "escrow.json"])?.stdout;
    ensure!(shown.contains("500 tUSDC") && shown.contains("more than agreed"), "{shown}");
    story.done(BUYER, "release", &["--amount", "1000"], "agreed.json")?;
    story.done(SELLER, "refund", &[], "rest.json")?;
    story.ends([-PAID, PAID, 0], 0).await
}

/// Another token than the agreed one, and ether: named, and paid out by the same rules.
#[tokio::test]
async fn a_wrong_token_comes_out_again() -> Result<()> {
    let story = Story::funded("seller").await?;
    let (dai, chain) = (lab_tokens::DAI, &story.at.chain);
    dai.mint(chain, story.wallet, U256::from(5)).await?;
    chain.send(story.wallet, U256::from(9), Default::default()).await?;
    ensure!(
        story.at.run(&["escrow", "show", "escrow.json"])?.stdout.contains("which was not agreed")
    );
    let token = dai.address().to_checksum(None);
    story.done(SELLER, "refund", &["--token", &token], "dai.json")?;
    let seller_before = chain.balance(story.parties[1]).await?;
    story.act(SELLER, "split", &["--token", "ETH", "--to-seller", "100%"], "ether.json")?;
    story.completed("ether.json", BUYER)?;
    ensure!(chain.balance(story.parties[1]).await? - seller_before == U256::from(9));
    let back = lab_tokens::balance(chain, Some(dai.address()), story.parties[0]).await?;
    ensure!(back == U256::from(5), "{back}");
    story.refused(SELLER, "refund", &["--token", &token], 3, "nothing would be paid")?;
    story.done(BUYER, "release", &[], "release.json")?;
    story.ends([-PAID, PAID, 0], 0).await
}

/// The arbiter completes what the seller never answered.
#[tokio::test]
async fn an_offer_is_completed_by_the_arbiter() -> Result<()> {
    let story = Story::funded("seller").await?;
    let text = story.at.run(&[
        "escrow",
        "split",
        "escrow.json",
        "--keystore",
        "key-5",
        "--to-seller",
        "700",
        "--out",
        "offer.json",
    ])?;
    let first = text.stdout.lines().next().unwrap_or_default();
    ensure!(first.starts_with("Until ") && first.contains("the seller or the arbiter"), "{first}");
    ensure!(first.contains("cannot be taken back"), "{first}");
    story.at.refuses(&["submit", "offer.json", "--keystore", "key-8"], 6, "more signatures")?;
    ensure!(story.at.json(&["show", "offer.json"])?["status"] == "collecting");
    story.completed("offer.json", ARBITER)?;
    story.ends([-700_000_000, 700_000_000, 0], 0).await
}

/// An offer is cancelled by two, and an own action by one; what stays alive is named.
#[tokio::test]
async fn offers_are_cancelled_by_two() -> Result<()> {
    let story = Story::funded("seller").await?;
    story.act(BUYER, "release", &["--amount", "1"], "own.json")?;
    story.act(BUYER, "split", &["--to-seller", "700"], "offer.json")?;
    let cancel = ["escrow", "cancel", "escrow.json"];
    let by = |key: &'static str, what: &'static str, out: &'static str| {
        [&cancel[..], &[what, "--keystore", key, "--out", out]].concat()
    };
    story.at.refuses(&by("key-6", "own.json", "refused.json"), 3, "lane of the buyer")?;
    let alone = story.at.run(&by("key-5", "own.json", "alone.json"))?;
    ensure!(alone.stdout.contains("Your signature alone cancels it"), "{alone:?}");
    ensure!(
        alone.stdout.contains("Stays alive: ") && alone.stdout.contains("offer.json"),
        "{alone:?}"
    );
    story.submit("alone.json")?;
    let both = story.at.run(&by("key-5", "offer.json", "both.json"))?;
    ensure!(both.stdout.contains("takes two signatures") && both.code == 0, "{both:?}");
    story.at.refuses(&["submit", "both.json", "--keystore", "key-8"], 6, "more signatures")?;
    story.completed("both.json", SELLER)?;
    story.at.refuses(&["sign", "offer.json", "--keystore", "key-6"], 3, "can never be executed")?;
    story.done(BUYER, "release", &[], "release.json")?;
    story.ends([-PAID, PAID, 0], 0).await
}

/// Two steps by name, for where one cannot receive: each is a proposal of its own.
#[tokio::test]
async fn a_split_in_two_steps() -> Result<()> {
    let story = Story::funded("buyer").await?;
    let more = ["--to-seller", "40%", "--first", "seller"];
    let offer = story.act(BUYER, "split", &more, "step.json")?;
    ensure!(offer["steps"].as_array().is_some_and(|steps| steps.len() == 2), "{offer:#}");
    story.completed("step.json", SELLER)?;
    story.completed("step-2.json", ARBITER)?;
    story.ends([-400_000_000, 400_000_000, 0], 0).await
}

/// A milestone of two, which leaves the rest.
#[tokio::test]
async fn a_milestone_of_two() -> Result<()> {
    let story = Story::funded("buyer").await?;
    story.act(SELLER, "split", &["--to-seller", "10%", "--milestone"], "part.json")?;
    story.completed("part.json", ARBITER)?;
    story.done(SELLER, "refund", &[], "rest.json")?;
    story.ends([-100_000_000, 100_000_000, 0], 0).await
}
