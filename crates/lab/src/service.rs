//! `quorate relayer`, run as an operator runs it: as a process of its own, in a folder with its configuration.

use crate::program::Program;
use eyre::{OptionExt as _, Result, ensure};
use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::Child,
    thread,
};

/// A relayer that serves HTTP. Runs until it is killed or dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    address: String,
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
        let mut this = Self { child, address: String::new() };
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
        // A log that nobody reads would stop it.
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Ok(this)
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
