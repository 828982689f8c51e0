//! How long one execution takes at a steady pace: to the endpoint, and from its block to the reader.

use super::{
    Bound, Measure, Options, Results,
    load::{Load, SENDERS, complete_all, propose_all},
    median, millis, percentile,
    watch::Watch,
};
use crate::world::{World, sender};
use alloy::primitives::{B256, Bytes, U256};
use eyre::{OptionExt, Result, bail};
use quorate_chain::{Chain, SimulatedCall};
use quorate_core::Status;
use quorate_lab::{
    owners::owner,
    proxy::{Faults, Proxy},
};
use quorate_relayer::{
    attempt::{Draft, Kind, Purpose},
    budget::Charge,
    driver::{Key as _, LocalKey},
    fees::Fees,
};
use quorate_store::Storage;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep},
};

pub(super) const BROADCAST: Measure = Measure {
    name: "last signature to broadcast, p99 at 10/s",
    unit: "ms",
    against: "five times one simulation, one commit and one send",
    bound: Bound::AtMost(1.0),
};

pub(super) const CONFIRMATION: Measure = Measure {
    name: "mined to readable, p99 at 10/s",
    unit: "ms",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

/// How many payments.
const COUNT: u64 = 200;

/// From one payment to the next.
const PACE: Duration = Duration::from_millis(100);

/// From one block to the next. No multiple of the pace, so that signatures come at every time between two blocks.
const BLOCK: Duration = Duration::from_millis(1_030);

/// In which time an execution is readable after its block, in milliseconds.
const READABLE_MILLIS: f64 = 300.0;

/// How many times the parts of an execution may take in all, where each is done alone.
const SHARE: f64 = 5.0;

/// How often each part is done.
const SAMPLES: u64 = 50;

/// When what happened.
type Times<K> = BTreeMap<K, Instant>;

pub(super) async fn measure(options: &Options, results: &mut Results) -> Result<()> {
    let load = Load::start(options.scaled(COUNT)).await?;
    let proxy = Proxy::start(&load.world.chain.endpoint(), Faults::none(1)).await?;
    propose_all(&load.store, &load.payments).await?;
    let watch = Watch::start(load.store.clone());
    let engine = load.run(load.setup(proxy.endpoint()));
    complete_all(&load.store, load.warm_up()).await?;
    watch.executed(load.warm_up()).await?;
    load.world.mine_by_hand().await?;
    for _ in 0..4 {
        load.world.chain.mine(1).await?;
        sleep(BLOCK / 4).await;
    }
    watch.settled(load.warm_up()).await?;

    let limit = SHARE * parts(&load, results).await?;
    let mined = Mutex::new(Times::new());
    let completed = tokio::select! {
        ended = mine(&load.world, &mined) => return ended,
        completed = carry_out(&load, &watch) => completed?,
    };
    let mined = mined.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (sends, seen) = (proxy.sends(), watch.seen());
    let (mut to_broadcast, mut to_reader) = (Vec::new(), Vec::new());
    for payment in load.measured() {
        let digest = payment.digest;
        let attempts = load.store.attempts_of(digest).await?;
        let first = attempts.first().ok_or_eyre("an execution without an attempt")?.tx_hash;
        let sent = sends.get(&first).ok_or_eyre("an execution that was never sent")?;
        to_broadcast.push(millis(sent.saturating_duration_since(completed[&digest])));
        let found = load.store.find_proposal(digest).await?.ok_or_eyre("a lost proposal")?;
        let Status::Executed { block, .. } = found.status else { bail!("{digest} is open again") };
        let executed = seen[&digest].executed.ok_or_eyre("an execution that nobody saw")?;
        to_reader.push(millis(executed - mined[&block.number]));
    }
    engine.stop().await?;
    results.note("last signature to broadcast, median, ms", median(to_broadcast.clone()));
    results.note("mined to readable, median, ms", median(to_reader.clone()));
    results.add(BROADCAST, percentile(to_broadcast, 99), limit);
    results.add(CONFIRMATION, percentile(to_reader, 99), READABLE_MILLIS);
    Ok(())
}

/// Mines and notes when each block was asked for.
async fn mine(world: &World, mined: &Mutex<Times<u64>>) -> Result<()> {
    let mut blocks = interval(BLOCK);
    let mut number = world.height().await?;
    loop {
        blocks.tick().await;
        number += 1;
        mined.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Instant::now());
        world.chain.mine(1).await?;
    }
}

/// Stores last signatures at a steady pace, whether or not the engine keeps up, and waits until all is executed. Tells
/// when each signature was stored.
async fn carry_out(load: &Load, watch: &Watch) -> Result<Times<B256>> {
    let mut pace = interval(PACE);
    let mut tasks = JoinSet::new();
    for payment in load.measured().iter().cloned() {
        pace.tick().await;
        let store = load.store.clone();
        tasks.spawn(async move {
            payment.complete(&store).await?;
            Ok::<_, eyre::Report>((payment.digest, Instant::now()))
        });
    }
    let completed = tasks.join_all().await.into_iter().collect();
    watch.executed(load.measured()).await?;
    completed
}

/// What one simulation, one durable commit and one send take in all, each alone and at the endpoint itself: the sum
/// of their medians in milliseconds.
async fn parts(load: &Load, results: &mut Results) -> Result<f64> {
    let chain = Chain::connect(&load.world.chain.endpoint()).await?;
    let key = LocalKey::new(owner(sender(SENDERS)));
    let at = chain.head().await?.number;
    let (mut simulations, mut commits, mut sends) = (Vec::new(), Vec::new(), Vec::new());
    for sample in 0..SAMPLES {
        let payment = &load.measured()[usize::try_from(sample)?];
        let data = payment.calldata(&load.world)?;
        let call = SimulatedCall { from: key.address(), to: payment.request.wallet, data };
        let begun = Instant::now();
        chain.estimate_at(at, &call).await?;
        simulations.push(millis(begun.elapsed()));

        let begun = Instant::now();
        load.store.check_writable().await?;
        commits.push(millis(begun.elapsed()));

        let (_, raw) = key.sign(chain.id(), &draft(&key, sample))?;
        let begun = Instant::now();
        chain.send(&raw).await?;
        sends.push(millis(begun.elapsed()));
    }
    let parts = [median(simulations), median(commits), median(sends)];
    let names = ["one simulation, ms", "one durable commit, ms", "one send, ms"];
    for (name, part) in names.into_iter().zip(parts) {
        results.note(name, part);
    }
    Ok(parts.iter().sum())
}

/// A transaction to oneself that does nothing.
fn draft(key: &LocalKey, account_nonce: u64) -> Draft {
    let (wei, gas_limit) = (10_000_000_000, 21_000);
    Draft {
        sender: key.address(),
        account_nonce,
        number: 0,
        purpose: Purpose::Gap,
        kind: Kind::Noop,
        to: key.address(),
        data: Bytes::new(),
        gas_limit,
        fees: Fees::new(wei, 1),
        ceiling: wei,
        rollup_fee: U256::ZERO,
        charge: Charge { day: 0, wallet: None, amount: U256::ZERO },
    }
}
