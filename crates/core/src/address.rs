//! Addresses as people write them (EIP-55).

use crate::text::shown;
use alloy::primitives::{Address, hex};
use thiserror::Error;

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not `0x` and 40 hexadecimal digits.
    #[error("{} is not an address: 0x and 40 hexadecimal digits are needed", shown(text))]
    Malformed {
        /// What was given.
        text: String,
    },
    /// The letters' case is not the checksum of the digits.
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
}

/// Reads an address. Mixed case must be its checksum (EIP-55); lower or upper case alone carries
/// none and passes.
///
/// Does not look up names, and does not refuse the zero address.
///
/// # Errors
///
/// If the text is no address or its checksum is wrong.
pub fn parse(text: &str) -> Result<Address, AddressError> {
    let malformed = || AddressError::Malformed { text: text.to_owned() };
    let digits = text.strip_prefix("0x").ok_or_else(malformed)?;
    let bytes = hex::decode_to_array::<_, 20>(digits).map_err(|_| malformed())?;
    if digits.starts_with("0x") {
        return Err(malformed());
    }
    let address = Address::from(bytes);
    let has_checksum = digits.contains(|c: char| c.is_ascii_lowercase())
        && digits.contains(|c: char| c.is_ascii_uppercase());
    if has_checksum && address.to_checksum(None) != text {
        return Err(AddressError::Checksum { text: text.to_owned() });
    }
    Ok(address)
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
            "vitalik.eth",
            "0x0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA",
        ] {
            assert!(matches!(parse(text), Err(AddressError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn zero_is_no_account() {
        let zero = format!("0x{}", "0".repeat(40));
        assert_eq!(parse(&zero), Ok(Address::ZERO));
        assert_eq!(parse_account(&zero), Err(AddressError::Zero));
    }
}
