//! `GET /v1/events`

use super::super::{Shared, access, error::RouteError, gates::Class, openapi::problems, parameter};
use crate::webhook::told;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Response, Uri, header},
};
use futures_util::stream;
use quorate_api::{Event as Told, schema};
use quorate_store::{Event, EventFilter, Storage as _, Store, StoreError};
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{Receiver, error::RecvError},
        mpsc, watch,
    },
    time::{MissedTickBehavior, interval, timeout},
};
use utoipa::IntoParams;

problems! {
    /// What it refuses.
    Problems = Reads []
}

/// How many events are read of the store at once.
const BATCH: u32 = 200;

/// How many events wait for a reader, and how long the one behind them, before the reader is cut off.
const WAITING: usize = 64;
const SLOW: Duration = Duration::from_secs(10);

/// How long a stream goes on at most: what a token allowed is not allowed for ever.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How often something is sent while nothing happens, so that those in between keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a reader is told first: after how many milliseconds to come back if the connection breaks.
const GREETING: &str = "retry: 1000\n\n";

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
    /// Those of the wallets that this account owns.
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
/// loss and without repetition. A reader that is too slow is cut off, and every one after an hour: they come back.
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
    let reach = access::reading(&shared, &headers).await?;
    let filter = EventFilter {
        chain_id: parameter::optional("chainId", chain_id.as_deref(), parameter::number)?,
        address: parameter::optional("address", address.as_deref(), parameter::account)?,
        owner: parameter::optional("owner", owner.as_deref(), parameter::account)?,
        among: reach.among(),
    };
    let store = shared.store()?.clone();
    // Before anything is read, so that nothing that happens meanwhile is missed.
    let events = shared.bulletin.subscribe();
    let cursor = begin(&store, &headers, after.as_deref()).await?;
    let place = shared.gates.enter(Class::Stream)?;
    let (out, receiver) = mpsc::channel(WAITING);
    let reader = Reader { store, filter, cursor, events, out, stopping: shared.stopping(), place };
    tokio::spawn(reader.tell());
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

/// The sequence behind which to begin.
async fn begin(store: &Store, headers: &HeaderMap, after: Option<&str>) -> Result<u64, RouteError> {
    let last_id = headers.get("last-event-id");
    let last_id = last_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let (name, given) = match (&last_id, after) {
        (Some(id), _) if !id.is_empty() => ("Last-Event-ID", Some(id.as_str())),
        (_, after) => ("after", after),
    };
    let last = store.last_event().await?;
    let Some(given) = given else { return Ok(last) };
    let after = parameter::number(name, given)?;
    if after > last {
        // Nothing is waited for that another store, or a later one, once told.
        let advice = format!("the last event is {last}: begin behind that or before");
        return Err(parameter::invalid(name, given, advice));
    }
    Ok(after)
}

/// One who is told events.
struct Reader {
    store: Store,
    filter: EventFilter,
    cursor: u64,
    events: Receiver<Arc<Event>>,
    out: mpsc::Sender<Bytes>,
    stopping: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
}

/// Why nobody is told any more.
struct Over;

impl Reader {
    /// Tells what happened and what happens, until the reader is gone or too slow, or the process stops.
    async fn tell(mut self) {
        let _ = timeout(LONGEST, self.try_tell()).await;
        drop(self.place);
    }

    async fn try_tell(&mut self) -> Result<(), Over> {
        self.send(GREETING.to_owned()).await?;
        let mut ticks = interval(KEEP_ALIVE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        self.catch_up().await?;
        loop {
            let event = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => return Ok(()),
                () = self.out.closed() => return Ok(()),
                event = self.events.recv() => Some(event),
                _ = ticks.tick() => None,
            };
            let Some(event) = event else {
                self.send(":\n\n".to_owned()).await?;
                continue;
            };
            match event {
                Ok(event) if event.sequence <= self.cursor || !self.may_want(&event) => {}
                Ok(event) if self.filter.owner.is_none() => self.tell_one(&event).await?,
                // Who owns what, the store knows; and what was missed.
                Ok(_) | Err(RecvError::Lagged(_)) => self.catch_up().await?,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }

    /// Whether all that the event itself tells is as wanted.
    fn may_want(&self, event: &Event) -> bool {
        let EventFilter { chain_id, address, among, .. } = &self.filter;
        chain_id.is_none_or(|chain_id| chain_id == event.wallet.chain_id)
            && address.is_none_or(|address| address == event.wallet.address)
            && among.as_ref().is_none_or(|among| among.contains(&event.wallet))
    }

    /// Tells what the store has behind the cursor.
    async fn catch_up(&mut self) -> Result<(), Over> {
        loop {
            let events = self.read().await.map_err(|error| {
                tracing::debug!(%error, "no events");
                Over
            })?;
            for event in &events {
                self.tell_one(event).await?;
            }
            if events.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    async fn read(&self) -> Result<Vec<Event>, StoreError> {
        self.store.events_after(self.cursor, self.filter.clone(), BATCH).await
    }

    async fn tell_one(&mut self, event: &Event) -> Result<(), Over> {
        self.send(frame(event)).await?;
        self.cursor = event.sequence;
        Ok(())
    }

    /// Sends a frame, unless the reader is gone or takes too long.
    async fn send(&self, frame: String) -> Result<(), Over> {
        self.out.send_timeout(frame.into(), SLOW).await.map_err(|_| Over)
    }
}

/// An event as it travels. JSON has no line breaks of its own.
fn frame(event: &Event) -> String {
    let told = told(event);
    let data = serde_json::to_string(&told).expect("events have nothing but what is JSON");
    format!("id: {}\nevent: {}\ndata: {data}\n\n", told.sequence, told.kind)
}
