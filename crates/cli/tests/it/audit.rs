//! `quorate audit`: whatever is done to a row is found, and which row it was.

use eyre::{Result, ensure};
use quorate_lab::program::{Answer, Program};
use quorate_store::{LeaseAnswer, Options, Storage as _, Store};
use sqlx::{AnyConnection, Connection as _};
use std::fs;
use tempfile::TempDir;

/// How many rows the log has.
const ROWS: u64 = 6;

struct Log {
    folder: TempDir,
    program: Program,
}

impl Log {
    /// A real store, in which a lease was taken and given back until the log has its rows.
    async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = folder.path().join("relayer.db").display().to_string();
        let store = Store::open(&url, Options::default()).await?;
        for at in 0..3 {
            let answer = store.acquire_lease("test".to_owned(), 1_000, at).await?;
            let LeaseAnswer::Acquired(lease) = answer else { panic!("{answer:?}") };
            store.release_lease(&lease, at).await?;
        }
        store.close().await;
        Ok(Self { folder, program: Program::at(env!("CARGO_BIN_EXE_quorate")) })
    }

    fn run(&self, arguments: &[&str]) -> Result<Answer> {
        let store = ["--store", "relayer.db"];
        self.program.run(self.folder.path(), &[&["audit"], arguments, &store].concat())
    }

    fn head(&self) -> Result<String> {
        Ok(self.run(&["head"])?.stdout.trim().to_owned())
    }

    /// Statements past the store, as of someone who tampers with it.
    async fn tamper(&self, statements: &'static str) -> Result<()> {
        sqlx::any::install_default_drivers();
        let file = self.folder.path().join("relayer.db");
        let mut intruder = AnyConnection::connect(&format!("sqlite://{}", file.display())).await?;
        sqlx::raw_sql(statements).execute(&mut intruder).await?;
        Ok(intruder.close().await?)
    }

    /// That the log is refused with 7 and these words, and in JSON with this fault in this row.
    fn finds(&self, more: &[&str], row: u64, fault: &str, words: &str) -> Result<()> {
        let answer = self.run(&[&["verify"], more].concat())?;
        ensure!(answer.code == 7, "{words}: {answer:?}");
        let line = format!("error: row {row} of the audit log {words}");
        ensure!(answer.stderr.starts_with(&line), "{words}: {answer:?}");
        ensure!(answer.stderr.lines().count() == 1 && answer.stdout.is_empty(), "{answer:?}");
        let answer = self.run(&[&["verify", "--json"], more].concat())?;
        let found: serde_json::Value = serde_json::from_str(&answer.stdout)?;
        ensure!(found["whole"] == false && found["sequence"] == row, "{found}");
        ensure!(found["fault"] == fault && answer.code == 7, "{found}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_whole_tells_its_head() -> Result<()> {
    let log = Log::new().await?;
    let head = log.head()?;
    ensure!(head.len() == 66 && head.starts_with("0x"), "{head}");
    for more in [&[][..], &["--head", &head]] {
        let answer = log.run(&[&["verify"], more].concat())?;
        ensure!(answer.code == 0 && answer.stdout.contains(&head), "{answer:?}");
        let answer = log.run(&[&["verify", "--json"], more].concat())?;
        let whole: serde_json::Value = serde_json::from_str(&answer.stdout)?;
        let expected = serde_json::json!({ "whole": true, "rows": ROWS, "head": head });
        assert_eq!(whole, expected);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_missing_and_moved_rows_are_named() -> Result<()> {
    let log = Log::new().await?;
    log.tamper("UPDATE audit SET at = at + 1 WHERE sequence = 3").await?;
    log.finds(&[], 3, "changed", "was changed")?;
    log.tamper("UPDATE audit SET at = at - 1 WHERE sequence = 3").await?;
    let swap = "UPDATE audit SET sequence = -1 WHERE sequence = 2; \
                UPDATE audit SET sequence = 2 WHERE sequence = 4; \
                UPDATE audit SET sequence = 4 WHERE sequence = -1";
    log.tamper(swap).await?;
    log.finds(&[], 2, "moved", "is another: the one that was written there stands at 4")?;
    log.tamper(swap).await?;
    log.tamper("DELETE FROM audit WHERE sequence = 5").await?;
    log.finds(&[], 5, "missing", "is missing, and later ones are there")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_is_found_and_one_hidden_well_by_its_head() -> Result<()> {
    let log = Log::new().await?;
    let head = log.head()?;
    log.tamper("DELETE FROM audit WHERE sequence > 4").await?;
    log.finds(&[], 5, "cut", "is missing, and all behind it: 6 were written")?;
    log.tamper(
        "UPDATE store_head SET audit_sequence = 4, \
         audit_hash = (SELECT hash FROM audit WHERE sequence = 4)",
    )
    .await?;
    ensure!(log.run(&["verify"])?.code == 0, "nothing but the head tells");
    log.finds(&["--head", &head], 5, "headMissing", "is where it ends, and none has the hash")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_that_is_none_is_damage() -> Result<()> {
    let log = Log::new().await?;
    log.tamper("UPDATE audit SET hash = x'00' WHERE sequence = 2").await?;
    let answer = log.run(&["verify"])?;
    ensure!(answer.code == 7 && answer.error().contains("row 2 of table audit"), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_by_looking() -> Result<()> {
    let log = Log::new().await?;
    let file = log.folder.path().join("relayer.db");
    // Of a version that this program would bring up to date if it ran on it.
    log.tamper("UPDATE _sqlx_migrations SET version = -version").await?;
    let before = fs::read(&file)?;
    for command in ["verify", "head"] {
        let answer = log.run(&[command])?;
        ensure!(answer.code == 3 && answer.error().contains("an older version"), "{answer:?}");
    }
    assert_eq!(fs::read(&file)?, before);
    log.tamper("UPDATE _sqlx_migrations SET version = -version").await?;
    let before = fs::read(&file)?;
    for command in ["verify", "head"] {
        ensure!(log.run(&[command])?.code == 0);
    }
    assert_eq!(fs::read(&file)?, before);
    Ok(())
}

#[test]
fn no_store_is_made_where_there_is_none() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    fs::write(folder.path().join("empty"), "")?;
    fs::write(folder.path().join("text"), "no database at all")?;
    let files = || fs::read_dir(folder.path()).map(Iterator::count);
    for (url, reason) in [
        ("nothing.db", "there is no store at nothing.db"),
        ("sqlite:nowhere/nothing.db", "there is no store at nowhere/nothing.db"),
        ("empty", "there is no store at empty"),
        ("text", "text is no SQLite database"),
        ("mysql://me:hunter2@host/db", "give a file, sqlite:FILE or postgres://"),
    ] {
        for command in ["verify", "head"] {
            let answer = program.run(folder.path(), &["audit", command, "--store", url])?;
            ensure!(answer.code == 3 && answer.stderr.lines().count() == 1, "{answer:?}");
            ensure!(answer.error().contains(reason), "{answer:?}");
            ensure!(!answer.stderr.contains("hunter2"), "{answer:?}");
        }
    }
    assert_eq!(files()?, 2);
    assert_eq!(fs::read(folder.path().join("empty"))?, b"");
    Ok(())
}
