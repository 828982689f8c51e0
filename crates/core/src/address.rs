//! Addresses as people write them (EIP-55).

mod short_name;

use crate::text::shown;
use alloy::primitives::{Address, hex};
use std::fmt;
use thiserror::Error;

/// Chains whose wallets mix the chain's id into the checksum (EIP-1191): Rootstock and its test network.
const CHECKSUM_CHAINS: [u64; 2] = [30, 31];

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not `0x` and 40 hexadecimal digits.
    #[error("{} is not an address: 0x and 40 hexadecimal digits are needed", shown(text))]
    Malformed {
        /// What was given.
        text: String,
    },
    /// The letters' case is not the checksum of the digits, on no chain.
    #[error(
        "{text} has a wrong checksum: a character was changed or mistyped; copy the address again from its source"
    )]
    Checksum {
        /// What was given.
        text: String,
    },
    /// The zero address, where an account is needed.
    #[error("the zero address belongs to nobody: what is sent there is lost")]
    Zero,
    /// A chain is named with it, where addresses stand alone.
    #[error("{} {form}: write the address alone, {}", shown(text), address.to_checksum(None))]
    NamesChain {
        /// What was given.
        text: String,
        /// How it names the chain.
        form: Form,
        /// The address in it.
        address: Address,
    },
    /// It names another chain.
    #[error(
        "{} {form}, and this is chain {chain_id}: ask for the address on chain {chain_id}; if it is the same account there, write {}",
        shown(text), address.to_checksum(None)
    )]
    OtherChain {
        /// What was given.
        text: String,
        /// How it names the chain.
        form: Form,
        /// The chain that is meant.
        chain_id: u64,
        /// The address in it.
        address: Address,
    },
    /// A short name in front of it that is not known here.
    #[error(
        "{} begins with the name of a chain that is not known here: if it is the wallet's own chain, write the address alone, {}",
        shown(text), address.to_checksum(None)
    )]
    UnknownChain {
        /// What was given.
        text: String,
        /// The address in it.
        address: Address,
    },
    /// A link that asks for a payment.
    #[error(
        "{} is a payment link (EIP-681), which can hold a chain, a token and an amount too: read them there, and write the address alone",
        shown(text)
    )]
    Link {
        /// What was given.
        text: String,
    },
}

/// How the text of an address names a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By its short name in front, `eth:0x…` (EIP-3770).
    ShortName {
        /// The chain (EIP-155).
        chain_id: u64,
    },
    /// By its id in front, `eip155:1:0x…` (CAIP-10).
    Id {
        /// The chain (EIP-155).
        chain_id: u64,
    },
    /// By the checksum, into which the chain's id is mixed (EIP-1191).
    Checksum {
        /// The chain (EIP-155).
        chain_id: u64,
    },
}

impl Form {
    /// The chain (EIP-155).
    pub const fn chain_id(self) -> u64 {
        match self {
            Self::ShortName { chain_id } | Self::Id { chain_id } | Self::Checksum { chain_id } => {
                chain_id
            }
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortName { chain_id } => write!(f, "names chain {chain_id} (EIP-3770)"),
            Self::Id { chain_id } => write!(f, "names chain {chain_id} (CAIP-10)"),
            Self::Checksum { chain_id } => {
                write!(f, "has the checksum of chain {chain_id} (EIP-1191)")
            }
        }
    }
}

/// An address as people write it, which may name its chain too: `eth:0x…` (EIP-3770), `eip155:1:0x…` (CAIP-10), or a
/// checksum of that chain alone (EIP-1191).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    address: Address,
    /// The text, and how it names the chain; none where it names none.
    named: Option<(String, Form)>,
}

