//! `quorate wallet`.

mod factory;
mod register;

pub(crate) use register::register;

use crate::{
    arguments::{Make, WalletDeploy, WalletShow},
    chain_access::{self, Named, all_on_chain, on_chain},
    escrow,
    failure::Cause,
    files,
    key::Key,
    output::{Output, Sheet},
    review::{alike, exact_text, exact_text_in_full, token_name_in_full},
    transaction::{self, Call},
};
use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall as _,
};
use eyre::{Result, WrapErr as _};
use quorate_bindings::{canonical, contracts::IWalletFactory};
use quorate_chain::{Provenance, Token};
use quorate_core::{Config, Lane, WalletFile, address::Written};
use quorate_treasury::EscrowTerms;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

const KEEP: &str =
    "Keep this file: until the wallet is deployed, it is the only way to money at its address.";

pub(crate) async fn create(make: Make, output: Output) -> Result<()> {
    let salt = make.salt.unwrap_or_else(B256::random);
    let file = wallet_file(&make, salt, output).await?;
    let named = || PathBuf::from(format!("wallet-{}.json", file.address().to_checksum(None)));
    let path = make.out.clone().unwrap_or_else(named);
    files::create(&path, &file.to_json())?;
    report(&file, Some(&path), output);
    Ok(())
}

pub(crate) async fn predict(make: Make, output: Output) -> Result<()> {
    let Some(salt) = make.salt else {
        return Err(Cause::Usage
            .error("no salt: give --salt with 32 bytes, or let `wallet create` choose one"));
    };
    let file = wallet_file(&make, salt, output).await?;
    if let Some(path) = &make.out {
        files::create(path, &file.to_json())?;
    }
    report(&file, make.out.as_deref(), output);
    Ok(())
}

async fn wallet_file(make: &Make, salt: B256, output: Output) -> Result<WalletFile> {
    let mut chain_ids: BTreeSet<_> = make.chain_ids.iter().copied().collect();
    if chain_ids.is_empty() {
        let chain = chain_access::try_connect(&make.chain, output).await;
        let chain = chain.wrap_err("--chain-id does without the endpoint")?;
        chain_ids.insert(chain.map_or(1, |chain| chain.id()));
    }
    for &id in &chain_ids {
        chain_access::check_chain(id)?;
    }
    let policy = make.policy.as_ref().map(|policy| on_all("--policy", policy, &chain_ids));
    let policy = policy.transpose()?.unwrap_or_default();
    let owners = make.owners.iter().map(|owner| on_all("--owner", owner, &chain_ids));
    let owners = owners.collect::<Result<_>>()?;
    let config = Config::new(make.threshold, owners, policy, make.policy_data.clone())
        .map_err(|error| Cause::BadInput.error(error.to_string()))?;
    escrow::check_new(&config)?;
    Ok(WalletFile::new(config, salt, chain_ids)?)
}

/// An address that has to be of all these chains.
fn on_all(option: &str, written: &Written, chain_ids: &BTreeSet<u64>) -> Result<Address> {
    for &id in chain_ids {
        on_chain(option, written, id)?;
    }
    Ok(written.anywhere())
}

fn report(file: &WalletFile, path: Option<&Path>, output: Output) {
    let mut sheet = Sheet::default();
    sheet.title(&format!("Wallet {}", file.address().to_checksum(None)));
    let ids: Vec<_> = file.chain_ids().iter().map(u64::to_string).collect();
    sheet.row("chains", &ids.join(", "));
    configuration(&mut sheet, file.config(), output.now);
    sheet.row("salt", &file.salt().to_string());
    if let Some(path) = path {
        sheet.row("file", &path.display().to_string());
    }
    output.say(&sheet.finish());
    if path.is_some() {
        output.say(&format!("\n{KEEP}"));
    } else {
        output.say(
            "\nKeep owners, threshold and salt (--out writes them into a file): until the wallet is deployed, they are the only way to money at its address.",
        );
    }
    output.result(&json!({
        "address": file.address().to_checksum(None),
        "config": file.config(),
        "salt": file.salt(),
        "chainIds": file.chain_ids(),
        "file": path.map(|path| path.display().to_string()),
    }));
}

fn configuration(sheet: &mut Sheet, config: &Config, now: u64) {
    sheet.row("threshold", &format!("{} of {}", config.threshold(), config.owners().len()));
    for (place, owner) in config.owners().iter().enumerate() {
        let label = if place == 0 { "owners" } else { "" };
        sheet.row(label, &format!("{:>3}  {}", place + 1, owner.to_checksum(None)));
    }
    let policy = config.policy().map_or("none".to_owned(), |policy| policy.to_checksum(None));
    sheet.row("policy", &policy);
    escrow::lines(config, now).iter().for_each(|line| sheet.more(line));
    if !config.policy_data().is_empty() {
        sheet.row("policy data", &config.policy_data().to_string());
    }
}

