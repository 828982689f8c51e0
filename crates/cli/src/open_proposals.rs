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
use quorate_chain::{Chain, Token, WalletState};
use quorate_core::{Config, Lane, Proposal, Request};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Where to look for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places<'a> {
    pub(crate) relayer: Option<&'a Relayer>,
    /// Files that were named.
    pub(crate) files: Vec<PathBuf>,
    /// Folders whose files are looked through.
    pub(crate) folders: Vec<PathBuf>,
    /// The digests of other proposals of the run that the drafts are of: what its plan says more than once is meant.
    pub(crate) of_run: BTreeSet<B256>,
    /// The tokens that amounts are in, as far as they are known.
    pub(crate) tokens: BTreeMap<Address, Token>,
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

/// The open proposals, at the relayer and in the files that were named, that pay what one of `drafts` pays, at another nonce. Of
/// those in files that merely lie around a warning is given: whether they are still meant, nobody said.
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
    let is_again = |other: &Open| {
        other.request.deadline >= output.now
            && !places.of_run.contains(&other.request.digest())
            && drafts.iter().any(|draft| again::is_again(draft.request(), draft.note(), other))
    };
    let mut given = in_files(first, named(&places.files)?, config);
    if let Some(relayer) = places.relayer {
        given.extend(at_relayer(first, relayer, config, output).await?);
    }
    let mut around = in_files(first, neighbours(&places.folders, output), config);
    around.retain(|digest, other| is_again(other) && !given.contains_key(digest));
    given.retain(|_, other| is_again(other));
    let around = still_open(around.into_values().collect(), seen).await?;
    for line in lines(&drafts, &around, places, output) {
        output.warn(&line);
    }
    still_open(given.into_values().collect(), seen).await
}

/// The proposals in files that lie around, of any wallet.
pub(crate) fn around(folders: &[PathBuf], output: Output) -> Vec<Proposal> {
    neighbours(folders, output).into_iter().map(|(_, proposal)| proposal).collect()
}

/// All open proposals of the draft's wallet that are known: at the relayer, in files that were named, and in those that lie
/// around.
pub(crate) async fn all(
    draft: &Proposal,
    places: &Places<'_>,
    seen: (&Chain, &WalletState),
    output: Output,
) -> Result<Vec<Open>> {
    let config = seen.1.config.as_ref();
    let mut all = in_files(draft, named(&places.files)?, config);
    all.extend(in_files(draft, neighbours(&places.folders, output), config));
    if let Some(relayer) = places.relayer {
        all.extend(at_relayer(draft, relayer, config, output).await?);
    }
    still_open(all.into_values().collect(), Some(seen)).await
}

/// What is said of files that lie around.
fn lines(
    drafts: &[&Proposal],
    around: &[Open],
    places: &Places<'_>,
    output: Output,
) -> BTreeSet<String> {
    let dangers = drafts.iter().flat_map(|draft| {
        let (request, note) = (draft.request(), draft.note());
        again::dangers(request, note, around, &places.tokens, output.now)
    });
    dangers.map(|danger| format!("{} ({})", danger.line(), danger.code)).collect()
}

/// Without those whose nonce is used up, or whose deadline is past on the chain: a relayer may be late, and a file does not
/// know.
async fn still_open(open: Vec<Open>, seen: Option<(&Chain, &WalletState)>) -> Result<Vec<Open>> {
    let Some((chain, state)) = seen.filter(|_| !open.is_empty()) else { return Ok(open) };
    let now = chain.head().await?.timestamp;
    let lanes: BTreeSet<Lane> = open.iter().map(|open| open.request.nonce.lane).collect();
    let mut next = BTreeMap::new();
    for lane in lanes {
        next.insert(lane, chain.next_nonce(state, lane).await?.sequence);
    }
    let is_free = |open: &Open| {
        let Request { nonce, deadline, .. } = open.request;
        deadline >= now && next.get(&nonce.lane).is_none_or(|&next| nonce.sequence >= next)
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

/// Reads files that were named.
fn named(files: &[PathBuf]) -> Result<Vec<(PathBuf, Proposal)>> {
    files.iter().map(|path| Ok((path.clone(), crate::files::read_proposal(path)?))).collect()
}

/// Reads what lies around.
pub(crate) fn neighbours(folders: &[PathBuf], output: Output) -> Vec<(PathBuf, Proposal)> {
    let neighbours = Neighbours::of(folders);
    if neighbours.has_more {
        output.warn(
            "there are more files here than are looked through: whether one of the others pays the same is not known",
        );
    }
    neighbours.proposals
}

/// Other proposals of the draft's wallet, if an owner signed them, by digest.
fn in_files(
    draft: &Proposal,
    files: Vec<(PathBuf, Proposal)>,
    config: Option<&Config>,
) -> BTreeMap<B256, Open> {
    let wallet = |proposal: &Proposal| (proposal.request().chain_id, proposal.request().wallet);
    let open = files.into_iter().filter(|(_, proposal)| {
        wallet(proposal) == wallet(draft)
            && proposal.digest() != draft.digest()
            && has_owner(proposal.signatures().keys(), config)
    });
    let open = open.map(|(path, proposal)| {
        let (request, note) = (proposal.request().clone(), proposal.note().map(str::to_owned));
        (proposal.digest(), Open { request, note, place: Source::File(path) })
    });
    open.collect()
}

/// Whether an owner is among the signers; anybody where the owners are not known.
fn has_owner<'a>(mut signers: impl Iterator<Item = &'a Address>, config: Option<&Config>) -> bool {
    signers.any(|signer| config.is_none_or(|config| config.index_of(*signer).is_some()))
}
