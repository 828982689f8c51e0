//! The tokens of a list.

use crate::{
    arguments::Decimals,
    chain_access::on_chain,
    commands::propose::decimals_of,
    failure::Cause,
    review::{Danger, DangerCode, alike},
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_chain::{Chain, Token};
use quorate_treasury::PayoutFile;
use std::collections::{BTreeMap, BTreeSet};

/// The tokens that a list pays, all with decimals.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    pub(super) known: BTreeMap<Address, Token>,
    /// Those whose decimals are the user's word.
    given: BTreeSet<Address>,
}

/// Asks the tokens of a file. `given` are decimals of those that do not tell them.
pub(super) async fn read(file: &PayoutFile, given: &[Decimals], chain: &Chain) -> Result<Tokens> {
    let (mut tokens, paid) = (Tokens::default(), file.tokens());
    let mut by_user = BTreeMap::new();
    for Decimals { token, decimals } in given {
        let address = on_chain("--decimals", token, chain.id())?;
        let shown = address.to_checksum(None);
        if !paid.contains(&address) {
            return Err(Cause::BadInput
                .error(format!("--decimals: the file does not pay token {shown}: leave it out")));
        }
        if by_user.insert(address, *decimals).is_some_and(|other| other != *decimals) {
            return Err(Cause::BadInput
                .error(format!("--decimals: token {shown} is there twice: leave one out")));
        }
    }
    for address in paid {
        let mut token = chain.token(address).await?;
        let (shown, id) = (address.to_checksum(None), chain.id());
        if !token.has_code {
            return Err(Cause::BadInput
                .error(format!("{shown} is no token: there is no code on chain {id}")));
        }
        if token.decimals.is_none() {
            tokens.given.insert(address);
        }
        let option = format!("--decimals {shown}=NUMBER");
        let given = by_user.get(&address).copied();
        token.decimals = Some(decimals_of(&shown, token.decimals, given, &option)?);
        tokens.known.insert(address, token);
    }
    Ok(tokens)
}

impl Tokens {
    /// The dangers of the list as a whole: the batches have one token each.
    pub(super) fn dangers(&self) -> Vec<Danger> {
        let given = self.given.iter().filter_map(|address| {
            let decimals = self.known.get(address)?.decimals?;
            let address = address.to_checksum(None);
            Some(Danger::new(
                DangerCode::UnreadableDecimals,
                format!(
                    "token {address} does not tell its decimals: its amounts are read with {decimals}, as --decimals says"
                ),
            ))
        });
        given.chain(alike::dangers(&self.known)).collect()
    }
}
