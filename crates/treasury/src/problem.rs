//! What is wrong with a payout file, each thing with its line and the way out.

use crate::payout_file::{LARGEST_FILE, LONGEST_CELL, LONGEST_ID, MOST_LINES, readings};
use alloy::primitives::Address;
use quorate_core::{address::AddressError, amount::AmountError, text::shown};
use std::{error::Error, fmt};
use thiserror::Error;

/// How many problems are written out; the rest is counted.
const MOST_SHOWN: usize = 20;

/// Everything that was found wrong with a payout file, so that it is corrected once. Never empty.
///
/// Displayed with one line for each problem, at most 20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutFileError {
    problems: Vec<Problem>,
}

/// One thing that is wrong with a payout file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1, as editors count; `None` if it is the file as a whole.
    pub line: Option<usize>,
    /// The payment's id, where it has one.
    pub id: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a payout file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Above 64 MiB.
    #[error(
        "the file has {length} bytes, a payout file at most {LARGEST_FILE}: split it into two runs"
    )]
    FileTooLarge {
        /// Its bytes.
        length: usize,
    },
    /// More payments than are taken.
    #[error(
        "the file has {count} lines, a payout file at most {MOST_LINES}: split it into two runs"
    )]
    TooManyLines {
        /// How many it has.
        count: usize,
    },
    /// UTF-16 without a byte-order mark or cut off, or no text at all.
    #[error("the file is no whole UTF-16, or no text: save it as \"CSV UTF-8\"")]
    Utf16,
    /// The file of a spreadsheet itself.
    #[error("the file is a workbook, or another archive: save the sheet as \"CSV UTF-8\"")]
    Workbook,
    /// A byte that is not UTF-8.
    #[error("a character that is not UTF-8: save the file as \"CSV UTF-8\"")]
    NotUtf8,
    /// Nothing in it.
    #[error("the file is empty: its first line is the header id,to,amount,token,note")]
    Empty,
    /// The first line names no column.
    #[error("{} begins no header: the first line is id,to,amount,token,note", shown(found))]
    NoHeader {
        /// Its first field.
        found: String,
    },
    /// The first column numbers the rows.
    #[error(
        "the first column has no name and numbers the rows, as R writes them: remove it, or write the file with row.names = FALSE"
    )]
    RowNumbers,
    /// JSON as one list.
    #[error("a JSON list: write one object a line, without brackets and commas around them")]
    JsonList,
    /// No object on a line.
    #[error("no JSON object: {reason}")]
    Json {
        /// What the parser says.
        reason: String,
    },
    /// A value of another kind.
    #[error("{}: {expected} is needed", shown(key))]
    JsonValue {
        /// The key.
        key: String,
        /// What is needed.
        expected: &'static str,
    },
    /// A key that is there twice, in whatever case.
    #[error("{} is there twice: remove one", shown(key))]
    KeyTwice {
        /// The key.
        key: String,
    },
    /// A key that has to be there.
    #[error("no {key}: a payment has id, to, amount and token")]
    KeyMissing {
        /// The key.
        key: &'static str,
    },
    /// A quotation mark that is never closed, or stands inside a field.
    #[error(
        "a quotation mark out of place: a field in quotes has one at either end, and \"\" for one inside"
    )]
    Quote,
    /// A column that must be there is not.
    #[error(
        "no column {column}: the header is id,to,amount,token,note, of which only note may be left out"
    )]
    ColumnMissing {
        /// Its name.
        column: &'static str,
    },
    /// A column that means nothing here.
    #[error(
        "unknown column {}: {}",
        shown(name),
        rename.map_or_else(
            || "there are id, to, amount, token, note and name; remove it, or carry it along with x- in front".to_owned(),
            |ours| format!("rename to `{ours}` if that is what it is, or remove it"),
        )
    )]
    ColumnUnknown {
        /// Its name.
        name: String,
        /// What that may be here.
        rename: Option<&'static str>,
    },
    /// Two columns of one name.
    #[error("column {column} is there twice: remove one")]
    ColumnTwice {
        /// Its name.
        column: String,
    },
    /// No column for the token.
    #[error(
        "no column token: add one, with ETH, a token's address, or its symbol in the address book; or give --token for all lines"
    )]
    TokenMissing,
    /// The token is said twice.
    #[error("the list says the token of each line: leave --token out")]
    TokenBeside,
    /// A header alone.
    #[error("the file has a header but no payment")]
    NoPayments,
    /// More fields than columns.
    #[error(
        "{found} fields, where the header has {expected}: a field with a comma in it needs quotes"
    )]
    FieldCount {
        /// How many the line has.
        found: usize,
        /// How many columns there are.
        expected: usize,
    },
    /// Fewer fields than are needed.
    #[error(
        "the line ends after {found} of {expected} cells, without {}: give it the rest",
        missing.join(", ")
    )]
    RowEnds {
        /// How many the line has.
        found: usize,
        /// How many columns there are.
        expected: usize,
        /// What is missing.
        missing: Vec<&'static str>,
    },
    /// Something under no name.
    #[error(
        "{} stands in column {number}, which has no name: name the column in the header, or empty it",
        shown(text)
    )]
    CellWithoutColumn {
        /// The column, from 1.
        number: usize,
        /// What stands there.
        text: String,
    },
    /// No id.
    #[error("the payment has no id: give it one that no other payment has, like an invoice number")]
    IdMissing,
    /// An id that nobody can compare.
    #[error("the id has {length} characters: at most {LONGEST_ID} are taken")]
    IdTooLong {
        /// How many characters it has.
        length: usize,
    },
    /// An id that looks different from what it is.
    #[error("the id has a character that cannot be seen, or a backslash: type it again")]
    IdHidden,
    /// An id that another payment has.
    #[error("the id is already that of line {first_line}: give each payment its own")]
    IdTwice {
        /// Where it was first.
        first_line: usize,
    },
    /// An id that differs by case or blanks alone.
    #[error(
        "the id differs from {} of line {first_line} by case or blanks alone: give each payment its own",
        shown(first)
    )]
    IdAlike {
        /// Where the other is.
        first_line: usize,
        /// The other.
        first: String,
    },
    /// A cell that is too long to be meant.
    #[error("{column}: {length} bytes, where at most {LONGEST_CELL} are taken: shorten it")]
    CellTooLong {
        /// The column.
        column: String,
        /// Its bytes.
        length: usize,
    },
    /// A row of totals.
    #[error(
        "an amount, {}, without a payee, as in a row of totals: remove the line; --expect-total checks a total",
        shown(text)
    )]
    Totals {
        /// The amount.
        text: String,
    },
    /// The payee is a number.
    #[error("to: {} is a number", shown(text))]
    ToNumber {
        /// The number.
        text: String,
    },
    /// Why payees are numbers.
    #[error(
        "the payees were turned into numbers by the program that wrote the file, which lost most of their digits: write it anew from the source, with that column as text"
    )]
    ToNumbers,
    /// A name that is not in the address book.
    #[error(
        "to: {} is no payee in the address book of this chain: `quorate book add payee NAME ADDRESS`",
        shown(&format!("@{name}"))
    )]
    ToUnknown {
        /// The name.
        name: String,
    },
    /// The payee is no account.
    #[error("to: {0}")]
    To(#[source] AddressError),
    /// The payee is a token of this file.
    #[error(
        "to: {token} is the token itself, which cannot send it back: give the payee's own address"
    )]
    ToToken {
        /// The token.
        token: Address,
    },
    /// The payee is the wallet that pays.
    #[error("to: {wallet} is the wallet that pays: give the payee's address")]
    ToWallet {
        /// The wallet.
        wallet: Address,
    },
    /// The line was of another token in the old plan.
    #[error(
        "the old plan pays this id in {}, and a line stays in its batch: give the payment a new id, which removes the old one",
        crate::payout_plan::shown_token(*old)
    )]
    OtherToken {
        /// The token it had.
        old: Address,
    },
    /// The token is neither `ETH` nor an address.
    #[error("token: {0}; for ether write ETH, and a symbol only where the address book has it")]
    Token(#[source] AddressError),
    /// No token.
    #[error("token: nothing is there: write ETH, or the token's address")]
    TokenEmpty,
    /// The token is the zero address.
    #[error("token: the zero address is no token; for ether write ETH")]
    TokenZero,
    /// No amount of this token.
    #[error("amount: {0}")]
    Amount(#[source] AmountError),
    /// Nothing.
    #[error("amount: nothing is there: write what is owed, like 1250.50, or remove the line")]
    AmountMissing,
    /// What programs write where they have no number.
    #[error(
        "amount: {} is what programs write where they have nothing: write what is owed, or remove the line",
        shown(text)
    )]
    AmountNothing {
        /// What was given.
        text: String,
    },
    /// A formula.
    #[error("amount: {} is a formula: paste its value into the cell", shown(text))]
    AmountFormula {
        /// What was given.
        text: String,
    },
    /// A share of something.
    #[error("amount: {} is a share: write the amount that it comes to", shown(text))]
    AmountShare {
        /// What was given.
        text: String,
    },
    /// What has another form, and can be read in one way.
    #[error("amount: {} {what}: write {instead}", shown(text))]
    AmountInstead {
        /// What was given.
        text: String,
        /// What it has.
        what: &'static str,
        /// What to write.
        instead: String,
    },
    /// What can be read in two ways.
    #[error(
        "amount: {} is either {whole} or {decimal}, which the file does not say: write the one that is meant",
        shown(text)
    )]
    AmountEither {
        /// What was given.
        text: String,
        /// Where the comma groups.
        whole: String,
        /// Where it is the decimal sign.
        decimal: String,
    },
    /// A point that may group, in a file where commas are decimal signs.
    #[error(
        "amount: {} is {} where the comma is the decimal sign, as it is elsewhere in this file: write {}, or {} if that is meant",
        shown(text), readings(text).0, readings(text).0, readings(text).1
    )]
    AmountGrouped {
        /// What was given.
        text: String,
    },
    /// Below zero.
    #[error("amount: {} is negative: a payout cannot take money back", shown(text))]
    AmountNegative {
        /// What was given.
        text: String,
    },
    /// Zero.
    #[error("amount: {} is zero: remove the line, or write what is owed", shown(text))]
    AmountZero {
        /// What was given.
        text: String,
    },
}

