//! What a party does: the right action for its role, in the right lane, asked of the model before anybody signs.

use super::{
    accept::role_of,
    doing::Doing,
    money::Money,
    scene::{Scene, listed},
};
use crate::{
    arguments::{EscrowAct, EscrowCancel, EscrowPay},
    clock, escrow,
    failure::Cause,
    files,
    key::Key,
    open_proposals::{self, Places},
    output::Output,
    relayer_access::present_state,
    review::again::Open,
};
use alloy::primitives::U256;
use eyre::Result;
use quorate_core::{Action, Lane, Nonce, Proposal, Request};
use quorate_treasury::{
    escrow::{Agreement, DecisionError, Question, Role, Signers, party},
    escrow_terms::Party,
};
use serde_json::{Value, json};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Release,
    Refund,
    Split,
    Resolve,
    Claim,
    Dispute,
    Cancel,
}

impl Verb {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Refund => "refund",
            Self::Split => "split",
            Self::Resolve => "resolve",
            Self::Claim => "claim",
            Self::Dispute => "dispute",
            Self::Cancel => "cancel",
        }
    }

    /// How long its signatures are good where nothing else is said.
    pub(super) const fn deadline(self) -> &'static str {
        match self {
            // Offers cannot be taken back.
            Self::Split | Self::Resolve => "24h",
            _ => "7d",
        }
    }

    /// Refuses whose it is not, and says what is theirs.
    fn check(self, role: Role, agreement: &Agreement) -> Result<()> {
        let terms = &agreement.terms;
        let (beneficiary, disputer) = (Role::from(terms.beneficiary), Role::from(terms.disputer()));
        let wrong = match self {
            Self::Release if role != Role::Buyer => {
                "`release` pays the seller, and only the buyer does that alone"
            }
            Self::Refund if role != Role::Seller => {
                "`refund` pays the buyer back, and only the seller does that alone"
            }
            Self::Resolve if role != Role::Arbiter => {
                "`resolve` is the arbiter's: a party offers with `split`"
            }
            Self::Split if role == Role::Arbiter => {
                "`split` is between the two: the arbiter decides with `resolve`"
            }
            Self::Claim if role != beneficiary => {
                return Err(Cause::BadInput.error(format!(
                    "you are the {role}, and the time-out is for the {beneficiary}: only the {beneficiary} can claim"
                )));
            }
            Self::Dispute if role != disputer => {
                return Err(Cause::BadInput.error(format!(
                    "you are the {role}: only the {disputer} can dispute alone, for whom the time-out is not"
                )));
            }
            _ => return Ok(()),
        };
        let way = match role {
            Role::Arbiter => "decide with `resolve`",
            Role::Buyer => "the buyer can `release`, or offer with `split`",
            Role::Seller => "the seller can `refund`, or offer with `split`",
        };
        Err(Cause::BadInput.error(format!("you are the {role}: {wrong}; {way}")))
    }
}

/// Who acts.
pub(super) struct Actor {
    pub(super) role: Role,
    /// None where the file is to be signed later.
    pub(super) key: Option<Key>,
}

impl Actor {
    /// By the key, or by the role that is named; where both are, they have to agree.
    pub(super) async fn find(
        verb: Verb,
        act: &EscrowAct,
        scene: &Scene,
        output: Output,
    ) -> Result<Self> {
        if let Some(epoch) = scene.ended() {
            return Err(Cause::BadInput.error(format!(
                "these terms ended: the wallet was reconfigured and is in epoch {epoch}; `quorate propose` acts by its present owners"
            )));
        }
        let named = act.role.map(Role::from);
        let actor = match (Key::is_named(&act.key), named) {
            (true, _) => {
                let key = Key::open(&act.key, output).await?;
                let role = role_of(scene, key.address(), named)?;
                Self { role, key: Some(key) }
            }
            (false, Some(role)) => Self { role, key: None },
            (false, None) => {
                return Err(Cause::Usage.error(
                    "nobody acts: name a key, or with --as the role of who will sign the file",
                ));
            }
        };
        verb.check(actor.role, scene.agreement())?;
        Ok(actor)
    }
}

/// Something that is to be signed.
pub(super) struct Draft {
    pub(super) action: Action,
    pub(super) nonce: Nonce,
    /// Who may complete it; nobody where one signature is enough.
    pub(super) completers: Vec<Role>,
    /// What is said first.
    pub(super) lines: Vec<String>,
    /// For scripts.
    pub(super) outcome: Value,
}

