//! Whose proposals are meant.

use crate::{
    arguments::Target,
    chain_access::{Named, on_chain},
    failure::Cause,
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_chain::Chain;
use quorate_core::Request;
use std::env;

/// A wallet on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) chain_id: u64,
    pub(super) wallet: Address,
}

impl Place {
    pub(super) fn is_of(&self, request: &Request) -> bool {
        (self.chain_id, self.wallet) == (request.chain_id, request.wallet)
    }
}

/// The owner that is named, if one is, and the chain: that which is named, or that which the address names.
pub(super) fn owner_of(target: &Target) -> Result<(Option<Address>, Option<u64>)> {
    let Some(owner) = &target.owner else { return Ok((None, target.chain_id)) };
    let chain_id = target.chain_id.or(owner.chain_id());
    let owner = match chain_id {
        Some(chain_id) => on_chain("--owner", owner, chain_id)?,
        None => owner.anywhere(),
    };
    Ok((Some(owner), chain_id))
}

/// The wallet that is named, if one is.
pub(super) fn place_of(target: &Target, chain: Option<&Chain>) -> Result<Option<Place>> {
    let from_environment = || {
        let named = env::var("QUORATE_WALLET").ok()?;
        Some(named).filter(|named| target.owner.is_none() && !named.is_empty())
    };
    let Some(text) = target.wallet.clone().or_else(from_environment) else { return Ok(None) };
    let named = Named::read(&text)?;
    let chain_id = target.chain_id.or(chain.map(Chain::id)).or(named.only_chain());
    let chain_id = chain_id.ok_or_else(|| {
        Cause::Usage.error("no chain: name the wallet's chain with --chain-id, or give --rpc-url")
    })?;
    if let Some(other) =
        named.only_chain().filter(|other| named.origin.is_none() && *other != chain_id)
    {
        return Err(Cause::Mismatch.error(format!(
            "the wallet is named for chain {other}, and this is chain {chain_id}"
        )));
    }
    Ok(Some(Place { chain_id, wallet: named.address }))
}
