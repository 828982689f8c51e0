//! An engine as a process of its own.

use crate::world::now_millis;
use alloy::primitives::U256;
use eyre::{OptionExt, Result, WrapErr, bail};
use quorate_bindings::canonical::WALLET_FACTORY;
use quorate_lab::owners::owner;
use quorate_relayer::{
    Settings,
    budget::Limits,
    driver::{Endpoints, Engine, Keeper, Key, LocalKey, Parts, Report},
};
use quorate_store::{Options, Store};
use serde::{Deserialize, Serialize};
use std::{
    env,
    fs::File,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    sync::watch,
};

/// The variable that names a failpoint.
const FAILPOINT: &str = "QUORATE_FAILPOINT";

/// How an engine is set up: what a child process reads from its argument.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The database.
    pub store: String,
    /// Its size in pages at most, to rehearse a full disk.
    pub max_pages: Option<u32>,
    /// The endpoints.
    pub endpoints: Vec<String>,
    /// The numbers of the senders' keys.
    pub senders: Vec<u64>,
    /// How many blocks make a block final.
    pub final_depth: u64,
    /// How many blocks are remembered.
    pub history: usize,
    /// Seconds from block to block.
    pub block_secs: u64,
    /// After how many blocks fees are bumped.
    pub bump_after_blocks: u64,
    /// How many account nonces of a sender are open at once.
    pub max_open_per_sender: usize,
    /// How often the chain is asked for its head.
    pub poll_millis: u64,
    /// For how long the lease is taken.
    pub lease_millis: u64,
}

impl Setup {
    /// A set-up for blocks that come when they are wanted.
    pub fn new(chain_id: u64, store: String, endpoints: Vec<String>, senders: Vec<u64>) -> Self {
        Self {
            chain_id,
            store,
            max_pages: None,
            endpoints,
            senders,
            final_depth: 3,
            history: 16,
            block_secs: 1,
            bump_after_blocks: 2,
            max_open_per_sender: 64,
            poll_millis: 50,
            lease_millis: 1_000,
        }
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.chain_id, WALLET_FACTORY.address);
        settings.final_depth = self.final_depth;
        settings.history = self.history;
        settings.block_secs = self.block_secs;
        settings.bump_after_blocks = self.bump_after_blocks;
        settings.max_open_per_sender = self.max_open_per_sender;
        settings.resend_secs = 1;
        settings.reply_secs = 3;
        settings.rpc_down_secs = 5;
        settings
    }

    /// Runs an engine with this set-up until the process ends, or `stopped` does.
    ///
    /// # Errors
    ///
    /// If the store fails for good.
    pub async fn run(self, stopped: impl Future<Output = ()>) -> Result<()> {
        let options = Options { max_pages: self.max_pages, ..Options::default() };
        let store = Store::open(&self.store, options).await?;
        self.run_on(store.clone(), stopped).await?;
        store.close().await;
        Ok(())
    }

    /// As [`Self::run`], on a store that is open.
    ///
    /// # Errors
    ///
    /// If the store fails for good.
    pub async fn run_on(self, store: Store, stopped: impl Future<Output = ()>) -> Result<()> {
        self.run_telling(store, watch::Sender::default(), stopped).await
    }

    /// As [`Self::run_on`]; `told` is what the engine tells of itself.
    ///
    /// # Errors
    ///
    /// If the store fails for good.
    pub async fn run_telling(
        self,
        store: Store,
        told: watch::Sender<Report>,
        stopped: impl Future<Output = ()>,
    ) -> Result<()> {
        let holder = format!("trial {}", std::process::id());
        let lease = Duration::from_millis(self.lease_millis);
        let keeper = Keeper::start(store.clone(), holder, lease, now_millis);
        let parts = Parts {
            settings: self.settings(),
            limits: Limits {
                per_day: U256::MAX,
                per_wallet_and_day: U256::MAX,
                per_transaction: U256::MAX,
                max_fee_per_gas: 10_000_000_000_000,
                sender_floor: U256::ZERO,
            },
            endpoints: Endpoints::new(self.chain_id, self.endpoints.clone()),
            keys: self.senders.iter().map(|&number| key(number)).collect(),
            store,
            tenure: keeper.tenure(),
            clock: now_millis,
            poll: Duration::from_millis(self.poll_millis),
        };
        let (engine, handle) = Engine::new(parts);
        let mut report = handle.report();
        let telling = async {
            while report.changed().await.is_ok() {
                told.send_replace(report.borrow_and_update().clone());
            }
            std::future::pending::<()>().await;
        };
        let engine = engine.run();
        tokio::pin!(engine);
        let ended = tokio::select! {
            ended = &mut engine => ended,
            () = telling => return Ok(()),
            () = stopped => {
                handle.stop();
                engine.await
            }
        };
        keeper.stop().await;
        Ok(ended?)
    }
}

fn key(number: u64) -> Box<dyn Key> {
    Box::new(LocalKey::new(owner(number)))
}

/// A process with an engine in it, killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the program that runs now anew, as an engine. With a failpoint it ends there.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start(setup: &Setup, folder: &Path, failpoint: Option<&str>) -> Result<Self> {
        let program = env::current_exe()?;
        let log = folder.join("engine.log");
        let file = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(program);
        command
            .args(["engine", &serde_json::to_string(setup)?])
            .env_remove(FAILPOINT)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .kill_on_drop(true);
        if let Some(failpoint) = failpoint {
            command.env(FAILPOINT, failpoint);
        }
        let child = command.spawn().wrap_err("the engine does not start")?;
        Ok(Self { child, log })
    }

    /// Whether it runs.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Its number.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn id(&self) -> Result<u32> {
        self.child.id().ok_or_eyre("the engine has ended")
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until it ended by itself as `kill -9` ends it: it got to its failpoint.
    ///
    /// # Errors
    ///
    /// If it ends otherwise.
    pub async fn died(&mut self) -> Result<()> {
        const KILL: i32 = 9;
        let status: ExitStatus = self.child.wait().await?;
        if status.signal() == Some(KILL) {
            return Ok(());
        }
        bail!("the engine ended by itself, {status}: {}", self.last_words())
    }

    /// The end of what it wrote.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}
