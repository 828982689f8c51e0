//! `quorate payout`.

mod report;
mod run;

use super::hand_in::Desk;
use crate::{
    arguments::PayoutPropose,
    chain_access::{self, Named},
    clock,
    failure::Cause,
    files,
    output::Output,
    relayer_access::{self, Relayer},
    review::amount_text,
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_chain::{Chain, Token};
use quorate_treasury::{PayoutFile, Plan};
use report::Report;
use run::Place;
use std::{collections::BTreeMap, path::PathBuf};

pub(crate) async fn propose(arguments: PayoutPropose, output: Output) -> Result<()> {
    let deadline = clock::parse_deadline(&arguments.deadline, output.now)?;
    let name = arguments.file.display().to_string();
    let bad = |error: &dyn std::fmt::Display| Cause::BadInput.error(format!("{name}: {error}"));
    let file = PayoutFile::from_csv(&files::read(&arguments.file)?).map_err(|error| bad(&error))?;
    let mut named = Named::read(&arguments.wallet)?;
    let relayer = Relayer::find(&arguments.access, output)?;
    let desk = Desk::open(relayer.as_ref(), arguments.accept, arguments.key);
    let chain = chain_access::connect(&arguments.chain, output).await?;
    if let Some(Desk { relayer, .. }) = &desk {
        let wallet = relayer.wallet(chain.id(), named.address).await?;
        named = named.with_origin(wallet.origin());
        relayer_access::present_state(&wallet, &chain).await?;
    }
    let state = output.during("reading the wallet", named.usable_state(&chain)).await?;
    let tokens = output.during("reading the tokens", tokens_of(&file, &chain)).await?;
    let decimals = tokens.iter().filter_map(|(&address, t)| Some((address, t.decimals?))).collect();
    let (run, wallet) = (arguments.run.as_str(), state.address);
    let plan = quorate_treasury::plan(&file, run, wallet, &decimals, arguments.batch_size)
        .map_err(|error| bad(&error))?;
    let place = Place { chain, state, origin: named.origin, deadline };
    let batches = match &desk {
        None => place.all_new(&plan, output).await?,
        Some(desk) => place.at_relayer(&plan, &desk.relayer, output).await?,
    };
    let folder = match (&desk, arguments.out) {
        (_, Some(out)) => Some(out),
        (None, None) => Some(PathBuf::from(run)),
        (Some(_), None) => None,
    };
    let sheet = Report { plan: &plan, tokens: &tokens, folder, deadline };
    let short = shortfalls(&plan, &tokens, &place.chain).await?;
    match desk {
        None => sheet.written(&batches, output)?,
        Some(desk) => sheet.handed_in(batches, &desk, &place, output).await?,
    }
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
