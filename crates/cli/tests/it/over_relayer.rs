//! Owners who meet at a relayer: the real one, against a real chain.

use crate::{
    lossy::Lossy,
    relayer_process::{Person, Stage},
};
use alloy::primitives::{Address, U256};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{fixtures::world, owners::owner};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
};

const PAYEE: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

const TO_BE_CREATED: &str = "is not on this chain yet: the relayer creates it";

fn pay(person: &Person, amount: &str, more: &[&str]) -> Result<Value> {
    let pay = ["propose", "transfer", "--to", PAYEE, "--amount", amount];
    person.json(&[&pay[..], more].concat())
}

fn digest_of(answer: &Value) -> Result<String> {
    Ok(answer["digest"].as_str().ok_or_eyre("no digest")?.to_owned())
}

/// The digests that `list` gives somebody.
fn listed(person: &Person, arguments: &[&str]) -> Result<Vec<String>> {
    let list = person.json(&[&["list"], arguments].concat())?;
    let proposals = list["proposals"].as_array().ok_or_eyre("no proposals")?;
    proposals.iter().map(digest_of).collect()
}

fn name(number: u64) -> String {
    owner(number).address().to_checksum(None)
}

/// No file goes from hand to hand: one proposes, the others list and sign, the relayer executes, all watch.
#[tokio::test(flavor = "multi_thread")]
async fn three_owners_pay_over_a_relayer() -> Result<()> {
    let stage = Stage::start().await?;
    let [alice, bob, carol] = [stage.owner(0)?, stage.owner(1)?, stage.owner(2)?];
    alice.refuses(
        &["propose", "transfer", "--to", PAYEE, "--amount", "1"],
        3,
        "does not serve wallet",
    )?;
    let registered = alice.json(&["wallet", "register", "wallet.json"])?;
    assert_eq!(registered["wallets"][0]["new"], true);
    assert_eq!(alice.json(&["wallet", "register", "wallet.json"])?["wallets"][0]["new"], false);

    let proposed = pay(&alice, "1.5", &["--note", "rent"])?;
    let digest = digest_of(&proposed)?;
    assert_eq!(proposed["relayer"]["status"], "collecting");
    assert_eq!(proposed["relayer"]["sureness"], "proven");
    assert_eq!(alice.files()?, [""; 0]);

    assert_eq!(listed(&bob, &["--owner", &name(1)])?, [digest.as_str()]);
    assert!(listed(&alice, &["--owner", &name(0)])?.is_empty());
    assert_eq!(listed(&carol, &["--status", "collecting"])?, [digest.as_str()]);
    let shown = bob.run(&["list", "--owner", &name(1)])?;
    ensure!(shown.code == 0 && shown.stdout.contains("pays 1.5 ETH to 0x90F7"), "{shown:?}");
    ensure!(shown.stdout.contains("1 of 3; collecting"), "{shown:?}");

    let watching = carol.begin(&["watch", &digest])?;
    // It listens once it has read where it stands.
    stage.relayer.until_metric("quorate_http_streams 1").await?;
    let signed = bob.json(&["sign", &digest])?;
    assert_eq!((&signed["added"], &signed["signatures"]), (&true.into(), &2.into()));
    assert_eq!(bob.json(&["sign", &digest])?["added"], false);
    let payee: Address = PAYEE.parse()?;
    let before = stage.chain.balance(payee).await?;
    assert_eq!(carol.json(&["sign", &digest])?["signatures"], 3);

    let watched = stage.mine_until_done(watching).await?;
    ensure!(watched.code == 0, "{watched:?}");
    let lines: Vec<Value> =
        watched.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let last = lines.last().ok_or_eyre("no line")?;
    assert_eq!((&last["status"], &last["final"]), (&"executed".into(), &true.into()));
    assert_eq!((&lines[0]["status"], &lines[0]["signatures"]), (&"collecting".into(), &1.into()));
    ensure!(lines.windows(2).all(|two| two[0] != two[1]), "{lines:?}");
    let paid = stage.chain.balance(payee).await? - before;
    assert_eq!(paid, U256::from(1_500_000_000_000_000_000_u64));

    let shown = alice.json(&["show", &digest])?;
    assert_eq!(
        (&shown["status"], &shown["relayer"]["sureness"]),
        (&"executed".into(), &"proven".into())
    );
    assert_eq!(shown["execution"]["txHash"], shown["relayer"]["execution"]["txHash"]);
    ensure!(shown["relayer"]["attempts"].as_array().is_some_and(|all| !all.is_empty()), "{shown}");
    let text = alice.run(&["show", &digest])?.stdout;
    for part in ["At the relayer 127.0.0.1:", "executed, final", "your endpoint shows the same"] {
        ensure!(text.contains(part), "{part} is not in {text}");
    }
    alice.refuses(&["sign", &digest], 3, "executed already")?;
    let again = alice.run(&["watch", &digest, "--until", "executed"])?;
    ensure!(again.code == 0 && again.stdout.contains("executed in block"), "{again:?}");
    Ok(())
}

