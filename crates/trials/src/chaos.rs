//! The trials: what goes wrong, and what must be true afterwards.

pub mod crash;
pub mod endpoints;
pub mod kinds;
pub mod layer2;
pub mod payouts;
pub mod report;
pub mod stage;
pub mod stores;
pub mod storm;

use crate::{
    books::{self, Books},
    engine::{Process, Setup},
    store,
    world::{World, sender},
};
use alloy::{network::TransactionBuilder, providers::Provider, rpc::types::TransactionRequest};
use eyre::{OptionExt, Result, WrapErr, ensure};
use quorate_core::{Request, packing, status::StatusWord};
use quorate_lab::{owners::owner, signatures::sign};
use quorate_store::{MAX_PAGE, ProposalFilter, Storage, Store};
use std::time::Duration;
use tempfile::TempDir;

/// How long one trial may take to come to an end once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// The base fee while transactions are to wait, in wei.
const DEAR: u128 = 2_000_000_000_000;

/// What one trial needs: a chain, a store, and what is to be executed.
#[derive(Debug)]
pub struct Trial {
    /// The chain.
    pub world: World,
    /// The store, as another process has it open.
    pub store: Store,
    /// What was proposed.
    pub requests: Vec<Request>,
    /// The numbers of the senders' keys.
    pub senders: Vec<u64>,
    folder: TempDir,
}

impl Trial {
    /// A chain that mines by hand, with wallets and payments that are ready.
    ///
    /// # Errors
    ///
    /// If there is no anvil.
    pub async fn start(wallets: u64, payments: u64, are_deployed: bool) -> Result<Self> {
        Self::with_senders(wallets, payments, are_deployed, 1).await
    }

    /// As [`Self::start`], with so many senders.
    ///
    /// # Errors
    ///
    /// If there is no anvil.
    pub async fn with_senders(
        wallets: u64,
        payments: u64,
        are_deployed: bool,
        senders: u64,
    ) -> Result<Self> {
        let world = World::start(wallets, are_deployed, senders).await?;
        world.mine_by_hand().await?;
        let folder = tempfile::tempdir()?;
        let store = store::open(folder.path()).await?;
        store::register(&store, &world, are_deployed).await?;
        let requests = world.payments(payments)?;
        for request in &requests {
            store::propose(&store, request).await?;
        }
        let senders = (0..senders).map(sender).collect();
        Ok(Self { world, store, requests, senders, folder })
    }

    /// The set-up of an engine that talks to the chain itself.
    pub fn setup(&self) -> Setup {
        self.setup_with(vec![self.world.chain.endpoint()])
    }

    /// The set-up of an engine with these endpoints.
    pub fn setup_with(&self, endpoints: Vec<String>) -> Setup {
        let url = store::url(self.folder.path());
        Setup::new(self.world.chain.id(), url, endpoints, self.senders.clone())
    }

    /// Starts an engine.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn engine(&self, setup: &Setup, failpoint: Option<&str>) -> Result<Process> {
        Process::start(setup, self.folder.path(), failpoint)
    }

    /// Mines block after block until everything is final and adds up.
    ///
    /// # Errors
    ///
    /// What does not add up when patience ends, with the engine's last words.
    pub async fn close(&self, engine: Process) -> Result<Books> {
        let advance = || self.world.chain.mine(1);
        let books = books::close(
            &self.world,
            &self.store,
            &self.requests,
            &self.senders,
            PATIENCE,
            advance,
        );
        let books = books.await.wrap_err_with(|| engine.last_words());
        engine.kill().await?;
        books
    }

    /// How many proposals have this status.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn count(&self, status: StatusWord) -> Result<usize> {
        self.count_by(ProposalFilter { status: Some(status), ..ProposalFilter::default() }).await
    }

    /// How many proposals have a final status.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn count_final(&self) -> Result<usize> {
        self.count_by(ProposalFilter { is_final: Some(true), ..ProposalFilter::default() }).await
    }

    async fn count_by(&self, filter: ProposalFilter) -> Result<usize> {
        let (mut count, mut before) = (0, None);
        loop {
            let page = self.store.list_proposals(filter.clone(), before, MAX_PAGE).await?;
            count += page.items.len();
            before = page.next;
            if before.is_none() {
                return Ok(count);
            }
        }
    }

    /// Waits until something is the case.
    ///
    /// # Errors
    ///
    /// If patience ends first.
    pub async fn until<F: Future<Output = Result<bool>>>(
        &self,
        is_so: impl Fn() -> F,
    ) -> Result<()> {
        let begun = tokio::time::Instant::now();
        while !is_so().await? {
            ensure!(begun.elapsed() < PATIENCE, "what was waited for did not happen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Hands a request in past the engine, signed by other owners, at these fees in wei per gas.
    ///
    /// # Errors
    ///
    /// If the wallet is none of the trial's, or anvil refuses.
    pub async fn submit_as_stranger(
        &self,
        request: &Request,
        max_fee_per_gas: u128,
        max_priority_fee_per_gas: u128,
    ) -> Result<()> {
        let mut wallets = self.world.wallets.iter();
        let wallet = wallets.find(|wallet| wallet.address == request.wallet);
        let wallet = wallet.ok_or_eyre("a strange wallet")?;
        let signed = sign(&request.digest(), &[1, 2].map(owner))?;
        let list = packing::pack(&wallet.config, &signed)?;
        let transaction = TransactionRequest::default()
            .with_from(self.world.chain.sender())
            .with_to(request.wallet)
            .with_input(request.calldata(list))
            .with_gas_limit(300_000)
            .with_max_fee_per_gas(max_fee_per_gas)
            .with_max_priority_fee_per_gas(max_priority_fee_per_gas);
        let _ = self.world.chain.provider().send_transaction(transaction).await?;
        Ok(())
    }

    /// Mines a block in which no transaction of usual fees has a place.
    ///
    /// # Errors
    ///
    /// If anvil refuses.
    pub async fn mine_dear(&self) -> Result<()> {
        self.world.set_base_fee(DEAR).await?;
        self.world.chain.mine(1).await
    }
}

/// What came of one trial.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What went wrong.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// The books, or what did not add up.
    pub books: Result<Books, String>,
}

/// Carries a trial out and notes what came of it.
pub async fn observe(name: &str, trial: impl Future<Output = Result<Books>>) -> Outcome {
    let begun = tokio::time::Instant::now();
    let books = trial.await.map_err(|error| format!("{error:#}"));
    Outcome { name: name.to_owned(), took: begun.elapsed(), books }
}
