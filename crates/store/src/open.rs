//! Opening a database: which one, and how its connections behave.

use crate::{
    error::{DatabaseError, OpenError},
    migrate,
};
use sqlx::{
    AnyConnection, AnyPool, AssertSqlSafe, Connection as _, Executor as _,
    any::{AnyConnectOptions, AnyPoolOptions},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How a store behaves. The defaults are made for one relayer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many connections read at most.
    pub readers: u32,
    /// How many intentions wait to be stored at most.
    pub queue: usize,
    /// How many intentions are committed together at most; 1 gives each its own commit.
    pub group: usize,
    /// How long one waits for a place in the queue.
    pub queue_wait: Duration,
    /// How long the database waits for another one who writes.
    pub busy_wait: Duration,
    /// How long a server may take for what is committed together; one that takes longer is connected to anew.
    pub transaction_wait: Duration,
    /// How many pages a SQLite file may have, 4,096 bytes each: to rehearse a full disk. `None` is no limit.
    pub max_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 1_024,
            group: 64,
            queue_wait: Duration::from_secs(5),
            busy_wait: Duration::from_secs(5),
            transaction_wait: Duration::from_secs(30),
            max_pages: None,
        }
    }
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    ReadOnly,
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A server, or one that speaks its protocol.
    Postgres,
}

impl Engine {
    /// Begins a transaction that writes. SQLite takes the lock at once: a reader that turns into a writer later is not
    /// waited for but refused.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Reads the head row, and keeps others from writing until the commit.
    pub(crate) const fn lock_head(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT * FROM store_head WHERE id = 1",
            Self::Postgres => "SELECT * FROM store_head WHERE id = 1 FOR UPDATE",
        }
    }

    /// Begins a transaction in which all reads see the same state.
    pub(crate) const fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }

    /// What every connection is told first.
    fn settings(self, options: &Options) -> String {
        let wait = options.busy_wait.as_millis();
        match self {
            // fullfsync: on macOS a plain fsync leaves the bytes in the drive's cache.
            Self::Sqlite => format!(
                "PRAGMA busy_timeout = {wait}; PRAGMA foreign_keys = ON; \
                 PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;"
            ),
            // A process that was stopped inside a transaction must not keep the others out for ever.
            Self::Postgres => format!(
                "SET synchronous_commit = on; SET lock_timeout = {wait}; \
                 SET idle_in_transaction_session_timeout = {wait}; \
                 SET default_transaction_isolation = 'read committed'; SET client_min_messages = error;"
            ),
        }
    }

    const fn read_only(self) -> &'static str {
        match self {
            Self::Sqlite => "PRAGMA query_only = ON;",
            Self::Postgres => "SET default_transaction_read_only = on;",
        }
    }
}

/// Makes connections. Its `Debug` does not show the URL, which may hold a password.
#[derive(Clone)]
pub(crate) struct Connector {
    engine: Engine,
    address: AnyConnectOptions,
    file: Option<PathBuf>,
    options: Options,
}

impl Connector {
    /// Reads the address of a database.
    pub(crate) fn new(url: &str, options: Options, access: Access) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let unreadable = |detail: &str| OpenError::Url { detail: detail.to_owned() };
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let address = url.parse().map_err(OpenError::from)?;
            return Ok(Self { engine: Engine::Postgres, address, file: None, options });
        }
        let path = match url.strip_prefix("sqlite:") {
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None if url.contains("://") => {
                return Err(unreadable("this kind of database is not known"));
            }
            None => url,
        };
        if path.is_empty() || path == ":memory:" || path.contains('?') {
            return Err(unreadable("this names no file"));
        }
        let file = std::path::absolute(path).map_err(|_| unreadable("this names no file"))?;
        let text = file.to_str().ok_or_else(|| unreadable("the file's name is no text"))?;
        let mode = match access {
            Access::Write => "rw",
            Access::ReadOnly => "ro",
        };
        let address = format!("sqlite://{}?mode={mode}", percent_encoded(text));
        let address = address.parse().map_err(OpenError::from)?;
        Ok(Self { engine: Engine::Sqlite, address, file: Some(file), options })
    }

    pub(crate) const fn engine(&self) -> Engine {
        self.engine
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    /// Creates what is missing, brings the tables up to date, and returns a connection that writes.
    pub(crate) async fn open(&self) -> Result<AnyConnection, OpenError> {
        if let Some(file) = &self.file {
            create(file)?;
        }
        let mut connection = self.connect().await?;
        migrate::run(&mut connection, self.engine).await?;
        self.prepare_writer(&mut connection).await?;
        Ok(connection)
    }

    /// Another connection that writes. There was one before: what refuses it now, as a server that knows the password or
    /// the database no more, may pass.
    pub(crate) async fn connect_writer(&self) -> Result<AnyConnection, DatabaseError> {
        let connecting = async {
            let mut connection = self.connect().await?;
            self.prepare_writer(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        connecting.await.map_err(|error| match error.into() {
            DatabaseError::Refused { detail } => DatabaseError::Disconnected { detail },
            error => error,
        })
    }

    /// The connections that read.
    pub(crate) async fn pool(&self) -> Result<AnyPool, DatabaseError> {
        let settings = self.engine.settings(&self.options);
        let read_only = self.engine.read_only();
        let pool = AnyPoolOptions::new()
            .max_connections(self.options.readers.max(1))
            .acquire_timeout(self.options.queue_wait)
            .after_connect(move |connection, _| {
                let settings = format!("{settings} {read_only}");
                Box::pin(async move { run(connection, settings).await })
            });
        Ok(pool.connect_with(self.address.clone()).await?)
    }

    async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = AnyConnection::connect_with(&self.address).await?;
        run(&mut connection, self.engine.settings(&self.options)).await?;
        Ok(connection)
    }

    async fn prepare_writer(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        if self.engine == Engine::Sqlite {
            connection.execute("PRAGMA journal_mode = WAL").await?;
            if let Some(pages) = self.options.max_pages {
                run(connection, format!("PRAGMA max_page_count = {pages}")).await?;
            }
        }
        Ok(())
    }
}

/// Runs statements that are put together of constants and numbers.
pub(crate) async fn run(
    connection: &mut AnyConnection,
    statements: String,
) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    Ok(())
}

/// Creates an empty file that only its owner may read; one that is there stays as it is. SQLite gives the
/// files beside it the same permissions.
fn create(file: &Path) -> Result<(), OpenError> {
    let mut how = std::fs::OpenOptions::new();
    how.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
    match how.open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            Err(OpenError::Create { path: file.display().to_string(), detail: error.to_string() })
        }
    }
}

fn percent_encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(byte.into());
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
