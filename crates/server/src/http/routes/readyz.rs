//! `GET /readyz`

use super::super::{Shared, answer::Json, desk::Desk, openapi::problems};
use axum::extract::State;
use quorate_api::{
    Problem, Readiness,
    readiness::{ChainReadiness, Degradation, DegradationCode as Code},
};
use quorate_core::amount::{ETHER_DECIMALS, plain};
use quorate_relayer::driver::Report;
use quorate_store::Lease;
use std::sync::Arc;

problems! {
    /// What it refuses.
    Problems = Watches []
}

/// Whether the relayer takes what is handed in, and what is not as it should be.
///
/// The store, each chain's endpoints and head, who has the lease, whether it is paused, what senders have.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    operation_id = "readyz",
    security(()),
    responses(
        (status = OK, description = "It takes what is handed in.", body = Readiness),
        Problems,
        (
            status = SERVICE_UNAVAILABLE,
            description = "It does not: `degraded` says why. Or a problem: `timedOut`.",
            content((Readiness = "application/json"), (Problem = "application/problem+json")),
        ),
    ),
)]
pub(in crate::http) async fn get(State(shared): State<Arc<Shared>>) -> Json<Readiness> {
    let mut degraded = Vec::new();
    let lease = match shared.look_at_store().await {
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
    for (what, reason) in desk.vital_failures() {
        add(Code::Needs, format!("no endpoint does {what}: {reason}"));
    }
    for lack in desk.lacks() {
        add(Code::Lacks, lack);
    }
    let report = desk.report().unwrap_or_default();
    // The engine's own place: what its endpoints know it may not have come to.
    let head = report.head.filter(|_| report.is_leading);
    let head_age_secs = head.map(|head| shared.now().saturating_sub(head.timestamp));
    if report.is_leading && head.is_none() {
        add(Code::HeadOld, "the engine took note of no block yet".to_owned());
    }
    if let Some(age) = head_age_secs.filter(|age| *age > desk.old_head_secs) {
        add(Code::HeadOld, format!("the engine's newest block is {age} s old"));
    }
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
        head: head.map(|head| head.id.number),
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
