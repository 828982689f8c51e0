//! `GET /openapi.json`

use super::super::Shared;
use axum::{
    Router,
    http::{HeaderName, header},
    routing,
};
use std::sync::Arc;
use utoipa::openapi::OpenApi;

/// The description as it is served and kept in the repository.
pub(in crate::http) fn text(description: &OpenApi) -> String {
    let mut text = description.to_pretty_json().expect("it holds nothing but what is JSON");
    text.push('\n');
    text
}

/// The path. It is not in the description, which is what it serves.
pub(in crate::http) fn route(description: &OpenApi) -> Router<Arc<Shared>> {
    let text: Arc<str> = text(description).into();
    let content_type: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];
    let get = async move || (content_type, text.to_string());
    Router::new().route("/openapi.json", routing::get(get))
}
