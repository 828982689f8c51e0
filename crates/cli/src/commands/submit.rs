//! `quorate submit`.

use super::{policy, sign::check_can_be_executed};
use crate::{
    arguments::{SendOptions, Submit},
    chain_access, clock, cost, escrow,
    failure::Cause,
    files,
    key::Key,
    output::Output,
    review::{Facts, Outcome},
    transaction::{self, Call, Mined},
    waiting,
};
use alloy::primitives::U256;
use eyre::{OptionExt as _, Result, WrapErr as _};
use quorate_chain::{Chain, Execution, Provenance};
use quorate_core::{Proposal, packing};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) async fn run(arguments: Submit, output: Output) -> Result<()> {
    let result = submit(&arguments.file, &arguments.send, output).await?;
    output.result(&result);
    Ok(())
}

async fn submit(file: &Path, send: &SendOptions, output: Output) -> Result<Value> {
    let proposal = files::read_proposal(file)?;
    let request = proposal.request();
    let chain = chain_access::connect_to(request.chain_id, &send.chain, output).await?;
    let facts = output.during("reading the chain", Facts::read(&chain, &proposal)).await?;
    match &facts.outcome {
        Some(Outcome::Executed(execution)) => {
            return Ok(report_executed(&proposal, execution, output));
        }
        Some(Outcome::Superseded(by)) => {
            let by = by.map(|digest| format!(" (digest {digest})")).unwrap_or_default();
            return Err(Cause::FailedOnChain.error(format!(
                "another action{by} used up sequence {} of lane {}: this one can never be executed",
                request.nonce.sequence, request.nonce.lane
            )));
        }
        None => {}
    }
    check_can_be_executed(&proposal, Some(&facts), output.now)?;
    check_ready(&proposal, &facts)?;

    let config = facts.state.config.as_ref().ok_or_eyre("a wallet without a configuration")?;
    let chosen = packing::choose(config, request.nonce.lane, &facts.verified.valid);
    let signatures =
        packing::pack(config, &chosen).map_err(|error| Cause::NotYet.error(error.to_string()))?;
    let key = Key::open(&send.key, output).await?;
    let simulated = chain.simulate(request, signatures.clone(), key.address()).await;
    if let Err(error) = &simulated
        && let Some(not_yet) = policy::not_yet(error, output.now)
    {
        if let policy::NotYet::NotQueued(_) = not_yet
            && let Some(queue) = waiting::file_beside(file, &proposal)
        {
            return let_wait(&queue, (&chain, &proposal), send, output).await;
        }
        return Err(not_yet.into_error());
    }
    let (to, data) = (request.wallet, request.calldata(signatures));
    let gas = transaction::gas_for(&chain, key.address(), (to, &data), simulated).await?;
    let call = Call::new(to, data, gas);
    let sent = transaction::send(&chain, &key, call, send.timeout, output).await;
    report(&chain, &proposal, sent, output).await
}

/// Executes what lets a proposal wait, and says until when.
async fn let_wait(
    queue: &Path,
    (chain, proposal): (&Chain, &Proposal),
    send: &SendOptions,
    output: Output,
) -> Result<Value> {
    Box::pin(submit(queue, send, output))
        .await
        .wrap_err_with(|| format!("{}, which lets it wait, comes first", queue.display()))?;
    let request = proposal.request();
    let state = chain.wallet(request.wallet, None).await?;
    let config = state.config.as_ref().ok_or_eyre("a wallet without a configuration")?;
    let delay = u64::from(policy::require_treasury(config)?.delay_secs);
    let queued_at = chain.waiting(request.wallet, proposal.digest()).await?.queued_at;
    let until = clock::words(queued_at.saturating_add(delay), output.now);
    Err(Cause::NotYet.error(format!("it waits until {until}: submit it again then")))
}

