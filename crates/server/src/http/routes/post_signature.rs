//! `POST /v1/proposals/{digest}/signatures`

use super::super::{
    Shared, answer::Json, body::JsonBody, desk::Desk, error::RouteError, layers::Client,
    openapi::problems, parameter::DigestPath, render, signature,
};
use alloy::primitives::Address;
use axum::{Extension, extract::State};
use quorate_api::{NewSignature, Proposal, schema};
use quorate_core::OwnerSignature;
use quorate_store::{
    Accepted, NewSignature as Stored, ProposalRecord, SignatureRecord, Storage as _, WalletRecord,
};
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
/// The first of an owner stays, unless it holds no more, is a contract's and the other one a key's, or was in an execution
/// that failed. A signature cannot be taken back.
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
    let first = first.cloned();
    if first.as_ref().is_some_and(|first| first.verified && first.signature == signed) {
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
    if let Some(SignatureRecord { signature: OwnerSignature::Ecdsa(_), .. }) = first {
        return Ok((Accepted::Kept, record));
    }
    let is_by_key = matches!(signed, OwnerSignature::Ecdsa(_));
    if !is_by_key {
        shared.rates.count_question(client.0)?;
    }
    let signed = signature::confirm(desk, &record.request, owner, signed).await?;
    let replaces = match first {
        Some(first) if first.verified && first.signature == signed => {
            return Ok((Accepted::Known, record));
        }
        Some(first) if !gives_way(shared, desk, client, &record, (&first, is_by_key)).await? => {
            return Ok((Accepted::Kept, record));
        }
        first => first.map(|first| first.signature),
    };
    let new = Stored { owner, signature: signed, verified: true, replaces };
    let accepted = store.accept_signature(digest, new, shared.at()).await?;
    let record = store.find_proposal(digest).await?;
    Ok((accepted, record.ok_or(RouteError::UnknownProposal { digest })?))
}

/// Whether an owner's signature gives way to another one that holds: where it holds no more, where it is a contract's and the
/// other a key's, which holds for ever, and where an execution that may have had it was mined and failed.
async fn gives_way(
    shared: &Shared,
    desk: &Desk,
    client: Client,
    record: &ProposalRecord,
    (first, is_by_key): (&SignatureRecord, bool),
) -> Result<bool, RouteError> {
    let is_contracts = first.signature.kind().is_contract();
    if !first.verified || (is_contracts && (is_by_key || !record.failures.is_empty())) {
        return Ok(true);
    }
    shared.rates.count_question(client.0)?;
    signature::is_void(desk, &record.request, first.owner, first.signature.clone()).await
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
