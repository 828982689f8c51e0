//! `quorate escrow open`.

use super::{
    render,
    scene::{Scene, token_of},
};
use crate::{
    arguments::{AccessOptions, EscrowOpen},
    chain_access::{self, on_chain},
    clock,
    commands::propose::decimals_of,
    failure::Cause,
    files,
    output::Output,
    review::{Danger, DangerCode},
};
use alloy::primitives::{Address, B256, U256};
use eyre::Result;
use quorate_bindings::canonical;
use quorate_chain::Chain;
use quorate_core::{
    Config,
    address::Written,
    amount::{self, ETHER_DECIMALS},
};
use quorate_treasury::{
    EscrowFile, EscrowTerms,
    escrow::{Role, acceptance::terms_hash, file::Parts, model::BPS},
};
use serde_json::json;
use std::path::PathBuf;

/// Above this an arbiter's fee is a danger, in hundredths of a percent: a tenth.
const HIGH_FEE_BPS: u16 = 1_000;

/// The shortest arbitration that is not asked about again, in seconds: a day.
const SHORT_SECS: u64 = 86_400;

pub(super) async fn run(arguments: EscrowOpen, output: Output) -> Result<()> {
    let chain = chain_access::try_connect(&arguments.chain, output).await?;
    let chain_id = chain_of(&arguments, chain.as_ref())?;
    chain_access::check_chain(chain_id)?;
    let head = match &chain {
        Some(chain) => chain.head().await?.timestamp,
        None => 0,
    };
    let now = output.now.max(head);
    let owners = parties(&arguments, chain_id)?;
    let token = token_of(&arguments.token, chain_id)?;
    let amount = amount_of(&arguments, token, chain.as_ref(), output).await?;
    let token = token.unwrap_or_default();
    if let Some(role) =
        Role::ALL.into_iter().find(|role| owners[usize::from(role.index())] == token)
    {
        return Err(Cause::BadInput.error(format!("the {role} is the token itself")));
    }
    let terms = files::read(&arguments.terms)?;
    if terms.is_empty() {
        let path = arguments.terms.display();
        return Err(Cause::BadInput.error(format!("{path} is empty: there is nothing to accept")));
    }
    let data = EscrowTerms {
        expiry: clock::parse_instant(&arguments.expiry, now, "an expiry")?,
        arbitration_secs: arbitration(&arguments.arbitration)?,
        beneficiary: arguments.timeout_to.into(),
        arbiter_fee_cap_bps: fee_cap(&arguments.fee_cap)?,
        terms_hash: terms_hash(token, amount, &terms),
    };
    check_terms(&data, now)?;
    let policy = canonical::ESCROW_POLICY.address;
    let config = Config::new(1, owners.to_vec(), policy, data.to_policy_data())
        .map_err(|error| Cause::BadInput.error(error.to_string()))?;
    let salt = arguments.salt.unwrap_or_else(B256::random);
    let file =
        EscrowFile::new(Parts { chain_id, config, salt, token, amount, terms: terms.into() })?;
    output.accept(&dangers(&data), &arguments.accept.accept)?;
    let path = arguments.out.clone();
    let path = path.unwrap_or_else(|| {
        PathBuf::from(format!("escrow-{}.json", file.wallet().to_checksum(None)))
    });
    files::create(&path, &file.to_json())?;
    if u64::from(data.arbitration_secs) < SHORT_SECS {
        let length = clock::span(data.arbitration_secs.into());
        output.warn(&format!("after a dispute the arbiter has {length} and no more"));
    }
    let none = AccessOptions { relayer: None, relayer_token_file: None };
    let scene = Scene::read(&path, &none, &arguments.chain, output).await?;
    output.say(&render::sheet(&scene, output.now));
    let path = path.display();
    output.say(&format!(
        "\n{path} written: each of the three accepts it with `quorate escrow accept {path}`.\nKeep this file: until the escrow is deployed, it is the only way to money at its address."
    ));
    output.result(&json!({
        "file": path.to_string(),
        "wallet": scene.file.wallet().to_checksum(None),
        "chainId": chain_id,
        "termsHash": data.terms_hash,
        "escrow": render::json(&scene),
    }));
    Ok(())
}

