//! What transactions need and cost besides gas.

use super::{Context, perform::simulate};
use crate::{
    effect::Call,
    event::{BlockId, Simulation},
};
use alloy::primitives::{Address, Bytes, U256};
use quorate_chain::{ChainError, Unsigned};

/// An account that has no code anywhere: what a transfer to it takes, one to an account with code takes as well before
/// that code is run.
const NOBODY: Address = Address::with_last_byte(0xee);

/// The gas that a call needs behind `in_flight`, and what it costs besides; none if it cannot be told.
pub(super) async fn needs(
    context: &Context,
    at: BlockId,
    in_flight: &[Call],
    call: &Call,
) -> Option<(u64, U256)> {
    let mut found = simulate(context, at, in_flight, std::slice::from_ref(call)).await;
    if is_noop(call) && is_refused(&found) {
        // The sender has code (EIP-7702) that does not take it. A no-op that reverts uses its account nonce up all the
        // same.
        let plain = Call { to: NOBODY, ..call.clone() };
        found = simulate(context, at, in_flight, &[plain]).await;
    }
    match with_rollup_fees(context, found, std::slice::from_ref(call)).await {
        Simulation::Done { gas, rollup_fees, .. } => {
            Some((*gas.first()?, rollup_fees.first().copied().unwrap_or_default()))
        }
        Simulation::InFlightReverted | Simulation::Unavailable => None,
    }
}

/// A simulation with what those of `next` that passed cost besides gas. Where that cannot be told, nothing is known.
pub(super) async fn with_rollup_fees(
    context: &Context,
    simulated: Simulation,
    next: &[Call],
) -> Simulation {
    let Simulation::Done { gas, refusal, .. } = simulated else { return simulated };
    let mut rollup_fees = Vec::with_capacity(gas.len());
    for (call, &gas) in next.iter().zip(&gas) {
        match rollup_fee(context, call, gas).await {
            Ok(Some(fee)) => rollup_fees.push(fee),
            // The chain takes nothing of the kind for any of them.
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "rollup fee");
                return Simulation::Unavailable;
            }
        }
    }
    Simulation::Done { gas, rollup_fees, refusal }
}

async fn rollup_fee(context: &Context, call: &Call, gas: u64) -> Result<Option<U256>, ChainError> {
    let gas_limit = crate::fees::gas_limit(gas, context.settings.gas_margin_percent);
    let unsigned = &Unsigned { to: call.to, data: call.data.clone(), gas_limit };
    context.endpoints.read(|chain| async move { chain.rollup_fee_bound(unsigned).await }).await
}

fn is_noop(call: &Call) -> bool {
    call.from == call.to && call.data == Bytes::new()
}

fn is_refused(found: &Simulation) -> bool {
    matches!(found, Simulation::Done { gas, .. } if gas.is_empty())
}
