//! `POST /v1/proposals/{digest}/signatures`

use super::super::{
    Shared, answer::Json, body::JsonBody, desk::Desk, error::RouteError, layers::Client,
    openapi::problems, parameter::DigestPath, render, signature,
};
use alloy::primitives::Address;
use axum::{Extension, extract::State};
use quorate_api::{NewSignature, Proposal, schema};
use quorate_core::OwnerSignature;
use quorate_store::{Accepted, NewSignature as Stored, ProposalRecord, Storage as _, WalletRecord};
use std::{collections::BTreeSet, sync::Arc};

problems! {
    /// What it refuses.
    Problems = Writes [
        UnknownProposal, UnknownChain, WrongEpoch, DeadlinePast, NotOwner, InvalidSignature, NotApproved,
        ProposalClosed, ChainUnreachable,
    ]
}

/// Adds an owner's signature.
///
/// The first of an owner stays, unless it holds no more. A signature cannot be taken back.
#[utoipa::path(
    post,
    path = "/v1/proposals/{digest}/signatures",
    tag = "proposals",
    operation_id = "sign",
    security(()),
    params(("digest" = schema::Bytes32, Path, description = "The proposal's digest.")),
    request_body = NewSignature,
    responses(
        (status = CREATED, description = "It is kept.", body = Proposal),
        (status = OK, description = "It was known before, or the owner's first holds and stays.", body = Proposal),
        Problems,
    ),
)]
pub(in crate::http) async fn post(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    DigestPath(digest): DigestPath,
    JsonBody(given): JsonBody<NewSignature>,
) -> Result<Json<Proposal>, RouteError> {
    let record = shared.store()?.find_proposal(digest).await?;
    let record = record.ok_or(RouteError::UnknownProposal { digest })?;
    let (accepted, record) = add(&shared, client, record, &given).await?;
    let is_new = matches!(accepted, Accepted::New | Accepted::Replaced);
    let location = format!("/v1/proposals/{digest}");
    let proposal = render::one_proposal(&shared, record).await?;
    Ok(Json::stored(is_new, location, proposal))
}

/// Examines a signature of a proposal that is known, the cheapest first, and keeps it.
pub(super) async fn add(
    shared: &Shared,
    client: Client,
    record: ProposalRecord,
    given: &NewSignature,
) -> Result<(Accepted, ProposalRecord), RouteError> {
    let (digest, owner) = (record.digest, given.owner);
    let signed = signature::read(owner, &digest, &given.signature)?;
    let first = record.signatures.iter().find(|first| first.owner == owner);
    let first = first.map(|first| first.signature.clone());
    if first.as_ref() == Some(&signed) {
        return Ok((Accepted::Known, record));
    }
    let (status, deadline, now) = (record.status.word(), record.request.deadline, shared.now());
    if record.status.is_terminal() {
        return Err(RouteError::ProposalClosed { status });
    }
    if deadline < now {
        return Err(RouteError::DeadlinePast { deadline, now });
    }
    let store = shared.store()?;
    let key = record.wallet();
    let wallet = store.find_wallet(key).await?;
    let wallet = wallet.ok_or(RouteError::UnknownWallet { wallet: key })?;
    let desk = shared.desk_of(key.chain_id)?;
    check_owner(shared, desk, client, &wallet, record.request.epoch, owner).await?;
    // By a key it holds for ever: the first one stays.
    if let Some(OwnerSignature::Ecdsa(_)) = first {
        return Ok((Accepted::Kept, record));
    }
    if first.is_some() || !matches!(signed, OwnerSignature::Ecdsa(_)) {
        shared.rates.count_question(client.0)?;
    }
    signature::confirm(desk, key.address, digest, owner, &signed).await?;
    let replaces = match first {
        Some(first) if !signature::is_void(desk, key.address, digest, owner, &first).await? => {
            return Ok((Accepted::Kept, record));
        }
        first => first,
    };
    let new = Stored { owner, signature: signed, verified: true, replaces };
    let accepted = store.accept_signature(digest, new, shared.at()).await?;
    let record = store.find_proposal(digest).await?;
    Ok((accepted, record.ok_or(RouteError::UnknownProposal { digest })?))
}

/// Checks that the signer is an owner in the proposal's epoch: by what is known, and only if that says no by the chain.
async fn check_owner(
    shared: &Shared,
    desk: &Desk,
    client: Client,
    wallet: &WalletRecord,
    given: u32,
    owner: Address,
) -> Result<(), RouteError> {
    let (epoch, config) = desk.latest(wallet);
    if epoch == given && config.index_of(owner).is_some() {
        return Ok(());
    }
    shared.rates.count_question(client.0)?;
    let standing = desk.standing_now(wallet, &BTreeSet::new()).await?;
    let present = standing.epoch;
    if given != present {
        return Err(RouteError::WrongEpoch { given, present });
    }
    if standing.config.index_of(owner).is_none() {
        return Err(RouteError::NotOwner { owner });
    }
    Ok(())
}