/// Each proposal goes behind those that wait, and one that is rejected by its digest never happens.
#[tokio::test(flavor = "multi_thread")]
async fn proposals_queue_up_and_one_is_rejected_by_its_digest() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let [alice, bob, carol] = [stage.owner(0)?, stage.owner(1)?, stage.owner(2)?];
    let first = pay(&alice, "1", &[])?;
    let second = pay(&bob, "2", &[])?;
    let other = pay(&carol, "3", &["--lane", "7"])?;
    let after = pay(&carol, "4", &["--after", &digest_of(&first)?])?;
    let places =
        [&first, &second, &other, &after].map(|answer| answer["review"]["sequence"].clone());
    assert_eq!(places, [0, 1, 0, 1]);
    assert_eq!(after["relayer"]["rivals"][0], second["digest"]);

    let rejected = digest_of(&first)?;
    let cancel = digest_of(&alice.json(&["propose", "cancel", &rejected])?)?;
    let watching = carol.begin(&["watch", &rejected, "--timeout", "60"])?;
    for person in [&bob, &carol] {
        person.json(&["sign", &cancel])?;
    }
    let watched = stage.mine_until_done(watching).await?;
    ensure!(watched.code == 1 && watched.error().contains("is superseded"), "{watched:?}");
    let shown = bob.json(&["show", &rejected])?;
    assert_eq!(shown["relayer"]["supersededBy"], Value::from(cancel.as_str()));
    // What was behind it can go on.
    bob.refuses(&["sign", &rejected], 3, "never be executed")?;
    let waiting = alice.run(&["watch", &digest_of(&second)?, "--timeout", "1"])?;
    ensure!(waiting.code == 6 && waiting.error().contains("1 of 3 signatures"), "{waiting:?}");
    Ok(())
}

/// A file and a relayer go together: what was signed by hand is handed in whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_a_proposal_of_the_relayer_with_all_its_signatures() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let [alice, bob] = [stage.owner(0)?, stage.owner(1)?];
    // Without a key it stays a file, at a place that counts what the relayer has.
    pay(&alice, "1", &[])?;
    let nobody = stage.stranger()?;
    let written = pay(&nobody, "2", &["--out", "pay.json"])?;
    assert_eq!(written["review"]["sequence"], 1);
    let digest = digest_of(&written)?;
    nobody.refuses(&["show", &digest], 3, "knows no proposal")?;
    nobody.refuses(&["sign", "pay.json"], 2, "no key")?;

    for person in [&alice, &bob] {
        fs::copy(nobody.path("pay.json"), person.path("pay.json"))?;
    }
    alice.json(&["sign", "pay.json", "--relayer", ""])?;
    nobody.refuses(&["show", &digest], 3, "knows no proposal")?;
    bob.json(&[
        "combine",
        "pay.json",
        &alice.path("pay.json").display().to_string(),
        "--out",
        "pay.json",
    ])?;
    let signed = bob.json(&["sign", "pay.json"])?;
    assert_eq!((&signed["signatures"], &signed["file"]), (&2.into(), &"pay.json".into()));
    let file: Value = serde_json::from_str(&fs::read_to_string(bob.path("pay.json"))?)?;
    assert_eq!(file["signatures"].as_array().map(Vec::len), Some(2));
    let shown = alice.json(&["show", &digest])?;
    assert_eq!(shown["signatures"].as_array().map(Vec::len), Some(2));
    // A digest can become a file again.
    let carol = stage.owner(2)?;
    carol.json(&["sign", &digest, "--out", "whole.json"])?;
    let file: Value = serde_json::from_str(&fs::read_to_string(carol.path("whole.json"))?)?;
    assert_eq!(file["signatures"].as_array().map(Vec::len), Some(3));
    Ok(())
}

