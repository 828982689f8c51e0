//! Webhooks: what each is to be told of the events, and whether it was.
//!
//! Events come into `deliveries` first, in order, then are told from there. The events of one subject (a proposal, or
//! where there is none a wallet) are told one after the other: only the first one that is pending has a time at which it
//! is due. So one that fails holds up its own subject alone, and what is due is found without looking at what waits.

pub(crate) mod enqueue;
pub(crate) mod outcome;
pub(crate) mod read;

use crate::{
    audit::Kind,
    error::StoreError,
    outbox::{Event, EventKind},
    query::Query,
    row::{foreign_text, int},
    transaction::Transaction,
    wallet::Recorded,
    writer::Intention,
};
use serde_json::json;
use std::{collections::BTreeSet, ops::RangeInclusive};

/// Which kinds of events; `None` is all of them.
pub type EventKinds = Option<BTreeSet<EventKind>>;

/// A webhook, as far as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRecord {
    /// What the operator calls it.
    pub name: String,
    /// Up to which event it is known what it is to be told.
    pub sequence: u64,
    /// Since when it is told nothing, in Unix milliseconds.
    pub disabled_at: Option<i64>,
    /// Until when it is told nothing, because it asked for a pause, in Unix milliseconds; may be past.
    pub held_until: Option<i64>,
    /// How many events it is still to be told.
    pub pending: u64,
    /// How many of them failed at the last attempt. Those that wait behind them are not counted.
    pub failing: u64,
}

/// An event that a webhook is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// What it is told.
    pub event: Event,
    /// Whether it was.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// How many of the last attempts failed. What the operator has told again begins at 0.
    pub failures: u32,
    /// What the last attempt came to, in words.
    pub outcome: Option<String>,
    /// When that was, in Unix milliseconds.
    pub tried_at: Option<i64>,
    /// When it was last delivered, in Unix milliseconds.
    pub delivered_at: Option<i64>,
}

/// Whether an event is still to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// At this instant, in Unix milliseconds: when it is to be tried, or when the pause ends that its receiver asked for.
    Due {
        /// The instant.
        at: i64,
    },
    /// Once the one before it of the same proposal or wallet was delivered.
    Behind,
    /// It was told.
    Delivered,
}

/// Which deliveries to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryFilter {
    /// All.
    #[default]
    All,
    /// Those that failed at the last attempt and are to be tried again.
    Failing,
}

/// How far it is known what a webhook is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Up to this event.
    pub sequence: u64,
    /// Whether there was none behind it.
    pub is_caught_up: bool,
    /// How many events were noted that an earlier version of this program had gone past.
    pub mended: u64,
}

pub(crate) struct Redeliver {
    pub(crate) webhook: String,
    pub(crate) kinds: EventKinds,
    pub(crate) range: RangeInclusive<u64>,
    pub(crate) at: i64,
}

impl Intention for Redeliver {
    type Output = u64;

    async fn apply(&self, tx: &mut Transaction) -> Result<u64, StoreError> {
        let webhook = &self.webhook;
        let known = read::known(tx.connection(), webhook).await?;
        let known = known.ok_or_else(|| StoreError::UnknownWebhook { name: webhook.clone() })?;
        // What is behind that is told anyway.
        let range = *self.range.start()..=known.sequence.min(*self.range.end());
        if range.is_empty() {
            return Ok(0);
        }
        end_hold(tx, webhook, self.at).await?;
        let mut query = Query::new("UPDATE deliveries SET pending = 1, failures = 0");
        query.bind(" WHERE webhook = ?", foreign_text(webhook));
        within(&mut query, " AND sequence BETWEEN ?", &range)?;
        query.execute(tx.connection()).await?;
        insert(tx, webhook, &self.kinds, &range).await?;
        put_behind(tx, webhook, *range.start()).await?;
        make_due(tx, webhook, &range, Which::All, self.at).await?;
        let pending = read::pending_within(tx.connection(), webhook, &range).await?;
        let what = json!({
            "name": webhook,
            "from": range.start(),
            "to": range.end(),
            "pending": pending,
        });
        tx.audit(self.at, Kind::WebhookRedelivered, what).await?;
        Ok(pending)
    }
}

pub(crate) struct SetWebhookEnabled {
    pub(crate) webhook: String,
    pub(crate) is_enabled: bool,
    pub(crate) at: i64,
}

