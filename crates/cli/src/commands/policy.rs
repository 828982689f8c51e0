//! `quorate policy`, `veto` and `freeze`.

mod stop;
mod tell;

pub(crate) use stop::{freeze, veto};

use crate::{
    arguments::{ChainOptions, PolicyCommand, PolicyExplain, PolicyInit, PolicyShow},
    chain_access::{self, Named},
    clock,
    failure::Cause,
    files,
    output::{Output, Sheet},
};
use alloy::primitives::{Address, U256};
use eyre::{Result, WrapErr as _};
use quorate_bindings::{
    canonical,
    contracts::{ITreasuryPolicy::ITreasuryPolicyErrors as Errors, IWallet::IWalletErrors},
};
use quorate_chain::{Chain, Revert, SimulateError, WalletState, revert};
use quorate_core::{Config, config::MAX_POLICY_DATA};
use quorate_treasury::{
    Rules, RulesFile,
    rules::{RulesFileError, file::Span, power::explain},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// Gas of a veto, and of a vote for a freeze that takes effect: what an owner should be able to pay for ten times, and once.
const VETO_GAS: u64 = 75_000;
const FREEZE_GAS: u64 = 150_000;
const VETOES: u64 = 10;

pub(crate) async fn run(command: PolicyCommand, output: Output) -> Result<()> {
    match command {
        PolicyCommand::Init(init) => self::init(init, output).await,
        PolicyCommand::Show(show) => self::show(show, output).await,
        PolicyCommand::Explain(explain) => self::explain_rules(explain, output).await,
    }
}

/// The rules of a wallet that is a treasury.
pub(super) fn require_treasury(config: &Config) -> Result<Rules> {
    let file = RulesFile::of(config, BTreeMap::new());
    file.map(|file| file.rules).map_err(|error| Cause::BadInput.error(error.to_string()))
}

/// Why a treasury's action cannot be executed yet, where it can be later.
pub(super) enum NotYet {
    /// It does not wait yet, or a freeze voided that.
    NotQueued(String),
    /// It waits, or everything does.
    Waits(String),
}

impl NotYet {
    pub(super) fn into_error(self) -> eyre::Report {
        let (Self::NotQueued(why) | Self::Waits(why)) = self;
        Cause::NotYet.error(why)
    }
}

/// Why a treasury's action cannot be executed yet, where it can be later.
pub(super) fn not_yet(error: &SimulateError, now: u64) -> Option<NotYet> {
    let SimulateError::Reverted(Revert::Wallet(IWalletErrors::PolicyRefused(refused))) = error
    else {
        return None;
    };
    let Revert::Treasury(reason) = revert::decode(&refused.reason) else { return None };
    Some(match reason {
        Errors::DelayNotOver(told) => {
            NotYet::Waits(format!("it waits until {}", clock::words(told.eta.saturating_to(), now)))
        }
        Errors::NotQueued(told) => NotYet::NotQueued(format!(
            "it does not wait yet, or a freeze voided that: let owners sign what `quorate propose queue {}` makes, and submit \
             that first",
            told.digest
        )),
        Errors::WalletFrozen(told) => NotYet::Waits(format!(
            "the wallet is frozen until {}",
            clock::words(told.until.saturating_to(), now)
        )),
        _ => return None,
    })
}

fn read(path: &Path) -> Result<RulesFile> {
    let bytes = files::read(path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Cause::BadInput.error(format!("{}: not UTF-8", path.display())))?;
    RulesFile::parse(&text).map_err(|error: RulesFileError| {
        Cause::BadInput.error(format!("{}: {error}", path.display()))
    })
}

async fn init(arguments: PolicyInit, output: Output) -> Result<()> {
    let file = read(&arguments.file)?;
    let config = file.config().map_err(|error| Cause::BadInput.error(error.to_string()))?;
    let chain = match &arguments.wallet {
        None => chain_access::try_connect(&arguments.chain, output).await?,
        Some(_) => Some(chain_access::connect(&arguments.chain, output).await?),
    };
    let mut sheet = Sheet::default();
    sheet.title("Rules of a treasury");
    tell::rules(&mut sheet, &file);
    let room = (MAX_POLICY_DATA - config.policy_data().len()) / 20;
    sheet.row("payees", &format!("{}, and room for {room} more", file.rules.payees.len()));
    sheet.row("policy", &canonical::TREASURY_POLICY.address.to_checksum(None));
    sheet.row("policy data", &config.policy_data().to_string());
    let mut json = json!({
        "threshold": file.threshold,
        "owners": config.owners().iter().map(|owner| owner.to_checksum(None)).collect::<Vec<_>>(),
        "policy": canonical::TREASURY_POLICY.address.to_checksum(None),
        "policyData": config.policy_data(),
        "rules": tell::rules_json(&file),
    });
    if let Some(chain) = &chain {
        if !chain.has_canonical(&canonical::TREASURY_POLICY).await? {
            output.warn(&format!(
                "the policy {} is not on chain {}: no wallet can have these rules there yet",
                canonical::TREASURY_POLICY.address,
                chain.id()
            ));
        }
        json["owners"] = owners(chain, &file, &mut sheet, output).await?;
        if let Some(wallet) = &arguments.wallet {
            let named = Named::read(wallet)?;
            json["spent"] = spent(chain, named.address, &file, &mut sheet, output).await?;
        }
    }
    output.say(&sheet.finish());
    let owners: Vec<_> = config
        .owners()
        .iter()
        .map(|owner| format!("--owner {}", owner.to_checksum(None)))
        .collect();
    output.say(&format!(
        "\nquorate wallet create {} --threshold {} --policy {} --policy-data {}",
        owners.join(" "),
        file.threshold,
        canonical::TREASURY_POLICY.address.to_checksum(None),
        config.policy_data()
    ));
    output.result(&json);
    Ok(())
}

async fn show(arguments: PolicyShow, output: Output) -> Result<()> {
    let (chain, state, file) = of_wallet(&arguments.wallet, &arguments.chain, output).await?;
    if let Some(out) = &arguments.out {
        files::create(out, &file.to_toml())?;
    }
    let frozen = chain.frozen(state.address).await?;
    let mut sheet = Sheet::default();
    sheet.title(&format!("Treasury {}", state.address.to_checksum(None)));
    tell::rules(&mut sheet, &file);
    let counts = spent(&chain, state.address, &file, &mut sheet, output).await?;
    sheet.row("frozen", &tell::frozen(frozen, &file, output.now));
    let owners = owners(&chain, &file, &mut sheet, output).await?;
    output.say(&sheet.finish());
    output.say(&format!("\n{}", file.to_toml()));
    output.result(&json!({
        "wallet": state.address.to_checksum(None),
        "chainId": chain.id(),
        "epoch": state.epoch,
        "threshold": file.threshold,
        "rules": tell::rules_json(&file),
        "toml": file.to_toml(),
        "spent": counts,
        "frozenUntil": frozen.until,
        "freezeVotes": frozen.votes,
        "owners": owners,
        "file": arguments.out.map(|out| out.display().to_string()),
    }));
    Ok(())
}

async fn explain_rules(arguments: PolicyExplain, output: Output) -> Result<()> {
    let path = Path::new(&arguments.rules);
    let is_rules = path.extension().is_some_and(|extension| extension == "toml");
    let file = if is_rules {
        read(path)?
    } else {
        of_wallet(&arguments.rules, &arguments.chain, output).await?.2
    };
    let mut sheet = Sheet::default();
    let sections = explain(&file);
    for section in &sections {
        sheet.title(section.title);
        section.lines.iter().for_each(|line| sheet.paragraph("-", line));
    }
    output.say(&sheet.finish());
    let sections = sections.iter().map(|it| json!({ "title": it.title, "lines": it.lines }));
    output.result(&json!({
        "sections": sections.collect::<Vec<_>>(),
        "powers": tell::powers(&file),
    }));
    Ok(())
}

/// A treasury on a chain, and its rules with the decimals of its tokens.
async fn of_wallet(
    wallet: &str,
    options: &ChainOptions,
    output: Output,
) -> Result<(Chain, WalletState, RulesFile)> {
    let named = Named::read(wallet)?;
    let chain = chain_access::connect(options, output).await?;
    let state = output.during("reading the wallet", named.usable_state(&chain)).await?;
    let config = state.config.as_ref();
    let config = config.ok_or_else(|| Cause::Mismatch.error("the wallet has no owners"))?;
    let mut file = RulesFile::of(config, BTreeMap::new())
        .map_err(|error| Cause::BadInput.error(error.to_string()))?;
    for limit in &file.rules.limits {
        if limit.token.is_zero() {
            continue;
        }
        let token = chain.token(limit.token).await.wrap_err("the token of a limit")?;
        if let Some(decimals) = token.decimals {
            file.decimals.insert(limit.token, decimals);
        }
    }
    Ok((chain, state, file))
}

/// What counts against each limit.
async fn spent(
    chain: &Chain,
    wallet: Address,
    file: &RulesFile,
    sheet: &mut Sheet,
    output: Output,
) -> Result<Value> {
    let mut all = Vec::new();
    for limit in &file.rules.limits {
        let spent = chain.spent(wallet, limit.token).await?;
        sheet.row("spent", &tell::spent(file, limit, spent, output.now));
        if spent.amount > U256::from(limit.amount)
            || spent.window_end > output.now.saturating_add(limit.period_secs.into())
        {
            output.warn(&format!(
                "what counts as spent of {} goes beyond its limit or its period: until {} fewer than admin signers pay less, or nothing",
                tell::token(limit.token),
                clock::words(spent.window_end, output.now)
            ));
        }
        all.push(json!({
            "token": limit.token.to_checksum(None),
            "amount": spent.amount.to_string(),
            "windowEnd": spent.window_end,
        }));
    }
    Ok(json!(all))
}

/// What each owner has for vetoes.
/// What an owner should have: ten vetoes and a freeze at today's fee, in wei.
pub(super) async fn veto_cost(chain: &Chain) -> Result<U256> {
    let fee = U256::from(chain.fees().await?.max_fee_per_gas);
    Ok(fee * U256::from(VETOES * VETO_GAS + FREEZE_GAS))
}

async fn owners(
    chain: &Chain,
    file: &RulesFile,
    sheet: &mut Sheet,
    output: Output,
) -> Result<Value> {
    let needed = veto_cost(chain).await?;
    let mut all = Vec::new();
    let mut ready = 0_usize;
    for &owner in &file.owners {
        let balance = chain.balance(owner).await?;
        let has_code = chain.token(owner).await?.has_code;
        let is_ready = balance >= needed || has_code;
        ready += usize::from(is_ready);
        sheet.row("owner", &tell::owner(owner, balance, needed, has_code));
        all.push(json!({
            "address": owner.to_checksum(None),
            "balance": balance.to_string(),
            "hasCode": has_code,
            "ready": is_ready,
        }));
    }
    let veto = usize::from(file.rules.veto);
    if veto != 0 && ready < veto {
        output.warn(&format!(
            "only {ready} of the {veto} owners whom a veto takes have ether for {VETOES} vetoes and a freeze at today's fee: send each {}",
            tell::ether(needed)
        ));
    }
    let delay = file.rules.delay_secs;
    if all.iter().any(|owner| owner["hasCode"] == true) && delay != 0 {
        output.warn(&format!(
            "an owner is a contract: its own signers have to veto within {}",
            Span(delay)
        ));
    }
    Ok(json!(all))
}
