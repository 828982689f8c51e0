//! A treasury with rules, by the program and files alone: from a file of rules to payments, a delay, vetoes and a freeze.

use crate::{
    environment::{Environment, PAYEE},
    relayer_process::Stage,
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{deploy, fixtures::world, owners::owner};
use serde_json::Value;

const OWNERS: u64 = 5;

/// The numbers of the lanes that petty signers and override signers have by default.
const OPEN: &str = "3138550867693340381917894711603833208051177722232017256448";
const OVERRIDE: &str = "1569275433846670190958947355801916604025588861116008628224";

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

    fn pay(&self, amount: &str, name: &str) -> Result<()> {
        self.propose(&["transfer", "--to", PAYEE, "--amount", amount], name, &[])
    }

    fn lane(&self, name: &str) -> Result<String> {
        let lane = self.at.json(&["show", name])?["lane"].clone();
        Ok(lane.as_str().ok_or_eyre("no lane")?.to_owned())
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
}

const ETHER: alloy::primitives::U256 =
    alloy::primitives::U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Makes the wallet that `policy init` told.
fn create(at: &Environment, made: &Value, file: &str) -> Result<String> {
    create_by(&|arguments| at.json(arguments), made, file)
}

fn create_by(run: &dyn Fn(&[&str]) -> Result<Value>, made: &Value, file: &str) -> Result<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_eyre("no text");
    let owners = made["owners"].as_array().ok_or_eyre("no owners")?;
    let owners: Result<Vec<_>> = owners.iter().map(|owner| text(&owner["address"])).collect();
    let (owners, threshold) = (owners?.join(","), made["threshold"].to_string());
    let (policy, data) = (text(&made["policy"])?, text(&made["policyData"])?);
    let created = run(&[
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
    story.pay("0.75", "petty.json")?;
    story.sign("petty.json", &[0, 4])?;
    story.submit("petty.json")?;
    // The next nonce of a lane is signed once the one before is final.
    story.at.chain.mine(12).await?;
    let what = ["transfer", "--to", PAYEE, "--amount", "0.76"];
    story.propose(&what, "more.json", &["--lane", OPEN])?;
    story.sign("more.json", &[0, 4])?;
    story.is_refused("more.json", 1, "would pass the limit of 1000000000000000000")?;

    ensure!(story.lane("petty.json")? == OPEN, "{}", story.lane("petty.json")?);

    // What has to wait is proposed, signed and submitted together with what lets it.
    story.pay("5", "large.json")?;
    story.sign("large.json", &[0, 1])?;
    let last = story.at.json(&["sign", "large.json", "--keystore", "key-2"])?;
    ensure!(last["queue"]["signatures"] == 3, "{last}");
    ensure!(story.digest("large.queue.json")? == last["queue"]["digest"], "{last}");
    story.is_refused("large.json", 6, "it waits until")?;
    story.is_refused("large.json", 6, "it waits until")?;
    let lanes = [story.lane("large.json")?, story.lane("large.queue.json")?];
    ensure!(lanes[0] != lanes[1] && lanes.iter().all(|lane| lane.len() > 40), "{lanes:?}");
    story.wait(3_600).await?;
    let done = story.submit("large.json")?;
    ensure!(done["status"] == "executed" || done["txHash"].is_string(), "{done}");
    let shown = story.at.json(&["policy", "show", &story.wallet])?;
    ensure!(shown["spent"][0]["amount"] == "750000000000000000", "{shown}");
    Ok(())
}

/// For those who sign past the rules nothing waits; and without a queue that is told how to make one.
#[tokio::test]
async fn override_signers_wait_for_nothing() -> Result<()> {
    let story = Story::begin().await?;
    let what = ["transfer", "--to", PAYEE, "--amount", "5"];
    story.propose(&what, "now.json", &["--override"])?;
    ensure!(!story.at.path("now.queue.json").exists(), "it has a queue");
    ensure!(story.lane("now.json")? == OVERRIDE, "{}", story.lane("now.json")?);
    story.sign("now.json", &[0, 1, 2, 3])?;
    story.submit("now.json")?;

    story.pay("3", "large.json")?;
    std::fs::remove_file(story.at.path("large.queue.json"))?;
    story.sign("large.json", &[0, 1, 2])?;
    story.is_refused("large.json", 6, "quorate propose queue")?;
    story.propose(&["queue", "large.json"], "large.queue.json", &[])?;
    story.sign("large.queue.json", &[0, 1, 2])?;
    story.is_refused("large.json", 6, "it waits until")?;
    let pay = ["propose", "transfer", "--to", PAYEE, "--amount", "1"];
    let plain = [&pay[..], &["--wallet", "wallet.json", "--override"]].concat();
    story.at.refuses(&plain, 3, "has no rules with override signers")
}

/// Over a relayer: proposed and signed at one sitting, queued, held until its time has come, and executed.
#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_queues_waits_and_executes() -> Result<()> {
    let stage = Stage::start().await?;
    deploy::treasury_policy(&stage.chain).await?;
    let people = [stage.owner(0)?, stage.owner(1)?, stage.owner(2)?];
    let [alice, bob, carol] = &people;
    world::KEY_HOLDING.give(&stage.chain, owner(0).address()).await?;
    std::fs::write(alice.path("rules.toml"), rules())?;
    let made = alice.json(&["policy", "init", "rules.toml"])?;
    let wallet = create_by(&|arguments| alice.json(arguments), &made, "treasury.json")?;
    alice.json(&["wallet", "deploy", "treasury.json"])?;
    alice.json(&["wallet", "register", "treasury.json"])?;
    world::KEY_HOLDING.give(&stage.chain, wallet.parse()?).await?;

    let pay = ["propose", "transfer", "--wallet", &wallet, "--to", PAYEE, "--amount", "5"];
    let proposed = alice.json(&pay)?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_eyre("no text");
    let (digest, queue) = (text(&proposed["digest"])?, text(&proposed["queue"]["digest"])?);
    for person in [bob, carol] {
        let signed = person.json(&["sign", &digest])?;
        ensure!(signed["queue"]["digest"] == queue.as_str(), "{signed}");
    }
    stage.mine_until_executed(alice, std::slice::from_ref(&queue)).await?;
    let waits =
        |proposal: &Value| proposal["status"] == "ready" && proposal["reason"] == "notBefore";
    stage.until_proposal(&digest, waits).await?;
    let now = stage.chain.now().await?;
    stage.chain.mine_at(now + 3_600).await?;
    stage.mine_until_executed(alice, &[digest]).await
}

/// A payout run: what the limits leave is paid by few, and one queue lets the rest wait.
#[tokio::test]
async fn a_payout_run_lets_wait_what_is_above_the_limit() -> Result<()> {
    let story = Story::begin().await?;
    let at = &story.at;
    let list = format!("id,to,amount\na,{PAYEE},0.5\nb,{PAYEE},0.4\nc,{PAYEE},3\nd,{PAYEE},2\n");
    at.write("list.csv", &list)?;
    let plan = ["payout", "plan", "list.csv", "--run", "pay", "--token", "ETH", "--max-lines", "1"];
    let planned = at.run(&[&plan[..], &["--wallet", &story.wallet]].concat())?;
    ensure!(planned.code == 0, "{planned:?}");
    for number in [2, 3] {
        let above = format!("batch {number} pays");
        ensure!(planned.stderr.contains(&above), "{planned:?}");
    }
    ensure!(planned.stderr.contains("above this treasury's limit of 1 ETH: it takes 3 signers"));
    ensure!(!planned.stderr.contains("batch 1 pays"), "{planned:?}");
    let propose = ["payout", "propose", "pay.plan.json"];
    let early = [&propose[..], &["--deadline", "2d"]].concat();
    at.refuses(&early, 3, "should have a week after that")?;
    let proposed = at.json(&propose)?;
    ensure!(proposed["queue"]["batches"] == 2, "{proposed:#}");
    // What was proposed is not proposed again, nor what lets it wait.
    let again = at.json(&propose)?;
    ensure!(again["queue"].is_null(), "{again:#}");
    for name in ["pay/pay.0.json", "pay/pay.1.json"] {
        story.sign(name, &[0, 4])?;
        story.submit(name)?;
    }
    for name in ["pay/pay.2.json", "pay/pay.3.json"] {
        story.sign(name, &[0, 1, 2])?;
        story.is_refused(name, 6, "it waits until")?;
    }
    story.wait(3_600).await?;
    for name in ["pay/pay.2.json", "pay/pay.3.json"] {
        story.submit(name)?;
    }
    at.chain.mine(12).await?;
    let status = at.run(&["--json", "payout", "status", "pay.plan.json"])?;
    let status: Value = serde_json::from_str(&status.stdout)?;
    let batches = status["batches"].as_array().ok_or_eyre("no batches")?;
    ensure!(batches.iter().all(|batch| batch["status"] == "paid"), "{status:#}");
    Ok(())
}

#[tokio::test]
async fn one_owner_stops_what_waits_and_four_pass_it() -> Result<()> {
    let story = Story::begin().await?;
    let at = &story.at;
    story.pay("5", "large.json")?;
    story.sign("large.json", &[0, 1, 2])?;
    story.submit("large.queue.json")?;
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
    story.pay("0.5", "petty.json")?;
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
    let pay = [&["propose"], &what[..], &["--wallet", &story.wallet, "--deadline", "30m"]].concat();
    story.at.refuses(&pay, 3, "so it could never be executed by then")?;
    story.propose(&what, "short.json", &["--override", "--deadline", "30m"])?;
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
        text.split("```toml rules\n").skip(1).filter_map(|part| part.split("```").next()).collect();
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
