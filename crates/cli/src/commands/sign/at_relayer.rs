//! Signing what a relayer has, or what it is to get.

use super::{Done, Signed, check_can_be_executed, dangers_of_run, obtain, write};
use crate::{
    arguments::{Sign, Source},
    chain_access,
    commands::show::{Known, review_with, tell_of_creation},
    failure::Cause,
    files,
    open_proposals::{self, Places},
    output::Output,
    relayer_access::{Answered, Relayer, present_state},
    review::{Executor, Facts, Standing, View},
    waiting,
};
use alloy::primitives::{Address, Bytes};
use eyre::Result;
use quorate_api::{ClientError, Verified};
use quorate_bindings::canonical;
use quorate_chain::{Chain, WalletState};
use quorate_core::Proposal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What there is to sign, and what the relayer has of it.
struct Found {
    /// With the signatures of both.
    proposal: Proposal,
    facts: Option<Facts>,
    /// None if the relayer does not know the proposal.
    known: Option<Answered>,
}

pub(super) async fn run(arguments: &Sign, relayer: &Relayer, output: Output) -> Result<Done> {
    let chain = chain_access::try_connect(&arguments.chain, output).await?;
    let Found { mut proposal, facts, known } = match &arguments.source {
        Source::Digest(digest) => {
            if let Some(out) = &arguments.out {
                files::check_free(out)?;
            }
            Found::of(relayer.look(*digest, chain.as_ref()).await?)
        }
        Source::File(path) => {
            let proposal = files::read_proposal(path)?;
            find(proposal, relayer, chain.as_ref(), output).await?
        }
    };
    check_can_be_executed(&proposal, facts.as_ref(), output.now)?;
    let standing = known.as_ref().map(|known| known.standing(relayer));
    check_is_open(relayer, standing.as_ref())?;
    let seen = chain.as_ref().zip(facts.as_ref().map(|facts| &facts.state));
    let file = match &arguments.source {
        Source::File(path) => Some(path.as_path()),
        Source::Digest(_) => None,
    };
    let files = arguments.beside.beside.clone();
    let tokens = facts.as_ref().map(|facts| facts.tokens.clone()).unwrap_or_default();
    let places = Places { relayer: Some(relayer), files, tokens, ..Places::default() };
    let places = places.around(file);
    let open = open_proposals::that_pay_again(&[&proposal], &places, seen, output).await?;
    let executor = Executor::Relayer;
    let review_of = Known { facts: facts.as_ref(), executor, open: &open, standing };
    let found = dangers_of_run(&proposal, chain.as_ref(), arguments).await?;
    let view = review_with(&proposal, review_of, found, output);
    tell_of_creation(&view, output);
    let queue = match seen {
        Some(seen) if is_treasury(seen.1) => {
            waiting::at_relayer(&proposal, &places, seen, output).await?.map(Source::Digest)
        }
        _ => file.and_then(|path| waiting::file_beside(path, &proposal)).map(Source::File),
    };
    let seen = chain.as_ref().zip(facts.as_ref());
    let signed = obtain(arguments, &mut proposal, seen, &view, output).await?;
    let before = known.as_ref().map(|known| &known.verified);
    let taken = match signed.lacks {
        None => hand_in(relayer, &proposal, &signed, before, output).await?,
        Some(lacks) => {
            keep_part(arguments, &signed, lacks, output)?;
            None
        }
    };
    let is_handed_in = taken.is_some();
    let present = match taken {
        Some(taken) => Some(relayer.examine_taken(taken, chain.as_ref()).await?),
        None => known,
    };
    let file = match (&arguments.source, &arguments.out) {
        (Source::File(path), _) => Some(write(path, arguments, &proposal, signed.is_new)?),
        (Source::Digest(_), Some(out)) => {
            files::create(out, &proposal.to_json())?;
            Some(out.display().to_string())
        }
        (Source::Digest(_), None) => None,
    };
    let owner = signed.owner.to_checksum(None);
    let outcome = Outcome { owner, is_handed_in, present, file };
    let result = report(relayer, &proposal, &view, outcome, output);
    Ok(Done { result, queue })
}

fn is_treasury(state: &WalletState) -> bool {
    let policy = state.config.as_ref().and_then(quorate_core::Config::policy);
    policy == Some(canonical::TREASURY_POLICY.address)
}

impl Found {
    fn of(answered: Answered) -> Self {
        let (proposal, facts) = (answered.proposal.clone(), answered.facts.clone());
        Self { proposal, facts, known: Some(answered) }
    }
}

