//! `payout plan`: what is refused, what is asked about, and what is written.

use crate::environment::{Environment, PAYEE};
use alloy::primitives::hex;
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{repository, tokens};
use serde_json::Value;
use std::fs;

const OTHER: &str = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";
const PLAN: [&str; 7] = ["payout", "plan", "run.csv", "--run", "may", "--wallet", "wallet.json"];

fn list(rows: &[&str]) -> String {
    format!("id,to,amount,token\n{}\n", rows.join("\n"))
}

/// The same list gives the same bytes, and a forged plan is told from a damaged one.
#[tokio::test]
async fn a_plan_is_written_once_and_never_believed() -> Result<()> {
    let environment = Environment::start().await?;
    environment
        .write("run.csv", &list(&[&format!("a,{PAYEE},1.5,ETH"), &format!("b,{OTHER},2,ETH")]))?;
    let small = [&PLAN[..], &["--max-lines", "1"]].concat();
    let told = environment.json(&small)?;
    let text = environment.read("may.plan.json")?;
    let hash = alloy::primitives::keccak256(&text).to_string();
    assert_eq!((&told["planHash"], &told["count"]), (&hash.into(), &2.into()));
    assert_eq!(told["batches"][1]["number"], 1);
    environment.json(&small)?;
    assert_eq!(environment.read("may.plan.json")?, text);
    environment.refuses(&PLAN, 3, "may.plan.json exists already and holds another plan")?;
    environment.json(&[&small[..], &["--out", "copy.json"]].concat())?;
    assert_eq!(environment.read("copy.json")?, text);

    let lane = told["batches"][0]["lane"].as_str().ok_or_eyre("no lane")?;
    environment.write("forged.json", &text.replace(lane, "12"))?;
    environment.write("cut.json", &text[..text.len() / 2])?;
    for verb in ["status", "propose", "resume", "reconcile"] {
        environment.refuses(&["payout", verb, "forged.json"], 7, "the lane of batch 0")?;
        environment.refuses(&["payout", verb, "cut.json"], 3, "cut off")?;
    }
    environment.refuses(&["payout", "status", "copy.json", "--run", "june"], 3, "leave it out")?;
    environment.refuses(&["payout", "status", "copy.json", "--wallet", PAYEE], 3, "leave it out")
}

/// Case 36: thousands in German are asked about, and refused where a decimal comma shows what they are.
#[tokio::test]
async fn a_point_that_may_group_is_a_danger() -> Result<()> {
    let environment = Environment::start().await?;
    for name in ["01-libreoffice-de-grouped.csv", "03-libreoffice-de-semicolon-grouped.csv"] {
        let path = repository().join("crates/treasury/tests/lists").join(name);
        fs::copy(path, environment.path("run.csv"))?;
        environment.refuses(
            &PLAN,
            4,
            "line 2, id \"inv-1\": 1.250 is 1.25 as it stands, and 1250",
        )?;
        environment.refuses(&PLAN, 4, "--accept groupedAmount")?;
        let accept = ["--accept", "groupedAmount", "--out", "out.json"];
        let told = environment.json(&[&PLAN[..], &accept].concat())?;
        assert_eq!(told["totals"][0]["amount"], "16750000000000000000");
        fs::remove_file(environment.path("out.json"))?;
        let expected = [&PLAN[..], &accept, &["--expect-total", "16750ETH"]].concat();
        environment.refuses(&expected, 3, "adds up to 16.75 ETH, not to the 16750")?;
    }
    environment.write(
        "run.csv",
        &format!("id;to;amount;token\na;{PAYEE};1.250;ETH\nb;{OTHER};3,5;ETH\n"),
    )?;
    let accept = [&PLAN[..], &["--accept", "groupedAmount"]].concat();
    environment.refuses(&accept, 3, "line 2, id \"a\": amount: \"1.250\" is 1250 where the comma")
}

