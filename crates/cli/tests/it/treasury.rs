//! A treasury with rules, by the program and files alone: from a file of rules to payments, a delay, vetoes and a freeze.

use crate::environment::{Environment, PAYEE};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{deploy, fixtures::world, owners::owner};
use serde_json::Value;

const OWNERS: u64 = 5;

/// The numbers of the lanes that petty signers and override signers have by default.
const OPEN: &str = "3138550867693340381917894711603833208051177722232017256448";

struct Story {
    at: Environment,
    wallet: String,
}

/// Two of five pay up to an ether a day, three do anything after an hour unless one vetoes, four at once.
fn rules() -> String {
    let owners: Vec<_> =
        (0..OWNERS).map(|number| format!("\"{}\"", owner(number).address())).collect();
    format!(
        "threshold = 2\nadmin = 3\noverride = 4\nveto = 1\ndelay = \"1 hour\"\nowners = [{}]\n\n\
         [[limits]]\ntoken = \"ETH\"\namount = \"1.0\"\nperiod = \"1 day\"\n",
        owners.join(", ")
    )
}

impl Story {
    async fn begin() -> Result<Self> {
        let at = Environment::start().await?;
        deploy::treasury_policy(&at.chain).await?;
        for number in 0..OWNERS {
            at.keystore(number)?;
            world::KEY_HOLDING.give(&at.chain, owner(number).address()).await?;
        }
        at.keystore(8)?;
        at.write("rules.toml", &rules())?;
        let made = at.json(&["policy", "init", "rules.toml"])?;
        let wallet = create(&at, &made, "treasury.json")?;
        at.json(&["wallet", "deploy", "treasury.json", "--keystore", "key-8"])?;
        at.chain
            .send(
                wallet.parse()?,
                "9".parse::<alloy::primitives::U256>()? * ETHER,
                Default::default(),
            )
            .await?;
        Ok(Self { at, wallet })
    }

    fn propose(&self, what: &[&str], name: &str, more: &[&str]) -> Result<()> {
        let arguments =
            [&["propose"], what, &["--wallet", &self.wallet, "--out", name], more].concat();
        self.at.json(&arguments).map(drop)
    }

    fn pay(&self, amount: &str, name: &str, lane: &str) -> Result<()> {
        let what = ["transfer", "--to", PAYEE, "--amount", amount];
        self.propose(&what, name, &["--lane", lane])
    }

    fn sign(&self, name: &str, numbers: &[u64]) -> Result<()> {
        self.at.sign(name, numbers)
    }

    fn submit(&self, name: &str) -> Result<Value> {
        self.at.json(&["submit", name, "--keystore", "key-8"])
    }

    fn is_refused(&self, name: &str, code: i32, reason: &str) -> Result<()> {
        self.at.refuses(&["submit", name, "--keystore", "key-8"], code, reason)
    }

    /// The digest of a proposal.
    fn digest(&self, name: &str) -> Result<String> {
        let shown = self.at.json(&["show", name])?;
        let digest = shown["digest"].as_str().or(shown["review"]["digest"].as_str());
        Ok(digest.ok_or_eyre("no digest")?.to_owned())
    }

    async fn wait(&self, secs: u64) -> Result<()> {
        let now = self.at.chain.now().await?;
        self.at.chain.mine_at(now + secs).await
    }

    /// Has three owners queue what is in a file.
    fn queue(&self, name: &str, queue: &str) -> Result<()> {
        self.propose(&["queue", name], queue, &[])?;
        self.sign(queue, &[0, 1, 2])?;
        self.submit(queue).map(drop)
    }
}

const ETHER: alloy::primitives::U256 =
    alloy::primitives::U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Makes the wallet that `policy init` told.
fn create(at: &Environment, made: &Value, file: &str) -> Result<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_eyre("no text");
    let owners = made["owners"].as_array().ok_or_eyre("no owners")?;
    let owners: Result<Vec<_>> = owners.iter().map(|owner| text(&owner["address"])).collect();
    let (owners, threshold) = (owners?.join(","), made["threshold"].to_string());
    let (policy, data) = (text(&made["policy"])?, text(&made["policyData"])?);
    let created = at.json(&[
        "wallet",
        "create",
        "--owner",
        &owners,
        "--threshold",
        &threshold,
        "--policy",
        &policy,
        "--policy-data",
        &data,
        "--out",
        file,
    ])?;
    text(&created["address"])
}

#[tokio::test]
async fn a_file_of_rules_becomes_a_wallet_and_the_same_file_again() -> Result<()> {
    let story = Story::begin().await?;
    let at = &story.at;
    let shown = at.json(&["policy", "show", &story.wallet, "--out", "again.toml"])?;
    ensure!(shown["frozenUntil"] == 0 && shown["spent"][0]["amount"] == "0", "{shown}");
    let first = at.json(&["policy", "init", "rules.toml"])?;
    let again = at.json(&["policy", "init", "again.toml"])?;
    ensure!(first["policyData"] == again["policyData"], "{first} {again}");
    // With an endpoint or without one, from the file or from the chain: the same sentences.
    let of_file = at.json(&["policy", "explain", "rules.toml"])?;
    let of_chain = at.json(&["policy", "explain", &story.wallet])?;
    ensure!(of_file == of_chain, "{of_file} {of_chain}");
    let reaches: Vec<_> = of_file["powers"]
        .as_array()
        .ok_or_eyre("no powers")?
        .iter()
        .map(|power| power["reach"].clone())
        .collect();
    ensure!(
        reaches == ["nothing", "nothing", "petty", "afterDelay", "atOnce", "atOnce"],
        "{reaches:?}"
    );
    at.refuses(&["policy", "show", "wallet.json"], 3, "no rules of a treasury")?;
    at.write("bad.toml", &rules().replace("veto = 1", "veto = 2"))?;
    at.refuses(
        &["policy", "init", "bad.toml"],
        3,
        "override and veto together be at most the owners",
    )
}

