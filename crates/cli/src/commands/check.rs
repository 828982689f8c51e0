//! `quorate check`.

use super::{book::drift, policy};
use crate::{
    arguments::Check,
    book_access,
    chain_access::{self, Named},
    failure::Cause,
    files,
    output::{Output, Sheet},
    review::{exact_text_in_full, token_name_in_full},
};
use alloy::primitives::{Address, U256};
use eyre::Result;
use quorate_bindings::canonical;
use quorate_chain::{Chain, Provenance, WalletState};
use quorate_core::Config;
use quorate_treasury::{
    Book,
    controls::{self, Booked, Control, Head, Owner, OwnerKind, Policy, SOURCES, Seen, State},
};
use serde_json::json;
use std::collections::BTreeMap;

/// From this on an allowance has no limit to speak of.
const UNLIMITED_BITS: usize = 96;

pub(crate) async fn run(arguments: Check, output: Output) -> Result<()> {
    let Check { wallet, html, from_block, book, chain } = arguments;
    let book = book_access::read(&book)?;
    let named = Named::read(&wallet)?;
    let chain = chain_access::connect(&chain, output).await?;
    let state = output.during("reading the wallet", named.usable_state(&chain)).await?;
    let seen = look(&chain, &state, &book, from_block);
    let seen = output.during("reading owners and allowances", seen).await?;
    let head = chain.head().await?;
    let controls = controls::controls(&seen);
    if let Some(path) = &html {
        let read_at = time(head.timestamp);
        let head = Head {
            wallet: state.address,
            chain_id: chain.id(),
            read_at: &read_at,
            block: head.number,
        };
        files::replace(path, &controls::html(&controls, head))?;
    }
    tell(&controls, &state, output);
    if let Some(path) = &html {
        output.say(&format!("\n{} written", path.display()));
    }
    output.result(&json!({
        "wallet": state.address.to_checksum(None),
        "chainId": chain.id(),
        "block": head.number,
        "sources": SOURCES.map(|(name, text)| json!({ "name": name, "text": text })),
        "controls": controls.iter().map(document).collect::<Vec<_>>(),
        "counts": State::ALL.map(|state| (state.word(), count(&controls, state)))
            .into_iter().collect::<BTreeMap<_, _>>(),
        "html": html.map(|path| path.display().to_string()),
    }));
    Ok(())
}

fn document(control: &Control) -> serde_json::Value {
    json!({
        "id": control.id,
        "sources": control.sources,
        "asks": control.asks,
        "state": control.state.word(),
        "seen": control.seen,
        "advice": control.advice,
    })
}

fn count(controls: &[Control], state: State) -> usize {
    controls.iter().filter(|control| control.state == state).count()
}

fn tell(controls: &[Control], state: &WalletState, output: Output) {
    let mut sheet = Sheet::default();
    sheet.title(&format!("Controls of {}", state.address.to_checksum(None)));
    for (name, text) in SOURCES {
        sheet.row(name, text);
    }
    for state in State::ALL {
        sheet.title(&format!("{} ({})", state.title(), count(controls, state)));
        for control in controls.iter().filter(|control| control.state == state) {
            let line = match state {
                State::Met => format!("{}: {} ({})", control.asks, control.seen, control.sources),
                State::NotMet => format!(
                    "{}: {} ({}); to do: {}",
                    control.asks, control.seen, control.sources, control.advice
                ),
                State::Unseen => {
                    format!("{} ({}); to do: {}", control.asks, control.sources, control.advice)
                }
            };
            sheet.paragraph("-", &line);
        }
    }
    output.say(&sheet.finish());
}

async fn look(chain: &Chain, state: &WalletState, book: &Book, from_block: u64) -> Result<Seen> {
    let config = state.config.as_ref();
    let config = config.ok_or_else(|| Cause::Mismatch.error("the wallet has no owners"))?;
    let policy = policy_of(config);
    let has_veto = matches!(&policy, Policy::Treasury(rules) if rules.veto > 0);
    let veto_cost = if has_veto { Some(policy::veto_cost(chain).await?) } else { None };
    let mut owners = Vec::new();
    for &address in config.owners() {
        owners.push(owner(chain, address).await?);
    }
    Ok(Seen {
        is_of_factory: state.provenance == Provenance::Factory,
        threshold: config.threshold(),
        owners,
        policy,
        allowances: allowances(chain, state.address, from_block).await?,
        booked: booked(book, chain.id(), state),
        veto_cost,
    })
}

fn policy_of(config: &Config) -> Policy {
    match config.policy() {
        None => Policy::None,
        Some(address) if address == canonical::ESCROW_POLICY.address => Policy::Escrow,
        Some(address) => match policy::require_treasury(config) {
            Ok(rules) => Policy::Treasury(rules),
            Err(_) => Policy::Unknown(address),
        },
    }
}

async fn owner(chain: &Chain, address: Address) -> Result<Owner> {
    let kind = if !chain.has_code(address).await? {
        OwnerKind::Key
    } else if chain.delegates(address).await? {
        OwnerKind::Delegated
    } else {
        OwnerKind::Contract
    };
    let transactions = match kind {
        OwnerKind::Contract => 0,
        OwnerKind::Key | OwnerKind::Delegated => chain.account_nonce(address, false).await?,
    };
    Ok(Owner { address, kind, transactions, balance: chain.balance(address).await? })
}

/// In words, and whether each is without a limit.
async fn allowances(
    chain: &Chain,
    wallet: Address,
    from_block: u64,
) -> Result<Option<Vec<(String, bool)>>> {
    let Some(found) = chain.allowances(wallet, from_block).await? else { return Ok(None) };
    let mut told = Vec::new();
    for allowance in found {
        let token = chain.token(allowance.token).await?;
        let spender = allowance.spender.to_checksum(None);
        let is_without_limit = allowance.amount.as_ref().is_none_or(is_unlimited);
        let what = match allowance.amount {
            None => format!("everything of {}", token_name_in_full(&token)),
            Some(_) if is_without_limit => {
                format!("{} without a limit", token_name_in_full(&token))
            }
            Some(amount) => exact_text_in_full(amount, Some(&token)),
        };
        told.push((format!("{spender} may take {what}"), is_without_limit));
    }
    Ok(Some(told))
}

const fn is_unlimited(amount: &U256) -> bool {
    amount.bit_len() >= UNLIMITED_BITS
}

fn booked(book: &Book, chain_id: u64, state: &WalletState) -> Booked {
    let known = book
        .wallets
        .iter()
        .find(|known| (known.chain_id, known.address) == (chain_id, state.address));
    let Some(known) = known else { return Booked::Unknown };
    match drift(known, state) {
        differences if differences.is_empty() => Booked::Same,
        differences => Booked::Differs(differences),
    }
}

fn time(secs: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(secs).unwrap_or(i64::MAX));
    time.map_or_else(|_| format!("{secs} Unix seconds"), |time| time.to_string())
}
