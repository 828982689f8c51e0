//! `GET /livez`

use super::super::openapi::problems;
use axum::http::StatusCode;

problems! {
    /// What it refuses.
    Problems = Watches []
}

/// Whether the process lives.
///
/// Answers whatever else is down, and before the store is open.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "operation",
    operation_id = "livez",
    security(()),
    responses((status = NO_CONTENT, description = "It does."), Problems),
)]
pub(in crate::http) async fn get() -> StatusCode {
    StatusCode::NO_CONTENT
}
