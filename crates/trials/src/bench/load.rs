//! What is to be executed: payments of many wallets, signed beforehand, on a chain and in a store of their own.

use crate::{
    engine::Setup,
    store::{self, SIGNERS, at},
    world::{World, sender},
};
use alloy::primitives::{Address, B256, Bytes};
use eyre::Result;
use quorate_core::{Lane, Nonce, OwnerSignature, Request, packing};
use quorate_lab::{owners::owner, signatures::sign};
use quorate_relayer::driver::Report;
use quorate_store::{NewProposal, NewSignature, Storage, Store};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tempfile::TempDir;
use tokio::{
    sync::{oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// How many wallets there are.
pub(super) const WALLETS: u64 = 50;

/// How many accounts send.
pub(super) const SENDERS: u64 = 8;

/// A payment with its signatures.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) request: Request,
    pub(super) digest: B256,
    pub(super) signatures: BTreeMap<Address, OwnerSignature>,
}

/// A chain, a store, and payments. The first of each wallet is there to warm up.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) world: World,
    pub(super) store: Store,
    pub(super) payments: Vec<Payment>,
    /// The first payment of one more wallet, which is never sent.
    pub(super) spare: Payment,
    pub(super) senders: Vec<u64>,
    folder: TempDir,
}

/// An engine in this process, with the store that owners' signatures go into.
#[derive(Debug)]
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Load {
    /// So many payments, and one of each wallet before them. There is one funded sender more than `senders`.
    pub(super) async fn start(count: u64) -> Result<Self> {
        let world = World::start(WALLETS + 1, true, SENDERS + 1).await?;
        let folder = tempfile::tempdir()?;
        let store = store::open(folder.path()).await?;
        store::register(&store, &world, true).await?;
        let payment = |wallet: u64, number: u64| {
            let nonce = Nonce::new(Lane::ZERO, number / WALLETS);
            Payment::signed(world.payment(usize::try_from(wallet)?, number, nonce)?)
        };
        let numbers = 0..WALLETS + count;
        let payments =
            numbers.map(|number| payment(number % WALLETS, number)).collect::<Result<_>>()?;
        let last = usize::try_from(WALLETS)?;
        let spare = world.payment(last, WALLETS + count, Nonce::new(Lane::ZERO, 0))?;
        let spare = Payment::signed(spare)?;
        let senders = (0..SENDERS).map(sender).collect();
        Ok(Self { world, store, payments, spare, senders, folder })
    }

    pub(super) fn warm_up(&self) -> &[Payment] {
        &self.payments[..WALLETS as usize]
    }

    pub(super) fn measured(&self) -> &[Payment] {
        &self.payments[WALLETS as usize..]
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The set-up of an engine with this endpoint.
    pub(super) fn setup(&self, endpoint: String) -> Setup {
        let url = store::url(self.folder.path());
        let mut setup =
            Setup::new(self.world.chain.id(), url, vec![endpoint], self.senders.clone());
        // Nothing here is to be bumped: blocks are full, not dear.
        setup.bump_after_blocks = 30;
        setup.lease_millis = 10_000;
        setup.history = 8;
        setup
    }

    /// Runs an engine in this process.
    pub(super) fn run(&self, setup: Setup) -> Running {
        let (stop, stopped) = oneshot::channel();
        let store = self.store.clone();
        let task = tokio::spawn(setup.run_on(store, async move {
            let _ = stopped.await;
        }));
        Running { stop, task }
    }

    /// As [`Self::run`], with what the engine tells of itself.
    pub(super) fn run_reporting(&self, setup: Setup) -> (Running, watch::Receiver<Report>) {
        let (stop, stopped) = oneshot::channel();
        let (told, report) = watch::channel(Report::default());
        let store = self.store.clone();
        let task = tokio::spawn(setup.run_telling(store, told, async move {
            let _ = stopped.await;
        }));
        (Running { stop, task }, report)
    }

    /// Waits for the next block, so that all begin at the same place between two.
    pub(super) async fn next_block(&self) -> Result<()> {
        let before = self.world.height().await?;
        while self.world.height().await? == before {
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Running {
    pub(super) async fn stop(self) -> Result<()> {
        let _ = self.stop.send(());
        self.task.await?
    }
}

impl Payment {
    fn signed(request: Request) -> Result<Self> {
        let digest = request.digest();
        let signatures = sign(&digest, &SIGNERS.map(owner))?;
        Ok(Self { request, digest, signatures })
    }

    /// The call that carries it out.
    pub(super) fn calldata(&self, world: &World) -> Result<Bytes> {
        let wallet = world.wallets.iter().find(|wallet| wallet.address == self.request.wallet);
        let config = &wallet.expect("payments are of these wallets").config;
        Ok(self.request.calldata(packing::pack(config, &self.signatures)?))
    }

    async fn store(&self, store: &Store, nth: usize) -> Result<()> {
        for (&owner, signature) in self.signatures.iter().skip(nth).take(1) {
            let signature = signature.clone();
            let signature = NewSignature { owner, signature, verified: true, replaces: None };
            let request = self.request.clone();
            let proposal = NewProposal { request, note: None, signature, limit_open: None };
            store.record_proposal(proposal, at()).await?;
        }
        Ok(())
    }

    /// Stores it with all signatures but the last.
    pub(super) async fn propose(&self, store: &Store) -> Result<()> {
        self.store(store, 0).await
    }

    /// Stores the last signature.
    pub(super) async fn complete(&self, store: &Store) -> Result<()> {
        self.store(store, 1).await
    }
}

/// Stores all of these with all signatures but the last.
pub(super) async fn propose_all(store: &Store, payments: &[Payment]) -> Result<()> {
    let mut tasks = JoinSet::new();
    for payment in payments {
        let (store, payment) = (store.clone(), payment.clone());
        tasks.spawn(async move { payment.propose(&store).await });
    }
    tasks.join_all().await.into_iter().collect()
}

/// Stores the last signature of each of these.
pub(super) async fn complete_all(store: &Store, payments: &[Payment]) -> Result<()> {
    let mut tasks = JoinSet::new();
    for payment in payments {
        let (store, payment) = (store.clone(), payment.clone());
        tasks.spawn(async move { payment.complete(&store).await });
    }
    tasks.join_all().await.into_iter().collect()
}
