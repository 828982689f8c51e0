//! Payout runs of thousands of lines: planned, and reconciled by the chain alone, by the program itself.

use super::{Bound, Measure, Options, Results};
use crate::payday::Payday;
use alloy::primitives::U256;
use eyre::{Result, WrapErr as _, ensure};
use quorate_core::{Proposal, packing};
use quorate_lab::{owners::owner, program::Program, signatures::sign};
use std::{fs, path::Path, process::Child, time::Duration};
use tokio::time::{Instant, sleep};

pub(super) const PLANNING: Measure = Measure {
    name: "2,000 lines planned",
    unit: "s",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

pub(super) const GROWTH: Measure = Measure {
    name: "10,000 lines planned",
    unit: "s",
    against: "2,000 lines",
    bound: Bound::AtMost(6.0),
};

pub(super) const RECONCILING: Measure = Measure {
    name: "10,000 lines reconciled",
    unit: "s",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

pub(super) const MEMORY: Measure = Measure {
    name: "memory of planning and reconciling 10,000 lines, at its peak",
    unit: "MB",
    against: "a limit",
    bound: Bound::AtMost(1.0),
};

/// How many lines are planned, fewer and many.
const FEW: u64 = 2_000;
const MANY: u64 = 10_000;

/// How long planning a few lines, and reconciling many, may take, in seconds.
const MOST_PLANNING: f64 = 10.0;
const MOST_RECONCILING: f64 = 20.0;

/// What the program may hold, in millions of bytes.
const MOST_MEMORY: f64 = 200.0;

/// What is behind the last payment before it is final, in blocks.
const DEPTH: u64 = 12;

/// How often is looked how much memory it has.
const LOOK: Duration = Duration::from_millis(2);

/// What a run of the program took.
struct Took {
    secs: f64,
    /// In millions of bytes.
    memory: f64,
}

pub(super) async fn measure(options: &Options, results: &mut Results) -> Result<()> {
    let [few, many] = [FEW, MANY].map(|count| options.scaled(count));
    let payday = Payday::start(many, 0).await?;
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let program = Program::beside()?.with("ETH_RPC_URL", payday.world.chain.endpoint());
    let wallet = payday.wallet().to_checksum(None);
    fs::write(at.join("few.csv"), payday.list_of(few))?;
    fs::write(at.join("many.csv"), payday.list())?;
    let plan = |run| {
        let file = if run == "few" { "few.csv" } else { "many.csv" };
        ["payout", "plan", file, "--run", run, "--wallet", wallet.as_str()]
    };
    let small = time(&program, at, &plan("few")).await?;
    let planned = time(&program, at, &plan("many")).await?;
    results.add(PLANNING, small.secs, MOST_PLANNING);
    results.add(GROWTH, planned.secs, small.secs);
    program.json(at, &["payout", "propose", "many.plan.json"])?;
    execute(&payday, &at.join("many")).await?;
    fs::remove_dir_all(at.join("many"))?;
    payday.world.chain.mine(DEPTH).await?;
    let reconcile = ["payout", "reconcile", "many.plan.json", "--csv", "paid.csv"];
    let reconciled = time(&program, at, &reconcile).await?;
    results.add(RECONCILING, reconciled.secs, MOST_RECONCILING);
    results.add(MEMORY, planned.memory.max(reconciled.memory), MOST_MEMORY);
    payday.compare(&fs::read_to_string(at.join("paid.csv"))?).await
}

/// Signs and sends all proposals in a folder.
async fn execute(payday: &Payday, folder: &Path) -> Result<()> {
    let wallet = &payday.world.wallets[0];
    for entry in fs::read_dir(folder)? {
        let proposal = Proposal::from_json(&fs::read(entry?.path())?)?;
        let signed = sign(&proposal.digest(), &[0, 2].map(owner))?;
        let calldata = proposal.request().calldata(packing::pack(&wallet.config, &signed)?);
        payday.world.chain.send(wallet.address, U256::ZERO, calldata).await?;
    }
    Ok(())
}

/// Runs the program to its end, which must be a good one.
async fn time(program: &Program, folder: &Path, arguments: &[&str]) -> Result<Took> {
    let begun = Instant::now();
    let mut child = program.spawn(folder, arguments)?;
    let mut memory = 0.0_f64;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        memory = memory.max(peak(&child).unwrap_or_default());
        sleep(LOOK).await;
    };
    let secs = begun.elapsed().as_secs_f64();
    if !ended.success() {
        let output = child.wait_with_output().wrap_err("no output")?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(ended.success(), "quorate {}: {words}", arguments.join(" "));
    }
    Ok(Took { secs, memory })
}

/// The most memory that a process had so far, in millions of bytes; none where it ended.
fn peak(child: &Child) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1_024.0 / 1_000_000.0)
}
