//! One engine at a time: the lease that every allocation of an account nonce shows.

use crate::{
    audit::Kind,
    error::StoreError,
    row::{Fields, foreign_text, int},
    transaction::Transaction,
    writer::Intention,
};
use serde_json::json;
use sqlx::AnyConnection;

/// The right to send. It is lost when another holder takes it over, and never comes back: the epoch is another
/// then. Whether it expired is nobody's concern until somebody takes it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who has it: a name that no other process uses at the same time.
    pub holder: String,
    /// How often it was taken, from 1.
    pub epoch: u64,
    /// Until when nobody else gets it, in Unix milliseconds.
    pub expires_at: i64,
}

/// The answer to one who asks for the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is the asker's now.
    Acquired(Lease),
    /// Another has it, and it is not expired.
    Held(Lease),
}

pub(crate) struct AcquireLease {
    pub(crate) holder: String,
    pub(crate) duration_millis: u32,
    pub(crate) at: i64,
}

impl Intention for AcquireLease {
    type Output = LeaseAnswer;

    async fn apply(&self, tx: &mut Transaction) -> Result<LeaseAnswer, StoreError> {
        let present = find(tx.connection()).await?;
        if let Some(lease) = &present
            && lease.holder != self.holder
            && lease.expires_at > self.at
        {
            return Ok(LeaseAnswer::Held(lease.clone()));
        }
        let lease = Lease {
            holder: self.holder.clone(),
            epoch: present.as_ref().map_or(0, |lease| lease.epoch) + 1,
            expires_at: self.at.saturating_add(self.duration_millis.into()),
        };
        tx.lease = None;
        let query = sqlx::query(
            "INSERT INTO lease (id, holder, epoch, expires_at) VALUES (1, $1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET holder = $1, epoch = $2, expires_at = $3",
        );
        query
            .bind(foreign_text(&lease.holder))
            .bind(int("epoch", lease.epoch)?)
            .bind(lease.expires_at)
            .execute(tx.connection())
            .await?;
        let from = present.map(|lease| lease.holder);
        let what = json!({ "holder": lease.holder, "epoch": lease.epoch, "from": from });
        tx.audit(self.at, Kind::LeaseTaken, what).await?;
        Ok(LeaseAnswer::Acquired(lease))
    }
}

pub(crate) struct RenewLease {
    pub(crate) lease: Lease,
    pub(crate) duration_millis: u32,
    pub(crate) at: i64,
}

impl Intention for RenewLease {
    type Output = Lease;

    async fn apply(&self, tx: &mut Transaction) -> Result<Lease, StoreError> {
        check(tx, &self.lease).await?;
        // A clock that went back does not shorten what was promised.
        let until = self.at.saturating_add(self.duration_millis.into());
        let expires_at = until.max(self.lease.expires_at);
        set_expiry(tx, expires_at).await?;
        Ok(Lease { expires_at, ..self.lease.clone() })
    }
}

pub(crate) struct ReleaseLease {
    pub(crate) lease: Lease,
    pub(crate) at: i64,
}

impl Intention for ReleaseLease {
    type Output = ();

    async fn apply(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        check(tx, &self.lease).await?;
        set_expiry(tx, i64::MIN).await?;
        let what = json!({ "holder": self.lease.holder, "epoch": self.lease.epoch });
        tx.audit(self.at, Kind::LeaseReleased, what).await
    }
}

async fn set_expiry(tx: &mut Transaction, expires_at: i64) -> Result<(), StoreError> {
    tx.lease = None;
    sqlx::query("UPDATE lease SET expires_at = $1 WHERE id = 1")
        .bind(expires_at)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Refuses one whose lease was taken over. Does not look at the time: an expired lease that nobody took is
/// still the only one.
pub(crate) async fn check(tx: &mut Transaction, asked: &Lease) -> Result<(), StoreError> {
    let held = match &tx.lease {
        Some(held) => held.clone(),
        None => {
            let held = find(tx.connection()).await?;
            tx.lease = Some(held.clone());
            held
        }
    };
    match &held {
        Some(lease) if lease.holder == asked.holder && lease.epoch == asked.epoch => Ok(()),
        _ => Err(StoreError::LeaseLost { asked: asked.clone(), held }),
    }
}

pub(crate) async fn find(connection: &mut AnyConnection) -> Result<Option<Lease>, StoreError> {
    let row = sqlx::query("SELECT * FROM lease WHERE id = 1").fetch_optional(connection).await?;
    let read = |row| {
        let fields = Fields::new(&row, "lease", &["id"]);
        Ok(Lease {
            holder: fields.json("holder")?,
            epoch: fields.number("epoch")?,
            expires_at: fields.int("expires_at")?,
        })
    };
    row.map(read).transpose()
}