pub(crate) async fn deploy(arguments: WalletDeploy, output: Output) -> Result<()> {
    let file = files::read_wallet(&arguments.file)?;
    let chain = chain_access::connect(&arguments.send.chain, output).await?;
    let named = Named::from_file(&file);
    let address = file.address().to_checksum(None);
    let done = |already: bool, tx_hash: Option<B256>| {
        let id = chain.id();
        output.say(&match tx_hash {
            None => format!("wallet {address} is on chain {id} already"),
            Some(tx_hash) => format!("wallet {address} is on chain {id}\nin transaction {tx_hash}"),
        });
        output.result(&json!({
            "address": address, "chainId": id, "already": already, "txHash": tx_hash,
        }));
    };
    match named.state(&chain).await?.provenance {
        Provenance::NotDeployed => {}
        Provenance::Factory => {
            done(true, None);
            return Ok(());
        }
        Provenance::CodeOnly | Provenance::Foreign => {
            return Err(
                Cause::Mismatch.error(format!("{address} has code that is not the wallet's"))
            );
        }
    }
    if let Some(terms) = escrow::terms_of(file.config()).filter(EscrowTerms::has_worthless_disputes)
    {
        output.warn(&format!("in this escrow {}", escrow::worthless(&terms)));
    }
    let key = Key::open(&arguments.send.key, output).await?;
    let timeout = arguments.send.timeout;
    if !chain.has_canonical(&canonical::WALLET_FACTORY).await? {
        factory::deploy(&chain, &key, &arguments, output).await?;
    }
    let create = IWalletFactory::createCall { config: file.config().into(), salt: file.salt() };
    let to = canonical::WALLET_FACTORY.address;
    let data: alloy::primitives::Bytes = create.abi_encode().into();
    let estimated = chain.estimate(key.address(), to, data.clone()).await;
    let gas = transaction::gas_for(&chain, key.address(), (to, &data), estimated).await?;
    let mined = transaction::send(&chain, &key, Call::new(to, data, gas), timeout, output).await?;
    if named.state(&chain).await?.provenance != Provenance::Factory {
        let tx_hash = mined.tx_hash;
        return Err(Cause::Mismatch.error(format!(
            "transaction {tx_hash} went through, but there is no wallet at {address}"
        )));
    }
    done(false, Some(mined.tx_hash));
    Ok(())
}

pub(crate) async fn show(arguments: WalletShow, output: Output) -> Result<()> {
    let named = Named::read(&arguments.wallet)?;
    let chain = chain_access::connect(&arguments.chain, output).await?;
    let state = output.during("reading the chain", named.state(&chain)).await?;
    let balance = chain.balance(state.address).await?;
    let mut tokens = Vec::new();
    for token in all_on_chain("--token", &arguments.tokens, chain.id())? {
        let balance = chain.token_balance(token, state.address).await?;
        tokens.push((chain.token(token).await?, balance));
    }
    let mut lanes = Vec::new();
    if state.config.is_some() {
        for &lane in [Lane::ZERO].iter().chain(&arguments.lanes) {
            lanes.push(chain.next_nonce(&state, lane).await?);
        }
    }
    let (standing, word) = origin(state.provenance);
    let mut sheet = Sheet::default();
    sheet.title(&format!("Wallet {}", state.address.to_checksum(None)));
    sheet.row("chain", &chain.id().to_string());
    sheet.row("origin", standing);
    if let Some(config) = &state.config {
        configuration(&mut sheet, config, output.now);
        sheet.row("epoch", &state.epoch.to_string());
    }
    for nonce in &lanes {
        sheet.row("lane", &format!("{}, next sequence {}", nonce.lane, nonce.sequence));
    }
    holdings(&mut sheet, balance, &tokens);
    output.say(&sheet.finish());
    let tokens: Vec<_> = tokens
        .iter()
        .map(|(token, balance)| {
            json!({
                "address": token.address.to_checksum(None),
                "symbol": token.symbol,
                "decimals": token.decimals,
                "balance": balance.map(|balance| balance.to_string()),
            })
        })
        .collect();
    let lanes: Vec<_> = lanes
        .iter()
        .map(|nonce| json!({ "lane": nonce.lane.to_string(), "next": nonce.sequence }))
        .collect();
    output.result(&json!({
        "address": state.address.to_checksum(None),
        "chainId": chain.id(),
        "deployed": state.deployed,
        "provenance": word,
        "config": state.config,
        "epoch": state.epoch,
        "lanes": lanes,
        "balance": balance.to_string(),
        "tokens": tokens,
    }));
    if state.provenance == Provenance::Foreign {
        return Err(not_a_wallet(state.address));
    }
    Ok(())
}

/// Where a wallet's code is from, for people and for scripts.
const fn origin(provenance: Provenance) -> (&'static str, &'static str) {
    match provenance {
        Provenance::NotDeployed => ("not deployed on this chain", "notDeployed"),
        Provenance::Factory => ("made by the Quorate factory", "factory"),
        Provenance::CodeOnly => {
            ("has a wallet's code, but nothing shows that the factory made it", "codeOnly")
        }
        Provenance::Foreign => ("NOT a Quorate wallet: other code is there", "foreign"),
    }
}

/// What a wallet has of ether, and of tokens, where they tell.
fn holdings(sheet: &mut Sheet, ether: U256, tokens: &[(Token, Option<U256>)]) {
    sheet.row("balance", &exact_text(ether, None));
    for (token, balance) in tokens {
        sheet.more(&match balance {
            Some(balance) => exact_text_in_full(*balance, Some(token)),
            None => format!("unreadable of {}", token_name_in_full(token)),
        });
    }
    let named: BTreeMap<_, _> =
        tokens.iter().map(|(token, _)| (token.address, token.clone())).collect();
    sheet.dangers(&alike::dangers(&named));
}

fn not_a_wallet(address: Address) -> eyre::Report {
    Cause::Mismatch.error(format!("{} is not a Quorate wallet", address.to_checksum(None)))
}
