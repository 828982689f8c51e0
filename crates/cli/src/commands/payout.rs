//! `quorate payout`.

use crate::{
    arguments::PayoutPropose,
    chain_access::{self, Named},
    clock,
    failure::Cause,
    files,
    output::{Output, Sheet},
    review::{amount_text, symbol},
};
use alloy::primitives::{Address, U256};
use eyre::Result;
use quorate_chain::{Chain, Token, WalletState};
use quorate_core::{
    Lane, Proposal, Request,
    amount::{ETHER_DECIMALS, grouped},
};
use quorate_treasury::{
    PayoutFile, Plan,
    payout_plan::{Batch, Total},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};

pub(crate) async fn propose(arguments: PayoutPropose, output: Output) -> Result<()> {
    let deadline = clock::parse_deadline(&arguments.deadline, output.now)?;
    let name = arguments.file.display().to_string();
    let bad = |error: &dyn std::fmt::Display| Cause::BadInput.error(format!("{name}: {error}"));
    let file = PayoutFile::from_csv(&files::read(&arguments.file)?).map_err(|error| bad(&error))?;
    let named = Named::read(&arguments.wallet)?;
    let chain = chain_access::connect(&arguments.chain, output).await?;
    let state = output.during("reading the wallet", named.usable_state(&chain)).await?;
    let tokens = output.during("reading the tokens", tokens_of(&file, &chain)).await?;
    let decimals = tokens.iter().filter_map(|(&address, t)| Some((address, t.decimals?))).collect();
    let (run, wallet) = (arguments.run.as_str(), state.address);
    let plan = quorate_treasury::plan(&file, run, wallet, &decimals, arguments.batch_size)
        .map_err(|error| bad(&error))?;
    output
        .during("looking for earlier payments of the run", check_unpaid(&plan, &chain, &state))
        .await?;

    let folder = arguments.out.unwrap_or_else(|| PathBuf::from(run));
    let mut documents = Vec::new();
    for batch in &plan.batches {
        let request = Request {
            chain_id: chain.id(),
            wallet,
            epoch: state.epoch,
            action: batch.action.clone(),
            nonce: batch.nonce,
            deadline,
        };
        let note = note(&plan, batch);
        let proposal = Proposal::new(request, Some(note), named.origin.clone())?;
        documents.push((file_name(&plan, batch), proposal));
    }
    let texts =
        documents.iter().map(|(name, proposal)| (name.clone(), proposal.to_json())).collect();
    files::create_folder(&folder, texts)?;

    let short = shortfalls(&plan, &tokens, &chain).await?;
    report(&plan, &tokens, &documents, &folder, deadline, output);
    for remark in plan.remarks() {
        output.warn(&remark.to_string());
    }
    for text in &short {
        output.warn(text);
    }
    Ok(())
}

async fn tokens_of(file: &PayoutFile, chain: &Chain) -> Result<BTreeMap<Address, Token>> {
    let mut tokens = BTreeMap::new();
    for address in file.tokens() {
        let token = chain.token(address).await?;
        let (shown, id) = (address.to_checksum(None), chain.id());
        if !token.has_code {
            return Err(Cause::BadInput
                .error(format!("{shown} is no token: there is no code on chain {id}")));
        }
        if token.decimals.is_none() {
            return Err(Cause::BadInput.error(format!(
                "token {shown} does not tell its decimals, so its amounts cannot be read"
            )));
        }
        tokens.insert(address, token);
    }
    Ok(tokens)
}

/// Refuses a run of which anything was paid.
///
/// Another list under the same name may have had other batches, up to one for each payment, so all those
/// lanes are asked for.
async fn check_unpaid(plan: &Plan, chain: &Chain, state: &WalletState) -> Result<()> {
    let payments: usize = plan.totals.iter().map(|total| total.count).sum();
    for number in 0..payments as u64 {
        let lane = Lane::of_payout(&plan.run, U256::from(number));
        if chain.next_nonce(state, lane).await?.sequence > 0 {
            let (run, count) = (&plan.run, plan.batches.len());
            return Err(Cause::BadInput.error(format!(
                "run {run} was paid already: batch {} is on chain. What else was proposed for it can still be signed and submitted from its {count} files; new payments need a run of another name",
                number + 1
            )));
        }
    }
    Ok(())
}

fn file_name(plan: &Plan, batch: &Batch) -> String {
    let (number, count) = (batch.number + 1, plan.batches.len());
    let width = count.to_string().len();
    format!("{}.{number:0width$}-of-{count}.json", plan.run)
}

