//! The engine at work on a real anvil, also through an endpoint that fails on purpose.

mod faults;
mod layer2;

use alloy::primitives::{Address, B256, U256};
use eyre::{Result, ensure, eyre};
use quorate_chain::Chain as Endpoint;
use quorate_core::{Action, Lane, Nonce, Request, Snapshot, action::Transfer};
use quorate_lab::{
    anvil::{Chain, GENESIS_SECS},
    deploy,
    fixtures::world,
    owners::owner,
    proxy::{Fault, Faults, Proxy},
    signatures::sign,
};
use quorate_relayer::{
    Settings, Status,
    budget::Limits,
    driver::{BookError, Endpoints, Engine, Handle, Keeper, LocalKey, Parts, Report},
};
use quorate_store::{
    AuditReport, NewProposal, NewSignature, NewWallet, Options, Storage, Store, WalletKey,
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// The number of the key that sends.
const SENDER: u64 = 8;

/// How long everything may take at most.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many proposals are executed.
const PROPOSALS: u64 = 12;

/// How many engines were started.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// The chain's time when tests begin, in Unix seconds: the clock stands still.
fn clock() -> u64 {
    GENESIS_SECS + 60
}

fn clock_millis() -> u64 {
    clock() * 1_000
}

/// A chain with the treasury of the fixtures on it.
async fn chain() -> Result<Chain> {
    let chain = Chain::start()?;
    deploy::canonical(&chain).await?;
    let treasury = world::treasury();
    deploy::wallet(&chain, treasury.config(), treasury.salt()).await?;
    world::Holding { token: None, whole: 5 }.give(&chain, treasury.address()).await?;
    world::KEY_HOLDING.give(&chain, owner(SENDER).address()).await?;
    Ok(chain)
}

fn payee(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(0xbeef_0000 + number)))
}

/// Payments of some wei each: four lanes, three sequences.
fn requests() -> Vec<Request> {
    let request = |number: u64| Request {
        chain_id: world::CHAIN_ID,
        wallet: world::treasury().address(),
        epoch: 0,
        action: Action::Payout {
            token: Address::ZERO,
            transfers: vec![Transfer { to: payee(number), amount: U256::from(1_000 + number) }],
        },
        nonce: Nonce::new(Lane::of_payout("driver", U256::from(number % 4)), number / 4),
        deadline: clock() + 3_600,
    };
    (0..PROPOSALS).map(request).collect()
}

/// A store that holds the wallet as it is, and every proposal with three signatures.
async fn stored(folder: &TempDir, block: u64) -> Result<Store> {
    let store = open(folder).await?;
    let treasury = world::treasury();
    let key = WalletKey { chain_id: world::CHAIN_ID, address: treasury.address() };
    let snapshot = Snapshot::new(block, true, 0, treasury.config().clone());
    store.register_wallet(NewWallet { key, origin: None, snapshot }, 0).await?;
    let keys = [0, 2, 4].map(owner);
    for request in requests() {
        let signatures = sign(&request.digest(), &keys)?.into_iter();
        for (owner, signature) in signatures {
            let signature = NewSignature { owner, signature, verified: true, replaces: None };
            let request = request.clone();
            let proposal = NewProposal { request, note: None, signature, limit_open: None };
            store.record_proposal(proposal, 0).await?;
        }
    }
    Ok(store)
}

/// A chain, and a store with everything that is to be executed on it.
struct Stage {
    chain: Chain,
    folder: TempDir,
    store: Store,
}

impl Stage {
    async fn set() -> Result<Self> {
        let (chain, folder) = (chain().await?, tempfile::tempdir()?);
        let head = Endpoint::connect(&chain.endpoint()).await?.head().await?.number;
        let store = stored(&folder, head).await?;
        Ok(Self { chain, folder, store })
    }
}

async fn open(folder: &TempDir) -> Result<Store> {
    let file = folder.path().join("relayer.db");
    Ok(Store::open(&file.display().to_string(), Options::default()).await?)
}

