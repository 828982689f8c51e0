//! Rules of a treasury, for people and for scripts.

use crate::{clock, output::Sheet, review::exact_text};
use alloy::primitives::{Address, U256};
use quorate_chain::treasury::{Frozen, Spent};
use quorate_core::amount::{self, ETHER_DECIMALS};
use quorate_treasury::{
    RulesFile,
    rules::{
        Limit,
        file::Span,
        power::{self, Power, Reach},
    },
};
use serde_json::{Value, json};

pub(super) fn rules(sheet: &mut Sheet, file: &RulesFile) {
    let rules = &file.rules;
    let owners = file.owners.len();
    sheet.row("petty", &format!("{} of {owners}", file.threshold));
    sheet.row("admin", &format!("{} of {owners}", rules.admin));
    sheet.row("override", &format!("{} of {owners}", rules.overriding));
    sheet.row("veto", &rules.veto.to_string());
    sheet.row("delay", &Span(rules.delay_secs).to_string());
    for limit in &rules.limits {
        let amount = file.amount_text(limit);
        sheet.row("limit", &format!("{amount} in {}", Span(limit.period_secs)));
    }
    for payee in &rules.payees {
        sheet.row("payee", &payee.to_checksum(None));
    }
}

pub(super) fn rules_json(file: &RulesFile) -> Value {
    let rules = &file.rules;
    let limit = |limit: &Limit| {
        json!({
            "token": limit.token.to_checksum(None),
            "amount": limit.amount.to_string(),
            "periodSecs": limit.period_secs,
        })
    };
    json!({
        "admin": rules.admin,
        "overriding": rules.overriding,
        "veto": rules.veto,
        "delaySecs": rules.delay_secs,
        "limits": rules.limits.iter().map(limit).collect::<Vec<_>>(),
        "payees": rules.payees.iter().map(|payee| payee.to_checksum(None)).collect::<Vec<_>>(),
    })
}

/// What each number of keys can do.
pub(super) fn powers(file: &RulesFile) -> Value {
    let owners = file.owners.len();
    let one = |power: Power| {
        let reach = match power.reach {
            Reach::Nothing => "nothing",
            Reach::Cancel => "cancel",
            Reach::Petty => "petty",
            Reach::AfterDelay => "afterDelay",
            Reach::AtOnce => "atOnce",
        };
        json!({
            "keys": power.keys,
            "reach": reach,
            "vetoes": power.vetoes,
            "freezes": power.freezes,
            "overrides": power.overrides,
            "signsMessages": power.signs_messages,
        })
    };
    let ask = |keys| one(power::power(&file.rules, file.threshold, owners, keys));
    json!((0..=owners).map(ask).collect::<Vec<_>>())
}

pub(super) fn spent(file: &RulesFile, limit: &Limit, spent: Spent, now: u64) -> String {
    let token = token(limit.token);
    if spent.window_end == 0 {
        return format!("nothing of {token} now");
    }
    let amount = match file.decimals_of(limit.token) {
        Some(decimals) => format!("{} {token}", amount::grouped(spent.amount, decimals)),
        None => format!("{} smallest units of {token}", spent.amount),
    };
    format!("{amount}, counts until {}", clock::words(spent.window_end, now))
}

pub(super) fn frozen(frozen: Frozen, file: &RulesFile, now: u64) -> String {
    let votes = frozen.votes;
    match frozen.until {
        0 if votes == 0 => "no".to_owned(),
        0 => format!("no; {votes} of {} votes for it", file.rules.veto),
        until => format!("until {}; {votes} votes for another freeze", clock::words(until, now)),
    }
}

pub(super) fn owner(owner: Address, balance: U256, needed: U256, has_code: bool) -> String {
    let address = owner.to_checksum(None);
    if has_code {
        return format!("{address}  a contract");
    }
    let has = exact_text(balance, None);
    if balance < needed {
        format!("{address}  {has}: too little for ten vetoes and a freeze, {}", ether(needed))
    } else {
        format!("{address}  {has}")
    }
}

pub(super) fn token(token: Address) -> String {
    if token.is_zero() { "ETH".to_owned() } else { token.to_checksum(None) }
}

pub(super) fn ether(amount: U256) -> String {
    format!("{} ETH", amount::grouped(amount, ETHER_DECIMALS))
}
