//! Other proposals of a wallet that may still be executed, as far as they are known here: those that a relayer lists, and
//! those in files. What is in neither is not found.

mod neighbours;

use crate::{
    arguments::Source,
    output::Output,
    relayer_access::Relayer,
    review::again::{self, Open},
};
use alloy::primitives::{Address, B256};
use eyre::Result;
use neighbours::Neighbours;
use quorate_api::{ClientError, Problem, ProblemCode, Verified};
use quorate_chain::{Chain, WalletState};
use quorate_core::{Config, Lane, OwnerSignature, Proposal};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Where to look for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places<'a> {
    pub(crate) relayer: Option<&'a Relayer>,
    /// Files that were named, and folders whose files are looked through.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folders: Vec<PathBuf>,
}

impl Places<'_> {
    /// The folder that this file is in, and the present one.
    pub(crate) fn around(mut self, file: Option<&Path>) -> Self {
        let parent = file.and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
        self.folders.extend(parent.map(Path::to_owned));
        self.folders.push(PathBuf::from("."));
        self
    }
}

/// The open proposals that pay what one of `drafts` pays, at another nonce.
///
/// Each is signed by an owner, past neither its deadline nor its epoch, and at a nonce that is not used up, as far as the
/// chain was read. Where no draft pays anything, nobody is asked.
pub(crate) async fn that_pay_again(
    drafts: &[&Proposal],
    places: &Places<'_>,
    seen: Option<(&Chain, &WalletState)>,
    output: Output,
) -> Result<Vec<Open>> {
    let drafts: Vec<_> =
        drafts.iter().copied().filter(|draft| again::pays(draft.request())).collect();
    let Some(first) = drafts.first() else { return Ok(Vec::new()) };
    let config = seen.and_then(|(_, state)| state.config.as_ref()).or(first.proven_config());
    let mut open = BTreeMap::new();
    for (digest, other) in in_files(first, places, config, output)? {
        open.insert(digest, other);
    }
    if let Some(relayer) = places.relayer {
        for (digest, other) in at_relayer(first, relayer, config, output).await? {
            open.insert(digest, other);
        }
    }
    let is_again = |other: &Open| {
        drafts.iter().any(|draft| again::is_again(draft.request(), draft.note(), other))
    };
    let open = open.into_values().filter(|other| other.request.deadline >= output.now);
    let open = open.filter(is_again).collect();
    match seen {
        Some((chain, state)) => still_open(open, chain, state).await,
        None => Ok(open),
    }
}

/// Without those whose nonce is used up: a relayer may be late, and a file does not know.
async fn still_open(open: Vec<Open>, chain: &Chain, state: &WalletState) -> Result<Vec<Open>> {
    let lanes: BTreeSet<Lane> = open.iter().map(|open| open.request.nonce.lane).collect();
    let mut next = BTreeMap::new();
    for lane in lanes {
        next.insert(lane, chain.next_nonce(state, lane).await?.sequence);
    }
    let is_free = |open: &Open| {
        let nonce = open.request.nonce;
        next.get(&nonce.lane).is_none_or(|&next| nonce.sequence >= next)
    };
    Ok(open.into_iter().filter(is_free).collect())
}

async fn at_relayer(
    draft: &Proposal,
    relayer: &Relayer,
    config: Option<&Config>,
    output: Output,
) -> Result<Vec<(B256, Open)>> {
    let (chain_id, wallet) = (draft.request().chain_id, draft.request().wallet);
    let listed = match relayer.open_as_listed(chain_id, wallet).await {
        Err(error) if is_not_served(&error) => return Ok(Vec::new()),
        listed => listed?,
    };
    if !listed.is_whole {
        let count = listed.items.len();
        output.warn(&format!(
            "the relayer lists more than {count} open proposals: whether one of the others pays the same is not known"
        ));
    }
    let is_signed = |verified: &&Verified| has_owner(verified.signatures().keys(), config);
    let open = |verified: &Verified| {
        let (digest, request) = (verified.digest(), verified.request().clone());
        let note = verified.proposal().note.clone();
        (digest, Open { request, note, place: Source::Digest(digest) })
    };
    Ok(listed.items.iter().filter(is_signed).map(open).collect())
}

/// Whether the relayer does not serve the wallet: then it has no proposals of it.
fn is_not_served(error: &eyre::Report) -> bool {
    matches!(
        error.downcast_ref(),
        Some(ClientError::Problem {
            problem: Problem { code: ProblemCode::UnknownWallet, .. },
            ..
        })
    )
}

fn in_files(
    draft: &Proposal,
    places: &Places<'_>,
    config: Option<&Config>,
    output: Output,
) -> Result<Vec<(B256, Open)>> {
    let mut found = Vec::new();
    for path in &places.files {
        found.push((path.clone(), crate::files::read_proposal(path)?));
    }
    let neighbours = Neighbours::of(&places.folders);
    if neighbours.has_more {
        output.warn(
            "there are more files here than are looked through: whether one of the others pays the same is not known",
        );
    }
    found.extend(neighbours.proposals);
    let is_signed = |signatures: &BTreeMap<Address, BTreeSet<OwnerSignature>>| {
        has_owner(signatures.keys(), config)
    };
    let wallet = |proposal: &Proposal| (proposal.request().chain_id, proposal.request().wallet);
    let open = found.into_iter().filter(|(_, proposal)| {
        wallet(proposal) == wallet(draft)
            && proposal.digest() != draft.digest()
            && is_signed(proposal.signatures())
    });
    let open = open.map(|(path, proposal)| {
        let (request, note) = (proposal.request().clone(), proposal.note().map(str::to_owned));
        (proposal.digest(), Open { request, note, place: Source::File(path) })
    });
    Ok(open.collect())
}

/// Whether an owner is among the signers; anybody where the owners are not known.
fn has_owner<'a>(mut signers: impl Iterator<Item = &'a Address>, config: Option<&Config>) -> bool {
    signers.any(|signer| config.is_none_or(|config| config.index_of(*signer).is_some()))
}
