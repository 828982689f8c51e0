//! A 3-of-5 treasury pays a list.

use super::{
    SUBMITTER, hand_over,
    stage::{Person, Stage},
    text,
};
use crate::{fixtures::world::TREASURY_HOLDINGS, repository, tokens};
use alloy::primitives::{Address, U256, utils::parse_units};
use eyre::{OptionExt, Result, ensure};
use quorate_core::amount::ETHER_DECIMALS;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// The payout file, from the repository's root.
const PAYOUT_FILE: &str = "anvil-fixtures/payouts/dao-2026-11.csv";

/// The name of the run.
const RUN: &str = "payroll-2026-11";

/// The owners by their numbers; three of them must sign.
const OWNERS: [(&str, u64); 5] = [("alice", 0), ("bob", 1), ("carol", 2), ("dave", 3), ("erin", 4)];

/// The places of those who sign.
const SIGNERS: [usize; 3] = [0, 2, 4];

/// A line of the payout file, read here once more and in another way than the program does.
#[derive(Debug, Deserialize)]
struct Line {
    to: Address,
    amount: String,
    token: String,
}

/// What each payee is to get of each token.
type Due = BTreeMap<(Option<Address>, Address), U256>;

pub(super) async fn play(stage: &mut Stage) -> Result<Address> {
    let treasurer = stage.enter("treasurer", 9)?;
    let submitter = stage.enter("submitter", SUBMITTER)?;
    let mut owners = Vec::new();
    for (name, number) in OWNERS {
        owners.push(stage.enter(name, number)?);
    }
    let wallet = make_wallet(stage, &treasurer, &submitter, &owners).await?;

    stage.scene("The payout file becomes proposals");
    hand_over(&repository().join(PAYOUT_FILE), &treasurer.folder.join("payroll.csv"))?;
    let propose = [
        "payout",
        "propose",
        "payroll.csv",
        "--run",
        RUN,
        "--wallet",
        "wallet.json",
        "--out",
        "run",
    ];
    let run = stage.run(&treasurer, &propose)?;
    let files = tell_run(stage, &run)?;
    let due = read_due()?;
    let before = balances(stage, wallet, &due).await?;

    sign(stage, &treasurer, &owners, &files)?;
    let gathered = gather(stage, &treasurer, &submitter, &files)?;

    stage.scene("Somebody who is no owner submits");
    for file in &gathered {
        let name = name_of(file)?;
        hand_over(file, &submitter.folder.join(&name))?;
        let done = stage.run(&submitter, &["submit", &name])?;
        stage.tell(&format!("in block {}, {} gas", done["blockNumber"], done["gasUsed"]));
        stage.check(&format!("{name} is executed"), done["status"] == "executed");
    }
    let after = balances(stage, wallet, &due).await?;
    compare(stage, wallet, &due, &before, &after);

    stage.scene("Nothing is paid twice");
    let again = ["payout", "propose", "payroll.csv", "--run", RUN, "--wallet", "wallet.json"];
    let again = [&again[..], &["--out", "again"]].concat();
    stage.refused(&treasurer, &again, 3, "the same run proposed again is refused")?;
    let name = name_of(gathered.first().ok_or_eyre("no proposal")?)?;
    let done = stage.run(&submitter, &["submit", &name])?;
    stage.check("what is executed is not executed again", done["already"] == true);
    let still = balances(stage, wallet, &due).await?;
    stage.check("no balance changed", still == after);
    stage.note("payments", json!(due.len()));
    Ok(wallet)
}

async fn make_wallet(
    stage: &mut Stage,
    treasurer: &Person,
    submitter: &Person,
    owners: &[Person],
) -> Result<Address> {
    stage.scene("Five owners make a wallet of which three must sign");
    let addresses: Vec<_> = owners.iter().map(|owner| owner.address.to_checksum(None)).collect();
    let mut create = vec!["wallet", "create", "--threshold", "3", "--out", "wallet.json"];
    for address in &addresses {
        create.extend(["--owner", address]);
    }
    let made = stage.run(treasurer, &create)?;
    let wallet: Address = text(&made, "address")?.parse()?;
    stage
        .tell(&format!("the address is {wallet}, on every chain; money can be sent there at once"));
    for holding in TREASURY_HOLDINGS {
        holding.give(stage.chain(), wallet).await?;
    }
    hand_over(&treasurer.folder.join("wallet.json"), &submitter.folder.join("wallet.json"))?;
    stage.run(submitter, &["wallet", "deploy", "wallet.json"])?;
    let shown = stage.ask(treasurer, &["wallet", "show", "wallet.json"])?;
    stage.quote(&shown.stdout);
    stage.check("the wallet is where it was predicted to be", shown.code == 0);
    Ok(wallet)
}

