//! A buyer and a seller fall out, and an arbiter settles it.

use super::{
    SUBMITTER, hand_over,
    stage::{Person, Stage},
    text,
};
use crate::{fixtures::world, tokens};
use alloy::primitives::{Address, U256, keccak256};
use eyre::Result;
use quorate_bindings::canonical;

/// What is held, in whole tokens.
const HELD: u64 = 10_000;

/// What the arbiter decides: so much for the seller, so much as its fee, the rest for the buyer.
const FOR_SELLER: &str = "7250.50";
const FOR_ARBITER: &str = "249.50";

/// A month, in seconds.
const MONTH_SECS: u64 = 30 * 24 * 60 * 60;

pub(super) async fn play(stage: &mut Stage) -> Result<Address> {
    let buyer = stage.enter("buyer", 5)?;
    let seller = stage.enter("seller", 6)?;
    let arbiter = stage.enter("arbiter", 7)?;
    let submitter = stage.enter("courier", SUBMITTER)?;
    let parties = [&buyer, &seller, &arbiter];
    let escrow = open(stage, &buyer, parties, &submitter).await?;
    let token = tokens::USDC.address().to_checksum(None);
    let everyone = parties.map(|party| party.address.to_checksum(None));
    let [to_buyer, to_seller, to_arbiter] = &everyone;

    stage.scene("The buyer is not content, and disputes in time");
    let policy = canonical::ESCROW_POLICY.address.to_checksum(None);
    let dispute = ["propose", "call", "--wallet", "wallet.json", "--lane", "1", "--to", &policy];
    let dispute = [&dispute[..], &["--sig", "dispute()", "--out", "dispute.json"]].concat();
    stage.run(&buyer, &dispute)?;
    stage.run(&buyer, &["sign", "dispute.json"])?;
    submit(stage, &submitter, &buyer, "dispute.json")?;

    let grab = ["propose", "transfer", "--wallet", "wallet.json", "--lane", "1", "--token", &token];
    let grab = [&grab[..], &["--to", to_buyer, "--amount", "all", "--out", "grab.json"]].concat();
    stage.run(&buyer, &grab)?;
    stage.refused(
        &buyer,
        &["sign", "grab.json"],
        3,
        "the buyer alone cannot take it back, and is told before it signs",
    )?;

    stage.scene("Arbiter and seller settle it, in one payment to all");
    let settle = ["propose", "transfer", "--wallet", "wallet.json", "--token", &token];
    let amounts = ["--to", to_seller, "--amount", FOR_SELLER, "--to", to_arbiter, "--amount"];
    let rest = [FOR_ARBITER, "--to", to_buyer, "--amount", "all", "--out", "settle.json"];
    let shown = stage.ask(&arbiter, &[&settle[..], &amounts, &rest].concat())?;
    stage.quote(&shown.stdout);
    for party in [&arbiter, &seller] {
        if party.name != arbiter.name {
            hand_over(&arbiter.folder.join("settle.json"), &party.folder.join("settle.json"))?;
        }
        stage.run(party, &["sign", "settle.json"])?;
    }
    let before = balances(stage, parties).await?;
    submit(stage, &submitter, &seller, "settle.json")?;
    let after = balances(stage, parties).await?;
    let gained: Vec<_> = after.iter().zip(before).map(|(after, before)| *after - before).collect();
    let units = |cents: u64| U256::from(cents) * U256::from(10_000);
    let expected = [units(250_000), units(725_050), units(24_950)];
    stage.check(
        "buyer, seller and arbiter have what was decided, to the last unit",
        gained == expected,
    );
    let left = tokens::balance(stage.chain(), Some(tokens::USDC.address()), escrow).await?;
    stage.check("nothing is left in the escrow", left.is_zero());
    Ok(escrow)
}

async fn open(
    stage: &mut Stage,
    buyer: &Person,
    parties: [&Person; 3],
    submitter: &Person,
) -> Result<Address> {
    stage.scene("Buyer, seller and arbiter open an escrow, by files and without a relayer");
    let expiry = stage.chain().now().await? + MONTH_SECS;
    let terms = keccak256("The seller delivers; the buyer pays. The arbiter decides.");
    let terms = world::escrow_data(expiry, terms).to_string();
    let policy = canonical::ESCROW_POLICY.address.to_checksum(None);
    let owners = parties.map(|party| party.address.to_checksum(None));
    let mut create = vec!["wallet", "create", "--threshold", "1", "--out", "wallet.json"];
    for owner in &owners {
        create.extend(["--owner", owner]);
    }
    create.extend(["--policy", &policy, "--policy-data", &terms]);
    let made = stage.run(buyer, &create)?;
    let escrow: Address = text(&made, "address")?.parse()?;
    for person in parties.into_iter().skip(1).chain([submitter]) {
        hand_over(&buyer.folder.join("wallet.json"), &person.folder.join("wallet.json"))?;
    }
    stage.run(submitter, &["wallet", "deploy", "wallet.json"])?;
    let held = U256::from(HELD) * U256::from(1_000_000);
    tokens::USDC.mint(stage.chain(), escrow, held).await?;
    stage.tell(&format!("{HELD} {} are held for them at {escrow}", tokens::USDC.symbol));
    Ok(escrow)
}

fn submit(stage: &mut Stage, submitter: &Person, from: &Person, file: &str) -> Result<()> {
    hand_over(&from.folder.join(file), &submitter.folder.join(file))?;
    let done = stage.run(submitter, &["submit", file])?;
    stage.check(&format!("{file} is executed"), done["status"] == "executed");
    Ok(())
}

async fn balances(stage: &Stage, parties: [&Person; 3]) -> Result<Vec<U256>> {
    let mut balances = Vec::new();
    for party in parties {
        balances.push(
            tokens::balance(stage.chain(), Some(tokens::USDC.address()), party.address).await?,
        );
    }
    Ok(balances)
}
