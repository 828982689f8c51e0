//! `GET /v1/wallets/{chainId}/{address}/acceptances`

use super::super::{
    Shared, access, answer::Json, error::RouteError, openapi::problems, parameter::WalletPath,
};
use axum::{extract::State, http::HeaderMap};
use quorate_api::{Acceptance, Instant, Page, page::AcceptancePage, schema};
use quorate_store::{AcceptanceRecord, Storage as _};
use std::sync::Arc;

problems! {
    /// What it refuses.
    Problems = Reads [UnknownWallet]
}

/// Who accepted an escrow's terms, by role: of each party the newest.
///
/// Of a wallet that is no escrow there are none. A reader verifies them by the escrow's file.
#[utoipa::path(
    get,
    path = "/v1/wallets/{chainId}/{address}/acceptances",
    tag = "escrows",
    operation_id = "listAcceptances",
    security((), ("token" = [])),
    params(
        ("chainId" = u64, Path, description = "The chain (EIP-155)."),
        ("address" = schema::Address, Path, description = "The escrow."),
    ),
    responses((status = OK, description = "All of them, at most three.", body = AcceptancePage), Problems),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    WalletPath(wallet): WalletPath,
) -> Result<Json<Page<Acceptance>>, RouteError> {
    access::reading(&shared, &headers).await?.check(wallet)?;
    let store = shared.store()?;
    if store.find_wallet(wallet).await?.is_none() {
        return Err(RouteError::UnknownWallet { wallet });
    }
    let items = store.acceptances(wallet).await?.into_iter().map(rendered).collect();
    Ok(Json::found(Page { items, next_cursor: None }))
}

/// As it is answered.
pub(super) fn rendered(record: AcceptanceRecord) -> Acceptance {
    let AcceptanceRecord { acceptance, received_at } = record;
    Acceptance {
        role: acceptance.role,
        owner: acceptance.owner,
        terms_hash: acceptance.terms_hash,
        deadline: acceptance.deadline,
        signature: acceptance.signature,
        received_at: Instant::from_millis(received_at),
    }
}
