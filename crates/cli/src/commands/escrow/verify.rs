//! `quorate escrow verify`.

use super::scene::check_chain;
use crate::{
    arguments::EscrowVerify,
    chain_access,
    failure::Cause,
    files,
    output::{Output, Sheet},
};
use alloy::primitives::keccak256;
use eyre::{Result, WrapErr as _};
use quorate_chain::{Chain, ChainError};
use quorate_core::{DocumentError, OwnerSignature};
use quorate_treasury::escrow::{
    Role,
    evidence::{Evidence, Executed, Finding, Part},
};
use serde_json::{Value, json};

pub(super) async fn run(arguments: EscrowVerify, output: Output) -> Result<()> {
    let bytes = files::read(&arguments.file)?;
    let path = arguments.file.display().to_string();
    let (mut parts, evidence) = match Evidence::examine(&bytes) {
        Ok(examined) => examined,
        // It says that it is one, so it was changed, or cut.
        Err(error @ (DocumentError::Malformed { .. } | DocumentError::Truncated { .. }))
            if bytes.windows(16).any(|window| window == b"\"escrowEvidence\"") =>
        {
            return Err(Cause::Mismatch.error(format!("{path} was changed or cut: {error}")));
        }
        Err(error) => return Err(error).wrap_err(path),
    };
    let chain = match (arguments.offline, &evidence) {
        (false, Some(_)) => chain_access::try_connect(&arguments.chain, output).await?,
        _ => None,
    };
    match (&evidence, &chain) {
        (Some(evidence), Some(chain)) => {
            check_chain(&evidence.escrow, chain)?;
            let asked = against(evidence, chain, &mut parts);
            output.during("reading the chain", asked).await?;
        }
        (Some(evidence), None) => {
            for place in 1..=evidence.executed.len() {
                let why = "not looked for: no endpoint was named".to_owned();
                let part = Part::new(format!("execution {place}"), Finding::NotChecked(why));
                parts.push(part);
            }
        }
        (None, _) => {}
    }
    let hash = keccak256(&bytes);
    report(&path, hash, &parts, evidence.as_ref(), chain.is_some(), output);
    conclude(&parts)
}

/// Compares the evidence with the chain, and asks contracts at the block that it names.
async fn against(evidence: &Evidence, chain: &Chain, parts: &mut Vec<Part>) -> Result<()> {
    let head = evidence.head;
    let finding = match chain.block_at(head.number).await? {
        Some(block) if block.hash == head.hash && block.timestamp == head.time => Finding::Holds,
        Some(block) => {
            Finding::Changed(format!("block {} is {} on the chain", head.number, block.hash))
        }
        None => Finding::Changed(format!("the chain has no block {}", head.number)),
    };
    parts.push(Part::new("head", finding));
    let wallet = evidence.escrow.wallet();
    for (place, executed) in evidence.executed.iter().enumerate() {
        let finding = compare(executed, wallet, chain).await?;
        parts.push(Part::new(format!("execution {}", place + 1), finding));
    }
    match chain.executions(wallet).await {
        Ok(all) => {
            for execution in all.iter().filter(|execution| execution.block_number <= head.number) {
                let digest = execution.digest;
                if !evidence.executed.iter().any(|executed| executed.digest == digest) {
                    let why = format!("the chain executed {digest}, which is not in the file");
                    parts.push(Part::new("executions", Finding::Changed(why)));
                }
            }
        }
        Err(error @ ChainError::HistoryRefused { .. }) => {
            let why = format!("whether these are all: {error}");
            parts.push(Part::new("executions", Finding::NotChecked(why)));
        }
        Err(error) => return Err(error.into()),
    }
    contracts(evidence, chain, parts).await
}

/// An execution next to its transaction.
async fn compare(
    executed: &Executed,
    wallet: alloy::primitives::Address,
    chain: &Chain,
) -> Result<Finding> {
    let tx_hash = executed.tx_hash;
    let Some(transaction) = chain.transaction(tx_hash).await? else {
        return Ok(Finding::Changed(format!("the chain has no transaction {tx_hash}")));
    };
    let block = chain.block_at(executed.block.number).await?;
    let events = chain.executed_in(wallet, tx_hash).await?;
    let is_told = events.iter().any(|event| {
        event.digest == executed.digest
            && event.nonce == executed.nonce
            && event.block_number == executed.block.number
    });
    let differs = [
        (!is_told, "the transaction has no such event of the escrow"),
        (transaction.input != executed.input, "its calldata is another"),
        (transaction.from != executed.from, "its sender is another"),
        (transaction.to != Some(executed.to), "it calls another contract"),
        (
            transaction.block != Some((executed.block.number, executed.block.hash)),
            "its block is another",
        ),
        (
            block.is_none_or(|block| block.timestamp != executed.block.time),
            "the time of its block is another",
        ),
    ];
    let first = differs.into_iter().find(|(differs, _)| *differs);
    Ok(first.map_or(Finding::Holds, |(_, why)| Finding::Changed(format!("{tx_hash}: {why}"))))
}

