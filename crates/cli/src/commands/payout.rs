//! `quorate payout`.

mod report;
mod run;
mod tokens;

use super::hand_in::{Around, Desk};
use crate::{
    arguments::PayoutPropose,
    chain_access::{self, Named},
    clock,
    failure::Cause,
    files,
    open_proposals::{self, Places},
    output::Output,
    relayer_access::{self, Relayer},
    review::exact_text_in_full,
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_chain::{Chain, Token};
use quorate_treasury::{PayoutFile, Plan};
use report::Report;
use run::{Place, Standing};
use std::{collections::BTreeMap, path::PathBuf};

pub(crate) async fn propose(arguments: PayoutPropose, output: Output) -> Result<()> {
    let deadline = clock::parse_deadline(&arguments.deadline, output.now)?;
    let name = arguments.file.display().to_string();
    let bad = |error: &dyn std::fmt::Display| Cause::BadInput.error(format!("{name}: {error}"));
    let file = PayoutFile::from_csv(&files::read(&arguments.file)?).map_err(|error| bad(&error))?;
    let mut named = Named::read(&arguments.wallet)?;
    let relayer = Relayer::find(&arguments.access, output)?;
    let accept = arguments.accept.accept.clone();
    let beside = arguments.beside.beside;
    let desk = Desk::open(relayer.as_ref(), arguments.accept, arguments.key);
    let chain = chain_access::connect(&arguments.chain, output).await?;
    file.check_chain(chain.id()).map_err(|error| bad(&error))?;
    if let Some(Desk { relayer, .. }) = &desk {
        let wallet = relayer.wallet(chain.id(), named.address).await?;
        named = named.with_origin(wallet.origin());
        relayer_access::present_state(&wallet, &chain).await?;
    }
    let state = output.during("reading the wallet", named.usable_state(&chain)).await?;
    let read = tokens::read(&file, &arguments.decimals, &chain);
    let tokens = output.during("reading the tokens", read).await?;
    let decimals = tokens.decimals();
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
    let places = Places {
        relayer: relayer.as_ref(),
        files: beside,
        plan: Some(&plan),
        tokens: tokens.known.clone(),
        ..Places::default()
    };
    let places = places.around(folder.as_deref());
    let drafts: Vec<_> = batches.iter().filter_map(Standing::proposal).collect();
    let seen = Some((&place.chain, &place.state));
    let open = open_proposals::that_pay_again(&drafts, &places, seen, output).await?;
    let around = Around { open, dangers: tokens.dangers() };
    let sheet = Report { plan: &plan, tokens: &tokens.known, around, folder, deadline };
    let short = shortfalls(&plan, &tokens.known, &place.chain).await?;
    match desk {
        None => sheet.written(&batches, &accept, output)?,
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
                exact_text_in_full(balance, token),
                exact_text_in_full(total.amount, token)
            ));
        }
    }
    Ok(short)
}
