//! `quorate payout plan`.

use super::{
    list::{Planned, Source},
    simulated,
};
use crate::{
    arguments::PayoutPlan,
    book_access, chain_access,
    chain_access::Named,
    commands::propose::treasury_rules,
    failure::Cause,
    files,
    open_proposals::{self, Places},
    output::{Output, Sheet, counted},
    relayer_access::Relayer,
    review::{Danger, again, exact_text, exact_text_in_full, token_line},
};
use alloy::primitives::{Address, U256};
use eyre::Result;
use quorate_chain::{Chain, Token};
use quorate_core::{Nonce, Proposal, Request};
use quorate_treasury::{
    Plan, Rules,
    payout_plan::{Batch, Total, shown_token},
    rules::file::Span,
    run::Lanes,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub(crate) async fn run(arguments: PayoutPlan, output: Output) -> Result<()> {
    let wallet = arguments.wallet.as_ref().filter(|wallet| !wallet.is_empty());
    let wallet = wallet.ok_or_else(no_wallet)?;
    let book = book_access::read(&arguments.book)?;
    let chain = chain_access::try_connect(&arguments.chain, output).await?;
    let named = Named::read(wallet)?;
    let chain_id = chain_id(chain.as_ref(), &named, arguments.chain_id)?;
    let state = match &chain {
        Some(chain) => Some(named.usable_state(chain).await?),
        None => None,
    };
    let source = Source {
        file: &arguments.file,
        run: &arguments.run,
        wallet: &named,
        options: &arguments.list,
        book: &book,
        chain: chain.as_ref(),
        chain_id,
    };
    let Planned { plan, tokens, mut dangers, remarks } = source.planned(output).await?;
    let path = arguments.out.clone().unwrap_or_else(|| path_of(&plan.run));
    if let (Some(relayer), Some(chain)) = (Relayer::find(&arguments.access, output)?, &chain) {
        dangers.extend(paid_again(&plan, &tokens, &relayer, chain, &named, output).await?);
    }
    let mut short = Vec::new();
    if let Some(chain) = &chain {
        short = shortfalls(&plan, &tokens, chain).await?;
        let rules = state.as_ref().and_then(|state| treasury_rules(state.config.as_ref()?));
        short.extend(rules.iter().flat_map(|rules| above_limits(&plan, &tokens, rules)));
        let live = plan.batches.iter().map(|batch| (batch.number, plan.live(batch)));
        let tried = simulated::run(&plan, &live.collect::<Vec<_>>(), chain, output).await?;
        if let Some(refusal) = tried.refusal(false) {
            return Err(Cause::BadInput.error(refusal));
        }
        short.extend(tried.failing.into_iter().chain(tried.short).chain(tried.contracts));
        short.extend(tried.unchecked);
    }
    let sheet = head(&plan, &tokens, &dangers);
    output.say(&sheet.finish());
    for text in remarks.iter().chain(&short) {
        output.warn(text);
    }
    output.accept(&dangers, &arguments.accept.accept)?;
    let is_new = write(&path, &plan)?;
    let shown = path.display();
    output.say(&match is_new {
        true => format!("\n{shown} written; compare the plan hash before you sign"),
        false => format!("\n{shown} holds this very plan already"),
    });
    output.result(&document(&plan, &tokens, &path, &dangers, &remarks, &short));
    Ok(())
}

fn no_wallet() -> eyre::Report {
    Cause::Usage.error("no wallet: give --wallet, or set QUORATE_WALLET")
}

/// The chain that a plan is for.
fn chain_id(chain: Option<&Chain>, named: &Named, given: Option<u64>) -> Result<u64> {
    let said = given.or(named.only_chain());
    match (chain.map(Chain::id), said) {
        (Some(found), Some(said)) if found != said => Err(Cause::Mismatch
            .error(format!("the plan is for chain {said}, but the endpoint serves chain {found}"))),
        (Some(found), _) => Ok(found),
        (None, Some(said)) => Ok(said),
        (None, None) => Err(Cause::Usage.error(
            "which chain is not known: give --rpc-url URL, set ETH_RPC_URL, or give --chain-id with a list of ether alone",
        )),
    }
}

/// Where a plan is written if nothing is said.
pub(super) fn path_of(run: &str) -> PathBuf {
    PathBuf::from(format!("{run}.plan.json"))
}

/// Refuses a file that holds another plan. Says whether there is none yet.
pub(super) fn check_free(path: &Path, plan: &Plan) -> Result<bool> {
    if path.exists() {
        if files::read(path)? == plan.to_json().as_bytes() {
            return Ok(false);
        }
        let (path, hash) = (path.display(), plan.hash);
        return Err(Cause::BadInput.error(format!(
            "{path} exists already and holds another plan than {hash}: correct a list with --edit and --out, or move the old plan away"
        )));
    }
    Ok(true)
}

/// Writes a plan where none lies yet, or this very one. Says whether it was written.
pub(super) fn write(path: &Path, plan: &Plan) -> Result<bool> {
    let is_free = check_free(path, plan)?;
    if is_free {
        files::create(path, &plan.to_json())?;
    }
    Ok(is_free)
}

/// What open proposals at the relayer pay too.
async fn paid_again(
    plan: &Plan,
    tokens: &BTreeMap<Address, Token>,
    relayer: &Relayer,
    chain: &Chain,
    named: &Named,
    output: Output,
) -> Result<Vec<Danger>> {
    let state = named.usable_state(chain).await?;
    let deadline = output.now.saturating_add(7 * 86_400);
    let draft = |batch: &Batch| {
        let request = Request {
            chain_id: plan.chain_id,
            wallet: plan.wallet,
            epoch: state.epoch,
            action: plan.action(batch.token, &plan.live(batch)),
            nonce: Nonce::new(plan.lane(batch.number), 0),
            deadline,
        };
        Proposal::new(request, None, None)
    };
    let batches = plan.batches.iter().filter(|batch| !plan.live(batch).is_empty());
    let drafts: Vec<_> = batches.map(draft).collect::<Result<_, _>>()?;
    let drafts: Vec<_> = drafts.iter().collect();
    let listed = relayer.open_as_listed(chain.id(), plan.wallet).await;
    let lanes: std::collections::BTreeSet<_> =
        plan.batches.iter().flat_map(|batch| Lanes::of(&plan.run, batch.number).all()).collect();
    let of_run = listed.iter().flat_map(|listed| &listed.items);
    let of_run = of_run.filter(|item| lanes.contains(&item.request().nonce.lane));
    let of_run = of_run.map(quorate_api::Verified::digest).collect();
    let places =
        Places { relayer: Some(relayer), of_run, tokens: tokens.clone(), ..Places::default() };
    let seen = Some((chain, &state));
    let open = open_proposals::that_pay_again(&drafts, &places, seen, output).await?;
    let mut dangers = Vec::new();
    for draft in drafts {
        let request = draft.request();
        dangers.extend(again::dangers(request, None, &open, tokens, output.now));
    }
    Ok(dangers)
}

/// Where the wallet has less than the run pays. Money may still come, so this is no error.
pub(super) async fn shortfalls(
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

/// Batches that are above a limit of a treasury, whatever else is spent: they take more signers.
fn above_limits(plan: &Plan, tokens: &BTreeMap<Address, Token>, rules: &Rules) -> Vec<String> {
    let batches = plan.batches.iter().filter_map(|batch| {
        let limit = rules.limit_of(batch.token)?;
        let amounts = plan.live(batch).into_iter().map(|place| plan.lines[place].amount);
        let total = amounts.fold(U256::ZERO, U256::saturating_add);
        let most = U256::from(limit.amount);
        (total > most).then(|| {
            let token = tokens.get(&batch.token);
            let waits = match rules.delay_secs {
                0 => String::new(),
                delay => format!(", and waits {}", Span(delay)),
            };
            format!(
                "batch {} pays {}, above this treasury's limit of {}: it takes {} signers{waits}",
                batch.number,
                exact_text_in_full(total, token),
                exact_text_in_full(most, token),
                rules.admin
            )
        })
    });
    batches.collect()
}

/// What a run is, with count and totals on top.
pub(super) fn head(plan: &Plan, tokens: &BTreeMap<Address, Token>, dangers: &[Danger]) -> Sheet {
    let mut sheet = Sheet::default();
    let payments = counted(plan.count() as u64, "payment", "payments");
    let batches = counted(plan.batches.len() as u64, "batch", "batches");
    sheet.title(&format!("Payout run {}: {payments} in {batches}", plan.run));
    for (place, total) in plan.totals.iter().enumerate() {
        let text = exact_text(total.amount, tokens.get(&total.token));
        let label = if place == 0 { "total" } else { "" };
        let payments = counted(total.count as u64, "payment", "payments");
        sheet.row(label, &format!("{text} in {payments}"));
    }
    for (place, token) in tokens.values().enumerate() {
        let label = if place == 0 { "tokens" } else { "" };
        sheet.row(label, &token.address.to_checksum(None));
        sheet.more(&token_line(token));
    }
    sheet.row("wallet", &format!("{} on chain {}", plan.wallet.to_checksum(None), plan.chain_id));
    sheet.row("plan hash", &plan.hash.to_string());
    sheet.dangers(dangers);
    sheet
}

/// The totals, for scripts.
pub(super) fn totals(plan: &Plan, tokens: &BTreeMap<Address, Token>) -> Vec<Value> {
    let total = |total: &Total| {
        json!({
            "token": shown_token(total.token),
            "symbol": tokens.get(&total.token).and_then(|token| token.symbol.as_deref()),
            "decimals": total.decimals,
            "count": total.count,
            "amount": total.amount.to_string(),
        })
    };
    plan.totals.iter().map(total).collect()
}

fn document(
    plan: &Plan,
    tokens: &BTreeMap<Address, Token>,
    path: &Path,
    dangers: &[Danger],
    remarks: &[String],
    short: &[String],
) -> Value {
    let batch = |batch: &Batch| {
        json!({
            "number": batch.number,
            "lane": plan.lane(batch.number).to_string(),
            "token": shown_token(batch.token),
            "count": plan.live(batch).len(),
            "total": batch.total.to_string(),
        })
    };
    json!({
        "plan": path.display().to_string(),
        "planHash": plan.hash,
        "run": plan.run,
        "chainId": plan.chain_id,
        "wallet": plan.wallet.to_checksum(None),
        "maxLines": plan.max_lines,
        "count": plan.count(),
        "totals": totals(plan, tokens),
        "batches": plan.batches.iter().map(batch).collect::<Vec<_>>(),
        "dangers": dangers,
        "remarks": remarks,
        "short": short,
    })
}
