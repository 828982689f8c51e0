//! How long a receiver asks to be left alone: `Retry-After` (RFC 9110, section 10.2.3).

use alloy::transports::http::reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, HeaderName, RETRY_AFTER},
};
use std::time::UNIX_EPOCH;

/// The longest pause that is granted, in seconds: a day.
const LONGEST_SECS: u64 = 86_400;

/// A pause that a receiver asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// How long, in seconds; at least one.
    pub(super) secs: u64,
    /// Whether nothing at all is to be told meanwhile, or only not what was refused.
    pub(super) is_of_all: bool,
}

impl Pause {
    /// What an answer asks for, if it does; `now` in Unix seconds.
    ///
    /// A number of seconds or a date, which is read by the receiver's own clock where it tells it.
    pub(super) fn asked(status: StatusCode, headers: &HeaderMap, now: u64) -> Option<Self> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let secs = match seconds(text) {
            Some(secs) => secs,
            None => date(text)?.saturating_sub(told(headers, DATE).and_then(date).unwrap_or(now)),
        };
        let is_of_all = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        (secs > 0).then_some(Self { secs: secs.min(LONGEST_SECS), is_of_all })
    }

    /// How long, in milliseconds.
    pub(super) const fn millis(self) -> u64 {
        self.secs * 1_000
    }
}

fn told(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Of a number; what is not a whole one, as some write, is rounded up.
fn seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let more = u64::from(part.bytes().any(|byte| byte != b'0'));
    // One with more digits than there are seconds is too long anyway.
    Some(whole.parse::<u64>().unwrap_or(u64::MAX).saturating_add(more))
}

/// Of a date in any of the three forms of HTTP, in Unix seconds.
fn date(text: &str) -> Option<u64> {
    let at = httpdate::parse_http_date(text.trim()).ok()?;
    Some(at.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const THEN: u64 = 784_111_777;

    fn asked(status: u16, headers: &[(HeaderName, &str)]) -> Option<(u64, bool)> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let status = StatusCode::from_u16(status).unwrap();
        let pause = Pause::asked(status, &headers.collect(), THEN)?;
        Some((pause.secs, pause.is_of_all))
    }

    /// Case 16: seconds and dates, in every form that HTTP has.
    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        for (text, secs) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("1", Some(1)),
            ("0.35", Some(1)),
            ("2.0", Some(2)),
            ("86400", Some(86_400)),
            ("86401", Some(86_400)),
            ("99999999999999999999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:51:37 GMT", Some(120)),
            ("Sun Nov  6 08:51:37 1994", Some(120)),
            ("Fri, 31 Dec 2049 23:59:59 GMT", Some(86_400)),
            ("0", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1993 08:49:37 GMT", None),
            ("-5", None),
            ("+5", None),
            ("5s", None),
            ("1.", None),
            (".5", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = secs.map(|secs| (secs, true));
            assert_eq!(asked(503, &[(RETRY_AFTER, text)]), expected, "{text}");
        }
        assert_eq!(asked(503, &[]), None);
    }

    #[test]
    fn a_receiver_whose_clock_is_wrong_is_understood() {
        let headers = [
            (RETRY_AFTER, "Sun, 06 Nov 2005 08:51:37 GMT"),
            (DATE, "Sun, 06 Nov 2005 08:51:07 GMT"),
        ];
        assert_eq!(asked(503, &headers), Some((30, true)));
        assert_eq!(asked(503, &[headers[0].clone(), (DATE, "no date")]), Some((86_400, true)));
    }

    #[test]
    fn only_one_who_has_too_much_to_do_is_left_alone_with_everything() {
        for (status, is_of_all) in
            [(429, true), (502, true), (503, true), (504, true), (500, false), (404, false)]
        {
            assert_eq!(asked(status, &[(RETRY_AFTER, "9")]), Some((9, is_of_all)), "{status}");
        }
    }
}
