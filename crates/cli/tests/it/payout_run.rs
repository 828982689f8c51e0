//! Runs from the plan to the report: by files alone, with owners who sign other things at their nonces.

use crate::environment::{Environment, PAYEE};
use alloy::primitives::{Address, Bytes, U256, hex};
use eyre::{OptionExt as _, Result, ensure};
use quorate_core::{Action, Proposal, Request, packing};
use quorate_lab::{
    fixtures::world,
    narrow::{Gives, Narrow},
    owners::owner,
    signatures::sign,
    tokens,
};
use serde_json::Value;
use std::fs;

const OTHER: &str = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";
const THIRD: &str = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc";

/// A chain, and a plan of two batches: ether to two payees, and a token to two.
async fn stage() -> Result<Environment> {
    let environment = Environment::start().await?;
    let usdc = tokens::USDC.address().to_checksum(None);
    environment.write(
        "run.csv",
        &format!(
            "id,to,amount,token,x-cost\na,{PAYEE},1.5,ETH,=7\nb,{OTHER},2,ETH,\nc,{PAYEE},10.25,{usdc},\nd,{THIRD},20,{usdc},8\n"
        ),
    )?;
    let plan = ["payout", "plan", "run.csv", "--run", "may", "--wallet", "wallet.json"];
    environment.json(&plan)?;
    Ok(environment)
}

fn words(answer: &str) -> Result<Vec<String>> {
    let told: Value = serde_json::from_str(answer)?;
    let batches = told["batches"].as_array().ok_or_eyre("no batches")?;
    let word = |batch: &Value| batch["status"].as_str().unwrap_or_default().to_owned();
    Ok(batches.iter().map(word).collect())
}

/// The words of `status`, which must end with this code.
fn status(environment: &Environment, code: i32, more: &[&str]) -> Result<Vec<String>> {
    let status = ["payout", "status", "may.plan.json", "--json"];
    let answer = environment.run(&[&status[..], more].concat())?;
    ensure!(answer.code == code, "{answer:?}");
    words(&answer.stdout)
}

fn propose(environment: &Environment, more: &[&str]) -> Result<Value> {
    environment.json(&[&["payout", "propose", "may.plan.json"][..], more].concat())
}

fn resume(environment: &Environment, more: &[&str]) -> Result<Value> {
    environment.json(&[&["payout", "resume", "may.plan.json"][..], more].concat())
}

fn pay(environment: &Environment, file: &str) -> Result<()> {
    environment.sign(file, &[0, 1, 2])?;
    environment.submit(file).map(drop)
}

/// From the plan to the report, and once more: nothing.
#[tokio::test]
async fn a_run_is_paid_and_reconciled_by_the_chain_alone() -> Result<()> {
    let environment = stage().await?;
    assert_eq!(status(&environment, 6, &[])?, ["unproposed", "unproposed"]);
    let proposed = propose(&environment, &[])?;
    assert_eq!(proposed["proposed"], 2);
    assert_eq!(status(&environment, 6, &[])?, ["collecting", "collecting"]);
    pay(&environment, "may/may.0.json")?;
    pay(&environment, "may/may.1.json")?;
    assert_eq!(status(&environment, 6, &[])?, ["paid", "paid"]);
    environment.chain.mine(12).await?;
    assert_eq!(status(&environment, 0, &[])?, ["paid", "paid"]);
    // All else is lost: the plan and an endpoint are enough.
    fs::remove_dir_all(environment.path("may"))?;
    let again = propose(&environment, &[])?;
    assert_eq!(again["proposed"], 0);
    ensure!(!environment.path("may").exists(), "something was written");
    let out = ["--csv", "out.csv", "--html", "out.html"];
    let reconcile = ["payout", "reconcile", "may.plan.json"];
    let told = environment.json(&[&reconcile[..], &out].concat())?;
    assert_eq!(told["totals"][0]["paid"]["amount"], "3500000000000000000");
    assert_eq!(told["totals"][1]["paid"]["count"], 2);
    let csv = environment.read("out.csv")?;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "id,payee,token,amount,status,transaction,block,time,logIndex,position,feeShare,amountText,x-cost"
    );
    let cells: Vec<Vec<_>> = lines[1..].iter().map(|line| line.split(',').collect()).collect();
    assert_eq!(cells.len(), 4);
    for (place, row) in cells.iter().enumerate() {
        ensure!(row[4] == "paid" && row[5].len() == 66 && row[7].ends_with('Z'), "{row:?}");
        let is_ether = place < 2;
        assert_eq!((row[8].is_empty(), row[9].is_empty()), (is_ether, !is_ether), "{row:?}");
        ensure!(row[10].parse::<u128>()? > 0, "{row:?}");
    }
    assert_eq!((cells[0][9], cells[1][9]), ("0", "1"));
    assert_eq!((cells[0][11], cells[0][12]), ("1.500000000000000000 ETH", " =7"));
    ensure!(cells[2][11].starts_with("10.250000 0x"), "{:?}", cells[2]);
    let html = environment.read("out.html")?;
    ensure!(html.contains("Payout run may") && !html.contains("<script"), "{html}");
    // Written again, whole.
    environment.json(&[&reconcile[..], &out].concat())?;
    assert_eq!(environment.read("out.csv")?, csv);
    Ok(())
}

