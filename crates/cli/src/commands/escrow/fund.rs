//! `quorate escrow fund`.

use super::scene::{Scene, Word, listed};
use crate::{
    arguments::EscrowFund,
    clock,
    failure::Cause,
    key::Key,
    output::Output,
    transaction::{self, Call},
};
use alloy::{
    primitives::{Address, Bytes, U256},
    sol,
    sol_types::SolCall as _,
};
use eyre::Result;
use quorate_core::amount::{self, ETHER_DECIMALS};
use quorate_treasury::escrow::Role;
use serde_json::json;

sol! {
    function transfer(address to, uint256 amount) external returns (bool);
}

pub(super) async fn run(arguments: EscrowFund, output: Output) -> Result<()> {
    let send = &arguments.send;
    let scene = Scene::read(&arguments.file, &arguments.access, &send.chain, output).await?;
    scene.chain()?;
    check(&scene)?;
    let seen = scene.chain()?;
    let missing = scene.file.amount().saturating_sub(seen.held);
    let amount = match &arguments.amount {
        Some(text) => parse(&scene, text)?,
        None => missing,
    };
    if amount.is_zero() {
        output.say(&format!("nothing is missing: {} there", scene.amount(seen.held)));
        report(&scene, seen.held, None, output);
        return Ok(());
    }
    if !Key::is_named(&send.key) {
        output.say(&format!(
            "{} is there, {} is missing: name a key to pay it, or send it to {}",
            scene.amount(seen.held),
            scene.amount(missing),
            scene.file.wallet().to_checksum(None)
        ));
        report(&scene, seen.held, None, output);
        return Err(Cause::NotYet.error(format!("{} is missing", scene.amount(missing))));
    }
    let key = Key::open(&send.key, output).await?;
    check_there(&scene, key.address(), amount).await?;
    check_arrives(&scene, key.address(), amount, output).await?;
    let question = format!("Pay {} into the escrow?", scene.amount_in_full(amount));
    if output.is_interactive() && !output.confirm(&question) {
        return Err(Cause::DangerNotAccepted.error("not paid"));
    }
    let mined = pay(&scene, &key, amount, send.timeout, output).await?;
    let held = held(&scene).await?;
    let arrived = held.saturating_sub(seen.held);
    output.say(&format!(
        "{} arrived in transaction {}\n{} is there now",
        scene.amount(arrived),
        mined.tx_hash,
        scene.amount(held)
    ));
    report(&scene, held, Some((arrived, mined.tx_hash)), output);
    if arrived < amount {
        return Err(Cause::Mismatch.error(format!(
            "{} was sent, and {} arrived: the token keeps a part of what is sent",
            scene.amount(amount),
            scene.amount(arrived)
        )));
    }
    Ok(())
}

/// Refuses to pay where the agreement does not hold, or nobody could get it out again.
fn check(scene: &Scene) -> Result<()> {
    if let Some(epoch) = scene.ended() {
        return Err(Cause::BadInput.error(format!(
            "these terms ended: the wallet was reconfigured and is in epoch {epoch}"
        )));
    }
    let (expiry, now) = (scene.agreement().terms.expiry, scene.now);
    if expiry <= now {
        let expiry = clock::words(expiry, now);
        let beneficiary = scene.agreement().terms.beneficiary;
        return Err(Cause::BadInput.error(format!(
            "the expiry was {expiry}: the {beneficiary} could take the money at once"
        )));
    }
    let of = |wanted: fn(&Word) -> bool| -> Vec<Role> {
        Role::ALL.into_iter().filter(|&role| wanted(scene.word(role))).collect()
    };
    let missing = of(|word| matches!(word, Word::Missing | Word::Unchecked { .. }));
    if !missing.is_empty() {
        let who = listed(&missing, "and");
        return Err(Cause::NotYet.error(format!(
            "not accepted yet by {who}: do not pay before all three have accepted"
        )));
    }
    let refused = of(|word| matches!(word, Word::Refused));
    if !refused.is_empty() {
        let who = listed(&refused, "and");
        return Err(Cause::NotYet.error(format!(
            "the contract of {who} does not stand by the acceptance in the file: have it accept again"
        )));
    }
    for role in Role::ALL {
        if let Word::Expired { deadline } = scene.word(role) {
            let deadline = clock::words(*deadline, now);
            return Err(Cause::NotYet.error(format!(
                "the acceptance of the {role} was to be funded until {deadline}: have it accept again"
            )));
        }
    }
    let seen = scene.chain()?;
    if !seen.state.deployed {
        let wallet = scene.file.wallet().to_checksum(None);
        return Err(Cause::NotYet.error(format!(
            "the escrow {wallet} is not on the chain yet: run `quorate wallet deploy` with this file first"
        )));
    }
    Ok(())
}

