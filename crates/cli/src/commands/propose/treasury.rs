//! What a treasury asks of its own policy.

use super::Place;
use crate::{
    arguments::{Common, Source},
    commands::policy::require_treasury,
    failure::Cause,
    files,
    output::Output,
};
use alloy::primitives::{U256, keccak256};
use eyre::Result;
use quorate_bindings::{canonical, contracts::ITreasuryPolicy as policy};
use quorate_core::{Action, Request, action::Call};
use quorate_treasury::rules::power::{override_lane, own_lane};

/// Proposes that actions wait.
pub(super) async fn queue(
    proposals: Vec<Source>,
    mut common: Common,
    output: Output,
) -> Result<()> {
    let mut digests = Vec::new();
    let mut requests = Vec::new();
    for source in proposals {
        digests.push(match source {
            Source::Digest(digest) => digest,
            Source::File(path) => {
                let proposal = files::read_proposal(&path)?;
                requests.push(proposal.request().clone());
                proposal.digest()
            }
        });
    }
    if common.lane.is_none() && common.after.is_none() {
        let packed: Vec<u8> = digests.iter().flatten().copied().collect();
        common.lane = Some(own_lane(keccak256(packed)));
    }
    let place = Place::read(common, None, output).await?;
    let rules = require_treasury(place.config()?)?;
    if rules.delay_secs == 0 {
        return Err(Cause::BadInput.error("the rules of this wallet have no delay: nothing waits"));
    }
    for request in &requests {
        check(request, &place, u64::from(rules.delay_secs), output)?;
    }
    let calls = digests.into_iter().map(|digest| call(&policy::queueCall { digest })).collect();
    place.propose(Action::Execute { calls }, output).await
}

/// What can never be done is not queued.
fn check(request: &Request, place: &Place, delay_secs: u64, output: Output) -> Result<()> {
    let digest = request.digest();
    let state = &place.state;
    if (request.wallet, request.chain_id) != (state.address, place.chain.id()) {
        return Err(Cause::Mismatch.error(format!(
            "{digest} is an action of wallet {} on chain {}, not of {} on chain {}",
            request.wallet,
            request.chain_id,
            state.address,
            place.chain.id()
        )));
    }
    if request.epoch != state.epoch {
        return Err(Cause::BadInput.error(format!(
            "{digest} is of epoch {}, and the wallet is in epoch {}: propose it anew",
            request.epoch, state.epoch
        )));
    }
    if request.deadline <= output.now.saturating_add(delay_secs) {
        return Err(Cause::BadInput.error(format!(
            "{digest} has to be executed by {}, and waits {delay_secs} seconds: propose it anew with a later --deadline",
            request.deadline
        )));
    }
    Ok(())
}

/// `quorate unfreeze`.
pub(in crate::commands) async fn unfreeze(mut common: Common, output: Output) -> Result<()> {
    if common.lane.is_none() && common.after.is_none() {
        common.lane = Some(override_lane());
    }
    let place = Place::read(common, None, output).await?;
    require_treasury(place.config()?)?;
    if place.chain.frozen(place.state.address).await?.until == 0 {
        let wallet = place.state.address;
        return Err(Cause::BadInput.error(format!("{wallet} is not frozen")));
    }
    let calls = vec![call(&policy::unfreezeCall {})];
    place.propose(Action::Execute { calls }, output).await
}

fn call(call: &impl alloy::sol_types::SolCall) -> Call {
    let data = call.abi_encode().into();
    Call { to: canonical::TREASURY_POLICY.address, value: U256::ZERO, data }
}
