//! Lists of payments as tables, which spreadsheets and scripts write, or as JSON lines.
//!
//! The first line of a table names the columns `id,to,amount,token,note`, in any order and case; `note` may be left out.
//! - `id`: what tells the payment apart from all others of the file, such as an invoice number.
//! - `to`: the payee's address; with capitals and small letters mixed the case is a checksum (EIP-55). Or `@` and the payee's
//!   name in the address book.
//! - `amount`: in whole tokens, digits with at most one point. No sign, exponent or grouping, and no
//!   word for everything left: what a list pays is known from the list.
//! - `token`: a token's address, its symbol in the address book, or `ETH`, in capitals alone. A symbol that the chain tells
//!   means nothing here.
//! - `note`: for people; signed by nobody.
//! - `name`, and whatever begins with `x-`, is carried along into plan and report.
//!
//! The columns are separated by commas, semicolons or tabs, as the header has them; the text is UTF-8, or UTF-16 with a
//! byte-order mark. A line may end before its optional cells, and empty cells and columns behind the last name count for
//! nothing. JSON lines have the same names as keys; amounts are strings, or numbers that are read as they are written.

mod columns;
mod json_lines;
mod table;
mod written;

use crate::problem::{Fault, PayoutFileError, Problem};
use alloy::primitives::Address;
use columns::{Columns, Entry};
use quorate_core::{address::Written, text};
use std::collections::{BTreeMap, BTreeSet};
pub use written::{is_grouped, readings};
pub(crate) use written::{is_plain, read_amount};

/// The largest file that is read, in bytes: 64 MiB.
pub const LARGEST_FILE: usize = 64 << 20;

/// How many payments a file can have.
pub const MOST_LINES: usize = 100_000;

/// How many characters an id can have.
pub const LONGEST_ID: usize = 64;

/// How many bytes a cell that is carried along can have, and a note.
pub const LONGEST_CELL: usize = 2_048;

/// What stands in the column `token` for ether.
pub const ETHER: &str = "ETH";

/// What names stand for on one chain: an address book's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Payees, by the name that is written behind an `@`.
    pub payees: BTreeMap<String, Address>,
    /// Tokens, by their symbols.
    pub tokens: BTreeMap<String, Address>,
}

/// What is said beside a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// What names stand for.
    pub names: Option<&'a Names>,
    /// The token of all lines, where the list has no such column.
    pub token: Option<&'a str>,
}

/// A list of payments, at least one, with distinct ids. None goes to a token of the list.
///
/// Its amounts are what people wrote: units, and whether the tokens have such, are known with the tokens'
/// decimals, see [`plan`](crate::plan).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutFile {
    rows: Vec<Row>,
    /// The names of the columns that are carried along.
    carried: Vec<String>,
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
    /// What others call the payee; empty where they do not.
    pub name: String,
    /// What is carried along, by the column's name.
    pub carried: Vec<(String, String)>,
}

/// An amount that could be a thousandfold of what it says: see [`is_grouped`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouped {
    /// Its line in the file, from 1.
    pub line: usize,
    /// The payment's id.
    pub id: String,
    /// What stands there.
    pub text: String,
}

impl PayoutFile {
    /// Reads a table or JSON lines with nothing said beside, as [`Self::read`].
    ///
    /// # Errors
    ///
    /// With everything that is wrong with it.
    pub fn from_csv(bytes: &[u8]) -> Result<Self, PayoutFileError> {
        Self::read(bytes, Beside::default())
    }

