//! An escrow in words: who can do what now, what changes when, and what is lost by waiting.

use super::scene::{Scene, Word, listed};
use crate::{clock, output::Sheet};
use alloy::primitives::U256;
use quorate_chain::Execution;
use quorate_treasury::escrow::{
    Role,
    party::{self, Signers},
    power::{Power, What, powers},
};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// All of it, for people.
pub(super) fn sheet(scene: &Scene, clock_now: u64) -> String {
    let mut sheet = Sheet::default();
    let now = scene.now.max(clock_now);
    let mut text = headline(scene) + "\n\n";
    agreed(&mut sheet, scene, now);
    accepted(&mut sheet, scene, now);
    if scene.ended().is_none() {
        for role in Role::ALL {
            powers_of(&mut sheet, scene, role, now);
        }
        sheet.title("All three together");
        sheet.row("can", "do anything: the way out where a token blocks a payee, or for what was sent by mistake");
    }
    text.push_str(&sheet.finish());
    text
}

/// The first line: what must not be overlooked.
pub(super) fn headline(scene: &Scene) -> String {
    if let Some(epoch) = scene.ended() {
        return format!(
            "THESE TERMS ENDED: all three reconfigured the wallet, it is in epoch {epoch}; what holds now, `quorate wallet show` tells"
        );
    }
    let missing = scene.missing();
    let unchecked: Vec<_> = missing
        .iter()
        .copied()
        .filter(|&role| matches!(scene.word(role), Word::Unchecked { .. }))
        .collect();
    if missing.is_empty() {
        return "ACCEPTED by all three".to_owned();
    }
    if missing == unchecked {
        return format!(
            "NOT CHECKED whether {} accepted: a contract has to be asked on the chain, give --rpc-url",
            listed(&missing, "and")
        );
    }
    format!("NOT ACCEPTED by {}: nobody owes anything by it yet", listed(&missing, "or"))
}

fn agreed(sheet: &mut Sheet, scene: &Scene, now: u64) {
    let (agreement, terms) = (scene.agreement(), scene.agreement().terms);
    sheet.title(&format!("Escrow {}", agreement.wallet.to_checksum(None)));
    let deployed = match &scene.seen {
        None => "not checked: no endpoint was named",
        Some(seen) if seen.state.deployed => "on the chain",
        Some(_) => "not on the chain yet: `quorate wallet deploy` with this file",
    };
    sheet.row("chain", &format!("{}, {deployed}", scene.file.chain_id()));
    sheet.row("agreed", &scene.amount_in_full(scene.file.amount()));
    if let Some(seen) = &scene.seen {
        sheet.row("there", &there(scene, seen.held));
        if !seen.other_ether.is_zero() {
            let ether = crate::review::exact_text(seen.other_ether, None);
            sheet.row("besides", &format!("{ether}, which was not agreed: `--token ETH` names it"));
        }
    }
    sheet.row("terms", &format!("{} bytes, `--terms` prints them", scene.file.terms().len()));
    sheet.row("terms hash", &terms.terms_hash.to_string());
    let timeout = clock::words_here(terms.timeout(scene.disputed()), now);
    let beneficiary = terms.beneficiary;
    let disputed = if scene.disputed() { " (disputed)" } else { "" };
    sheet.row("time-out", &format!("{timeout}{disputed}"));
    sheet.more(&format!("from then on the {beneficiary} alone may take everything"));
    if !scene.disputed() {
        let last = clock::words_here(terms.timeout(true), now);
        let disputer = terms.disputer();
        sheet.more(&format!("if the {disputer} disputes before: {last}"));
    }
    sheet.row("fee", &format!("the arbiter gets at most {} of a decision", fee_cap(scene)));
}

/// How what is there compares with what was agreed.
fn there(scene: &Scene, held: U256) -> String {
    let amount = scene.file.amount();
    let text = scene.amount(held);
    match held.cmp(&amount) {
        _ if held.is_zero() => "nothing".to_owned(),
        Ordering::Equal => format!("{text}, as agreed"),
        Ordering::Less => format!("{text}: {} less than agreed", scene.amount(amount - held)),
        Ordering::Greater => format!("{text}: {} more than agreed", scene.amount(held - amount)),
    }
}

