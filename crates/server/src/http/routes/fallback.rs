//! Paths and methods that there are not.

use super::super::error::RouteError;
use axum::http::{Method, Uri};

/// Answers a path that there is not.
pub(in crate::http) async fn no_such_path(uri: Uri) -> RouteError {
    RouteError::NoSuchPath { path: uri.path().to_owned() }
}

/// Answers a method that a path has not. Which it has, the router says in `Allow`.
pub(in crate::http) async fn method_not_allowed(method: Method) -> RouteError {
    RouteError::MethodNotAllowed { method: method.to_string() }
}