/// Whoever has no endpoint is told what is proven, and what is the relayer's word alone.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_the_relayers_word_is_said_to_be_that() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let digest = digest_of(&pay(&stage.owner(0)?, "1", &[])?)?;
    let offline = stage.owner(1)?.with("ETH_RPC_URL", "");
    let shown = offline.json(&["show", &digest])?;
    assert_eq!((&shown["status"], &shown["relayer"]["sureness"]), (&Value::Null, &"owners".into()));
    assert_eq!((&shown["threshold"], &shown["dangers"][0]["code"]), (&3.into(), &"offline".into()));
    let list = offline.run(&["list", "--owner", &name(1)])?.stdout;
    ensure!(list.contains("the status is the relayer's word alone"), "{list}");
    offline.refuses(&["sign", &digest], 4, "--accept offline")?;
    let signed = offline.json(&["sign", &digest, "--accept", "offline"])?;
    assert_eq!((&signed["added"], &signed["signatures"]), (&true.into(), &2.into()));
    let watched = offline.run(&["watch", &digest, "--timeout", "1"])?;
    ensure!(watched.code == 6 && watched.stdout.contains("(by the relayer's word)"), "{watched:?}");
    Ok(())
}

/// A watch outlives the relayer: it says that it is away, and goes on when it is back.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_survives_a_relayer_that_is_killed() -> Result<()> {
    let mut stage = Stage::start().await?;
    stage.register()?;
    let [alice, bob, carol] = [stage.owner(0)?, stage.owner(1)?, stage.owner(2)?];
    let digest = digest_of(&pay(&alice, "1", &[])?)?;
    let mut watching = alice.begin(&["watch", &digest, "--until", "executed"])?;
    let mut lines = BufReader::new(watching.stdout.take().ok_or_eyre("no output")?);
    let mut errors = BufReader::new(watching.stderr.take().ok_or_eyre("no errors")?);
    let (mut line, mut warning) = (String::new(), String::new());
    lines.read_line(&mut line)?;
    ensure!(line.contains("\"signatures\":1"), "{line}");
    stage.relayer.kill()?;
    errors.read_line(&mut warning)?;
    ensure!(warning.contains("trying again"), "{warning}");
    bob.refuses(&["sign", &digest], 5, "cannot be reached")?;
    stage.relayer.begin()?;
    bob.json(&["sign", &digest])?;
    carol.json(&["sign", &digest])?;
    let mut last = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            break;
        }
        last = line;
    }
    ensure!(last.contains("\"onChain\":\"executed\""), "{last}");
    ensure!(watching.wait()?.success());
    Ok(())
}

