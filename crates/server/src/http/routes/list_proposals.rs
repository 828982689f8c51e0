//! `GET /v1/proposals`

use super::super::{
    Shared, access, answer::Json, error::RouteError, openapi::problems, parameter, render,
};
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
};
use quorate_api::{Page, Proposal, page::ProposalPage, schema};
use quorate_store::{ProposalFilter, Storage as _};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

problems! {
    /// What it refuses.
    Problems = Reads []
}

/// Which proposals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Asked {
    /// Those that are collecting signatures and lack the one of this owner of their wallet.
    #[param(value_type = Option<schema::Address>)]
    awaiting: Option<String>,
    /// Those of this chain.
    #[param(value_type = Option<u64>)]
    chain_id: Option<String>,
    /// Those in this status.
    #[param(value_type = Option<schema::Status>)]
    status: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many, at most 200; 50 where nothing else is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// The proposals of all wallets, the last recorded first.
///
/// `awaiting` is what an owner still has to sign. A token leaves out the wallets that it is not for.
#[utoipa::path(
    get,
    path = "/v1/proposals",
    tag = "proposals",
    operation_id = "listProposals",
    security((), ("token" = [])),
    params(Asked),
    responses((status = OK, description = "A page of them.", body = ProposalPage), Problems),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Page<Proposal>>, RouteError> {
    let Asked { awaiting, chain_id, status, cursor, limit } = parameter::query(&uri)?;
    let reach = access::reading(&shared, &headers).await?;
    let filter = ProposalFilter {
        awaiting: parameter::optional("awaiting", awaiting.as_deref(), parameter::account)?,
        chain_id: parameter::optional("chainId", chain_id.as_deref(), parameter::number)?,
        status: parameter::optional("status", status.as_deref(), parameter::status)?,
        among: reach.among(),
        ..ProposalFilter::default()
    };
    page(&shared, filter, cursor.as_deref(), limit.as_deref()).await
}

/// A page of the proposals that `filter` takes.
pub(super) async fn page(
    shared: &Shared,
    filter: ProposalFilter,
    cursor: Option<&str>,
    limit: Option<&str>,
) -> Result<Json<Page<Proposal>>, RouteError> {
    let before = parameter::optional("cursor", cursor, parameter::number)?;
    let limit = parameter::limit(limit)?;
    let page = shared.store()?.list_proposals(filter, before, limit).await?;
    let next_cursor = page.next.map(|position| position.to_string());
    let items = render::proposals(shared, page.items).await?;
    Ok(Json::found(Page { items, next_cursor }))
}
