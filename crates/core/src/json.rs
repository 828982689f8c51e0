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

/// A whole number. What JSON Schema calls an integer is taken: `139352`, and `139352.0` or `1.39352e5` as some programs write
/// it, to the last digit. Numbers with a fraction, below zero, or too large for the field are refused.
pub mod integer {
    use super::*;
    use serde::{Serialize, de::Unexpected};
    use serde_json::Number;

    /// Writes it.
    pub fn serialize<T: Serialize, S: Serializer>(number: &T, to: S) -> Result<S::Ok, S::Error> {
        number.serialize(to)
    }

    /// Reads it.
    pub fn deserialize<'de, T: TryFrom<u64>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        let number = Number::deserialize(from)?;
        // Its digits, since a number with a point may have more of them than a float has.
        let text = number.to_string();
        let whole = number.as_u64().or_else(|| parse(&text));
        whole.and_then(|whole| T::try_from(whole).ok()).ok_or_else(|| {
            let expected = format!("a whole number of at most {} bits", 8 * size_of::<T>());
            D::Error::invalid_value(Unexpected::Other(&text), &expected.as_str())
        })
    }

    /// A whole number, where it stands in a list.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Whole<T>(pub T);

    impl<'de, T: TryFrom<u64>> Deserialize<'de> for Whole<T> {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            deserialize(from).map(Self)
        }
    }

    /// Reads a number of JSON, if it is whole, not below zero, and has at most 64 bits.
    fn parse(text: &str) -> Option<u64> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(mantissa) => (true, mantissa),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(0);
        }
        let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
        let zeros =
            exponent.checked_add(dropped)?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        // The largest number of 64 bits has 20 digits.
        let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros < 20 && !is_negative)?;
        format!("{significant}{}", "0".repeat(zeros)).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::integer::Whole;

    /// Case 27.
    #[test]
    fn a_whole_number_may_have_a_point() {
        let read = |text: &str| serde_json::from_str::<Whole<u32>>(text).map(|whole| whole.0);
        for (text, number) in [
            ("139352", 139_352),
            ("139352.0", 139_352),
            ("1.39352e5", 139_352),
            ("139352.000", 139_352),
            ("0.0", 0),
            ("-0.0", 0),
            ("4294967295.0", u32::MAX),
        ] {
            assert_eq!(read(text).unwrap(), number, "{text}");
        }
        for text in [
            "1.5",
            "-1",
            "-1.0",
            "4294967296",
            "4294967296.0",
            "1e300",
            "1e-1",
            "139352.00000000000000001",
        ] {
            let error = read(text).unwrap_err().to_string();
            let expected =
                format!("invalid value: {text}, expected a whole number of at most 32 bits");
            assert!(error.replace("e+", "e").starts_with(&expected), "{error}");
        }
        for text in ["\"1\"", "null", "[1]", "true", "1e99999999999999999999"] {
            assert!(read(text).is_err(), "{text}");
        }
        let large = |text: &str| serde_json::from_str::<Whole<u64>>(text).map(|whole| whole.0);
        assert_eq!(large("18446744073709551615").unwrap(), u64::MAX);
        // More digits than a float has.
        assert_eq!(large("18446744073709551615.0").unwrap(), u64::MAX);
        assert_eq!(large("9007199254740993.0").unwrap(), (1 << 53) + 1);
        assert_eq!(large("0.9007199254740993e16").unwrap(), (1 << 53) + 1);
        assert!(large("18446744073709551616.0").is_err());
    }
}
