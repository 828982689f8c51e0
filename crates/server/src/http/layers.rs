//! What is done with every request and answer, whatever its path.

use super::{
    Peer, Shared, access,
    error::{Failure, RouteError},
    gates::Class,
};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header},
    middleware::Next,
    response::IntoResponse as _,
};
use futures_util::FutureExt as _;
use quorate_api::ProblemCode;
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// How much longer than it may wait a long poll may take.
pub(crate) const LONGEST_POLL: Duration = Duration::from_secs(60);

/// How long an answer is waited for before the store is looked at: so whoever asks hears of a store that does not answer
/// within eight seconds, while its own patience lasts.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(pub(crate) IpAddr);

/// Of an answer that is not given: the connection is closed instead. An `EventSource` gives up for good at 503, as at every
/// status but 200, and comes back where nobody answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unanswered;

/// What every answer says, so that no browser makes anything of it but data.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Logs and counts, and completes the headers.
pub(crate) async fn observe(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let begun = Instant::now();
    let (method, route) = (request.method().clone(), route(&request));
    let is_stream = class(&request) == Class::Stream;
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        let cause = "a handler panicked".to_owned();
        RouteError::Internal { cause }.into_response()
    });
    let took = begun.elapsed();
    let status = response.status().as_u16();
    shared.metrics.count_request(&method, &route, status, took);
    log(&method, &route, status, took, response.extensions().get::<Failure>());
    response.headers_mut().extend(HEADERS);
    if is_stream && response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.extensions_mut().insert(Unanswered);
    }
    response
}

/// The template of the path, so that neither the log nor the metrics depend on what clients make up.
fn route(request: &Request) -> Arc<str> {
    let matched = request.extensions().get::<MatchedPath>();
    matched.map_or_else(|| Arc::from("unknown"), |path| Arc::from(path.as_str()))
}

/// One line; never the query, a header or a body, which may hold secrets.
fn log(method: &Method, route: &str, status: u16, took: Duration, failure: Option<&Failure>) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let code = failure.map(|failure| failure.code.word());
    match failure.and_then(|failure| failure.cause.as_deref()) {
        Some(cause) => tracing::warn!(%method, route, status, micros, code, cause, "failed"),
        None if status >= 500 => tracing::warn!(%method, route, status, micros, code, "failed"),
        None => tracing::debug!(%method, route, status, micros, code, "answered"),
    }
}

/// Lets in what may come in, for as long as it may take.
pub(crate) async fn admit(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let class = class(&request);
    let admitted = admitted(&shared, &mut request, class);
    let place = match admitted {
        Ok(place) => place,
        Err(refused) => return refused.into_response(),
    };
    let limits = &shared.config.limits;
    let wait = match class {
        Class::Request => limits.request_wait,
        Class::LongPoll => limits.request_wait + LONGEST_POLL,
        // The stream itself goes on, with its own place.
        Class::Stream => limits.request_wait,
    };
    let hands_in = request.method() == Method::POST;
    let answering = next.run(request);
    let answer = timeout(wait, async {
        match class {
            Class::Request => or_of_store(&shared, answering).await,
            Class::LongPoll | Class::Stream => answering.await,
        }
    });
    let answer = answer.await.unwrap_or_else(|_| RouteError::TimedOut.into_response());
    drop(place);
    if hands_in { or_unsure(answer) } else { answer }
}

/// The answer; if it takes long and the store is why, that.
async fn or_of_store(
    shared: &Shared,
    answering: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    let mut answering = std::pin::pin!(answering);
    if let Ok(answer) = timeout(STORE_PATIENCE, &mut answering).await {
        return answer;
    }
    let looked = tokio::select! {
        answer = &mut answering => return answer,
        looked = shared.look_at_store() => looked,
    };
    match looked {
        Ok(_) => answering.await,
        Err(cause) => RouteError::StoreUnavailable { cause: cause.to_owned() }.into_response(),
    }
}

/// Where the store did not answer one who hands something in, it may have taken it.
fn or_unsure(answer: Response<Body>) -> Response<Body> {
    match answer.extensions().get::<Failure>() {
        Some(Failure { code: ProblemCode::StoreUnavailable, cause: Some(cause) }) => {
            RouteError::StoreUnsure { cause: cause.clone() }.into_response()
        }
        _ => answer,
    }
}

fn admitted(
    shared: &Shared,
    request: &mut Request,
    class: Class,
) -> Result<Option<tokio::sync::OwnedSemaphorePermit>, RouteError> {
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    let peer = peer.unwrap_or_else(|| SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
    let client = access::client(peer, request.headers(), shared.config.behind_tls_proxy);
    request.extensions_mut().insert(Client(client));
    if !shared.config.is_public() {
        check_host(request.headers())?;
    }
    // Whoever watches over the process has to hear of it, whatever else goes on.
    match request.uri().path() {
        "/livez" => return Ok(None),
        "/readyz" | "/metrics" => return shared.rates.count(client).map(|()| None),
        _ => shared.rates.count(client)?,
    }
    if shared.is_stopping() {
        return Err(RouteError::Stopping);
    }
    // A stream takes its place itself, and keeps it.
    if class == Class::Stream {
        return Ok(None);
    }
    shared.gates.enter(class).map(Some)
}

fn class(request: &Request) -> Class {
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/v1/events" => Class::Stream,
        path if path.starts_with("/v1/proposals/") && query.contains("wait=") => Class::LongPoll,
        _ => Class::Request,
    }
}

/// A page of elsewhere can have its own name resolve to this machine, and then reads what programs of this machine may
/// read. The name that it asks for gives it away.
fn check_host(headers: &HeaderMap) -> Result<(), RouteError> {
    let Some(host) = headers.get(header::HOST) else { return Ok(()) };
    let host = String::from_utf8_lossy(host.as_bytes());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => &host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_ours = name.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_ours { Ok(()) } else { Err(RouteError::WrongHost { host: host.into_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_elsewhere_is_not_served_on_loopback() {
        let check = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            check_host(&headers).is_ok()
        };
        for ours in
            ["localhost", "LOCALHOST:8645", "127.0.0.1:1", "127.8.8.8", "[::1]:8645", "[::1]"]
        {
            assert!(check(ours), "{ours}");
        }
        for other in ["evil.example", "evil.example:8645", "localhost.evil.example", "10.0.0.1", ""]
        {
            assert!(!check(other), "{other}");
        }
        assert!(check_host(&HeaderMap::new()).is_ok());
    }
}