/// Refuses what may be executed later, but not now.
fn check_ready(proposal: &Proposal, facts: &Facts) -> Result<()> {
    let request = proposal.request();
    let wallet = request.wallet.to_checksum(None);
    match facts.state.provenance {
        Provenance::Foreign => {
            return Err(Cause::Mismatch
                .error(format!("{wallet} is not a Quorate wallet: it has other code")));
        }
        Provenance::NotDeployed => {
            return Err(Cause::NotYet.error(format!(
                "the wallet {wallet} is not deployed on this chain: run `quorate wallet deploy` with its wallet file first"
            )));
        }
        Provenance::Factory | Provenance::CodeOnly => {}
    }
    let next = facts.next.map_or(0, |next| next.sequence);
    if request.nonce.sequence > next {
        return Err(Cause::NotYet.error(format!(
            "its place is sequence {} of lane {}, which is at {next}: what is before it must go first",
            request.nonce.sequence, request.nonce.lane
        )));
    }
    let threshold = facts.state.config.as_ref().map_or(0, |config| config.threshold());
    let count = facts.verified.valid.len();
    if count < usize::from(threshold) {
        let missing: Vec<_> = facts.verified.missing.iter().map(|a| a.to_checksum(None)).collect();
        let rejected = facts.verified.rejected.iter();
        let rejected: String =
            rejected.map(|r| format!("; {} does not count: {}", r.owner, r.reason)).collect();
        return Err(Cause::NotYet.error(format!(
            "{count} of the {threshold} signatures needed{rejected}; not signed yet: {}",
            missing.join(", ")
        )));
    }
    if !escrow::is_complete(proposal, facts) {
        let missing: Vec<_> = facts.verified.missing.iter().map(|a| a.to_checksum(None)).collect();
        return Err(Cause::NotYet.error(format!(
            "the escrow asks for more signatures than the {count} there are; not signed yet: {}",
            missing.join(", ")
        )));
    }
    Ok(())
}

/// Whoever carried it out, what counts is the wallet's event.
async fn report(
    chain: &Chain,
    proposal: &Proposal,
    sent: Result<Mined>,
    output: Output,
) -> Result<Value> {
    let mined = match sent {
        Ok(mined) => mined,
        Err(error) => {
            // Somebody else may have been faster with the same proposal.
            let executed = chain.executed(proposal.request().wallet, proposal.digest()).await;
            return match executed {
                Ok(Some(execution)) => Ok(report_executed(proposal, &execution, output)),
                Ok(None) | Err(_) => Err(error),
            };
        }
    };
    let executed = chain.executed(proposal.request().wallet, proposal.digest()).await?;
    if executed.is_none() {
        return Err(Cause::Mismatch.error(format!(
            "transaction {} went through, but the wallet does not say that it executed {}",
            mined.tx_hash,
            proposal.digest()
        )));
    }
    let Mined { tx_hash, receipt } = mined;
    let fee = receipt.cost();
    let decimal = |part: Option<U256>| part.map(|part| part.to_string());
    let parts = cost::Parts {
        gas: Some(receipt.gas_fee()),
        l1: receipt.l1_fee,
        operator: receipt.operator_fee,
    };
    output.say(&format!(
        "executed {}\nin transaction {tx_hash} (block {}, {} gas, {})",
        proposal.digest(),
        receipt.block_number,
        receipt.gas_used,
        cost::words(fee, parts),
    ));
    Ok(json!({
        "status": "executed",
        "digest": proposal.digest(),
        "txHash": tx_hash,
        "blockNumber": receipt.block_number,
        "gasUsed": receipt.gas_used,
        "fee": fee.to_string(),
        "gasFee": receipt.gas_fee().to_string(),
        "l1Fee": decimal(receipt.l1_fee),
        "operatorFee": decimal(receipt.operator_fee),
        "already": false,
    }))
}

fn report_executed(proposal: &Proposal, execution: &Execution, output: Output) -> Value {
    let Execution { tx_hash, block_number, .. } = execution;
    output.say(&format!(
        "executed already: {}\nin transaction {tx_hash} (block {block_number})",
        proposal.digest()
    ));
    json!({
        "status": "executed",
        "digest": proposal.digest(),
        "txHash": tx_hash,
        "blockNumber": block_number,
        "already": true,
    })
}