/// Four batches, where an owner may have two open proposals: the same command goes on until all are there, and proposes
/// and signs nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_breaks_off_goes_on_with_the_same_command() -> Result<()> {
    let stage = Stage::start_with("[http.limits]\nopen_proposals = 2\n").await?;
    stage.register()?;
    let [alice, bob, carol] = [stage.owner(0)?, stage.owner(1)?, stage.owner(2)?];
    let rows = |amount: &str| {
        let row = |number| format!("inv-{number},{PAYEE},{amount},ETH,\n");
        format!("id,to,amount,token,note\n{}", (1..=4).map(row).collect::<String>())
    };
    fs::write(alice.path("run.csv"), rows("0.25"))?;
    let run = ["payout", "propose", "run.csv", "--run", "payroll", "--batch-size", "1"];
    alice.refuses(&run, 6, "2 of 4 are handed in")?;
    assert_eq!(alice.files()?, ["payroll.plan.json", "run.csv"]);
    let first = listed(&bob, &["--owner", &name(1)])?;
    assert_eq!(first.len(), 2);
    // Nobody's signature is asked for twice, and the deadlines of the first two stay.
    alice.refuses(&[&run[..], &["--deadline", "3d"]].concat(), 6, "2 of 4 are handed in")?;
    assert_eq!(listed(&bob, &["--owner", &name(1)])?, first);
    // The batches pay alike, and without the list nobody can tell that this is meant.
    bob.refuses(&["sign", &first[0]], 4, "--accept paidAgain")?;
    for digest in &first {
        bob.json(&["sign", digest, "--accept", "paidAgain"])?;
        carol.json(&["sign", digest, "--accept", "paidAgain"])?;
    }
    stage.mine_until_executed(&carol, &first).await?;

    let done = alice.json(&run)?;
    let standings = |done: &Value| {
        let batches = done["batches"].as_array().cloned().unwrap_or_default();
        batches.iter().map(|batch| batch["standing"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(standings(&done), ["paid", "paid", "new", "new"]);
    let again = alice.json(&run)?;
    assert_eq!(standings(&again), ["paid", "paid", "proposed", "proposed"]);
    let second = listed(&bob, &["--owner", &name(1)])?;
    assert_eq!(second.len(), 2);
    // Another owner may run it too, and signs what is there.
    fs::write(bob.path("run.csv"), rows("0.25"))?;
    assert_eq!(standings(&bob.json(&run)?), ["paid", "paid", "new", "new"]);
    assert_eq!(listed(&carol, &["--owner", &name(2)])?, second);
    fs::write(alice.path("run.csv"), rows("0.5"))?;
    alice.refuses(&run, 3, "holds another plan")?;
    for digest in &second {
        carol.json(&["sign", digest, "--accept", "paidAgain"])?;
    }
    stage.mine_until_executed(&carol, &second).await?;
    fs::write(alice.path("run.csv"), rows("0.25"))?;
    assert_eq!(standings(&alice.json(&run)?), ["paid"; 4]);

    fs::write(alice.path("run.csv"), rows("0.15"))?;
    let other = ["payout", "propose", "run.csv", "--run", "bonus", "--batch-size", "4"];
    alice.json(&other)?;
    fs::write(alice.path("run.csv"), rows("0.0625"))?;
    alice.refuses(&other, 3, "holds another plan")
}

/// Whoever watches a wallet, or all wallets of an owner, sees what is new too.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_and_an_owner_are_watched_until_the_time_is_over() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let [alice, bob] = [stage.owner(0)?, stage.owner(1)?];
    let first = digest_of(&pay(&alice, "1", &[])?)?;
    let owner = name(1);
    for (amount, target) in [("2", &["--owner", &owner][..]), ("3", &[])] {
        let watching = bob.begin(&[&["watch", "--timeout", "4"], target].concat())?;
        let new = digest_of(&pay(&alice, amount, &[])?)?;
        let watched = stage.mine_until_done(watching).await?;
        ensure!(watched.code == 0, "{watched:?}");
        for digest in [&first, &new] {
            ensure!(watched.stdout.contains(digest.as_str()), "{digest} is not in {watched:?}");
        }
    }
    Ok(())
}

/// What was handed in is handed in again when the answer is lost, and is there once.
#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_asked_for_again_and_nothing_is_there_twice() -> Result<()> {
    let stage = Stage::start().await?;
    let lossy = Lossy::before(&stage.relayer.url()).await?;
    let alice = stage.owner(0)?.with("QUORATE_RELAYER", &lossy.url());
    let bob = stage.owner(1)?.with("QUORATE_RELAYER", &lossy.url());
    // By the time that an answer arrives, it is known.
    let registered = alice.json(&["wallet", "register", "wallet.json"])?;
    assert_eq!((&registered["wallets"][0]["new"], lossy.lost()), (&false.into(), 1));
    let digest = digest_of(&pay(&alice, "1", &[])?)?;
    assert_eq!(lossy.lost(), 2);
    let signed = bob.json(&["sign", &digest])?;
    assert_eq!((&signed["signatures"], lossy.lost()), (&2.into(), 3));
    assert_eq!(listed(&stage.stranger()?, &[])?, [digest]);
    Ok(())
}

