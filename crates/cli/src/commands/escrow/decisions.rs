//! Decisions that are signed and not executed: in files that lie around, and at the relayer.

use super::{
    act::others_than,
    evidence::gathered,
    scene::{Scene, listed},
};
use crate::{
    clock,
    output::{Output, Sheet, counted},
};
use alloy::primitives::U256;
use eyre::Result;
use quorate_core::{Action, Lane, Proposal, action::Transfer, amount::EVERYTHING_LEFT};
use quorate_treasury::escrow::{Agreement, Role, Signers};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
};

/// Those that may still be executed, as far as the chain was read. What is in no file here and at no relayer is not found.
pub(super) async fn open(path: &Path, scene: &Scene, output: Output) -> Result<Vec<Proposal>> {
    let mut open: Vec<_> = gathered(path, &[], scene, output).await?.into_values().collect();
    let epoch = scene.seen.as_ref().map_or(0, |seen| seen.state.epoch);
    open.retain(|one| one.request().deadline >= scene.now && one.request().epoch == epoch);
    let Some(seen) = &scene.seen else { return Ok(open) };
    let mut next = BTreeMap::<Lane, u64>::new();
    for one in &open {
        let lane = one.request().nonce.lane;
        if let Entry::Vacant(vacant) = next.entry(lane) {
            vacant.insert(seen.chain.next_nonce(&seen.state, lane).await?.sequence);
        }
    }
    open.retain(|one| {
        let nonce = one.request().nonce;
        next.get(&nonce.lane).is_none_or(|&next| nonce.sequence >= next)
    });
    Ok(open)
}

/// The parties whose signatures it has.
fn signers(scene: &Scene, one: &Proposal) -> Signers {
    Signers::of(one.signatures().keys().filter_map(|owner| scene.agreement().role_of(*owner)))
}

/// Who may complete it: nobody where it can be sent as it is.
fn completers(scene: &Scene, one: &Proposal) -> Vec<Role> {
    let signers = signers(scene, one);
    match (Role::of_lane(one.request().nonce.lane), signers.alone()) {
        (None, Some(role)) => others_than(role),
        _ => Vec::new(),
    }
}

/// For people.
pub(super) fn sheet(scene: &Scene, open: &[Proposal]) -> String {
    let mut sheet = Sheet::default();
    sheet.title("Open decisions");
    if open.is_empty() {
        sheet.row("none", "as far as is known here");
    }
    for one in open {
        let until = clock::words_here(one.request().deadline, scene.now);
        let completers = completers(scene, one);
        let way = if completers.is_empty() {
            "anybody may send it with `submit`".to_owned()
        } else {
            format!("{} may complete it with `sign`", listed(&completers, "or"))
        };
        sheet.row("signed", &format!("by {}", signers(scene, one)));
        sheet.more(&one.digest().to_string());
        sheet.more(&what(scene, &one.request().action));
        sheet.more(&format!("{way}, until {until}"));
    }
    sheet.finish()
}

/// For scripts.
pub(super) fn json(scene: &Scene, one: &Proposal) -> Value {
    let request = one.request();
    let names = |roles: Vec<Role>| roles.into_iter().map(Role::name).collect::<Vec<_>>();
    json!({
        "digest": one.digest(),
        "signers": names(signers(scene, one).roles().collect()),
        "completedBy": names(completers(scene, one)),
        "lane": request.nonce.lane.to_string(),
        "sequence": request.nonce.sequence,
        "deadline": request.deadline,
        "does": what(scene, &request.action),
    })
}

/// What it does, in words.
fn what(scene: &Scene, action: &Action) -> String {
    match action {
        Action::Payout { token, transfers } => {
            let is_agreed = *token == scene.file.token();
            let amount = |amount: U256| match amount {
                EVERYTHING_LEFT => "everything left".to_owned(),
                amount if is_agreed => scene.amount(amount),
                amount if token.is_zero() => crate::review::exact_text(amount, None),
                amount => {
                    format!("{amount} smallest units of token {}", token.to_checksum(None))
                }
            };
            let one = |transfer: &Transfer| {
                let who = scene.agreement().role_of(transfer.to);
                let who =
                    who.map_or_else(|| transfer.to.to_checksum(None), |role| format!("the {role}"));
                format!("{} to {who}", amount(transfer.amount))
            };
            let all: Vec<_> = transfers.iter().map(one).collect();
            format!("pays {}", all.join(", "))
        }
        Action::Execute { .. } if *action == Agreement::dispute() => "disputes".to_owned(),
        Action::Execute { calls } => {
            let calls = counted(calls.len() as u64, "call", "calls");
            format!("makes {calls}, which `quorate show` tells")
        }
        Action::Cancel {} => "does nothing but use up its nonce".to_owned(),
        Action::Reconfigure { .. } => "ends these terms".to_owned(),
    }
}