impl PayoutFileError {
    /// What is wrong, by line.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// `Ok` if nothing is wrong.
    pub(crate) fn check(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        // What concerns the whole file is said at the end.
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        Err(Self { problems })
    }
}

impl From<Problem> for PayoutFileError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for PayoutFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_lines = self.problems.iter().filter(|problem| problem.line.is_some()).count();
        let (lines, whole) = self.problems.split_at(of_lines);
        let mut texts: Vec<_> = lines.iter().take(MOST_SHOWN).map(ToString::to_string).collect();
        if let Some(more) = lines.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            texts.push(format!("and {more} more"));
        }
        texts.extend(whole.iter().map(ToString::to_string));
        f.write_str(&texts.join("\n"))
    }
}

impl Error for PayoutFileError {}

impl Problem {
    /// A problem of the file as a whole.
    pub(crate) const fn of_file(fault: Fault) -> Self {
        Self { line: None, id: None, fault }
    }

    /// A problem of a line that has no id.
    pub(crate) const fn of_line(line: usize, fault: Fault) -> Self {
        Self { line: Some(line), id: None, fault }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
            if let Some(id) = &self.id {
                write!(f, ", id {}", shown(id))?;
            }
            f.write_str(": ")?;
        }
        self.fault.fmt(f)
    }
}
