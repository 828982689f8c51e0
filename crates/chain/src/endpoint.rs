//! JSON-RPC over HTTP.
//!
//! alloy's own transport writes the URL, key included, into its log spans and its errors, and reads answers of any length; so
//! this is reqwest, which alloy brings, and nothing else.

mod answer;
mod fault;
mod rest;
mod silent;

pub(crate) use fault::{Fault, REVERT_CODE, RpcFault};

use crate::{
    ChainError,
    lack::{self, ALL_ANSWERS, ALL_REQUESTS, Lacks},
    paid::Seen,
};
use alloy::transports::http::reqwest::{self, Client, Url, redirect};
use answer::Received;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use quorate_core::text::escaped;
use rest::Rest;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use silent::Silent;
use std::{
    error::Error,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};

/// What one request may take, from connecting to the last byte.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How many requests are on their way at once: the others wait, within their time limit. Each takes a connection, which
/// costs both sides more than the wait.
const TOGETHER: usize = 32;

/// How long to wait before each further attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// How long to wait between attempts that go on and on, and for how long they do.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(60);

/// How long a request may be without an answer before the same is asked again beside it, where requests were left without
/// one; and how many of the same there are at most.
const SILENCE: Duration = Duration::from_secs(1);
const MOST_COPIES: usize = 5;

/// How long a request waits at most for an endpoint that wants none for now.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The most bytes that are read of an answer.
const LARGEST: usize = 32 << 20;

/// The most characters that are kept of what an endpoint wrote.
const LONGEST: usize = 200;

/// Parts of a URL below this length are words like `v2`, not keys.
const SHORTEST_SECRET: usize = 8;

/// The one method whose answers may be refused for their length.
const GET_LOGS: &str = "eth_getLogs";

/// How often a request is made that may be luckier the next time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// Once: somebody else can be asked.
    Once,
    /// Up to three times within half a second.
    #[default]
    Usual,
    /// Again and again for a minute.
    Long,
}

