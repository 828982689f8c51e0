//! The program `quorate`, run as a user runs it: as a process of its own, in a folder, with an environment.

use eyre::{Result, WrapErr, ensure, eyre};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The folder, in the one that it runs in, for what the program notes.
pub const STATE: &str = ".state";

/// Where the program is, and what it finds in its environment.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    variables: BTreeMap<&'static str, OsString>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Program {
    /// The program at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), variables: BTreeMap::new() }
    }

    /// The program that lies beside this one, or above the folder of a test, where cargo puts it.
    ///
    /// # Errors
    ///
    /// If it was not built.
    pub fn beside() -> Result<Self> {
        let this = env::current_exe()?;
        let folder = this.parent().ok_or_else(|| eyre!("{} has no folder", this.display()))?;
        let folder =
            if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        let path = folder.join(format!("quorate{}", env::consts::EXE_SUFFIX));
        ensure!(path.exists(), "no {}: run `cargo build --package quorate-cli`", path.display());
        Ok(Self::at(path))
    }

    /// The same program with a variable in its environment.
    #[must_use]
    pub fn with(mut self, variable: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.insert(variable, value.into());
        self
    }

    /// The same program without a variable in its environment.
    #[must_use]
    pub fn without(mut self, variable: &'static str) -> Self {
        self.variables.remove(variable);
        self
    }

    /// Runs it in `folder`. Of the environment of this process it gets PATH and HOME alone, with a folder of its own for what it notes, and nobody
    /// answers its questions.
    ///
    /// # Errors
    ///
    /// If it cannot be started. What it answers, an error too, is no error.
    pub fn run(&self, folder: &Path, arguments: &[&str]) -> Result<Answer> {
        let output = self
            .command(folder, arguments)
            .output()
            .wrap_err_with(|| format!("cannot run {}", self.path.display()))?;
        let text = |bytes| String::from_utf8(bytes).wrap_err("the program printed no text");
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout)?,
            stderr: text(output.stderr)?,
        })
    }

    /// Begins to run it as [`Self::run`] does, and leaves its output to be read.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn spawn(&self, folder: &Path, arguments: &[&str]) -> Result<Child> {
        self.command(folder, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .wrap_err_with(|| format!("cannot run {}", self.path.display()))
    }

    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let kept = ["PATH", "HOME"].map(|name| (name, env::var_os(name).unwrap_or_default()));
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(kept)
            // What it notes of payout runs is this folder's alone: others have runs of the same names.
            .env("XDG_STATE_HOME", folder.join(STATE))
            .envs(&self.variables)
            .stdin(Stdio::null());
        command
    }

    /// Runs it with `--json`, and returns what it prints. It must succeed.
    ///
    /// # Errors
    ///
    /// If it does not; the error is what it said.
    pub fn json(&self, folder: &Path, arguments: &[&str]) -> Result<Value> {
        let answer = self.run(folder, &[arguments, &["--json"]].concat())?;
        let Answer { code, stdout, stderr } = answer;
        let command = arguments.join(" ");
        ensure!(code == 0, "quorate {command}: exit code {code}: {}", stderr.trim());
        serde_json::from_str(&stdout).wrap_err_with(|| format!("quorate {command}: {stdout}"))
    }
}

impl Answer {
    /// The one line that says what is wrong: the last of standard error.
    pub fn error(&self) -> &str {
        self.stderr.trim_end().lines().last().unwrap_or_default()
    }
}
