//! Amounts that cannot be taken as they are written, and what to write instead for each.

use crate::problem::Fault;
use alloy::primitives::U256;
use quorate_core::amount::{self, AmountError, ETHER_DECIMALS};
use std::str::FromStr as _;

/// The longest number that an exponent is written out to.
const MOST_DIGITS: i64 = 96;

/// Words that programs write where they have no number.
const NOTHING: &[&str] = &["na", "n/a", "nan", "null", "none", "nil", "nd", "-", "--", "–", "—"];

/// Checks what can be checked without the token's decimals.
pub(super) fn check_amount(amount: &str, is_ether: bool) -> Result<(), Fault> {
    if is_ether {
        return read_amount(amount, ETHER_DECIMALS).map(drop);
    }
    match read_amount(amount, u8::MAX) {
        Err(Fault::Amount(AmountError::TooPrecise { .. } | AmountError::TooLarge { .. })) => Ok(()),
        other => other.map(drop),
    }
}

/// Reads an amount above zero of a token with `decimals`, in its smallest units.
///
/// # Errors
///
/// With what to write instead, where the text says that.
pub(crate) fn read_amount(text: &str, decimals: u8) -> Result<U256, Fault> {
    let amount = amount::parse(text, decimals).map_err(|error| match error {
        AmountError::Malformed { .. } => fault(text),
        error => Fault::Amount(error),
    })?;
    if amount.is_zero() {
        return Err(Fault::AmountZero { text: text.to_owned() });
    }
    Ok(amount)
}

/// Whether a text is of the form that spreadsheets give to thousands where the point groups: 1 to 3 digits of which the first
/// is not 0, a point, and three digits.
pub fn is_grouped(text: &str) -> bool {
    let Some((whole, fraction)) = text.split_once('.') else { return false };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&whole.len())
        && !whole.starts_with('0')
        && fraction.len() == 3
        && is_digits(whole)
        && is_digits(fraction)
}

/// What to write for a text of that form: where the point groups, and where it is the decimal sign.
pub fn readings(text: &str) -> (String, String) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let short = fraction.trim_end_matches('0');
    let decimal = match short.len() {
        0 => whole.to_owned(),
        // Cut short it has another form; in full it gets a digit more.
        1 | 2 => format!("{whole}.{short}"),
        _ => format!("{whole}.{fraction}0"),
    };
    (format!("{whole}{fraction}"), decimal)
}

/// Whether the digits look like those that are left when a number went through a program's float: 15 to 17 of them that end at no
/// round place.
pub(super) fn is_float(text: &str, decimals: u8) -> bool {
    let Some((whole, fraction)) = text.split_once('.') else { return false };
    let ends_round = [6, 18, usize::from(decimals)].contains(&fraction.len());
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0').trim_end_matches('0');
    (15..=17).contains(&digits.len()) && !fraction.ends_with('0') && !ends_round
}

/// Whether a comma stands where others write a point.
pub(super) fn has_decimal_comma(text: &str) -> bool {
    matches!(fault(text), Fault::AmountInstead { what: DECIMAL_COMMA, .. })
}

const DECIMAL_COMMA: &str = "has a decimal comma";
const GROUPED: &str = "has commas between the thousands";
const POINTS: &str = "has points between the thousands";
const APOSTROPHES: &str = "has apostrophes between the thousands";
const BLANKS: &str = "has a blank between the digits";
const EXPONENT: &str = "has an exponent, which loses digits too: compare it with its source";
const SIGN: &str = "has a sign";
const UNIT: &str = "has a unit, which belongs into the column token";
const POINT: &str = "lacks a digit at the point";
const DIGITS: &str = "has digits of another script";

/// What is wrong with what is no plain number.
fn fault(text: &str) -> Fault {
    let text_of = text.to_owned();
    let trimmed = text.trim();
    let lower = trimmed.to_lowercase();
    if trimmed.is_empty() {
        return Fault::AmountMissing;
    }
    if NOTHING.contains(&&*lower) || lower.starts_with('#') {
        return Fault::AmountNothing { text: text_of };
    }
    if is_formula(trimmed) {
        return Fault::AmountFormula { text: text_of };
    }
    if trimmed.ends_with(['%', '‰']) {
        return Fault::AmountShare { text: text_of };
    }
    if is_negative(trimmed) {
        return Fault::AmountNegative { text: text_of };
    }
    if let Some((whole, decimal)) = either(trimmed) {
        return Fault::AmountEither { text: text_of, whole, decimal };
    }
    match instead(trimmed) {
        Some((what, instead)) => Fault::AmountInstead { text: text_of, what, instead },
        None => Fault::Amount(AmountError::Malformed { text: text_of }),
    }
}

