//! `GET /livez`

use axum::http::StatusCode;

/// Whether the process lives. Answers whatever else is down.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "operation",
    operation_id = "livez",
    responses((status = NO_CONTENT, description = "It does.")),
)]
pub(in crate::http) async fn get() -> StatusCode {
    StatusCode::NO_CONTENT
}