/// Case 37, and what else can be said beside a list.
#[tokio::test]
async fn what_is_said_beside_a_list_is_held_against_it() -> Result<()> {
    let environment = Environment::start().await?;
    environment.write("run.csv", &format!("id,to,amount\na,{PAYEE},1.5\nb,{OTHER},2\n"))?;
    environment.refuses(&PLAN, 3, "line 1: no column token")?;
    let with = |more: &[&str]| -> Vec<String> {
        PLAN.iter().chain(&["--token", "ETH"]).chain(more).map(|&word| word.to_owned()).collect()
    };
    let refuses = |more: &[&str], code, reason: &str| {
        let words = with(more);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        environment.refuses(&words, code, reason)
    };
    refuses(&["--expect-count", "3"], 3, "2 payments, not the 3")?;
    refuses(&["--expect-total", "3.500ETH"], 3, "could be 3500 or 3.5")?;
    refuses(&["--expect-total", "35ETH"], 3, "adds up to 3.5 ETH")?;
    refuses(&["--max-lines", "256"], 3, "1 to 255")?;
    refuses(&["--period", "2026-11"], 2, "has none")?;
    let period = ["--run", "pay-{period}", "--wallet", "wallet.json", "--token", "ETH"];
    let plan = [&["payout", "plan", "run.csv"][..], &period].concat();
    environment.refuses(&plan, 2, "needs --period")?;
    let told = environment.json(&[&plan[..], &["--period", "2026-11"]].concat())?;
    assert_eq!(
        (&told["run"], &told["plan"]),
        (&"pay-2026-11".into(), &"pay-2026-11.plan.json".into())
    );
    // What an earlier run pays is named.
    environment
        .write("run.csv", &list(&[&format!("c,{OTHER},2,ETH"), &format!("a,{OTHER},9,ETH")]))?;
    let paid = [&PLAN[..], &["--paid", "pay-2026-11.plan.json"]].concat();
    let refused = environment.run(&paid)?;
    ensure!(refused.code == 4 && refused.error().contains("paidBefore"), "{refused:?}");
    for part in [
        "line 2, id \"c\": the run pay-2026-11 pays",
        "line 3, id \"a\": the run pay-2026-11 has this id",
    ] {
        ensure!(refused.error().contains(part), "{refused:?}");
    }
    environment.json(&[&paid[..], &["--accept", "paidBefore"]].concat()).map(drop)
}

/// Names of the address book stand for addresses, and warn of others.
#[tokio::test]
async fn the_address_book_names_payees_and_tokens() -> Result<()> {
    let environment = Environment::start().await?;
    let usdc = tokens::USDC.address().to_checksum(None);
    let add = |words: &[&str]| {
        environment.json(&[&["book", "add"][..], words, &["--book", "book.toml"]].concat())
    };
    add(&["payee", "acme", PAYEE])?;
    add(&["token", "USDC", &usdc, "--chain-id", "31337"])?;
    assert_eq!(add(&["payee", "acme", PAYEE])?["added"], false);
    let taken = ["book", "add", "payee", "acme", OTHER, "--book", "book.toml"];
    environment.refuses(&taken, 3, "is 0x90F7")?;
    let near = format!("0x90f7{}b906", "0".repeat(32));
    environment.write(
        "run.csv",
        &format!(
            "id,to,amount,token,name\na,@acme,1,USDC,ACME\nb,{near},1,ETH,\nc,{PAYEE},2,ETH,Bob\n"
        ),
    )?;
    let plan = [&PLAN[..], &["--book", "book.toml"]].concat();
    let refused = environment.run(&plan)?;
    ensure!(refused.code == 4, "{refused:?}");
    for part in [
        "--accept lookAlike",
        "--accept nameDiffers",
        "line 3, id \"b\"",
        "of @acme of the address book",
        "calls 0x90F79bf6EB2c4f870365E785982E1f101E93b906 \"Bob\", the address book \"acme\"",
    ] {
        ensure!(refused.error().contains(part), "{part}: {refused:?}");
    }
    let accept = ["--accept", "lookAlike", "--accept", "nameDiffers"];
    let told = environment.json(&[&plan[..], &accept].concat())?;
    assert_eq!(told["totals"][0]["token"], usdc);
    environment.refuses(&PLAN, 3, "no payee in the address book")?;
    // Without an endpoint the book's decimals do, and that is a danger.
    let offline = [&plan[..], &accept, &["--rpc-url", "", "--out", "offline.json"]].concat();
    environment.refuses(&offline, 4, "--accept offline")?;
    environment.json(&[&offline[..], &["--accept", "offline"]].concat())?;
    assert_eq!(environment.read("offline.json")?, environment.read("may.plan.json")?);

    // A wallet in the book is compared with the chain.
    let wallet = environment.wallet()?;
    add(&["wallet", "treasury", &wallet, "--chain-id", "31337"])?;
    let check = ["wallet", "check", "@treasury", "--book", "book.toml"];
    environment.json(&check)?;
    let text = environment.read("book.toml")?;
    environment.write("book.toml", &text.replace("threshold = 3", "threshold = 2"))?;
    environment.refuses(&check, 7, "the threshold is 3, not 2")?;
    let listed: Value = environment.json(&["book", "list", "--book", "book.toml"])?;
    assert_eq!(listed["payees"][0]["name"], "acme");
    Ok(())
}