impl Intention for SetWebhookEnabled {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        let name = &self.webhook;
        if read::known(tx.connection(), name).await?.is_none() {
            return Err(StoreError::UnknownWebhook { name: name.clone() });
        }
        let was_held = self.is_enabled && end_hold(tx, name, self.at).await?;
        let statement = if self.is_enabled {
            "UPDATE webhooks SET disabled_at = NULL, updated_at = $1 \
             WHERE name = $2 AND disabled_at IS NOT NULL"
        } else {
            "UPDATE webhooks SET disabled_at = $1, updated_at = $1 \
             WHERE name = $2 AND disabled_at IS NULL"
        };
        let query = sqlx::query(statement).bind(self.at).bind(foreign_text(name));
        if query.execute(tx.connection()).await?.rows_affected() == 0 {
            return Ok(if was_held { Recorded::New } else { Recorded::Known });
        }
        let kind = if self.is_enabled { Kind::WebhookEnabled } else { Kind::WebhookDisabled };
        tx.audit(self.at, kind, json!({ "name": name })).await?;
        Ok(Recorded::New)
    }
}

/// Ends the pause that a receiver asked for; whether there was one at `at`.
async fn end_hold(tx: &mut Transaction, webhook: &str, at: i64) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "UPDATE webhooks SET held_until = NULL, updated_at = $1 WHERE name = $2 AND held_until > $1",
    );
    let done = query.bind(at).bind(foreign_text(webhook)).execute(tx.connection()).await?;
    Ok(done.rows_affected() > 0)
}

/// Notes the events of `range` that are not there yet, not due; tells how many.
async fn insert(
    tx: &mut Transaction,
    webhook: &str,
    kinds: &EventKinds,
    range: &RangeInclusive<u64>,
) -> Result<u64, StoreError> {
    let mut query = Query::new(
        "INSERT INTO deliveries (webhook, sequence, chain_id, subject, pending, attempts, failures)",
    );
    // The name is a parameter that is selected, which PostgreSQL wants to know the type of.
    query.bind(" SELECT CAST(? AS TEXT), e.sequence, e.chain_id,", foreign_text(webhook));
    query.push(" COALESCE(e.digest, e.wallet), 1, 0, 0 FROM outbox e");
    within(&mut query, " WHERE e.sequence BETWEEN ?", range)?;
    if let Some(kinds) = kinds {
        query.push(" AND e.kind IN (NULL");
        for kind in kinds {
            query.bind(", ?", kind.word().to_owned());
        }
        query.push(")");
    }
    query.push(" ON CONFLICT (webhook, sequence) DO NOTHING");
    Ok(query.execute(tx.written().await?).await?)
}

/// Has those from `sequence` on that were due wait behind an earlier one of their subject, where now there is one.
async fn put_behind(tx: &mut Transaction, webhook: &str, sequence: u64) -> Result<(), StoreError> {
    let mut query = Query::new("UPDATE deliveries SET next_at = NULL");
    query.bind(" WHERE webhook = ? AND next_at IS NOT NULL", foreign_text(webhook));
    query.bind(" AND sequence >= ? AND EXISTS (", int("sequence", sequence)?);
    query.push(EARLIER);
    query.push(")");
    query.execute(tx.connection()).await?;
    Ok(())
}

/// Which of the pending events are made due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// Those too that wait for another attempt.
    All,
    /// Those alone that are not due at any time yet.
    Undue,
}

/// Has the events of `range` that are the first pending ones of their subjects be due at `at`.
async fn make_due(
    tx: &mut Transaction,
    webhook: &str,
    range: &RangeInclusive<u64>,
    which: Which,
    at: i64,
) -> Result<(), StoreError> {
    let mut query = Query::new("UPDATE deliveries");
    query.bind(" SET next_at = ?", at);
    query.bind(" WHERE webhook = ? AND pending = 1", foreign_text(webhook));
    within(&mut query, " AND sequence BETWEEN ?", range)?;
    if which == Which::Undue {
        query.push(" AND next_at IS NULL");
    }
    query.push(" AND NOT EXISTS (");
    query.push(EARLIER);
    query.push(")");
    query.execute(tx.connection()).await?;
    Ok(())
}

/// The pending events of the same subject before this one.
const EARLIER: &str = "SELECT 1 FROM deliveries b WHERE b.webhook = deliveries.webhook \
    AND b.chain_id = deliveries.chain_id AND b.subject = deliveries.subject \
    AND b.pending = 1 AND b.sequence < deliveries.sequence";

/// Appends `text`, which ends in `BETWEEN ?`, with both ends of `range`.
fn within(
    query: &mut Query,
    text: &'static str,
    range: &RangeInclusive<u64>,
) -> Result<(), StoreError> {
    query.bind(text, int("sequence", *range.start())?);
    query.bind(" AND ?", int("sequence", (*range.end()).min(i64::MAX as u64))?);
    Ok(())
}