/// What lets owners see which run this is, and two people compare their payout files.
fn note(plan: &Plan, batch: &Batch) -> String {
    let first = batch.payments.first().map_or("", |payment| payment.id.as_str());
    let last = batch.payments.last().map_or("", |payment| payment.id.as_str());
    format!(
        "payout run {}, batch {} of {}, ids {first} to {last}, list {}",
        plan.run,
        batch.number + 1,
        plan.batches.len(),
        plan.file_hash
    )
}

/// Where the wallet has less than the run pays. Money may still come, so this is no error.
async fn shortfalls(
    plan: &Plan,
    tokens: &BTreeMap<Address, Token>,
    chain: &Chain,
) -> Result<Vec<String>> {
    let mut short = Vec::new();
    for total in &plan.totals {
        let token = tokens.get(&total.token);
        let balance = match token {
            None => Some(chain.balance(plan.wallet).await?),
            Some(token) => chain.token_balance(token.address, plan.wallet).await?,
        };
        let balance = balance.unwrap_or_default();
        if balance < total.amount {
            short.push(format!(
                "the wallet has {}, the run pays {}: it needs more before it can be executed",
                amount_text(balance, token),
                amount_text(total.amount, token)
            ));
        }
    }
    Ok(short)
}

fn report(
    plan: &Plan,
    tokens: &BTreeMap<Address, Token>,
    documents: &[(String, Proposal)],
    folder: &std::path::Path,
    deadline: u64,
    output: Output,
) {
    let mut sheet = Sheet::default();
    let payments: usize = plan.totals.iter().map(|total| total.count).sum();
    sheet.title(&format!(
        "Payout run {}: {payments} payments in {} batches",
        plan.run,
        plan.batches.len()
    ));
    sheet.row("wallet", &plan.wallet.to_checksum(None));
    sheet.row("list hash", &plan.file_hash.to_string());
    sheet.row("deadline", &clock::words(deadline, output.now));
    for (place, total) in plan.totals.iter().enumerate() {
        let text = amount_text(total.amount, tokens.get(&total.token));
        let label = if place == 0 { "total" } else { "" };
        sheet.row(label, &format!("{text} in {} payments", total.count));
    }
    sheet.title(&format!("Written to {}", folder.display()));
    for (batch, (name, proposal)) in plan.batches.iter().zip(documents) {
        let symbol = tokens.get(&batch.token).map_or("ETH".to_owned(), symbol);
        let total = grouped(batch.total, batch.decimals);
        sheet.row(name, &format!("{} payments, {total} {symbol}", batch.payments.len()));
        sheet.more(&proposal.digest().to_string());
    }
    output.say(&sheet.finish());
    output.say("\nLet the owners sign each file: each batch can be paid once, in any order.");
    output.result(&document(plan, tokens, documents, folder, deadline));
}

fn document(
    plan: &Plan,
    tokens: &BTreeMap<Address, Token>,
    documents: &[(String, Proposal)],
    folder: &std::path::Path,
    deadline: u64,
) -> Value {
    let total = |total: &Total| {
        let token = tokens.get(&total.token);
        json!({
            "token": token.map_or("ETH".to_owned(), |token| token.address.to_checksum(None)),
            "symbol": token.map_or(Some("ETH"), |token| token.symbol.as_deref()),
            "decimals": token.map_or(Some(ETHER_DECIMALS), |token| token.decimals),
            "count": total.count,
            "amount": total.amount.to_string(),
        })
    };
    let batch = |(batch, (name, proposal)): (&Batch, &(String, Proposal))| {
        json!({
            "number": batch.number,
            "file": folder.join(name).display().to_string(),
            "digest": proposal.digest(),
            "nonce": batch.nonce,
            "lane": batch.nonce.lane.to_string(),
            "token": if batch.token.is_zero() { "ETH".to_owned() } else { batch.token.to_checksum(None) },
            "count": batch.payments.len(),
            "total": batch.total.to_string(),
            "ids": batch.payments.iter().map(|payment| payment.id.as_str()).collect::<Vec<_>>(),
        })
    };
    json!({
        "run": plan.run,
        "wallet": plan.wallet.to_checksum(None),
        "listHash": plan.file_hash,
        "deadline": deadline,
        "totals": plan.totals.iter().map(total).collect::<Vec<_>>(),
        "batches": plan.batches.iter().zip(documents).map(batch).collect::<Vec<_>>(),
    })
}