impl Written {
    /// Reads an address, blanks around it left out. Mixed case must be its checksum (EIP-55, or EIP-1191 of chain 30 or 31);
    /// lower or upper case alone carries none and passes.
    ///
    /// Does not look up names, and does not refuse the zero address. Which chain is meant is asked by [`Self::on`].
    ///
    /// # Errors
    ///
    /// If the text is no address, its checksum is wrong on every chain, or it names a chain that is not known.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_ascii();
        let Some((name, rest)) = text.split_once(':') else {
            let (address, form) = read(text)?;
            return Ok(Self { address, named: form.map(|form| (text.to_owned(), form)) });
        };
        if name.eq_ignore_ascii_case("ethereum") {
            return Err(AddressError::Link { text: text.to_owned() });
        }
        let is_by_id = name.eq_ignore_ascii_case("eip155");
        let (name, rest) = match rest.split_once(':') {
            Some((id, rest)) if is_by_id => (id, rest),
            _ => (name, rest),
        };
        let malformed = AddressError::Malformed { text: text.to_owned() };
        let (address, by_checksum) = read(rest).map_err(|error| match error {
            AddressError::Malformed { .. } => malformed,
            error => error,
        })?;
        let form = match is_by_id {
            true => name.parse().ok().map(|chain_id| Form::Id { chain_id }),
            false => short_name::chain_of(name).map(|chain_id| Form::ShortName { chain_id }),
        };
        let text = text.to_owned();
        let form = form.ok_or(AddressError::UnknownChain { text: text.clone(), address })?;
        match by_checksum.map(Form::chain_id) {
            // Name and checksum are of different chains: a character of the one or the other is wrong.
            Some(chain_id) if chain_id != form.chain_id() => Err(AddressError::Checksum { text }),
            _ => Ok(Self { address, named: Some((text, form)) }),
        }
    }

    /// Reads an address as [`Self::parse`] does and refuses the zero address.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`], and if the address is zero.
    pub fn parse_account(text: &str) -> Result<Self, AddressError> {
        let written = Self::parse(text)?;
        if written.address.is_zero() { Err(AddressError::Zero) } else { Ok(written) }
    }

    /// The address, on the chain that it is used on.
    ///
    /// # Errors
    ///
    /// If its text names another chain.
    pub fn on(&self, chain_id: u64) -> Result<Address, AddressError> {
        let address = self.address;
        match &self.named {
            Some((text, form)) if form.chain_id() != chain_id => {
                Err(AddressError::OtherChain { text: text.clone(), form: *form, chain_id, address })
            }
            _ => Ok(address),
        }
    }

    /// The address, whatever chain its text names: where none is known yet.
    pub const fn anywhere(&self) -> Address {
        self.address
    }

    /// The chain that its text names.
    pub fn chain_id(&self) -> Option<u64> {
        self.named.as_ref().map(|(_, form)| form.chain_id())
    }
}

/// Reads an address that stands alone, as in files and in JSON. Mixed case must be its checksum (EIP-55); lower or upper case
/// alone carries none and passes.
///
/// Does not look up names, and does not refuse the zero address.
///
/// # Errors
///
/// If the text is no address, its checksum is wrong, or it names a chain: see [`Written`].
pub fn parse(text: &str) -> Result<Address, AddressError> {
    if text.trim_ascii() != text {
        return Err(AddressError::Malformed { text: text.to_owned() });
    }
    match Written::parse(text)? {
        Written { address, named: None } => Ok(address),
        Written { address, named: Some((text, form)) } => {
            Err(AddressError::NamesChain { text, form, address })
        }
    }
}

/// Reads an address as [`parse`] does and refuses the zero address.
///
/// # Errors
///
/// If the text is no address, its checksum is wrong, or it is zero.
pub fn parse_account(text: &str) -> Result<Address, AddressError> {
    match parse(text)? {
        Address::ZERO => Err(AddressError::Zero),
        address => Ok(address),
    }
}

