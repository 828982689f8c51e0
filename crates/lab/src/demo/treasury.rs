//! A 3-of-5 treasury pays a list, over a relayer that is killed in the middle.

use super::{
    SUBMITTER, hand_over,
    relayer::Relayer,
    stage::{Person, Stage},
    text,
};
use crate::{fixtures::world::TREASURY_HOLDINGS, repository, tokens};
use alloy::{
    primitives::{Address, B256, U256, utils::parse_units},
    providers::Provider as _,
    rpc::types::Filter,
    sol_types::SolEvent as _,
};
use eyre::{OptionExt, Result, ensure};
use quorate_bindings::contracts::IWallet::Executed;
use quorate_core::amount::ETHER_DECIMALS;
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::sleep;

/// The payout file, from the repository's root.
const PAYOUT_FILE: &str = "anvil-fixtures/payouts/dao-2026-11.csv";

/// The name of the run, and its plan.
const RUN: &str = "payroll-2026-11";
const PLAN: &str = "payroll-2026-11.plan.json";

/// How many lines a batch has at most: so few that there are batches to be killed between.
const MAX_LINES: &str = "12";

/// How many batches are paid before the relayer is killed.
const PAID_BEFORE: usize = 2;

/// What has to be behind a payment before it counts as final.
const DEPTH: u64 = 12;

/// The owners by their numbers; three of them must sign.
const OWNERS: [(&str, u64); 5] = [("alice", 0), ("bob", 1), ("carol", 2), ("dave", 3), ("erin", 4)];

/// How often is looked whether something has happened, and how many times.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: usize = 1_200;

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
    let mut owners = Vec::new();
    for (name, number) in OWNERS {
        owners.push(stage.enter(name, number)?);
    }
    let [alice, bob, carol, _, erin] = &owners[..] else { return Err(eyre::eyre!("five owners")) };
    let mut relayer = open_relayer(stage).await?;
    let wallet = make_wallet(stage, alice, &owners).await?;
    let due = read_due()?;
    let before = balances(stage, wallet, &due).await?;

    let digests = propose(stage, alice)?;
    stage.scene("The others see what waits for them, and sign what they read");
    sign_all(stage, carol, &digests, true)?;

    stage.scene("The relayer is killed in the middle of the batches");
    let watch: Vec<&str> =
        ["watch"].into_iter().chain(digests.iter().map(String::as_str)).collect();
    stage.watch(bob, &watch)?;
    let (first, rest) = digests.split_at(PAID_BEFORE);
    sign_all(stage, erin, first, false)?;
    until(stage, bob, first, "executed").await?;
    let () = stage.chain().provider().raw_request("evm_setAutomine".into(), [false]).await?;
    sign_all(stage, erin, rest, false)?;
    until(stage, bob, rest, "submitted").await?;
    relayer.kill()?;
    stage.shown("operator", "kill -9 %1");
    stage.tell("what it sent is on its way, and nobody follows it");
    let list = ["list", "--owner", &erin.address.to_checksum(None)].map(str::to_owned);
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    stage.refused(erin, &list, 5, "whoever asks is told that nobody answers")?;
    let () = stage.chain().provider().raw_request("evm_setIntervalMining".into(), [1]).await?;
    relayer.begin(stage)?;
    let code = stage.watched().await?;
    stage.check("who watched saw all of them executed, for good", code == 0);
    let () = stage.chain().provider().raw_request("evm_setIntervalMining".into(), [0]).await?;
    let () = stage.chain().provider().raw_request("evm_setAutomine".into(), [true]).await?;

    stage.scene("The books are compared");
    let after = balances(stage, wallet, &due).await?;
    compare(stage, wallet, &due, &before, &after);
    compare_executions(stage, wallet, &digests).await?;

    stage.scene("Nothing is paid twice");
    let run = stage.run(alice, &["payout", "propose", PLAN])?;
    let batches = run["batches"].as_array().ok_or_eyre("no batches")?;
    let are_done = batches.iter().all(|batch| batch["standing"] == "paid");
    stage.check("the same run proposed again proposes nothing: all of it is paid", are_done);
    let still = balances(stage, wallet, &due).await?;
    stage.check("no balance changed", still == after);
    stage.note("payments", json!(due.len()));
    stage.unset("QUORATE_RELAYER");
    reconcile(stage, alice).await?;
    Ok(wallet)
}

async fn open_relayer(stage: &mut Stage) -> Result<Relayer> {
    stage.scene("An operator starts a relayer");
    let relayer = Relayer::start(stage).await?;
    stage.set("QUORATE_RELAYER", &relayer.url());
    stage.tell(&format!(
        "it listens on {}, keeps what it is told in a file, and has one ether to pay gas with;\n\
         the owners share nothing but its address, and believe nothing that it says",
        relayer.url()
    ));
    Ok(relayer)
}

async fn make_wallet(stage: &mut Stage, alice: &Person, owners: &[Person]) -> Result<Address> {
    stage.scene("Five owners make a wallet of which three must sign");
    let addresses: Vec<_> = owners.iter().map(|owner| owner.address.to_checksum(None)).collect();
    let mut create = vec!["wallet", "create", "--threshold", "3", "--out", "wallet.json"];
    for address in &addresses {
        create.extend(["--owner", address]);
    }
    let made = stage.run(alice, &create)?;
    let wallet: Address = text(&made, "address")?.parse()?;
    stage
        .tell(&format!("the address is {wallet}, on every chain; money can be sent there at once"));
    for holding in TREASURY_HOLDINGS {
        holding.give(stage.chain(), wallet).await?;
    }
    for owner in owners.iter().filter(|owner| owner.name != alice.name) {
        hand_over(&alice.folder.join("wallet.json"), &owner.folder.join("wallet.json"))?;
    }
    let courier = stage.enter("courier", SUBMITTER)?;
    hand_over(&alice.folder.join("wallet.json"), &courier.folder.join("wallet.json"))?;
    stage.run(&courier, &["wallet", "deploy", "wallet.json"])?;
    let shown = stage.ask(alice, &["wallet", "show", "wallet.json"])?;
    stage.quote(&shown.stdout);
    stage.check("the wallet is where it was predicted to be", shown.code == 0);
    let registered = stage.run(alice, &["wallet", "register", "wallet.json"])?;
    stage.check("the relayer serves it", registered["wallets"][0]["new"] == true);
    Ok(wallet)
}

