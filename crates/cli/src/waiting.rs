//! Actions of treasuries that wait, and the proposals that let them: where those are found.

use crate::{files, open_proposals, open_proposals::Places, output::Output, review::Facts};
use alloy::primitives::{Address, B256, U256, keccak256};
use eyre::Result;
use quorate_bindings::{canonical, contracts::ITreasuryPolicy::queueCall};
use quorate_chain::{Chain, WalletState};
use quorate_core::{Action, Lane, Proposal, Request, action::Call};
use quorate_treasury::rules::power::own_lane;
use std::path::{Path, PathBuf};

const POLICY: Address = canonical::TREASURY_POLICY.address;

/// The action that lets others wait.
pub(crate) fn queue(digests: &[B256]) -> Action {
    use alloy::sol_types::SolCall as _;
    let call = |&digest: &B256| {
        let data = queueCall { digest }.abi_encode().into();
        Call { to: POLICY, value: U256::ZERO, data }
    };
    Action::Execute { calls: digests.iter().map(call).collect() }
}

/// The lane of that action.
pub(crate) fn queue_lane(digests: &[B256]) -> Lane {
    own_lane(keccak256(digests.concat()))
}

/// Whether a request lets this digest wait, whatever else it lets wait.
pub(crate) fn is_queue_of(request: &Request, digest: B256) -> bool {
    match (&request.action, queue(&[digest])) {
        (Action::Execute { calls }, Action::Execute { calls: own }) => {
            own.iter().all(|call| calls.contains(call))
                && calls.iter().all(|call| call.to == POLICY)
        }
        _ => false,
    }
}

/// Where the queue of a proposal in this file is written: `rent.json` has `rent.queue.json` beside it.
pub(crate) fn queue_file(path: &Path) -> PathBuf {
    path.with_extension("queue.json")
}

/// How many files are looked through.
const MOST_FILES: usize = 1_000;

/// A file beside this one that lets that proposal wait: its own, or one that lets several.
pub(crate) fn file_beside(path: &Path, proposal: &Proposal) -> Option<PathBuf> {
    let is_of_it = |beside: &PathBuf| {
        let Ok(queue) = files::read_proposal(beside) else { return false };
        let (queue, own) = (queue.request(), proposal.request());
        (queue.chain_id, queue.wallet, queue.epoch) == (own.chain_id, own.wallet, own.epoch)
            && is_queue_of(queue, proposal.digest())
    };
    let own = queue_file(path);
    if is_of_it(&own) {
        return Some(own);
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let mut queues: Vec<_> = entries
        .take(MOST_FILES)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".queue.json"))
        .collect();
    queues.sort_unstable();
    queues.into_iter().find(is_of_it)
}

/// Whether the nonce of the proposal in a file is not used up yet, as far as the chain was read.
pub(crate) async fn is_open(path: &Path, seen: Option<(&Chain, &Facts)>) -> Result<bool> {
    let nonce = files::read_proposal(path)?.request().nonce;
    let Some((chain, facts)) = seen else { return Ok(true) };
    if facts.state.config.is_none() {
        return Ok(true);
    }
    Ok(chain.next_nonce(&facts.state, nonce.lane).await?.sequence <= nonce.sequence)
}

/// The digest of an open proposal at the relayer that lets this one wait.
pub(crate) async fn at_relayer(
    proposal: &Proposal,
    places: &Places<'_>,
    seen: (&Chain, &WalletState),
    output: Output,
) -> Result<Option<B256>> {
    let open = open_proposals::all(proposal, places, seen, output).await?;
    let digest = proposal.digest();
    let queue = open.iter().find(|open| is_queue_of(&open.request, digest));
    Ok(queue.map(|open| open.request.digest()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_core::Nonce;

    fn request(action: Action) -> Request {
        let (wallet, nonce) = (Address::with_last_byte(1), Nonce::default());
        Request { chain_id: 1, wallet, epoch: 0, action, nonce, deadline: 1 }
    }

    #[test]
    fn a_queue_is_told_by_its_calls() {
        let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        assert!(is_queue_of(&request(queue(&[one, other])), one));
        assert!(!is_queue_of(&request(queue(&[other])), one));
        assert!(!is_queue_of(&request(Action::Cancel {}), one));
        let Action::Execute { mut calls } = queue(&[one]) else { panic!("calls") };
        calls.push(Call { to: Address::ZERO, value: U256::ONE, data: Default::default() });
        assert!(!is_queue_of(&request(Action::Execute { calls }), one));
    }

    #[test]
    fn the_file_of_a_queue_is_beside_the_other() {
        assert_eq!(queue_file(Path::new("a/rent.json")), Path::new("a/rent.queue.json"));
        assert_eq!(queue_file(Path::new("rent")), Path::new("rent.queue.json"));
    }
}
