//! What a proposal does, read from its raw fields and checked against the chain: for `show` and `sign`.

pub(crate) mod again;
pub(crate) mod alike;
pub(crate) mod calldata;
mod danger;
mod facts;
mod render;
mod standing;
mod summary;
mod view;
pub(crate) mod words;

pub(crate) use danger::{Danger, DangerCode, Executor, dangers};
pub(crate) use facts::{Facts, Outcome};
pub(crate) use render::{render, token_line};
pub(crate) use standing::{Standing, Sureness, status_words};
pub(crate) use summary::summary;
pub(crate) use view::{View, exact_text, exact_text_in_full, token_name_in_full};