/// Somebody who has no key, and nothing but the plan and an endpoint, says of each line how it was paid.
async fn reconcile(stage: &mut Stage, alice: &Person) -> Result<()> {
    stage.scene("An accountant proves it, with the plan and the chain alone");
    stage.chain().mine(DEPTH).await?;
    let folder = stage.folder().join("accountant");
    hand_over(&alice.folder.join(PLAN), &folder.join(PLAN))?;
    let accountant = Person { name: "accountant", folder, address: Address::ZERO };
    let reconcile = ["payout", "reconcile", PLAN, "--csv", "paid.csv"];
    let told = stage.ask(&accountant, &reconcile)?;
    stage.quote(&told.stdout);
    let mut paid = csv::Reader::from_path(accountant.folder.join("paid.csv"))?;
    let rows = paid.records().collect::<Result<Vec<_>, _>>()?;
    let count = rows.iter().filter(|row| row.get(4) == Some("paid")).count();
    stage.check(
        &format!("each of {count} lines has the transaction that paid it"),
        told.code == 0 && count == rows.len(),
    );
    Ok(())
}

/// An owner turns the payout file into a plan, and that into proposals at the relayer; their digests.
fn propose(stage: &mut Stage, alice: &Person) -> Result<Vec<String>> {
    stage.scene("One of them plans the payout file, and proposes it, signed");
    hand_over(&repository().join(PAYOUT_FILE), &alice.folder.join("payroll.csv"))?;
    let plan = ["payout", "plan", "payroll.csv", "--run", RUN, "--wallet", "wallet.json"];
    let planned = stage.ask(alice, &[&plan[..], &["--max-lines", MAX_LINES]].concat())?;
    ensure!(planned.code == 0, "cannot plan: {}", planned.stderr);
    stage.quote(&planned.stdout);
    let run = stage.run(alice, &["payout", "propose", PLAN])?;
    let batches = run["batches"].as_array().ok_or_eyre("no batches")?;
    ensure!(!batches.is_empty(), "no batches");
    let mut digests = Vec::new();
    for batch in batches {
        let digest = text(batch, "digest")?;
        stage.tell(&format!("{digest}: {} payments", batch["count"]));
        digests.push(digest);
    }
    Ok(digests)
}

/// An owner lists what waits, and signs it with a key and in a folder of its own.
fn sign_all(stage: &mut Stage, owner: &Person, digests: &[String], is_shown: bool) -> Result<()> {
    let address = owner.address.to_checksum(None);
    let waiting = stage.ask(owner, &["list", "--owner", &address])?;
    ensure!(waiting.code == 0, "{} cannot list: {}", owner.name, waiting.stderr);
    let are_all = digests.iter().all(|digest| waiting.stdout.contains(digest.as_str()));
    if is_shown {
        stage.quote(&waiting.stdout);
    }
    stage.check(&format!("{} is told of all that waits for a signature", owner.name), are_all);
    for (number, digest) in digests.iter().enumerate() {
        let answer = stage.ask(owner, &["sign", digest])?;
        ensure!(answer.code == 0, "{} cannot sign: {}", owner.name, answer.stderr);
        // What is read before signing is shown once.
        if is_shown && number == digests.len() - 1 {
            stage.quote(&answer.stdout);
        }
    }
    Ok(())
}

/// Waits until the relayer says this of all of them.
async fn until(stage: &mut Stage, who: &Person, digests: &[String], status: &str) -> Result<()> {
    let program = stage.program().clone();
    for digest in digests {
        let mut looks = 0;
        loop {
            let shown = program.json(&who.folder, &["show", digest])?;
            if shown["relayer"]["status"] == status {
                break;
            }
            looks += 1;
            ensure!(looks < LOOKS, "{digest} is not {status}: {}", shown["relayer"]);
            sleep(LOOK).await;
        }
    }
    stage.news();
    Ok(())
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
    let tokens: BTreeSet<_> = due.keys().map(|(token, _)| *token).collect();
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

/// Each proposal was executed once, by one transaction, and the relayer's account sent nothing more.
async fn compare_executions(stage: &mut Stage, wallet: Address, digests: &[String]) -> Result<()> {
    let provider = stage.chain().provider();
    let filter =
        Filter::new().address(wallet).event_signature(Executed::SIGNATURE_HASH).from_block(0);
    let logs = provider.get_logs(&filter).await?;
    let mut executed: Vec<_> = logs.iter().filter_map(|log| log.topics().get(1).copied()).collect();
    executed.sort_unstable();
    let mut expected =
        digests.iter().map(|digest| digest.parse()).collect::<Result<Vec<B256>, _>>()?;
    expected.sort_unstable();
    let sent = provider.get_transaction_count(Relayer::sender()).await?;
    let count = digests.len();
    stage.check(
        &format!("each of {count} proposals was executed exactly once"),
        executed == expected,
    );
    stage.check(
        &format!("the relayer sent {sent} transactions, one for each, and none again"),
        sent == count as u64,
    );
    Ok(())
}