/// A wallet that is not there yet is served by what its address commits to, and created with its first payment.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_is_not_there_yet_is_created_with_its_first_payment() -> Result<()> {
    let stage = Stage::start().await?;
    let [alice, bob] = [stage.owner(0)?, stage.owner(1)?];
    let [a, b] = [name(0), name(1)];
    let create = ["wallet", "create", "--owner", &a, "--owner", &b, "--threshold", "2"];
    let wallet = alice.json(&[&create[..], &["--out", "new.json"]].concat())?;
    let address = wallet["address"].as_str().ok_or_eyre("no address")?;
    alice.refuses(&["wallet", "register", address], 3, "give config and salt")?;
    let registered = alice.json(&["wallet", "register", "new.json"])?;
    assert_eq!(registered["wallets"][0]["deployed"], false);
    world::KEY_HOLDING.give(&stage.chain, address.parse()?).await?;
    // The address is enough: what it commits to is the relayer's to tell, and proves itself.
    let proposed = pay(&alice, "1", &["--wallet", address, "--out", "pay.json"])?;
    let digest = digest_of(&proposed)?;
    let review = &proposed["review"];
    assert_eq!((&review["threshold"], &review["deployed"]), (&2.into(), &false.into()));
    assert_eq!(review["dangers"], Value::Array(vec![]));
    let shown = bob.run(&["show", &digest, "--check"])?;
    ensure!(shown.code == 0 && shown.stdout.matches(TO_BE_CREATED).count() == 1, "{shown:?}");
    // Where no relayer is to create it, somebody has to see to that.
    fs::copy(alice.path("pay.json"), bob.path("pay.json"))?;
    let by_hand = ["sign", "pay.json", "--relayer", ""];
    bob.refuses(&by_hand, 4, "--accept walletNotDeployed")?;
    bob.json(&["sign", &digest])?;
    stage.mine_until_executed(&bob, std::slice::from_ref(&digest)).await?;
    let shown = bob.json(&["show", &digest])?;
    assert_eq!((&shown["status"], &shown["dangers"]), (&"executed".into(), &Value::Array(vec![])));
    Ok(())
}

/// What is said of the wallet is said once, however many proposals there are.
#[tokio::test(flavor = "multi_thread")]
async fn a_payout_run_of_a_wallet_that_is_not_there_yet_says_so_once() -> Result<()> {
    let stage = Stage::start().await?;
    let alice = stage.owner(0)?;
    let [a, b] = [name(0), name(1)];
    let create = ["wallet", "create", "--owner", &a, "--owner", &b, "--threshold", "2"];
    alice.json(&[&create[..], &["--out", "new.json"]].concat())?;
    alice.json(&["wallet", "register", "new.json"])?;
    let rows = format!("id,to,amount,token,note\na,{PAYEE},1,ETH,\nb,{PAYEE},2,ETH,\n");
    fs::write(alice.path("run.csv"), rows)?;
    let run = ["payout", "propose", "run.csv", "--run", "r", "--batch-size", "1"];
    let run = [&run[..], &["--wallet", "new.json"]].concat();
    // A danger of all of them is said once too.
    let far = alice.run(&[&run[..], &["--deadline", "91d"]].concat())?;
    ensure!(far.code == 4 && far.error().matches("the deadline is").count() == 1, "{far:?}");
    let done = alice.run(&run)?;
    ensure!(done.code == 0 && done.stdout.matches("Proposal: ").count() == 2, "{done:?}");
    ensure!(done.stdout.matches(TO_BE_CREATED).count() == 1, "{done:?}");
    Ok(())
}
