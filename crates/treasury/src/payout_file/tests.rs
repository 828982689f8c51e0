use super::columns::COLUMNS;
use super::*;
use alloy::primitives::U256;
use proptest::{collection::vec, prelude::*};

const TO: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const USDC: &str = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";

fn read(text: &str) -> Result<PayoutFile, PayoutFileError> {
    PayoutFile::from_csv(text.as_bytes())
}

fn faults(text: &str) -> Vec<(Option<usize>, Fault)> {
    let error = read(text).unwrap_err();
    error.problems().iter().map(|problem| (problem.line, problem.fault.clone())).collect()
}

#[test]
fn columns_are_found_by_name() {
    let text = format!("note, token ,amount,id,to\n\"a, \"\"b\"\"\",{USDC},1.50,x-1 ,{TO}\n");
    let row = Row {
        line: 2,
        id: "x-1".to_owned(),
        to: TO.parse().unwrap(),
        amount: "1.50".to_owned(),
        token: USDC.parse().unwrap(),
        note: "a, \"b\"".to_owned(),
        name: String::new(),
        carried: Vec::new(),
    };
    let file = read(&text).unwrap();
    assert_eq!(file.rows(), [row]);
    assert_eq!(file.tokens(), BTreeSet::from([USDC.parse().unwrap()]));
}

#[test]
fn ether_is_no_token_to_look_up() {
    let file = read(&format!("id,to,amount,token\n1,{TO},1,ETH\n")).unwrap();
    assert_eq!(file.rows()[0].token, Address::ZERO);
    assert!(file.tokens().is_empty());
}

#[test]
fn a_header_is_checked_as_a_whole() {
    let text = "id,memo,to,ID,x y\n";
    let expected = [
        Fault::ColumnUnknown { name: "memo".to_owned(), rename: Some("note") },
        Fault::ColumnTwice { column: "id".to_owned() },
        Fault::ColumnUnknown { name: "x y".to_owned(), rename: None },
        Fault::ColumnMissing { column: "amount" },
        Fault::TokenMissing,
    ];
    assert_eq!(faults(text), expected.map(|fault| (Some(1), fault)));
    let found = "1".to_owned();
    assert_eq!(faults(&format!("1,{TO},1,ETH")), [(Some(1), Fault::NoHeader { found })]);
    assert_eq!(faults("id,to,amount,token\n\n"), [(None, Fault::NoPayments)]);
    assert_eq!(faults(" \n,,\n"), [(None, Fault::Empty)]);
}

#[test]
fn every_problem_of_a_file_is_found_at_once() {
    let text = format!(
        "id,to,amount,token\n\
         a,{TO},1,ETH\n\
         a,nobody,0.00,eth\n\
         ,{TO},-1,{USDC}\n\
         b,{TO},1,000.00,ETH\n\
         c,{USDC},1,{USDC}\n\
         d,{TO},1e3,0x0000000000000000000000000000000000000000\n"
    );
    let lines: Vec<_> =
        read(&text).unwrap_err().problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "line 3, id \"a\": the id is already that of line 2: give each payment its own",
            "line 3, id \"a\": to: \"nobody\" is not an address: 0x and 40 hexadecimal digits are needed",
            "line 3, id \"a\": token: \"eth\" is not an address: 0x and 40 hexadecimal digits are needed; for ether write ETH, and a symbol only where the address book has it",
            "line 3, id \"a\": amount: \"0.00\" is zero: remove the line, or write what is owed",
            "line 4: the payment has no id: give it one that no other payment has, like an invoice number",
            "line 4: amount: \"-1\" is negative: a payout cannot take money back",
            "line 5: 5 fields, where the header has 4: a field with a comma in it needs quotes",
            &format!(
                "line 6, id \"c\": to: {USDC} is the token itself, which cannot send it back: give the payee's own address"
            ),
            "line 7, id \"d\": token: the zero address is no token; for ether write ETH",
            "line 7, id \"d\": amount: \"1e3\" has an exponent, which loses digits too: compare it with its source: write 1000",
        ]
    );
}