fn is_formula(text: &str) -> bool {
    let rest = text.strip_prefix('+').filter(|rest| rest.contains(|c: char| c.is_alphabetic()));
    let is_number = |text: &str| exponent(text).is_some();
    text.starts_with(['=', '@']) || rest.is_some_and(|rest| !is_number(rest))
}

/// `-5`, `5-`, `(5)`.
fn is_negative(text: &str) -> bool {
    let has_digit = text.contains(|c: char| c.is_numeric());
    let is_minus = |c: char| matches!(c, '-' | '\u{2212}' | '\u{2013}');
    let brackets = text.starts_with('(') && text.ends_with(')');
    has_digit && (text.starts_with(is_minus) || text.ends_with(is_minus) || brackets)
}

/// What cannot be told: one comma, or one point and nothing else, before exactly three digits.
fn either(text: &str) -> Option<(String, String)> {
    let point = text.replacen(',', ".", 1);
    let has_comma = text.contains(',');
    (has_comma && !text.contains('.') && is_grouped(&point)).then(|| readings(&point))
}

/// What can be told: what it has, and what to write.
fn instead(text: &str) -> Option<(&'static str, String)> {
    if let Some(rest) = text.strip_prefix('+') {
        let plain = plain(rest).or_else(|| instead(rest).map(|(_, instead)| instead))?;
        return Some((SIGN, plain));
    }
    if let Some(ascii) = ascii_digits(text) {
        return Some((DIGITS, plain(&ascii).or_else(|| instead(&ascii).map(|(_, it)| it))?));
    }
    if let Some(number) = exponent(text) {
        return Some((EXPONENT, number));
    }
    if let Some(number) = without_unit(text) {
        let number = plain(number).or_else(|| instead(number).map(|(_, instead)| instead))?;
        return Some((UNIT, number));
    }
    let is_blank = |c: char| c.is_whitespace();
    if text.contains(is_blank) {
        let groups: Vec<_> = text.split(is_blank).collect();
        let joined = groups.concat();
        let (last, first) = groups.split_last()?;
        let is_digits = |group: &&str| group.bytes().all(|byte| byte.is_ascii_digit());
        if !first.iter().all(is_digits) || !last.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        // Blanks group, so that a comma is the decimal sign.
        return Some((BLANKS, plain(&joined.replacen(',', ".", 1))?));
    }
    if text.contains(['\'', '\u{2019}']) {
        let (whole, rest) = match text.find(['.', ',']) {
            Some(place) => text.split_at(place),
            None => (text, ""),
        };
        let groups: Vec<_> = whole.split(['\'', '\u{2019}']).collect();
        let joined = format!("{}{}", groups.concat(), rest.replacen(',', ".", 1));
        return are_thousands(&groups)
            .then(|| plain(&joined))
            .flatten()
            .map(|it| (APOSTROPHES, it));
    }
    separators(text)
}

/// Commas and points, of which one groups.
fn separators(text: &str) -> Option<(&'static str, String)> {
    let (commas, points) = (text.matches(',').count(), text.matches('.').count());
    match (commas, points) {
        (0, 1) => {
            let number = text.strip_suffix('.').map(str::to_owned);
            let number = number.or_else(|| text.starts_with('.').then(|| format!("0{text}")))?;
            Some((POINT, plain(&number)?))
        }
        (0, 2..) => {
            let groups: Vec<_> = text.split('.').collect();
            are_thousands(&groups).then(|| (POINTS, groups.concat()))
        }
        (1, 0) => Some((DECIMAL_COMMA, plain(&with_zero(&text.replacen(',', ".", 1)))?)),
        (2.., 0) => {
            let groups: Vec<_> = text.split(',').collect();
            are_thousands(&groups).then(|| (GROUPED, groups.concat()))
        }
        _ => {
            let (comma, point) = (text.rfind(',')?, text.rfind('.')?);
            let (sign, what) = if comma > point { (',', DECIMAL_COMMA) } else { ('.', GROUPED) };
            let (whole, fraction) = text.rsplit_once(sign)?;
            let groups: Vec<_> = whole.split(if sign == ',' { '.' } else { ',' }).collect();
            let number = format!("{}.{fraction}", groups.concat());
            are_thousands(&groups).then(|| plain(&number)).flatten().map(|number| (what, number))
        }
    }
}

