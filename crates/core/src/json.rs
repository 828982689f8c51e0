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
/// it.
///
/// Numbers with a fraction, below zero, or too large for the field are refused, and with a point or an exponent those from
/// 2^53 on: a program that writes these may have lost digits.
pub mod integer {
    use super::*;
    use serde::{
        Serialize,
        de::{MapAccess, Unexpected, Visitor, value::MapAccessDeserializer},
    };
    use std::{any::type_name, fmt, marker::PhantomData};

    /// 2^53: up to there a number with a point is exact in every program.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    /// Writes it.
    pub fn serialize<T: Serialize, S: Serializer>(number: &T, to: S) -> Result<S::Ok, S::Error> {
        number.serialize(to)
    }

    /// Reads it.
    pub fn deserialize<'de, T: TryFrom<u64>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        from.deserialize_u64(Reader(PhantomData))
    }

    /// A whole number inside of an enum that is told apart by a tag, which is read in two steps.
    pub mod tagged {
        use super::*;

        pub use super::serialize;

        /// Reads it.
        pub fn deserialize<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
            from: D,
        ) -> Result<T, D::Error> {
            from.deserialize_any(Reader(PhantomData))
        }
    }

    /// A whole number, where it stands in a list.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Whole<T>(pub T);

    impl<'de, T: TryFrom<u64>> Deserialize<'de> for Whole<T> {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            deserialize(from).map(Self)
        }
    }

    struct Reader<T>(PhantomData<T>);

    impl<'de, T: TryFrom<u64>> Visitor<'de> for Reader<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let (bits, name) = (8 * size_of::<T>(), type_name::<T>());
            write!(f, "a whole number of at most {bits} bits ({name})")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            let wrong = E::invalid_value(Unexpected::Unsigned(number), &self);
            T::try_from(number).map_err(|_| wrong)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
            match u64::try_from(number) {
                Ok(number) => self.visit_u64(number),
                Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
            }
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
            if number.fract() != 0.0 || !(0.0..EXACT).contains(&number) {
                return Err(E::invalid_value(Unexpected::Float(number), &self));
            }
            // Whole, and in range.
            self.visit_u64(number as u64)
        }

        /// As serde_json keeps a number with a point between two steps.
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            let number = serde_json::Number::deserialize(MapAccessDeserializer::new(map))?;
            match (number.as_u64(), number.as_f64()) {
                (Some(number), _) => self.visit_u64(number),
                (None, Some(number)) => self.visit_f64(number),
                (None, None) => Err(A::Error::invalid_type(Unexpected::Map, &self)),
            }
        }
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
        for (text, found) in [
            ("1.5", "value: floating point `1.5`"),
            ("-1", "value: integer `-1`"),
            ("-1.0", "value: floating point `-1.0`"),
            ("4294967296", "value: integer `4294967296`"),
            ("4294967296.0", "value: integer `4294967296`"),
            ("1e15", "value: integer `1000000000000000`"),
            ("\"1\"", "type: string \"1\""),
            ("null", "type: null"),
            ("[1]", "type: sequence"),
            ("{}", "type: map"),
            ("true", "type: boolean `true`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            let expected =
                format!("invalid {found}, expected a whole number of at most 32 bits (u32)");
            assert!(error.starts_with(&expected), "{error}");
        }
        let large = |text: &str| serde_json::from_str::<Whole<u64>>(text).map(|whole| whole.0);
        assert_eq!(large("18446744073709551615").unwrap(), u64::MAX);
        assert_eq!(large("9007199254740991.0").unwrap(), (1 << 53) - 1);
        assert!(large("9007199254740992.0").is_err());
    }
}
