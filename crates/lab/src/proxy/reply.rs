//! What goes back to the one who asked.

use super::{ErrorBody, HttpError, Refusal};
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde_json::{Map, Value, json};

/// The page of a gateway.
const PAGE: &str = "<html>Bad gateway</html>";

/// An answer in HTTP.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    status: u16,
    kind: &'static str,
    body: Bytes,
    retry_after_secs: Option<u64>,
}

impl Reply {
    /// JSON as it is.
    pub(super) const fn json(body: Bytes) -> Self {
        Self { status: 200, kind: "application/json", body, retry_after_secs: None }
    }

    /// JSON.
    pub(super) fn value(value: &Value) -> Self {
        Self::json(value.to_string().into())
    }

    /// A result of JSON-RPC.
    pub(super) fn result(call: &Value, result: &Value) -> Self {
        Self::value(&json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }))
    }

    /// An error of JSON-RPC.
    pub(super) fn refusal(call: &Value, refusal: &Refusal) -> Self {
        Self::value(&json!({ "jsonrpc": "2.0", "id": call["id"], "error": refusal.error() }))
    }

    /// A page for people, with HTTP 200.
    pub(super) const fn page() -> Self {
        let body = Bytes::from_static(PAGE.as_bytes());
        Self { status: 200, kind: "text/html", body, retry_after_secs: None }
    }

    /// An error of HTTP.
    pub(super) fn http(call: &Value, error: &HttpError) -> Self {
        let of = match &error.body {
            ErrorBody::Nothing => Self { body: Bytes::new(), ..Self::page() },
            ErrorBody::Html => Self::page(),
            ErrorBody::JsonRpc(refusal) => Self::refusal(call, refusal),
        };
        Self { status: error.status, retry_after_secs: error.retry_after_secs, ..of }
    }

    /// The body, if it is an answer of an endpoint as it was given.
    pub(super) fn answer(&self) -> Option<Value> {
        if self.status == 200 { serde_json::from_slice(&self.body).ok() } else { None }
    }

    /// In HTTP.
    pub(super) fn respond(self) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).map_err(std::io::Error::other)?;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        Ok(response)
    }
}

/// A list without its last half, an object without every second field; anything else as it is.
pub(super) fn half(whole: Value) -> Value {
    match whole {
        Value::Array(mut items) => {
            items.truncate(items.len() / 2);
            Value::Array(items)
        }
        Value::Object(fields) => {
            Value::Object(fields.into_iter().step_by(2).collect::<Map<_, _>>())
        }
        other => other,
    }
}
