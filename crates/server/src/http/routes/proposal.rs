//! `GET /v1/proposals/{digest}`

use super::super::{
    Shared, access, answer::Json, error::RouteError, layers::LONGEST_POLL, openapi::problems,
    parameter, parameter::DigestPath, render,
};
use alloy::primitives::B256;
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
};
use quorate_api::{Proposal, schema};
use quorate_core::status::StatusWord;
use quorate_store::{Event, ProposalRecord, Storage as _};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep_until},
};
use utoipa::IntoParams;

problems! {
    /// What it refuses.
    Problems = Reads [UnknownProposal]
}

/// How long is waited where nothing is said.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// What to wait for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Asked {
    /// A status, or `final`: answer once it is there, or nothing can change any more, or the time is over.
    #[param(pattern = "^(collecting|ready|submitted|executed|expired|superseded|final)$")]
    wait: Option<String>,
    /// For how long to wait, in seconds; 30 where nothing is said.
    #[param(value_type = Option<u64>, minimum = 0, maximum = 60)]
    timeout_secs: Option<String>,
}

/// A proposal.
///
/// With `wait` the answer comes once the proposal is there, or the time is over: it is 200 either way.
#[utoipa::path(
    get,
    path = "/v1/proposals/{digest}",
    tag = "proposals",
    operation_id = "getProposal",
    security((), ("token" = [])),
    params(("digest" = schema::Bytes32, Path, description = "The proposal's digest."), Asked),
    responses((status = OK, description = "The proposal.", body = Proposal), Problems),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    DigestPath(digest): DigestPath,
    uri: Uri,
) -> Result<Json<Proposal>, RouteError> {
    let wanted = wanted(parameter::query(&uri)?)?;
    let reach = access::reading(&shared, &headers).await?;
    // Before it is read, so that nothing that changes it meanwhile is missed.
    let mut events = shared.bulletin.subscribe();
    let mut record = find(&shared, digest).await?;
    reach.check(record.wallet())?;
    if let Some((wanted, wait)) = wanted {
        let until = Instant::now() + wait;
        let mut stopping = shared.stopping();
        let mut is_over = false;
        while !is_over && !wanted.is_met(&record) {
            is_over = tokio::select! {
                () = news(&mut events, digest) => false,
                () = sleep_until(until) => true,
                _ = stopping.wait_for(|stopping| *stopping) => true,
            };
            // At the end too: what is answered is what is true then.
            record = find(&shared, digest).await?;
        }
    }
    Ok(Json::found(render::one_proposal(&shared, record).await?))
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Status(StatusWord),
    Final,
}

impl Wanted {
    /// Whether it is there, or never will be.
    fn is_met(self, record: &ProposalRecord) -> bool {
        record.is_final || self == Self::Status(record.status.word())
    }
}

fn wanted(asked: Asked) -> Result<Option<(Wanted, Duration)>, RouteError> {
    let Asked { wait, timeout_secs } = asked;
    let secs = parameter::optional("timeoutSecs", timeout_secs.as_deref(), seconds)?;
    match (wait.as_deref(), secs) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let given = timeout_secs.unwrap_or_default();
            Err(parameter::invalid("timeoutSecs", &given, "it goes with wait"))
        }
        (Some("final"), wait) => Ok(Some((Wanted::Final, wait.unwrap_or(DEFAULT_WAIT)))),
        (Some(word), wait) => {
            let word = StatusWord::find(word).ok_or_else(|| {
                let words = StatusWord::ALL.map(StatusWord::name).join(", ");
                parameter::invalid("wait", word, format!("one of {words}, final is needed"))
            })?;
            Ok(Some((Wanted::Status(word), wait.unwrap_or(DEFAULT_WAIT))))
        }
    }
}

fn seconds(name: &'static str, text: &str) -> Result<Duration, RouteError> {
    let most = LONGEST_POLL.as_secs();
    let secs = parameter::number(name, text)?;
    let advice = || format!("a number from 0 to {most} is needed");
    (secs <= most)
        .then_some(Duration::from_secs(secs))
        .ok_or_else(|| parameter::invalid(name, text, advice()))
}

async fn find(shared: &Shared, digest: B256) -> Result<ProposalRecord, RouteError> {
    let record = shared.store()?.find_proposal(digest).await?;
    record.ok_or(RouteError::UnknownProposal { digest })
}

/// Ready when something may have happened to the proposal.
async fn news(events: &mut Receiver<Arc<Event>>, digest: B256) {
    loop {
        match events.recv().await {
            Ok(event) if event.digest != Some(digest) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // Nothing will be told any more: the time ends it.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
