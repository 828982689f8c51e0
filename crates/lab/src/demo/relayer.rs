//! The demo's relayer: `quorate relayer` in a folder and a process of its own, with one account to send from.

use super::stage::Stage;
use crate::owners::owner;
use alloy::primitives::{Address, U256, hex};
use eyre::{OptionExt as _, Result, ensure};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::Child,
    thread,
};

/// The number of the key that the relayer sends with. It owns nothing but what it pays gas with.
const SENDER: u64 = 8;

/// What it has to pay gas with, in wei: one ether.
const SENDER_ETHER: u64 = 1_000_000_000_000_000_000;

const CONFIG_FILE: &str = "relayer.toml";

/// A relayer. Runs until it is killed or dropped.
#[derive(Debug)]
pub(super) struct Relayer {
    folder: PathBuf,
    running: Option<Child>,
    address: String,
    log: String,
}

impl Relayer {
    /// Writes what an operator writes, gives the sender its ether, and starts it.
    pub(super) async fn start(stage: &mut Stage) -> Result<Self> {
        let folder = stage.folder().join("operator");
        fs::create_dir_all(&folder)?;
        let key = hex::encode(owner(SENDER).to_bytes());
        write_private(&folder.join("keys.env"), &format!("SENDER_KEY={key}\n"))?;
        stage.chain().send(Self::sender(), U256::from(SENDER_ETHER), Default::default()).await?;
        let mut relayer =
            Self { folder, running: None, address: "127.0.0.1:0".to_owned(), log: String::new() };
        relayer.begin(stage)?;
        Ok(relayer)
    }

    /// The account that it sends from.
    pub(super) fn sender() -> Address {
        owner(SENDER).address()
    }

    /// Its URL.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it on its store, at the address that it had before.
    pub(super) fn begin(&mut self, stage: &mut Stage) -> Result<()> {
        let config = self.config(&stage.chain().endpoint(), stage.chain().id());
        fs::write(self.folder.join(CONFIG_FILE), config)?;
        stage.shown("operator", &format!("quorate relayer --config {CONFIG_FILE} &"));
        let program = stage.program().clone();
        let mut child = program.spawn(&self.folder, &["relayer", "--config", CONFIG_FILE])?;
        let mut log = BufReader::new(child.stderr.take().ok_or_eyre("no log")?);
        self.running = Some(child);
        let mut address = None;
        while address.is_none() {
            let mut line = String::new();
            ensure!(log.read_line(&mut line)? > 0, "the relayer ended: {}", self.log);
            let found = line.split_once("address=").map(|(_, rest)| rest.trim().to_owned());
            address = found.filter(|_| line.contains("listening"));
            self.log.push_str(&line);
        }
        // A log that nobody reads would stop it.
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        self.address = address.ok_or_eyre("no address")?;
        Ok(())
    }

    /// Kills it as a power cut would.
    pub(super) fn kill(&mut self) -> Result<()> {
        if let Some(mut running) = self.running.take() {
            running.kill()?;
            running.wait()?;
        }
        Ok(())
    }

    fn config(&self, endpoint: &str, chain_id: u64) -> String {
        let address = &self.address;
        format!(
            "store = \"relayer.db\"\n\n[http]\nlisten = \"{address}\"\nopen_registration = true\n\n\
             [[chains]]\nchain_id = {chain_id}\nrpc_urls = [\"{endpoint}\"]\npoll_millis = 100\n\
             final_depth = 3\nblock_secs = 1\n\n[[chains.senders]]\nenv_file = \"keys.env\"\n\
             variable = \"SENDER_KEY\"\n"
        )
    }
}

impl Drop for Relayer {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}
