//! The two text formats of metrics, and which of them is asked for (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' own text format, 0.0.4, which everything that reads metrics knows.
    Prometheus,
    /// OpenMetrics 1.0.0, which knows units and metrics that are no numbers.
    OpenMetrics,
}

impl Format {
    /// What is said of the answer.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    const fn type_and_version(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Prometheus => ("text", "plain", "0.0.4"),
            Self::OpenMetrics => ("application", "openmetrics-text", "1.0.0"),
        }
    }

    /// The format that a request prefers. OpenMetrics has to be preferred by name or by a range that the other is not in:
    /// whoever takes everything, takes neither, or says nothing gets the one that everybody reads.
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let accept: Vec<_> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| split(value, ','))
            .filter_map(Range::parse)
            .collect();
        let quality = |format| quality(&accept, format);
        if quality(Self::OpenMetrics) > quality(Self::Prometheus) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}

/// How welcome a format is, in thousandths: what the range says that fits it most closely, 0 if none fits.
fn quality(accept: &[Range<'_>], format: Format) -> u16 {
    let fitting = accept.iter().filter_map(|range| Some((range.closeness(format)?, range.quality)));
    fitting.max().map_or(0, |(_, quality)| quality)
}

/// One element of `Accept`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    version: Option<&'a str>,
    quality: u16,
}

impl<'a> Range<'a> {
    /// Reads an element; none where it is malformed.
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = split(element, ';');
        let (kind, subtype) = parts.next()?.trim().split_once('/')?;
        let mut range = Self { kind, subtype, version: None, quality: 1_000 };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            if name.trim().eq_ignore_ascii_case("version") {
                let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                range.version = Some(unquoted.unwrap_or(value));
            } else if name.trim().eq_ignore_ascii_case("q") {
                range.quality = thousandths(value)?;
            }
        }
        Some(range)
    }

    /// How closely the range fits a format, if it does: the more it says, the closer.
    fn closeness(&self, format: Format) -> Option<u8> {
        let (kind, subtype, version) = format.type_and_version();
        match (self.kind, self.subtype, self.version) {
            ("*", "*", _) => Some(0),
            (given, "*", _) if given.eq_ignore_ascii_case(kind) => Some(1),
            (given, sub, asked)
                if given.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) =>
            {
                match asked {
                    None => Some(2),
                    Some(asked) if asked == version => Some(3),
                    Some(_) => None,
                }
            }
            _ => None,
        }
    }
}

/// A weight from 0 to 1 with at most three decimals; none if it is anything else.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_number = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", _) if is_number => Some(decimals),
        ("1", 0) if is_number => Some(1_000),
        _ => None,
    }
}

/// The parts of a text between separators that do not stand in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    text.split(move |character| {
        let is_end = character == separator && !is_quoted;
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        is_end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(accept: &[&str]) -> Format {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        Format::preferred(&headers)
    }

    /// Case 23: what scrapers send, and what people do.
    #[test]
    fn openmetrics_is_for_those_who_prefer_it() {
        for accept in [
            // Prometheus 2.
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            // Prometheus 3.
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            // With native histograms, which are not written here.
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
             application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
            "application/openmetrics-text",
            "APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; charset=\"a,b;c\"",
            "text/plain;q=0.5, application/openmetrics-text;q=0.501",
            "application/*",
            "text/plain;q=0, */*",
        ] {
            assert_eq!(preferred(&[accept]), Format::OpenMetrics, "{accept}");
        }
        let two = ["text/plain;q=0.1", "application/openmetrics-text;version=1.0.0"];
        assert_eq!(preferred(&two), Format::OpenMetrics);
    }

    /// Case 23: old scrapers, browsers, curl, and what nobody understands.
    #[test]
    fn everybody_else_reads_the_text_format() {
        for accept in [
            "*/*",
            "",
            "text/plain",
            "text/plain;version=0.0.4;q=1,*/*;q=0.1",
            // Prometheus 1.
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            // Prometheus 2.5, which knew the draft alone.
            "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json",
            "application/openmetrics-text;version=1.0.0;q=0",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text, text/plain",
            "application/openmetrics-text;q=0.5, text/*;q=0.6",
            "application/openmetrics-text;q=2",
            "application/openmetrics-text;q=0.1234",
            "application/openmetrics-text;q=one",
            "x;q=\"application/openmetrics-text,",
            "application/openmetrics",
            ";;,,/,=;q",
        ] {
            assert_eq!(preferred(&[accept]), Format::Prometheus, "{accept}");
        }
        assert_eq!(preferred(&[]), Format::Prometheus);
    }
}