fn fee_cap(scene: &Scene) -> String {
    let bps = scene.agreement().terms.arbiter_fee_cap_bps;
    format!("{}.{:02} %", bps / 100, bps % 100)
}

fn accepted(sheet: &mut Sheet, scene: &Scene, now: u64) {
    sheet.title("Parties");
    for role in Role::ALL {
        let account = scene.agreement().account(role).to_checksum(None);
        sheet.row(role.name(), &account);
        let said = match scene.word(role) {
            Word::Accepted { deadline } => {
                format!("accepted, to be funded until {}", clock::words_here(*deadline, now))
            }
            Word::Expired { deadline } => {
                let deadline = clock::words(*deadline, now);
                format!("accepted; to be funded until {deadline}, which is past")
            }
            Word::Unchecked { .. } => {
                "says it accepted; whether its contract agrees was not checked".to_owned()
            }
            Word::Refused => "its contract does not stand by the acceptance in the file".to_owned(),
            Word::Missing => "has NOT ACCEPTED".to_owned(),
        };
        sheet.more(&said);
    }
}

/// What one party can do, what changes, and what it loses by waiting.
fn powers_of(sheet: &mut Sheet, scene: &Scene, role: Role, now: u64) {
    let terms = &scene.agreement().terms;
    let all = powers(terms, scene.disputed());
    sheet.title(&format!("The {role}"));
    let ours = all.iter().filter(|power| power.signers.has(role) && power.what != What::Anything);
    let mut labels = ("now", "later");
    let mut divides = false;
    let (mut open, mut later) = (Vec::new(), Vec::new());
    for power in ours {
        // Two of the table's rows are one sentence.
        if power.what == What::Divide && std::mem::replace(&mut divides, true) {
            continue;
        }
        let text = sentence(scene, role, power, now);
        if power.is_open(now) {
            open.push(text);
        } else if power.from > now {
            later.push(text);
        }
    }
    for text in open {
        sheet.paragraph(std::mem::take(&mut labels.0), &text);
    }
    for text in later {
        sheet.paragraph(std::mem::take(&mut labels.1), &text);
    }
    sheet.paragraph("waiting", &waiting(scene, role, now));
}

fn sentence(scene: &Scene, role: Role, power: &Power, now: u64) -> String {
    let terms = &scene.agreement().terms;
    match (power.what, role) {
        (What::Concede, Role::Buyer) => {
            "alone: pay the seller, everything or a part (`release`)".to_owned()
        }
        (What::Concede, _) => {
            "alone: pay the buyer back, everything or a part (`refund`)".to_owned()
        }
        (What::TakeAll, _) if power.is_open(now) => "alone: TAKE EVERYTHING (`claim`)".to_owned(),
        (What::TakeAll, _) => {
            let from = clock::words_here(power.from, now);
            format!("alone: take everything (`claim`), from {from}")
        }
        (What::Dispute, _) => {
            let until = clock::words_here(terms.expiry, now);
            let last = clock::words_here(terms.timeout(true), now);
            format!(
                "alone, once, before {until}: dispute (`dispute`), which moves the time-out to {last}"
            )
        }
        (What::Divide, Role::Arbiter) => format!(
            "with the buyer or the seller: divide the money between the two, with at most {} for itself (`resolve`)",
            fee_cap(scene)
        ),
        (What::Divide, _) => {
            let other = role.party().map(party::other).map_or(Role::Arbiter, Role::from);
            format!("with the {other} or the arbiter: divide the money between the two (`split`)")
        }
        (What::Anything, _) => "with both others: anything".to_owned(),
    }
}