/// Looks for a file's proposal at the relayer, and takes the signatures of both together.
async fn find(
    proposal: Proposal,
    relayer: &Relayer,
    chain: Option<&Chain>,
    output: Output,
) -> Result<Found> {
    let (digest, request) = (proposal.digest(), proposal.request());
    let found = output.during("asking the relayer", relayer.client.proposal(digest)).await?;
    let Some(verified) = found else {
        if let Some(chain) = chain {
            chain_access::check_same(chain, request.chain_id)?;
        }
        // It has to serve the wallet, or the signature would be for nothing.
        let wallet = relayer.wallet(request.chain_id, request.wallet).await?;
        if let Some(chain) = chain {
            present_state(&wallet, chain).await?;
        }
        let facts = match chain {
            Some(chain) => {
                Some(output.during("reading the chain", Facts::read(chain, &proposal)).await?)
            }
            None => None,
        };
        return Ok(Found { proposal, facts, known: None });
    };
    let answered = relayer.examine_taken(verified, chain).await?;
    let mut found = Found::of(answered);
    let both = proposal.combine(&found.proposal)?;
    if let Some(chain) = chain.filter(|_| both.signatures() != found.proposal.signatures()) {
        found.facts = Some(output.during("reading the chain", Facts::read(chain, &both)).await?);
    }
    Ok(Found { proposal: both, ..found })
}

/// Refuses to sign what the relayer takes no more signatures for.
fn check_is_open(relayer: &Relayer, standing: Option<&Standing>) -> Result<()> {
    use quorate_core::status::StatusWord::{Executed, Expired, Superseded};
    match standing.map(|standing| standing.status) {
        Some(status @ (Executed | Expired | Superseded)) => {
            let (name, status) = (relayer.name(), status.name());
            Err(Cause::BadInput.error(format!(
                "the relayer at {name} says that it is {status}: it takes no more signatures"
            )))
        }
        _ => Ok(()),
    }
}

/// What is signed for a wallet stays in a file until enough of its owners signed.
fn keep_part(
    arguments: &Sign,
    signed: &Signed,
    (count, threshold): (usize, u8),
    output: Output,
) -> Result<()> {
    let name = signed.owner.to_checksum(None);
    let what = format!("{count} of the {threshold} that have to sign for {name}");
    if matches!(arguments.source, Source::Digest(_)) && arguments.out.is_none() {
        return Err(Cause::BadInput.error(format!(
            "{what}: until there are enough they are gathered in a file, give --out FILE and pass that on"
        )));
    }
    output.say(&format!("\n{what}: pass the file on, the last one who signs hands it in"));
    Ok(())
}

/// Hands in the signature, and those of the file that the relayer lacks. None if it has them all.
async fn hand_in(
    relayer: &Relayer,
    proposal: &Proposal,
    signed: &Signed,
    known: Option<&Verified>,
    output: Output,
) -> Result<Option<Verified>> {
    let digest = proposal.digest();
    let counts = |verified: &Verified, owner: Address, bytes: Option<&Bytes>| {
        verified.proposal().signatures.iter().any(|kept| {
            kept.owner == owner && kept.counts && bytes.is_none_or(|bytes| kept.signature == *bytes)
        })
    };
    let mut last = match known {
        None => Some(relayer.propose(proposal, signed.owner, signed.bytes.clone()).await?.answer),
        Some(known) if counts(known, signed.owner, Some(&signed.bytes)) => None,
        Some(_) => Some(relayer.sign(digest, signed.owner, signed.bytes.clone()).await?.answer),
    };
    for (owner, bytes) in others(proposal, signed.owner) {
        let present = last.as_ref().or(known);
        if present.is_some_and(|present| counts(present, owner, None)) {
            continue;
        }
        match relayer.sign(digest, owner, bytes).await {
            Ok(taken) => last = Some(taken.answer),
            Err(error) => match error.downcast_ref() {
                Some(ClientError::Problem { .. }) => {
                    let owner = owner.to_checksum(None);
                    output.warn(&format!("the file's signature of {owner} stays there: {error}"));
                }
                _ => return Err(error),
            },
        }
    }
    Ok(last)
}

/// One signature of each other owner.
fn others(proposal: &Proposal, owner: Address) -> BTreeMap<Address, Bytes> {
    let others = proposal.signatures().iter().filter(|(other, _)| **other != owner);
    others.filter_map(|(&other, all)| Some((other, all.first()?.to_bytes()))).collect()
}

struct Outcome {
    owner: String,
    is_handed_in: bool,
    /// What the relayer has now.
    present: Option<Answered>,
    file: Option<String>,
}

fn report(
    relayer: &Relayer,
    proposal: &Proposal,
    view: &View,
    outcome: Outcome,
    output: Output,
) -> Value {
    let Outcome { owner, is_handed_in, present, file } = outcome;
    let (digest, host) = (proposal.digest(), relayer.name());
    let done = if is_handed_in { "signed by" } else { "was signed before by" };
    output.say(&format!("\n{digest} {done} {owner}"));
    let standing = present.as_ref().map(|present| present.standing(relayer));
    let counted = present.as_ref().map(|present| (present.count(), present.threshold()));
    if let (Some((count, threshold)), Some(standing)) = (counted, &standing) {
        let status = standing.status_line();
        output.say(&format!("at the relayer {host}: {count} of {threshold} needed, {status}"));
    }
    if let Some(file) = &file {
        output.say(&format!("{file} written"));
    }
    json!({
        "file": file,
        "digest": digest,
        "signer": owner,
        "added": is_handed_in,
        "signatures": counted.map(|(count, _)| count),
        "threshold": counted.map(|(_, threshold)| threshold),
        "relayer": standing,
        "review": view,
    })
}
