//! `GET /metrics`

use super::super::{
    Shared,
    access::{self, Reach},
    error::RouteError,
    metrics::{self, Format},
    openapi::problems,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, header},
};
use std::sync::Arc;

problems! {
    /// What it refuses.
    Problems = Watches [Unauthorized, Forbidden, StoreUnavailable]
}

/// Numbers for Prometheus.
///
/// In Prometheus' text format 0.0.4, or in OpenMetrics 1.0.0 where `Accept` prefers it. They are about all wallets: where
/// reading is not open, the token has to be for all.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    operation_id = "metrics",
    security((), ("token" = [])),
    responses(
        (
            status = OK,
            description = "Numbers, in the format that `Accept` prefers.",
            content((String = "text/plain"), (String = "application/openmetrics-text")),
        ),
        Problems,
    ),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 2], String), RouteError> {
    if !shared.config.open_reading && access::reading(&shared, &headers).await? != Reach::All {
        return Err(RouteError::Forbidden("read metrics: it has to be for all wallets"));
    }
    let format = Format::preferred(&headers);
    let about = [(header::CONTENT_TYPE, format.media_type()), (header::VARY, "accept")];
    Ok((about, metrics::text(&shared, format).await))
}
