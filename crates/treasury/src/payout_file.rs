//! Lists of payments as comma-separated values, which spreadsheets and scripts write.
//!
//! The first line names the columns `id,to,amount,token,note`, in any order; `note` may be left out.
//! - `id`: what tells the payment apart from all others of the file, such as an invoice number.
//! - `to`: the payee's address; with capitals and small letters mixed the case is a checksum (EIP-55).
//! - `amount`: in whole tokens, digits with at most one point. No sign, exponent or grouping, and no
//!   word for everything left: what a list pays is known from the list.
//! - `token`: a token's address, or `ETH`, in capitals alone: `eth` could be the symbol of a token.
//! - `note`: for people; signed by nobody.
//!
//! A line may end before its optional cells, and empty cells and columns behind the last name count for nothing.

mod columns;
mod table;

use crate::problem::{Fault, PayoutFileError, Problem};
use alloy::primitives::{Address, U256};
use columns::{Columns, Entry};
use quorate_core::{
    address::Written,
    amount::{self, AmountError, ETHER_DECIMALS},
    text,
};
use std::collections::{BTreeMap, BTreeSet};

/// The largest file that is read, in bytes: some 30,000 payments.
pub const LARGEST_FILE: usize = 4 << 20;

/// How many characters an id can have.
pub const LONGEST_ID: usize = 64;

/// What stands in the column `token` for ether.
pub const ETHER: &str = "ETH";

const COLUMNS: [&str; 5] = ["id", "to", "amount", "token", "note"];
const OPTIONAL_COLUMN: &str = "note";

/// A list of payments, at least one, with distinct ids. None goes to a token of the list.
///
/// Its amounts are what people wrote: units, and whether the tokens have such, are known with the tokens'
/// decimals, see [`plan`](crate::plan).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutFile {
    rows: Vec<Row>,
    /// The addresses whose text names a chain.
    named: Vec<Named>,
}

/// An address whose text names a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    line: usize,
    id: String,
    cell: AddressCell,
    written: Written,
}

/// Where an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressCell {
    To,
    Token,
}

/// One payment of a [`PayoutFile`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its id: 1 to 64 characters, all of which can be seen.
    pub id: String,
    /// The payee.
    pub to: Address,
    /// Whole tokens, above zero: digits with at most one point.
    pub amount: String,
    /// The token; zero is ether.
    pub token: Address,
    /// What others wrote: to be shown with [`text::escaped`] alone.
    pub note: String,
}