/// What it would lose by waiting.
pub(super) fn waiting(scene: &Scene, role: Role, now: u64) -> String {
    let terms = &scene.agreement().terms;
    let (disputed, beneficiary) = (scene.disputed(), Role::from(terms.beneficiary));
    let (disputer, timeout) = (Role::from(terms.disputer()), terms.timeout(disputed));
    let is_over = now >= timeout;
    let until = clock::words_here(timeout, now);
    if role == beneficiary {
        return if is_over {
            format!(
                "until it claims, the {disputer} and the arbiter together may still decide otherwise"
            )
        } else if disputed {
            format!(
                "loses nothing by waiting, but until it claims the {disputer} and the arbiter together may decide otherwise"
            )
        } else {
            let last = clock::words_here(terms.timeout(true), now);
            format!(
                "loses nothing by waiting, but until it claims the {disputer} and the arbiter together may decide otherwise; a dispute of the {disputer} makes it wait until {last}"
            )
        };
    }
    let taken = format!("the {beneficiary} alone may take everything");
    match (role, is_over) {
        (Role::Arbiter, true) => format!("{taken} at any moment, what would be the fee too"),
        (Role::Arbiter, false) => {
            format!("from {until} {taken}, what would be the fee too: decide before")
        }
        (_, true) => format!("{taken} at any moment: only a decision with the arbiter prevents it"),
        (_, false) if disputed => {
            format!("from {until} {taken}, unless a decision with the arbiter is executed before")
        }
        (_, false) => {
            format!(
                "from {until} it can dispute no more, and {taken}: dispute before if anything is wrong"
            )
        }
    }
}

/// What was executed, as lines.
pub(super) fn executed(sheet: &mut Sheet, executions: &[Execution]) {
    sheet.title("Executed");
    if executions.is_empty() {
        sheet.row("nothing", "");
    }
    for execution in executions {
        let lane = execution.nonce.lane;
        let who =
            Role::of_lane(lane).map_or("two or three".to_owned(), |role| format!("the {role}"));
        let (tx, block) = (execution.tx_hash, execution.block_number);
        sheet.row(&format!("by {who}"), &execution.digest.to_string());
        sheet.more(&format!("in transaction {tx} (block {block})"));
    }
}

/// All of it, for scripts.
pub(super) fn json(scene: &Scene) -> Value {
    let (agreement, terms, now) = (scene.agreement(), scene.agreement().terms, scene.now);
    let disputed = scene.disputed();
    let seen = scene.seen.as_ref();
    let all = powers(&terms, disputed);
    let parties: Vec<_> = Role::ALL
        .into_iter()
        .map(|role| {
            let word = scene.word(role);
            let power = |power: &Power| {
                json!({
                    "what": what(power.what),
                    "signers": names(power.signers),
                    "now": power.is_open(now),
                    "from": (power.from > 0).then_some(power.from),
                    "until": power.until,
                })
            };
            let ours = all.iter().filter(|power| power.signers.has(role));
            json!({
                "role": role.name(),
                "owner": agreement.account(role).to_checksum(None),
                "acceptance": word.name(),
                "accepted": word.is_given(),
                "deadline": word.deadline(),
                "can": if scene.ended().is_some() { Vec::new() } else { ours.map(power).collect() },
                "takesAllFrom": (scene.ended().is_none() && role == Role::from(terms.beneficiary)).then(|| terms.timeout(disputed)),
                "byWaiting": scene.ended().is_none().then(|| waiting(scene, role, now)),
            })
        })
        .collect();
    json!({
        "headline": headline(scene),
        "wallet": agreement.wallet.to_checksum(None),
        "chainId": scene.file.chain_id(),
        "deployed": seen.map(|seen| seen.state.deployed),
        "epoch": seen.map(|seen| seen.state.epoch),
        "ended": scene.ended().is_some(),
        "token": scene.file.token().to_checksum(None),
        "amount": scene.file.amount().to_string(),
        "held": seen.map(|seen| seen.held.to_string()),
        "funded": seen.map(|seen| seen.held >= scene.file.amount()),
        "missing": seen.map(|seen| scene.file.amount().saturating_sub(seen.held).to_string()),
        "termsHash": terms.terms_hash,
        "accepted": scene.missing().is_empty(),
        "disputed": seen.map(|seen| seen.disputed),
        "beneficiary": terms.beneficiary.to_string(),
        "expiry": terms.expiry,
        "arbitrationSecs": terms.arbitration_secs,
        "timeout": terms.timeout(disputed),
        "timeoutAfterDispute": terms.timeout(true),
        "arbiterFeeCapBps": terms.arbiter_fee_cap_bps,
        "now": now,
        "parties": parties,
    })
}

const fn what(what: What) -> &'static str {
    match what {
        What::Concede => "concede",
        What::TakeAll => "takeAll",
        What::Dispute => "dispute",
        What::Divide => "divide",
        What::Anything => "anything",
    }
}

fn names(signers: Signers) -> Vec<&'static str> {
    signers.roles().map(Role::name).collect()
}
