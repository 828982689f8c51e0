//! `GET /v1/wallets/{chainId}/{address}`

use super::super::{
    Shared, access, answer::Json, error::RouteError, openapi::problems, parameter::WalletPath,
    render,
};
use axum::{extract::State, http::HeaderMap};
use quorate_api::{Wallet, schema};
use quorate_store::Storage as _;
use std::sync::Arc;

problems! {
    /// What it refuses.
    Problems = Reads [UnknownWallet]
}

/// A wallet, as it is at the head of its chain.
///
/// `epoch` and, for each lane, `nextFree` are what a new proposal needs.
#[utoipa::path(
    get,
    path = "/v1/wallets/{chainId}/{address}",
    tag = "wallets",
    operation_id = "getWallet",
    security((), ("token" = [])),
    params(
        ("chainId" = u64, Path, description = "The chain (EIP-155)."),
        ("address" = schema::Address, Path, description = "The wallet."),
    ),
    responses((status = OK, description = "The wallet.", body = Wallet), Problems),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    WalletPath(wallet): WalletPath,
) -> Result<Json<Wallet>, RouteError> {
    access::reading(&shared, &headers).await?.check(wallet)?;
    let record = shared.store()?.find_wallet(wallet).await?;
    let record = record.ok_or(RouteError::UnknownWallet { wallet })?;
    Ok(Json::found(render::one_wallet(&shared, record).await?))
}
