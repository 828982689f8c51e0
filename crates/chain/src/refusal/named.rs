//! The numbers that nodes name in refusals.

use super::Class;
use alloy::primitives::U256;

/// What a node asked for. Nothing here is more than the node's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The least that it takes as the most that is paid for a gas, in wei.
    pub max_fee_per_gas: Option<u128>,
    /// The least tip that it takes, in wei per gas.
    pub priority_fee_per_gas: Option<u128>,
    /// The least gas limit that it takes.
    pub gas: Option<u64>,
    /// How much ether the sender lacks, in wei.
    pub missing: Option<U256>,
}

/// What stands before the least tip.
const TIP: [&str; 5] = [
    "minimum needed ",
    "minimum required priority fee ",
    "a gasprice/maxpriorityfeepergas of at least ",
    "a maxpriorityfeepergas of at least ",
    "minimum priority fee ",
];

/// What stands before the least maximum: a base fee, or that of the transaction that is to be replaced.
const MAX_FEE: [&str; 7] = [
    "a gasprice/maxfeepergas of at least ",
    "a maxfeepergas of at least ",
    "basefee: ",
    "a basefeepergas of ",
    "base fee of ",
    "base fee: ",
    "feepergas needs to be higher than ",
];

/// What stands before the least price where only one is spoken of.
const PRICE: [&str; 4] = [
    "use at least tx.gasprice = ",
    "minimum gas price '",
    "(minimal: ",
    "in the queue with gas price ",
];

/// What stands before the least gas limit.
const GAS: [&str; 3] = ["minimum needed ", "requires at least ", "(minimal: "];

/// What stands before what it costs, and before what the sender has.
const COST_AND_BALANCE: [(&str, &str); 9] = [
    (" want ", " have "),
    ("upfront cost is: ", "balance is: "),
    ("upfront cost is: ", "only has: "),
    ("sending value + gas ", "balance is "),
    ("cumulative cost: ", "account balance: "),
    ("required ", "and got: "),
    ("cost=", "balance="),
    ("need ", "but have "),
    ("fee: ", "balance: "),
];

impl Named {
    /// Reads a message in small letters that means `class`.
    pub(super) fn read(class: Class, text: &str) -> Self {
        let mut named = Self::default();
        match class {
            Class::RaiseFee => {
                named.max_fee_per_gas = first(text, &MAX_FEE);
                named.priority_fee_per_gas = first(text, &TIP).or_else(|| after_less_than(text));
                if let Some(price) = first(text, &PRICE) {
                    named.max_fee_per_gas = named.max_fee_per_gas.max(Some(price));
                    named.priority_fee_per_gas = named.priority_fee_per_gas.max(Some(price));
                }
            }
            Class::RaiseGas => {
                named.gas = first(text, &GAS).and_then(|gas| u64::try_from(gas).ok());
            }
            Class::InsufficientFunds => named.missing = missing(text),
            Class::Known
            | Class::NonceTooLow
            | Class::Wait
            | Class::Hopeless
            | Class::Reverted
            | Class::Unrecognised => {}
        }
        named
    }
}

/// The account's nonce and the transaction's, where a message names both.
pub(super) fn nonces(text: &str) -> Option<(u128, u128)> {
    const PAIRS: [(&str, &str); 4] = [
        ("account has nonce of: ", "tx has nonce of: "),
        ("current nonce: ", "provided nonce: "),
        ("expected nonce to be ", " but got "),
        (" state: ", ", tx: "),
    ];
    PAIRS.iter().find_map(|(account, transaction)| {
        Some((number_after(text, account)?, number_after(text, transaction)?))
    })
}

fn missing(text: &str) -> Option<U256> {
    if let Some(overshot) = wei_after(text, "overshot ") {
        return Some(overshot);
    }
    let (cost, balance) = COST_AND_BALANCE
        .iter()
        .find_map(|(cost, balance)| Some((wei_after(text, cost)?, wei_after(text, balance)?)))?;
    let cost = match wei_after(text, "value: ") {
        Some(value) if text.contains("fee: ") => cost.checked_add(value)?,
        _ => cost,
    };
    cost.checked_sub(balance).filter(|missing| !missing.is_zero())
}

/// Of Nethermind's `too low 10 < 20` the 20.
fn after_less_than(text: &str) -> Option<u128> {
    text.contains("priorityfeepergas too low").then(|| number_after(text, " < ")).flatten()
}

fn first(text: &str, before: &[&str]) -> Option<u128> {
    before.iter().find_map(|words| number_after(text, words))
}

fn number_after(text: &str, words: &str) -> Option<u128> {
    digits_after(text, words)?.parse().ok()
}

fn wei_after(text: &str, words: &str) -> Option<U256> {
    U256::from_str_radix(digits_after(text, words)?, 10).ok()
}

/// The whole number right behind `words`; none if it is no whole one.
fn digits_after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(words)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at(end);
    let mut behind = behind.chars();
    let is_fraction = matches!(behind.next(), Some('.'))
        && behind.next().is_some_and(|next| next.is_ascii_digit());
    (!digits.is_empty() && !is_fraction).then_some(digits)
}