/// Asks contracts whether they stood by their signatures: at the block of the evidence, or before what was executed.
async fn contracts(evidence: &Evidence, chain: &Chain, parts: &mut Vec<Part>) -> Result<()> {
    let (escrow, head) = (&evidence.escrow, evidence.head.number);
    let wallet = escrow.wallet();
    for role in Role::ALL {
        let Some(acceptance) = escrow.acceptances(role).next() else { continue };
        let digest = escrow.offer().digest(role, acceptance.deadline);
        let asked = (digest, acceptance.owner, &acceptance.signature);
        answer(parts, format!("acceptance of the {role}"), ask(chain, wallet, asked, head).await);
    }
    for (place, proposal) in evidence.proposals.iter().enumerate() {
        let digest = proposal.digest();
        let executed = evidence.executed.iter().find(|executed| executed.digest == digest);
        let at = executed.map_or(head, |executed| executed.block.number.saturating_sub(1));
        for (&owner, candidates) in proposal.signatures() {
            let who = escrow.agreement().role_of(owner);
            let who = who.map_or_else(|| owner.to_checksum(None), |role| format!("the {role}"));
            let name = format!("proposal {}, signature of {who}", place + 1);
            let Some(signature) = candidates.first() else { continue };
            answer(parts, name, ask(chain, wallet, (digest, owner, signature), at).await);
        }
    }
    Ok(())
}

/// Whether a signature that is not by a key held then; nothing of one by a key.
async fn ask(
    chain: &Chain,
    wallet: alloy::primitives::Address,
    (digest, owner, signature): (
        alloy::primitives::B256,
        alloy::primitives::Address,
        &OwnerSignature,
    ),
    at: u64,
) -> Option<Finding> {
    let answer = match signature {
        OwnerSignature::Ecdsa(_) => return None,
        OwnerSignature::Contract(bytes) => {
            chain.contract_accepted_at(wallet, owner, (digest, bytes), at).await
        }
        OwnerSignature::Approved => chain.approved_at(wallet, digest, owner, at).await,
    };
    Some(match answer {
        Ok(true) => Finding::Holds,
        Ok(false) => Finding::Changed(format!(
            "{} did not stand by it at block {at}",
            owner.to_checksum(None)
        )),
        Err(error) => Finding::NotAsked(format!("at block {at}: {error}")),
    })
}

/// Puts the chain's answer in the place of what could not be told without.
fn answer(parts: &mut Vec<Part>, name: String, finding: Option<Finding>) {
    let Some(finding) = finding else { return };
    match parts.iter_mut().find(|part| part.name == name) {
        Some(part) => part.finding = finding,
        None => parts.push(Part { name, finding }),
    }
}

fn report(
    path: &str,
    hash: alloy::primitives::B256,
    parts: &[Part],
    evidence: Option<&Evidence>,
    on_chain: bool,
    output: Output,
) {
    let mut sheet = Sheet::default();
    sheet.title(path);
    sheet.row("hash of the file", &hash.to_string());
    if let Some(evidence) = evidence {
        sheet.row("escrow", &evidence.escrow.wallet().to_checksum(None));
        sheet.row("chain", &evidence.escrow.chain_id().to_string());
        let head = evidence.head.number;
        sheet.row("read at block", &head.to_string());
    }
    sheet.title(if on_chain { "Checked, and against the chain" } else { "Checked, offline" });
    for part in parts {
        let (word, why) = words(&part.finding);
        sheet.paragraph(
            &part.name,
            &format!("{word}{}{why}", if why.is_empty() { "" } else { ": " }),
        );
    }
    output.say(&sheet.finish());
    let rows: Vec<Value> = parts
        .iter()
        .map(|part| {
            let (word, why) = words(&part.finding);
            json!({ "part": part.name, "result": word, "why": why })
        })
        .collect();
    let worst = if has(parts, |f| matches!(f, Finding::Changed(_))) {
        "changed"
    } else if has(parts, |f| matches!(f, Finding::NotAsked(_))) {
        "notChecked"
    } else {
        "verified"
    };
    output.result(&json!({
        "file": path,
        "hash": hash,
        "result": worst,
        "onChain": on_chain,
        "wallet": evidence.map(|evidence| evidence.escrow.wallet().to_checksum(None)),
        "parts": rows,
    }));
}

fn has(parts: &[Part], wanted: fn(&Finding) -> bool) -> bool {
    parts.iter().any(|part| wanted(&part.finding))
}

fn words(finding: &Finding) -> (&'static str, &str) {
    match finding {
        Finding::Holds => ("holds", ""),
        Finding::Changed(why) => ("CHANGED", why),
        Finding::NotChecked(why) | Finding::NotAsked(why) => ("not checked", why),
        Finding::Missing(why) => ("missing", why),
    }
}

fn conclude(parts: &[Part]) -> Result<()> {
    let named = |wanted: fn(&Finding) -> bool| {
        let all = parts.iter().filter(|part| wanted(&part.finding));
        all.map(|part| part.name.as_str()).collect::<Vec<_>>().join("; ")
    };
    let changed = named(|finding| matches!(finding, Finding::Changed(_)));
    if !changed.is_empty() {
        return Err(Cause::Mismatch.error(format!("changed, or not so: {changed}")));
    }
    let not_asked = named(|finding| matches!(finding, Finding::NotAsked(_)));
    if !not_asked.is_empty() {
        return Err(Cause::NotYet.error(format!(
            "only the chain can tell of {not_asked}: give an endpoint that has the state of that block"
        )));
    }
    Ok(())
}