/// Case 6: spreadsheets and libraries leave out empty cells at the end.
#[test]
fn a_row_may_end_before_its_optional_cells() {
    let text = format!(
        "id,to,amount,token,note\r\ninv-1,{TO},0.25,ETH,hosting\r\ninv-2,{TO},0.5,ETH\r\ninv-3,{TO},1,ETH,,,\r\n"
    );
    let notes: Vec<_> = read(&text).unwrap().rows().iter().map(|row| row.note.clone()).collect();
    assert_eq!(notes, ["hosting", "", ""]);
    let line = |text: &str| read(text).unwrap_err().to_string();
    let cut = format!("id,to,amount,token,note\ninv-1,{TO},0.25\n");
    assert_eq!(
        line(&cut),
        "line 2: the line ends after 3 of 5 cells, without token: give it the rest"
    );
    assert!(line("id,note,to,amount,token\ninv-1,x\n").contains("without to, amount, token"));
    // One too many is a comma that needs quotes, wherever the row ends.
    let many = format!("id,to,amount,token,note\ninv-1,{TO},1,ETH,hosting, May,\n");
    assert_eq!(
        line(&many),
        "line 2: 6 fields, where the header has 5: a field with a comma in it needs quotes"
    );
}

/// Case 7: columns that nobody named, with nothing in them.
#[test]
fn empty_columns_without_a_name_are_nothing() {
    for (header, row) in [
        ("id,to,amount,token,note,", "1,TO,1,ETH,x,"),
        ("id,to,amount,token,note,,,", "1,TO,1,ETH,x,,,"),
        ("id,to,amount,token,note,,", "1,TO,1,ETH,x"),
        ("id,to,amount,token,note,", "1,TO,1,ETH,x,,,,"),
        ("id,to,amount,token,note", "1,TO,1,ETH,x,"),
        (",id,,to,amount,token,note", ",1,,TO,1,ETH,x"),
        ("id,to,amount,token,note,\"\"", "1,TO,1,ETH,x,\" \""),
    ] {
        let text = format!("{header}\n{row}\n").replace("TO", TO);
        let file = read(&text).unwrap();
        assert_eq!((file.rows().len(), file.rows()[0].note.as_str()), (1, "x"), "{text}");
    }
    let filled = format!("id,to,amount,token,note,\n1,{TO},1,ETH,x,\n2,{TO},1,ETH,y,paid\n");
    assert_eq!(
        read(&filled).unwrap_err().to_string(),
        "line 3: \"paid\" stands in column 6, which has no name: name the column in the header, or empty it"
    );
    let numbered = format!(",id,to,amount,token\n1,a,{TO},1,ETH\n");
    assert!(read(&numbered).unwrap_err().to_string().contains("numbers the rows"));
}

/// Case 9: addresses that name their chain.
#[test]
fn an_address_of_another_chain_is_found_once_the_chain_is_known() {
    let rootstock = "0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD";
    let text = format!(
        "id,to,amount,token\na,eth:{TO},1,ETH\nb,{rootstock},1,eth:{USDC}\nc,{TO},1,{USDC}\n"
    );
    let file = read(&text).unwrap();
    let lines = |chain_id| -> Vec<_> {
        let error = file.check_chain(chain_id).err();
        error.iter().flat_map(|error| error.problems()).map(ToString::to_string).collect()
    };
    let on_mainnet = lines(1);
    assert_eq!(on_mainnet.len(), 1);
    assert!(on_mainnet[0].starts_with(&format!(
        "line 3, id \"b\": to: \"{rootstock}\" has the checksum of chain 30 (EIP-1191), and this is chain 1"
    )));
    assert_eq!(lines(30).len(), 2);
    assert!(lines(30)[1].contains("token: \"eth:"));
    assert_eq!(file.rows()[1].to, TO.parse::<Address>().unwrap());
}

