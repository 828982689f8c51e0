//! An open proposal that pays the same: whoever asks a second time is told of the first.

use crate::{
    environment::{Environment, PAYEE},
    relayer_process::{Person, Stage},
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{fixtures::world, tokens};
use serde_json::Value;

fn codes(review: &Value) -> Vec<&str> {
    let dangers = review["dangers"].as_array().into_iter().flatten();
    dangers.filter_map(|danger| danger["code"].as_str()).collect()
}

fn digest_of(answer: &Value) -> Result<String> {
    Ok(answer["digest"].as_str().ok_or_eyre("no digest")?.to_owned())
}

fn pay(person: &Person, amount: &str, more: &[&str]) -> Result<Value> {
    let pay = ["propose", "transfer", "--to", PAYEE, "--amount", amount];
    person.json(&[&pay[..], more].concat())
}

/// Case 1: who proposes and who signs is told which proposal it is, until when, and how to stop it.
#[tokio::test(flavor = "multi_thread")]
async fn at_a_relayer_the_second_payment_names_the_first() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let [alice, bob, carol] = [stage.owner(0)?, stage.owner(1)?, stage.owner(2)?];
    let first = digest_of(&pay(&alice, "3", &[])?)?;

    let again = ["propose", "transfer", "--to", PAYEE, "--amount", "3"];
    let refused = bob.run(&again)?;
    ensure!(refused.code == 4, "{refused:?}");
    let wallet = world::treasury().address().to_checksum(None);
    let command = format!("quorate propose cancel {first} --wallet {wallet}");
    for part in ["paidAgain", &first, "pays 3 ETH to", PAYEE, "until 20", &command] {
        ensure!(refused.error().contains(part), "{part} is not in {refused:?}");
        ensure!(refused.stdout.contains(part), "{part} is not in {refused:?}");
    }
    // The same in other words.
    let call = ["propose", "call", "--to", PAYEE, "--value", "3"];
    bob.refuses(&call, 4, "--accept paidAgain")?;
    let all = ["propose", "transfer", "--to", PAYEE, "--amount", "all"];
    bob.refuses(&all, 4, "--accept paidAgain")?;
    // Rivals exclude each other, and other payments are others.
    let rival = pay(&carol, "3", &["--sequence", "0"])?;
    assert_eq!(codes(&rival["review"]), [""; 0]);
    let rival = digest_of(&rival)?;
    assert_eq!(codes(&pay(&carol, "4", &[])?["review"]), [""; 0]);

    let second = pay(&bob, "3", &["--accept", "paidAgain"])?;
    assert_eq!(codes(&second["review"]), ["paidAgain", "paidAgain"]);
    let named = second["review"]["dangers"].as_array().into_iter().flatten();
    let commands: Vec<_> = named.filter_map(|danger| danger["command"].as_str()).collect();
    ensure!(commands.contains(&command.as_str()), "{commands:?}");
    let second = digest_of(&second)?;

    // Who signs either of them is told of the other.
    carol.refuses(&["sign", &second], 4, &first)?;
    carol.refuses(&["sign", &first], 4, &second)?;
    carol.refuses(&["show", &first, "--check"], 4, "--accept paidAgain")?;
    // The command that was named can be typed as it is.
    let words: Vec<_> = command.split(' ').skip(1).collect();
    let cancel = digest_of(&carol.json(&words)?)?;
    bob.json(&["sign", &cancel])?;
    alice.json(&["sign", &cancel])?;
    stage.mine_until_executed(&alice, &[cancel]).await?;
    let shown = carol.json(&["sign", &second])?;
    assert_eq!(codes(&shown["review"]), [""; 0], "{rival} cannot be executed any more");
    Ok(())
}

/// Case 1: a token paid by a payout and by a call of `transfer`.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_moves_a_token_pays_again_too() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let [alice, bob] = [stage.owner(0)?, stage.owner(1)?];
    let token = tokens::USDC.address().to_checksum(None);
    pay(&alice, "12.5", &["--token", &token])?;
    let units = "12500000";
    let call = ["propose", "call", "--to", &token, "--sig", "transfer(address,uint256)", PAYEE];
    let refused = bob.run(&[&call[..], &[units]].concat())?;
    ensure!(refused.code == 4, "{refused:?}");
    let what = format!("pays 12.5 tUSDC ({token}) to {PAYEE} too");
    ensure!(refused.error().contains(&what), "{refused:?}");
    let other = bob.json(&[&call[..], &["12500001"]].concat())?;
    assert_eq!(codes(&other["review"]), [""; 0]);
    Ok(())
}

