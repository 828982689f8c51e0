//! `POST /v1/wallets/{chainId}/{address}/acceptances`

use super::{
    super::{
        Shared, answer::Json, body::JsonBody, error::RouteError, layers::Client, openapi::problems,
        parameter::WalletPath, signature,
    },
    acceptances::rendered,
};
use axum::{Extension, extract::State};
use quorate_api::{Acceptance, NewAcceptance, schema};
use quorate_core::OwnerSignature;
use quorate_store::{Accepted, NewAcceptance as Stored, Storage as _};
use quorate_treasury::escrow::{Agreement, Role, acceptance::Offer};
use std::sync::Arc;

problems! {
    /// What it refuses.
    Problems = Writes [
        UnknownWallet, UnknownChain, NotEscrow, OtherTerms, WrongEpoch, DeadlinePast, NotOwner, InvalidSignature,
        NotApproved, ChainUnreachable,
    ]
}

/// Takes a party's acceptance of an escrow's terms.
///
/// Of each party the one with the latest deadline is kept. The signature is the guard: nobody else can accept for a party.
#[utoipa::path(
    post,
    path = "/v1/wallets/{chainId}/{address}/acceptances",
    tag = "escrows",
    operation_id = "accept",
    security(()),
    params(
        ("chainId" = u64, Path, description = "The chain (EIP-155)."),
        ("address" = schema::Address, Path, description = "The escrow."),
    ),
    request_body = NewAcceptance,
    responses(
        (status = CREATED, description = "It is kept.", body = Acceptance),
        (status = OK, description = "It was known before, or a newer one is kept.", body = Acceptance),
        Problems,
    ),
)]
pub(in crate::http) async fn post(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    WalletPath(wallet): WalletPath,
    JsonBody(given): JsonBody<NewAcceptance>,
) -> Result<Json<Acceptance>, RouteError> {
    let store = shared.store()?;
    let record = store.find_wallet(wallet).await?;
    let record = record.ok_or(RouteError::UnknownWallet { wallet })?;
    let desk = shared.desk_of(wallet.chain_id)?;
    let (present, config) = desk.latest(&record);
    let NewAcceptance { role, owner, terms_hash, deadline, signature: bytes } = given;
    if present != 0 {
        return Err(RouteError::WrongEpoch { given: 0, present });
    }
    let agreement = Agreement::of(wallet.address, &config);
    let agreement = agreement.ok_or(RouteError::NotEscrow { address: wallet.address })?;
    let party = Role::of_index(role).filter(|&party| agreement.account(party) == owner);
    let party = party.ok_or(RouteError::NotParty { owner, role })?;
    let expected = agreement.terms.terms_hash;
    if terms_hash != expected {
        return Err(RouteError::OtherTerms { given: terms_hash, expected });
    }
    let now = shared.now();
    if deadline < now {
        return Err(RouteError::DeadlinePast { deadline, now });
    }
    let offer = Offer { chain_id: wallet.chain_id, wallet: wallet.address, terms_hash };
    let digest = offer.digest(party, deadline);
    let signed = signature::read(owner, &digest, &bytes)?;
    if !matches!(signed, OwnerSignature::Ecdsa(_)) {
        shared.rates.count_question(client.0)?;
    }
    let signed = signature::confirm_digest(desk, (wallet.address, digest), owner, signed).await?;
    let signature = signed.to_bytes();
    let new = Stored { wallet, role, owner, terms_hash, deadline, signature };
    let accepted = store.accept_terms(new, shared.at()).await?;
    let kept = store.acceptances(wallet).await?;
    let kept = kept.into_iter().find(|one| one.acceptance.role == role);
    let kept = kept.ok_or(RouteError::UnknownWallet { wallet })?;
    let is_new = matches!(accepted, Accepted::New | Accepted::Replaced);
    let address = wallet.address.to_checksum(None);
    let location = format!("/v1/wallets/{}/{address}/acceptances", wallet.chain_id);
    Ok(Json::stored(is_new, location, rendered(kept)))
}
