//! Time: read once at the edge, passed on as a number; and its words.

use crate::failure::Cause;
use eyre::Result;
use jiff::{Timestamp, tz::TimeZone};
use std::{
    cmp::Ordering,
    time::{SystemTime, UNIX_EPOCH},
};

/// Now, in Unix seconds, by this machine's clock.
pub(crate) fn now() -> u64 {
    now_millis() / 1_000
}

/// Now, in Unix milliseconds, by this machine's clock.
pub(crate) fn now_millis() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Up to this many seconds away, what happened did so just now.
const JUST_NOW_SECS: u64 = 2;

const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Reads `7d`, `12h`, `30m`, `90s` (from `now`), an RFC 3339 time, or Unix seconds.
pub(crate) fn parse_deadline(text: &str, now: u64) -> Result<u64> {
    let deadline = parse_instant(text, now, "a deadline")?;
    if deadline <= now {
        let past = words(deadline, now);
        return Err(
            Cause::BadInput.error(format!("the deadline is {past}: give one that is to come"))
        );
    }
    Ok(deadline)
}

/// As [`parse_deadline`], past or to come; `what` is what it should be.
pub(crate) fn parse_instant(text: &str, now: u64, what: &str) -> Result<u64> {
    let shown = quorate_core::text::shown(text);
    let malformed = || {
        Cause::BadInput.error(format!(
            "{shown} is not {what}: write 7d, 12h or 30m from now, a time like 2026-12-24T18:00:00Z, or Unix seconds"
        ))
    };
    if is_number(text) {
        return text.parse().map_err(|_| malformed());
    }
    if let Some(length) = length_of(text) {
        return length.and_then(|length| now.checked_add(length)).ok_or_else(malformed);
    }
    let time: Timestamp = text.parse().map_err(|_| malformed())?;
    u64::try_from(time.as_second()).map_err(|_| malformed())
}

/// Reads a length of time in seconds: `7d`, `12h`, `30m`, `90s`, or a number of days.
pub(crate) fn parse_length(text: &str) -> Result<u64> {
    let text = text.trim();
    let days = is_number(text).then(|| text.parse::<u64>().ok()?.checked_mul(86_400));
    days.or_else(|| length_of(text)).flatten().ok_or_else(|| {
        let shown = quorate_core::text::shown(text);
        Cause::BadInput
            .error(format!("{shown} is not a length of time: write days, as 14, or 36h, or 90m"))
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The seconds of a number with a unit, if it is one; none within where they are too many.
fn length_of(text: &str) -> Option<Option<u64>> {
    let (count, seconds) = UNITS
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
        .filter(|(count, _)| is_number(count))?;
    Some(count.parse::<u64>().ok().and_then(|count| count.checked_mul(*seconds)))
}

/// An instant in words, as "2026-11-30 06:13:20 UTC, in 6 days 23 hours".
pub(crate) fn words(instant: u64, now: u64) -> String {
    let date = date(instant);
    match instant.cmp(&now) {
        Ordering::Greater => format!("{date}, in {}", span(instant - now)),
        Ordering::Equal => format!("{date}, now"),
        Ordering::Less => format!("{date}, {} ago", span(now - instant)),
    }
}

/// An instant in words, in UTC and in the zone of this machine, where that is another.
pub(crate) fn words_here(instant: u64, now: u64) -> String {
    match here(instant, &TimeZone::system()) {
        Some(here) => {
            let text = words(instant, now);
            text.replacen(" UTC", &format!(" UTC ({here})"), 1)
        }
        None => words(instant, now),
    }
}

/// An instant in a zone; none where that is UTC then.
fn here(instant: u64, zone: &TimeZone) -> Option<String> {
    let time = Timestamp::from_second(i64::try_from(instant).ok()?).ok()?;
    let here = time.to_zoned(zone.clone());
    (here.offset().seconds() != 0).then(|| here.strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
}

/// When something happened, in words. What another clock that is a little ahead says it did is "just now".
pub(crate) fn words_of_past(instant: u64, now: u64) -> String {
    if now.abs_diff(instant) <= JUST_NOW_SECS {
        format!("{}, just now", date(instant))
    } else {
        words(instant, now)
    }
}

fn date(instant: u64) -> String {
    let date = i64::try_from(instant).ok().and_then(|second| Timestamp::from_second(second).ok());
    match date {
        Some(date) => date.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => format!("{instant} seconds after 1970"),
    }
}

/// A length of time in its two largest units.
pub(crate) fn span(seconds: u64) -> String {
    const NAMES: [(&str, u64); 5] =
        [("year", 31_536_000), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let mut parts = Vec::new();
    let mut rest = seconds;
    for (name, length) in NAMES {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_225_600;

    #[test]
    fn a_deadline_is_a_length_a_time_or_a_number() {
        for (text, deadline) in [
            ("7d", NOW + 604_800),
            ("12h", NOW + 43_200),
            ("30m", NOW + 1_800),
            ("1767225601", NOW + 1),
            ("2026-01-01T01:00:00+01:00", 0),
            ("2026-01-01T02:00:00+01:00", NOW + 3_600),
        ] {
            assert_eq!(parse_deadline(text, NOW).unwrap_or(0), deadline, "{text}");
        }
        for text in ["", "d", "7", "-7d", "1.5h", "99999999999999999999d", "tomorrow", "7w"] {
            assert!(parse_deadline(text, NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_have_words() {
        assert_eq!(words(NOW + 604_799, NOW), "2026-01-07 23:59:59 UTC, in 6 days 23 hours");
        assert_eq!(words(NOW - 60, NOW), "2025-12-31 23:59:00 UTC, 1 minute ago");
        assert_eq!(words(NOW, NOW), "2026-01-01 00:00:00 UTC, now");
        assert!(words(u64::MAX, NOW).starts_with("18446744073709551615 seconds after 1970"));
    }

    #[test]
    fn instants_have_a_second_form_where_the_zone_is_another() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(here(NOW, &zone).as_deref(), Some("2026-01-01 02:00:00 +02:00"));
        assert_eq!(here(NOW, &TimeZone::UTC), None);
        assert!(words_here(NOW, NOW).starts_with("2026-01-01 00:00:00 UTC"));
    }

    #[test]
    fn a_length_is_a_number_of_days_or_has_a_unit() {
        for (text, secs) in [("14", 1_209_600), ("14d", 1_209_600), ("36h", 129_600), ("0", 0)] {
            assert_eq!(parse_length(text).unwrap(), secs, "{text}");
        }
        for text in ["", "x", "-1", "1.5", "99999999999999999999", "99999999999999999999d"] {
            assert!(parse_length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_happened_a_moment_ago_happened_just_now() {
        for instant in [NOW - 2, NOW, NOW + 2] {
            assert_eq!(words_of_past(instant, NOW), format!("{}, just now", date(instant)));
        }
        assert_eq!(words_of_past(NOW - 3, NOW), "2025-12-31 23:59:57 UTC, 3 seconds ago");
        assert_eq!(words_of_past(NOW + 60, NOW), "2026-01-01 00:01:00 UTC, in 1 minute");
    }
}