fn with_zero(text: &str) -> String {
    if text.starts_with('.') { format!("0{text}") } else { text.to_owned() }
}

/// Whether digits are grouped by three, or by two and three as in India.
fn are_thousands(groups: &[&str]) -> bool {
    let is_digits = |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    let Some((first, rest)) = groups.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return is_digits(first) };
    let by = |count| middle.iter().all(|group| group.len() == count);
    groups.iter().all(is_digits) && first.len() <= 3 && last.len() == 3 && (by(3) || by(2))
}

/// `text` where it is a plain number, without zeros in front; one of the form that could be grouped gets or loses a zero.
fn plain(text: &str) -> Option<String> {
    (is_plain(text) && text.contains(|c: char| matches!(c, '1'..='9'))).then(|| {
        let text = text.trim_start_matches('0');
        let text = if text.is_empty() || text.starts_with('.') {
            format!("0{text}")
        } else {
            text.to_owned()
        };
        if is_grouped(&text) { readings(&text).1 } else { text }
    })
}

/// Whether a text is digits with at most one point between them, however many.
pub(crate) fn is_plain(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    is_digits(whole) && is_digits(fraction)
}

/// `1.5E+18` written out.
fn exponent(text: &str) -> Option<String> {
    let (number, power) = text.split_once(['e', 'E'])?;
    let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let power = i64::from_str(power).ok().filter(|power| power.abs() < MOST_DIGITS)?;
    let number = number.replacen(',', ".", 1);
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let all = format!("{whole}{fraction}");
    if whole.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) || all.len() > 80 {
        return None;
    }
    let point = i64::try_from(whole.len()).ok()? + power;
    let padded = match usize::try_from(point) {
        Ok(point) if point >= all.len() => format!("{all}{}", "0".repeat(point - all.len())),
        Ok(point) if point > 0 => format!("{}.{}", &all[..point], &all[point..]),
        _ => format!("0.{}{all}", "0".repeat(usize::try_from(-point).ok()?)),
    };
    let padded = match padded.split_once('.') {
        Some((whole, fraction)) if fraction.trim_end_matches('0').is_empty() => whole.to_owned(),
        Some(_) => padded.trim_end_matches('0').to_owned(),
        None => padded,
    };
    plain(&padded)
}

/// The number beside a symbol, as in `$1.5` or `1.5 ETH`.
fn without_unit(text: &str) -> Option<&str> {
    let is_digit = |c: char| c.is_ascii_digit();
    let (first, last) = (text.find(is_digit)?, text.rfind(is_digit)?);
    let (before, number, after) = (&text[..first], &text[first..=last], &text[last + 1..]);
    let is_unit = |part: &str| {
        let part = part.trim();
        part.chars().count() <= 12
            && part.chars().all(|c| c.is_alphabetic() || "$€£¥₿Ξ₮¢".contains(c))
    };
    let one_side = before.trim().is_empty() != after.trim().is_empty();
    (one_side && is_unit(before) && is_unit(after)).then_some(number)
}