/// Tells what the run pays; returns the names of its files.
fn tell_run(stage: &mut Stage, run: &Value) -> Result<Vec<String>> {
    let batches = run["batches"].as_array().ok_or_eyre("no batches")?;
    ensure!(!batches.is_empty(), "no batches");
    let mut names = Vec::new();
    for batch in batches {
        let file = text(batch, "file")?;
        stage.tell(&format!("{file}: {} payments", batch["count"]));
        names.push(file.trim_start_matches("run/").to_owned());
    }
    Ok(names)
}

/// Three owners sign, each with an own key in an own folder, on what they read.
fn sign(stage: &mut Stage, treasurer: &Person, owners: &[Person], files: &[String]) -> Result<()> {
    stage.scene("Three owners sign, each in a folder of its own");
    for (turn, &place) in SIGNERS.iter().enumerate() {
        let owner = &owners[place];
        for (number, file) in files.iter().enumerate() {
            hand_over(&treasurer.folder.join("run").join(file), &owner.folder.join(file))?;
            let answer = stage.ask(owner, &["sign", file])?;
            ensure!(answer.code == 0, "{} cannot sign: {}", owner.name, answer.stderr);
            // What is read before signing is shown once.
            if turn == 0 && number == files.len() - 1 {
                stage.quote(&answer.stdout);
            }
            let signed = treasurer.folder.join(format!("from-{}", owner.name)).join(file);
            hand_over(&owner.folder.join(file), &signed)?;
        }
    }
    Ok(())
}

/// The treasurer puts the signatures together; two of three are too few.
fn gather(
    stage: &mut Stage,
    treasurer: &Person,
    submitter: &Person,
    files: &[String],
) -> Result<Vec<std::path::PathBuf>> {
    stage.scene("The signatures come together");
    let mut gathered = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let signed: Vec<_> =
            SIGNERS.iter().map(|&place| format!("from-{}/{file}", OWNERS[place].0)).collect();
        if number == 0 {
            let two = ["combine", &signed[0], &signed[1], "--out", "two.json"];
            stage.run(treasurer, &two)?;
            hand_over(&treasurer.folder.join("two.json"), &submitter.folder.join("two.json"))?;
            let claim = "two signatures are too few";
            stage.refused(submitter, &["submit", "two.json"], 6, claim)?;
        }
        let out = format!("signed-{file}");
        let mut combine = vec!["combine"];
        combine.extend(signed.iter().map(String::as_str));
        combine.extend(["--out", &out]);
        stage.run(treasurer, &combine)?;
        gathered.push(treasurer.folder.join(out));
    }
    Ok(gathered)
}

fn name_of(file: &Path) -> Result<String> {
    let name = file.file_name().and_then(|name| name.to_str());
    Ok(name.ok_or_eyre("a file without a name")?.to_owned())
}

/// Reads the payout file and adds up what each payee is to get.
fn read_due() -> Result<Due> {
    let mut due = Due::new();
    for line in csv::Reader::from_path(repository().join(PAYOUT_FILE))?.deserialize() {
        let Line { to, amount, token } = line?;
        let token = (token != "ETH").then(|| token.parse::<Address>()).transpose()?;
        let decimals = decimals_of(token)?;
        let units: U256 = parse_units(&amount, decimals)?.into();
        *due.entry((token, to)).or_default() += units;
    }
    Ok(due)
}

fn decimals_of(token: Option<Address>) -> Result<u8> {
    let Some(address) = token else { return Ok(ETHER_DECIMALS) };
    let token = tokens::ALL.into_iter().find(|token| token.address() == address);
    Ok(token.ok_or_eyre("a token that is not deployed")?.decimals)
}

/// What the wallet and each payee have.
async fn balances(stage: &Stage, wallet: Address, due: &Due) -> Result<Due> {
    let mut balances = Due::new();
    for &(token, payee) in due.keys() {
        for account in [payee, wallet] {
            let balance = tokens::balance(stage.chain(), token, account).await?;
            balances.insert((token, account), balance);
        }
    }
    Ok(balances)
}

fn compare(stage: &mut Stage, wallet: Address, due: &Due, before: &Due, after: &Due) {
    let gained = |key: &(Option<Address>, Address)| after[key].checked_sub(before[key]);
    let exact = due.iter().filter(|(key, amount)| gained(key) == Some(**amount)).count();
    stage.check(
        &format!(
            "{exact} of {} payees have exactly what the file says, to the last unit",
            due.len()
        ),
        exact == due.len(),
    );
    let tokens: std::collections::BTreeSet<_> = due.keys().map(|(token, _)| *token).collect();
    let balanced = tokens.iter().all(|&token| {
        let total: U256 =
            due.iter().filter(|((t, _), _)| *t == token).map(|(_, amount)| *amount).sum();
        before[&(token, wallet)].checked_sub(after[&(token, wallet)]) == Some(total)
    });
    stage.check(
        &format!("the wallet paid that and nothing else, of {} kinds of money", tokens.len()),
        balanced,
    );
}
