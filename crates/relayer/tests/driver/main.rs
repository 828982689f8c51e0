//! The engine at work on a real anvil, also through an endpoint that fails on purpose.

use alloy::primitives::{Address, B256, U256};
use eyre::{Result, ensure, eyre};
use quorate_chain::Chain as Endpoint;
use quorate_core::{Action, Lane, Nonce, Request, action::Transfer};
use quorate_lab::{
    anvil::{Chain, GENESIS_SECS},
    deploy,
    fixtures::world,
    owners::owner,
    proxy::{Fault, Faults, Proxy},
    signatures::sign,
};
use quorate_relayer::{
    Settings,
    budget::Limits,
    driver::{Endpoints, Engine, Handle, LocalKey, MemoryBook, Parts},
    rows::{ProposalRow, WalletRow},
    status::Status,
    wallet::Snapshot,
};
use std::{collections::BTreeMap, time::Duration};
use tokio::task::JoinHandle;

/// The number of the key that sends.
const SENDER: u64 = 8;

/// How long everything may take at most.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many proposals are executed.
const PROPOSALS: u64 = 12;

/// The chain's time when tests begin, in Unix seconds: the clock stands still.
fn clock() -> u64 {
    GENESIS_SECS + 60
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

/// What a store would hold: the wallet as it is, and every proposal with three signatures.
fn book(block: u64) -> Result<MemoryBook> {
    let treasury = world::treasury();
    let snapshot = Snapshot {
        block,
        is_deployed: true,
        epoch: 0,
        config: treasury.config().clone(),
        lanes: BTreeMap::new(),
        approvals: Default::default(),
    };
    let wallet = WalletRow { address: treasury.address(), creation: None, snapshot };
    let keys = [0, 2, 4].map(owner);
    let mut proposals = Vec::new();
    for request in requests() {
        proposals.push(ProposalRow {
            digest: request.digest(),
            signatures: sign(&request.digest(), &keys)?,
            request,
            policy_satisfied: true,
            ready_order: None,
            failures: Vec::new(),
            revision: 0,
            status: Status::Collecting { reason: None },
            is_final: false,
        });
    }
    Ok(MemoryBook::new(vec![wallet], proposals))
}

type Running = JoinHandle<Result<MemoryBook, quorate_relayer::driver::BookError>>;

async fn engine(endpoints: &[String], book: MemoryBook) -> Result<(Handle, Running)> {
    let mut chains = Vec::new();
    for endpoint in endpoints {
        chains.push(Endpoint::connect(endpoint).await?);
    }
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
    let parts = Parts {
        settings,
        limits,
        endpoints: Endpoints::new(chains),
        keys: vec![Box::new(LocalKey::new(owner(SENDER)))],
        book,
        clock,
        poll: Duration::from_millis(50),
    };
    let (engine, handle) = Engine::new(parts);
    Ok((handle, tokio::spawn(engine.run())))
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

/// Mines until everything is paid and the book says so for good.
async fn mine_until_final(chain: &Chain, book: &MemoryBook) -> Result<()> {
    let mining = async {
        while paid(chain).await? != due() || check_books(book).is_err() {
            chain.mine(1).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, mining).await {
        Ok(mined) => mined,
        Err(_) => {
            check_books(book)?;
            Err(eyre!("not paid in time: {:?}", paid(chain).await?))
        }
    }
}

async fn stop(handle: &Handle, running: Running) -> Result<MemoryBook> {
    handle.stop();
    Ok(running.await??)
}

/// Whether every proposal is executed for good, as far as the book says.
fn check_books(book: &MemoryBook) -> Result<()> {
    for request in requests() {
        let digest = request.digest();
        let change = book.find_status(digest).ok_or_else(|| eyre!("nothing said of {digest}"))?;
        let is_executed = matches!(change.status, Status::Executed { .. });
        ensure!(is_executed && change.is_final, "{digest}: {:?}", change);
    }
    Ok(())
}

#[tokio::test]
async fn every_proposal_is_executed_once_and_final() -> Result<()> {
    let chain = chain().await?;
    let head = Endpoint::connect(&chain.endpoint()).await?.head().await?.number;
    let book = book(head)?;
    let (handle, running) = engine(&[chain.endpoint()], book.clone()).await?;
    mine_until_final(&chain, &book).await?;
    stop(&handle, running).await?;
    assert_eq!(paid(&chain).await?, due());
    check_books(&book)
}

/// One endpoint is dead, the other loses one reply in five after it did what it was asked.
#[tokio::test]
async fn lost_replies_and_a_dead_endpoint_lose_and_double_nothing() -> Result<()> {
    let chain = chain().await?;
    let head = Endpoint::connect(&chain.endpoint()).await?.head().await?.number;
    let dead = Proxy::start(&chain.endpoint(), Faults::none(1)).await?;
    let lossy = Proxy::start(&chain.endpoint(), Faults::none(2)).await?;
    let endpoints = [dead.endpoint(), lossy.endpoint()];
    let book = book(head)?;
    let (handle, running) = engine(&endpoints, book.clone()).await?;
    dead.set_faults(Faults::none(1).down());
    let send = Some("eth_sendRawTransaction");
    let faults =
        Faults::none(2).with(Fault::LoseReply, 400, send).with(Fault::LoseReply, 100, None);
    lossy.set_faults(faults);
    mine_until_final(&chain, &book).await?;
    stop(&handle, running).await?;
    assert_eq!(paid(&chain).await?, due());
    check_books(&book)
}

/// The engine ends again and again in the middle, and begins with what was stored.
#[tokio::test]
async fn restarts_lose_and_double_nothing() -> Result<()> {
    let chain = chain().await?;
    let head = Endpoint::connect(&chain.endpoint()).await?.head().await?.number;
    let mut book = book(head)?;
    for round in 0..6_u64 {
        let (handle, running) = engine(&[chain.endpoint()], book).await?;
        tokio::time::sleep(Duration::from_millis(40 + 60 * round)).await;
        if round % 2 == 1 {
            chain.mine(1).await?;
        }
        book = stop(&handle, running).await?;
    }
    let (handle, running) = engine(&[chain.endpoint()], book.clone()).await?;
    mine_until_final(&chain, &book).await?;
    stop(&handle, running).await?;
    assert_eq!(paid(&chain).await?, due());
    check_books(&book)
}

/// Somebody else submits what is signed: the engine says so and does not submit it again.
#[tokio::test]
async fn a_stranger_may_be_faster() -> Result<()> {
    let chain = chain().await?;
    let head = Endpoint::connect(&chain.endpoint()).await?.head().await?.number;
    let keys = [0, 2, 4].map(owner);
    for request in &requests()[..4] {
        let signed = sign(&request.digest(), &keys)?;
        let list = quorate_core::packing::pack(world::treasury().config(), &signed)?;
        chain.send(request.wallet, U256::ZERO, request.calldata(list)).await?;
    }
    let book = book(head)?;
    let (handle, running) = engine(&[chain.endpoint()], book.clone()).await?;
    mine_until_final(&chain, &book).await?;
    stop(&handle, running).await?;
    assert_eq!(paid(&chain).await?, due());
    check_books(&book)?;
    let sender = owner(SENDER).address();
    let sent = Endpoint::connect(&chain.endpoint()).await?.account_nonce(sender, false).await?;
    ensure!(sent == PROPOSALS - 4, "{sent} transactions for {} proposals", PROPOSALS - 4);
    Ok(())
}
