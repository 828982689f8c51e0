//! From one status to the next.

use super::read;
use crate::{
    audit::Kind,
    error::StoreError,
    lease::{self, Lease},
    outbox::EventKind,
    row::{blob, int},
    transaction::Transaction,
    wallet::{Recorded, named},
    writer::Intention,
};
use quorate_core::{Status, status::StatusChange};
use serde_json::json;

pub(crate) struct ChangeStatus {
    pub(crate) lease: Lease,
    pub(crate) change: StatusChange,
    pub(crate) at: i64,
}

impl Intention for ChangeStatus {
    type Output = Recorded;

    /// Changes the status unless a later one is known. A reorg may turn one closed status into another at once.
    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        lease::check(tx, &self.lease).await?;
        let StatusChange { digest, status, is_final, revision, .. } = &self.change;
        let digest = *digest;
        let present = read::standing(tx.connection(), digest).await?;
        let present = present.ok_or(StoreError::UnknownProposal { digest })?;
        if present.revision >= *revision {
            return Ok(Recorded::Known);
        }
        self.update(tx, present.revision).await?;
        let is_reopened = present.status.is_terminal() && present.status.word() != status.word();
        let kind = if is_reopened { EventKind::Reopened } else { EventKind::Status };
        let what = json!({
            "digest": digest,
            "status": status.name(),
            "reason": status.reason(),
            "final": is_final,
            "revision": revision,
        });
        tx.emit(self.at, kind, present.wallet, Some(digest), what.clone()).await?;
        let mut what = named(present.wallet, what);
        what["from"] = json!(present.status.name());
        match status {
            Status::Executed { tx_hash, block } => {
                what["txHash"] = json!(tx_hash);
                what["block"] = json!(block);
            }
            Status::Superseded { by } => what["supersededBy"] = json!(by),
            Status::Collecting { .. }
            | Status::Ready { .. }
            | Status::Submitted
            | Status::Expired => {}
        }
        if self.change.failures.len() > present.failures {
            what["failure"] = json!(self.change.failures.last());
        }
        tx.audit(self.at, Kind::Status, what).await?;
        Ok(Recorded::New)
    }
}

impl ChangeStatus {
    async fn update(&self, tx: &mut Transaction, expected: u64) -> Result<(), StoreError> {
        let StatusChange { digest, status, is_final, revision, ready_order, failures } =
            &self.change;
        let (mut tx_hash, mut block, mut superseded_by) = (None, None, None);
        match status {
            Status::Executed { tx_hash: hash, block: at } => {
                (tx_hash, block) = (Some(blob(hash)), Some(*at));
            }
            Status::Superseded { by } => superseded_by = by.map(blob),
            Status::Collecting { .. }
            | Status::Ready { .. }
            | Status::Submitted
            | Status::Expired => {}
        }
        let query = sqlx::query(
            "UPDATE proposals SET status = $1, reason = $2, final = $3, revision = $4, \
             superseded_by = $5, execution_tx = $6, execution_block = $7, \
             execution_block_hash = $8, ready_order = $9, failures = $10, updated_at = $11 \
             WHERE digest = $12 AND revision = $13",
        );
        let done = query
            .bind(status.name())
            .bind(status.reason().map(|reason| reason.name()))
            .bind(i64::from(*is_final))
            .bind(int("revision", *revision)?)
            .bind(superseded_by)
            .bind(tx_hash)
            .bind(block.map(|block| int("blockNumber", block.number)).transpose()?)
            .bind(block.map(|block| blob(block.hash)))
            .bind(ready_order.map(|order| int("readyOrder", order)).transpose()?)
            .bind(json!(failures).to_string())
            .bind(self.at)
            .bind(blob(digest))
            .bind(int("revision", expected)?)
            .execute(tx.connection())
            .await?;
        if done.rows_affected() != 1 {
            let what = format!("proposal {digest}");
            return Err(StoreError::Conflict { what, expected, actual: *revision });
        }
        Ok(())
    }
}
