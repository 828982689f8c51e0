//! Lists, a page at a time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many items a page has where nothing else is asked for.
pub const DEFAULT_LIMIT: u32 = 50;

/// How many items a page has at most.
pub const MAX_LIMIT: u32 = 200;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to give as `cursor` for the items that follow; null at the end. Means nothing else.
    pub next_cursor: Option<String>,
}