/// The same digits as ASCII has them, where there are others.
fn ascii_digits(text: &str) -> Option<String> {
    const ZEROS: [char; 6] = ['\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{e50}', '\u{ff10}'];
    let mut has_other = false;
    let ascii = text.chars().map(|c| {
        let digit = ZEROS.iter().find_map(|&zero| {
            let value = u32::from(c).checked_sub(u32::from(zero)).filter(|value| *value < 10)?;
            char::from_digit(value, 10)
        });
        has_other |= digit.is_some();
        match (digit, c) {
            (Some(digit), _) => digit,
            (None, '\u{66b}' | '\u{ff0e}') => '.',
            (None, c) => c,
        }
    });
    let ascii: String = ascii.collect();
    has_other.then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> String {
        read_amount(text, 18).unwrap_err().to_string()
    }

    /// Case 38: for each value its own way out.
    #[test]
    fn what_to_write_is_said_of_the_value_at_hand() {
        for (text, way_out) in [
            ("1250,5", "decimal comma: write 1250.5"),
            ("100,25", "write 100.25"),
            ("0,125", "write 0.125"),
            (",5", "write 0.5"),
            ("1.250,50", "decimal comma: write 1250.50"),
            ("1.234.567,5", "write 1234567.5"),
            ("1.234.567", "points between the thousands: write 1234567"),
            ("1,250.50", "commas between the thousands: write 1250.50"),
            ("12,34,567.50", "write 1234567.50"),
            ("1,234,567", "write 1234567"),
            ("1\u{a0}250", "a blank between the digits: write 1250"),
            ("1\u{202f}250,50", "write 1250.50"),
            ("1 250 000", "write 1250000"),
            ("1'250", "apostrophes between the thousands: write 1250"),
            ("1\u{2019}250.5", "write 1250.5"),
            ("1E-18", "write 0.000000000000000001"),
            ("1E-018", "write 0.000000000000000001"),
            ("1e+06", "write 1000000"),
            ("1E+18", "write 1000000000000000000"),
            ("1,25E+3", "write 1250"),
            ("1.2345e3", "write 1234.5"),
            ("1.125e0", "write 1.1250"),
            ("+5", "a sign: write 5"),
            ("$1.5", "column token: write 1.5"),
            ("1.5 ETH", "write 1.5"),
            ("€ 1.250,50", "write 1250.50"),
            ("1.5ETH", "write 1.5"),
            ("5.", "lacks a digit at the point: write 5"),
            (".5", "write 0.5"),
            ("١٢٥٠", "digits of another script: write 1250"),
        ] {
            assert!(said(text).ends_with(way_out), "{text}: {}", said(text));
        }
        for (text, part) in [
            ("1,005", "either 1005 or 1.0050"),
            ("1,250", "either 1250 or 1.25"),
            ("15.5%", "a share"),
            ("=B2*2", "a formula"),
            ("=1+1", "a formula"),
            ("+A1", "a formula"),
            ("@SUM(A1)", "a formula"),
            ("NA", "nothing"),
            ("#N/A", "nothing"),
            ("#REF!", "nothing"),
            ("", "nothing is there"),
            ("-3", "negative"),
            ("(3)", "negative"),
            ("3-", "negative"),
            ("\u{2212}3", "negative"),
            ("0x1e5", "is not an amount"),
            ("1/2", "is not an amount"),
            ("1.2.3", "is not an amount"),
            ("1,23,4", "is not an amount"),
            ("all", "is not an amount"),
            ("1E+400", "is not an amount"),
            ("0", "is zero"),
        ] {
            assert!(said(text).contains(part), "{text}: {}", said(text));
        }
    }

    #[test]
    fn three_digits_behind_a_point_may_be_thousands() {
        for (text, whole, decimal) in [
            ("1.250", "1250", "1.25"),
            ("1.125", "1125", "1.1250"),
            ("3.000", "3000", "3"),
            ("12.500", "12500", "12.5"),
            ("999.001", "999001", "999.0010"),
        ] {
            assert!(is_grouped(text));
            assert_eq!(readings(text), (whole.to_owned(), decimal.to_owned()));
            assert!(!is_grouped(&readings(text).1));
        }
        for text in ["0.125", "1.25", "1.2500", "1250.125", "01.250", "1250", "1.2a0", ".125"] {
            assert!(!is_grouped(text), "{text}");
        }
    }

    #[test]
    fn what_went_through_a_float_is_told_by_its_digits() {
        for text in ["0.30000000000000004", "0.123456789012346", "1234567.89123457"] {
            assert!(is_float(text, 18), "{text}");
        }
        for text in ["0.3", "1.500000000000000001", "123456789.123456", "123456789012345", "1.10"] {
            assert!(!is_float(text, 6), "{text}");
        }
    }

    proptest! {
        /// What is proposed instead can be taken, and is no thousandfold of another reading.
        #[test]
        fn what_to_write_can_be_written(text in "[-+$]?[0-9]{1,4}([.,' ][0-9]{1,3}){0,3}([eE][-+]?[0-9]{1,2})?( ETH)?") {
            if let Err(Fault::AmountInstead { instead, .. }) = read_amount(&text, u8::MAX) {
                prop_assert!(is_plain(&instead), "{text}: {instead}");
                prop_assert!(!is_grouped(&instead), "{text}: {instead}");
            }
        }

        #[test]
        fn text_from_anywhere_does_not_panic(text in "\\PC{0,40}") {
            let _ = read_amount(&text, 18);
        }
    }
}
