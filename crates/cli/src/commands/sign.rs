//! `quorate sign`.

mod at_relayer;
mod for_wallet;
mod signer;

use super::{
    payout,
    show::{Known, review_with},
};
use crate::{
    arguments::{Sign, Source},
    clock, escrow,
    failure::Cause,
    files,
    key::Key,
    open_proposals::{self, Places},
    output::Output,
    relayer_access::{Relayer, no_relayer},
    review::{Danger, Executor, Facts, Outcome, View},
    runs, waiting,
};
use alloy::primitives::{Address, Bytes};
use eyre::Result;
use quorate_chain::Chain;
use quorate_core::{OwnerSignature, Proposal};
use serde_json::{Value, json};
use signer::Signer;
use std::path::Path;

pub(crate) async fn run(arguments: Sign, output: Output) -> Result<()> {
    let relayer = Relayer::find(&arguments.access, output)?;
    let Done { mut result, queue } = one(&arguments, relayer.as_ref(), output).await?;
    // What lets it wait is signed at one sitting, by who signs here himself.
    if let Some(source) = queue.filter(|_| arguments.signature.is_none()) {
        output.say("\nWhat lets it wait:\n");
        let queue = Sign { source, out: None, plan: None, ..arguments };
        result["queue"] = one(&queue, relayer.as_ref(), output).await?.result;
    }
    output.result(&result);
    Ok(())
}

/// A proposal that was signed.
struct Done {
    /// For scripts.
    result: Value,
    /// The proposal that lets it wait, by the rules of a treasury, if one is known.
    queue: Option<Source>,
}

async fn one(arguments: &Sign, relayer: Option<&Relayer>, output: Output) -> Result<Done> {
    match (&arguments.source, relayer) {
        (_, Some(relayer)) => at_relayer::run(arguments, relayer, output).await,
        (Source::File(path), None) => in_file(path, arguments, output).await,
        (Source::Digest(digest), None) => Err(no_relayer(*digest)),
    }
}

async fn in_file(path: &Path, arguments: &Sign, output: Output) -> Result<Done> {
    let mut proposal = files::read_proposal(path)?;
    let (chain, facts) = Facts::of(&proposal, &arguments.chain, output).await?;
    check_can_be_executed(&proposal, facts.as_ref(), output.now)?;
    let seen = chain.as_ref().zip(facts.as_ref());
    let tokens = facts.as_ref().map(|facts| facts.tokens.clone()).unwrap_or_default();
    let files = arguments.beside.beside.clone();
    let places = Places { files, tokens, ..Places::default() };
    let places = places.around(Some(path));
    let state = seen.map(|(chain, facts)| (chain, &facts.state));
    let open = open_proposals::that_pay_again(&[&proposal], &places, state, output).await?;
    let executor = Executor::Anybody;
    let known = Known { facts: facts.as_ref(), executor, open: &open, standing: None };
    let found = dangers_of_run(&proposal, chain.as_ref(), arguments).await?;
    let view = review_with(&proposal, known, found, output);
    let signed = obtain(arguments, &mut proposal, seen, &view, output).await?;
    let Signed { owner, is_new, .. } = signed;
    let file = write(path, arguments, &proposal, is_new)?;
    let name = owner.to_checksum(None);
    let done = if is_new { "signed by" } else { "was signed before by" };
    output.say(&format!("\n{file} {done} {name}{}", signed.how(&proposal, seen.is_some())));
    let result = json!({
        "file": file,
        "digest": proposal.digest(),
        "signer": name,
        "added": is_new,
        "signatures": proposal.signatures().len(),
        "threshold": view.threshold,
        "review": view,
    });
    let queue = match waiting::file_beside(path, &proposal) {
        Some(queue) if waiting::is_open(&queue, seen).await? => Some(Source::File(queue)),
        _ => None,
    };
    Ok(Done { result, queue })
}

/// What an owner should know of a payout run before signing a batch of it.
async fn dangers_of_run(
    proposal: &Proposal,
    chain: Option<&Chain>,
    arguments: &Sign,
) -> Result<Vec<Danger>> {
    let mut dangers = runs::changed_before(proposal);
    let plan = arguments.plan.as_deref().map(payout::read_plan).transpose()?;
    if let Some(plan) = &plan {
        runs::check_plan(proposal, plan)?;
    }
    if let Some(chain) = chain {
        let before = runs::paid_in_lane(proposal, chain).await?;
        match &plan {
            Some(plan) => runs::check_repeat(proposal, plan, &before)?,
            None => dangers.extend(runs::paid_again(proposal, &before)),
        }
    }
    Ok(dangers)
}

/// A signature that a proposal has now.
struct Signed {
    owner: Address,
    /// As it is handed in.
    bytes: Bytes,
    /// Whether the proposal did not have it before.
    is_new: bool,
    /// Of a wallet for which too few signed yet: how many did, and have to.
    lacks: Option<(usize, u8)>,
}

impl Signed {
    /// What is to be said of it besides who signed.
    fn how(&self, proposal: &Proposal, is_asked: bool) -> String {
        if let Some((count, threshold)) = self.lacks {
            return format!(": {count} of the {threshold} that have to sign for it");
        }
        let is_by_key = signature_by_key(proposal, self.owner).is_some();
        if is_by_key || is_asked || self.bytes.is_empty() {
            return String::new();
        }
        ", as a contract: it is by no key of that address, and nobody was asked whether it is one that takes it (--rpc-url)".to_owned()
    }
}

