//! `quorate escrow split` and `resolve`: decisions of two, in lane 0 at its next sequence, so that they are rivals.

use super::{
    act::{Actor, Draft, Verb, check, counterpart, others_than, read},
    doing::Doing,
    money::Money,
    scene::Scene,
};
use crate::{arguments::EscrowDivide, failure::Cause, output::Output};
use alloy::primitives::U256;
use eyre::Result;
use quorate_core::{Lane, Nonce, action::Transfer};
use quorate_treasury::{
    escrow::{Closing, Role, Share, Signers, decision::Outcome},
    escrow_terms::Party,
};
use serde_json::{Value, json};

pub(super) async fn run(verb: Verb, divide: EscrowDivide, output: Output) -> Result<()> {
    let EscrowDivide { to_buyer, to_seller, fee, milestone, first, of, act } = divide;
    let (act, scene) = read(act, output).await?;
    if verb == Verb::Split && fee.is_some() {
        return Err(Cause::BadInput.error(
            "--fee is the arbiter's: it is decided with `resolve`, by the arbiter and one party",
        ));
    }
    let actor = Actor::find(verb, &act, &scene, output).await?;
    let money = Money::read(&scene, of.token.as_deref()).await?;
    let (party, share) = match (&to_buyer, &to_seller) {
        (Some(text), _) => (Party::Buyer, money.share("--to-buyer", text)?),
        (_, Some(text)) => (Party::Seller, money.share("--to-seller", text)?),
        (None, None) => return Err(Cause::Usage.error("give --to-buyer or --to-seller")),
    };
    let seen = scene.chain()?;
    let next = seen.chain.next_nonce(&seen.state, Lane::ZERO).await?;
    let drafts = if milestone {
        vec![a_milestone(&scene, &actor, &money, (party, share), next)?]
    } else {
        let fee = fee.map(|text| money.share("--fee", &text)).transpose()?;
        let closing = Closing { party, share, fee };
        match first {
            None => vec![closed(&scene, &actor, &money, closing, next)?],
            Some(first) => in_two_steps(&scene, &actor, &money, closing, first.into(), next)?,
        }
    };
    for draft in &drafts {
        let signers = draft.completers.iter().map(|&other| Signers::of([actor.role, other]));
        let signers: Vec<_> = signers.collect();
        check(&scene, &draft.action, &signers, Lane::ZERO, money.held)?;
    }
    Doing { verb, act: &act, scene: &scene, money: &money }.finish(actor, drafts, output).await
}

/// Everything, at once.
fn closed(
    scene: &Scene,
    actor: &Actor,
    money: &Money,
    closing: Closing,
    nonce: Nonce,
) -> Result<Draft> {
    let agreement = scene.agreement();
    let refused = |error| money.refused(&error);
    let outcome = closing.outcome(agreement, money.held).map_err(refused)?;
    let transfers = closing.transfers(agreement, money.held).map_err(refused)?;
    let lines = vec![words(&outcome, money)];
    Ok(offer(actor, money, transfers, nonce, lines, outcome_json(&outcome)))
}

/// A part to one, and the rest stays.
fn a_milestone(
    scene: &Scene,
    actor: &Actor,
    money: &Money,
    (party, share): (Party, Share),
    nonce: Nonce,
) -> Result<Draft> {
    let transfers = scene.agreement().milestone(party, share, money.held);
    let transfers = transfers.map_err(|error| money.refused(&error))?;
    let amount = share.of(money.held);
    let rest = money.text(money.held - amount);
    let lines = vec![format!("The {party} gets {}, and {rest} stays.", money.text(amount))];
    let outcome = json!({ (party.to_string()): amount.to_string() });
    Ok(offer(actor, money, transfers, nonce, lines, outcome))
}

/// One after the other, where the second may not be able to receive.
fn in_two_steps(
    scene: &Scene,
    actor: &Actor,
    money: &Money,
    closing: Closing,
    first: Party,
    nonce: Nonce,
) -> Result<Vec<Draft>> {
    let agreement = scene.agreement();
    let outcome = closing.outcome(agreement, money.held).map_err(|error| money.refused(&error))?;
    let second = quorate_treasury::escrow::party::other(first);
    let amount = outcome.of(first.into());
    if amount.is_zero() {
        return Err(Cause::BadInput.error(format!(
            "the {first} gets nothing: there is no first step, leave --first out"
        )));
    }
    let exact = vec![Transfer { to: agreement.account(first.into()), amount }];
    let sequence = nonce.sequence.checked_add(1);
    let sequence = sequence.ok_or_else(|| Cause::BadInput.error("lane 0 is at its end"))?;
    let behind = Nonce::new(nonce.lane, sequence);
    let rest = outcome.of(second.into());
    Ok(vec![
        offer(
            actor,
            money,
            exact,
            nonce,
            vec![
                format!("First of two steps: the {first} gets {}.", money.text(amount)),
                format!(
                    "Who completes this one need not complete the second, and then the {second} has nothing of it."
                ),
            ],
            json!({ (first.to_string()): amount.to_string() }),
        ),
        offer(
            actor,
            money,
            agreement.everything(second),
            behind,
            vec![format!(
                "Second of two steps: the {second} gets what is left, {}.",
                money.text(rest)
            )],
            json!({ (second.to_string()): rest.to_string() }),
        ),
    ])
}

/// Who can complete it: of a party's offer the other one and the arbiter, of the arbiter's decision each of the two.
fn offer(
    actor: &Actor,
    money: &Money,
    transfers: Vec<Transfer>,
    nonce: Nonce,
    lines: Vec<String>,
    outcome: Value,
) -> Draft {
    let completers = match counterpart(actor.role) {
        Some(other) => vec![other, Role::Arbiter],
        None => others_than(Role::Arbiter),
    };
    Draft { action: money.pay(transfers), nonce, completers, lines, outcome }
}

fn words(outcome: &Outcome, money: &Money) -> String {
    let mut words = format!(
        "The buyer gets {}, the seller {}",
        money.text(outcome.buyer),
        money.text(outcome.seller)
    );
    if outcome.arbiter > U256::ZERO {
        words.push_str(&format!(", the arbiter {}", money.text(outcome.arbiter)));
    }
    words + ", as things stand."
}

fn outcome_json(outcome: &Outcome) -> Value {
    json!({
        "buyer": outcome.buyer.to_string(),
        "seller": outcome.seller.to_string(),
        "arbiter": outcome.arbiter.to_string(),
    })
}
