//! `GET /readyz`

use super::super::{Shared, answer::Json, desk::Desk, openapi::problems};
use axum::extract::State;
use quorate_api::{
    Readiness,
    readiness::{ChainReadiness, Degradation, DegradationCode as Code},
};
use quorate_core::amount::{ETHER_DECIMALS, plain};
use quorate_relayer::driver::Report;
use quorate_store::{Lease, Storage as _, Store};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

problems! {
    /// What it refuses.
    Problems = Watches []
}

/// For how long the store is believed to be as it was.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// How long the store is waited for.
const STORE_WAIT: Duration = Duration::from_secs(2);

/// Whether the relayer takes what is handed in, and what is not as it should be.
///
/// The store, each chain's endpoints and head, who has the lease, whether it is paused, what senders have.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    operation_id = "readyz",
    responses(
        (status = OK, description = "It takes what is handed in.", body = Readiness),
        Problems,
        (status = SERVICE_UNAVAILABLE, description = "It does not: `degraded` says why.", body = Readiness),
    ),
)]
pub(in crate::http) async fn get(State(shared): State<Arc<Shared>>) -> Json<Readiness> {
    let mut degraded = Vec::new();
    let lease = match store(&shared).await {
        Ok(lease) => lease,
        Err(why) => {
            degraded.push(Degradation::new(Code::Store, why));
            None
        }
    };
    if shared.is_stopping() {
        degraded.push(Degradation::new(Code::Stopping, "the process is about to stop"));
    }
    let mut chains = Vec::new();
    for desk in shared.desks.values() {
        chains.push(chain(&shared, desk, lease.as_ref()).await);
    }
    let all = degraded.iter().chain(chains.iter().flat_map(|chain| &chain.degraded));
    let ready = !all.into_iter().any(|degradation| degradation.code.is_blocking());
    Json::ready(ready, Readiness { ready, degraded, chains })
}

/// The lease, if the store takes and gives; as of a moment ago, so that asking does not burden it.
async fn store(shared: &Shared) -> Result<Option<Lease>, &'static str> {
    let store = shared.store().map_err(|_| "the store is not open yet")?;
    let mut known = shared.health.lock().await;
    if let Some((looked, found)) = &*known
        && looked.elapsed() < STORE_AGAIN
    {
        return found.clone();
    }
    let found = look(store).await;
    *known = Some((Instant::now(), found.clone()));
    found
}

async fn look(store: &Store) -> Result<Option<Lease>, &'static str> {
    let looking = async {
        store.check_writable().await?;
        store.find_lease().await
    };
    match timeout(STORE_WAIT, looking).await {
        Ok(Ok(lease)) => Ok(lease),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store does not answer");
            Err("the store fails: the log tells more")
        }
        Err(_) => Err("the store does not answer in time"),
    }
}

async fn chain(shared: &Shared, desk: &Desk, lease: Option<&Lease>) -> ChainReadiness {
    let mut degraded = Vec::new();
    let mut add = |code, detail: String| degraded.push(Degradation::new(code, detail));
    let (answering, endpoints) = desk.answering().await;
    match answering {
        0 => add(Code::Unreachable, "no endpoint answers".to_owned()),
        some if some < endpoints => {
            add(Code::Endpoints, format!("{some} of {endpoints} endpoints answer at once"));
        }
        _ => {}
    }
    let head = desk.head().await.ok();
    let head_age_secs = head.map(|head| shared.now().saturating_sub(head.timestamp));
    if let Some(age) = head_age_secs.filter(|age| *age > desk.old_head_secs) {
        add(Code::HeadOld, format!("the newest block is {age} s old"));
    }
    let report = desk.report().unwrap_or_default();
    if !report.is_leading {
        let is_held = lease.is_some_and(|lease| lease.expires_at > shared.at());
        let (code, detail) = if is_held {
            (Code::Follower, "another process has the lease, or this one just took it")
        } else {
            (Code::NoLease, "no process has the lease")
        };
        add(code, detail.to_owned());
    }
    if report.is_paused {
        add(Code::Paused, "the operator paused it".to_owned());
    }
    if let Some(finalized) = report.finalized.filter(|_| report.is_finality_stalled) {
        let detail = format!("block {finalized} is the last that is final, for an hour and more");
        add(Code::FinalityStalled, detail);
    }
    for (sender, balance) in poor_senders(&report) {
        add(Code::SenderBalance, format!("{sender} has {balance} ether: fund it"));
    }
    let (chain_id, leading) = (desk.chain_id, report.is_leading);
    ChainReadiness {
        chain_id,
        leading,
        head: head.map(|head| head.number),
        head_age_secs,
        degraded,
    }
}

/// The senders whose balance is not above the floor.
fn poor_senders(report: &Report) -> impl Iterator<Item = (String, String)> {
    let floor = report.limits.sender_floor;
    report.senders.iter().filter_map(move |sender| {
        let balance = sender.balance.filter(|balance| *balance <= floor)?;
        Some((sender.address.to_checksum(None), plain(balance, ETHER_DECIMALS)))
    })
}