/// Every line stays in its batch when a list is edited.
#[tokio::test]
async fn an_edited_list_is_planned_with_its_old_plan() -> Result<()> {
    let environment = Environment::start().await?;
    let [a, b] = [format!("a,{PAYEE},1,ETH"), format!("b,{OTHER},2,ETH")];
    environment.write("run.csv", &list(&[&a, &b]))?;
    let first = environment.json(&PLAN)?;
    let z = format!("z,{OTHER},7,ETH");
    environment.write("run.csv", &list(&[&z, &a]))?;
    let edit = [&PLAN[..], &["--edit", "may.plan.json", "--out", "v2.json"]].concat();
    environment.json(&edit)?;
    let plan: Value = serde_json::from_str(&environment.read("v2.json")?)?;
    assert_eq!(plan["edits"][0]["planHash"], first["planHash"]);
    assert_eq!(plan["batches"][0]["ids"], serde_json::json!(["a", "b"]));
    assert_eq!(plan["batches"][1]["ids"], serde_json::json!(["z"]));
    assert_eq!(plan["lines"][1]["removed"], true);
    environment.refuses(&[&PLAN[..], &["--edit", "v3.json"]].concat(), 3, "no such file")
}

/// A payee that cannot be paid, a token that takes a part and a contract are named by line.
#[tokio::test]
async fn what_payments_would_do_is_tried() -> Result<()> {
    let environment = Environment::start().await?;
    let closed =
        environment.chain.deploy(hex!("6005600c60003960056000f360006000fd").into()).await?;
    // Takes ether, and keeps note of it.
    let open = environment.chain.deploy(hex!("6005600c60003960056000f33460005500").into()).await?;
    // A token that everybody has 10^12 of, and of which payees get one unit less than is sent.
    let taking = hex!(
        "6059600c60003960596000f3"
        "60003560e01c" "806370a0823114602657" "8063a9059cbb14603857" "63313ce56714605057" "5f5ffd"
        "5b60043554" "64e8d4a51000015f5260205ff3"
        "5b6001602435036004355401600435" "5560015f5260205ff3" "5b60065f5260205ff3"
    );
    let taking = environment.chain.deploy(taking.into()).await?.to_checksum(None);
    let rows = [
        format!("a,{PAYEE},1,ETH"),
        format!("b,{closed},1,ETH"),
        format!("c,{OTHER},10,{taking}"),
        format!("d,{open},1,ETH"),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    environment.write("run.csv", &list(&rows))?;
    let told = environment.json(&PLAN)?;
    let told = told["short"].as_array().ok_or_eyre("nothing is told")?;
    let told: Vec<_> = told.iter().filter_map(Value::as_str).collect();
    let expected = [
        ("id \"b\": paying ", "--set-aside b"),
        ("id \"c\": ", "takes a part"),
        ("id \"d\": ", "is a contract"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, (start, part)) in told.iter().zip(expected) {
        ensure!(told.starts_with(start) && told.contains(part), "{told}");
    }
    let propose = ["payout", "propose", "may.plan.json"];
    environment.refuses(&propose, 4, "--accept simulationFails")?;
    environment.json(&[&propose[..], &["--accept", "simulationFails"]].concat())?;
    let status = environment.run(&["payout", "status", "may.plan.json", "--json"])?;
    let told: Value = serde_json::from_str(&status.stdout)?;
    assert_eq!((status.code, &told["batches"][0]["status"]), (1, &"refused".into()));
    Ok(())
}
