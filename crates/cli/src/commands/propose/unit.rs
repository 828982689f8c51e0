//! What amounts that are typed are in.

use crate::{failure::Cause, output::Output};
use alloy::primitives::{Address, U256};
use eyre::Result;
use quorate_chain::Chain;
use quorate_core::amount::{self, ETHER_DECIMALS};
use quorate_treasury::payout_file::{is_grouped, readings};

/// Ether, or a token whose decimals are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    decimals: u8,
}

impl Unit {
    /// Asks the token. `given` is what the user says where the token says nothing.
    pub(super) async fn read(
        chain: &Chain,
        token: Option<Address>,
        given: Option<u8>,
        output: Output,
    ) -> Result<Self> {
        let Some(address) = token else { return Ok(Self { decimals: ETHER_DECIMALS }) };
        let token = output.during("reading the token", chain.token(address)).await?;
        let address = address.to_checksum(None);
        if !token.has_code {
            let id = chain.id();
            return Err(Cause::BadInput
                .error(format!("{address} is no token: there is no code on chain {id}")));
        }
        Ok(Self { decimals: decimals_of(&address, token.decimals, given, "--decimals NUMBER")? })
    }

    /// Reads an amount.
    pub(super) fn parse(self, text: &str) -> Result<U256> {
        amount::parse(text, self.decimals)
            .map_err(|error| Cause::BadInput.error(format!("the amount: {error}")))
    }
}

/// Says of an amount that could be a thousandfold where the point groups.
pub(super) fn remark(text: &str, output: Output) {
    if is_grouped(text) {
        let (whole, decimal) = readings(text);
        output.warn(&format!(
            "{text} is {decimal}, and would be {whole} where the point groups thousands: make sure which is meant"
        ));
    }
}

/// The decimals that a token tells, or those that the user gives where it tells none. `option` is how they are given.
pub(in crate::commands) fn decimals_of(
    token: &str,
    told: Option<u8>,
    given: Option<u8>,
    option: &str,
) -> Result<u8> {
    match (told, given) {
        (Some(told), Some(given)) if told != given => Err(Cause::BadInput.error(format!(
            "token {token} says that it has {told} decimals, and --decimals says {given}: leave that out"
        ))),
        (Some(decimals), _) | (None, Some(decimals)) => Ok(decimals),
        (None, None) => Err(Cause::BadInput.error(format!(
            "token {token} does not tell its decimals: find them out from its source, and give them with {option}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case 11.
    #[test]
    fn decimals_are_given_only_where_there_are_none() {
        let of = |told, given| {
            decimals_of("T", told, given, "--decimals T=NUMBER").map_err(|error| error.to_string())
        };
        assert_eq!(of(Some(6), None), Ok(6));
        assert_eq!(of(Some(6), Some(6)), Ok(6));
        assert_eq!(of(None, Some(18)), Ok(18));
        assert!(of(Some(6), Some(18)).unwrap_err().contains("says that it has 6 decimals"));
        assert!(of(None, None).unwrap_err().ends_with("give them with --decimals T=NUMBER"));
    }
}
