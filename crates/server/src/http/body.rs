//! Bodies of requests: JSON of a certain form, of a certain size, within a certain time.

use super::{Shared, error::RouteError};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt as _;
use quorate_core::text::escaped;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// The most characters that are repeated of what a parser says.
const LONGEST_REASON: usize = 300;

/// A client that writes more than is taken reads the answer only after it has written: so much more is read and thrown
/// away, for so long.
const THROWN_AWAY: usize = 4 << 20;
const THROWN_AWAY_WAIT: Duration = Duration::from_secs(2);

/// The body of a request.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for JsonBody<T> {
    type Rejection = RouteError;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, RouteError> {
        check_media_type(request.headers())?;
        let limits = &shared.config.limits;
        let reading = timeout(limits.body_wait, read(request.into_body(), limits.body_bytes));
        let secs = limits.body_wait.as_secs();
        let body = reading.await.map_err(|_| RouteError::RequestTimeout { secs })??;
        parse(&body).map(Self)
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), RouteError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.and_then(|value| value.split(';').next()).map(str::trim);
    match essence {
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(RouteError::UnsupportedMediaType),
    }
}

async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, RouteError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let cut = |_| RouteError::MalformedJson { reason: "it was cut".to_owned() };
        let Ok(data) = frame.map_err(cut)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            let _ = timeout(THROWN_AWAY_WAIT, throw_away(body)).await;
            return Err(RouteError::BodyTooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

async fn throw_away(mut body: Body) {
    let mut thrown_away = 0;
    while let Some(Ok(frame)) = body.frame().await {
        thrown_away += frame.data_ref().map_or(0, |data| data.len());
        if thrown_away > THROWN_AWAY {
            return;
        }
    }
}

/// What is no JSON is malformed; JSON of another form is invalid.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, RouteError> {
    let reason = |error: &serde_json::Error| -> String {
        escaped(&error.to_string()).chars().take(LONGEST_REASON).collect()
    };
    serde_json::from_slice(body).map_err(|error| {
        let is_of_form = !matches!(error.classify(), Category::Data);
        // What does not fit is noticed before what comes after it is looked at.
        match serde_json::from_slice::<IgnoredAny>(body) {
            Err(malformed) => RouteError::MalformedJson { reason: reason(&malformed) },
            Ok(_) if is_of_form => RouteError::MalformedJson { reason: reason(&error) },
            Ok(_) => RouteError::InvalidBody { reason: reason(&error) },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_api::NewSignature;

    #[test]
    fn what_is_no_json_is_told_apart_from_json_of_another_form() {
        let owner = r#""owner":"0x300E3856Fd8cB04236Ec5A81716aB896e1c28f92""#;
        let deep = "[".repeat(10_000);
        for text in ["", "{", "nonsense", "{\"owner\":1}x", "\u{feff}{}", &deep] {
            let read = parse::<NewSignature>(text.as_bytes());
            assert!(matches!(read, Err(RouteError::MalformedJson { .. })), "{text} {read:?}");
        }
        for text in [
            "null".to_owned(),
            "[]".to_owned(),
            format!("{{{owner}}}"),
            format!("{{{owner},\"signature\":1}}"),
            format!("{{{owner},\"signature\":\"0x\",\"\\u202ex\":1}}"),
            format!("{{{owner},{owner},\"signature\":\"0x\"}}"),
        ] {
            let read = parse::<NewSignature>(text.as_bytes());
            let Err(RouteError::InvalidBody { reason }) = read else { panic!("{text} {read:?}") };
            assert!(!reason.contains('\u{202e}'), "{reason}");
        }
        let read = parse::<NewSignature>(format!("{{{owner},\"signature\":\"0x\"}}").as_bytes());
        assert!(read.is_ok(), "{read:?}");
    }
}
