//! `quorate relayer`, run as an operator runs it: as a process of its own, in a folder with its configuration.

use crate::program::Program;
use eyre::{OptionExt as _, Result, ensure};
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ExitStatus},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// A relayer that serves HTTP. Runs until it is killed or dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
}

impl Service {
    /// Starts it with the configuration in `folder`, and waits until it serves HTTP and its log has all of `awaited`.
    ///
    /// # Errors
    ///
    /// If it ends before.
    pub fn start(program: &Program, folder: &Path, config: &str, awaited: &[&str]) -> Result<Self> {
        let mut child = program.spawn(folder, &["relayer", "--config", config])?;
        let mut log = BufReader::new(child.stderr.take().ok_or_eyre("no log")?);
        // From here on it ends with this, whatever happens.
        let mut this = Self { child, address: String::new(), log: Arc::default() };
        let mut text = String::new();
        while this.address.is_empty() || !awaited.iter().all(|words| text.contains(words)) {
            let mut line = String::new();
            ensure!(log.read_line(&mut line)? > 0, "the relayer ended: {text}");
            if line.contains("listening")
                && let Some((_, address)) = line.split_once("address=")
            {
                address.trim().clone_into(&mut this.address);
            }
            text.push_str(&line);
        }
        let kept = this.log.clone();
        kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
        // A log that nobody reads would stop it.
        thread::spawn(move || {
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|count| count > 0) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
                line.clear();
            }
        });
        Ok(this)
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Where it listens, as address and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub fn kill(mut self) -> Result<()> {
        self.stop()
    }

    /// As [`Self::kill`], and keeps what it logged.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing is to be done where it ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