pub(super) async fn pay(verb: Verb, pay: EscrowPay, output: Output) -> Result<()> {
    let (act, scene) = read(pay.act, output).await?;
    let actor = Actor::find(verb, &act, &scene, output).await?;
    let money = Money::read(&scene, pay.of.token.as_deref()).await?;
    let to = match verb {
        Verb::Release => Party::Seller,
        _ => Party::Buyer,
    };
    let agreement = scene.agreement();
    let (transfers, amount) = match &pay.amount {
        Some(text) => {
            let share = money.share("--amount", text)?;
            let milestone = agreement.milestone(to, share, money.held);
            (milestone.map_err(|error| money.refused(&error))?, share.of(money.held))
        }
        None if money.held.is_zero() => {
            return Err(money.refused(&DecisionError::Nothing));
        }
        None => (agreement.everything(to), money.held),
    };
    let rest = match pay.amount.is_some() {
        true => format!("{} stays", money.text(money.held - amount)),
        false => "nothing stays".to_owned(),
    };
    let line = format!("The {to} gets {}, {rest}: this cannot be taken back.", money.text(amount));
    let outcome = json!({ (to.to_string()): amount.to_string() });
    let draft = alone(&scene, &actor, money.pay(transfers), line, outcome).await?;
    Doing { verb, act: &act, scene: &scene, money: &money }.finish(actor, vec![draft], output).await
}

pub(super) async fn claim(act: EscrowAct, output: Output) -> Result<()> {
    let (act, scene) = read(act, output).await?;
    let actor = Actor::find(Verb::Claim, &act, &scene, output).await?;
    let money = Money::read(&scene, None).await?;
    let party = scene.agreement().terms.beneficiary;
    let action = money.pay(scene.agreement().everything(party));
    check(&scene, &action, &[Signers::of([actor.role])], actor.role.lane(), money.held)?;
    if money.held.is_zero() {
        return Err(money.refused(&DecisionError::Nothing));
    }
    let line = format!("The {party} takes everything: {}.", money.text(money.held));
    let outcome = json!({ (party.to_string()): money.held.to_string() });
    let draft = alone(&scene, &actor, action, line, outcome).await?;
    Doing { verb: Verb::Claim, act: &act, scene: &scene, money: &money }
        .finish(actor, vec![draft], output)
        .await
}

pub(super) async fn dispute(act: EscrowAct, output: Output) -> Result<()> {
    let (act, scene) = read(act, output).await?;
    let actor = Actor::find(Verb::Dispute, &act, &scene, output).await?;
    let money = Money::read(&scene, None).await?;
    let (terms, now) = (scene.agreement().terms, scene.now);
    let (last, expiry) =
        (clock::words_here(terms.timeout(true), now), clock::words(terms.expiry, now));
    let line = format!(
        "The time-out moves to {last}. It has to be executed before {expiry}, and only once."
    );
    let draft = alone(&scene, &actor, Agreement::dispute(), line, Value::Null).await?;
    Doing { verb: Verb::Dispute, act: &act, scene: &scene, money: &money }
        .finish(actor, vec![draft], output)
        .await
}

pub(super) async fn cancel(cancel: EscrowCancel, output: Output) -> Result<()> {
    let (act, scene) = read(cancel.act, output).await?;
    let actor = Actor::find(Verb::Cancel, &act, &scene, output).await?;
    let money = Money::read(&scene, None).await?;
    let own = actor.role.lane();
    let rejected = match &cancel.proposal {
        Some(path) => Some(files::read_proposal(path)?),
        None => None,
    };
    let seen = scene.chain()?;
    let nonce = match &rejected {
        None => seen.chain.next_nonce(&seen.state, own).await?,
        Some(rejected) => of_this(&scene, rejected).await?,
    };
    let lane = nonce.lane;
    let mut draft = match Role::of_lane(lane) {
        Some(role) if role != actor.role => {
            return Err(Cause::BadInput.error(format!(
                "that is in the lane of the {role}, where only the {role} acts and cancels"
            )));
        }
        Some(_) => {
            let line = "Your signature alone cancels it: it is in your own lane.".to_owned();
            alone(&scene, &actor, Action::Cancel {}, line, Value::Null).await?
        }
        None => {
            let others = others_than(actor.role);
            let line = format!(
                "It takes two signatures to cancel this: yours and that of {}; until then it stays alive.",
                listed(&others, "or")
            );
            Draft {
                action: Action::Cancel {},
                nonce,
                completers: others,
                lines: vec![line],
                outcome: Value::Null,
            }
        }
    };
    draft.nonce = nonce;
    let alive = alive(&scene, &act, &draft, output).await?;
    for open in &alive {
        draft.lines.push(still_alive(open, scene.now));
    }
    Doing { verb: Verb::Cancel, act: &act, scene: &scene, money: &money }
        .finish(actor, vec![draft], output)
        .await
}