/// A line that is set aside stays aside, whoever resumes, until somebody asks for it by its batch.
#[tokio::test]
async fn a_line_that_is_set_aside_is_declined() -> Result<()> {
    let environment = stage().await?;
    propose(&environment, &[])?;
    environment.refuses(
        &["payout", "resume", "may.plan.json", "--set-aside", "x"],
        3,
        "no line of this id",
    )?;
    let aside = resume(&environment, &["--set-aside", "a"])?;
    assert_eq!((&aside["proposed"], &aside["batches"][0]["count"]), (&1.into(), &1.into()));
    let file = aside["batches"][0]["file"].as_str().ok_or_eyre("no file")?;
    pay(&environment, file)?;
    environment.chain.mine(12).await?;
    assert_eq!(status(&environment, 6, &[])?, ["setAside", "collecting"]);
    assert_eq!(resume(&environment, &[])?["proposed"], 0);
    let again = ["payout", "resume", "may.plan.json", "--again", "0"];
    environment.refuses(&again, 4, "--accept wasDeclined")?;
    let again = resume(&environment, &["--again", "0", "--accept", "wasDeclined"])?;
    assert_eq!((&again["proposed"], &again["batches"][0]["sequence"]), (&1.into(), &1.into()));
    assert_eq!(again["batches"][0]["ids"], serde_json::json!(["a"]));
    Ok(())
}

/// History 10: a batch that owners cancelled.
#[tokio::test]
async fn a_batch_that_was_cancelled_is_declined() -> Result<()> {
    let environment = stage().await?;
    propose(&environment, &[])?;
    let cancel = ["propose", "cancel", "may/may.0.json", "--wallet", "wallet.json"];
    environment.json(&[&cancel[..], &["--out", "no.json"]].concat())?;
    pay(&environment, "no.json")?;
    fs::remove_dir_all(environment.path("may"))?;
    fs::remove_file(environment.path("no.json"))?;
    assert_eq!(status(&environment, 6, &[])?, ["declined", "unproposed"]);
    let proposed = propose(&environment, &[])?;
    assert_eq!(proposed["proposed"], 1);
    assert_eq!(proposed["batches"][0]["standing"], "declined");
    Ok(())
}

/// Histories 5, 6 and 14: what nobody planned at a nonce of the run.
#[tokio::test]
async fn a_nonce_that_something_else_used_stops_the_run() -> Result<()> {
    let environment = stage().await?;
    propose(&environment, &[])?;
    pay(&environment, "may/may.0.json")?;
    environment.chain.mine(12).await?;
    // The list is corrected and planned anew, without its old plan.
    let list = environment.read("run.csv")?;
    environment.write("run.csv", &list.replace(",2,ETH", ",5,ETH"))?;
    fs::remove_file(environment.path("may.plan.json"))?;
    fs::remove_dir_all(environment.path("may"))?;
    let plan = ["payout", "plan", "run.csv", "--run", "may", "--wallet", "wallet.json"];
    environment.json(&plan)?;
    let stopped = environment.run(&["payout", "status", "may.plan.json", "--json"])?;
    assert_eq!((stopped.code, words(&stopped.stdout)?[0].as_str()), (4, "stopped"));
    let told: Value = serde_json::from_str(&stopped.stdout)?;
    let danger = told["stopped"][0]["danger"].as_str().ok_or_eyre("no danger")?;
    let propose_it = ["payout", "propose", "may.plan.json"];
    environment.refuses(&propose_it, 4, danger)?;
    let bare = [&propose_it[..], &["--accept", "laneConsumed"]].concat();
    environment.refuses(&bare, 2, "laneConsumed:0x…")?;
    // Both are named together, each with what it is about.
    let refused = environment.run(&propose_it)?;
    let changed = refused.error().split("--accept runChanged:").nth(1).unwrap_or_default();
    let changed = format!("runChanged:{}", changed.split('"').next().unwrap_or_default().trim());
    let done = propose(&environment, &["--accept", danger, "--accept", &changed])?;
    assert_eq!((&done["proposed"], &done["batches"][0]["standing"]), (&1.into(), &"paid".into()));
    // A list whose lines stood in other batches is refused.
    let small = ["--max-lines", "1", "--out", "small.json"];
    environment.write("run.csv", &list)?;
    environment.json(&[&plan[..], &small].concat())?;
    environment.refuses(&["payout", "propose", "small.json"], 3, "plan the list with --edit")?;
    Ok(())
}

