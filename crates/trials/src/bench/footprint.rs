//! What an engine asks of its endpoint and of its machine.

use super::{
    Bound, Measure, Options, Results,
    load::{Load, Payment, complete_all, propose_all},
    watch::Watch,
};
use crate::engine::Process;
use eyre::{OptionExt, Result, WrapErr};
use quorate_lab::proxy::{Faults, Proxy};
use std::{collections::BTreeMap, fs, time::Duration};
use tokio::time::sleep;

pub(super) const CALLS: Measure = Measure {
    name: "RPC calls per execution",
    unit: "",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

pub(super) const IDLE: Measure = Measure {
    name: "memory of an idle engine",
    unit: "MB",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

pub(super) const GROWTH: Measure = Measure {
    name: "memory after 7,000 executions",
    unit: "MB",
    against: "the same process after 4,000",
    bound: Bound::AtMost(1.2),
};

/// How many calls of any kind an execution may cost.
const MOST_CALLS: f64 = 4.0;

/// What an engine that has nothing to do may hold, in millions of bytes.
const MOST_IDLE: f64 = 60.0;

/// How many executions are counted; how many follow before memory is looked at, and how many then before it is looked at
/// again: as many, all at once, so that equally much is remembered of recent blocks.
const COUNTED: u64 = 1_000;
const FILLING: u64 = 3_000;
const FURTHER: u64 = 3_000;

/// How long an engine runs before it counts as idle.
const SETTLING: Duration = Duration::from_secs(3);

pub(super) async fn measure(options: &Options, results: &mut Results) -> Result<()> {
    let [counted, filling, further] = [COUNTED, FILLING, FURTHER].map(|n| options.scaled(n));
    let load = Load::start(counted + filling + further).await?;
    load.world.mine_every(1).await?;
    let proxy = Proxy::start(&load.world.chain.endpoint(), Faults::none(1)).await?;
    let watch = Watch::start(load.store.clone());
    let engine = Process::start(&load.setup(proxy.endpoint()), load.folder(), None)?;
    sleep(SETTLING).await;
    results.add(IDLE, resident(&engine)?, MOST_IDLE);
    execute(&load, &watch, load.warm_up()).await?;

    let (first, rest) = load.measured().split_at(usize::try_from(counted)?);
    let before = proxy.calls();
    execute(&load, &watch, first).await?;
    let mut calls: BTreeMap<_, f64> = BTreeMap::new();
    for (method, count) in proxy.calls() {
        let count = count - before.get(&method).copied().unwrap_or_default();
        *calls.entry(note(&method)).or_default() += count as f64 / counted as f64;
    }
    results.add(CALLS, calls.values().sum(), MOST_CALLS);
    for (name, calls) in calls {
        results.note(name, calls);
    }

    let (filling, rest) = rest.split_at(usize::try_from(filling)?);
    execute(&load, &watch, filling).await?;
    let early = resident(&engine)?;
    execute(&load, &watch, rest).await?;
    results.add(GROWTH, resident(&engine)?, early);
    engine.kill().await
}

/// Has all of these executed, as fast as it goes, and waits until they are final.
async fn execute(load: &Load, watch: &Watch, payments: &[Payment]) -> Result<()> {
    propose_all(&load.store, payments).await?;
    complete_all(&load.store, payments).await?;
    watch.settled(payments).await
}

/// The memory that a process holds, in millions of bytes.
fn resident(engine: &Process) -> Result<f64> {
    let path = format!("/proc/{}/status", engine.id()?);
    let status = fs::read_to_string(&path).wrap_err(path)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or_eyre("no VmRSS")?;
    Ok(kib.trim().parse::<f64>()? * 1_024.0 / 1_000_000.0)
}

/// The name under which the calls of a method are noted.
fn note(method: &str) -> &'static str {
    match method {
        "eth_estimateGas" => "calls for simulations alone",
        "eth_simulateV1" => "calls for simulations on top of others",
        "eth_sendRawTransaction" => "calls for sends",
        "eth_getTransactionReceipt" => "calls for receipts",
        "eth_getTransactionCount" | "eth_getBalance" => "calls for accounts",
        _ => "calls for blocks, their events and their fees",
    }
}
