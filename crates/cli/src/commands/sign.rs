//! `quorate sign`.

use super::show::review;
use crate::{
    arguments::Sign,
    clock,
    failure::Cause,
    files,
    key::Key,
    output::Output,
    review::{Facts, Outcome, View},
};
use alloy::primitives::{Address, Bytes};
use eyre::Result;
use quorate_chain::Chain;
use quorate_core::{OwnerSignature, Proposal, signature::EcdsaSignature};
use serde_json::json;

pub(crate) async fn run(arguments: Sign, output: Output) -> Result<()> {
    let mut proposal = files::read_proposal(&arguments.file)?;
    let (chain, facts) = Facts::of(&proposal, &arguments.chain, output).await?;
    check_can_be_executed(&proposal, facts.as_ref(), output.now)?;
    let view = review(&proposal, facts.as_ref(), output);

    let (owner, added) = match &arguments.signature {
        Some(bytes) => {
            let owner = signer_of(bytes, arguments.owner, &proposal)?;
            check_owner(owner, &proposal, facts.as_ref())?;
            output.accept(&view.dangers, &arguments.accept.accept)?;
            let added = proposal.add_bytes(owner, bytes)?;
            check_counts(chain.as_ref(), &proposal, owner, facts.as_ref()).await?;
            (owner, added)
        }
        None => {
            output.accept(&view.dangers, &arguments.accept.accept)?;
            let key = Key::open(&arguments.key, output).await?;
            let owner = key.address();
            check_owner(owner, &proposal, facts.as_ref())?;
            if has_signed(&proposal, owner) {
                (owner, false)
            } else {
                confirm(owner, output)?;
                let signature = key.sign(proposal.request(), output).await?;
                (owner, proposal.add(owner, OwnerSignature::Ecdsa(signature))?)
            }
        }
    };
    write(&arguments, &proposal, owner, added, &view, output)
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

/// Whose signature was handed in.
fn signer_of(bytes: &Bytes, owner: Option<Address>, proposal: &Proposal) -> Result<Address> {
    if let Some(owner) = owner {
        return Ok(owner);
    }
    let recovered = EcdsaSignature::from_bytes(bytes).and_then(|s| s.recover(&proposal.digest()));
    recovered.map_err(|error| {
        Cause::BadInput.error(format!("{error}; if a contract made it, name that with --owner"))
    })
}

fn check_owner(owner: Address, proposal: &Proposal, facts: Option<&Facts>) -> Result<()> {
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
    chain: Option<&Chain>,
    proposal: &Proposal,
    owner: Address,
    facts: Option<&Facts>,
) -> Result<()> {
    let (Some(chain), Some(facts)) = (chain, facts) else { return Ok(()) };
    if has_signed(proposal, owner) || facts.state.config.is_none() {
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

/// Whether there is a signature by the owner's key.
fn has_signed(proposal: &Proposal, owner: Address) -> bool {
    let candidates = proposal.signatures().get(&owner);
    candidates.is_some_and(|all| all.iter().any(|s| matches!(s, OwnerSignature::Ecdsa(_))))
}

fn confirm(owner: Address, output: Output) -> Result<()> {
    let owner = owner.to_checksum(None);
    if output.is_interactive() && !output.confirm(&format!("Sign this as {owner}?")) {
        return Err(Cause::DangerNotAccepted.error("not signed"));
    }
    Ok(())
}

fn write(
    arguments: &Sign,
    proposal: &Proposal,
    owner: Address,
    added: bool,
    view: &View,
    output: Output,
) -> Result<()> {
    let file = arguments.out.as_ref().unwrap_or(&arguments.file);
    let text = proposal.to_json();
    match &arguments.out {
        Some(out) if *out != arguments.file => files::create(out, &text)?,
        _ if added => files::replace(file, &text)?,
        _ => {}
    }
    let (path, name) = (file.display().to_string(), owner.to_checksum(None));
    let signed = if added { "signed by" } else { "was signed before by" };
    output.say(&format!("\n{path} {signed} {name}"));
    output.result(&json!({
        "file": path,
        "digest": proposal.digest(),
        "signer": name,
        "added": added,
        "signatures": proposal.signatures().len(),
        "threshold": view.threshold,
        "review": view,
    }));
    Ok(())
}
