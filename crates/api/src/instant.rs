//! Times on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment, in RFC 3339 with milliseconds and in UTC: `2026-11-25T17:30:00.250Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Instant(Timestamp);

impl Instant {
    /// The moment at these Unix milliseconds. One that no calendar has becomes the nearest that it has.
    pub fn from_millis(millis: i64) -> Self {
        let nearest = if millis < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Self(Timestamp::from_millisecond(millis).unwrap_or(nearest))
    }

    /// The Unix milliseconds.
    pub fn to_millis(self) -> i64 {
        self.0.as_millisecond()
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl From<Instant> for String {
    fn from(instant: Instant) -> Self {
        instant.to_string()
    }
}

impl TryFrom<String> for Instant {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_milliseconds_and_is_read_back() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_764_091_800_250, "2025-11-25T17:30:00.250Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            let instant = Instant::from_millis(millis);
            assert_eq!(instant.to_string(), text);
            assert_eq!(Instant::try_from(text.to_owned()).unwrap().to_millis(), millis);
        }
        // Nothing that is stored makes it panic.
        let _ = (Instant::from_millis(i64::MIN), Instant::from_millis(i64::MAX).to_string());
    }
}
