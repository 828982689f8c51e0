//! Bad weather: endpoints that lose, lag, lie and hang; outages, reorgs, fees that jump, strangers, a full disk, and
//! kills at any moment.

use super::{PATIENCE, Trial};
use crate::books::Books;
use alloy::primitives::U256;
use eyre::{Result, bail, ensure};
use quorate_core::status::StatusWord;
use quorate_lab::proxy::{Fault, Faults, HttpError, Proxy};
use quorate_store::{EventFilter, EventKind, Storage};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long is waited between looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Wei.
const GWEI: u128 = 1_000_000_000;

/// One in ten.
const ONE_IN_TEN: u32 = 100;

/// Executions whose endpoint loses one reply in ten after it did what it was asked.
///
/// # Errors
///
/// If they are not all done within `limit`, or the books do not add up.
pub async fn lost_replies(executions: u64, limit: Duration) -> Result<Books> {
    let begun = Instant::now();
    let trial = Trial::with_senders(20, executions, true, 4).await?;
    let proxy = Proxy::start(&trial.world.chain.endpoint(), Faults::none(3)).await?;
    let engine = trial.engine(&trial.setup_with(vec![proxy.endpoint()]), None)?;
    proxy.set_faults(Faults::none(3).with(Fault::LoseReply, ONE_IN_TEN, None));
    trial.world.mine_every(1).await?;
    while trial.count_final().await? < trial.requests.len() {
        sleep(Duration::from_secs(1)).await;
        ensure!(begun.elapsed() < limit, "{} final after {limit:?}", trial.count_final().await?);
    }
    all_executed(&trial, trial.close(engine).await?)
}

/// Five endpoints: one is late, one says of every transaction that it has it already and passes none on, one makes up a
/// head far above the others', one hangs or is overloaded, and one is dead.
///
/// # Errors
///
/// If the books do not add up.
pub async fn bad_endpoints() -> Result<Books> {
    let trial = Trial::start(4, 40, true).await?;
    let target = trial.world.chain.endpoint();
    let mut proxies = Vec::new();
    for _ in 0..5 {
        proxies.push(Proxy::start(&target, Faults::none(1)).await?);
    }
    let endpoints = proxies.iter().map(Proxy::endpoint).collect();
    let engine = trial.engine(&trial.setup_with(endpoints), None)?;
    let send = Some("eth_sendRawTransaction");
    proxies[0].set_faults(Faults::none(1).with(Fault::Delay(1_500), 1_000, None));
    proxies[1].set_faults(Faults::none(2).with(Fault::AlreadyKnown, 1_000, send));
    let hangs = Faults::none(3).with(Fault::Hang, 300, None);
    proxies[2].set_faults(hangs.with(Fault::Http(HttpError::html(429)), 400, None));
    proxies[3].set_faults(Faults::none(4).down());
    proxies[4].set_faults(Faults::none(5).with(Fault::FalseHead, 1_000, None));
    all_executed(&trial, trial.close(engine).await?)
}

/// Nothing answers for a while, in the middle of everything.
///
/// # Errors
///
/// If the books do not add up.
pub async fn outage(lasts: Duration) -> Result<Books> {
    let trial = Trial::start(4, 40, true).await?;
    let proxy = Proxy::start(&trial.world.chain.endpoint(), Faults::none(5)).await?;
    let engine = trial.engine(&trial.setup_with(vec![proxy.endpoint()]), None)?;
    trial.until(|| async { Ok(trial.count(StatusWord::Submitted).await? > 4) }).await?;
    proxy.set_faults(Faults::none(5).down());
    trial.world.chain.mine(1).await?;
    sleep(lasts).await;
    proxy.set_faults(Faults::none(5));
    all_executed(&trial, trial.close(engine).await?)
}

/// The last blocks are replaced by empty ones, while executions are on their way and after they were mined; to a depth
/// of `depth` blocks. Final are blocks with 3 on top; 16 are remembered.
///
/// # Errors
///
/// If the books do not add up.
pub async fn reorg(depth: u64) -> Result<Books> {
    let trial = Trial::start(3, 18, true).await?;
    // What is undone must not reach back to when the wallets were registered.
    trial.world.chain.mine(depth).await?;
    let engine = trial.engine(&trial.setup(), None)?;
    for mined in [6, 12] {
        while trial.count(StatusWord::Executed).await? < mined {
            trial.world.chain.mine(1).await?;
            sleep(PAUSE).await;
        }
        trial.world.chain.mine(depth / 2).await?;
        sleep(PAUSE).await;
        trial.world.reorg(depth).await?;
        sleep(PAUSE).await;
    }
    let books = all_executed(&trial, trial.close(engine).await?)?;
    let events = trial.store.events_after(0, EventFilter::default(), u32::MAX).await?;
    ensure!(
        events.iter().any(|event| event.kind == EventKind::Reopened),
        "nothing that was executed was undone"
    );
    Ok(books)
}

