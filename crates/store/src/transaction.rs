//! A transaction that writes: what is given out in order, and what is told about it.

use crate::{
    audit::{self, Kind},
    budget::{self, Budgets},
    error::{DatabaseError, StoreError},
    lease::Lease,
    open::Engine,
    outbox::EventKind,
    query::Query,
    row::{Fields, blob, int},
    wallet::WalletKey,
};
use alloy::primitives::B256;
use serde_json::Value;
use sqlx::{AnyConnection, Executor as _};

/// What the one row of `store_head` says. Read, and on PostgreSQL locked, at the begin of every transaction
/// that writes: so transactions commit in the order of what they were given, and a reader that sees a
/// sequence has seen all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) outbox_sequence: u64,
    pub(crate) audit_sequence: u64,
    pub(crate) audit_hash: B256,
}

/// The writer's connection while a transaction is open on it.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: AnyConnection,
    stored: Head,
    head: Head,
    /// The lease, once it was read: nobody else writes meanwhile.
    pub(crate) lease: Option<Option<Lease>>,
    /// The budgets that were read or changed.
    pub(crate) budgets: Budgets,
    events: Vec<EventRow>,
    /// With their hashes.
    entries: Vec<(audit::Entry, B256)>,
}

/// An event that is not written yet.
#[derive(Debug)]
struct EventRow {
    sequence: u64,
    at: i64,
    kind: EventKind,
    wallet: WalletKey,
    digest: Option<B256>,
    payload: String,
}

impl Transaction {
    /// Begins, and waits for the one who writes.
    pub(crate) async fn begin(
        mut connection: AnyConnection,
        engine: Engine,
    ) -> Result<Self, DatabaseError> {
        connection.execute(engine.begin()).await?;
        let head = read_head(&mut connection, engine.lock_head()).await.map_err(database)?;
        Ok(Self {
            connection,
            stored: head,
            head,
            lease: None,
            budgets: Budgets::default(),
            events: Vec::new(),
            entries: Vec::new(),
        })
    }

