//! Lengths of time as people write them.

use quorate_core::text::shown;
use std::{fmt, str::FromStr};
use thiserror::Error;

const UNITS: [(&str, u32); 4] = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];

/// A length of time in seconds, written as `1 day 12 hours`; nothing is written `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub u32);

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{} is no length of time: write `2 days`, `36 hours`, `1 day 12 hours 30 minutes` or `none`",
    shown(text)
)]
pub struct SpanError {
    text: String,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0;
        let mut parts = Vec::new();
        for (unit, secs) in UNITS {
            let count = left / secs;
            left %= secs;
            if count != 0 {
                parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
            }
        }
        f.pad(&if parts.is_empty() { "none".to_owned() } else { parts.join(" ") })
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<_> = text.split_whitespace().collect();
        let secs = if words == ["none"] { Some(0) } else { sum(&words) };
        secs.map(Self).ok_or_else(|| SpanError { text: text.to_owned() })
    }
}

/// The seconds of numbers with their units, the larger unit first.
fn sum(words: &[&str]) -> Option<u32> {
    let (pairs, over) = words.as_chunks::<2>();
    if pairs.is_empty() || !over.is_empty() {
        return None;
    }
    let mut units = UNITS.iter();
    let mut sum = 0_u32;
    for [number, word] in pairs {
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| is_number)?;
        let unit = word.strip_suffix('s').unwrap_or(word);
        let (_, secs) = units.find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.checked_mul(*secs)?)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_of_time_are_read_as_they_are_said() {
        for (text, secs) in [
            ("none", 0),
            ("2 days", 172_800),
            ("1 day 12 hours", 129_600),
            ("36 hours", 129_600),
            (" 90  minutes ", 5_400),
        ] {
            assert_eq!(text.parse(), Ok(Span(secs)), "{text}");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for text in [
            "",
            "2",
            "days",
            "2d",
            "two days",
            "-1 day",
            "+1 day",
            "1.5 days",
            "1 hour 1 day",
            "1 day 1 day",
            "1 month",
            "2 day s",
            "99999999 days",
            "2 Days",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(secs: u32) {
            prop_assert_eq!(Span(secs).to_string().parse(), Ok(Span(secs)));
        }
    }
}
