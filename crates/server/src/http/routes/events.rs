//! `GET /v1/events`

use super::super::{
    Shared, access,
    error::RouteError,
    gates::Class,
    openapi::problems,
    parameter,
    stream::{Begin, Stream, WAITING},
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Response, Uri, header},
};
use futures_util::stream;
use quorate_api::{Event as Told, ProblemCode, schema};
use quorate_store::{Event, EventFilter, Storage as _, Store};
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast::Receiver, mpsc},
    time::sleep,
};
use utoipa::IntoParams;

problems! {
    /// What it refuses.
    Problems = Reads []
}

/// How long to wait before a store that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Asked {
    /// Those of this chain.
    #[param(value_type = Option<u64>)]
    chain_id: Option<String>,
    /// Those of the wallets at this address.
    #[param(value_type = Option<schema::Address>)]
    address: Option<String>,
    /// Those of the wallets that this account owns, up to the event that tells that it does no longer.
    #[param(value_type = Option<schema::Address>)]
    owner: Option<String>,
    /// Those behind this sequence, 0 for all that ever happened; without it, and without `Last-Event-ID`, those from
    /// now on.
    #[param(value_type = Option<u64>)]
    after: Option<String>,
}

/// What happens, while it does, as server-sent events.
///
/// `id` is the sequence, `event` the kind, `data` the event in JSON. `Last-Event-ID` goes on behind that sequence, without
/// loss and without repetition. Where neither that nor `after` is given, `connected` comes first: nothing happened, but its
/// `id` is there to come back with. A reader that is too slow is cut off, and every one after an hour: they come back.
///
/// While the store does not answer the request is held, and then closed without an answer: 503 is never answered here,
/// because an `EventSource` would not come back.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    operation_id = "events",
    security((), ("token" = [])),
    params(
        ("Last-Event-ID" = Option<u64>, Header, description = "The sequence to go on behind; goes before `after`."),
        Asked,
    ),
    responses(
        (
            status = OK,
            description = "Events, until one of both ends it.",
            body = Told,
            content_type = "text/event-stream",
        ),
        Problems,
    ),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response<Body>, RouteError> {
    let Asked { chain_id, address, owner, after } = parameter::query(&uri)?;
    let mut filter = EventFilter {
        chain_id: parameter::optional("chainId", chain_id.as_deref(), parameter::number)?,
        address: parameter::optional("address", address.as_deref(), parameter::account)?,
        owner: parameter::optional("owner", owner.as_deref(), parameter::account)?,
        among: None,
    };
    // Who waits takes a place too.
    let place = shared.gates.enter(Class::Stream)?;
    let Subscription { store, events, begin, among } =
        subscribed(&shared, &headers, after.as_deref()).await?;
    filter.among = among;
    let (out, receiver) = mpsc::channel(WAITING);
    let (stopping, at) = (shared.stopping(), shared.at());
    let stream = Stream { store, filter, begin, at, events, out, stopping, place };
    tokio::spawn(stream.tell());
    let frames = stream::unfold(receiver, async |mut receiver| {
        let frame: Bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(frame), receiver))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Some proxies keep answers until they are whole.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What a reader is told from.
struct Subscription {
    store: Store,
    events: Receiver<Arc<Event>>,
    begin: Begin,
    among: Option<Vec<quorate_store::WalletKey>>,
}

/// Subscribes; while the store does not answer, again and again. Whoever has an answer take only so long ends that.
async fn subscribed(
    shared: &Shared,
    headers: &HeaderMap,
    after: Option<&str>,
) -> Result<Subscription, RouteError> {
    let mut stopping = shared.stopping();
    loop {
        let refused = match subscribe(shared, headers, after).await {
            Err(error) if error.code() == ProblemCode::StoreUnavailable => error,
            subscribed => return subscribed,
        };
        let cause = refused.cause().unwrap_or_default();
        tracing::debug!(cause, "a reader of events waits");
        let again = async {
            // It is not open yet, or it does not answer.
            if shared.store.get().is_some() {
                sleep(AGAIN).await;
            }
            shared.store.wait().await;
        };
        tokio::select! {
            () = again => {}
            _ = stopping.wait_for(|stopping| *stopping) => return Err(RouteError::Stopping),
        }
    }
}

async fn subscribe(
    shared: &Shared,
    headers: &HeaderMap,
    after: Option<&str>,
) -> Result<Subscription, RouteError> {
    let reach = access::reading(shared, headers).await?;
    let store = shared.store()?.clone();
    // Before anything is read, so that nothing that happens meanwhile is missed.
    let events = shared.bulletin.subscribe();
    let begin = begin(&store, headers, after).await?;
    Ok(Subscription { store, events, begin, among: reach.among() })
}

/// Behind which event to begin.
async fn begin(
    store: &Store,
    headers: &HeaderMap,
    after: Option<&str>,
) -> Result<Begin, RouteError> {
    let last_id = headers.get("last-event-id");
    let last_id = last_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let (name, given) = match (&last_id, after) {
        (Some(id), _) if !id.is_empty() => ("Last-Event-ID", Some(id.as_str())),
        (_, after) => ("after", after),
    };
    let last = store.last_event().await?;
    let Some(given) = given else { return Ok(Begin::Now(last)) };
    let after = parameter::number(name, given)?;
    if after > last {
        // Nothing is waited for that another store, or a later one, once told.
        let advice = format!("the last event is {last}: begin behind that or before");
        return Err(parameter::invalid(name, given, advice));
    }
    Ok(Begin::Behind(after))
}
