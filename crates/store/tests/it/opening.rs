//! Opening: what is refused, and in which words.

use crate::{
    database::{Database, on_both},
    sample::{NOW, proposed},
};
use eyre::Result;
use quorate_store::{
    AuditReport, DatabaseError, Engine, OpenError, Options, Storage, Store, StoreError,
};
use std::os::unix::fs::PermissionsExt as _;

on_both!(
    what_was_stored_is_there_again,
    a_newer_version_is_refused,
    another_application_is_refused,
    many_may_open_a_new_one_at_once,
    nothing_shows_the_url,
    one_that_is_read_only_stores_nothing,
    one_that_is_not_there_is_not_made,
    another_version_is_not_read,
);

async fn refusal(database: &Database) -> OpenError {
    Store::open(&database.url(), Options::default()).await.expect_err("it is refused")
}

async fn what_was_stored_is_there_again(database: &Database) -> Result<()> {
    let store = database.open().await?;
    assert_eq!(store.engine(), database.engine());
    let digest = proposed(&store).await?;
    let before = store.find_proposal(digest).await?;
    store.close().await;
    let again = database.open().await?;
    assert_eq!(again.find_proposal(digest).await?, before);
    Ok(())
}

async fn a_newer_version_is_refused(database: &Database) -> Result<()> {
    database.open().await?.close().await;
    database
        .tamper(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT version + 1, description, success, checksum, 0 FROM _sqlx_migrations \
             ORDER BY version DESC LIMIT 1",
        )
        .await?;
    let refused = refusal(database).await;
    let OpenError::Newer { found, known } = refused else { panic!("{refused:?}") };
    assert_eq!(found, known + 1);
    assert!(!refused.to_string().contains('\n'));
    Ok(())
}

async fn another_application_is_refused(database: &Database) -> Result<()> {
    if database.engine() == Engine::Sqlite {
        std::fs::write(database.url(), "")?;
    }
    database.tamper("CREATE TABLE customers (id BIGINT)").await?;
    assert_eq!(refusal(database).await, OpenError::OtherApplication);
    // Nor one that keeps its versions as this one does.
    database
        .tamper("CREATE TABLE _sqlx_migrations (version BIGINT); INSERT INTO _sqlx_migrations VALUES (1)")
        .await?;
    assert_eq!(refusal(database).await, OpenError::OtherApplication);
    Ok(())
}

async fn many_may_open_a_new_one_at_once(database: &Database) -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let url = database.url();
        tasks.spawn(async move { Store::open(&url, Options::default()).await });
    }
    for store in tasks.join_all().await {
        let store = store?;
        store.register_wallet(crate::sample::new_wallet(0), NOW).await?;
    }
    Ok(())
}

async fn nothing_shows_the_url(database: &Database) -> Result<()> {
    let store = database.open().await?;
    assert_eq!(format!("{store:?}"), format!("Store {{ engine: {:?}, .. }}", store.engine()));
    Ok(())
}

async fn one_that_is_read_only_stores_nothing(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let (found, head) = (store.find_proposal(digest).await?, store.audit_head().await?);
    // While the other writes, and after it is gone.
    for is_alone in [false, true] {
        if is_alone {
            store.close().await;
        }
        let reader = Store::open_read_only(&database.url(), Options::default()).await?;
        assert_eq!(reader.find_proposal(digest).await?, found);
        let report = reader.verify_audit(Some(head)).await?;
        assert!(matches!(report, AuditReport::Whole { .. }), "{report:?}");
        let refused = reader.register_wallet(crate::sample::new_wallet(1), NOW).await;
        let read_only = |error: &StoreError| {
            matches!(error, StoreError::Database(DatabaseError::ReadOnly { .. }))
        };
        assert!(refused.as_ref().is_err_and(read_only), "{refused:?}");
        assert!(reader.check_writable().await.as_ref().is_err_and(read_only));
        assert_eq!(*reader.told().borrow(), 0);
        reader.close().await;
    }
    Ok(())
}

async fn one_that_is_not_there_is_not_made(database: &Database) -> Result<()> {
    let read = async || Store::open_read_only(&database.url(), Options::default()).await;
    if database.engine() == Engine::Sqlite {
        assert!(read().await.is_err());
        assert!(!std::fs::exists(database.url())?);
        std::fs::write(database.url(), "")?;
    }
    assert_eq!(read().await.expect_err("there is none"), OpenError::Missing);
    database.tamper("CREATE TABLE customers (id BIGINT)").await?;
    assert_eq!(read().await.expect_err("it is another's"), OpenError::OtherApplication);
    Ok(())
}

async fn another_version_is_not_read(database: &Database) -> Result<()> {
    let read = async || Store::open_read_only(&database.url(), Options::default()).await;
    database.open().await?.close().await;
    database.tamper("UPDATE _sqlx_migrations SET version = -version").await?;
    let older = read().await.expect_err("it is older");
    assert!(matches!(older, OpenError::Older { found, known } if found < known), "{older:?}");
    database.tamper("UPDATE _sqlx_migrations SET version = 1000 - version").await?;
    let newer = read().await.expect_err("it is newer");
    assert!(matches!(newer, OpenError::Newer { found, known } if found > known), "{newer:?}");
    Ok(())
}

#[tokio::test]
async fn a_new_file_belongs_to_its_owner_only() -> Result<()> {
    let database = Database::sqlite()?;
    let store = database.open().await?;
    proposed(&store).await?;
    for suffix in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(database.url() + suffix)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
    Ok(())
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() -> Result<()> {
    let database = Database::sqlite()?;
    let text = "this is no database, but long enough to have the header of one. ".repeat(20);
    std::fs::write(database.url(), &text)?;
    let refused = refusal(&database).await;
    assert!(!refused.is_retryable() && !refused.to_string().contains('\n'), "{refused}");
    assert_eq!(std::fs::read_to_string(database.url())?, text);
    Ok(())
}

#[tokio::test]
async fn odd_names_are_files_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for name in ["a b.db", "100%.db", "ü#.db"] {
        let path = folder.path().join(name);
        let store = Store::open(&format!("sqlite:{}", path.display()), Options::default()).await?;
        proposed(&store).await?;
        store.close().await;
        assert!(path.is_file(), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn an_address_that_makes_no_sense_is_refused_without_its_password() -> Result<()> {
    let urls = ["mysql://me:secret@host/db", "postgres://me:secret@host:port/db", "sqlite:", ""];
    for url in urls {
        let refused = Store::open(url, Options::default()).await.expect_err("it is refused");
        assert!(matches!(refused, OpenError::Url { .. }), "{refused:?}");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
    let missing = Store::open("/nowhere/relayer.db", Options::default()).await;
    assert!(matches!(missing, Err(OpenError::Create { .. })), "{missing:?}");
    Ok(())
}

/// Comments aside, they differ in one word.
#[test]
fn both_schemas_are_one() {
    for (sqlite, postgres) in [
        (
            include_str!("../../migrations/sqlite/0001_schema.sql"),
            include_str!("../../migrations/postgres/0001_schema.sql"),
        ),
        (
            include_str!("../../migrations/sqlite/0002_fees.sql"),
            include_str!("../../migrations/postgres/0002_fees.sql"),
        ),
    ] {
        check_one_schema(sqlite, postgres);
    }
}

fn check_one_schema(sqlite: &str, postgres: &str) {
    let statements = |text: &str| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        lines.map(|line| line.replace("BLOB", "BYTEA")).collect::<Vec<_>>()
    };
    assert_eq!(statements(sqlite), statements(postgres));
    assert!(!statements(postgres).concat().contains("BLOB"));
}
