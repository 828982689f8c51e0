//! `quorate payout`.

mod content;
mod epochs;
mod known;
mod list;
mod opened;
mod plan;
mod propose;
mod reconcile;
mod seen;
mod simulated;
mod status;
mod tokens;

pub(crate) use opened::read as read_plan;
pub(crate) use plan::run as plan;
pub(crate) use propose::{propose, resume};
pub(crate) use reconcile::run as reconcile;
pub(crate) use status::run as status;
