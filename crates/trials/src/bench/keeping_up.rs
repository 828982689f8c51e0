//! How far the engine is behind its chain where blocks come fast and the endpoint is far away.

use super::{
    Bound, Measure, Options, Results,
    load::{Load, complete_all, propose_all},
    percentile,
    watch::Watch,
};
use eyre::{Result, ensure};
use quorate_lab::proxy::{Fault, Faults, Proxy};
use quorate_relayer::driver::Report;
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

pub(super) const WORST: Measure = Measure {
    name: "keeping up, most blocks behind",
    unit: "blocks",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

pub(super) const P99: Measure = Measure {
    name: "keeping up, p99 of blocks behind",
    unit: "blocks",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

/// From one block to the next, as on Arbitrum.
const BLOCK: Duration = Duration::from_millis(250);

/// How long each answer of the endpoint takes: one on another continent.
const DELAY_MILLIS: u64 = 200;

/// How often the engine asks for its head.
const POLL_MILLIS: u64 = 250;

/// For how many seconds is looked, and for how many nobody looks before, while the engine begins.
const SECS: u64 = 60;
const BEGINNING_SECS: u64 = 5;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(20);

/// How many blocks the engine may be behind.
const LIMIT: f64 = 8.0;

/// One payment is handed in every so many seconds, so that the engine has work beside.
const PAY_EVERY: Duration = Duration::from_secs(2);

pub(super) async fn measure(options: &Options, results: &mut Results) -> Result<()> {
    let secs = options.scaled(SECS);
    let load = Load::start(0).await?;
    load.world.mine_by_hand().await?;
    let faults = Faults::none(1).with(Fault::Delay(DELAY_MILLIS), 1_000, None);
    let proxy = Proxy::start(&load.world.chain.endpoint(), faults).await?;
    propose_all(&load.store, &load.payments).await?;
    let mut setup = load.setup(proxy.endpoint());
    setup.poll_millis = POLL_MILLIS;
    let watch = Watch::start(load.store.clone());
    let (engine, report) = load.run_reporting(setup);
    let (height, mined) = watch::channel(load.world.height().await?);
    let behind = tokio::select! {
        ended = mine(&load, &height) => return ended,
        behind = look(report, mined, Duration::from_secs(secs)) => behind,
        paid = pay(&load) => return paid,
    };
    ensure!(!behind.is_empty(), "the engine told of no head");
    // What was paid meanwhile is executed: it followed what it told.
    let count = usize::try_from(secs / PAY_EVERY.as_secs() / 2)?;
    let paid = &load.warm_up()[..count];
    tokio::select! {
        ended = mine(&load, &height) => return ended,
        executed = watch.executed(paid) => { executed?; }
    }
    engine.stop().await?;
    let worst = behind.iter().copied().fold(0.0, f64::max);
    results.add(WORST, worst, LIMIT);
    results.add(P99, percentile(behind, 99), LIMIT);
    Ok(())
}

/// Makes blocks, and tells how many there are.
async fn mine(load: &Load, height: &watch::Sender<u64>) -> Result<()> {
    let mut blocks = interval(BLOCK);
    blocks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        blocks.tick().await;
        load.world.chain.mine(1).await?;
        height.send_modify(|height| *height += 1);
    }
}

/// Hands in one payment after the other; never ends.
async fn pay(load: &Load) -> Result<()> {
    let mut pace = interval(PAY_EVERY);
    for payment in load.warm_up() {
        pace.tick().await;
        complete_all(&load.store, std::slice::from_ref(payment)).await?;
    }
    std::future::pending().await
}

/// How many blocks the engine is behind, again and again.
async fn look(
    report: watch::Receiver<Report>,
    mined: watch::Receiver<u64>,
    time: Duration,
) -> Vec<f64> {
    sleep(Duration::from_secs(BEGINNING_SECS)).await;
    let begun = Instant::now();
    let mut behind = Vec::new();
    while begun.elapsed() < time {
        let height = *mined.borrow();
        let head = report.borrow().head.map_or(0, |head| head.id.number);
        behind.push(height.saturating_sub(head) as f64);
        sleep(LOOK).await;
    }
    behind
}
