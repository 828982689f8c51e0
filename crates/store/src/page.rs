//! Lists, a page at a time.

/// The most items of a page.
pub const MAX_PAGE: u32 = 1_000;

/// A part of a list, and where the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to ask with for the items that follow; `None` at the end.
    pub next: Option<C>,
}

/// How many rows to read for a page of `limit`: one more than are shown tells whether the list goes on.
pub(crate) fn rows_for(limit: u32) -> i64 {
    i64::from(clamp(limit)) + 1
}

const fn clamp(limit: u32) -> u32 {
    match limit {
        0 => 1,
        MAX_PAGE.. => MAX_PAGE,
        limit => limit,
    }
}

impl<T, C> Page<T, C> {
    /// The page of at most `limit` items of `items`, of which one more was read.
    pub(crate) fn new(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> C) -> Self {
        let most = clamp(limit) as usize;
        let goes_on = items.len() > most;
        items.truncate(most);
        let next = if goes_on { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}
