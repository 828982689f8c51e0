//! What another program does to a SQLite file.

use eyre::Result;
use sqlx::{AnyConnection, Connection as _};
use std::path::Path;

/// The lock for writing, held until it is released or dropped.
#[derive(Debug)]
pub struct Lock(AnyConnection);

impl Lock {
    /// Takes the lock, as a program does that begins to write; waits for whoever writes.
    ///
    /// # Errors
    ///
    /// If the file is no database, or somebody else does not end.
    pub async fn take(file: &Path) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let mut connection =
            AnyConnection::connect(&format!("sqlite://{}", file.display())).await?;
        sqlx::query("PRAGMA busy_timeout = 10000").execute(&mut connection).await?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
        Ok(Self(connection))
    }

    /// Gives it back.
    ///
    /// # Errors
    ///
    /// If the file is gone.
    pub async fn release(mut self) -> Result<()> {
        sqlx::query("ROLLBACK").execute(&mut self.0).await?;
        Ok(self.0.close().await?)
    }
}
