//! A proposal for people: everything that is signed, in words and units.

use super::{
    Facts, View,
    calldata::{self, Decoded, as_power},
    view::{BranchView, ETHER, SignatureView, amount_text, exact_text, shown_symbol, token_name},
    words,
};
use crate::{clock, escrow, output::Sheet};
use alloy::primitives::{Address, U256};
use quorate_chain::{Provenance, Token};
use quorate_core::{
    Action, Config, Proposal,
    action::{Call, Transfer, total_of},
    amount,
    signature::Kind,
    text,
};

/// The whole review as text.
pub(crate) fn render(proposal: &Proposal, facts: Option<&Facts>, view: &View, now: u64) -> String {
    let mut sheet = Sheet::default();
    let request = proposal.request();
    sheet.title(&format!("Proposal: {}", headline(&request.action, facts)));
    sheet.row("wallet", &view.wallet);
    sheet.more(&wallet_line(view, facts));
    match &request.action {
        Action::Execute { calls } => {
            for (number, call) in (1..).zip(calls) {
                sheet.row(&format!("call {number}"), &call.to.to_checksum(None));
                call_lines(call, facts).iter().for_each(|line| sheet.more(line));
            }
            if calls.is_empty() {
                sheet.row("calls", "none: only the nonce is used up");
            }
        }
        Action::Payout { token, transfers } => payout(&mut sheet, *token, transfers, facts),
        Action::Reconfigure { config } => configuration(&mut sheet, config, facts, now),
        Action::Cancel {} => sheet.row("effect", "the nonce is used up and nothing else happens"),
    }
    sheet.row("lane", &view.lane);
    sheet.row("sequence", &sequence_line(view));
    sheet.row("epoch", &view.epoch.to_string());
    sheet.row("deadline", &clock::words(view.deadline, now));
    if let Some(note) = &view.note {
        sheet.row("note", &format!("\"{}\"", text::escaped(note)));
        sheet.more("(the proposer's words: nobody signs them)");
    }
    if let Some(status) = view.status {
        let reason = view.reason.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default();
        sheet.row("status", &format!("{status}{reason}"));
    }
    if let Some(execution) = &view.execution {
        let field = |name: &str| execution[name].to_string().replace('"', "");
        sheet.row("executed", &format!("in {} (block {})", field("txHash"), field("blockNumber")));
    }
    signed(&mut sheet, view);
    sheet.row("domain hash", &view.domain_separator.to_string());
    sheet.row("struct hash", &view.struct_hash.to_string());
    sheet.row("digest", &view.digest.to_string());
    sheet.row("words", &view.words);
    sheet.more(words::OF_SIX);
    if let Some(standing) = &view.standing {
        standing.render(&mut sheet, now);
    }
    sheet.dangers(&view.dangers);
    sheet.finish()
}

fn headline(action: &Action, facts: Option<&Facts>) -> String {
    match action {
        Action::Execute { calls } => match calls.len() {
            1 => "one call".to_owned(),
            count => format!("{count} calls"),
        },
        Action::Payout { token, transfers } => {
            let known = facts.and_then(|facts| facts.tokens.get(token));
            let what = match known {
                Some(token) => token_name(token),
                None if token.is_zero() => ETHER.to_owned(),
                None => "a token".to_owned(),
            };
            match transfers.len() {
                1 => format!("a payment in {what}"),
                count => format!("{count} payments in {what}"),
            }
        }
        Action::Reconfigure { .. } => "a new configuration".to_owned(),
        Action::Cancel {} => "a cancellation".to_owned(),
    }
}

fn wallet_line(view: &View, facts: Option<&Facts>) -> String {
    let mut line = format!("on chain {}", view.chain_id);
    if let (Some(threshold), Some(owners)) = (view.threshold, &view.owners) {
        line.push_str(&format!(", {threshold} of {} owners", owners.len()));
    }
    line.push_str(match facts.map(|facts| &facts.state.provenance) {
        None => ", unchecked",
        Some(Provenance::Factory) => ", made by the Quorate factory",
        Some(Provenance::NotDeployed) => ", not deployed yet",
        Some(Provenance::CodeOnly) => ", of unknown origin",
        Some(Provenance::Foreign) => ", NOT a Quorate wallet",
    });
    line
}

