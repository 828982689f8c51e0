//! `POST /v1/wallets`

use super::super::{
    Shared, access,
    answer::Json,
    body::JsonBody,
    desk::Desk,
    error::{NotGenuine, RouteError},
    openapi::problems,
    render,
};
use axum::{extract::State, http::HeaderMap};
use quorate_api::{RegisterWallet, Wallet, request::RegisterWalletFields};
use quorate_chain::{Provenance, WalletState};
use quorate_core::{Config, Lane, Snapshot, creation, proposal::Origin};
use quorate_store::{NewWallet, Recorded, Storage as _, WalletKey, WalletRecord};
use std::sync::Arc;

problems! {
    /// What it refuses.
    Problems = Writes [
        Unauthorized, Forbidden, UnknownChain, NotGenuine, SenderIsOwner, InvalidAction, ChainUnreachable,
    ]
}

/// Has a wallet served.
///
/// It has to be one that the factory made, or will make: its address is computed from configuration and salt, or found in
/// the factory's events. Needs an operator's token, unless the operator opened registration.
#[utoipa::path(
    post,
    path = "/v1/wallets",
    tag = "wallets",
    operation_id = "registerWallet",
    security(("token" = [])),
    request_body = RegisterWalletFields,
    responses(
        (status = CREATED, description = "It is served from now on.", body = Wallet),
        (status = OK, description = "It was served before.", body = Wallet),
        Problems,
    ),
)]
pub(in crate::http) async fn post(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<RegisterWallet>,
) -> Result<Json<Wallet>, RouteError> {
    let reach = access::operating(&shared, &headers).await?;
    let desk = shared.desk_of(asked.chain_id())?;
    let (address, origin) = named(asked)?;
    let key = WalletKey { chain_id: desk.chain_id, address };
    reach.check(key)?;
    let store = shared.store()?;
    let known = store.find_wallet(key).await?;
    let is_known = known.as_ref().is_some_and(|known| known.origin.is_some() || origin.is_none());
    let recorded = if is_known {
        Recorded::Known
    } else {
        let snapshot = examine(desk, address, origin.as_ref()).await?;
        check_senders(desk, &snapshot.config)?;
        store.register_wallet(NewWallet { key, origin, snapshot }, shared.at()).await?
    };
    let record = store.find_wallet(key).await?.ok_or(RouteError::UnknownWallet { wallet: key })?;
    let location = location(&record);
    let wallet = render::one_wallet(&shared, record).await?;
    Ok(Json::stored(recorded == Recorded::New, location, wallet))
}

fn location(record: &WalletRecord) -> String {
    let WalletKey { chain_id, address } = record.key;
    format!("/v1/wallets/{chain_id}/{address}")
}

/// The address that is asked for, and what it commits to where that is given.
fn named(
    asked: RegisterWallet,
) -> Result<(alloy::primitives::Address, Option<Origin>), RouteError> {
    match asked {
        RegisterWallet::Deployed { address, .. } => Ok((address, None)),
        RegisterWallet::Made { config, salt, .. } => {
            let address = creation::wallet_address(&config, salt)
                .map_err(|error| RouteError::InvalidAction(error.into()))?;
            Ok((address, Some(Origin { config, salt })))
        }
    }
}

/// What the wallet is at the head.
async fn examine(
    desk: &Desk,
    address: alloy::primitives::Address,
    origin: Option<&Origin>,
) -> Result<Snapshot, RouteError> {
    let WalletState { block, deployed, provenance, epoch, config, .. } =
        desk.examine(address, origin).await?;
    let refused = |why| Err(RouteError::NotGenuine { address, why });
    match (provenance, config) {
        (Provenance::Factory, Some(config)) => {
            let mut snapshot = Snapshot::new(block, deployed, epoch, config);
            let next = desk.sequence_at(address, Lane::ZERO, block).await?;
            snapshot.lanes.insert(Lane::ZERO, next);
            Ok(snapshot)
        }
        (Provenance::NotDeployed, Some(config)) => {
            Ok(Snapshot::new(block, deployed, epoch, config))
        }
        (Provenance::NotDeployed, None) => refused(NotGenuine::NotDeployed),
        (Provenance::Factory | Provenance::CodeOnly, _) => refused(NotGenuine::NotFromFactory),
        (Provenance::Foreign, _) => refused(NotGenuine::Foreign),
    }
}

/// Who sends must not be able to sign.
fn check_senders(desk: &Desk, config: &Config) -> Result<(), RouteError> {
    let owner = config.owners().iter().find(|owner| desk.senders().contains(owner));
    owner.map_or(Ok(()), |&sender| Err(RouteError::SenderIsOwner { sender }))
}