/// Case 1: a run under another name, whole, in part, and with other amounts of the same ids; not the same run again.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_another_name_is_told_of_the_first() -> Result<()> {
    let stage = Stage::start().await?;
    stage.register()?;
    let alice = stage.owner(0)?;
    let list = |amounts: &[&str]| {
        let rows = amounts.iter().enumerate();
        let rows: String =
            rows.map(|(number, amount)| format!("inv-{number},{PAYEE},{amount},ETH\n")).collect();
        format!("id,to,amount,token\n{rows}")
    };
    let write = |name: &str, text: String| std::fs::write(alice.path(name), text);
    write("may.csv", list(&["1", "2", "2", "3"]))?;
    write("part.csv", format!("id,to,amount,token\nother,{PAYEE},3,ETH\n"))?;
    write("ids.csv", list(&["1.1", "2.2"]))?;
    write("new.csv", list(&["7", "8"]).replace("inv-", "new-"))?;
    let propose = |file, run, more: &[&str]| {
        let propose = ["payout", "propose", file, "--run", run, "--batch-size", "2"];
        alice.run(&[&propose[..], more].concat())
    };
    // The two lines of 2 ETH stand in different batches of one plan: they are meant.
    let first = propose("may.csv", "may", &[])?;
    ensure!(first.code == 0, "{first:?}");
    let again = propose("may.csv", "may", &[])?;
    ensure!(again.code == 0 && again.stdout.contains("proposed: 2 payments"), "{again:?}");

    for (file, part) in [("may.csv", "pays 1 ETH to"), ("part.csv", "pays 3 ETH to")] {
        let refused = propose(file, "may-2", &[])?;
        ensure!(refused.code == 4 && refused.error().contains(part), "{refused:?}");
    }
    let refused = propose("ids.csv", "corrected", &[])?;
    ensure!(refused.code == 4, "{refused:?}");
    ensure!(refused.error().contains("has the ids \"inv-0\", \"inv-1\" too"), "{refused:?}");
    ensure!(propose("new.csv", "june", &[])?.code == 0);
    ensure!(propose("part.csv", "may-3", &["--accept", "paidAgain"])?.code == 0);
    Ok(())
}

/// Case 1, without a relayer: files that are named are compared, and those that lie around are warned of, if an owner signed
/// them and they can still be executed.
#[tokio::test]
async fn files_of_the_same_payment_are_named() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("first.json", &[])?;
    environment.propose("second.json", &["--lane", "1"])?;
    let key = environment.keystore(1)?;
    let warning = || -> Result<Option<String>> {
        let shown = environment.run(&["show", "second.json"])?;
        ensure!(shown.code == 0 && !shown.stdout.contains("paidAgain"), "{shown:?}");
        Ok(Some(shown.stderr).filter(|stderr| stderr.contains("paidAgain")))
    };
    // Nobody signed the other one yet.
    let named = ["show", "second.json", "--beside", "first.json"];
    assert_eq!((warning()?, codes(&environment.json(&named)?)), (None, Vec::new()));
    environment.sign("first.json", &[0])?;
    let said = warning()?.ok_or_eyre("no warning")?;
    let command = "quorate propose cancel first.json --wallet 0x";
    for part in ["warning: another open proposal, first.json, pays 1.5 ETH to 0x90F7", command] {
        ensure!(said.contains(part), "{part} is not in {said}");
    }
    assert_eq!(codes(&environment.json(&named)?), ["paidAgain"]);
    let sign = ["sign", "second.json", "--keystore", &key, "--beside", "first.json"];
    environment.refuses(&sign, 4, command)?;
    let propose = ["propose", "transfer", "--wallet", "wallet.json", "--to", PAYEE];
    let third = ["--amount", "1.5", "--out", "third.json", "--after", "first.json"];
    let shown = environment.run(&[&propose[..], &third].concat())?;
    ensure!(shown.code == 0 && shown.stdout.contains("paidAgain  another open"), "{shown:?}");
    let long = shown.stdout.lines().skip_while(|line| *line != "Dangers");
    let long: Vec<_> = long.filter(|line| line.chars().count() > 80).collect();
    ensure!(long.iter().all(|line| line.contains("quorate propose cancel")), "{long:?}");

    // In the folders here too, and not in all.
    std::fs::create_dir_all(environment.path("elsewhere/deep"))?;
    let text = environment.read("first.json")?;
    std::fs::remove_file(environment.path("first.json"))?;
    environment.write("elsewhere/deep/first.json", &text)?;
    assert_eq!(warning()?, None);
    environment.write("elsewhere/first.json", &text)?;
    ensure!(warning()?.is_some_and(|said| said.contains("elsewhere/first.json, pays")));

    // What was executed is said of no more.
    environment.sign("elsewhere/first.json", &[1, 2])?;
    environment.submit("elsewhere/first.json")?;
    assert_eq!(warning()?, None);
    let named = ["show", "second.json", "--beside", "elsewhere/first.json"];
    assert_eq!(codes(&environment.json(&named)?), [""; 0]);
    Ok(())
}

/// Case 1: the files of a run under another name.
#[tokio::test]
async fn files_of_a_run_under_another_name_are_warned_of() -> Result<()> {
    let environment = Environment::start().await?;
    environment.write("run.csv", &format!("id,to,amount,token\na,{PAYEE},1,ETH\n"))?;
    let propose = |run, more: &[&str]| {
        let propose = ["payout", "propose", "run.csv", "--wallet", "wallet.json", "--run", run];
        environment.run(&[&propose[..], more].concat())
    };
    ensure!(propose("may", &[])?.code == 0);
    environment.sign("may/may.0.json", &[0])?;
    let again = propose("may-again", &[])?;
    ensure!(again.code == 0 && again.stderr.contains("may/may.0.json, pays 1 ETH"), "{again:?}");
    let beside = ["--beside", "may/may.0.json"];
    let refused = propose("may-3", &beside)?;
    ensure!(refused.code == 4 && refused.error().contains("--accept paidAgain"), "{refused:?}");
    ensure!(!environment.path("may-3").exists(), "written all the same");
    ensure!(propose("may-3", &[&beside[..], &["--accept", "paidAgain"]].concat())?.code == 0);
    Ok(())
}
