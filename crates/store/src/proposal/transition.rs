//! From one status to the next, if nobody else was first.

use super::read;
use crate::{
    audit::Kind,
    error::StoreError,
    outbox::EventKind,
    row::{blob, foreign_text, int},
    status::{Failure, Status, StatusColumns},
    transaction::Transaction,
    wallet::named,
    writer::Intention,
};
use alloy::primitives::B256;
use serde_json::json;

/// A change of a proposal's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The proposal.
    pub digest: B256,
    /// The revision that the decision was made on.
    pub expected_revision: u64,
    /// Its status from now on.
    pub status: Status,
    /// Whether that is final.
    pub is_final: bool,
    /// An attempt that was mined and reverted; `None` leaves what is known of the last one.
    pub failure: Option<Failure>,
}

pub(crate) struct Move {
    pub(crate) transition: Transition,
    pub(crate) at: i64,
}

impl Intention for Move {
    type Output = u64;

    async fn apply(&self, tx: &mut Transaction) -> Result<u64, StoreError> {
        carry_out(tx, &self.transition, self.at).await
    }
}

/// Changes the status if the revision is the expected one; tells the new revision.
pub(crate) async fn carry_out(
    tx: &mut Transaction,
    transition: &Transition,
    at: i64,
) -> Result<u64, StoreError> {
    let Transition { digest, expected_revision: expected, status, is_final, failure } = transition;
    let digest = *digest;
    let query = sqlx::query("SELECT * FROM proposals WHERE digest = $1").bind(blob(digest));
    let row = query.fetch_optional(tx.connection()).await?;
    let present = read::read(&row.ok_or(StoreError::UnknownProposal { digest })?)?;
    let conflict = |actual| StoreError::Conflict {
        what: format!("proposal {digest}"),
        expected: *expected,
        actual,
    };
    if present.revision != *expected {
        return Err(conflict(present.revision));
    }
    if !present.status.may_become(status) {
        let (from, to) = (Box::new(present.status), Box::new(status.clone()));
        return Err(StoreError::IllegalTransition { digest, from, to });
    }
    let revision = expected + 1;
    if update(tx, transition, revision, at).await? != 1 {
        return Err(conflict(revision));
    }
    let is_reopened = !present.status.word().is_open() && status.word().is_open();
    let kind = if is_reopened { EventKind::Reopened } else { EventKind::Status };
    let what = json!({
        "digest": digest,
        "status": status.word().word(),
        "reason": status.reason(),
        "final": is_final,
        "revision": revision,
    });
    tx.emit(at, kind, present.wallet(), Some(digest), what.clone()).await?;
    let mut what = named(present.wallet(), what);
    what["from"] = json!(present.status.word().word());
    what["txHash"] = match status {
        Status::Executed(execution) => json!(execution.tx_hash),
        _ => json!(failure.as_ref().map(|failure| failure.tx_hash)),
    };
    if let Status::Superseded { by } = status {
        what["supersededBy"] = json!(by);
    }
    tx.audit(at, Kind::Status, what).await?;
    Ok(revision)
}

async fn update(
    tx: &mut Transaction,
    transition: &Transition,
    revision: u64,
    at: i64,
) -> Result<u64, StoreError> {
    let Transition { digest, expected_revision, status, is_final, failure } = transition;
    let columns = StatusColumns::of(status)?;
    let failure_block =
        failure.as_ref().map(|failure| int("blockNumber", failure.block_number)).transpose()?;
    let query = sqlx::query(
        "UPDATE proposals SET status = $1, reason = $2, final = $3, revision = $4, \
         superseded_by = $5, execution_tx = $6, execution_block = $7, execution_block_hash = $8, \
         execution_gas = $9, execution_fee = $10, failure_tx = COALESCE($11, failure_tx), \
         failure_block = COALESCE($12, failure_block), \
         failure_reason = COALESCE($13, failure_reason), updated_at = $14 \
         WHERE digest = $15 AND revision = $16",
    );
    let done = query
        .bind(status.word().word())
        .bind(status.reason().map(str::to_owned))
        .bind(i64::from(*is_final))
        .bind(int("revision", revision)?)
        .bind(columns.superseded_by)
        .bind(columns.tx)
        .bind(columns.block)
        .bind(columns.block_hash)
        .bind(columns.gas)
        .bind(columns.fee)
        .bind(failure.as_ref().map(|failure| blob(failure.tx_hash)))
        .bind(failure_block)
        .bind(failure.as_ref().map(|failure| foreign_text(&failure.reason)))
        .bind(at)
        .bind(blob(digest))
        .bind(int("revision", *expected_revision)?)
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected())
}
