//! JSON-RPC over HTTP.
//!
//! alloy's own transport writes the URL, key included, into its log spans and its errors, and reads answers of any length; so
//! this is reqwest, which alloy brings, and nothing else.

use crate::ChainError;
use alloy::{
    primitives::Bytes,
    rpc::json_rpc::{ErrorPayload, Response, ResponsePayload},
    transports::http::reqwest::{Client, StatusCode, Url, redirect},
};
use quorate_core::text::escaped;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::{error::Error, fmt, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

/// What one request may take, from connecting to the last byte.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How many requests are on their way at once: the others wait, within their time limit. Each takes a connection, which
/// costs both sides more than the wait.
const TOGETHER: usize = 32;

/// How long to wait before each further attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// The most bytes that are read of an answer.
const LARGEST: usize = 32 << 20;

/// The most characters that are kept of what an endpoint wrote.
const LONGEST: usize = 200;

/// Parts of a URL below this length are words like `v2`, not keys.
const SHORTEST_SECRET: usize = 8;

/// The code of JSON-RPC for a method that the endpoint does not have.
pub(crate) const NO_SUCH_METHOD: i64 = -32_601;

/// Where requests go. Shows host and port alone.
pub(crate) struct Endpoint {
    http: Client,
    places: Semaphore,
    url: Url,
    name: String,
    secrets: Vec<String>,
}

/// Why there is no result.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nobody answered, or not now.
    Unreachable { reason: String },
    /// No answer in time.
    Late,
    /// An error of JSON-RPC.
    Rpc(RpcFault),
    /// No JSON-RPC, or a result of another type.
    Wrong { reason: String },
}

/// An error of JSON-RPC.
#[derive(Clone, Debug)]
pub(crate) struct RpcFault {
    pub(crate) code: i64,
    /// Escaped and cut.
    pub(crate) message: String,
    /// What a reverted call returned.
    pub(crate) data: Option<Bytes>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.name).finish()
    }
}

impl Endpoint {
    pub(crate) fn new(url: &str) -> Result<Self, ChainError> {
        let invalid = |reason| ChainError::InvalidUrl { reason };
        let url = Url::parse(url).map_err(|_| invalid("it is not of the form https://host"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("it must begin with http:// or https://"));
        }
        let host = url.host_str().ok_or_else(|| invalid("it names no host"))?;
        let name = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        // A redirect would carry the request, and the key in it, to somebody else.
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(TOGETHER)
            .build()
            .map_err(|_| invalid("there is no TLS on this machine"))?;
        let secrets = secrets(&url);
        let places = Semaphore::new(TOGETHER);
        Ok(Self { http, places, url, name, secrets })
    }

