//! `POST /v1/wallets/{chainId}/{address}/proposals`

use super::{
    super::{
        Shared,
        answer::Json,
        body::JsonBody,
        desk::{Desk, Standing},
        error::RouteError,
        layers::Client,
        openapi::problems,
        parameter::WalletPath,
        render, signature,
    },
    post_signature,
};
use alloy::primitives::B256;
use axum::{Extension, extract::State};
use quorate_api::{NewProposal, Proposal, schema};
use quorate_core::{Action, OwnerSignature, Request, proposal::MAX_NOTE};
use quorate_store::{
    Accepted, NewProposal as Stored, NewSignature, ProposalRecord, Recorded, Storage as _,
    WalletKey, WalletRecord,
};
use std::{collections::BTreeSet, sync::Arc};

problems! {
    /// What it refuses.
    Problems = Writes [
        UnknownWallet, UnknownChain, WrongEpoch, NonceUsed, SequenceTooFar, DeadlinePast, DeadlineTooFar,
        NoteTooLong, InvalidAction, NotOwner, InvalidSignature, NotApproved, ProposalClosed, TooManyOpen,
        ChainUnreachable,
    ]
}

/// Proposes an action, with the signature of the owner who proposes it.
///
/// The signature is all the right that is needed. Asked again it changes nothing: the digest is the identity of a proposal.
/// There is no way to take a proposal or a signature back: to reject, propose `cancel` at the same nonce.
#[utoipa::path(
    post,
    path = "/v1/wallets/{chainId}/{address}/proposals",
    tag = "proposals",
    operation_id = "propose",
    security(()),
    params(
        ("chainId" = u64, Path, description = "The chain (EIP-155)."),
        ("address" = schema::Address, Path, description = "The wallet."),
    ),
    request_body = NewProposal,
    responses(
        (status = CREATED, description = "It is new.", body = Proposal),
        (status = OK, description = "It was known before.", body = Proposal),
        Problems,
    ),
)]
pub(in crate::http) async fn post(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    WalletPath(key): WalletPath,
    JsonBody(asked): JsonBody<NewProposal>,
) -> Result<Json<Proposal>, RouteError> {
    let store = shared.store()?;
    let wallet = store.find_wallet(key).await?;
    let wallet = wallet.ok_or(RouteError::UnknownWallet { wallet: key })?;
    let desk = shared.desk_of(key.chain_id)?;
    let (request, note, given) = request(key, asked);
    let digest = request.digest();
    let (is_new, record) = match store.find_proposal(digest).await? {
        // Only the signature can be news.
        Some(known) => (false, post_signature::add(&shared, client, known, &given).await?.1),
        None => {
            let proposed = Proposed { wallet: &wallet, request, digest, note };
            propose(&shared, desk, client, proposed, &given).await?
        }
    };
    let location = format!("/v1/proposals/{digest}");
    let proposal = render::one_proposal(&shared, record).await?;
    Ok(Json::stored(is_new, location, proposal))
}

/// The parts of what is asked.
fn request(
    wallet: WalletKey,
    asked: NewProposal,
) -> (Request, Option<String>, quorate_api::NewSignature) {
    let NewProposal { epoch, action, nonce, deadline, note, signature } = asked;
    let WalletKey { chain_id, address: wallet } = wallet;
    (Request { chain_id, wallet, epoch, action, nonce, deadline }, note, signature)
}

/// A proposal that is not known yet.
struct Proposed<'a> {
    wallet: &'a WalletRecord,
    request: Request,
    digest: B256,
    note: Option<String>,
}

