//! What is paid, and how much of it there is.

use super::scene::{Scene, token_of};
use crate::{commands::propose::decimals_of, failure::Cause, review::exact_text_in_full};
use alloy::primitives::{Address, U256};
use eyre::Result;
use quorate_chain::Token;
use quorate_core::{
    Action,
    action::Transfer,
    amount::{self, ETHER_DECIMALS},
};
use quorate_treasury::escrow::{DecisionError, Share};

/// What the money is, and how much of it there is.
pub(super) struct Money {
    pub(super) token: Address,
    known: Option<Token>,
    pub(super) held: U256,
}

impl Money {
    pub(super) async fn read(scene: &Scene, named: Option<&str>) -> Result<Self> {
        let seen = scene.chain()?;
        let token = match named {
            Some(text) => token_of(text, scene.file.chain_id())?.unwrap_or_default(),
            None => scene.file.token(),
        };
        let wallet = scene.file.wallet();
        if token.is_zero() {
            return Ok(Self { token, known: None, held: seen.chain.balance(wallet).await? });
        }
        let known = seen.chain.token(token).await?;
        if !known.has_code {
            let (token, id) = (token.to_checksum(None), seen.chain.id());
            return Err(Cause::BadInput
                .error(format!("{token} is no token: there is no code on chain {id}")));
        }
        let held = seen.chain.token_balance(token, wallet).await?.unwrap_or_default();
        Ok(Self { token, known: Some(known), held })
    }

    /// An amount in units, or a percentage.
    pub(super) fn share(&self, option: &str, text: &str) -> Result<Share> {
        let bad =
            |error: &dyn std::fmt::Display| Cause::BadInput.error(format!("{option}: {error}"));
        if let Some(percent) = Share::parse_percent(text) {
            return percent.map_err(|error| bad(&error));
        }
        let decimals = match &self.known {
            None => ETHER_DECIMALS,
            Some(token) => {
                let address = token.address.to_checksum(None);
                decimals_of(&address, token.decimals, None, "percent")?
            }
        };
        amount::parse(text, decimals).map(Share::Exact).map_err(|error| bad(&error))
    }

    pub(super) fn text(&self, amount: U256) -> String {
        exact_text_in_full(amount, self.known.as_ref())
    }

    /// More is asked for than there is, or nothing.
    pub(super) fn refused(&self, error: &DecisionError) -> eyre::Report {
        Cause::BadInput.error(match error {
            DecisionError::NotThere { asked, held } => format!(
                "{} is asked for, and the escrow has {}: that amount is not there",
                self.text(*asked),
                self.text(*held)
            ),
            DecisionError::Fee { fee, most, .. } => format!(
                "a fee of {} is above the agreed cap: the arbiter gets at most {} of what there is",
                self.text(*fee),
                self.text(*most)
            ),
            DecisionError::Nothing if self.held.is_zero() => format!(
                "the escrow has no {}: nothing would be paid",
                self.text(U256::ZERO).trim_start_matches("0 ")
            ),
            error => error.to_string(),
        })
    }

    pub(super) fn pay(&self, transfers: Vec<Transfer>) -> Action {
        Action::Payout { token: self.token, transfers }
    }
}