/// An engine at work.
struct Running {
    handle: Handle,
    keeper: Keeper,
    task: JoinHandle<Result<(), BookError>>,
}

impl Running {
    async fn stop(self) -> Result<()> {
        self.handle.stop();
        self.task.await??;
        self.keeper.stop().await;
        Ok(())
    }
}

fn engine(endpoints: &[String], store: &Store) -> Running {
    let factory = quorate_bindings::canonical::WALLET_FACTORY.address;
    let mut settings = Settings::new(world::CHAIN_ID, factory);
    settings.final_depth = 3;
    settings.block_secs = 1;
    settings.resend_secs = 1;
    settings.reply_secs = 2;
    settings.rpc_down_secs = 3_600;
    let limits = Limits {
        per_day: U256::MAX,
        per_wallet_and_day: U256::MAX,
        per_transaction: U256::MAX,
        max_fee_per_gas: 1_000_000_000_000,
        sender_floor: U256::ZERO,
    };
    let lease = Duration::from_secs(10);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let keeper = Keeper::start(store.clone(), format!("engine {number}"), lease, clock_millis);
    let parts = Parts {
        settings,
        limits,
        endpoints: Endpoints::new(world::CHAIN_ID, endpoints.to_vec()),
        keys: vec![Box::new(LocalKey::new(owner(SENDER)))],
        store: store.clone(),
        tenure: keeper.tenure(),
        clock: clock_millis,
        poll: Duration::from_millis(50),
    };
    let (engine, handle) = Engine::new(parts);
    Running { handle, keeper, task: tokio::spawn(engine.run()) }
}

/// What the payees have, each by its number.
async fn paid(chain: &Chain) -> Result<Vec<U256>> {
    let mut paid = Vec::new();
    for number in 0..PROPOSALS {
        paid.push(chain.balance(payee(number)).await?);
    }
    Ok(paid)
}

fn due() -> Vec<U256> {
    (0..PROPOSALS).map(|number| U256::from(1_000 + number)).collect()
}

/// Mines until everything is paid and the store says so for good.
async fn mine_until_final(chain: &Chain, store: &Store) -> Result<()> {
    mine_every(Duration::from_millis(100), chain, store).await
}

