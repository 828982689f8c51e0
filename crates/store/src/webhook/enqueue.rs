//! What a webhook is to be told, taken over from the outbox into its deliveries, in order.

use super::{Enqueued, EventKinds, Which, insert, make_due, put_behind, read};
use crate::{
    audit::Kind,
    error::StoreError,
    query::Query,
    row::{Fields, foreign_text, int},
    transaction::Transaction,
    wallet::Recorded,
    writer::Intention,
};
use serde_json::json;

/// Has a webhook be told what happens from now on, if it is a new one.
pub(crate) struct BeginWebhook {
    pub(crate) webhook: String,
    pub(crate) at: i64,
}

impl Intention for BeginWebhook {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        if read::known(tx.connection(), &self.webhook).await?.is_some() {
            return Ok(Recorded::Known);
        }
        begin(tx, &self.webhook, self.at).await?;
        Ok(Recorded::New)
    }
}

/// A new webhook is told what happens from now on. Tells the last event that it is not told.
async fn begin(tx: &mut Transaction, webhook: &str, at: i64) -> Result<u64, StoreError> {
    let last = tx.next_event() - 1;
    sqlx::query("INSERT INTO webhooks (name, sequence, updated_at) VALUES ($1, $2, $3)")
        .bind(foreign_text(webhook))
        .bind(int("sequence", last)?)
        .bind(at)
        .execute(tx.connection())
        .await?;
    let what = json!({ "name": webhook, "behind": last });
    tx.audit(at, Kind::WebhookAdded, what).await?;
    Ok(last)
}

pub(crate) struct EnqueueDeliveries {
    pub(crate) webhook: String,
    pub(crate) kinds: EventKinds,
    pub(crate) limit: u32,
    pub(crate) at: i64,
}

impl Intention for EnqueueDeliveries {
    type Output = Enqueued;

    async fn apply(&self, tx: &mut Transaction) -> Result<Enqueued, StoreError> {
        let Some(known) = read::known(tx.connection(), &self.webhook).await? else {
            let sequence = begin(tx, &self.webhook, self.at).await?;
            return Ok(Enqueued { sequence, is_caught_up: true, mended: 0 });
        };
        if let Some(behind) = known.mended {
            let mended = self.mend(tx, behind, known.sequence).await?;
            return Ok(Enqueued { sequence: known.sequence, is_caught_up: false, mended });
        }
        let last = tx.next_event() - 1;
        let Some(sequence) = self.reach(tx, known.sequence).await? else {
            return Ok(Enqueued { sequence: known.sequence, is_caught_up: true, mended: 0 });
        };
        let range = known.sequence + 1..=sequence;
        insert(tx, &self.webhook, &self.kinds, &range).await?;
        make_due(tx, &self.webhook, &range, Which::All, self.at).await?;
        let query =
            sqlx::query("UPDATE webhooks SET sequence = $1, updated_at = $2 WHERE name = $3");
        query
            .bind(int("sequence", sequence)?)
            .bind(self.at)
            .bind(foreign_text(&self.webhook))
            .execute(tx.connection())
            .await?;
        Ok(Enqueued { sequence, is_caught_up: sequence == last, mended: 0 })
    }
}

impl EnqueueDeliveries {
    /// The last of the events to take over behind one, of which each is there to be read: what has a sequence and is
    /// nowhere yet is not gone past.
    async fn reach(&self, tx: &mut Transaction, behind: u64) -> Result<Option<u64>, StoreError> {
        let mut query = Query::new("SELECT MAX(e.sequence) AS sequence FROM (SELECT sequence");
        query.bind(" FROM outbox WHERE sequence > ?", int("sequence", behind)?);
        query.bind(" ORDER BY sequence LIMIT ?) e", i64::from(self.limit.max(1)));
        let rows = query.fetch_all(tx.written().await?).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Fields::new(row, "outbox", &[]).number_opt("sequence")
    }

    /// Notes, of some of the events that version 1 of the tables has behind `behind` and up to `last`, those that it went
    /// past; tells how many those were.
    async fn mend(&self, tx: &mut Transaction, behind: u64, last: u64) -> Result<u64, StoreError> {
        let webhook = &self.webhook;
        let reach = self.reach(tx, behind).await?.map(|reach| reach.min(last));
        let mut missing = 0;
        if let Some(reach) = reach.filter(|reach| *reach > behind) {
            let range = behind + 1..=reach;
            missing = insert(tx, webhook, &self.kinds, &range).await?;
            if missing > 0 {
                put_behind(tx, webhook, *range.start()).await?;
                make_due(tx, webhook, &range, Which::Undue, self.at).await?;
                let what = json!({
                    "name": webhook,
                    "from": range.start(),
                    "to": range.end(),
                    "missing": missing,
                });
                tx.audit(self.at, Kind::WebhookMended, what).await?;
            }
        }
        let mended = reach.filter(|reach| *reach < last);
        let mended = mended.map(|reach| int("sequence", reach)).transpose()?;
        sqlx::query("UPDATE webhooks SET mended = $1, updated_at = $2 WHERE name = $3")
            .bind(mended)
            .bind(self.at)
            .bind(foreign_text(webhook))
            .execute(tx.connection())
            .await?;
        Ok(missing)
    }
}
