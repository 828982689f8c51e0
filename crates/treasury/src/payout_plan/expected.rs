//! What a list is said to add up to, as its spreadsheet shows it: finds what was rounded before it got here.

use super::{Plan, Total, shown_token};
use crate::payout_file::{ETHER, Names, is_grouped, is_plain, readings};
use alloy::primitives::{Address, U256};
use quorate_core::{
    address::{AddressError, Written},
    amount::{self, AmountError},
    text::shown,
};
use std::fmt;
use thiserror::Error;

/// A total that was said, like `16750ETH` or `100:0x…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Whole tokens.
    pub amount: String,
    /// The token: `ETH`, a symbol of the address book, or an address.
    pub token: String,
}

/// Why a text is no total.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpectedError {
    /// Not a number and a token.
    #[error(
        "{} is no total: write the number and the token, like 16750ETH, or 100:0x… with an address or a symbol that begins with a digit",
        shown(text)
    )]
    Malformed {
        /// What was given.
        text: String,
    },
    /// A point that may group.
    #[error(
        "{} could be {} or {}: write the one that is meant",
        shown(text), readings(amount).0, readings(amount).1
    )]
    Grouped {
        /// What was given.
        text: String,
        /// The number in it.
        amount: String,
    },
}

/// How a plan differs from what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unexpected {
    /// How many payments there are.
    Count {
        /// What was said.
        expected: usize,
        /// What the list has.
        found: usize,
    },
    /// What it pays of a token.
    Total {
        /// What was said.
        expected: String,
        /// What the list adds up to.
        found: String,
        /// The token.
        token: Address,
    },
    /// A token of the list of which nothing was said.
    Missing {
        /// What the list adds up to.
        found: String,
        /// The token.
        token: Address,
    },
    /// A total of what the list does not pay, twice, or that is no amount.
    Unknown {
        /// What was said.
        expected: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl std::str::FromStr for Expected {
    type Err = ExpectedError;

    fn from_str(text: &str) -> Result<Self, ExpectedError> {
        let malformed = || ExpectedError::Malformed { text: text.to_owned() };
        let compact: String = text.split_whitespace().collect();
        let (amount, token) = match compact.split_once(':') {
            Some(parts) => parts,
            None => {
                let is_symbol = |c: char| !c.is_ascii_digit() && c != '.';
                let place = compact.find(is_symbol).ok_or_else(malformed)?;
                let (amount, token) = compact.split_at(place);
                if token.starts_with([',', '\'', '-', '+']) {
                    return Err(malformed());
                }
                (amount, token)
            }
        };
        if token.is_empty() || !is_plain(amount) {
            return Err(malformed());
        }
        if is_grouped(amount) {
            let amount = amount.to_owned();
            return Err(ExpectedError::Grouped { text: text.to_owned(), amount });
        }
        Ok(Self { amount: amount.to_owned(), token: token.to_owned() })
    }
}

impl Plan {
    /// How the plan differs from the totals that were said, each token of the list once, and from the count.
    pub fn unexpected(
        &self,
        totals: &[Expected],
        count: Option<usize>,
        names: &Names,
    ) -> Vec<Unexpected> {
        let mut unexpected = Vec::new();
        if let Some(expected) = count.filter(|count| *count != self.count()) {
            unexpected.push(Unexpected::Count { expected, found: self.count() });
        }
        let mut said = Vec::new();
        for total in totals {
            match self.total(total, names) {
                Ok((token, _)) if said.contains(&token) => unexpected.push(Unexpected::Unknown {
                    expected: total.to_string(),
                    reason: "the token has a total already".to_owned(),
                }),
                Ok((token, difference)) => {
                    said.push(token);
                    unexpected.extend(difference);
                }
                Err(reason) => {
                    unexpected.push(Unexpected::Unknown { expected: total.to_string(), reason });
                }
            }
        }
        if !totals.is_empty() {
            let missing = self.totals.iter().filter(|total| !said.contains(&total.token));
            unexpected.extend(missing.map(|total| Unexpected::Missing {
                found: amount::plain(total.amount, total.decimals),
                token: total.token,
            }));
        }
        unexpected
    }

    /// The token that is meant, and whether the list pays another sum of it.
    fn total(
        &self,
        expected: &Expected,
        names: &Names,
    ) -> Result<(Address, Option<Unexpected>), String> {
        let token = match &*expected.token {
            ETHER => Address::ZERO,
            text => match names.tokens.get(text) {
                Some(token) => *token,
                None => Written::parse(text)
                    .and_then(|written| written.on(self.chain_id))
                    .map_err(|error: AddressError| error.to_string())?,
            },
        };
        let total: &Total = (self.totals.iter().find(|total| total.token == token))
            .ok_or_else(|| "the list pays nothing of it".to_owned())?;
        let amount = amount::parse(&expected.amount, total.decimals)
            .map_err(|error: AmountError| error.to_string())?;
        let found = amount::plain(total.amount, total.decimals);
        let difference = (amount != total.amount && amount != U256::MAX).then(|| {
            let expected = expected.amount.clone();
            Unexpected::Total { expected, found, token }
        });
        Ok((token, difference))
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.amount, self.token)
    }
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { expected, found } => {
                write!(f, "the list has {found} payments, not the {expected} of --expect-count")
            }
            Self::Total { expected, found, token } => write!(
                f,
                "the list adds up to {found} {token}, not to the {expected} of --expect-total",
                token = shown_token(*token)
            ),
            Self::Missing { found, token } => {
                let token = shown_token(*token);
                write!(f, "no --expect-total for {token}, of which the list pays {found}")
            }
            Self::Unknown { expected, reason } => {
                write!(f, "--expect-total {}: {reason}", shown(expected))
            }
        }
    }
}
