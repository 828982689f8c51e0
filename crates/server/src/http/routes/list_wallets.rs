//! `GET /v1/wallets`

use super::super::{
    Shared, access, answer::Json, error::RouteError, openapi::problems, parameter, render,
};
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
};
use quorate_api::{Page, Wallet, page::WalletPage, schema};
use quorate_store::{Storage as _, WalletFilter, WalletKey};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

problems! {
    /// What it refuses.
    Problems = Reads []
}

/// Which wallets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Asked {
    /// Those that this account owns.
    #[param(value_type = Option<schema::Address>)]
    owner: Option<String>,
    /// Those of this chain.
    #[param(value_type = Option<u64>)]
    chain_id: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many, at most 200; 50 where nothing else is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// The wallets that are served, by chain and address.
///
/// A token leaves out those that it is not for.
#[utoipa::path(
    get,
    path = "/v1/wallets",
    tag = "wallets",
    operation_id = "listWallets",
    security((), ("token" = [])),
    params(Asked),
    responses((status = OK, description = "A page of them.", body = WalletPage), Problems),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Page<Wallet>>, RouteError> {
    let Asked { owner, chain_id, cursor, limit } = parameter::query(&uri)?;
    let reach = access::reading(&shared, &headers).await?;
    let filter = WalletFilter {
        chain_id: parameter::optional("chainId", chain_id.as_deref(), parameter::number)?,
        owner: parameter::optional("owner", owner.as_deref(), parameter::account)?,
        among: reach.among(),
    };
    let after = parameter::optional("cursor", cursor.as_deref(), read_cursor)?;
    let limit = parameter::limit(limit.as_deref())?;
    let page = shared.store()?.list_wallets(filter, after, limit).await?;
    let next_cursor =
        page.next.map(|WalletKey { chain_id, address }| format!("{chain_id}-{address:#x}"));
    let items = render::wallets(&shared, page.items).await?;
    Ok(Json::found(Page { items, next_cursor }))
}

fn read_cursor(name: &'static str, text: &str) -> Result<WalletKey, RouteError> {
    let unknown = || parameter::invalid(name, text, "give nextCursor of the page before");
    let (chain_id, address) = text.split_once('-').ok_or_else(unknown)?;
    let chain_id = parameter::number(name, chain_id).map_err(|_| unknown())?;
    let address = parameter::account(name, address).map_err(|_| unknown())?;
    Ok(WalletKey { chain_id, address })
}