    /// Reads a table or JSON lines. Empty lines and blanks around fields do not count.
    ///
    /// # Errors
    ///
    /// With everything that is wrong with it.
    pub fn read(bytes: &[u8], beside: Beside<'_>) -> Result<Self, PayoutFileError> {
        let text = table::decode(bytes)?;
        let list = if json_lines::is_json(&text) {
            json_lines::read(&text, beside.token.is_some())?
        } else {
            table_of(&text, beside)?
        };
        let none = Names::default();
        let mut reader = Reader {
            names: beside.names.unwrap_or(&none),
            token: beside.token,
            rows: Vec::new(),
            named: Vec::new(),
            problems: list.problems,
        };
        reader.read(&list.entries);
        let Reader { rows, named, mut problems, .. } = reader;
        let file = Self { rows, carried: list.carried, named };
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

    /// The names of the columns that are carried along, in the order of the file; `name` first.
    pub fn carried(&self) -> &[String] {
        &self.carried
    }

    /// The amounts that could be a thousandfold of what they say.
    pub fn grouped(&self) -> Vec<Grouped> {
        let grouped = self.rows.iter().filter(|row| is_grouped(&row.amount));
        let of =
            |row: &Row| Grouped { line: row.line, id: row.id.clone(), text: row.amount.clone() };
        grouped.map(of).collect()
    }

    /// Whether the digits of this row's amount look as if a program's float had changed them.
    pub fn is_float(row: &Row, decimals: u8) -> bool {
        written::is_float(&row.amount, decimals)
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

/// Reads a table, without a look at its cells.
fn table_of(text: &str, beside: Beside<'_>) -> Result<json_lines::List, PayoutFileError> {
    let mut lines = table::read(text, &columns::COLUMNS)?;
    if lines.is_empty() {
        return Err(Problem::of_file(Fault::Empty).into());
    }
    let header = lines.remove(0);
    let columns = Columns::read(&header, beside.token.is_some())?;
    let mut list = json_lines::List { carried: columns.carried(), ..Default::default() };
    let numbers_rows = columns.numbers_rows(&lines);
    if numbers_rows {
        list.problems.push(Problem::of_line(header.number, Fault::RowNumbers));
    }
    for line in &lines {
        list.problems.extend(columns.nameless_cell(line).filter(|_| !numbers_rows));
        match columns.entry(line) {
            Ok(entry) => list.entries.push(entry),
            Err(problem) => list.problems.push(problem),
        }
    }
    Ok(list)
}

/// Reads entries, and gathers what is wrong with them.
struct Reader<'a> {
    names: &'a Names,
    token: Option<&'a str>,
    rows: Vec<Row>,
    named: Vec<Named>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read(&mut self, entries: &[Entry]) {
        let mut ids: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        let has_comma = entries.iter().any(|entry| written::has_decimal_comma(&entry.amount));
        for (place, entry) in entries.iter().enumerate() {
            if is_totals(entry, place + 1 == entries.len()) {
                let text = entry.amount.clone();
                self.problems.push(entry.problem(Fault::Totals { text }));
                continue;
            }
            let alike: String = entry.id.chars().filter(|c| !c.is_whitespace()).collect();
            let &mut (first_line, first) =
                ids.entry(alike.to_lowercase()).or_insert((entry.line, &entry.id));
            if first_line != entry.line && !entry.id.is_empty() {
                let first = first.to_owned();
                self.problems.push(entry.problem(match first == entry.id {
                    true => Fault::IdTwice { first_line },
                    false => Fault::IdAlike { first_line, first },
                }));
            }
            if has_comma && is_grouped(&entry.amount) {
                let text = entry.amount.clone();
                self.problems.push(entry.problem(Fault::AmountGrouped { text }));
            }
            match self.row(entry) {
                Ok((row, written)) => {
                    self.rows.push(row);
                    self.named.extend(written);
                }
                Err(faults) => {
                    self.problems.extend(faults.into_iter().map(|fault| entry.problem(fault)));
                }
            }
        }
        if self.problems.iter().any(|problem| matches!(problem.fault, Fault::ToNumber { .. })) {
            self.problems.push(Problem::of_file(Fault::ToNumbers));
        }
    }

    /// The payment, and the addresses in it that name a chain; or all that is wrong with it.
    fn row(&self, entry: &Entry) -> Result<(Row, Vec<Named>), Vec<Fault>> {
        let mut faults = Vec::new();
        faults.extend(check_id(&entry.id).err());
        if is_number(&entry.to) {
            faults.push(Fault::ToNumber { text: entry.to.clone() });
            return Err(faults);
        }
        let to = self.payee(&entry.to).map_err(|fault| faults.push(fault));
        let token = self.token(self.token.unwrap_or(&entry.token));
        let token = token.map_err(|fault| faults.push(fault));
        let is_ether = matches!(&token, Ok(None));
        faults.extend(written::check_amount(&entry.amount, is_ether).err());
        let long = [("note", &entry.note), ("name", &entry.name)];
        let carried = entry.carried.iter().map(|(name, text)| (name.as_str(), text));
        for (column, text) in long.into_iter().chain(carried) {
            if text.len() > LONGEST_CELL {
                let (column, length) = (column.to_owned(), text.len());
                faults.push(Fault::CellTooLong { column, length });
            }
        }
        let (Ok(to), Ok(token), true) = (to, token, faults.is_empty()) else { return Err(faults) };
        let row = Row {
            line: entry.line,
            id: entry.id.clone(),
            to: to.anywhere(),
            amount: entry.amount.clone(),
            token: token.as_ref().map_or(Address::ZERO, Written::anywhere),
            note: entry.note.clone(),
            name: entry.name.clone(),
            carried: entry.carried.clone(),
        };
        let of = |written: Written, cell| {
            let (line, id) = (entry.line, entry.id.clone());
            written.chain_id().map(|_| Named { line, id, cell, written })
        };
        let named = of(to, AddressCell::To);
        let token = token.and_then(|token| of(token, AddressCell::Token));
        Ok((row, named.into_iter().chain(token).collect()))
    }

    fn payee(&self, text: &str) -> Result<Written, Fault> {
        let Some(name) = text.strip_prefix('@') else {
            return Written::parse_account(text).map_err(Fault::To);
        };
        let found = self.names.payees.get(name);
        let found = found.ok_or_else(|| Fault::ToUnknown { name: name.to_owned() })?;
        Written::parse_account(&found.to_checksum(None)).map_err(Fault::To)
    }

    /// The token; none is ether.
    fn token(&self, token: &str) -> Result<Option<Written>, Fault> {
        if token == ETHER {
            return Ok(None);
        }
        if token.is_empty() {
            return Err(Fault::TokenEmpty);
        }
        let known = self.names.tokens.get(token).map(|address| address.to_checksum(None));
        let written = Written::parse(known.as_deref().unwrap_or(token)).map_err(Fault::Token)?;
        // Ether to a wallet; in a file more likely a formula that found nothing.
        if written.anywhere().is_zero() { Err(Fault::TokenZero) } else { Ok(Some(written)) }
    }
}

impl Entry {
    fn problem(&self, fault: Fault) -> Problem {
        let id = (!self.id.is_empty()).then(|| self.id.clone());
        Problem { line: Some(self.line), id, fault }
    }
}

/// Words at the beginning of a row of totals.
const TOTALS: &[&str] = &[
    "total",
    "totals",
    "sum",
    "summe",
    "gesamt",
    "gesamtsumme",
    "somme",
    "totale",
    "suma",
    "soma",
    "totaal",
];

/// Whether a row has an amount and no payee, as a row of totals has at the end of a list.
fn is_totals(entry: &Entry, is_last: bool) -> bool {
    let word = |text: &str| {
        let lower = text.trim_end_matches(':').to_lowercase();
        TOTALS.contains(&&*lower) || lower == "grand total"
    };
    let is_named = word(&entry.id) || word(&entry.to) || word(&entry.note);
    let has_payee = !entry.to.is_empty() && !word(&entry.to);
    !has_payee && !entry.amount.is_empty() && (is_named || (is_last && entry.id.is_empty()))
}

/// Whether this is what a program makes of an address that it takes for a number.
fn is_number(text: &str) -> bool {
    let (number, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    let power = power.strip_prefix(['+', '-']).unwrap_or(power);
    is_digits(whole) && is_digits(fraction) && is_digits(power)
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

#[cfg(test)]
mod tests;