/// `0x` and 40 digits, and whose checksum they have, if it is not EIP-55's.
fn read(text: &str) -> Result<(Address, Option<Form>), AddressError> {
    let malformed = || AddressError::Malformed { text: text.to_owned() };
    let digits = text.strip_prefix("0x").ok_or_else(malformed)?;
    let bytes = hex::decode_to_array::<_, 20>(digits).map_err(|_| malformed())?;
    if digits.starts_with("0x") {
        return Err(malformed());
    }
    let address = Address::from(bytes);
    let has_checksum = digits.contains(|c: char| c.is_ascii_lowercase())
        && digits.contains(|c: char| c.is_ascii_uppercase());
    if !has_checksum || address.to_checksum(None) == text {
        return Ok((address, None));
    }
    let is_its = |&chain_id: &u64| address.to_checksum(Some(chain_id)) == text;
    let chain_id = CHECKSUM_CHAINS.into_iter().find(is_its);
    let chain_id = chain_id.ok_or_else(|| AddressError::Checksum { text: text.to_owned() })?;
    Ok((address, Some(Form::Checksum { chain_id })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    #[test]
    fn a_checksum_is_checked_where_there_is_one() {
        assert!(parse(GOOD).is_ok());
        assert!(parse(&GOOD.to_lowercase()).is_ok());
        assert!(parse(&format!("0x{}", GOOD[2..].to_uppercase())).is_ok());
        let broken = GOOD.replace("aAeb", "aaeb");
        assert_eq!(parse(&broken), Err(AddressError::Checksum { text: broken }));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("{GOOD}00");
        for text in [
            "",
            "0x",
            &GOOD[2..],
            &GOOD[..41],
            &long,
            &format!("{GOOD} "),
            "vitalik.eth",
            "0x0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA",
        ] {
            assert!(matches!(parse(text), Err(AddressError::Malformed { .. })), "{text}");
        }
    }

    /// The vectors of EIP-1191.
    const ROOTSTOCK: &str = "0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD";
    const ROOTSTOCK_TEST: &str = "0x5aAeb6053F3e94c9b9A09F33669435E7EF1BEaEd";

    /// Case 9.
    #[test]
    fn a_chain_that_is_named_has_to_be_the_one_that_is_meant() {
        let address: Address = GOOD.parse().unwrap();
        let lower = GOOD.to_lowercase();
        for (text, chain_id) in [
            (ROOTSTOCK.to_owned(), 30),
            (ROOTSTOCK_TEST.to_owned(), 31),
            (format!("eth:{GOOD}"), 1),
            (format!("ETH:{lower}"), 1),
            (format!(" arb1:{GOOD}\n"), 42_161),
            (format!("rsk:{ROOTSTOCK}"), 30),
            (format!("rsk:{GOOD}"), 30),
            (format!("eip155:31337:{GOOD}"), 31_337),
        ] {
            let written = Written::parse_account(&text).unwrap();
            assert_eq!(written.chain_id(), Some(chain_id), "{text}");
            assert_eq!(written.on(chain_id), Ok(address), "{text}");
            assert_eq!(written.anywhere(), address);
            let other = written.on(5).unwrap_err().to_string();
            assert!(other.contains(&format!("chain {chain_id} (")), "{other}");
            assert!(other.contains("this is chain 5") && other.ends_with(GOOD), "{other}");
            let alone = parse(text.trim()).unwrap_err().to_string();
            assert!(alone.ends_with(&format!("write the address alone, {GOOD}")), "{alone}");
        }
        assert_eq!(Written::parse(GOOD).unwrap().on(5), Ok(address));
    }

    /// Case 9.
    #[test]
    fn what_names_a_chain_wrongly_says_what_is_wrong() {
        let broken = GOOD.replace("aAeb", "aaeb");
        for (text, reason) in [
            (format!("foo:{GOOD}"), "not known here"),
            (format!("eip155:x:{GOOD}"), "not known here"),
            (format!("eth:{broken}"), "wrong checksum"),
            (format!("eth:{ROOTSTOCK}"), "wrong checksum"),
            ("eth:".to_owned(), "\"eth:\" is not an address"),
            ("eth:vitalik.eth".to_owned(), "\"eth:vitalik.eth\" is not an address"),
            (format!("ethereum:{GOOD}@1?value=1e18"), "payment link (EIP-681)"),
            (format!("eth:0x{}", "0".repeat(40)), "zero address"),
        ] {
            let error = Written::parse_account(&text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn zero_is_no_account() {
        let zero = format!("0x{}", "0".repeat(40));
        assert_eq!(parse(&zero), Ok(Address::ZERO));
        assert_eq!(parse_account(&zero), Err(AddressError::Zero));
    }
}