/// Where requests go. Shows host and port alone.
pub(crate) struct Endpoint {
    http: Client,
    places: Semaphore,
    url: Url,
    name: String,
    secrets: Vec<String>,
    rest: Rest,
    silent: Silent,
    /// How many requests were made.
    requests: AtomicU64,
    /// The gas of the last block that it told of; 0 before the first.
    pub(crate) block_gas: AtomicU64,
    /// Its base fee, in wei per gas.
    pub(crate) base_fee: AtomicU64,
    /// From which block on which wallets were there.
    pub(crate) seen: Seen,
    /// What it does not do.
    pub(crate) lacks: Lacks,
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
        let (rest, requests, lacks) = (Rest::default(), AtomicU64::new(0), Lacks::default());
        let (silent, block_gas, base_fee) =
            (Silent::default(), AtomicU64::new(0), AtomicU64::new(0));
        let seen = Seen::default();
        Ok(Self {
            http,
            places,
            url,
            name,
            secrets,
            rest,
            silent,
            requests,
            block_gas,
            base_fee,
            seen,
            lacks,
        })
    }

    /// Host and port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long it wants no requests.
    pub(crate) fn rest_left(&self) -> Duration {
        self.rest.left()
    }

    /// Asks, and asks again where that may help, with this patience. For requests that change nothing.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
        patience: Patience,
    ) -> Result<T, Fault> {
        let (id, body) = self.body(method, params);
        let begun = Instant::now();
        let mut tries = 0_usize;
        loop {
            let fault = match self.post_again(method, (id, &body), patience).await {
                Err(fault) if fault.is_passing() || self.is_unlike_itself(method, &fault) => fault,
                answer => return answer,
            };
            let pause = match patience {
                Patience::Once => None,
                Patience::Usual => PAUSES.get(tries).copied(),
                Patience::Long => {
                    let pause = PAUSES[0].saturating_mul(1 << tries.min(8)).min(LONGEST_PAUSE);
                    (begun.elapsed() < LONG).then_some(pause)
                }
            };
            let Some(pause) = pause else { return Err(fault) };
            tries += 1;
            sleep(pause).await;
        }
    }

    /// Asks once; an endpoint that left a request without an answer not long ago is asked the same again while it is silent,
    /// since the one who does not answer need not be the one who is asked next. The first answer counts.
    async fn post_again<T: DeserializeOwned>(
        &self,
        method: &'static str,
        request: (u64, &str),
        patience: Patience,
    ) -> Result<T, Fault> {
        let most = match patience {
            Patience::Once => 1,
            Patience::Usual | Patience::Long if self.silent.is_recent() => MOST_COPIES,
            Patience::Usual | Patience::Long => 1,
        };
        let post = async || self.post(method, request).await;
        let mut asked: FuturesUnordered<_> = [post()].into_iter().collect();
        let mut copies = 1;
        loop {
            let wait = if copies < most { SILENCE } else { TIME_LIMIT * 2 };
            match timeout(wait, asked.next()).await {
                Ok(Some(Err(Fault::Late))) if !asked.is_empty() => {}
                Ok(Some(answer)) => return answer,
                Ok(None) => return Err(Fault::Late),
                Err(_) => {
                    asked.push(post());
                    copies += 1;
                }
            }
        }
    }

    /// Whether it refuses what it did before, and nothing can be done without. That it does not take so long a range of
    /// events is another matter.
    fn is_unlike_itself(&self, method: &'static str, fault: &Fault) -> bool {
        let is_refusal = if method == GET_LOGS { fault.is_missing() } else { fault.is_refusal() };
        is_refusal && lack::way(method).is_none() && self.lacks.did(method)
    }

    /// Asks once.
    pub(crate) async fn once<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, Fault> {
        let (id, body) = self.body(method, params);
        self.post(method, (id, &body)).await
    }

    /// A request, and its number.
    fn body(&self, method: &str, params: impl Serialize) -> (u64, String) {
        let id = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        (id, body.to_string())
    }

    /// The error that a fault is to the outside.
    pub(crate) fn error(&self, method: &'static str, fault: Fault) -> ChainError {
        let endpoint = self.name.clone();
        match fault {
            Fault::Rpc(RpcFault { code, message, .. }) => {
                ChainError::Rpc { endpoint, method, code, message }
            }
            Fault::Wrong { reason, .. } | Fault::Forbidden { reason } => {
                ChainError::WrongAnswer { endpoint, method, reason }
            }
            fault @ (Fault::Unreachable { .. } | Fault::Busy { .. } | Fault::Late) => {
                ChainError::Unreachable { endpoint, reason: fault.reason() }
            }
        }
    }

    /// Asks once, when the endpoint may be asked, and takes note of what it says of itself.
    async fn post<T: DeserializeOwned>(
        &self,
        method: &'static str,
        (id, body): (u64, &str),
    ) -> Result<T, Fault> {
        let left = self.rest.left();
        if left > LONGEST_WAIT {
            let reason = format!("it wants no requests for {} s", left.as_secs());
            return Err(Fault::Busy { reason, after: None });
        }
        sleep(left).await;
        let answer = timeout(TIME_LIMIT, self.exchange(body)).await.map_err(|_| Fault::Late);
        let answer = answer.flatten().and_then(|received| {
            let result = received.result(id, method == GET_LOGS, |text| self.safe(text))?;
            serde_json::from_str(result).map_err(|error| {
                let reason = self.safe(&error.to_string());
                // That it has nothing is an answer, even where another was hoped for.
                if result.trim() != "null" {
                    self.lacks.happened(ALL_ANSWERS, format!("{method}: {reason}"));
                }
                Fault::Wrong { reason, is_passing: false }
            })
        });
        match &answer {
            Ok(_) => {
                self.rest.end();
                self.lacks.worked(method);
            }
            Err(Fault::Busy { after, reason }) => {
                self.rest.begin(*after);
                self.lacks.happened(ALL_REQUESTS, reason.clone());
            }
            Err(fault) if fault.is_missing() => self.lacks.missing(method, fault),
            Err(fault) => {
                if matches!(fault, Fault::Rpc(_) | Fault::Wrong { .. }) {
                    self.rest.end();
                }
                if matches!(fault, Fault::Late) {
                    self.silent.note();
                }
                if fault.is_no_answer() {
                    self.lacks.happened(ALL_ANSWERS, fault.reason());
                }
            }
        }
        answer
    }

    async fn exchange(&self, body: &str) -> Result<Received, Fault> {
        let _place = self.places.acquire().await;
        let unreachable = |error| Fault::Unreachable { reason: self.reason(error) };
        let request = self.http.post(self.url.clone()).header("content-type", "application/json");
        let mut response = request.body(body.to_owned()).send().await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LARGEST {
                let reason = format!("more than {} MiB", LARGEST >> 20);
                return Err(Fault::Wrong { reason, is_passing: false });
            }
            body.extend_from_slice(&chunk);
        }
        // The other form of the header, a date, would have to be compared with a clock that may be wrong.
        let retry_after =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| value.trim().parse().ok());
        Ok(Received { status: response.status().as_u16(), retry_after, body })
    }

    /// The innermost cause, which is the one that tells something.
    fn reason(&self, error: reqwest::Error) -> String {
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
    /// In words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Unreachable { reason }
            | Self::Busy { reason, .. }
            | Self::Wrong { reason, .. }
            | Self::Forbidden { reason } => reason.clone(),
            Self::Late => format!("no answer within {} seconds", TIME_LIMIT.as_secs()),
            Self::Rpc(RpcFault { code, message, .. }) => format!("{message} (code {code})"),
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