/// A reorg after which what was executed reverts: the wallet has nothing any more. Then it has again.
///
/// # Errors
///
/// If the books do not add up.
pub async fn reorg_into_revert() -> Result<Books> {
    let trial = Trial::start(1, 1, true).await?;
    trial.world.chain.mine(4).await?;
    let engine = trial.engine(&trial.setup(), None)?;
    let digest = trial.requests[0].digest();
    let wallet = trial.world.wallets[0].address;
    while trial.count(StatusWord::Executed).await? < 1 {
        trial.world.chain.mine(1).await?;
        sleep(PAUSE).await;
    }
    trial.world.reorg(2).await?;
    trial.world.rpc("anvil_setBalance", (wallet, U256::ZERO)).await?;
    let begun = Instant::now();
    loop {
        trial.world.chain.mine(1).await?;
        sleep(PAUSE).await;
        let found = trial.store.find_proposal(digest).await?;
        if found.is_some_and(|found| !found.failures.is_empty()) {
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "no revert was noticed: {}", engine.last_words());
    }
    trial.world.rpc("anvil_setBalance", (wallet, U256::from(u64::MAX))).await?;
    let books = all_executed(&trial, trial.close(engine).await?)?;
    ensure!(books.reverted > 0, "nothing reverted");
    Ok(books)
}

/// The base fee jumps up and down with every block, by a factor of up to 800.
///
/// # Errors
///
/// If the books do not add up.
pub async fn fee_spikes() -> Result<Books> {
    let trial = Trial::start(4, 40, true).await?;
    let engine = trial.engine(&trial.setup(), None)?;
    let begun = Instant::now();
    for fee in [1, 300, 2, 800, 1, 50, 400, 3].into_iter().cycle() {
        trial.world.set_base_fee(fee * GWEI).await?;
        trial.world.chain.mine(1).await?;
        sleep(PAUSE).await;
        if trial.count(StatusWord::Executed).await? == trial.requests.len() {
            break;
        }
        if begun.elapsed() > PATIENCE {
            bail!("the fees were not followed: {}", engine.last_words());
        }
    }
    all_executed(&trial, trial.close(engine).await?)
}

/// A stranger submits every second payment too, with a higher tip.
///
/// # Errors
///
/// If the books do not add up.
pub async fn strangers() -> Result<Books> {
    let trial = Trial::start(4, 40, true).await?;
    let engine = trial.engine(&trial.setup(), None)?;
    for (number, request) in trial.requests.iter().enumerate() {
        if number % 2 == 0 {
            trial.submit_as_stranger(request, 1_000 * GWEI, 50 * GWEI).await?;
        }
        if number % 4 == 3 {
            trial.world.chain.mine(1).await?;
            sleep(PAUSE).await;
        }
    }
    all_executed(&trial, trial.close(engine).await?)
}

/// The store's disk is full from the first; when there is room again, it goes on.
///
/// # Errors
///
/// If the disk was never full, or the books do not add up.
pub async fn full_disk() -> Result<Books> {
    let trial = Trial::start(2, 8, true).await?;
    let full = crate::engine::Setup { max_pages: Some(1), ..trial.setup() };
    let engine = trial.engine(&full, None)?;
    let begun = Instant::now();
    while !engine.last_words().contains("out of space") {
        trial.world.chain.mine(1).await?;
        sleep(PAUSE).await;
        ensure!(begun.elapsed() < PATIENCE, "the disk was never full: {}", engine.last_words());
    }
    engine.kill().await?;
    let engine = trial.engine(&trial.setup(), None)?;
    all_executed(&trial, trial.close(engine).await?)
}

/// The engine is killed and started again, `times` times, whenever it happens to be; one reply in ten is lost.
///
/// # Errors
///
/// If the books do not add up.
pub async fn kills(times: u64) -> Result<Books> {
    let trial = Trial::with_senders(6, 60, true, 2).await?;
    let proxy = Proxy::start(&trial.world.chain.endpoint(), Faults::none(7)).await?;
    let setup = trial.setup_with(vec![proxy.endpoint()]);
    proxy.set_faults(Faults::none(7).with(Fault::LoseReply, ONE_IN_TEN, None));
    for round in 0..times {
        let engine = trial.engine(&setup, None)?;
        // Long enough for the lease that the one before left behind, then sooner or later.
        sleep(Duration::from_millis(900 + (round * 137) % 700)).await;
        trial.world.chain.mine(1).await?;
        engine.kill().await?;
    }
    let engine = trial.engine(&setup, None)?;
    all_executed(&trial, trial.close(engine).await?)
}

/// Two engines on one store: the one that sends is killed, and the other takes over.
///
/// # Errors
///
/// If the books do not add up.
pub async fn two_engines() -> Result<Books> {
    let trial = Trial::start(4, 40, true).await?;
    let first = trial.engine(&trial.setup(), None)?;
    trial.until(|| async { Ok(trial.count(StatusWord::Submitted).await? > 0) }).await?;
    let second = trial.engine(&trial.setup(), None)?;
    trial.world.chain.mine(1).await?;
    sleep(PAUSE).await;
    first.kill().await?;
    all_executed(&trial, trial.close(second).await?)
}

fn all_executed(trial: &Trial, books: Books) -> Result<Books> {
    let due = trial.requests.len();
    ensure!(books.executed == due, "{} of {due} executed", books.executed);
    Ok(books)
}