/// Adds the signature that was handed in, or one by the key that the options name, once the dangers are accepted.
async fn obtain(
    arguments: &Sign,
    proposal: &mut Proposal,
    seen: Option<(&Chain, &Facts)>,
    view: &View,
    output: Output,
) -> Result<Signed> {
    let facts = seen.map(|(_, facts)| facts);
    if let Some(bytes) = &arguments.signature {
        if arguments.owner.len() > 1 {
            return Err(Cause::Usage.error("with --signature give --owner once: whose it is"));
        }
        let signer = Signer { bytes, named: arguments.owner.first() };
        let owner = signer.find(proposal, seen).await?;
        check_owner(owner, proposal, facts)?;
        escrow::check_signing(seen, proposal, owner).await?;
        let is_new = proposal.add_bytes(owner, bytes)?;
        check_counts(seen, proposal, owner).await?;
        output.accept(&view.dangers, &arguments.accept.accept)?;
        return Ok(Signed { owner, bytes: bytes.clone(), is_new, lacks: None });
    }
    output.accept(&view.dangers, &arguments.accept.accept)?;
    let key = Key::open(&arguments.key, output).await?;
    let owner = key.address();
    if let Some(path) = for_wallet::path(&arguments.owner, &key, proposal, seen).await? {
        return for_wallet::sign(&path, &key, proposal, seen, output).await;
    }
    check_owner(owner, proposal, facts)?;
    if let Some(by_key) = signature_by_key(proposal, owner) {
        return Ok(Signed { owner, bytes: by_key, is_new: false, lacks: None });
    }
    escrow::check_signing(seen, proposal, owner).await?;
    confirm(&format!("Sign this as {}?", owner.to_checksum(None)), output)?;
    runs::note(proposal, output);
    let signature = OwnerSignature::Ecdsa(key.sign(proposal.request(), output).await?);
    let bytes = signature.to_bytes();
    let is_new = proposal.add(owner, signature)?;
    Ok(Signed { owner, bytes, is_new, lacks: None })
}

/// Refuses what can never be executed: a signature for it would be good for nothing, or for harm.
pub(crate) fn check_can_be_executed(
    proposal: &Proposal,
    facts: Option<&Facts>,
    now: u64,
) -> Result<()> {
    let request = proposal.request();
    let now = facts.map_or(now, |facts| facts.head.timestamp);
    if let Some(facts) = facts {
        let (epoch, present) = (request.epoch, facts.state.epoch);
        match &facts.outcome {
            Some(Outcome::Executed(execution)) => {
                let tx_hash = execution.tx_hash;
                return Err(Cause::BadInput.error(format!(
                    "the proposal was executed already, in transaction {tx_hash}"
                )));
            }
            Some(Outcome::Superseded(_)) => {
                let nonce = request.nonce;
                return Err(Cause::BadInput.error(format!(
                    "another action used up sequence {} of lane {}: this one can never be executed, propose it anew",
                    nonce.sequence, nonce.lane
                )));
            }
            None if epoch != present => {
                return Err(Cause::BadInput.error(format!(
                    "the proposal is of epoch {epoch}, the wallet is in epoch {present}: its configuration changed, propose it anew"
                )));
            }
            None => {}
        }
    }
    if now > request.deadline {
        let deadline = clock::words(request.deadline, now);
        return Err(Cause::BadInput.error(format!(
            "the deadline was {deadline}: it can never be executed, propose it anew"
        )));
    }
    Ok(())
}

pub(super) fn check_owner(
    owner: Address,
    proposal: &Proposal,
    facts: Option<&Facts>,
) -> Result<()> {
    let config = facts.and_then(|facts| facts.state.config.as_ref()).or(proposal.proven_config());
    if config.is_some_and(|config| config.index_of(owner).is_none()) {
        let owner = owner.to_checksum(None);
        return Err(Cause::BadInput.error(format!(
            "{owner} is not an owner of the wallet: another key signed, or something else was signed"
        )));
    }
    Ok(())
}

/// A signature that is not by a key counts only if the chain says so.
async fn check_counts(
    seen: Option<(&Chain, &Facts)>,
    proposal: &Proposal,
    owner: Address,
) -> Result<()> {
    let Some((chain, facts)) = seen else { return Ok(()) };
    if signature_by_key(proposal, owner).is_some() || facts.state.config.is_none() {
        return Ok(());
    }
    let verified = chain.verify(proposal, &facts.state).await?;
    match verified.rejected.iter().find(|rejected| rejected.owner == owner) {
        Some(rejected) => Err(Cause::BadInput.error(format!(
            "the signature of {} does not count: {}",
            owner.to_checksum(None),
            rejected.reason
        ))),
        None => Ok(()),
    }
}

/// The signature by the owner's key, if there is one.
pub(super) fn signature_by_key(proposal: &Proposal, owner: Address) -> Option<Bytes> {
    let mut candidates = proposal.signatures().get(&owner)?.iter();
    let by_key = candidates.find(|signature| matches!(signature, OwnerSignature::Ecdsa(_)))?;
    Some(by_key.to_bytes())
}

pub(super) fn confirm(question: &str, output: Output) -> Result<()> {
    if output.is_interactive() && !output.confirm(question) {
        return Err(Cause::DangerNotAccepted.error("not signed"));
    }
    Ok(())
}

/// Writes the file where it is wanted, and says where.
fn write(path: &Path, arguments: &Sign, proposal: &Proposal, is_changed: bool) -> Result<String> {
    let text = proposal.to_json();
    match &arguments.out {
        Some(out) if out != path => files::create(out, &text)?,
        _ if is_changed => files::replace(path, &text)?,
        _ => {}
    }
    Ok(arguments.out.as_deref().unwrap_or(path).display().to_string())
}