/// History 12: a batch that a contract carried, so that it is no transaction's own calldata.
#[tokio::test]
async fn what_a_contract_carried_is_found_in_its_calldata() -> Result<()> {
    let environment = stage().await?;
    propose(&environment, &[])?;
    // It calls the account in the first word with what follows.
    let code = hex!("6013600c60003960136000f3602036038060205f375f5f825f5f5f355af100");
    let courier = environment.chain.deploy(code.into()).await?;
    let proposal = Proposal::from_json(environment.read("may/may.0.json")?.as_bytes())?;
    let signed = sign(&proposal.digest(), &[0, 1, 2].map(owner))?;
    let signatures = packing::pack(world::treasury().config(), &signed)?;
    let calldata = proposal.request().calldata(signatures);
    let wallet: Address = proposal.request().wallet;
    let data: Bytes = [&[0; 12][..], &wallet[..], &calldata[..]].concat().into();
    environment.chain.send(courier, U256::ZERO, data).await?;
    fs::remove_dir_all(environment.path("may"))?;
    assert_eq!(status(&environment, 6, &[])?, ["paid", "unproposed"]);
    let told = environment.run(&["payout", "reconcile", "may.plan.json", "--json"])?;
    let told: Value = serde_json::from_str(&told.stdout)?;
    assert_eq!(told["lines"][1]["status"], "paid");
    assert_eq!(told["lines"][1]["position"], 1);
    Ok(())
}

/// History 1: what was paid is asked for again at the lane's next sequence. Without the plan that is a danger, with it a refusal;
/// and what the plan does not pay is never signed with it.
#[tokio::test]
async fn with_the_plan_a_repeat_is_refused_and_so_is_what_it_does_not_pay() -> Result<()> {
    let environment = stage().await?;
    propose(&environment, &[])?;
    let proposal = Proposal::from_json(environment.read("may/may.0.json")?.as_bytes())?;
    let write = |name: &str, request: Request| -> Result<()> {
        let made = Proposal::new(request, None, None)?;
        let tag = proposal.run().cloned().ok_or_eyre("no run")?;
        environment.write(name, &made.with_run(tag).to_json())
    };
    let mut other = proposal.request().clone();
    if let Action::Payout { transfers, .. } = &mut other.action {
        transfers[1].amount += U256::ONE;
    }
    write("other.json", other)?;
    let with_plan = ["--plan", "may.plan.json"];
    let refuses = |file, more: &[&str], code, words| {
        environment.refuses(&[&["sign", file][..], more].concat(), code, words)
    };
    refuses("other.json", &with_plan, 7, "what batch 0 of the plan does not")?;
    pay(&environment, "may/may.0.json")?;
    let mut again = proposal.request().clone();
    again.nonce.sequence += 1;
    write("again.json", again)?;
    refuses("again.json", &with_plan, 6, "not final yet")?;
    environment.chain.mine(12).await?;
    refuses("again.json", &[], 4, "--accept paidAgain")?;
    refuses("again.json", &with_plan, 3, "it would be paid again")?;
    Ok(())
}