#[test]
fn no_word_and_no_number_means_everything_left() {
    for amount in ["all", "max", "ALL", "*", &U256::MAX.to_string()] {
        let text = format!("id,to,amount,token\n1,{TO},{amount},ETH\n");
        assert!(matches!(faults(&text)[..], [(Some(2), Fault::Amount(_))]), "{amount}");
    }
}

#[test]
fn an_id_is_short_and_seen() {
    let with_id = |id: &str| format!("id,to,amount,token\n{id},{TO},1,ETH\n");
    assert!(read(&with_id(&"é".repeat(64))).is_ok());
    assert_eq!(faults(&with_id(&"x".repeat(65))), [(Some(2), Fault::IdTooLong { length: 65 })]);
    for id in ["a\u{202e}b", "a\u{7}b", "a\u{200b}", "\"a\nb\"", "a\\b", "a\u{a0}"] {
        assert_eq!(faults(&with_id(id)), [(Some(2), Fault::IdHidden)], "{id:?}");
    }
}

/// A line of a megabyte, and what programs write that mean UTF-16.
#[test]
fn a_huge_line_and_text_in_two_bytes_get_one_clear_line() {
    let wide = format!("id,to,amount,token,note\na,{TO},1,ETH,{}\n", "x".repeat(1 << 20));
    let told = read(&wide).unwrap_err().to_string();
    assert!(told.contains("line 2") && told.len() < 200, "{told}");
    let told = read(&"x".repeat(1 << 20)).unwrap_err().to_string();
    assert!(told.contains("line 1") && told.len() < 300, "{told}");
    let list = format!("id,to,amount,token\na,{TO},1,ETH\n");
    let utf_16 = list.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let told = PayoutFile::from_csv(&utf_16).unwrap_err().to_string();
    assert!(told.contains("UTF-8"), "{told}");
    let marked = [&[0xff, 0xfe][..], &utf_16].concat();
    assert_eq!(PayoutFile::from_csv(&marked).unwrap().rows.len(), 1);
    let told = PayoutFile::from_csv(&marked[..marked.len() - 1]).unwrap_err().to_string();
    assert!(told.contains("UTF-16"), "{told}");
}

#[test]
fn twenty_problems_are_written_out() {
    let lines: String = (0..30).map(|number| format!("{number},x,1,ETH\n")).collect();
    let error = read(&format!("id,to,amount,token\n{lines}")).unwrap_err();
    assert_eq!(error.problems().len(), 30);
    let text = error.to_string();
    assert_eq!(text.lines().count(), 21);
    assert!(text.ends_with("\nand 10 more"), "{text}");
}

/// Fields that csv has to quote, or that could be taken for something else.
fn note() -> impl Strategy<Value = String> {
    "([a-zé\"',;\\n\\r=-]| ){0,12}".prop_map(|note| note.trim_matches(' ').to_owned())
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(notes in vec(note(), 1..20), amounts in vec("[1-9][0-9]{0,9}(\\.[0-9]{1,6})?", 20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&COLUMNS[..5]).unwrap();
        for (number, (note, amount)) in notes.iter().zip(&amounts).enumerate() {
            let token = if number % 2 == 0 { USDC } else { ETHER };
            writer.write_record([&number.to_string(), TO, amount, token, note]).unwrap();
        }
        let file = PayoutFile::from_csv(&writer.into_inner().unwrap()).unwrap();
        prop_assert_eq!(file.rows().len(), notes.len());
        for (number, row) in file.rows().iter().enumerate() {
            prop_assert_eq!(&row.id, &number.to_string());
            prop_assert_eq!((&row.amount, &row.note), (&amounts[number], &notes[number]));
        }
    }

    #[test]
    fn bytes_from_anywhere_do_not_panic(bytes: Vec<u8>) {
        let _ = PayoutFile::from_csv(&bytes);
    }

    #[test]
    fn text_from_anywhere_does_not_panic(text in "(id|to|amount|token|note|0x|[,;\"\r\n\u{feff} 0-9]|\\PC){0,80}") {
        let _ = read(&text).map_err(|error| error.to_string());
        let _ = read(&format!("id,to,amount,token,note\n{text}")).map_err(|error| error.to_string());
    }
}
