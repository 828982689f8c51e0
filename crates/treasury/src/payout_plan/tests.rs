use super::*;
use crate::payout_file::Names;
use proptest::{collection::vec, prelude::*, sample::select};

const WALLET: Address = Address::with_last_byte(0xee);
const USDC: Address = Address::with_last_byte(6);
const DAI: Address = Address::with_last_byte(18);

fn decimals() -> BTreeMap<Address, u8> {
    BTreeMap::from([(USDC, 6), (DAI, 18)])
}

fn file(rows: &[(Address, &str, Address)]) -> PayoutFile {
    let line = |(number, (to, amount, token)): (usize, &(Address, &str, Address))| {
        format!("p{number},{to},{amount},{}\n", shown_token(*token))
    };
    let lines: String = rows.iter().enumerate().map(line).collect();
    csv(&format!("id,to,amount,token\n{lines}"))
}

fn csv(text: &str) -> PayoutFile {
    PayoutFile::from_csv(text.as_bytes()).unwrap()
}

fn planned(file: &PayoutFile, run: &str, max_lines: usize) -> Result<Plan, PlanError> {
    let decimals = decimals();
    let max_lines = Some(max_lines);
    plan(file, &Terms { chain_id: 1, wallet: WALLET, run, decimals: &decimals, max_lines }, None)
}

fn edit(file: &PayoutFile, old: &Plan) -> Result<Plan, PlanError> {
    let decimals = decimals();
    let (wallet, run) = (WALLET, &*old.run);
    let terms = Terms { chain_id: 1, wallet, run, decimals: &decimals, max_lines: None };
    plan(file, &terms, Some(old))
}

fn payee(number: u8) -> Address {
    Address::repeat_byte(number)
}

fn ids(plan: &Plan) -> Vec<Vec<&str>> {
    let ids =
        |batch: &Batch| batch.lines.iter().map(|&line| plan.lines[line].id.as_str()).collect();
    plan.batches.iter().map(ids).collect()
}

#[test]
fn batches_follow_the_order_of_the_file_token_by_token() {
    let file = file(&[
        (payee(1), "1.5", USDC),
        (payee(2), "2", Address::ZERO),
        (payee(3), "3", USDC),
        (payee(4), "4", USDC),
    ]);
    let plan = planned(&file, "payroll-2026-11", 2).unwrap();
    assert_eq!(ids(&plan), [vec!["p0", "p2"], vec!["p3"], vec!["p1"]]);
    let tokens: Vec<_> = plan.batches.iter().map(|batch| batch.token).collect();
    assert_eq!(tokens, [USDC, USDC, Address::ZERO]);
    for (number, batch) in (0..).zip(&plan.batches) {
        assert_eq!(batch.number, number);
        assert_eq!(plan.lane(number), Lane::of_payout("payroll-2026-11", U256::from(number)));
    }
    let transfers = vec![
        Transfer { to: payee(1), amount: U256::from(1_500_000) },
        Transfer { to: payee(3), amount: U256::from(3_000_000) },
    ];
    let batch = &plan.batches[0];
    assert_eq!(plan.action(USDC, &plan.live(batch)), Action::Payout { token: USDC, transfers });
    let amount = U256::from(8_500_000);
    assert_eq!(plan.totals[0], Total { token: USDC, decimals: 6, count: 3, amount });
}

#[test]
fn what_the_tokens_do_not_take_is_found_all_at_once() {
    let file =
        file(&[(payee(1), "0.0000001", USDC), (WALLET, "1", USDC), (payee(2), "0.0000001", DAI)]);
    assert_eq!(
        planned(&file, "r", 1).unwrap_err().to_string(),
        format!(
            "line 2, id \"p0\": amount: \"0.0000001\" has more than the 6 decimals that can be paid\n\
             line 3, id \"p1\": to: {WALLET} is the wallet that pays: give the payee's address"
        )
    );
}

