//! What a wallet can be asked to do.

use crate::{Config, amount::EVERYTHING_LEFT, json};
use alloy::primitives::{Address, Bytes, U256};
use quorate_bindings::contracts::IWallet;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the four things that owners sign. In JSON as in the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// Makes calls in order, all or nothing.
    Execute {
        /// The calls.
        calls: Vec<Call>,
    },
    /// Pays one token, or ether, to a list of payees, all or nothing.
    Payout {
        /// The token; zero is ether.
        #[serde(with = "json::account")]
        token: Address,
        /// The payments.
        transfers: Vec<Transfer>,
    },
    /// Replaces the whole configuration and begins the next epoch.
    Reconfigure {
        /// The new configuration.
        config: Config,
    },
    /// Consumes the nonce and does nothing else.
    Cancel {},
}

/// One call of [`Action::Execute`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    /// The account called.
    #[serde(with = "json::account")]
    pub to: Address,
    /// Wei sent along.
    #[serde(with = "json::decimal")]
    pub value: U256,
    /// Calldata.
    #[serde(with = "json::bytes")]
    pub data: Bytes,
}

/// One payment of [`Action::Payout`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transfer {
    /// The payee.
    #[serde(with = "json::account")]
    pub to: Address,
    /// Wei or smallest units; 2^256-1 is everything left at that moment.
    #[serde(with = "json::decimal")]
    pub amount: U256,
}

impl Transfer {
    /// Whether this pays everything left, and not an exact amount.
    pub fn is_everything_left(&self) -> bool {
        self.amount == EVERYTHING_LEFT
    }
}

/// The sum of the exact amounts; those of everything left are not in it. None above 2^256-1, which no token
/// can hold.
pub fn total_of(transfers: &[Transfer]) -> Option<U256> {
    let exact = transfers.iter().filter(|transfer| !transfer.is_everything_left());
    exact.map(|transfer| transfer.amount).try_fold(U256::ZERO, U256::checked_add)
}

impl Action {
    /// The word that names its kind: `execute`, `payout`, `reconfigure` or `cancel`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Execute { .. } => "execute",
            Self::Payout { .. } => "payout",
            Self::Reconfigure { .. } => "reconfigure",
            Self::Cancel {} => "cancel",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.kind())
    }
}

impl From<&Call> for IWallet::Call {
    fn from(call: &Call) -> Self {
        Self { to: call.to, value: call.value, data: call.data.clone() }
    }
}

impl From<&Transfer> for IWallet::Transfer {
    fn from(transfer: &Transfer) -> Self {
        Self { to: transfer.to, amount: transfer.amount }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_of_exact_amounts_and_never_wraps() {
        let total = |amounts: &[U256]| {
            let transfer = |&amount| Transfer { to: Address::repeat_byte(1), amount };
            total_of(&amounts.iter().map(transfer).collect::<Vec<_>>())
        };
        let most = EVERYTHING_LEFT - U256::from(1);
        assert_eq!(total(&[]), Some(U256::ZERO));
        assert_eq!(total(&[U256::from(2), EVERYTHING_LEFT, U256::from(3)]), Some(U256::from(5)));
        assert_eq!(total(&[most, U256::from(1)]), Some(U256::MAX));
        assert_eq!(total(&[most, U256::from(2)]), None);
    }
}
