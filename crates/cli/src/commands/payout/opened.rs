//! Plans, as files.

use crate::{chain_access::Named, failure::Cause, files};
use eyre::Result;
use quorate_treasury::{Plan, PlanFileError};
use std::path::Path;

/// Reads a plan.
pub(crate) fn read(path: &Path) -> Result<Plan> {
    of(path, &files::read(path)?)
}

fn of(path: &Path, bytes: &[u8]) -> Result<Plan> {
    Plan::from_json(bytes).map_err(|error: PlanFileError| {
        let cause = if error.is_contradiction() { Cause::Mismatch } else { Cause::BadInput };
        cause.error(format!("{}: {error}", path.display()))
    })
}

/// Reads a plan, if the file is meant to be one.
pub(super) fn read_if_plan(path: &Path) -> Result<Option<Plan>> {
    const START: usize = 256;
    let bytes = files::read(path)?;
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(START)]).into_owned();
    let is_plan = start.trim_start().starts_with('{') && start.contains("\"payoutPlan\"");
    is_plan.then(|| of(path, &bytes)).transpose()
}

/// The wallet of a plan. What is said beside has to agree with it.
pub(super) fn wallet_of(plan: &Plan, run: Option<&str>, wallet: Option<&str>) -> Result<Named> {
    if let Some(run) = run.filter(|run| *run != plan.run) {
        let run = quorate_core::text::shown(run);
        return Err(Cause::BadInput
            .error(format!("--run {run}, and the plan is of the run {}: leave it out", plan.run)));
    }
    let address = plan.wallet.to_checksum(None);
    let named = Named::read(wallet.filter(|wallet| !wallet.is_empty()).unwrap_or(&address))?;
    if named.address != plan.wallet {
        let other = named.address.to_checksum(None);
        return Err(Cause::BadInput
            .error(format!("the wallet {other}, and the plan is of {address}: leave it out")));
    }
    Ok(named)
}
