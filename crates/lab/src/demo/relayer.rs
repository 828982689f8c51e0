//! The demo's relayer: `quorate relayer` in a folder of its own, with one account to send from.

use super::stage::Stage;
use crate::{keystore, owners::owner, service::Service};
use alloy::primitives::{Address, U256};
use eyre::Result;
use std::{fs, path::PathBuf};

/// The number of the key that the relayer sends with. It owns nothing but what it pays gas with.
const SENDER: u64 = 8;

/// What it has to pay gas with, in wei: one ether.
const SENDER_ETHER: u64 = 1_000_000_000_000_000_000;

const CONFIG_FILE: &str = "relayer.toml";

/// A relayer. Runs until it is killed or dropped.
#[derive(Debug)]
pub(super) struct Relayer {
    folder: PathBuf,
    running: Option<Service>,
    address: String,
}

impl Relayer {
    /// Writes what an operator writes, gives the sender its ether, and starts it.
    pub(super) async fn start(stage: &mut Stage) -> Result<Self> {
        let folder = stage.folder().join("operator");
        fs::create_dir_all(&folder)?;
        let key = ("SENDER_KEY".to_owned(), owner(SENDER));
        keystore::write_env_file(&folder.join("keys.env"), &[key])?;
        stage.chain().send(Self::sender(), U256::from(SENDER_ETHER), Default::default()).await?;
        let mut relayer = Self { folder, running: None, address: "127.0.0.1:0".to_owned() };
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
        let running = Service::start(stage.program(), &self.folder, CONFIG_FILE, &[])?;
        running.address().clone_into(&mut self.address);
        self.running = Some(running);
        Ok(())
    }

    /// Kills it as a power cut would.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Service::kill)
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
