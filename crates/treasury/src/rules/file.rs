//! The rules of a treasury as people write them: TOML, from which policy data is made and to which it is turned back.

mod span;

pub use span::{Span, SpanError};

use super::{Limit, Rules, RulesRefusal};
use alloy::primitives::{Address, U256};
use quorate_bindings::canonical;
use quorate_core::{
    Config,
    address::{AddressError, parse_account},
    amount::{self, AmountError, ETHER_DECIMALS},
    config::{ConfigError, MAX_POLICY_DATA},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write as _};
use thiserror::Error;

/// What ether is called in a file.
const ETHER: &str = "ETH";

/// A treasury: its owners, their tiers and the rules, as they stand in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesFile {
    /// How many signers the smallest tier has.
    pub threshold: u8,
    /// The owners, in the order that the wallet's address commits to.
    pub owners: Vec<Address>,
    /// The rules.
    pub rules: Rules,
    /// The decimals of tokens whose amounts are written in whole tokens.
    pub decimals: BTreeMap<Address, u8>,
}

/// Why a file is no treasury.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RulesFileError {
    /// No TOML, or other keys than there are.
    #[error("{0}")]
    Syntax(String),
    /// An address in it is none.
    #[error("{place}: {error}")]
    Address {
        /// Where.
        place: String,
        /// Why.
        error: AddressError,
    },
    /// An amount in it is none.
    #[error("{place}: {error}")]
    Amount {
        /// Where.
        place: String,
        /// Why.
        error: AmountError,
    },
    /// An amount above what a limit can hold.
    #[error("{place}: {text} is more than a limit can hold, 2^128-1 smallest units")]
    AmountTooLarge {
        /// Where.
        place: String,
        /// The amount.
        text: String,
    },
    /// A token's amount in whole tokens, without its decimals.
    #[error(
        "{place}: say `decimals` of the token, or give `units`, the amount in its smallest units, in place of `amount`"
    )]
    DecimalsMissing {
        /// Where.
        place: String,
    },
    /// Neither `amount` nor `units`, or both.
    #[error("{place}: give either `amount` or `units`")]
    AmountUnclear {
        /// Where.
        place: String,
    },
    /// Ether has 18 decimals.
    #[error("{place}: ether has 18 decimals, leave `decimals` out")]
    EtherDecimals {
        /// Where.
        place: String,
    },
    /// A length of time in it is none.
    #[error("{place}: {error}")]
    Span {
        /// Where.
        place: String,
        /// Why.
        error: SpanError,
    },
    /// A token or payee that stands there twice.
    #[error("{place}: {address} stands there twice")]
    Twice {
        /// Where the second one is.
        place: String,
        /// The address.
        address: Address,
    },
    /// More than policy data holds.
    #[error(
        "{limits} limits and {payees} payees take {length} bytes, and a wallet holds {MAX_POLICY_DATA}: at most {} \
         payees fit beside so many limits",
        (MAX_POLICY_DATA - super::HEADER).saturating_sub(super::LIMIT * limits) / super::PAYEE
    )]
    TooLong {
        /// How many limits there are.
        limits: usize,
        /// How many payees there are.
        payees: usize,
        /// How many bytes they take.
        length: usize,
    },
    /// The policy would refuse them.
    #[error(transparent)]
    Rules(#[from] RulesRefusal),
    /// No wallet can have such owners.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another policy's wallet.
    #[error("this wallet has no rules of a treasury: its policy is another, or it has none")]
    OtherPolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Text {
    threshold: u8,
    admin: u8,
    #[serde(rename = "override")]
    overriding: u8,
    #[serde(default)]
    veto: u8,
    delay: Option<String>,
    owners: Vec<String>,
    #[serde(default)]
    payees: Vec<String>,
    #[serde(default)]
    limits: Vec<TextLimit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TextLimit {
    token: String,
    amount: Option<String>,
    units: Option<String>,
    decimals: Option<u8>,
    period: String,
}

impl RulesFile {
    /// Reads a file. Owners stay in their order; limits and payees are sorted, as policy data wants them.
    ///
    /// # Errors
    ///
    /// If it is not written as [`Self::to_toml`] writes, or the policy or the wallet would refuse it.
    pub fn parse(text: &str) -> Result<Self, RulesFileError> {
        let text: Text = toml::from_str(text)
            .map_err(|error| RulesFileError::Syntax(error.to_string().trim_end().to_owned()))?;
        let mut decimals = BTreeMap::new();
        let mut limits = Vec::new();
        for (number, limit) in (1..).zip(&text.limits) {
            limits.push(limit.read(&format!("limit {number}"), &mut decimals)?);
        }
        let tokens: Vec<_> = limits.iter().map(|limit: &Limit| limit.token).collect();
        once("limit", &tokens)?;
        limits.sort_by_key(|limit| limit.token);
        let owners = addresses("owner", &text.owners)?;
        let mut payees = addresses("payee", &text.payees)?;
        once("payee", &payees)?;
        payees.sort();
        let delay_secs = span("delay", text.delay.as_deref().unwrap_or("none"))?;
        let Text { threshold, admin, overriding, veto, .. } = text;
        let rules = Rules { admin, overriding, veto, delay_secs, limits, payees };
        let file = Self { threshold, owners, rules, decimals };
        file.config()?;
        Ok(file)
    }

    /// The file of a wallet's configuration. `decimals` are those of its tokens, where they are known.
    ///
    /// # Errors
    ///
    /// If the wallet is no treasury.
    pub fn of(config: &Config, decimals: BTreeMap<Address, u8>) -> Result<Self, RulesFileError> {
        if config.policy() != Some(canonical::TREASURY_POLICY.address) {
            return Err(RulesFileError::OtherPolicy);
        }
        let rules = Rules::read(config.policy_data())?;
        let owners = config.owners().to_vec();
        Ok(Self { threshold: config.threshold(), owners, rules, decimals })
    }

    /// The configuration of a wallet with these rules, which its policy and the wallet accept.
    ///
    /// # Errors
    ///
    /// The first reason of one of them.
    pub fn config(&self) -> Result<Config, RulesFileError> {
        let data = self.rules.to_policy_data();
        let (limits, payees) = (self.rules.limits.len(), self.rules.payees.len());
        let length = super::HEADER + super::LIMIT * limits + super::PAYEE * payees;
        if length > MAX_POLICY_DATA {
            return Err(RulesFileError::TooLong { limits, payees, length });
        }
        let policy = canonical::TREASURY_POLICY.address;
        let config = Config::new(self.threshold.into(), self.owners.clone(), policy, data)?;
        self.rules.check(self.threshold, self.owners.len())?;
        Ok(config)
    }

    /// The file, as [`Self::parse`] reads it, to the last byte of policy data.
    pub fn to_toml(&self) -> String {
        let Rules { admin, overriding, veto, delay_secs, limits, payees } = &self.rules;
        let mut text = String::new();
        let mut line = |content: &str| {
            text.push_str(content);
            text.push('\n');
        };
        line("# The rules of a treasury: `quorate policy explain` says what they come to.");
        line(&format!("threshold = {}", self.threshold));
        line(&format!("admin = {admin}"));
        line(&format!("override = {overriding}"));
        line(&format!("veto = {veto}"));
        line(&format!("delay = \"{}\"", Span(*delay_secs)));
        line(&list("owners", &self.owners));
        line(&list("payees", payees));
        for limit in limits {
            line("\n[[limits]]");
            line(&format!("token = \"{}\"", token_text(limit.token)));
            let amount = U256::from(limit.amount);
            match self.decimals_of(limit.token) {
                Some(decimals) => {
                    if !limit.token.is_zero() {
                        line(&format!("decimals = {decimals}"));
                    }
                    line(&format!("amount = \"{}\"", amount::plain(amount, decimals)));
                }
                None => line(&format!("units = \"{amount}\"")),
            }
            line(&format!("period = \"{}\"", Span(limit.period_secs)));
        }
        text
    }

    /// The decimals of a token, where they are known.
    pub fn decimals_of(&self, token: Address) -> Option<u8> {
        if token.is_zero() { Some(ETHER_DECIMALS) } else { self.decimals.get(&token).copied() }
    }

    /// A limit in words: `10 ETH`.
    pub fn amount_text(&self, limit: &Limit) -> String {
        let amount = U256::from(limit.amount);
        let token = token_text(limit.token);
        match self.decimals_of(limit.token) {
            Some(decimals) => format!("{} {token}", amount::grouped(amount, decimals)),
            None => format!("{amount} smallest units of {token}"),
        }
    }
}

impl TextLimit {
    fn read(
        &self,
        place: &str,
        decimals: &mut BTreeMap<Address, u8>,
    ) -> Result<Limit, RulesFileError> {
        let place = || place.to_owned();
        let is_ether = self.token == ETHER;
        let token = if is_ether { Address::ZERO } else { address(place(), &self.token)? };
        if is_ether && self.decimals.is_some() {
            return Err(RulesFileError::EtherDecimals { place: place() });
        }
        let (text, read_with) = match (&self.amount, &self.units) {
            (Some(text), None) if is_ether => (text, ETHER_DECIMALS),
            (Some(text), None) => {
                let known = self.decimals;
                (text, known.ok_or_else(|| RulesFileError::DecimalsMissing { place: place() })?)
            }
            (None, Some(text)) => (text, 0),
            _ => return Err(RulesFileError::AmountUnclear { place: place() }),
        };
        if let Some(known) = self.decimals {
            decimals.insert(token, known);
        }
        let amount = amount::parse(text, read_with)
            .map_err(|error| RulesFileError::Amount { place: place(), error })?;
        let amount = u128::try_from(amount).map_err(|_| RulesFileError::AmountTooLarge {
            place: place(),
            text: quorate_core::text::shown(text),
        })?;
        Ok(Limit { token, amount, period_secs: span(&place(), &self.period)? })
    }
}

/// The token as files and words have it.
pub(super) fn token_text(token: Address) -> String {
    if token.is_zero() { ETHER.to_owned() } else { token.to_checksum(None) }
}

fn span(place: &str, text: &str) -> Result<u32, RulesFileError> {
    let Span(secs) =
        text.parse().map_err(|error| RulesFileError::Span { place: place.to_owned(), error })?;
    Ok(secs)
}

fn address(place: String, text: &str) -> Result<Address, RulesFileError> {
    parse_account(text).map_err(|error| RulesFileError::Address { place, error })
}

fn addresses(what: &str, texts: &[String]) -> Result<Vec<Address>, RulesFileError> {
    let numbered = (1..).zip(texts);
    numbered.map(|(number, text)| address(format!("{what} {number}"), text)).collect()
}

fn once(what: &str, addresses: &[Address]) -> Result<(), RulesFileError> {
    for (number, &address) in (1..).zip(addresses) {
        if addresses[..number - 1].contains(&address) {
            return Err(RulesFileError::Twice { place: format!("{what} {number}"), address });
        }
    }
    Ok(())
}

fn list(key: &str, addresses: &[Address]) -> String {
    if addresses.is_empty() {
        return format!("{key} = []");
    }
    let mut text = format!("{key} = [\n");
    for address in addresses {
        writeln!(text, "    \"{}\",", address.to_checksum(None)).expect("a string takes all");
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{MAX_PERIOD_SECS, MIN_SECS, tests::rules};
    use proptest::prelude::*;

    fn file() -> RulesFile {
        let owners = (1..=7).map(Address::with_last_byte).collect();
        let decimals = BTreeMap::from([(Address::with_last_byte(9), 6)]);
        RulesFile { threshold: 2, owners, rules: rules(), decimals }
    }

    #[test]
    fn a_file_reads_as_people_write_it() {
        let text = r#"
            threshold = 1
            admin = 2
            override = 3
            veto = 1
            delay = "2 days"
            owners = ["0x0000000000000000000000000000000000000001",
                "0x0000000000000000000000000000000000000002",
                "0x0000000000000000000000000000000000000003",
                "0x0000000000000000000000000000000000000004"]

            [[limits]]
            token = "0x0000000000000000000000000000000000000009"
            decimals = 6
            amount = "25000.50"
            period = "1 day 12 hours"

            [[limits]]
            token = "ETH"
            amount = "0.5"
            period = "7 days"
        "#;
        let file = RulesFile::parse(text).unwrap();
        let [ether, token] = file.rules.limits[..] else { panic!("{file:?}") };
        assert_eq!((ether.token, ether.amount), (Address::ZERO, 500_000_000_000_000_000));
        assert_eq!((token.amount, token.period_secs), (25_000_500_000, 129_600));
        assert_eq!(file.amount_text(&ether), "0.5 ETH");
        assert_eq!(RulesFile::parse(&file.to_toml()), Ok(file));
    }

    #[test]
    fn what_is_no_treasury_is_refused_with_its_place() {
        let good = file().to_toml();
        assert_eq!(RulesFile::parse(&good), Ok(file()));
        for (from, to, expected) in [
            ("admin = 4", "admin = 4\nadmins = 4", "unknown field `admins`"),
            ("admin = 4", "admin = 5", "a delay takes a veto of 1 or more and fewer admin"),
            ("veto = 2", "veto = 3", "override and veto together be at most the owners"),
            ("delay = \"2 days\"", "delay = \"31 days\"", "it is none, or 1 hour to 30 days"),
            ("delay = \"2 days\"", "delay = \"2d\"", "delay: \"2d\" is no length of time"),
            ("amount = \"0.001\"", "amount = \"0\"", "limit 2 is of nothing"),
            ("amount = \"0.001\"", "amount = \"1,5\"", "limit 2: \"1,5\" is not an amount"),
            ("decimals = 6\n", "", "limit 2: say `decimals` of the token"),
            ("amount = \"0.001\"", "units = \"1\"\namount = \"1\"", "limit 2: give either"),
            ("period = \"7 days\"", "period = \"7 days\"\ndecimals = 18", "leave `decimals` out"),
            (
                "0000000000000000000000000000000000000002\",\n]\n\n",
                "0000000000000000000000000000000000000001\",\n]\n\n",
                "payee 2: 0x0000000000000000000000000000000000000001 stands there twice",
            ),
        ] {
            assert!(good.contains(from), "{from} in {good}");
            let error = RulesFile::parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    }

    #[test]
    fn more_payees_than_fit_are_refused_with_how_many_do() {
        let mut file = file();
        file.rules.payees = (1..=u8::MAX).map(Address::with_last_byte).collect();
        let error = file.config().unwrap_err().to_string();
        assert!(error.ends_with("at most 200 payees fit beside so many limits"), "{error}");
        file.rules.payees.truncate(200);
        assert!(file.config().is_ok());
    }

    proptest! {
        /// Policy data becomes a file and the very same policy data again.
        #[test]
        fn policy_data_survives_a_file(
            tiers in (0_u8..5, 0_u8..3, 0_u8..3),
            delay in prop_oneof![Just(MIN_SECS), MIN_SECS..=30 * 86_400],
            limits in prop::collection::btree_map(
                any::<[[u8; 4]; 5]>(),
                (1..=u128::MAX, MIN_SECS..=MAX_PERIOD_SECS, prop::option::of(0_u8..60)),
                0..5,
            ),
            payees in prop::collection::btree_set(any::<[[u8; 4]; 5]>(), 0..5),
        ) {
            let (admin, more, veto) = tiers;
            let (admin, veto) = (admin + 1, if more == 0 { 0 } else { veto + 1 });
            let overriding = admin + more;
            let delay_secs = if more == 0 { 0 } else { delay };
            let address = |parts: [[u8; 4]; 5]| Address::from_slice(&parts.concat());
            let mut decimals = BTreeMap::new();
            let mut rules = Rules { admin, overriding, veto, delay_secs, ..Rules::default() };
            for (token, (amount, period_secs, known)) in limits {
                let token = address(token);
                rules.limits.push(Limit { token, amount, period_secs });
                if let Some(known) = known.filter(|_| !token.is_zero()) {
                    decimals.insert(token, known);
                }
            }
            rules.payees = payees.into_iter().map(address).filter(|it| !it.is_zero()).collect();
            let owners = (1..=overriding + veto).map(Address::with_last_byte).collect();
            let file = RulesFile { threshold: 1, owners, rules, decimals };
            let config = file.config().unwrap();
            let read = RulesFile::parse(&file.to_toml()).unwrap();
            prop_assert_eq!(&read, &file);
            prop_assert_eq!(&read.config().unwrap(), &config);
            let again = RulesFile::of(&config, file.decimals.clone()).unwrap();
            prop_assert_eq!(again, file);
        }
    }
}
