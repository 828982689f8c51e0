//! A database for one test.

use eyre::Result;
use quorate_lab::postgres::Server;
use quorate_store::{Engine, Options, Store};
use sqlx::{AnyConnection, Connection as _};
use std::{future::Future, pin::Pin, sync::Arc};
use tempfile::TempDir;

/// A promise of the store: it is given a new database and fails if it is not kept.
pub(crate) type Promise = fn(Database) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Makes a test on SQLite of each function, and the list of those that `postgres.rs` runs on a server.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> eyre::Result<()> {
                super::$name(&crate::database::Database::sqlite()?).await
            })*
        }

        pub(crate) const PROMISES: &[(&str, crate::database::Promise)] = &[
            $((stringify!($name), |database| Box::pin(async move { $name(&database).await }))),*
        ];
    };
}
pub(crate) use on_both;

pub(crate) enum Database {
    Sqlite(TempDir),
    Postgres { server: Arc<Server>, name: String },
}

impl Database {
    pub(crate) fn sqlite() -> Result<Self> {
        Ok(Self::Sqlite(tempfile::tempdir()?))
    }

    /// A new database on a server that others may use too.
    pub(crate) async fn postgres(server: &Arc<Server>, name: String) -> Result<Self> {
        server.create(&name).await?;
        Ok(Self::Postgres { server: Arc::clone(server), name })
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.path().join("relayer.db").display().to_string(),
            Self::Postgres { server, name } => server.url(name),
        }
    }

    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    pub(crate) async fn open(&self) -> Result<Store> {
        self.open_with(Options::default()).await
    }

    pub(crate) async fn open_with(&self, options: Options) -> Result<Store> {
        Ok(Store::open(&self.url(), options).await?)
    }

    /// A connection past the store, as someone has who tampers with it.
    pub(crate) async fn intruder(&self) -> Result<AnyConnection> {
        sqlx::any::install_default_drivers();
        let url = match self {
            Self::Sqlite(_) => format!("sqlite://{}", self.url()),
            Self::Postgres { .. } => self.url(),
        };
        Ok(AnyConnection::connect(&url).await?)
    }

    /// Runs statements past the store.
    pub(crate) async fn tamper(&self, statements: &'static str) -> Result<()> {
        let mut intruder = self.intruder().await?;
        sqlx::raw_sql(statements).execute(&mut intruder).await?;
        intruder.close().await?;
        Ok(())
    }
}
