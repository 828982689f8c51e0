//! `quorate relayer` as its operator runs it, on a store and with endpoints of its own: what owners reach by HTTP.

use crate::world::{World, sender};
use alloy::transports::http::reqwest;
use eyre::{Result, WrapErr, ensure};
use quorate_api::{
    Client, NewSignature, Readiness, RegisterWallet,
    client::{Patience, Taken},
};
use quorate_core::Request;
use quorate_lab::{keystore, owners::owner, program::Program, service::Service, signatures::sign};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

const CONFIG_FILE: &str = "relayer.toml";

/// How long the client waits for an answer: longer than the relayer may take for one.
const ANSWER: Duration = Duration::from_secs(20);

/// How a relayer is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where its store is, as the configuration has it.
    pub store: String,
    /// The endpoints.
    pub endpoints: Vec<String>,
    /// How many accounts send.
    pub senders: u64,
    /// How often the head is asked for.
    pub poll_millis: u64,
    /// For how long the lease is taken.
    pub lease_secs: u64,
}

/// A relayer that runs until it is killed or dropped.
#[derive(Debug)]
pub struct Relayer {
    service: Service,
    client: Client,
}

impl Relayer {
    /// Starts it in `folder`, for the chain of `world`. It listens when this returns, and need not be ready.
    ///
    /// # Errors
    ///
    /// If the program was not built, or it ends.
    pub async fn start(world: &World, setup: &Setup, folder: &Path) -> Result<Self> {
        let keys = (0..setup.senders).map(|n| (format!("KEY_{n}"), owner(sender(n))));
        let keys: Vec<_> = keys.collect();
        keystore::write_env_file(&folder.join("keys.env"), &keys)?;
        fs::write(folder.join(CONFIG_FILE), config(world.chain.id(), setup)?)?;
        let (program, folder) = (Program::beside()?, PathBuf::from(folder));
        let starting = move || Service::start(&program, &folder, CONFIG_FILE, &[]);
        let service = tokio::task::spawn_blocking(starting).await??;
        let patience = Patience { answer: ANSWER, pauses: Vec::new(), ..Patience::default() };
        let client = Client::new(&service.url(), None, patience)?;
        Ok(Self { service, client })
    }

    /// What owners ask with: once, and with patience.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.service.log()
    }

    /// The end of what it logged.
    pub fn last_words(&self) -> String {
        let log = self.service.log();
        let lines: Vec<_> = log.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Fails if it ended by itself.
    ///
    /// # Errors
    ///
    /// How it ended.
    pub fn check_running(&mut self) -> Result<()> {
        let ended = self.service.ended()?;
        ensure!(ended.is_none(), "the relayer ended by itself: {ended:?}: {}", self.last_words());
        Ok(())
    }

    /// What `/readyz` says.
    ///
    /// # Errors
    ///
    /// If it is not answered.
    pub async fn readiness(&self) -> Result<Readiness> {
        let answer = reqwest::get(format!("{}/readyz", self.url())).await?;
        let text = answer.text().await?;
        serde_json::from_str(&text).wrap_err(text)
    }

    /// Has the wallets of a world served.
    ///
    /// # Errors
    ///
    /// If it refuses.
    pub async fn register(&self, world: &World) -> Result<()> {
        for wallet in &world.wallets {
            let (config, salt) = (wallet.config.clone(), wallet.salt);
            let made = RegisterWallet::Made { chain_id: world.chain.id(), config, salt };
            self.client.register_wallet(&made).await?;
        }
        Ok(())
    }

    /// Hands in a proposal with its first signature, which is not enough.
    ///
    /// # Errors
    ///
    /// If it refuses.
    pub async fn propose(&self, request: &Request) -> Result<()> {
        self.client.propose(request, None, signature(request, 0)?).await?;
        Ok(())
    }

    /// Hands in the last signature of a proposal. Says whether it was new there.
    ///
    /// # Errors
    ///
    /// If it refuses.
    pub async fn complete(&self, request: &Request) -> Result<bool> {
        let signature = signature(request, 2)?;
        let Taken { is_new, .. } = self.client.sign(request.digest(), &signature).await?;
        Ok(is_new)
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.service.stop()
    }
}

/// The signature of the owner with this number, as it is handed in.
pub fn signature(request: &Request, number: u64) -> Result<NewSignature> {
    let signed = sign(&request.digest(), &[owner(number)])?;
    let (owner, signature) = signed.into_iter().next().expect("one signs");
    Ok(NewSignature { owner, signature: signature.to_bytes() })
}

fn config(chain_id: u64, setup: &Setup) -> Result<String> {
    let Setup { store, endpoints, senders, poll_millis, lease_secs } = setup;
    let mut config = format!(
        "store = \"{store}\"\nlease_secs = {lease_secs}\n\n[http]\nlisten = \"127.0.0.1:0\"\nopen_registration = true\n\n\
         [http.limits]\nrequests_per_second = 100000\nburst = 1000000\nopen_proposals = 1000\n\n\
         [[chains]]\nchain_id = {chain_id}\nrpc_urls = {endpoints:?}\npoll_millis = {poll_millis}\n\
         final_depth = 3\nblock_secs = 1\nresend_secs = 1\nreply_secs = 3\nrpc_down_secs = 5\n\n\
         [chains.limits]\nper_day = \"10000 ether\"\nper_wallet_and_day = \"1000 ether\"\n"
    );
    for number in 0..*senders {
        write!(
            config,
            "\n[[chains.senders]]\nenv_file = \"keys.env\"\nvariable = \"KEY_{number}\"\n"
        )?;
    }
    Ok(config)
}
