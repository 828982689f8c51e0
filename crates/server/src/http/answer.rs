//! Answers that are no problems.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;

/// An answer in JSON.
#[derive(Debug)]
pub(super) struct Json<T> {
    status: StatusCode,
    value: T,
    location: Option<String>,
}

impl<T> Json<T> {
    /// 200.
    pub(super) const fn found(value: T) -> Self {
        Self { status: StatusCode::OK, value, location: None }
    }

    /// 200 if it is ready, else 503.
    pub(super) const fn ready(is_ready: bool, value: T) -> Self {
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Self { status, value, location: None }
    }

    /// 201 if it is new, 200 if it was known.
    pub(super) fn stored(is_new: bool, location: String, value: T) -> Self {
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Self { status, value, location: is_new.then_some(location) }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response<Body> {
        let body = serde_json::to_vec(&self.value).expect("answers have nothing but what is JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(location) = self.location.and_then(|path| HeaderValue::try_from(path).ok()) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}
