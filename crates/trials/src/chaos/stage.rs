//! A chain, an endpoint that can fail, a store, and `quorate relayer` between them; with payments that wait for their
//! last signature.

use crate::{
    books::{self, Books},
    relayer::{Relayer, Setup},
    world::{World, sender},
};
use alloy::{primitives::B256, providers::Provider as _};
use eyre::{OptionExt as _, Result, WrapErr as _, bail, ensure};
use quorate_core::{Request, Status};
use quorate_lab::{
    postgres::Server,
    proxy::{Faults, Proxy},
};
use quorate_store::{
    MAX_PAGE, Options, ProposalFilter, ProposalRecord, Purpose, Storage as _, Store,
};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    sync::Mutex,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// How long it may take until everything is final and adds up once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long the program may take to start.
const STARTING: Duration = Duration::from_secs(60);

/// How long is waited between looks.
pub(super) const PAUSE: Duration = Duration::from_millis(150);

/// How many wallets, and how many accounts that send.
const WALLETS: u64 = 2;
const SENDERS: u64 = 2;

/// Where a store is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file of the trial's own.
    Sqlite,
    /// A database of the trial's own on this server.
    Postgres(Arc<Mutex<Server>>),
}

/// The number of the next database on a server.
static NEXT_DATABASE: AtomicU64 = AtomicU64::new(0);

/// What a trial with the real program needs.
#[derive(Debug)]
pub struct Stage {
    /// The chain.
    pub world: World,
    /// The only way to it that the relayer has.
    pub proxy: Proxy,
    /// The relayer.
    pub relayer: Relayer,
    /// Its store, as another process has it open.
    pub store: Store,
    /// All payments, proposed and signed once; those up to [`Self::completed`] have their last signature.
    pub requests: Vec<Request>,
    /// How many of them have it.
    pub completed: usize,
    setup: Setup,
    folder: TempDir,
    mining: Option<JoinHandle<Result<()>>>,
    /// Transactions that the chain itself says went through.
    checked: BTreeSet<B256>,
}

impl Place {
    /// Its word in tables.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }
}

impl Stage {
    /// Starts everything, with nothing wrong yet, and proposes `payments`.
    ///
    /// # Errors
    ///
    /// If something does not start.
    pub async fn start(place: &Place, payments: u64, poll_millis: u64) -> Result<Self> {
        let world = World::start(WALLETS, true, SENDERS).await?;
        world.mine_by_hand().await?;
        let proxy = Proxy::start(&world.chain.endpoint(), Faults::none(1)).await?;
        let folder = tempfile::tempdir()?;
        let store = match place {
            Place::Sqlite => folder.path().join("relayer.db").display().to_string(),
            Place::Postgres(server) => {
                let server = server.lock().await;
                let name = format!("storm{}", NEXT_DATABASE.fetch_add(1, Ordering::Relaxed));
                server.create(&name).await?;
                server.url(&name)
            }
        };
        let endpoints = vec![proxy.endpoint()];
        let setup = Setup { store, endpoints, senders: SENDERS, poll_millis, lease_secs: 2 };
        let relayer = Relayer::start(&world, &setup, folder.path()).await?;
        wait_ready(&relayer).await?;
        relayer.register(&world).await?;
        let requests = world.payments(payments)?;
        for request in &requests {
            relayer.propose(request).await?;
        }
        let store = Store::open(&setup.store, Options::default()).await?;
        Ok(Self {
            world,
            proxy,
            relayer,
            store,
            requests,
            completed: 0,
            setup,
            folder,
            mining: None,
            checked: BTreeSet::new(),
        })
    }

    /// Where the relayer has its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Mines a block every so often from now on.
    pub fn mine_every(&mut self, pace: Duration) {
        self.stop_mining();
        let provider = self.world.chain.provider().clone();
        self.mining = Some(tokio::spawn(async move {
            loop {
                sleep(pace).await;
                let one = alloy::primitives::U256::ONE;
                let _: serde_json::Value =
                    provider.raw_request("anvil_mine".into(), (one,)).await?;
            }
        }));
    }

    fn stop_mining(&mut self) {
        if let Some(mining) = self.mining.take() {
            mining.abort();
        }
    }

