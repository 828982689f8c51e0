//! A PostgreSQL server of the tests' own: no port, a socket in a folder that goes away with it.

use eyre::{OptionExt as _, Result, WrapErr as _, bail, ensure};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::{
    env,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

const USER: &str = "quorate";

/// The database that every server has.
pub const MAIN: &str = "postgres";

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    programs: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// Starts a server. `None` where there is none: the test is skipped, which CI does not accept.
    ///
    /// # Errors
    ///
    /// If it does not start, or if there is none and there has to be one.
    pub async fn start() -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            let is_required =
                ["CI", "QUORATE_REQUIRE_POSTGRES"].iter().any(|name| env::var_os(name).is_some());
            ensure!(
                !is_required,
                "initdb and postgres are neither on PATH nor where Debian has them"
            );
            skip();
            return Ok(None);
        };
        let folder = tempfile::Builder::new().prefix("quorate-pg").tempdir()?;
        let mut server = Self { folder, programs, process: None };
        server.initialise()?;
        server.run().await?;
        Ok(Some(server))
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        let socket = self.folder.path().display();
        format!("postgres://{USER}@localhost/{database}?host={socket}")
    }

    /// Creates an empty database.
    ///
    /// # Errors
    ///
    /// If the server refuses, as where there is one of this name.
    pub async fn create(&self, database: &str) -> Result<()> {
        let mut connection = AnyConnection::connect(&self.url(MAIN)).await?;
        let statement = format!("CREATE DATABASE \"{database}\"");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Stops it as a crash would.
    ///
    /// # Errors
    ///
    /// If it cannot be stopped.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let mut stop = self.command("pg_ctl")?;
        stop.args(["stop", "-m", "immediate", "-w", "-D"]).arg(self.data());
        let status = stop.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if !status.success() {
            process.kill()?;
        }
        process.wait()?;
        Ok(())
    }

    /// Runs it and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub async fn run(&mut self) -> Result<()> {
        let mut command = self.command("postgres")?;
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        // The machine does not crash in a test, so it need not wait for the disk.
        command.args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        let log = std::fs::File::create(self.folder.path().join("log"))?;
        self.process = Some(command.stdout(Stdio::null()).stderr(log).spawn()?);
        sqlx::any::install_default_drivers();
        let ready = async {
            loop {
                if let Ok(connection) = AnyConnection::connect(&self.url(MAIN)).await {
                    return connection.close().await;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready)
            .await
            .wrap_err_with(|| self.log())?
            .wrap_err("the connection could not be closed")
    }

    /// Has the server refuse whatever writes, from the next transaction on, or take it again: as a primary does that has
    /// become a standby.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub async fn set_read_only(&self, is_read_only: bool) -> Result<()> {
        let mut connection = AnyConnection::connect(&self.url(MAIN)).await?;
        let value = if is_read_only { "on" } else { "off" };
        for statement in [
            "SET default_transaction_read_only = off".to_owned(),
            format!("ALTER SYSTEM SET default_transaction_read_only = {value}"),
            "SELECT pg_reload_conf()".to_owned(),
        ] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }

    /// Cuts every connection but the one that this takes.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub async fn cut_connections(&self) -> Result<()> {
        let mut connection = AnyConnection::connect(&self.url(MAIN)).await?;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        sqlx::raw_sql(cut).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Lets the server and all that serve for it stand still, so that whoever waits hears nothing at all; or lets them go
    /// on. On Linux.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_still(&self, is_still: bool) -> Result<()> {
        let process = self.process.as_ref().ok_or_eyre("it does not run")?.id();
        let children = format!("/proc/{process}/task/{process}/children");
        let children = std::fs::read_to_string(&children).wrap_err(children)?;
        let signal = if is_still { "-STOP" } else { "-CONT" };
        let all = [process.to_string()].into_iter();
        let all = all.chain(children.split_whitespace().map(str::to_owned));
        let status = Command::new("kill").arg(signal).args(all).status()?;
        ensure!(status.success(), "kill {signal}: {status}");
        Ok(())
    }

    fn initialise(&self) -> Result<()> {
        if let Some((uid, gid)) = self.other_user()? {
            std::os::unix::fs::chown(self.folder.path(), Some(uid), Some(gid))?;
        }
        let mut command = self.command("initdb")?;
        command.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", USER]);
        let output = command.arg("-D").arg(self.data()).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((uid, gid)) = self.other_user()? {
            command.uid(uid).gid(gid);
        }
        Ok(command)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The server refuses to run as root.
    fn other_user(&self) -> Result<Option<(u32, u32)>> {
        let probe = tempfile::tempdir()?;
        if std::fs::metadata(probe.path())?.uid() != 0 {
            return Ok(None);
        }
        let accounts = std::fs::read_to_string("/etc/passwd")?;
        for account in accounts.lines() {
            if let ["postgres", _, uid, gid, ..] = account.split(':').collect::<Vec<_>>()[..] {
                return Ok(Some((uid.parse()?, gid.parse()?)));
            }
        }
        bail!("root needs a user named postgres to run the server as")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// Where the server's programs are: on PATH, or where Debian keeps them, the newest first.
fn programs() -> Option<PathBuf> {
    let has_all = |folder: &Path| {
        ["initdb", "postgres", "pg_ctl"].iter().all(|name| folder.join(name).is_file())
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).find(|folder| has_all(folder));
    found.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut folders: Vec<_> =
            versions.flatten().map(|version| version.path().join("bin")).collect();
        folders.sort();
        folders.into_iter().rev().find(|folder| has_all(folder))
    })
}

#[expect(clippy::print_stderr, reason = "whoever reads the test's output should know")]
fn skip() {
    eprintln!("skipped: there is no PostgreSQL server here");
}