/// The nonce of a proposal, which has to be of this escrow and not over.
async fn of_this(scene: &Scene, rejected: &Proposal) -> Result<Nonce> {
    let request = rejected.request();
    if (request.chain_id, request.wallet) != (scene.file.chain_id(), scene.file.wallet()) {
        let (wallet, id) = (request.wallet.to_checksum(None), request.chain_id);
        return Err(Cause::Mismatch.error(format!(
            "that is a proposal of wallet {wallet} on chain {id}, not of this escrow"
        )));
    }
    let (seen, nonce) = (scene.chain()?, request.nonce);
    let next = seen.chain.next_nonce(&seen.state, nonce.lane).await?;
    if nonce.sequence < next.sequence {
        return Err(Cause::BadInput.error(format!(
            "sequence {} of lane {} is used up: there is nothing to cancel",
            nonce.sequence, nonce.lane
        )));
    }
    Ok(nonce)
}

/// The offers that a cancellation does not touch.
async fn alive(scene: &Scene, act: &EscrowAct, draft: &Draft, output: Output) -> Result<Vec<Open>> {
    let seen = scene.chain()?;
    let request = request(scene, draft, scene.now);
    let proposal = Proposal::new(request, None, Some(scene.file.origin()))?;
    let places = Places {
        relayer: scene.relayer.as_ref(),
        files: act.beside.beside.clone(),
        ..Places::default()
    };
    let places = places.around(Some(&act.file));
    let mut open =
        open_proposals::all(&proposal, &places, (&seen.chain, &seen.state), output).await?;
    open.retain(|open| open.request.nonce != draft.nonce && open.request.deadline >= scene.now);
    Ok(open)
}

fn still_alive(open: &Open, now: u64) -> String {
    let until = clock::words(open.request.deadline, now);
    let whose = Role::of_lane(open.request.nonce.lane)
        .map_or("a decision of two".to_owned(), |role| format!("of the {role}"));
    format!("Stays alive: {} ({whose}), until {until}.", open.place)
}

/// Both that are not this one.
pub(super) fn others_than(role: Role) -> Vec<Role> {
    Role::ALL.into_iter().filter(|&other| other != role).collect()
}

/// Reads the escrow, and what is to be done with it. A chain is needed.
pub(super) async fn read(act: EscrowAct, output: Output) -> Result<(EscrowAct, Scene)> {
    let scene = Scene::read(&act.file, &act.access, &act.chain, output).await?;
    let seen = scene.chain()?;
    if let Some(relayer) = &scene.relayer {
        let wallet = relayer.wallet(scene.file.chain_id(), scene.file.wallet()).await?;
        present_state(&wallet, &seen.chain).await?;
    }
    Ok((act, scene))
}

/// What one party does alone, in its lane.
async fn alone(
    scene: &Scene,
    actor: &Actor,
    action: Action,
    line: String,
    outcome: Value,
) -> Result<Draft> {
    let seen = scene.chain()?;
    let lane = actor.role.lane();
    check(scene, &action, &[Signers::of([actor.role])], lane, seen.held)?;
    let nonce = match &scene.relayer {
        Some(relayer) => relayer.next_free(&seen.chain, &seen.state, lane).await?,
        None => seen.chain.next_nonce(&seen.state, lane).await?,
    };
    Ok(Draft { action, nonce, completers: Vec::new(), lines: vec![line], outcome })
}

/// Asks the model, for each who might sign. What nobody could do now is refused, with the time when it becomes possible.
pub(super) fn check(
    scene: &Scene,
    action: &Action,
    signers: &[Signers],
    lane: Lane,
    balance: U256,
) -> Result<()> {
    let (now, disputed) = (scene.now, scene.disputed());
    let mut first = None;
    for &signers in signers {
        let question = Question { action, lane, signers, now, disputed, balance };
        match scene.agreement().check(&question) {
            Ok(()) => return Ok(()),
            Err(refusal) => first = first.or(Some((question, refusal))),
        }
    }
    let Some((question, refusal)) = first else { return Ok(()) };
    Err(escrow::refused(scene.agreement(), &question, &refusal))
}

pub(super) fn request(scene: &Scene, draft: &Draft, deadline: u64) -> Request {
    Request {
        chain_id: scene.file.chain_id(),
        wallet: scene.file.wallet(),
        epoch: 0,
        action: draft.action.clone(),
        nonce: draft.nonce,
        deadline,
    }
}

/// The other of the two.
pub(super) fn counterpart(role: Role) -> Option<Role> {
    role.party().map(party::other).map(Role::from)
}
