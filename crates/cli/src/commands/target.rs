//! Whose proposals are meant.

use crate::{arguments::Target, chain_access::Named, failure::Cause};
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
    Ok(Some(Place { chain_id, wallet: named.address }))
}