#[tokio::test]
async fn two_pay_within_the_limit_and_three_wait_for_the_rest() -> Result<()> {
    let story = Story::begin().await?;
    story.pay("0.75", "petty.json", OPEN)?;
    story.sign("petty.json", &[0, 4])?;
    story.submit("petty.json")?;
    // The next nonce of a lane is signed once the one before is final.
    story.at.chain.mine(12).await?;
    story.pay("0.76", "more.json", OPEN)?;
    story.sign("more.json", &[0, 4])?;
    story.is_refused("more.json", 1, "would pass the limit of 1000000000000000000")?;

    story.pay("5", "large.json", "77")?;
    story.sign("large.json", &[0, 1, 2])?;
    story.is_refused("large.json", 6, "quorate propose queue")?;
    story.queue("large.json", "queue.json")?;
    story.is_refused("large.json", 6, "it waits until")?;
    story.wait(3_600).await?;
    let done = story.submit("large.json")?;
    ensure!(done["status"] == "executed" || done["txHash"].is_string(), "{done}");
    let shown = story.at.json(&["policy", "show", &story.wallet])?;
    ensure!(shown["spent"][0]["amount"] == "750000000000000000", "{shown}");
    Ok(())
}

#[tokio::test]
async fn one_owner_stops_what_waits_and_four_pass_it() -> Result<()> {
    let story = Story::begin().await?;
    let at = &story.at;
    story.pay("5", "large.json", "77")?;
    story.sign("large.json", &[0, 1, 2])?;
    story.queue("large.json", "queue.json")?;
    let digest = story.digest("large.json")?;
    for _ in 0..2 {
        let vetoed =
            at.json(&["veto", &digest, "--wallet", &story.wallet, "--keystore", "key-4"])?;
        ensure!(vetoed["actions"][0]["stopped"] == true, "{vetoed}");
    }
    at.refuses(
        &["veto", &digest, "--wallet", &story.wallet, "--keystore", "key-8"],
        3,
        "is no owner of",
    )?;
    story.wait(3_600).await?;
    story.is_refused("large.json", 1, "1 owners vetoed")?;
    story.sign("large.json", &[3])?;
    story.submit("large.json").map(drop)
}

#[tokio::test]
async fn a_freeze_stops_payments_until_four_end_it() -> Result<()> {
    let story = Story::begin().await?;
    let at = &story.at;
    story.pay("0.5", "petty.json", OPEN)?;
    story.sign("petty.json", &[0, 4])?;
    at.refuses(&["unfreeze", "--wallet", &story.wallet], 3, "is not frozen")?;
    for _ in 0..2 {
        let frozen = at.json(&["freeze", "--wallet", &story.wallet, "--keystore", "key-1"])?;
        ensure!(frozen["frozenUntil"].as_u64() > Some(0), "{frozen}");
    }
    story.is_refused("petty.json", 6, "the wallet is frozen until")?;
    at.json(&["unfreeze", "--wallet", &story.wallet, "--out", "unfreeze.json"])?;
    story.sign("unfreeze.json", &[0, 1, 2, 3])?;
    story.submit("unfreeze.json")?;
    story.submit("petty.json").map(drop)
}

/// What can never be done is not queued.
#[tokio::test]
async fn what_would_be_too_late_is_not_queued() -> Result<()> {
    let story = Story::begin().await?;
    let what = ["transfer", "--to", PAYEE, "--amount", "5"];
    story.propose(&what, "short.json", &["--lane", "77", "--deadline", "30m"])?;
    let queue = ["propose", "queue", "short.json", "--wallet", &story.wallet];
    story.at.refuses(&queue, 3, "with a later --deadline")
}

/// The files of docs/treasury.md are those of wallets that can be made, and what is said of them is what `explain` says.
#[tokio::test]
async fn the_files_of_the_documentation_make_treasuries() -> Result<()> {
    let at = Environment::start().await?;
    deploy::treasury_policy(&at.chain).await?;
    at.keystore(8)?;
    let text = include_str!("../../../../docs/treasury.md");
    let blocks: Vec<_> =
        text.split("```toml\n").skip(1).filter_map(|part| part.split("```").next()).collect();
    ensure!(blocks.len() == 3, "{} files", blocks.len());
    for (number, block) in (1..).zip(blocks) {
        let (rules, file) = (format!("{number}.toml"), format!("{number}.json"));
        at.write(&rules, block)?;
        let made = at.json(&["policy", "init", &rules])?;
        let wallet = create(&at, &made, &file)?;
        at.json(&["wallet", "deploy", &file, "--keystore", "key-8"])?;
        let shown = at.json(&["policy", "show", &wallet])?;
        ensure!(shown["rules"] == made["rules"], "{rules}: {shown}");
    }
    Ok(())
}
