//! `GET /v1/wallets/{chainId}/{address}/proposals`

use super::{
    super::{
        Shared, access, answer::Json, error::RouteError, openapi::problems, parameter,
        parameter::WalletPath,
    },
    list_proposals,
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
    Problems = Reads [UnknownWallet]
}

/// Which proposals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Asked {
    /// Those in this status.
    #[param(value_type = Option<schema::Status>)]
    status: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many, at most 200; 50 where nothing else is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// The proposals of a wallet, the last recorded first.
///
/// Of every status, decided ones too, unless `status` asks for one.
#[utoipa::path(
    get,
    path = "/v1/wallets/{chainId}/{address}/proposals",
    tag = "proposals",
    operation_id = "listWalletProposals",
    security((), ("token" = [])),
    params(
        ("chainId" = u64, Path, description = "The chain (EIP-155)."),
        ("address" = schema::Address, Path, description = "The wallet."),
        Asked,
    ),
    responses((status = OK, description = "A page of them.", body = ProposalPage), Problems),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    WalletPath(wallet): WalletPath,
    uri: Uri,
) -> Result<Json<Page<Proposal>>, RouteError> {
    let Asked { status, cursor, limit } = parameter::query(&uri)?;
    access::reading(&shared, &headers).await?.check(wallet)?;
    if shared.store()?.find_wallet(wallet).await?.is_none() {
        return Err(RouteError::UnknownWallet { wallet });
    }
    let filter = ProposalFilter {
        chain_id: Some(wallet.chain_id),
        wallet: Some(wallet.address),
        status: parameter::optional("status", status.as_deref(), parameter::status)?,
        ..ProposalFilter::default()
    };
    list_proposals::page(&shared, filter, cursor.as_deref(), limit.as_deref()).await
}