fn sequence_line(view: &View) -> String {
    let sequence = view.sequence;
    match view.next_sequence {
        Some(next) if next == sequence => format!("{sequence} (the next of the lane)"),
        Some(next) if next < sequence => {
            format!("{sequence} (the lane is at {next}: others go first)")
        }
        Some(_) => format!("{sequence} (used up)"),
        None => sequence.to_string(),
    }
}

fn call_lines(call: &Call, facts: Option<&Facts>) -> Vec<String> {
    let mut lines = Vec::new();
    if !call.value.is_zero() {
        lines.push(format!("with {}", exact_text(call.value, None)));
    }
    if call.data.is_empty() {
        if call.value.is_zero() {
            lines.push("with nothing".to_owned());
        }
        return lines;
    }
    let Some(decoded) = calldata::decode(call) else {
        lines.push(format!("with {} bytes that are not understood:", call.data.len()));
        lines.push(call.data.to_string());
        return lines;
    };
    lines.push(decoded.name.clone());
    let token = decoded.token(call.to).and_then(|token| facts?.tokens.get(&token));
    for (name, value) in &decoded.arguments {
        let value = match value.as_uint() {
            Some((amount, _)) if name == "amount" => call_amount(amount, &decoded, token),
            _ => calldata::text(value),
        };
        lines.push(format!("  {name}: {value}"));
    }
    lines
}

/// The amount of a call. Only an allowance has no limit: of a transfer the largest number is an amount like others.
fn call_amount(amount: U256, decoded: &Decoded, token: Option<&Token>) -> String {
    let exact = match token {
        Some(token) => exact_text(amount, Some(token)),
        None => as_power(amount).unwrap_or_else(|| amount.to_string()),
    };
    if !decoded.is_unlimited_allowance() {
        return exact;
    }
    match token.filter(|_| amount == U256::MAX) {
        Some(token) => format!("everything, without limit, of {}", token_name(token)),
        None => format!("{exact}: without limit"),
    }
}

fn payout(sheet: &mut Sheet, token: Address, transfers: &[Transfer], facts: Option<&Facts>) {
    let known = facts.and_then(|facts| facts.tokens.get(&token));
    if !token.is_zero() {
        sheet.row("token", &token.to_checksum(None));
        if let Some(known) = known {
            sheet.more(&token_line(known));
        }
    }
    let is_left = |amount| amount == amount::EVERYTHING_LEFT;
    // The token stands above: beside each amount its name would make long lines.
    let bare = |amount: U256| match known.map(|token| token.decimals) {
        None if token.is_zero() => amount_text(amount, None),
        _ if is_left(amount) => amount_text(amount, None),
        Some(Some(decimals)) => amount::grouped(amount, decimals),
        Some(None) | None => format!("{amount} smallest units"),
    };
    let amounts: Vec<_> = transfers.iter().map(|transfer| bare(transfer.amount)).collect();
    let width = amounts.iter().map(String::len).max().unwrap_or_default();
    for (number, (transfer, amount)) in (1..).zip(transfers.iter().zip(&amounts)) {
        let label = if number == 1 { "pays" } else { "" };
        let to = transfer.to.to_checksum(None);
        sheet.row(label, &format!("{number:>3}  {to}  {amount:>width$}"));
    }
    let in_words = |amount| match known {
        None if !token.is_zero() => format!("{amount} smallest units"),
        _ => exact_text(amount, known),
    };
    let total = total_of(transfers).map_or("more than any token can hold".to_owned(), in_words);
    let rest = transfers.iter().any(Transfer::is_everything_left);
    let rest = if rest { ", and everything left at that moment" } else { "" };
    let count = match transfers.len() {
        1 => "1 payment".to_owned(),
        count => format!("{count} payments"),
    };
    sheet.paragraph("total", &format!("{total} in {count}{rest}"));
}

