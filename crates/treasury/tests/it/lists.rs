//! Lists that twelve tools really wrote, with the right outcome of each.

use alloy::primitives::U256;
use quorate_treasury::{PayoutFile, PayoutFileError, problem::Problem, remark};
use std::{fs, path::Path};

fn read(name: &str) -> Result<PayoutFile, PayoutFileError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists");
    PayoutFile::from_csv(&fs::read(folder.join(name)).expect("a list"))
}

fn wei(file: &PayoutFile) -> Vec<(String, String)> {
    let wei = |text: &str| quorate_core::amount::parse(text, 18).expect("an amount");
    let row =
        |row: &quorate_treasury::payout_file::Row| (row.id.clone(), wei(&row.amount).to_string());
    file.rows().iter().map(row).collect()
}

/// What is said of each line, in order.
fn said(name: &str) -> Vec<(Option<usize>, String)> {
    let error = read(name).expect_err("a list that cannot be taken");
    let problem = |problem: &Problem| (problem.line, problem.fault.to_string());
    error.problems().iter().map(problem).collect()
}

fn check(name: &str, expected: &[(usize, &str)]) {
    let said = said(name);
    assert_eq!(said.len(), expected.len(), "{name}: {said:?}");
    for ((line, text), (expected_line, part)) in said.iter().zip(expected) {
        assert_eq!(*line, Some(*expected_line), "{name}: {text}");
        assert!(text.contains(part), "{name}: {text}");
    }
}

/// Case 36: 01 and 03 are taken only by an explicit word.
#[test]
fn thousands_of_a_german_spreadsheet_are_a_danger() {
    for name in ["01-libreoffice-de-grouped.csv", "03-libreoffice-de-semicolon-grouped.csv"] {
        let file = read(name).expect("numbers as they stand");
        let texts: Vec<_> =
            remark::of_amounts(&file, |_| 18).iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 3, "{name}");
        for (text, (line, way_out)) in texts.iter().zip([
            (2, "write 1250 or 1.25"),
            (3, "write 3000 or 3"),
            (4, "write 12500 or 12.5"),
        ]) {
            assert!(text.starts_with(&format!("line {line}, id ")), "{name}: {text}");
            assert!(text.ends_with(way_out), "{name}: {text}");
        }
    }
}

/// Case 38.
#[test]
fn what_cannot_be_taken_names_the_value_and_what_to_write() {
    check(
        "02-libreoffice-de-comma.csv",
        &[(2, "write 1250.5"), (3, "either 1005 or 1.0050"), (4, "write 100.25")],
    );
    check(
        "04-libreoffice-de-utf16-tab.csv",
        &[(2, "decimal comma: write 1250.50"), (3, "write 1.01"), (4, "write 100.25")],
    );
    check(
        "05-libreoffice-fr-nbsp.csv",
        &[
            (2, "a blank between the digits: write 1250"),
            (3, "a blank between the digits: write 3000"),
            (4, "a blank between the digits: write 12500"),
        ],
    );
    check("06-libreoffice-in-grouping.csv", &[(2, "write 1234567.50"), (3, "either 3000 or 3")]);
    check("12-beanquery-padded.csv", &[(3, "write 0.000000000000000001")]);
}

/// Case 40: one short line each, and the cause once.
#[test]
fn payees_that_became_numbers_are_told_with_the_cause() {
    for (name, numbers_rows) in [("07-r-write-csv.csv", true), ("08-exceljs-floats.csv", false)] {
        let said = said(name);
        let lines: Vec<_> = said.iter().map(|(line, _)| *line).collect();
        let expected = [Some(1), Some(2), Some(3), Some(4), None];
        assert_eq!(lines, expected[usize::from(!numbers_rows)..], "{name}");
        let last = &said.last().expect("some").1;
        assert!(last.contains("turned into numbers by the program that wrote the file"), "{last}");
        assert_eq!(numbers_rows, said[0].1.contains("numbers the rows"), "{name}");
        let text = read(name).unwrap_err().to_string();
        assert_eq!(text.lines().count(), said.len());
    }
}

#[test]
fn what_can_be_taken_is_taken_to_the_last_unit() {
    let one = |id: &str, wei: &str| (id.to_owned(), wei.to_owned());
    let base = [
        one("007", "123456789012345678"),
        one("8", "1000000000000000000000001"),
        one("9", "300000000000000000000000"),
    ];
    for name in ["09-miller.jsonl", "10-pandas-str.tsv"] {
        assert_eq!(wei(&read(name).expect("good")), base, "{name}");
    }
    let file = read("11-duckdb-decimal.jsonl").expect("good");
    let expected = [one("007", "1500000000000000001"), one("inv-2", "1000000000000000000000001")];
    assert_eq!(wei(&file), expected);
    assert_eq!(file.rows()[0].note, "");
    assert_eq!(U256::from(1_500_000_000_000_000_001_u64).to_string(), expected[0].1);
}

/// Case 40: a row of totals is one line, and says what it is.
#[test]
fn a_row_of_totals_is_named() {
    let to = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
    for row in ["Total,,3,", ",,3,", "Summe:,,3,ETH", "x,TOTAL,3,", ",,=SUM(C2:C3),"] {
        let list = format!("id,to,amount,token\na,{to},1,ETH\nb,{to},2,ETH\n{row}\n");
        let error = PayoutFile::from_csv(list.as_bytes()).unwrap_err();
        assert_eq!(error.problems().len(), 1, "{row}: {error}");
        assert!(error.to_string().contains("a row of totals: remove the line"), "{error}");
        assert_eq!(error.problems()[0].line, Some(4));
    }
}

#[test]
fn names_and_columns_of_other_programs_are_named_and_not_mapped() {
    let read = |text: &str| PayoutFile::from_csv(text.as_bytes()).unwrap_err().to_string();
    let text = read("token_type,token_address,receiver,amount,id\nerc20,0x,0x,1,1\n");
    assert!(text.contains("unknown column \"receiver\": rename to `to`"), "{text}");
    assert!(text.contains("\"token_address\": rename to `token`"), "{text}");
    assert!(read("Recipient;Value\n0x;1\n").contains("rename to `amount`"));
    assert!(read("id,to,amount,token,x-\n").contains("carry it along with x-"));
    assert!(read("{\"id\":1,\"id\":2}\n").contains("line 1: \"id\" is there twice"));
    assert!(read("[{\"id\":1}]\n").contains("one object a line"));
    assert!(read("{\"id\":1.5,\"to\":\"\"}\n").contains("a whole number is needed"));
    let to = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
    let alike = read(&format!("id,to,amount,token\nA 1,{to},1,ETH\na1,{to},2,ETH\n"));
    assert!(alike.contains("line 3, id \"a1\": the id differs from \"A 1\" of line 2"), "{alike}");
    let name = read(&format!("id,to,amount,token\na,@acme,1,ETH\nb,{to},1,USDC\n"));
    assert!(name.contains("book add payee") && name.contains("for ether write ETH"), "{name}");
    let long = read(&format!("id,to,amount,token,note\na,{to},1,ETH,{}\n", "x".repeat(1 << 20)));
    assert!(long.starts_with("line 2, id \"a\": note: 1048576 bytes") && long.len() < 200);
}