fn chain_of(arguments: &EscrowOpen, chain: Option<&Chain>) -> Result<u64> {
    match (arguments.chain_id, chain.map(Chain::id)) {
        (Some(named), Some(found)) if named != found => Err(Cause::Mismatch
            .error(format!("--chain-id says {named}, and the endpoint serves chain {found}"))),
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => {
            Err(Cause::Usage.error("no chain: give --rpc-url, or --chain-id to do without one"))
        }
    }
}

fn parties(arguments: &EscrowOpen, chain_id: u64) -> Result<[Address; 3]> {
    let of = |role: Role, written: &Written| on_chain(&format!("--{role}"), written, chain_id);
    let owners = [
        of(Role::Buyer, &arguments.buyer)?,
        of(Role::Seller, &arguments.seller)?,
        of(Role::Arbiter, &arguments.arbiter)?,
    ];
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        if owners[one] == owners[other] {
            let (first, second) = (Role::ALL[one], Role::ALL[other]);
            let account = owners[one].to_checksum(None);
            return Err(Cause::BadInput.error(format!(
                "the {first} and the {second} are both {account}: an escrow is between three different parties"
            )));
        }
    }
    Ok(owners)
}

async fn amount_of(
    arguments: &EscrowOpen,
    token: Option<Address>,
    chain: Option<&Chain>,
    output: Output,
) -> Result<U256> {
    let decimals = match (token, chain) {
        (None, _) => ETHER_DECIMALS,
        (Some(token), Some(chain)) => {
            let told = output.during("reading the token", chain.token(token)).await?;
            let (address, id) = (token.to_checksum(None), chain.id());
            if !told.has_code {
                return Err(Cause::BadInput
                    .error(format!("{address} is no token: there is no code on chain {id}")));
            }
            decimals_of(&address, told.decimals, arguments.decimals, "--decimals NUMBER")?
        }
        (Some(token), None) => arguments.decimals.ok_or_else(|| {
            let token = token.to_checksum(None);
            Cause::Usage.error(format!(
                "nobody tells how many decimals token {token} has: give --rpc-url, or --decimals"
            ))
        })?,
    };
    let amount = amount::parse(&arguments.amount, decimals)
        .map_err(|error| Cause::BadInput.error(format!("--amount: {error}")))?;
    if amount.is_zero() {
        return Err(Cause::BadInput.error("--amount is 0: there is nothing to hold"));
    }
    Ok(amount)
}

/// Days, or a length with its unit.
fn arbitration(text: &str) -> Result<u32> {
    let secs = clock::parse_length(text)?;
    if secs == 0 {
        return Err(Cause::BadInput.error(
            "an arbitration of 0: a dispute would be worth nothing, as the time-out would come at the same moment; give the arbiter days",
        ));
    }
    u32::try_from(secs).map_err(|_| {
        let shown = quorate_core::text::shown(text);
        let most = u32::MAX / 86_400;
        Cause::BadInput.error(format!("an arbitration of {shown} is too long: at most {most} days"))
    })
}

fn fee_cap(text: &str) -> Result<u16> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let bps = amount::parse(number, 2).map_err(|error| {
        Cause::BadInput.error(format!("--fee-cap: {error}; write percent, as 2.5"))
    })?;
    if bps > U256::from(BPS) {
        let shown = quorate_core::text::shown(text);
        return Err(Cause::BadInput.error(format!("--fee-cap: {shown} is above 100 percent")));
    }
    Ok(bps.to())
}

fn check_terms(terms: &EscrowTerms, now: u64) -> Result<()> {
    let expiry = terms.expiry;
    if expiry <= now {
        let past = clock::words(expiry, now);
        return Err(Cause::BadInput.error(format!(
            "the expiry is {past}: give one that is to come, with time to deliver before it"
        )));
    }
    terms.check_new(now).map_err(|_| {
        let last = clock::words(terms.timeout(true), now);
        Cause::BadInput.error(format!(
            "the last time-out would be {last}: at most 100 years ahead, expiry and arbitration together; were these milliseconds?"
        ))
    })
}

fn dangers(terms: &EscrowTerms) -> Vec<Danger> {
    let bps = terms.arbiter_fee_cap_bps;
    if bps <= HIGH_FEE_BPS {
        return Vec::new();
    }
    let (whole, hundredths) = (bps / 100, bps % 100);
    vec![Danger::new(
        DangerCode::ArbiterFee,
        format!(
            "the arbiter may take {whole}.{hundredths:02} % of each payout: together with one party it can take everything, that share for itself and the rest for that party, and the other gets nothing"
        ),
    )]
}
