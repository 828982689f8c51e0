//! What webhooks are told, and were.

use super::{DeliveryFilter, DeliveryRecord, DeliveryState, WebhookRecord};
use crate::{
    error::StoreError,
    outbox,
    page::{Page, rows_for},
    query::Query,
    row::{Fields, foreign_text, int},
};
use sqlx::{AnyConnection, any::AnyRow};
use std::ops::RangeInclusive;

/// A delivery with its event and its webhook. None of the tables has a column of another's name but for the sequence and
/// the chain, which are the same.
const SELECT: &str = "SELECT d.webhook, d.pending, d.next_at, d.attempts, d.failures, d.outcome, \
    d.tried_at, d.delivered_at, w.held_until, e.sequence, e.at, e.kind, e.chain_id, e.wallet, \
    e.digest, e.payload FROM deliveries d JOIN outbox e ON e.sequence = d.sequence \
    JOIN webhooks w ON w.name = d.webhook";

/// What is known of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Up to which event it is noted what it is told.
    pub(super) sequence: u64,
    /// Behind which event, up to `sequence`, that is to be looked at again, if it is.
    pub(super) mended: Option<u64>,
}

pub(super) async fn known(
    connection: &mut AnyConnection,
    webhook: &str,
) -> Result<Option<Known>, StoreError> {
    let query = sqlx::query("SELECT name, sequence, mended FROM webhooks WHERE name = $1");
    let row = query.bind(foreign_text(webhook)).fetch_optional(connection).await?;
    let read = |row| {
        let fields = Fields::new(&row, "webhooks", &["name"]);
        Ok(Known { sequence: fields.number("sequence")?, mended: fields.number_opt("mended")? })
    };
    row.map(read).transpose()
}

/// All webhooks, by name.
pub(crate) async fn webhooks(
    connection: &mut AnyConnection,
) -> Result<Vec<WebhookRecord>, StoreError> {
    let query = sqlx::query(
        "SELECT w.*, (SELECT COUNT(*) FROM deliveries d WHERE d.webhook = w.name \
         AND d.pending = 1) AS pending, (SELECT COUNT(*) FROM deliveries d \
         WHERE d.webhook = w.name AND d.next_at IS NOT NULL AND d.failures > 0) AS failing \
         FROM webhooks w ORDER BY w.name",
    );
    let read = |row| {
        let fields = Fields::new(row, "webhooks", &["name"]);
        Ok(WebhookRecord {
            name: fields.json("name")?,
            sequence: fields.number("sequence")?,
            disabled_at: fields.int_opt("disabled_at")?,
            held_until: fields.int_opt("held_until")?,
            pending: fields.number("pending")?,
            failing: fields.number("failing")?,
        })
    };
    query.fetch_all(connection).await?.iter().map(read).collect()
}

/// What is due at `now`, the longest due first; nothing of a webhook that is disabled.
pub(crate) async fn due(
    connection: &mut AnyConnection,
    webhook: &str,
    now: i64,
    limit: u32,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let rows = being_due(webhook, now, limit).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

pub(crate) fn being_due(webhook: &str, now: i64, limit: u32) -> Query {
    let mut query = Query::new(SELECT);
    query.bind(" WHERE d.webhook = ? AND w.disabled_at IS NULL", foreign_text(webhook));
    query.bind(" AND d.next_at <= ? AND (w.held_until IS NULL OR w.held_until <= ?)", now);
    query.bind(" ORDER BY d.next_at, d.sequence LIMIT ?", rows_for(limit) - 1);
    query
}

/// The deliveries that `filter` takes, the last event first, before the sequence `before`.
pub(crate) async fn list(
    connection: &mut AnyConnection,
    webhook: &str,
    filter: DeliveryFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<DeliveryRecord, u64>, StoreError> {
    let rows = listing(webhook, filter, before, limit)?.fetch_all(connection).await?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::new(items, limit, |delivery: &DeliveryRecord| delivery.event.sequence))
}

pub(crate) fn listing(
    webhook: &str,
    filter: DeliveryFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Query, StoreError> {
    let mut query = Query::new(SELECT);
    query.bind(" WHERE d.webhook = ?", foreign_text(webhook));
    match filter {
        DeliveryFilter::All => {}
        DeliveryFilter::Failing => query.push(" AND d.next_at IS NOT NULL AND d.failures > 0"),
    }
    if let Some(before) = before {
        query.bind(" AND d.sequence < ?", int("cursor", before)?);
    }
    query.bind(" ORDER BY d.sequence DESC LIMIT ?", rows_for(limit));
    Ok(query)
}

/// How many events of `range` the webhook is still to be told.
pub(super) async fn pending_within(
    connection: &mut AnyConnection,
    webhook: &str,
    range: &RangeInclusive<u64>,
) -> Result<u64, StoreError> {
    let mut query = Query::new("SELECT COUNT(*) AS pending FROM deliveries");
    query.bind(" WHERE webhook = ? AND pending = 1", foreign_text(webhook));
    super::within(&mut query, " AND sequence BETWEEN ?", range)?;
    let rows = query.fetch_all(connection).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Fields::new(row, "deliveries", &[]).number("pending")
}

fn read(row: &AnyRow) -> Result<DeliveryRecord, StoreError> {
    let fields = Fields::new(row, "deliveries", &["webhook", "sequence"]);
    let held_until = fields.int_opt("held_until")?.unwrap_or(i64::MIN);
    let state = match (fields.flag("pending")?, fields.int_opt("next_at")?) {
        (true, Some(at)) => DeliveryState::Due { at: at.max(held_until) },
        (true, None) => DeliveryState::Behind,
        (false, None) => DeliveryState::Delivered,
        (false, Some(_)) => return Err(fields.corrupt("it is due and not pending")),
    };
    Ok(DeliveryRecord {
        event: outbox::read(row)?,
        state,
        attempts: fields.number("attempts")?,
        failures: fields.number("failures")?,
        outcome: fields.foreign_text_opt("outcome")?,
        tried_at: fields.int_opt("tried_at")?,
        delivered_at: fields.int_opt("delivered_at")?,
    })
}