    /// Kills the relayer, and starts it anew without waiting until it is ready.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn restart(&mut self) -> Result<()> {
        self.relayer.kill()?;
        self.relayer = Relayer::start(&self.world, &self.setup, self.folder.path()).await?;
        Ok(())
    }

    /// Hands in the last signatures of the next payments; asks until they are taken.
    ///
    /// # Errors
    ///
    /// If they are not taken within `limit`.
    pub async fn complete(&mut self, count: usize, limit: Duration) -> Result<()> {
        let begun = Instant::now();
        for request in self.requests.iter().skip(self.completed).take(count) {
            while let Err(error) = self.relayer.complete(request).await {
                ensure!(begun.elapsed() < limit, "a signature is not taken: {error:#}");
                sleep(PAUSE).await;
            }
        }
        self.completed = (self.completed + count).min(self.requests.len());
        Ok(())
    }

    /// Every proposal, as the store has it.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn proposals(&self) -> Result<Vec<ProposalRecord>> {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page =
                self.store.list_proposals(ProposalFilter::default(), before, MAX_PAGE).await?;
            all.extend(page.items);
            before = page.next;
            if before.is_none() {
                return Ok(all);
            }
        }
    }

    /// How many proposals are said to be executed. Nothing that is said of any contradicts the chain, or a receipt that
    /// the endpoint showed longer than `patience` ago.
    ///
    /// # Errors
    ///
    /// The contradiction.
    pub async fn executed(&mut self, patience: Duration) -> Result<usize> {
        self.relayer.check_running()?;
        let shown = self.proxy.receipts();
        let mut executed = 0;
        let mut open = Vec::new();
        for proposal in self.proposals().await? {
            let digest = proposal.digest;
            ensure!(
                proposal.failures.is_empty(),
                "{digest} is said to have failed: {:?}",
                proposal.failures
            );
            match proposal.status {
                Status::Executed { tx_hash, .. } => {
                    executed += 1;
                    self.check_executed(tx_hash).await?;
                }
                Status::Superseded { .. } | Status::Expired => {
                    bail!("{digest} is said to be {}", proposal.status)
                }
                _ => open.push(digest),
            }
        }
        for (digest, attempt) in self.store.attempts_for(open).await? {
            let executes = attempt.purpose == Purpose::Execute { digest };
            let receipt = shown.get(&attempt.tx_hash).filter(|receipt| receipt.success);
            let is_late = receipt.is_some_and(|receipt| receipt.at.elapsed() > patience);
            ensure!(
                !executes || !is_late,
                "{digest} is open, {patience:?} after the receipt of {} was shown",
                attempt.tx_hash
            );
        }
        Ok(executed)
    }

    /// Whether `/readyz`, or what the log of this process warned of, names the endpoint or the method.
    ///
    /// # Errors
    ///
    /// If `/readyz` is not answered.
    pub async fn names_trouble(&self, method: Option<&str>) -> Result<bool> {
        let endpoint = self.proxy.endpoint();
        let endpoint = endpoint.trim_start_matches("http://");
        let names = |text: &str| {
            text.contains(endpoint) || method.is_some_and(|method| text.contains(method))
        };
        let ready = self.relayer.readiness().await?;
        let mut degraded = ready.chains.iter().flat_map(|chain| &chain.degraded);
        if degraded.any(|wrong| names(&wrong.detail)) {
            return Ok(true);
        }
        let is_loud = |line: &&str| line.contains(" WARN ") || line.contains("ERROR ");
        Ok(self.relayer.log().lines().filter(is_loud).any(names))
    }

    /// What is said to be executed is.
    async fn check_executed(&mut self, tx_hash: B256) -> Result<()> {
        if self.checked.contains(&tx_hash) {
            return Ok(());
        }
        let receipt = self.world.chain.provider().get_transaction_receipt(tx_hash).await?;
        let receipt = receipt.ok_or_eyre("what is said to be executed is on no chain")?;
        ensure!(receipt.status(), "{tx_hash} reverted, and is said to have executed something");
        self.checked.insert(tx_hash);
        Ok(())
    }

    /// Lets nothing go wrong any more, and mines until everything is final and adds up.
    ///
    /// # Errors
    ///
    /// What does not add up when patience ends, with the relayer's last words.
    pub async fn close(mut self) -> Result<Books> {
        self.stop_mining();
        self.proxy.set_faults(Faults::none(1));
        self.complete(self.requests.len() - self.completed, PATIENCE).await?;
        let senders: Vec<_> = (0..SENDERS).map(sender).collect();
        let advance = || self.world.chain.mine(1);
        let books =
            books::close(&self.world, &self.store, &self.requests, &senders, PATIENCE, advance);
        let books = books.await.wrap_err_with(|| self.relayer.last_words())?;
        ensure!(books.executed == self.requests.len(), "{} executed", books.executed);
        self.check_told().await?;
        self.relayer.kill()?;
        Ok(books)
    }

    /// Owners are told the same by HTTP.
    async fn check_told(&self) -> Result<()> {
        for request in &self.requests {
            let digest = request.digest();
            let told = self.relayer.client().proposal(digest).await?.ok_or_eyre("it is unknown")?;
            let told = told.proposal().status;
            ensure!(told.name() == "executed", "{digest} is told to be {}", told.name());
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop_mining();
    }
}

pub(super) async fn wait_ready(relayer: &Relayer) -> Result<()> {
    let begun = Instant::now();
    loop {
        let ready = relayer.readiness().await?;
        if ready.ready && ready.chains.iter().all(|chain| chain.leading && chain.head.is_some()) {
            return Ok(());
        }
        ensure!(begun.elapsed() < STARTING, "it does not get ready: {ready:?}");
        sleep(PAUSE).await;
    }
}
