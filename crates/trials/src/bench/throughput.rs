//! Executions per second, next to a loop that knows nothing and keeps nothing.

use super::{
    Bound, Measure, Options, Results, bare,
    load::{Load, complete_all, propose_all},
    watch::Watch,
};
use eyre::Result;
use tokio::time::Instant;

pub(super) const MEASURE: Measure = Measure {
    name: "executions per second",
    unit: "1/s",
    against: "a bare loop: one simulation and one send each",
    bound: Bound::AtLeast(0.8),
};

/// How many payments.
const COUNT: u64 = 3_000;

/// Both sides once, each on a chain of its own, the other one first in every second run.
pub(super) async fn measure(options: &Options, run: usize, results: &mut Results) -> Result<()> {
    let count = options.scaled(COUNT);
    let (ours, bare) = if run.is_multiple_of(2) {
        let ours = engine(count).await?;
        (ours, bare::run(count).await?)
    } else {
        let bare = bare::run(count).await?;
        (engine(count).await?, bare)
    };
    results.add(MEASURE, ours, bare);
    Ok(())
}

/// How many the engine executes in a second, from the first last signature on to the last status.
async fn engine(count: u64) -> Result<f64> {
    let load = Load::start(count).await?;
    load.world.mine_every(1).await?;
    propose_all(&load.store, &load.payments).await?;
    let watch = Watch::start(load.store.clone());
    let engine = load.run(load.setup(load.world.chain.endpoint()));
    complete_all(&load.store, load.warm_up()).await?;
    watch.settled(load.warm_up()).await?;
    load.next_block().await?;
    let begun = Instant::now();
    complete_all(&load.store, load.measured()).await?;
    let done = watch.executed(load.measured()).await?;
    engine.stop().await?;
    Ok(count as f64 / (done - begun).as_secs_f64())
}
