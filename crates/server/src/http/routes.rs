//! The paths, one file each.

pub(super) mod acceptances;
pub(super) mod events;
pub(super) mod fallback;
pub(super) mod list_proposals;
pub(super) mod list_wallets;
pub(super) mod livez;
pub(super) mod metrics;
pub(super) mod openapi;
pub(super) mod post_acceptance;
pub(super) mod post_proposal;
pub(super) mod post_signature;
pub(super) mod post_wallet;
pub(super) mod proposal;
pub(super) mod readyz;
pub(super) mod wallet;
pub(super) mod wallet_proposals;

use super::{Shared, openapi::base};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// All of them, with their descriptions; but for `/openapi.json` itself.
pub(super) fn all() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(base())
        .routes(routes!(list_wallets::get, post_wallet::post))
        .routes(routes!(wallet::get))
        .routes(routes!(wallet_proposals::get, post_proposal::post))
        .routes(routes!(acceptances::get, post_acceptance::post))
        .routes(routes!(list_proposals::get))
        .routes(routes!(proposal::get))
        .routes(routes!(post_signature::post))
        .routes(routes!(events::get))
        .routes(routes!(livez::get))
        .routes(routes!(readyz::get))
        .routes(routes!(metrics::get))
}
