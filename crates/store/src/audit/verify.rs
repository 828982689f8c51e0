//! Whether the audit log is as it was written.

use super::{Entry, GENESIS};
use crate::{
    error::StoreError,
    row::{Fields, blob, int},
    transaction,
};
use alloy::primitives::B256;
use sqlx::AnyConnection;

/// How many rows are read at once.
const BATCH: i64 = 1_000;

/// What an examination of the audit log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditReport {
    /// Every row is as it was written.
    Whole {
        /// How many rows there are.
        rows: u64,
        /// The hash of the last one, zero if there is none: keep it elsewhere.
        head: B256,
    },
    /// It was tampered with.
    Broken {
        /// The sequence of the first row that is not as it was written.
        sequence: u64,
        /// What is wrong with it.
        fault: AuditFault,
    },
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// Its content does not have its hash, or it does not follow the row before.
    Changed,
    /// There is none, but there are later ones.
    Missing,
    /// Another row stands in its place.
    Moved {
        /// Where the row that follows the one before stands now.
        found_at: u64,
    },
    /// There is none although more were written: the end was cut off.
    Cut {
        /// How many rows were written.
        written: u64,
    },
    /// No row has the hash that the log is known to have had: its end was cut off and perhaps written anew. The
    /// sequence is that behind the last row.
    HeadMissing {
        /// That hash.
        expected: B256,
    },
}

struct Stored {
    entry: Entry,
    hash: B256,
}

/// Follows the chain of hashes. Reads everything, a part at a time, in one snapshot.
pub(crate) async fn verify(
    connection: &mut AnyConnection,
    expected_head: Option<B256>,
) -> Result<AuditReport, StoreError> {
    let written = transaction::read_head(connection, transaction::SELECT_HEAD).await?;
    let mut rows = 0;
    let mut head = GENESIS;
    let mut is_head_seen = expected_head.is_none_or(|expected| expected == head);
    loop {
        let batch = read_after(connection, rows).await?;
        if batch.is_empty() {
            break;
        }
        for stored in batch {
            let sequence = rows + 1;
            if let Some(fault) = fault_of(connection, sequence, head, &stored).await? {
                return Ok(AuditReport::Broken { sequence, fault });
            }
            (rows, head) = (sequence, stored.hash);
            is_head_seen |= expected_head == Some(head);
        }
    }
    let sequence = rows + 1;
    let fault = match expected_head {
        Some(expected) if !is_head_seen => Some(AuditFault::HeadMissing { expected }),
        _ if rows < written.audit_sequence => {
            Some(AuditFault::Cut { written: written.audit_sequence })
        }
        // The last row was written anew, with one that follows the row before it.
        _ if head != written.audit_hash => {
            return Ok(AuditReport::Broken { sequence: rows, fault: AuditFault::Changed });
        }
        _ => None,
    };
    Ok(fault
        .map_or(AuditReport::Whole { rows, head }, |fault| AuditReport::Broken { sequence, fault }))
}

async fn fault_of(
    connection: &mut AnyConnection,
    sequence: u64,
    previous: B256,
    stored: &Stored,
) -> Result<Option<AuditFault>, StoreError> {
    let Stored { entry, hash } = stored;
    if entry.sequence == sequence && entry.previous == previous && entry.hash() == *hash {
        return Ok(None);
    }
    // The row that belongs here may stand elsewhere.
    let follower = sqlx::query("SELECT sequence FROM audit WHERE previous = $1")
        .bind(blob(previous))
        .fetch_optional(connection)
        .await?;
    let found_at = follower
        .map(|row| Fields::new(&row, "audit", &["sequence"]).number::<u64>("sequence"))
        .transpose()?
        .filter(|&found_at| found_at != sequence);
    Ok(Some(match found_at {
        Some(found_at) => AuditFault::Moved { found_at },
        None if entry.sequence != sequence => AuditFault::Missing,
        None => AuditFault::Changed,
    }))
}

async fn read_after(
    connection: &mut AnyConnection,
    sequence: u64,
) -> Result<Vec<Stored>, StoreError> {
    let query = sqlx::query("SELECT * FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2");
    let rows = query.bind(int("sequence", sequence)?).bind(BATCH).fetch_all(connection).await?;
    let read = |row| {
        let fields = Fields::new(row, "audit", &["sequence"]);
        let entry = Entry {
            previous: fields.b256("previous")?,
            sequence: fields.number("sequence")?,
            at: fields.int("at")?,
            kind: fields.text("kind")?,
            payload: fields.text("payload")?,
        };
        Ok(Stored { entry, hash: fields.b256("hash")? })
    };
    rows.iter().map(read).collect()
}
