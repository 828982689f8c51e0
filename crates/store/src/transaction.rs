//! A transaction that writes: what is given out in order, and what is told about it.

use crate::{
    audit::{self, Kind},
    error::{DatabaseError, StoreError},
    lease::Lease,
    open::Engine,
    outbox::EventKind,
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
}

impl Transaction {
    /// Begins, and waits for the one who writes.
    pub(crate) async fn begin(
        mut connection: AnyConnection,
        engine: Engine,
    ) -> Result<Self, DatabaseError> {
        connection.execute(engine.begin()).await?;
        let head = read_head(&mut connection, engine.lock_head()).await.map_err(database)?;
        Ok(Self { connection, stored: head, head, lease: None })
    }

    pub(crate) const fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }

    /// The sequence of the next event.
    pub(crate) const fn next_event(&self) -> u64 {
        self.head.outbox_sequence + 1
    }

    /// Writes an event of the wallet, to be told when this is committed.
    pub(crate) async fn emit(
        &mut self,
        at: i64,
        kind: EventKind,
        wallet: WalletKey,
        digest: Option<B256>,
        payload: Value,
    ) -> Result<(), StoreError> {
        let sequence = self.next_event();
        let query = sqlx::query(
            "INSERT INTO outbox (sequence, at, kind, chain_id, wallet, digest, payload) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        query
            .bind(int("sequence", sequence)?)
            .bind(at)
            .bind(kind.word())
            .bind(int("chainId", wallet.chain_id)?)
            .bind(blob(wallet.address))
            .bind(digest.map(blob))
            .bind(payload.to_string())
            .execute(&mut self.connection)
            .await?;
        self.head.outbox_sequence = sequence;
        Ok(())
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
        let query = sqlx::query(
            "INSERT INTO audit (sequence, at, kind, payload, previous, hash) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        query
            .bind(int("sequence", entry.sequence)?)
            .bind(at)
            .bind(entry.kind)
            .bind(entry.payload)
            .bind(blob(entry.previous))
            .bind(blob(hash))
            .execute(&mut self.connection)
            .await?;
        self.head.audit_sequence = entry.sequence;
        self.head.audit_hash = hash;
        Ok(())
    }

    /// Marks a place that [`Self::undo`] goes back to.
    pub(crate) async fn mark(&mut self) -> Result<Head, DatabaseError> {
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
