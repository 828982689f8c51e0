//! The tables: whose they are, which version they have, and bringing them up to date.

use crate::{
    audit,
    error::OpenError,
    open::{self, Engine},
};
use sqlx::{
    AnyConnection, Connection as _, Row as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// The migrations of each database, by version.
const SQLITE: [(i64, &str, &str); 4] = [
    (1, "schema", include_str!("../migrations/sqlite/0001_schema.sql")),
    (2, "fees", include_str!("../migrations/sqlite/0002_fees.sql")),
    (3, "events", include_str!("../migrations/sqlite/0003_events.sql")),
    (6, "acceptances", include_str!("../migrations/sqlite/0006_acceptances.sql")),
];
const POSTGRES: [(i64, &str, &str); 4] = [
    (1, "schema", include_str!("../migrations/postgres/0001_schema.sql")),
    (2, "fees", include_str!("../migrations/postgres/0002_fees.sql")),
    (3, "events", include_str!("../migrations/postgres/0003_events.sql")),
    (6, "acceptances", include_str!("../migrations/postgres/0006_acceptances.sql")),
];

/// What marks a SQLite file as ours: `Quor`.
const APPLICATION_ID: i64 = 0x5175_6f72;

/// How many tables there are on a server, how many of them are the list of migrations, and how many are ours.
const TABLES: &str =
    "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()";
const LIST: &str = "SELECT COUNT(*) FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_name = '_sqlx_migrations'";
const OURS: &str = "SELECT COUNT(*) FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_name = 'store_head'";

/// The version of the tables.
const NEWEST: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";

/// Creates or updates the tables.
///
/// # Errors
///
/// If they belong to something else, are of a newer version, or cannot be written.
pub(crate) async fn run(connection: &mut AnyConnection, engine: Engine) -> Result<(), OpenError> {
    match engine {
        Engine::Sqlite => migrate_sqlite(connection).await,
        Engine::Postgres => migrate_postgres(connection).await,
    }
}

/// Examines the tables, and changes nothing.
///
/// # Errors
///
/// If there are none, they belong to something else, or are of another version.
pub(crate) async fn check(connection: &mut AnyConnection, engine: Engine) -> Result<(), OpenError> {
    if engine == Engine::Sqlite {
        let application = count(connection, "PRAGMA application_id").await?;
        let tables = count(connection, "SELECT COUNT(*) FROM sqlite_schema").await?;
        match application {
            APPLICATION_ID => {}
            0 if tables == 0 => return Err(OpenError::Missing),
            _ => return Err(OpenError::OtherApplication),
        }
    } else if count(connection, TABLES).await? == 0 {
        return Err(OpenError::Missing);
    } else if count(connection, LIST).await? == 0 || count(connection, OURS).await? == 0 {
        return Err(OpenError::OtherApplication);
    }
    check_version(connection, engine).await?;
    let (found, known) = (count(connection, NEWEST).await?, known(engine));
    if found < known { Err(OpenError::Older { found, known }) } else { Ok(()) }
}

fn migrations(engine: Engine) -> Migrator {
    let texts = match engine {
        Engine::Sqlite => SQLITE,
        Engine::Postgres => POSTGRES,
    };
    let migration = |(version, name, text): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(texts.into_iter().map(migration).collect())
}

/// In one transaction, so that two processes that open a new file do not get in each other's way.
async fn migrate_sqlite(connection: &mut AnyConnection) -> Result<(), OpenError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let application = count(&mut tx, "PRAGMA application_id").await?;
    let tables = count(&mut tx, "SELECT COUNT(*) FROM sqlite_schema").await?;
    match application {
        APPLICATION_ID => {}
        0 if tables == 0 => {
            open::run(&mut tx, format!("PRAGMA application_id = {APPLICATION_ID}")).await?;
        }
        _ => return Err(OpenError::OtherApplication),
    }
    let is_new = tables == 0;
    if !is_new {
        check_version(&mut tx, Engine::Sqlite).await?;
    }
    migrations(Engine::Sqlite).run_direct(None, &mut *tx, false).await?;
    begin_books(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Under the lock that the migrations take.
async fn migrate_postgres(connection: &mut AnyConnection) -> Result<(), OpenError> {
    if count(connection, TABLES).await? > 0 {
        // Another process that is making the tables just now began with an empty list of migrations.
        if count(connection, LIST).await? == 0 {
            return Err(OpenError::OtherApplication);
        }
        let is_begun = count(connection, NEWEST).await? > 0;
        if is_begun && count(connection, OURS).await? == 0 {
            return Err(OpenError::OtherApplication);
        }
        check_version(connection, Engine::Postgres).await?;
    }
    migrations(Engine::Postgres).run_direct(None, &mut *connection, false).await?;
    begin_books(connection).await
}

async fn count(connection: &mut AnyConnection, query: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query(query).fetch_one(connection).await?.try_get(0)
}

/// The version that this program makes.
fn known(engine: Engine) -> i64 {
    migrations(engine).iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Refuses tables of a version that this program does not know.
async fn check_version(connection: &mut AnyConnection, engine: Engine) -> Result<(), OpenError> {
    let (found, known) = (count(connection, NEWEST).await?, known(engine));
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    Ok(())
}

/// The one row that everything is counted in.
async fn begin_books(connection: &mut AnyConnection) -> Result<(), OpenError> {
    let query = sqlx::query(
        "INSERT INTO store_head (id, outbox_sequence, audit_sequence, audit_hash) \
         VALUES (1, 0, 0, $1) ON CONFLICT (id) DO NOTHING",
    );
    query.bind(audit::GENESIS.to_vec()).execute(connection).await?;
    Ok(())
}
