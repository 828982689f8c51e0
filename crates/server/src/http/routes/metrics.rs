//! `GET /metrics`

use super::super::{
    Shared,
    access::{self, Reach},
    error::RouteError,
    metrics,
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

/// The media type of the text format.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Numbers for Prometheus.
///
/// They are about all wallets: where reading is not open, the token has to be for all.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    operation_id = "metrics",
    security((), ("token" = [])),
    responses(
        (
            status = OK,
            description = "Numbers, in the text format of OpenMetrics.",
            body = String,
            content_type = "application/openmetrics-text",
        ),
        Problems,
    ),
)]
pub(in crate::http) async fn get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], String), RouteError> {
    if !shared.config.open_reading && access::reading(&shared, &headers).await? != Reach::All {
        return Err(RouteError::Forbidden("read metrics: it has to be for all wallets"));
    }
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], metrics::text(&shared).await))
}