/// Examines a proposal, the cheapest first, and stores it.
async fn propose(
    shared: &Shared,
    desk: &Desk,
    client: Client,
    proposed: Proposed<'_>,
    given: &quorate_api::NewSignature,
) -> Result<(bool, ProposalRecord), RouteError> {
    let Proposed { wallet, request, digest, note } = proposed;
    check_note(note.as_deref())?;
    check_action(&request)?;
    check_deadline(shared, request.deadline, None)?;
    let owner = given.owner;
    let signed = signature::read(owner, &digest, &given.signature)?;
    // Whoever is no owner by all that is known has no chain asked.
    let (epoch, config) = desk.latest(wallet);
    let is_known_owner = config.index_of(owner).is_some();
    if request.epoch == epoch && !is_known_owner {
        return Err(RouteError::NotOwner { owner });
    }
    if !(is_known_owner && matches!(signed, OwnerSignature::Ecdsa(_))) {
        shared.rates.count_question(client.0)?;
    }
    check_standing(shared, desk, wallet, &request, owner).await?;
    let signed = signature::confirm(desk, &request, owner, signed).await?;
    let signature = NewSignature { owner, signature: signed, verified: true, replaces: None };
    let limit_open = Some(shared.config.limits.open_proposals);
    let new = Stored { request, note, signature, limit_open };
    let store = shared.store()?;
    let recorded = store.record_proposal(new, shared.at()).await?;
    let record = store.find_proposal(digest).await?;
    let record = record.ok_or(RouteError::UnknownProposal { digest })?;
    if recorded.signature == Accepted::Kept {
        // Somebody recorded it meanwhile, with another signature of this owner.
        return Ok((false, post_signature::add(shared, client, record, given).await?.1));
    }
    Ok((recorded.recorded == Recorded::New, record))
}

fn check_note(note: Option<&str>) -> Result<(), RouteError> {
    match note.map_or(0, str::len) {
        bytes if bytes > MAX_NOTE => Err(RouteError::NoteTooLong { bytes, limit: MAX_NOTE }),
        _ => Ok(()),
    }
}

/// Refuses what the wallet would revert on whatever happens.
fn check_action(request: &Request) -> Result<(), RouteError> {
    match &request.action {
        Action::Reconfigure { config } => config
            .check_for(request.wallet)
            .map_err(|error| RouteError::InvalidAction(error.into())),
        Action::Execute { .. } | Action::Payout { .. } | Action::Cancel {} => Ok(()),
    }
}

/// Checks a deadline by the later of the clock and the head's time, if that is known.
fn check_deadline(shared: &Shared, deadline: u64, head: Option<u64>) -> Result<(), RouteError> {
    let now = shared.now().max(head.unwrap_or_default());
    if deadline <= now {
        return Err(RouteError::DeadlinePast { deadline, now });
    }
    let latest = now.saturating_add(shared.config.limits.deadline.as_secs());
    if deadline > latest {
        return Err(RouteError::DeadlineTooFar { deadline, latest });
    }
    Ok(())
}

/// Checks epoch, owner and nonce against the wallet at the head; where the chain does not answer, against what the store
/// knows.
async fn check_standing(
    shared: &Shared,
    desk: &Desk,
    wallet: &WalletRecord,
    request: &Request,
    owner: alloy::primitives::Address,
) -> Result<(), RouteError> {
    let lanes = BTreeSet::from([request.nonce.lane]);
    let check = |standing: &Standing| {
        check_deadline(shared, request.deadline, standing.head.map(|head| head.timestamp))?;
        check_at(standing, request, owner, shared.config.limits.sequence_ahead)
    };
    let standing = match desk.standing(wallet, &lanes).await {
        Ok(standing) => standing,
        Err(RouteError::ChainUnreachable { cause, .. }) => {
            tracing::debug!(cause, "a proposal is examined without the chain");
            let standing = Standing::stored(wallet);
            return match standing.next(request.nonce.lane) {
                Some(_) => check(&standing),
                // Nobody knows what this lane is at.
                None => Err(RouteError::ChainUnreachable { chain_id: desk.chain_id, cause }),
            };
        }
        Err(error) => return Err(error),
    };
    match check(&standing) {
        Ok(()) => Ok(()),
        // What is refused may have become right with a block that is newer.
        Err(_) => check(&desk.standing_now(wallet, &lanes).await?),
    }
}

fn check_at(
    standing: &Standing,
    request: &Request,
    owner: alloy::primitives::Address,
    limit: u64,
) -> Result<(), RouteError> {
    let (given, present) = (request.epoch, standing.epoch);
    if given != present {
        return Err(RouteError::WrongEpoch { given, present });
    }
    if standing.config.index_of(owner).is_none() {
        return Err(RouteError::NotOwner { owner });
    }
    let sequence = request.nonce.sequence;
    let next = standing.next(request.nonce.lane).unwrap_or_default();
    if sequence < next {
        return Err(RouteError::NonceUsed { sequence, next });
    }
    if sequence - next > limit {
        return Err(RouteError::SequenceTooFar { sequence, next, limit });
    }
    Ok(())
}