#[test]
fn a_run_has_a_name_that_is_typed_in_one_way() {
    let file = file(&[(payee(1), "1", Address::ZERO)]);
    for run in ["7", "payroll-2026-11", "q4_grants.v2", &"r".repeat(64)] {
        assert!(planned(&file, run, 1).is_ok(), "{run}");
    }
    for run in ["", "-r", ".r", "Payroll", "r 1", "r/1", "r\u{202e}", "é", "{p}", &"r".repeat(65)]
    {
        let error = PlanError::RunName { run: run.to_owned() };
        assert_eq!(planned(&file, run, 1), Err(error));
    }
}

#[test]
fn a_batch_fits_a_transaction() {
    let file = file(&[(payee(1), "1", Address::ZERO)]);
    for max_lines in [0, MOST_LINES_OF_BATCH + 1, usize::MAX] {
        assert_eq!(planned(&file, "r", max_lines), Err(PlanError::MaxLines { max_lines }));
    }
}

#[test]
fn a_total_that_no_token_holds_is_refused() {
    let most = (U256::MAX - U256::ONE).to_string();
    let file = file(&[(payee(1), &most, USDC), (payee(2), "2", USDC)]);
    let planned = |decimals: BTreeMap<Address, u8>| {
        let terms = Terms {
            chain_id: 1,
            wallet: WALLET,
            run: "r",
            decimals: &decimals,
            max_lines: Some(1),
        };
        plan(&file, &terms, None)
    };
    let token = USDC;
    assert_eq!(planned(BTreeMap::from([(USDC, 0)])), Err(PlanError::TotalTooLarge { token }));
    assert_eq!(planned(BTreeMap::new()), Err(PlanError::DecimalsUnknown { token }));
    let error = planned(decimals()).unwrap_err();
    assert!(error.to_string().ends_with("is more than any token can hold"), "{error}");
}

#[test]
fn the_same_content_has_the_same_bytes() {
    let to = payee(1);
    let text = format!("id,to,amount,token\na,{to},1,ETH\nb,{to},2,ETH\n");
    let plan = planned(&csv(&text), "r", 1).unwrap();
    let other_form =
        format!("token;NOTE;Amount;to;ID\r\n\r\nETH;;1.0;{to}; a\r\nETH;;02;{to:#x};\"b\"");
    let json = format!(
        "{{\"id\":\"a\",\"to\":\"{to}\",\"amount\":1,\"token\":\"ETH\"}}\n\n{{\"token\":\"ETH\",\"to\":\"{to}\",\"amount\":\"2.000\",\"id\":\"b\",\"note\":null}}"
    );
    for other in [other_form, json] {
        let other = planned(&csv(&other), "r", 1).unwrap();
        assert_eq!((other.to_json(), other.hash), (plan.to_json(), plan.hash));
    }
    for (from, into) in [
        ("a,", "c,"),
        (",1,", ",1.1,"),
        (&*to.to_string(), &*payee(2).to_string()),
        ("ETH", &*DAI.to_string()),
    ] {
        let other = planned(&csv(&text.replacen(from, into, 1)), "r", 1).unwrap();
        assert_ne!(other.hash, plan.hash, "{from}");
    }
    assert_ne!(planned(&csv(&text), "s", 1).unwrap().hash, plan.hash);
    assert_ne!(planned(&csv(&text), "r", 2).unwrap().hash, plan.hash);
}

