//! Amounts of ether and tokens, as people write them and as the chain counts them.

use crate::text::shown;
use alloy::primitives::{U256, utils::Unit};
use thiserror::Error;

/// The amount of a transfer that means everything left at that moment.
pub const EVERYTHING_LEFT: U256 = U256::MAX;

/// How many decimals ether has.
pub const ETHER_DECIMALS: u8 = Unit::ETHER.get();

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Not digits with at most one point between them.
    #[error("{} is not an amount: write digits and at most one point, like 1250.50", shown(text))]
    Malformed {
        /// What was given.
        text: String,
    },
    /// More decimals than the token has, none of them zero.
    #[error("{} has more than the {decimals} decimals that can be paid", shown(text))]
    TooPrecise {
        /// What was given.
        text: String,
        /// How many decimals the token has.
        decimals: u8,
    },
    /// 2^256-1 smallest units or more; 2^256-1 itself means everything left.
    #[error("{} is more than any token can hold", shown(text))]
    TooLarge {
        /// What was given.
        text: String,
    },
}

/// Reads `1250.50` as that many smallest units of a token with `decimals`. Zero passes.
///
/// Takes no sign, exponent, grouping or unit. Zeros behind the last decimal are no precision.
///
/// # Errors
///
/// If the text is no amount, too precise, or 2^256-1 units or more.
pub fn parse(text: &str, decimals: u8) -> Result<U256, AmountError> {
    let malformed = || AmountError::Malformed { text: text.to_owned() };
    let too_large = || AmountError::TooLarge { text: text.to_owned() };
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(malformed()),
        Some(parts) => parts,
        None => (text, ""),
    };
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return Err(malformed());
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(decimals)
        .checked_sub(fraction.len())
        .ok_or_else(|| AmountError::TooPrecise { text: text.to_owned(), decimals })?;
    let whole = whole.trim_start_matches('0');
    let digits = format!("{whole}{fraction}{}", "0".repeat(missing));
    let digits = digits.trim_start_matches('0');
    // 2^256 has 78 digits; more would only cost time.
    if digits.len() > 78 {
        return Err(too_large());
    }
    let amount = digits.bytes().try_fold(U256::ZERO, |sum, digit| {
        sum.checked_mul(U256::from(10))?.checked_add(U256::from(digit - b'0'))
    });
    amount.filter(|&amount| amount != EVERYTHING_LEFT).ok_or_else(too_large)
}

/// Writes units of a token with `decimals` as [`parse`] reads them, without zeros at the end.
pub fn plain(amount: U256, decimals: u8) -> String {
    write(amount, decimals, false)
}

/// Writes units of a token with `decimals` for people: thousands apart, as in `1,250.5`.
pub fn grouped(amount: U256, decimals: u8) -> String {
    write(amount, decimals, true)
}

fn write(amount: U256, decimals: u8, group: bool) -> String {
    let decimals = usize::from(decimals);
    let digits = format!("{amount:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if group && place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, decimals, units) in [
            ("0", 18, 0_u64),
            ("1", 6, 1_000_000),
            ("1250.50", 6, 1_250_500_000),
            ("0.000001", 6, 1),
            ("007.5", 1, 75),
            ("3.000", 0, 3),
        ] {
            assert_eq!(parse(text, decimals), Ok(U256::from(units)), "{text}");
        }
    }

    #[test]
    fn refuses_what_could_mean_something_else() {
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,000", "1 000", "0x10", "1.2.3", "١", "ETH"]
        {
            assert!(matches!(parse(text, 18), Err(AmountError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn refuses_decimals_that_the_token_does_not_have() {
        let error = AmountError::TooPrecise { text: "1.0000001".to_owned(), decimals: 6 };
        assert_eq!(parse("1.0000001", 6), Err(error));
    }

    #[test]
    fn everything_left_cannot_be_typed_as_a_number() {
        let most = U256::MAX - U256::ONE;
        assert_eq!(parse(&most.to_string(), 0), Ok(most));
        for text in [U256::MAX.to_string(), "9".repeat(78), "9".repeat(10_000)] {
            assert!(matches!(parse(&text, 0), Err(AmountError::TooLarge { .. })));
        }
    }

    #[test]
    fn groups_thousands_for_people() {
        assert_eq!(grouped(U256::from(1_234_567_500_000_u64), 6), "1,234,567.5");
        assert_eq!(grouped(U256::from(5), 6), "0.000005");
        assert_eq!(plain(U256::MAX, 255), format!("0.{}{}", "0".repeat(177), U256::MAX));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(limbs: [u64; 4], decimals: u8) {
            let amount = U256::from_limbs(limbs).min(U256::MAX - U256::ONE);
            prop_assert_eq!(parse(&plain(amount, decimals), decimals), Ok(amount));
        }
    }
}