impl PayoutFile {
    /// Reads a file in UTF-8, with or without a byte-order mark. Empty lines and spaces around fields do
    /// not count.
    ///
    /// # Errors
    ///
    /// With everything that is wrong with it.
    pub fn from_csv(bytes: &[u8]) -> Result<Self, PayoutFileError> {
        let mut lines = table::read(bytes)?.into_iter();
        let header = lines.next().ok_or_else(|| Problem::of_file(Fault::Empty))?;
        let columns = Columns::read(&header)?;
        let (mut rows, mut named, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        let mut first_lines = BTreeMap::new();
        for line in lines {
            problems.extend(columns.nameless_cell(&line));
            let entry = match columns.entry(&line) {
                Ok(entry) => entry,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            let first_line = *first_lines.entry(entry.id.to_owned()).or_insert(line.number);
            if first_line != line.number && !entry.id.is_empty() {
                problems.push(entry.problem(Fault::IdTwice { first_line }));
            }
            match entry.row() {
                Ok((row, written)) => {
                    rows.push(row);
                    named.extend(written);
                }
                Err(faults) => {
                    problems.extend(faults.into_iter().map(|fault| entry.problem(fault)));
                }
            }
        }
        let file = Self { rows, named };
        problems.extend(file.paid_tokens());
        if problems.is_empty() && file.rows.is_empty() {
            problems.push(Problem::of_file(Fault::NoPayments));
        }
        PayoutFileError::check(problems)?;
        Ok(file)
    }

    /// Checks that no address names another chain than this, by a short name in front of it (EIP-3770) or by its checksum
    /// (EIP-1191).
    ///
    /// # Errors
    ///
    /// With every address that does.
    pub fn check_chain(&self, chain_id: u64) -> Result<(), PayoutFileError> {
        let problem = |named: &Named| {
            let error = named.written.on(chain_id).err()?;
            let fault = match named.cell {
                AddressCell::To => Fault::To(error),
                AddressCell::Token => Fault::Token(error),
            };
            Some(Problem { line: Some(named.line), id: Some(named.id.clone()), fault })
        };
        PayoutFileError::check(self.named.iter().filter_map(problem).collect())
    }

    /// The payments, in the order of the file.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The tokens it pays, ether left out: those whose decimals have to be known for a plan.
    pub fn tokens(&self) -> BTreeSet<Address> {
        self.rows.iter().map(|row| row.token).filter(|token| !token.is_zero()).collect()
    }

    fn paid_tokens(&self) -> Vec<Problem> {
        let tokens = self.tokens();
        let is_paid = |row: &&Row| tokens.contains(&row.to);
        let problem = |row: &Row| row.problem(Fault::ToToken { token: row.to });
        self.rows.iter().filter(is_paid).map(problem).collect()
    }
}

impl Row {
    pub(crate) fn problem(&self, fault: Fault) -> Problem {
        Problem { line: Some(self.line), id: Some(self.id.clone()), fault }
    }
}

impl Entry<'_> {
    /// The payment, and the addresses in it that name a chain; or all that is wrong with it.
    fn row(&self) -> Result<(Row, Vec<Named>), Vec<Fault>> {
        let mut faults = Vec::new();
        faults.extend(check_id(self.id).err());
        let to = Written::parse_account(self.to).map_err(|error| faults.push(Fault::To(error)));
        let token = read_token(self.token).map_err(|fault| faults.push(fault));
        let is_ether = matches!(&token, Ok(None));
        faults.extend(check_amount(self.amount, is_ether).err());
        let (Ok(to), Ok(token), true) = (to, token, faults.is_empty()) else { return Err(faults) };
        let row = Row {
            line: self.line,
            id: self.id.to_owned(),
            to: to.anywhere(),
            amount: self.amount.to_owned(),
            token: token.as_ref().map_or(Address::ZERO, Written::anywhere),
            note: self.note.to_owned(),
        };
        let of = |written: Written, cell| {
            let (line, id) = (self.line, self.id.to_owned());
            written.chain_id().map(|_| Named { line, id, cell, written })
        };
        let named = of(to, AddressCell::To);
        let token = token.and_then(|token| of(token, AddressCell::Token));
        Ok((row, named.into_iter().chain(token).collect()))
    }

    fn problem(&self, fault: Fault) -> Problem {
        let id = (!self.id.is_empty()).then(|| self.id.to_owned());
        Problem { line: Some(self.line), id, fault }
    }
}

fn check_id(id: &str) -> Result<(), Fault> {
    let length = id.chars().count();
    match length {
        0 => Err(Fault::IdMissing),
        1..=LONGEST_ID if text::escaped(id) == id => Ok(()),
        1..=LONGEST_ID => Err(Fault::IdHidden),
        _ => Err(Fault::IdTooLong { length }),
    }
}

/// The token; none is ether.
fn read_token(token: &str) -> Result<Option<Written>, Fault> {
    if token == ETHER {
        return Ok(None);
    }
    let written = Written::parse(token).map_err(Fault::Token)?;
    // Ether to a wallet; in a file more likely a formula that found nothing.
    if written.anywhere().is_zero() { Err(Fault::TokenZero) } else { Ok(Some(written)) }
}

/// Checks what can be checked without the token's decimals.
fn check_amount(amount: &str, is_ether: bool) -> Result<(), Fault> {
    if is_ether {
        return read_amount(amount, ETHER_DECIMALS).map(drop);
    }
    match read_amount(amount, u8::MAX) {
        Err(Fault::Amount(AmountError::TooPrecise { .. } | AmountError::TooLarge { .. })) => Ok(()),
        other => other.map(drop),
    }
}

/// Reads an amount above zero of a token with `decimals`, in its smallest units.
pub(crate) fn read_amount(text: &str, decimals: u8) -> Result<U256, Fault> {
    if text.starts_with('-') {
        return Err(Fault::AmountNegative { text: text.to_owned() });
    }
    let amount = amount::parse(text, decimals).map_err(Fault::Amount)?;
    if amount.is_zero() {
        return Err(Fault::AmountZero { text: text.to_owned() });
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let text = "id,memo,to,id,Amount\n";
        let expected = [
            Fault::ColumnUnknown { name: "memo".to_owned() },
            Fault::ColumnTwice { column: "id" },
            Fault::ColumnUnknown { name: "Amount".to_owned() },
            Fault::ColumnMissing { column: "amount" },
            Fault::ColumnMissing { column: "token" },
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
                "line 3, id \"a\": token: \"eth\" is not an address: 0x and 40 hexadecimal digits are needed; for ether write ETH",
                "line 3, id \"a\": amount: \"0.00\" is zero: remove the line, or write what is owed",
                "line 4: the payment has no id: give it one that no other payment has, like an invoice number",
                "line 4: amount: \"-1\" is negative: a payout cannot take money back",
                "line 5: 5 fields, where the header has 4: a field with a comma in it needs quotes",
                &format!(
                    "line 6, id \"c\": to: {USDC} is the token itself, which cannot send it back: give the payee's own address"
                ),
                "line 7, id \"d\": token: the zero address is no token; for ether write ETH",
                "line 7, id \"d\": amount: \"1e3\" is not an amount: write digits and at most one point, like 1250.50",
            ]
        );
    }

    /// Case 6: spreadsheets and libraries leave out empty cells at the end.
    #[test]
    fn a_row_may_end_before_its_optional_cells() {
        let text = format!(
            "id,to,amount,token,note\r\ninv-1,{TO},0.25,ETH,hosting\r\ninv-2,{TO},0.5,ETH\r\ninv-3,{TO},1,ETH,,,\r\n"
        );
        let notes: Vec<_> =
            read(&text).unwrap().rows().iter().map(|row| row.note.clone()).collect();
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
        assert!(read(&numbered).unwrap_err().to_string().contains("stands in column 1"));
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
            writer.write_record(COLUMNS).unwrap();
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
}