#[test]
fn a_plan_is_read_back_and_forged_ones_are_not() {
    let file = csv(&format!(
        "id,to,amount,token,note,x-cost,name\na,{},1.5,{USDC},hi,7,Ann\nb,{},2,ETH,,,\nc,{},3,{USDC},,8,\n",
        payee(1),
        payee(2),
        payee(3)
    ));
    let plan = planned(&file, "may", 1).unwrap();
    let text = plan.to_json();
    assert_eq!(Plan::from_json(text.as_bytes()), Ok(plan.clone()));
    assert_eq!(plan.columns, ["name", "x-cost"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    jsonschema::validate(&schema, &value).unwrap();
    for (from, to) in [
        (plan.lane(1).to_string(), "12".to_owned()),
        ("\"number\": 1".to_owned(), "\"number\": 2".to_owned()),
        ("\"maxLines\": 1".to_owned(), "\"maxLines\": 2".to_owned()),
        ("\"run\": \"may\"".to_owned(), "\"run\": \"june\"".to_owned()),
        ("\"total\": \"1500000\"".to_owned(), "\"total\": \"1500001\"".to_owned()),
        ("\"amount\": \"1500000\"".to_owned(), "\"amount\": \"1500001\"".to_owned()),
        ("\"id\": \"a\"".to_owned(), "\"id\": \"z\"".to_owned()),
    ] {
        assert!(text.contains(&from), "{from}");
        let error = Plan::from_json(text.replacen(&from, &to, 1).as_bytes()).unwrap_err();
        assert!(error.is_contradiction(), "{from}: {error}");
    }
    for (from, to) in [
        ("payoutPlan", "proposal"),
        ("\"version\": 1", "\"version\": 2"),
        ("\"chainId\": 1", "\"chainId\": 1, \"x\": 1"),
        ("\"amount\": \"1500000\"", "\"amount\": 1500000"),
        ("\"id\": \"c\"", "\"id\": \"a\""),
    ] {
        let error = Plan::from_json(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(!error.is_contradiction(), "{from}: {error}");
    }
    let cut = Plan::from_json(&text.as_bytes()[..text.len() / 2]).unwrap_err();
    assert!(matches!(cut, PlanFileError::Truncated { .. }));
}

/// What a plan's file must look like, as published.
const SCHEMA: &str = include_str!("../../../../docs/schema/payoutPlan.v1.json");

/// History 7: a line inserted on top makes a batch of its own, and a removed one keeps its place.
#[test]
fn an_edit_leaves_every_line_in_its_batch() {
    let line = |id: &str, amount: &str| format!("{id},{},{amount},ETH\n", payee(1));
    let list = |lines: &[String]| csv(&format!("id,to,amount,token\n{}", lines.concat()));
    let [a, b, c, z] = ["a", "b", "c", "z"].map(|id| line(id, "1"));
    let v1 = planned(&list(&[a.clone(), b.clone(), c]), "r", 2).unwrap();
    let v2 = edit(&list(&[z.clone(), a, line("c", "5")]), &v1).unwrap();
    assert_eq!(ids(&v2), [vec!["a", "b"], vec!["c"], vec!["z"]]);
    assert_eq!(v2.edits, [Edit { plan: v1.hash, lines: 3 }]);
    assert!(v2.lines[1].removed && v2.is_of(v1.hash) && !v1.is_of(v2.hash));
    assert_eq!(v2.live(&v2.batches[0]), [0]);
    assert_eq!(v2.totals[0].amount, U256::from(7) * U256::from(10).pow(U256::from(18)));
    assert_eq!(Plan::from_json(v2.to_json().as_bytes()), Ok(v2.clone()));
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let value = serde_json::from_str(&v2.to_json()).unwrap();
    jsonschema::validate(&schema, &value).unwrap();
    // A line that comes back comes back to its place.
    let v3 = edit(&list(&[b, z, line("y", "2")]), &v2).unwrap();
    assert_eq!(ids(&v3), [vec!["a", "b"], vec!["c"], vec!["z"], vec!["y"]]);
    assert_eq!(v3.edits.len(), 2);
    assert!(!v3.lines[1].removed && v3.lines[0].removed);
    assert_eq!(Plan::from_json(v3.to_json().as_bytes()), Ok(v3.clone()));
    let forged = v3.to_json().replacen("\"lines\": 3", "\"lines\": 2", 1);
    assert!(Plan::from_json(forged.as_bytes()).unwrap_err().is_contradiction());
    let moved = csv(&format!("id,to,amount,token\na,{},1,{USDC}\n", payee(1)));
    assert!(edit(&moved, &v1).unwrap_err().to_string().contains("give the payment a new id"));
    let none = csv(&format!("id,to,amount,token\nq,{},1,ETH\n", payee(1)));
    assert!(edit(&none, &v1).is_ok());
}

#[test]
fn an_edit_is_of_the_same_run() {
    let list = file(&[(payee(1), "1", Address::ZERO)]);
    let old = planned(&list, "r", 2).unwrap();
    let decimals = decimals();
    let terms = |run, wallet, chain_id, max_lines| Terms {
        chain_id,
        wallet,
        run,
        decimals: &decimals,
        max_lines,
    };
    for (terms, expected) in [
        (terms("s", WALLET, 1, None), "run"),
        (terms("r", payee(9), 1, None), "wallet"),
        (terms("r", WALLET, 2, None), "chain"),
        (terms("r", WALLET, 1, Some(3)), "--max-lines"),
    ] {
        let error = plan(&list, &terms, Some(&old)).unwrap_err();
        assert!(matches!(error, PlanError::OtherPlan { what, .. } if what == expected));
    }
}

/// Case 37.
#[test]
fn totals_and_counts_that_were_said_are_compared() {
    let file = file(&[(payee(1), "16.75", Address::ZERO), (payee(2), "100", USDC)]);
    let plan = planned(&file, "r", 2).unwrap();
    let names = Names { tokens: BTreeMap::from([("1USD".to_owned(), USDC)]), ..Names::default() };
    let differs = |totals: &[&str], count| -> Vec<String> {
        let totals: Vec<Expected> = totals.iter().map(|text| text.parse().unwrap()).collect();
        plan.unexpected(&totals, count, &names).iter().map(ToString::to_string).collect()
    };
    assert!(differs(&["16.75ETH", "100:1USD"], Some(2)).is_empty());
    assert!(differs(&["16.7500 ETH", &format!("100:{USDC}")], None).is_empty());
    assert!(differs(&[], Some(3))[0].contains("2 payments, not the 3"));
    assert!(differs(&["16750ETH", "100:1USD"], None)[0].contains("16.75 ETH, not to the 16750"));
    assert!(differs(&["16.75ETH"], None)[0].contains("no --expect-total for 0x"));
    assert_eq!(differs(&["16.75ETH", "16.75ETH", "100:1USD"], None).len(), 1);
    assert!(differs(&["16.75ETH", "100:1USD", "1DAI"], None)[0].contains("not an address"));
    for text in ["", "ETH", "1.250ETH", "1,5ETH", "1250", "5:", "-5ETH"] {
        assert!(text.parse::<Expected>().is_err(), "{text}");
    }
    assert!("16.750ETH".parse::<Expected>().is_err());
}

fn rows() -> impl Strategy<Value = Vec<(Address, String, Address)>> {
    let row = (1_u8..200, 1_u64.., select(vec![Address::ZERO, USDC, DAI]))
        .prop_map(|(to, amount, token)| (payee(to), amount.to_string(), token));
    vec(row, 1..60)
}

proptest! {
    #[test]
    fn each_payment_is_in_one_batch_and_no_unit_is_lost(rows in rows(), size in 1_usize..20) {
        let rows: Vec<_> = rows.iter().map(|(to, amount, token)| (*to, amount.as_str(), *token)).collect();
        let file = file(&rows);
        let split = planned(&file, "run", size).unwrap();
        prop_assert_eq!(&planned(&file, "run", size), &Ok(split.clone()));
        let mut places: Vec<_> = split.batches.iter().flat_map(|batch| batch.lines.clone()).collect();
        places.sort_unstable();
        prop_assert_eq!(places, (0..file.rows().len()).collect::<Vec<_>>());
        for batch in &split.batches {
            prop_assert!((1..=size).contains(&batch.lines.len()));
            prop_assert_eq!(Some(batch.total), sum(&split.lines, &batch.lines));
        }
        for total in &split.totals {
            let of_token = split.batches.iter().filter(|batch| batch.token == total.token);
            let amount = of_token.fold(U256::ZERO, |sum, batch| sum + batch.total);
            prop_assert_eq!(amount, total.amount);
        }
        prop_assert_eq!(Plan::from_json(split.to_json().as_bytes()), Ok(split));
    }
}