/// A batch whose calldata is in no transaction: a contract had it as another contract's code, and called the wallet with it.
async fn carried_as_code(environment: &Environment, file: &str) -> Result<()> {
    let proposal = Proposal::from_json(environment.read(file)?.as_bytes())?;
    let signed = sign(&proposal.digest(), &[0, 1, 2].map(owner))?;
    let signatures = packing::pack(world::treasury().config(), &signed)?;
    let calldata = proposal.request().calldata(signatures);
    let length = u16::try_from(calldata.len())?.to_be_bytes();
    // Its code is the calldata.
    let start = [0x61, length[0], length[1], 0x60, 0x0e, 0x60, 0x00, 0x39];
    let end = [0x61, length[0], length[1], 0x60, 0x00, 0xf3];
    let holder = environment.chain.deploy([&start[..], &end, &calldata].concat().into()).await?;
    // It calls the account in the second word with the code of the one in the first.
    let code = hex!("6014600c60003960146000f35f35803b805f5f843c5f5f825f5f6020355af100");
    let courier = environment.chain.deploy(code.into()).await?;
    let wallet = proposal.request().wallet;
    let data: Bytes = [&[0; 12][..], &holder[..], &[0; 12], &wallet[..]].concat().into();
    environment.chain.send(courier, U256::ZERO, data).await?;
    Ok(())
}

/// History 12, from the chain alone: what no calldata shows is traced, or its digest computed anew; with logs of few blocks at a
/// time, with old state and without.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_calldata_shows_is_found_by_trace_or_by_its_digest() -> Result<()> {
    let environment = stage().await?;
    propose(&environment, &["--deadline", "2h"])?;
    carried_as_code(&environment, "may/may.0.json").await?;
    pay(&environment, "may/may.1.json")?;
    environment.chain.mine(60).await?;
    fs::remove_dir_all(environment.path("may"))?;
    let all = Gives { log_blocks: 1_000_000, old_state: true, traces: true, simulations: true };
    let little = Gives { log_blocks: 7, old_state: false, traces: false, simulations: false };
    for gives in [
        all,
        Gives { traces: false, ..all },
        Gives { log_blocks: 7, ..all },
        Gives { log_blocks: 1, ..all },
        little,
    ] {
        let narrow = Narrow::start(&environment.chain.endpoint(), gives).await?;
        let endpoint = narrow.endpoint();
        let reconcile = ["payout", "reconcile", "may.plan.json", "--rpc-url", &endpoint];
        let told = environment.json(&reconcile)?;
        let lines = told["lines"].as_array().ok_or_eyre("no lines")?;
        for line in lines {
            ensure!(line["status"] == "paid" && line["final"] == true, "{gives:?}: {line}");
        }
        assert_eq!(lines[1]["position"], 1);
        ensure!(lines[3]["logIndex"].is_u64(), "{}", lines[3]);
    }
    Ok(())
}

/// The script of the documentation: a second start proposes nothing.
#[tokio::test]
async fn the_script_for_every_month_proposes_once() -> Result<()> {
    let environment = Environment::start().await?;
    environment.write("run.csv", &format!("id,to,amount,token\na,{PAYEE},1.5,ETH\n"))?;
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_quorate"));
    let folder = program.parent().ok_or_eyre("no folder")?;
    let script = quorate_lab::repository().join("docs/payroll.sh");
    let start = || -> Result<String> {
        let path = std::env::var("PATH")?;
        let output = std::process::Command::new(&script)
            .args(["run.csv", "2026-11"])
            .current_dir(environment.folder())
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("XDG_STATE_HOME", environment.path(".state"))
            .env("ETH_RPC_URL", environment.chain.endpoint())
            .env("QUORATE_WALLET", "wallet.json")
            .output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)?)
    };
    ensure!(start()?.contains("new: 1 payment, 1.5 ETH"));
    let again = start()?;
    ensure!(again.contains("proposed: 1 payment, 1.5 ETH"), "{again}");
    assert_eq!(fs::read_dir(environment.path("payroll-2026-11"))?.count(), 1);
    Ok(())
}

/// What died is asked for again, at the same nonce.
#[tokio::test]
async fn what_expired_is_proposed_anew() -> Result<()> {
    let environment = stage().await?;
    propose(&environment, &["--deadline", "2h"])?;
    assert_eq!(resume(&environment, &[])?["proposed"], 0);
    let file: Value = serde_json::from_str(&environment.read("may/may.0.json")?)?;
    let deadline = file["deadline"].as_u64().ok_or_eyre("no deadline")?;
    environment.chain.mine_at(deadline + 1).await?;
    assert_eq!(status(&environment, 6, &[])?, ["expired", "expired"]);
    let resumed = resume(&environment, &["--deadline", "9h"])?;
    assert_eq!((&resumed["proposed"], &resumed["batches"][0]["sequence"]), (&2.into(), &0.into()));
    assert_eq!(status(&environment, 6, &[])?, ["collecting", "collecting"]);
    assert_eq!(resume(&environment, &[])?["proposed"], 0);
    Ok(())
}
