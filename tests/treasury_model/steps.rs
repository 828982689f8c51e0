//! What owners of a treasury come up with.

use super::stage::{Stage, payee};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolCall as _,
};
use eyre::Result;
use quorate_bindings::{canonical, contracts::ITreasuryPolicy as policy};
use quorate_core::{
    Action, Request,
    action::{Call, Transfer},
};
use quorate_lab::tokens;

/// Something that is done on chain and in the model.
#[derive(Debug)]
pub(super) enum Step {
    /// An action of the wallet, by these owners.
    Act(Request, u128),
    /// A veto, by the owner with this index.
    Veto(u8, Vec<B256>),
    /// A vote for a freeze.
    Freeze(u8),
}

/// What is looked for among what was signed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reconsidered {
    /// Anything that can still be done.
    Any,
    /// What waits.
    Waiting,
}

impl Step {
    pub(super) fn some(stage: &mut Stage<'_>) -> Result<Self> {
        let kind = stage.below(24);
        let again = match kind {
            0..4 => stage.recent(Reconsidered::Waiting),
            4..6 => stage.recent(Reconsidered::Any),
            _ => None,
        };
        if let Some((request, signers)) = again {
            return Ok(Self::Act(request, signers));
        }
        let owner = u8::try_from(stage.below(stage.owners.into()))?;
        if stage.is_frozen() && stage.below(6) == 0 {
            let calls = vec![to_policy(policy::unfreezeCall {}.abi_encode())];
            let (request, _) = stage.request(Action::Execute { calls });
            return Ok(Self::Act(request, (1 << stage.owners) - 1));
        }
        let action = match kind {
            0..12 => some_payout(stage),
            12 => Action::Execute { calls: vec![harmless()] },
            13..17 => Action::Execute { calls: some_queues(stage) },
            17 => Action::Execute { calls: vec![to_policy(policy::unfreezeCall {}.abi_encode())] },
            18 => Action::Execute { calls: mangled(stage) },
            19 => {
                let rules = stage.some_rules();
                Action::Reconfigure { config: stage.config_of(&rules)? }
            }
            20 => Action::Cancel {},
            21 => return Ok(Self::Veto(owner, digests(stage))),
            22 => {
                let waiting: Vec<_> = stage.waiting().into_iter().collect();
                return Ok(Self::Veto(owner, waiting));
            }
            _ => return Ok(Self::Freeze(owner)),
        };
        let (request, signers) = stage.request(action);
        Ok(Self::Act(request, signers))
    }

    pub(super) fn pays_everything(&self) -> bool {
        let Self::Act(Request { action: Action::Payout { transfers, .. }, .. }, _) = self else {
            return false;
        };
        transfers.iter().any(Transfer::is_everything_left)
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Veto(..) => "veto",
            Self::Freeze(_) => "freeze",
            Self::Act(Request { action, .. }, _) => match action {
                Action::Payout { .. } => "payout",
                Action::Reconfigure { .. } => "reconfigure",
                Action::Cancel {} => "cancel",
                Action::Execute { calls } => match calls.first() {
                    Some(call) if call.data.starts_with(&policy::queueCall::SELECTOR) => "queue",
                    Some(call) if call.data.starts_with(&policy::unfreezeCall::SELECTOR) => {
                        "unfreeze"
                    }
                    _ => "execute",
                },
            },
        }
    }
}

fn some_payout(stage: &mut Stage<'_>) -> Action {
    let usdc = tokens::USDC.address();
    let token = stage.one(&[Address::ZERO, Address::ZERO, usdc, usdc]);
    let count = stage.one(&[1, 1, 1, 2, 0]);
    let mut transfers = Vec::new();
    for _ in 0..count {
        let to = payee(stage.one(&[1, 1, 2, 2, 3]));
        transfers.push(Transfer { to, amount: stage.some_amount(token) });
    }
    Action::Payout { token, transfers }
}

const fn harmless() -> Call {
    Call { to: payee(5), value: U256::ONE, data: Bytes::new() }
}

fn to_policy(data: Vec<u8>) -> Call {
    Call { to: canonical::TREASURY_POLICY.address, value: U256::ZERO, data: data.into() }
}

/// Digests of what was signed, mostly lately.
fn digests(stage: &mut Stage<'_>) -> Vec<B256> {
    let count = stage.one(&[1, 1, 2, 3]);
    let mut digests = Vec::new();
    for _ in 0..count {
        let last = stage.hoard.len().min(8) as u64;
        digests.push(match last {
            0 => B256::repeat_byte(1),
            _ => {
                let from_end = usize::try_from(stage.below(last)).unwrap_or_default();
                stage.hoard[stage.hoard.len() - 1 - from_end].0.digest()
            }
        });
    }
    digests
}

fn some_queues(stage: &mut Stage<'_>) -> Vec<Call> {
    let digests = digests(stage);
    digests.iter().map(|&digest| to_policy(policy::queueCall { digest }.abi_encode())).collect()
}

/// Calls to the policy that no wallet may make, and nearly those that it may.
fn mangled(stage: &mut Stage<'_>) -> Vec<Call> {
    let digest = B256::repeat_byte(1);
    let good = to_policy(policy::queueCall { digest }.abi_encode());
    let unfreeze = to_policy(policy::unfreezeCall {}.abi_encode());
    match stage.below(8) {
        0 => vec![Call { value: U256::ONE, ..good }],
        1 => vec![Call { data: [&good.data[..], &[0]].concat().into(), ..good }],
        2 => vec![Call { data: good.data.slice(..35), ..good }],
        3 => vec![good, harmless()],
        4 => vec![harmless(), good],
        5 => vec![unfreeze.clone(), unfreeze],
        6 => vec![good, unfreeze],
        _ => vec![to_policy(Vec::new())],
    }
}
