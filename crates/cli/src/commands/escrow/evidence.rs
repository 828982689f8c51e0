//! `quorate escrow evidence`.

use super::scene::Scene;
use crate::{
    arguments::EscrowEvidence,
    failure::Cause,
    files, open_proposals,
    output::{Output, counted},
};
use alloy::primitives::{B256, keccak256};
use eyre::{Result, WrapErr as _};
use quorate_chain::{Chain, Execution};
use quorate_core::Proposal;
use quorate_treasury::{
    EscrowFile,
    escrow::evidence::{Block, Evidence, Executed},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub(super) async fn run(arguments: EscrowEvidence, output: Output) -> Result<()> {
    files::check_free(&arguments.out)?;
    let scene = Scene::read(&arguments.file, &arguments.access, &arguments.chain, output).await?;
    let seen = scene.chain()?;
    let chain = &seen.chain;
    let mut proposals = gathered(&arguments.file, &arguments.proposal, &scene, output).await?;
    let executions =
        output.during("reading the chain", chain.executions(scene.file.wallet())).await?;
    let mut executed = Vec::new();
    for execution in &executions {
        executed.push(read(chain, execution).await?);
    }
    for one in &executed {
        // What was executed is read back from the transaction too, whoever kept the file.
        if let Some(proposal) = one.proposal(&scene.file) {
            add(&mut proposals, proposal)?;
        } else if !proposals.contains_key(&one.digest) {
            output.warn(&format!(
                "{} was executed, and nobody here has its proposal: name the file with --proposal",
                one.digest
            ));
        }
    }
    let head = Block { number: seen.head.number, hash: seen.head.hash, time: seen.head.timestamp };
    let head = last(head, &executed);
    let proposals: Vec<_> = proposals.into_values().collect();
    let evidence = Evidence { escrow: scene.file.clone(), proposals, executed, head };
    let text = evidence.to_json();
    files::create(&arguments.out, &text)?;
    let (hash, path) = (keccak256(&text), arguments.out.display().to_string());
    let (proposed, done) = (evidence.proposals.len(), evidence.executed.len());
    output.say(&format!(
        "{path} written: {}, {}\nits hash, which others compare: {hash}",
        counted(proposed as u64, "proposal", "proposals"),
        counted(done as u64, "execution", "executions"),
    ));
    output.result(&json!({
        "file": path,
        "hash": hash,
        "wallet": evidence.escrow.wallet().to_checksum(None),
        "proposals": proposed,
        "executions": done,
        "head": evidence.head.number,
    }));
    Ok(())
}

/// The later of the head that was read first and the last execution.
fn last(head: Block, executed: &[Executed]) -> Block {
    let blocks = executed.iter().map(|executed| executed.block);
    blocks.chain([head]).max_by_key(|block| block.number).unwrap_or(head)
}

/// The proposals of the escrow: those that are named, those that lie around, those at the relayer.
pub(super) async fn gathered(
    escrow: &Path,
    named: &[PathBuf],
    scene: &Scene,
    output: Output,
) -> Result<BTreeMap<B256, Proposal>> {
    let mut proposals = BTreeMap::new();
    for path in named {
        let proposal = files::read_proposal(path)?;
        if !is_of(&proposal, &scene.file) {
            let path = path.display();
            return Err(Cause::Mismatch.error(format!("{path} is a proposal of another wallet")));
        }
        add(&mut proposals, proposal)?;
    }
    let parent = escrow.parent().map(PathBuf::from);
    let folders: Vec<_> = parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .into_iter()
        .chain([PathBuf::from(".")])
        .collect();
    for proposal in open_proposals::around(&folders, output) {
        if is_of(&proposal, &scene.file) && !proposal.signatures().is_empty() {
            add(&mut proposals, proposal)?;
        }
    }
    if let Some(relayer) = &scene.relayer {
        let (chain_id, wallet) = (scene.file.chain_id(), scene.file.wallet());
        if relayer.client.wallet(chain_id, wallet).await?.is_some() {
            let listed = relayer.client.proposals(chain_id, wallet, None);
            let listed = output.during("asking the relayer", listed).await?;
            if !listed.is_whole {
                let count = listed.items.len();
                output.warn(&format!(
                    "the relayer lists more than {count} proposals: the others are not known here"
                ));
            }
            for verified in listed.items {
                let proposal = verified.to_file(Some(scene.file.origin()));
                add(&mut proposals, proposal.wrap_err("at the relayer")?)?;
            }
        }
    }
    Ok(proposals)
}

fn is_of(proposal: &Proposal, file: &EscrowFile) -> bool {
    let request = proposal.request();
    (request.chain_id, request.wallet) == (file.chain_id(), file.wallet())
}

fn add(proposals: &mut BTreeMap<B256, Proposal>, proposal: Proposal) -> Result<()> {
    let digest = proposal.digest();
    let both = match proposals.get(&digest) {
        Some(known) => known.combine(&proposal)?,
        None => proposal,
    };
    proposals.insert(digest, both);
    Ok(())
}

/// The transaction and the block of an execution.
async fn read(chain: &Chain, execution: &Execution) -> Result<Executed> {
    let Execution { digest, nonce, tx_hash, block_number } = *execution;
    let unknown = || {
        Cause::Unreachable.error(format!(
            "the endpoint tells of transaction {tx_hash} in block {block_number}, and does not give it"
        ))
    };
    let transaction = chain.transaction(tx_hash).await?.ok_or_else(unknown)?;
    let block = chain.block_at(block_number).await?.ok_or_else(unknown)?;
    let block = Block { number: block.number, hash: block.hash, time: block.timestamp };
    let to = transaction.to.unwrap_or_default();
    Ok(Executed {
        digest,
        nonce,
        tx_hash,
        block,
        from: transaction.from,
        to,
        input: transaction.input,
    })
}