    /// Host and port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Asks, and asks again where that may help. For requests that change nothing.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, ChainError> {
        self.try_read(method, params).await.map_err(|fault| self.error(method, fault))
    }

    /// As [`Self::read`], with an error that can be looked into.
    pub(crate) async fn try_read<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, Fault> {
        let body = body(method, params);
        for pause in PAUSES {
            match self.post(&body).await {
                Err(fault) if fault.is_passing() => sleep(pause).await,
                answer => return answer,
            }
        }
        self.post(&body).await
    }

    /// Asks once.
    pub(crate) async fn once<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, Fault> {
        self.post(&body(method, params)).await
    }

    /// The error that a fault is to the outside.
    pub(crate) fn error(&self, method: &'static str, fault: Fault) -> ChainError {
        let endpoint = self.name.clone();
        match fault {
            Fault::Unreachable { reason } => ChainError::Unreachable { endpoint, reason },
            Fault::Late => {
                let reason = format!("no answer within {} seconds", TIME_LIMIT.as_secs());
                ChainError::Unreachable { endpoint, reason }
            }
            Fault::Rpc(RpcFault { code, message, .. }) => {
                ChainError::Rpc { endpoint, method, code, message }
            }
            Fault::Wrong { reason } => ChainError::WrongAnswer { endpoint, method, reason },
        }
    }

    async fn post<T: DeserializeOwned>(&self, body: &str) -> Result<T, Fault> {
        let answer = timeout(TIME_LIMIT, self.exchange(body));
        let (status, answer) = answer.await.map_err(|_| Fault::Late)??;
        self.interpret(status, &answer)
    }

    async fn exchange(&self, body: &str) -> Result<(StatusCode, Vec<u8>), Fault> {
        let _place = self.places.acquire().await;
        let unreachable = |error| Fault::Unreachable { reason: self.reason(error) };
        let request = self.http.post(self.url.clone()).header("content-type", "application/json");
        let mut response = request.body(body.to_owned()).send().await.map_err(unreachable)?;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if answer.len() + chunk.len() > LARGEST {
                let reason = format!("more than {} MiB", LARGEST >> 20);
                return Err(Fault::Wrong { reason });
            }
            answer.extend_from_slice(&chunk);
        }
        Ok((response.status(), answer))
    }

    fn interpret<T: DeserializeOwned>(&self, status: StatusCode, body: &[u8]) -> Result<T, Fault> {
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            let reason = format!("HTTP {}", status.as_u16());
            return Err(Fault::Unreachable { reason });
        }
        let Ok(response) = serde_json::from_slice::<Response>(body) else {
            let what = if status.is_success() { "not JSON-RPC" } else { "no JSON-RPC" };
            return Err(Fault::Wrong { reason: format!("HTTP {}, {what}", status.as_u16()) });
        };
        match response.payload {
            ResponsePayload::Success(result) => serde_json::from_str(result.get())
                .map_err(|error| Fault::Wrong { reason: self.safe(&error.to_string()) }),
            ResponsePayload::Failure(ErrorPayload { code, message, data }) => {
                let data = data.and_then(|data| serde_json::from_str(data.get()).ok());
                let data = data.as_ref().and_then(returned);
                Err(Fault::Rpc(RpcFault { code, message: self.safe(&message), data }))
            }
        }
    }

    /// The innermost cause, which is the one that tells something.
    fn reason(&self, error: alloy::transports::http::reqwest::Error) -> String {
        let error = error.without_url();
        let mut innermost: &dyn Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        self.safe(&innermost.to_string())
    }

    /// What an endpoint wrote, without the URL's secrets, escaped and cut.
    fn safe(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, "***");
        }
        cut(&text, LONGEST)
    }
}

impl Fault {
    /// Whether it is worth asking again at once.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            // One of several nodes behind the endpoint is a block behind the others.
            Self::Rpc(RpcFault { message, .. }) => {
                let message = message.to_lowercase();
                ["header not found", "unknown block", "block not found"]
                    .iter()
                    .any(|lagging| message.contains(lagging))
            }
            Self::Late | Self::Wrong { .. } => false,
        }
    }
}

/// Escapes text from elsewhere and cuts it after so many characters.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => escaped(text),
        Some((end, _)) => format!("{}…", escaped(&text[..end])),
    }
}

fn body(method: &str, params: impl Serialize) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

/// The bytes that a reverted call returned: as hex, with a word before it (Nethermind), or one level down.
fn returned(data: &serde_json::Value) -> Option<Bytes> {
    let text = data.as_str().or_else(|| data.get("data")?.as_str())?;
    text.split(' ').next_back()?.strip_prefix("0x")?.parse().ok()
}

/// Everything in a URL that may be a key.
fn secrets(url: &Url) -> Vec<String> {
    let path = url.path().split('/');
    let query = url.query().into_iter().chain(url.fragment()).flat_map(|q| q.split(['&', '=']));
    let long = path.chain(query).filter(|part| part.len() >= SHORTEST_SECRET);
    let user = [url.username(), url.password().unwrap_or_default()];
    let user = user.into_iter().filter(|part| !part.is_empty());
    let mut secrets: Vec<_> = long.chain(user).map(str::to_owned).collect();
    // The longest first, so that none is left in part.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}