    pub(crate) const fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }

    /// The sequence of the next event.
    pub(crate) const fn next_event(&self) -> u64 {
        self.head.outbox_sequence + 1
    }

    /// The connection for one who reads `outbox` or `audit`: whatever was given a sequence is written first, so that
    /// nobody takes a sequence for an event that is there.
    pub(crate) async fn written(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.write_events().await?;
        self.write_entries().await?;
        Ok(&mut self.connection)
    }

    /// Writes an event of the wallet, to be told when this is committed. It is kept back to be written with others: see
    /// [`Self::written`].
    pub(crate) async fn emit(
        &mut self,
        at: i64,
        kind: EventKind,
        wallet: WalletKey,
        digest: Option<B256>,
        payload: Value,
    ) -> Result<(), StoreError> {
        let (sequence, payload) = (self.next_event(), payload.to_string());
        self.events.push(EventRow { sequence, at, kind, wallet, digest, payload });
        self.head.outbox_sequence = sequence;
        if self.events.len() >= MANY { self.write_events().await } else { Ok(()) }
    }

    /// Appends to the audit log.
    pub(crate) async fn audit(
        &mut self,
        at: i64,
        kind: Kind,
        payload: Value,
    ) -> Result<(), StoreError> {
        let entry = audit::Entry {
            previous: self.head.audit_hash,
            sequence: self.head.audit_sequence + 1,
            at,
            kind: kind.word().to_owned(),
            payload: payload.to_string(),
        };
        let hash = entry.hash();
        (self.head.audit_sequence, self.head.audit_hash) = (entry.sequence, hash);
        self.entries.push((entry, hash));
        if self.entries.len() >= MANY { self.write_entries().await } else { Ok(()) }
    }

    /// Writes what is kept back to be written together. Whatever is committed was flushed before.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        self.write_events().await?;
        self.write_entries().await?;
        budget::flush(self).await
    }

    async fn write_events(&mut self) -> Result<(), StoreError> {
        let mut rows = std::mem::take(&mut self.events);
        while !rows.is_empty() {
            let mut query = Query::new(
                "INSERT INTO outbox (sequence, at, kind, chain_id, wallet, digest, payload) VALUES ",
            );
            for (index, row) in rows.drain(..batch(rows.len())).enumerate() {
                query.bind(if index == 0 { "(?" } else { "), (?" }, int("sequence", row.sequence)?);
                query.bind(", ?", row.at);
                query.bind(", ?", row.kind.word());
                query.bind(", ?", int("chainId", row.wallet.chain_id)?);
                query.bind(", ?", blob(row.wallet.address));
                query.bind(", ?", row.digest.map(blob));
                query.bind(", ?", row.payload);
            }
            query.push(")");
            query.execute(&mut self.connection).await?;
        }
        Ok(())
    }

    async fn write_entries(&mut self) -> Result<(), StoreError> {
        let mut rows = std::mem::take(&mut self.entries);
        while !rows.is_empty() {
            let mut query = Query::new(
                "INSERT INTO audit (sequence, at, kind, payload, previous, hash) VALUES ",
            );
            for (index, (row, hash)) in rows.drain(..batch(rows.len())).enumerate() {
                query.bind(if index == 0 { "(?" } else { "), (?" }, int("sequence", row.sequence)?);
                query.bind(", ?", row.at);
                query.bind(", ?", row.kind);
                query.bind(", ?", row.payload);
                query.bind(", ?", blob(row.previous));
                query.bind(", ?", blob(hash));
            }
            query.push(")");
            query.execute(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Marks a place that [`Self::undo`] goes back to.
    pub(crate) async fn mark(&mut self) -> Result<Head, DatabaseError> {
        self.flush().await.map_err(database)?;
        self.connection.execute("SAVEPOINT intention").await?;
        Ok(self.head)
    }

    /// Keeps what was done since the mark, as part of the transaction.
    pub(crate) async fn keep(&mut self) -> Result<(), DatabaseError> {
        self.connection.execute("RELEASE SAVEPOINT intention").await?;
        Ok(())
    }

    /// Takes back what was done since the mark. Fails if the database took back the whole transaction.
    pub(crate) async fn undo(&mut self, head: Head) -> Result<(), DatabaseError> {
        self.connection.execute("ROLLBACK TO SAVEPOINT intention").await?;
        self.connection.execute("RELEASE SAVEPOINT intention").await?;
        self.head = head;
        self.lease = None;
        self.budgets = Budgets::default();
        self.events.clear();
        self.entries.clear();
        Ok(())
    }

    /// Commits, durably. The connection comes back only if it is fit for the next transaction.
    pub(crate) async fn commit(mut self) -> (Result<(), DatabaseError>, Option<AnyConnection>) {
        match self.try_commit().await {
            Ok(()) => (Ok(()), Some(self.connection)),
            Err(error) => (Err(error), self.roll_back().await),
        }
    }

    async fn try_commit(&mut self) -> Result<(), DatabaseError> {
        if self.head != self.stored {
            self.write_head().await.map_err(database)?;
        }
        self.connection.execute("COMMIT").await?;
        Ok(())
    }

    async fn write_head(&mut self) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE store_head SET outbox_sequence = $1, audit_sequence = $2, audit_hash = $3 \
             WHERE id = 1",
        );
        query
            .bind(int("sequence", self.head.outbox_sequence)?)
            .bind(int("sequence", self.head.audit_sequence)?)
            .bind(blob(self.head.audit_hash))
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Takes everything back. `None`: the connection has to be made anew.
    pub(crate) async fn roll_back(mut self) -> Option<AnyConnection> {
        // SQLite may have taken everything back by itself, and then says that there is no transaction; PostgreSQL only
        // warns. Both leave the connection as it must be; only a broken one does not answer.
        match self.connection.execute("ROLLBACK").await.map_err(DatabaseError::from) {
            Ok(_) | Err(DatabaseError::Refused { .. }) => Some(self.connection),
            Err(_) => None,
        }
    }
}

/// How many rows are written together at most.
const MANY: usize = 32;

/// How many of so many rows are written next: few sizes, since each is another statement to prepare.
const fn batch(rows: usize) -> usize {
    match rows {
        MANY.. => MANY,
        8.. => 8,
        _ => 1,
    }
}

/// The error of the database, of what cannot fail for another reason.
fn database(error: StoreError) -> DatabaseError {
    match error {
        StoreError::Database(error) => error,
        other => DatabaseError::Damaged { detail: other.to_string() },
    }
}

/// Reads the head row without locking it.
pub(crate) const SELECT_HEAD: &str = "SELECT * FROM store_head WHERE id = 1";

/// What the head row says, read with [`SELECT_HEAD`] or [`Engine::lock_head`].
pub(crate) async fn read_head(
    connection: &mut AnyConnection,
    select: &'static str,
) -> Result<Head, StoreError> {
    let row = sqlx::query(select).fetch_one(connection).await?;
    let fields = Fields::new(&row, "store_head", &["id"]);
    Ok(Head {
        outbox_sequence: fields.number("outbox_sequence")?,
        audit_sequence: fields.number("audit_sequence")?,
        audit_hash: fields.b256("audit_hash")?,
    })
}
