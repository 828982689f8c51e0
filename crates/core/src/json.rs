//! How values look in JSON: addresses in EIP-55, 256-bit integers as decimal strings, bytes as
//! 0x-hex. Modules for `#[serde(with = "…")]`.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// An [`Address`](alloy::primitives::Address) in EIP-55; a wrong checksum is refused.
pub mod account {
    use super::*;
    use alloy::primitives::Address;

    /// Writes it.
    pub fn serialize<S: Serializer>(address: &Address, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&address.to_checksum(None))
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
        crate::address::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A list of addresses.
pub mod accounts {
    use super::*;
    use alloy::primitives::Address;

    /// Writes it.
    pub fn serialize<S: Serializer>(list: &[Address], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|address| address.to_checksum(None)))
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Address>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| crate::address::parse(text).map_err(D::Error::custom)).collect()
    }
}

/// A 256-bit integer as a decimal string without sign or leading zeros.
pub mod decimal {
    use super::*;
    use alloy::primitives::U256;

    /// Writes it.
    pub fn serialize<S: Serializer>(number: &U256, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<U256, D::Error> {
        parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }

    /// Reads digits: one of them, or several of which the first is not 0.
    ///
    /// # Errors
    ///
    /// What is wrong, with the text.
    pub fn parse(text: &str) -> Result<U256, String> {
        let is_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits || (text.len() > 1 && text.starts_with('0')) {
            return Err(format!("{} is not a decimal number", crate::text::shown(text)));
        }
        U256::from_str_radix(text, 10)
            .map_err(|_| format!("{} does not fit 256 bits", crate::text::shown(text)))
    }
}

/// Bytes as 0x-hex; the prefix is needed, so that text is not taken for bytes.
pub mod bytes {
    use super::*;
    use alloy::primitives::{Bytes, hex};

    /// Writes it.
    pub fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(bytes)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        parse(&text).map_err(D::Error::custom)
    }

    /// Reads `0x` and pairs of hexadecimal digits.
    ///
    /// # Errors
    ///
    /// What is wrong, with the text.
    pub fn parse(text: &str) -> Result<Bytes, String> {
        let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with("0x"));
        digits.and_then(|digits| hex::decode(digits).ok()).map(Bytes::from).ok_or_else(|| {
            format!("{} is not 0x and whole bytes in hexadecimal", crate::text::shown(text))
        })
    }
}
