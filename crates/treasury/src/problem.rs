//! What is wrong with a payout file, each thing with its line and the way out.

use crate::payout_file::{LARGEST_FILE, LONGEST_ID};
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
    /// Above 4 MiB.
    #[error(
        "the file has {length} bytes, a payout file at most {LARGEST_FILE}: split it into two runs"
    )]
    FileTooLarge {
        /// Its bytes.
        length: usize,
    },
    /// UTF-16, as spreadsheets save "Unicode text", or no text at all.
    #[error("the file is UTF-16 or no text: save it as \"CSV UTF-8\"")]
    Utf16,
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
    /// Another separator, as spreadsheets use where the comma is the decimal sign.
    #[error(
        "the columns are separated by {name}: save the file with commas between them, and amounts with a point"
    )]
    Separator {
        /// What separates them, in words.
        name: &'static str,
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
        "unknown column {}: there are id, to, amount, token and note; remove or rename it",
        shown(name)
    )]
    ColumnUnknown {
        /// Its name.
        name: String,
    },
    /// Two columns of one name.
    #[error("column {column} is there twice: remove one")]
    ColumnTwice {
        /// Its name.
        column: &'static str,
    },
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
    /// The token is neither `ETH` nor an address.
    #[error("token: {0}; for ether write ETH")]
    Token(#[source] AddressError),
    /// The token is the zero address.
    #[error("token: the zero address is no token; for ether write ETH")]
    TokenZero,
    /// No amount of this token.
    #[error("amount: {0}")]
    Amount(#[source] AmountError),
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
        problems.sort_by_key(|problem| problem.line);
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
        for (place, problem) in self.problems.iter().take(MOST_SHOWN).enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        match self.problems.len().saturating_sub(MOST_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
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
