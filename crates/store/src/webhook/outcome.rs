//! What became of an attempt to tell.

use crate::{
    error::StoreError,
    row::{Fields, foreign_text, int},
    transaction::Transaction,
    wallet::Recorded,
    writer::Intention,
};
use sqlx::AnyConnection;

/// An attempt to tell a webhook of an event, and what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// Which webhook.
    pub webhook: String,
    /// Which event.
    pub sequence: u64,
    /// The how many-th attempt it was, from 1: one more than
    /// [`DeliveryRecord::attempts`](crate::DeliveryRecord) said. Each is recorded once.
    pub number: u32,
    /// What it came to, in words. Never anything secret.
    pub outcome: String,
    /// When to try again, in Unix milliseconds; `None` if it was delivered.
    pub retry_at: Option<i64>,
    /// Until when the webhook is not to be told anything else either, in Unix milliseconds, if the receiver asked for
    /// that.
    pub hold_until: Option<i64>,
}

pub(crate) struct RecordDelivery {
    pub(crate) attempt: DeliveryAttempt,
    pub(crate) at: i64,
}

impl Intention for RecordDelivery {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        let attempt = &self.attempt;
        let found = find(tx.connection(), &attempt.webhook, attempt.sequence).await?;
        let (is_pending, attempts) = found.ok_or_else(|| StoreError::UnknownDelivery {
            webhook: attempt.webhook.clone(),
            sequence: attempt.sequence,
        })?;
        if !is_pending || attempts >= attempt.number {
            return Ok(Recorded::Known);
        }
        match attempt.retry_at {
            Some(retry_at) => self.fail(tx, retry_at).await?,
            None => {
                self.end(tx).await?;
                self.make_next_due(tx).await?;
            }
        }
        Ok(Recorded::New)
    }
}

impl RecordDelivery {
    async fn fail(&self, tx: &mut Transaction, retry_at: i64) -> Result<(), StoreError> {
        // One that the operator has wait behind an earlier one goes on waiting.
        let query = sqlx::query(
            "UPDATE deliveries SET attempts = $1, failures = failures + 1, outcome = $2, \
             tried_at = $3, next_at = CASE WHEN next_at IS NULL THEN NULL ELSE $4 END \
             WHERE webhook = $5 AND sequence = $6",
        );
        query
            .bind(i64::from(self.attempt.number))
            .bind(foreign_text(&self.attempt.outcome))
            .bind(self.at)
            .bind(retry_at)
            .bind(foreign_text(&self.attempt.webhook))
            .bind(int("sequence", self.attempt.sequence)?)
            .execute(tx.connection())
            .await?;
        self.hold(tx).await
    }

    /// The longest pause that was asked for counts.
    async fn hold(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        let Some(until) = self.attempt.hold_until else { return Ok(()) };
        let query = sqlx::query(
            "UPDATE webhooks SET held_until = $1, updated_at = $2 WHERE name = $3 \
             AND (held_until IS NULL OR held_until < $1)",
        );
        query
            .bind(until)
            .bind(self.at)
            .bind(foreign_text(&self.attempt.webhook))
            .execute(tx.connection())
            .await?;
        Ok(())
    }

    async fn end(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE deliveries SET pending = 0, next_at = NULL, attempts = $1, failures = 0, \
             outcome = $2, tried_at = $3, delivered_at = $3 WHERE webhook = $4 AND sequence = $5",
        );
        query
            .bind(i64::from(self.attempt.number))
            .bind(foreign_text(&self.attempt.outcome))
            .bind(self.at)
            .bind(foreign_text(&self.attempt.webhook))
            .bind(int("sequence", self.attempt.sequence)?)
            .execute(tx.connection())
            .await?;
        Ok(())
    }

    /// The next event of the same subject need not wait any longer.
    async fn make_next_due(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE deliveries SET next_at = $1 WHERE webhook = $2 AND next_at IS NULL \
             AND sequence = (SELECT MIN(n.sequence) FROM deliveries n JOIN deliveries d \
             ON n.webhook = d.webhook AND n.chain_id = d.chain_id AND n.subject = d.subject \
             WHERE d.webhook = $2 AND d.sequence = $3 AND n.pending = 1)",
        );
        query
            .bind(self.at)
            .bind(foreign_text(&self.attempt.webhook))
            .bind(int("sequence", self.attempt.sequence)?)
            .execute(tx.connection())
            .await?;
        Ok(())
    }
}

/// Whether it is pending, and how often it was tried.
async fn find(
    connection: &mut AnyConnection,
    webhook: &str,
    sequence: u64,
) -> Result<Option<(bool, u32)>, StoreError> {
    let query = sqlx::query(
        "SELECT webhook, sequence, pending, attempts FROM deliveries \
         WHERE webhook = $1 AND sequence = $2",
    );
    let query = query.bind(foreign_text(webhook)).bind(int("sequence", sequence)?);
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(None) };
    let fields = Fields::new(&row, "deliveries", &["webhook", "sequence"]);
    Ok(Some((fields.flag("pending")?, fields.number("attempts")?)))
}