/// As [`mine_until_final`], with so long from block to block.
async fn mine_every(pace: Duration, chain: &Chain, store: &Store) -> Result<()> {
    let mining = async {
        while paid(chain).await? != due() || check_books(store).await.is_err() {
            chain.mine(1).await?;
            tokio::time::sleep(pace).await;
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, mining).await {
        Ok(mined) => mined,
        Err(_) => {
            check_books(store).await?;
            Err(eyre!("not paid in time: {:?}", paid(chain).await?))
        }
    }
}

/// Every proposal is executed for good, every account nonce is settled, and the audit log is whole.
async fn check_books(store: &Store) -> Result<()> {
    for request in requests() {
        let digest = request.digest();
        let found = store.find_proposal(digest).await?.ok_or_else(|| eyre!("no {digest}"))?;
        let is_executed = matches!(found.status, Status::Executed { .. });
        ensure!(is_executed && found.is_final, "{digest}: {}", found.status);
        for attempt in store.attempts_of(digest).await? {
            ensure!(attempt.settled.is_some(), "{} is not settled", attempt.account_nonce);
        }
    }
    let audit = store.verify_audit(None).await?;
    ensure!(matches!(audit, AuditReport::Whole { .. }), "{audit:?}");
    Ok(())
}

#[tokio::test]
async fn every_proposal_is_executed_once_and_final() -> Result<()> {
    let Stage { chain, store, folder: _folder } = Stage::set().await?;
    let running = engine(&[chain.endpoint()], &store);
    let mut report = running.handle.report();
    assert!(!report.borrow().is_leading);
    mine_until_final(&chain, &store).await?;
    let is_done = |report: &Report| {
        report.proposals.get("executed") == Some(&requests().len()) && report.in_flight == 0
    };
    let done = tokio::time::timeout(PATIENCE, report.wait_for(is_done)).await??.clone();
    assert!(done.is_leading && done.head.is_some() && done.used_today > U256::ZERO, "{done:?}");
    assert_eq!((done.ready_since, done.unknown, done.senders.len()), (None, 0, 1), "{done:?}");
    running.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    Ok(())
}

/// One endpoint is dead, the other loses one reply in ten, and four sends of ten, after it did what it was asked.
#[tokio::test]
async fn lost_replies_and_a_dead_endpoint_lose_and_double_nothing() -> Result<()> {
    let Stage { chain, store, folder: _folder } = Stage::set().await?;
    let dead = Proxy::start(&chain.endpoint(), Faults::none(1).down()).await?;
    let lossy = Proxy::start(&chain.endpoint(), Faults::none(2)).await?;
    let running = engine(&[dead.endpoint(), lossy.endpoint()], &store);
    let send = Some("eth_sendRawTransaction");
    let faults =
        Faults::none(2).with(Fault::LoseReply, 400, send).with(Fault::LoseReply, 100, None);
    lossy.set_faults(faults);
    mine_until_final(&chain, &store).await?;
    running.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    Ok(())
}

/// The engine ends again and again in the middle, and begins with what was stored.
#[tokio::test]
async fn restarts_lose_and_double_nothing() -> Result<()> {
    let Stage { chain, folder, mut store } = Stage::set().await?;
    for round in 0..6_u64 {
        let running = engine(&[chain.endpoint()], &store);
        tokio::time::sleep(Duration::from_millis(40 + 60 * round)).await;
        if round % 2 == 1 {
            chain.mine(1).await?;
        }
        running.stop().await?;
        store.close().await;
        store = open(&folder).await?;
    }
    let running = engine(&[chain.endpoint()], &store);
    mine_until_final(&chain, &store).await?;
    running.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    Ok(())
}

/// Proposals and signatures that are stored while it works, by another process as by this one, are executed too.
#[tokio::test]
async fn what_is_stored_meanwhile_is_executed_too() -> Result<()> {
    let (chain, folder) = (chain().await?, tempfile::tempdir()?);
    let head = Endpoint::connect(&chain.endpoint()).await?.head().await?.number;
    let empty = open(&folder).await?;
    let running = engine(&[chain.endpoint()], &empty);
    let store = stored(&folder, head).await?;
    mine_until_final(&chain, &store).await?;
    running.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    Ok(())
}

/// Two processes on one store: one of them sends, and when it ends the other goes on.
#[tokio::test]
async fn a_second_engine_takes_over() -> Result<()> {
    let Stage { chain, folder, store } = Stage::set().await?;
    let first = engine(&[chain.endpoint()], &store);
    let second = engine(&[chain.endpoint()], &open(&folder).await?);
    tokio::time::sleep(Duration::from_millis(300)).await;
    chain.mine(1).await?;
    first.stop().await?;
    mine_until_final(&chain, &store).await?;
    second.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    Ok(())
}

/// Somebody else submits what is signed: the engine says so and does not submit it again.
#[tokio::test]
async fn a_stranger_may_be_faster() -> Result<()> {
    let (chain, folder) = (chain().await?, tempfile::tempdir()?);
    let head = Endpoint::connect(&chain.endpoint()).await?.head().await?.number;
    let keys = [0, 2, 4].map(owner);
    for request in &requests()[..4] {
        let signed = sign(&request.digest(), &keys)?;
        let list = quorate_core::packing::pack(world::treasury().config(), &signed)?;
        chain.send(request.wallet, U256::ZERO, request.calldata(list)).await?;
    }
    let store = stored(&folder, head).await?;
    let running = engine(&[chain.endpoint()], &store);
    mine_until_final(&chain, &store).await?;
    running.stop().await?;
    assert_eq!(paid(&chain).await?, due());
    let sender = owner(SENDER).address();
    let sent = Endpoint::connect(&chain.endpoint()).await?.account_nonce(sender, false).await?;
    ensure!(sent == PROPOSALS - 4, "{sent} transactions for {} proposals", PROPOSALS - 4);
    Ok(())
}