fn parse(scene: &Scene, text: &str) -> Result<U256> {
    let seen = scene.chain()?;
    let decimals = match &seen.token {
        None => Some(ETHER_DECIMALS),
        Some(token) => token.decimals,
    };
    let decimals = decimals.ok_or_else(|| {
        Cause::BadInput.error(
            "the token does not tell its decimals: leave --amount out, and what is missing is paid",
        )
    })?;
    amount::parse(text, decimals)
        .map_err(|error| Cause::BadInput.error(format!("--amount: {error}")))
}

/// What is to be paid has to be there.
async fn check_there(scene: &Scene, from: Address, amount: U256) -> Result<()> {
    let seen = scene.chain()?;
    let token = scene.file.token();
    let has = if token.is_zero() {
        seen.chain.balance(from).await?
    } else {
        seen.chain.token_balance(token, from).await?.unwrap_or_default()
    };
    if has < amount {
        let from = from.to_checksum(None);
        return Err(Cause::BadInput.error(format!(
            "{from} has {}, and {} is to be paid: that amount is not there",
            scene.amount(has),
            scene.amount_in_full(amount)
        )));
    }
    Ok(())
}

/// A token that keeps a part of what is sent is found before anything is sent.
async fn check_arrives(scene: &Scene, from: Address, amount: U256, output: Output) -> Result<()> {
    let (seen, token, to) = (scene.chain()?, scene.file.token(), scene.file.wallet());
    if token.is_zero() {
        return Ok(());
    }
    match seen.chain.would_arrive(token, from, to, amount).await? {
        Some(arrives) if arrives < amount => Err(Cause::BadInput.error(format!(
            "the token takes a fee: of {} only {} would arrive; an escrow of such a token is never what was agreed",
            scene.amount_in_full(amount),
            scene.amount(arrives)
        ))),
        Some(_) => Ok(()),
        None => {
            output.warn("whether the token keeps a part of what is sent was not checked: the endpoint does not simulate");
            Ok(())
        }
    }
}

async fn pay(
    scene: &Scene,
    key: &Key,
    amount: U256,
    timeout: u64,
    output: Output,
) -> Result<transaction::Mined> {
    let (chain, token, wallet) = (&scene.chain()?.chain, scene.file.token(), scene.file.wallet());
    let call = if token.is_zero() {
        let data = Bytes::new();
        let gas = chain.estimate_value(key.address(), wallet, amount).await;
        let gas = transaction::gas_for(chain, key.address(), (wallet, &data), gas).await?;
        Call { to: wallet, value: amount, data, gas }
    } else {
        let data: Bytes = transferCall { to: wallet, amount }.abi_encode().into();
        let gas = chain.estimate(key.address(), token, data.clone()).await;
        let gas = transaction::gas_for(chain, key.address(), (token, &data), gas).await?;
        Call::new(token, data, gas)
    };
    transaction::send(chain, key, call, timeout, output).await
}

async fn held(scene: &Scene) -> Result<U256> {
    let (chain, token, wallet) = (&scene.chain()?.chain, scene.file.token(), scene.file.wallet());
    if token.is_zero() {
        return Ok(chain.balance(wallet).await?);
    }
    Ok(chain.token_balance(token, wallet).await?.unwrap_or_default())
}

fn report(
    scene: &Scene,
    held: U256,
    paid: Option<(U256, alloy::primitives::B256)>,
    output: Output,
) {
    let amount = scene.file.amount();
    output.result(&json!({
        "wallet": scene.file.wallet().to_checksum(None),
        "token": scene.file.token().to_checksum(None),
        "amount": amount.to_string(),
        "held": held.to_string(),
        "missing": amount.saturating_sub(held).to_string(),
        "funded": held >= amount,
        "arrived": paid.map(|(arrived, _)| arrived.to_string()),
        "txHash": paid.map(|(_, tx_hash)| tx_hash),
    }));
}