/// What a token says of itself, for where its address stands above.
pub(crate) fn token_line(token: &Token) -> String {
    let decimals = match token.decimals {
        Some(decimals) => format!("{decimals} decimals"),
        None => "decimals unreadable".to_owned(),
    };
    match &token.symbol {
        Some(symbol) => format!("calls itself {}, {decimals}", shown_symbol(symbol)),
        None => format!("without a name, {decimals}"),
    }
}

fn configuration(sheet: &mut Sheet, config: &Config, facts: Option<&Facts>, now: u64) {
    let present = facts.and_then(|facts| facts.state.config.as_ref());
    let was = |text: String, old: Option<String>| match old {
        Some(old) if old != text => format!("{text}   (was {old})"),
        _ => text,
    };
    let threshold = |c: &Config| format!("{} of {}", c.threshold(), c.owners().len());
    let policy =
        |c: &Config| c.policy().map_or("none".to_owned(), |policy| policy.to_checksum(None));
    sheet.row("threshold", &was(threshold(config), present.map(threshold)));
    for (place, owner) in config.owners().iter().enumerate() {
        let is_new = present.is_some_and(|present| present.index_of(*owner).is_none());
        let mark = if is_new { "   NEW" } else { "" };
        let label = if place == 0 { "owners" } else { "" };
        sheet.row(label, &format!("{:>3}  {}{mark}", place + 1, owner.to_checksum(None)));
    }
    let gone = present.into_iter().flat_map(Config::owners);
    for owner in gone.filter(|owner| config.index_of(**owner).is_none()) {
        sheet.row("removed", &format!("     {}", owner.to_checksum(None)));
    }
    sheet.row("policy", &was(policy(config), present.map(policy)));
    escrow::lines(config, now).iter().for_each(|line| sheet.more(line));
    if !config.policy_data().is_empty() {
        sheet.row("policy data", &config.policy_data().to_string());
    }
}

/// Who signed for a wallet that is an owner, and who is missing; below it the wallets that own it.
fn branch_lines(sheet: &mut Sheet, branch: &BranchView, depth: usize) {
    let indent = "  ".repeat(depth - 1);
    let count = branch.signed.len();
    let needed = match branch.threshold {
        Some(threshold) => format!("{count} of {threshold} needed"),
        None => "no Quorate wallet".to_owned(),
    };
    sheet.row(if depth == 1 { "for" } else { "" }, &format!("{indent}{}  {needed}", branch.wallet));
    for owner in &branch.signed {
        sheet.more(&format!("{indent}  {owner}  signed"));
    }
    for rejected in &branch.rejected {
        let (owner, why) = (&rejected["owner"], &rejected["why"]);
        let (owner, why) = (owner.as_str().unwrap_or_default(), why.as_str().unwrap_or_default());
        sheet.more(&format!("{indent}  {owner}  DOES NOT COUNT: {why}"));
    }
    let missing = if branch.whole { &[][..] } else { &branch.missing };
    for owner in missing {
        sheet.more(&format!("{indent}  {owner}  not signed"));
    }
    branch.branches.iter().for_each(|below| branch_lines(sheet, below, depth + 1));
}

fn signed(sheet: &mut Sheet, view: &View) {
    let counted =
        view.signatures.iter().filter(|signature| signature.counts != Some(false)).count();
    let needed =
        view.threshold.map(|threshold| format!(" of {threshold} needed")).unwrap_or_default();
    sheet.row("signed", &format!("{counted}{needed}"));
    for SignatureView { owner, kind, counts, why, .. } in &view.signatures {
        let kind = match kind {
            Kind::Ecdsa => "by its key",
            Kind::Contract => "as a contract",
            Kind::Approved => "by an approval on chain",
        };
        let counts = match counts {
            Some(true) => "",
            Some(false) => ", DOES NOT COUNT",
            None => ", unchecked",
        };
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        sheet.more(&format!("{owner}  {kind}{counts}{why}"));
    }
    view.branches.iter().for_each(|branch| branch_lines(sheet, branch, 1));
    let missing = view.missing.iter().flatten();
    for (place, owner) in missing.enumerate() {
        sheet.row(if place == 0 { "not signed" } else { "" }, owner);
    }
}
