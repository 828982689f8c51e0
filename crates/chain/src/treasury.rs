//! What the policy of treasuries knows of a wallet.

use crate::{Chain, ChainError};
use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::BlockNumberOrTag::Latest,
};
use quorate_bindings::{canonical, contracts::ITreasuryPolicy as policy};

const POLICY: Address = canonical::TREASURY_POLICY.address;

/// What counts against a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// In wei or smallest units.
    pub amount: U256,
    /// Until when, in Unix seconds; 0 where nothing counts.
    pub window_end: u64,
}

/// What is known of an action that waits, in the present epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// When it was queued, in Unix seconds; 0 where it was not, or that is void.
    pub queued_at: u64,
    /// How many owners vetoed it.
    pub vetoes: u64,
}

/// What is known of freezes, in the present epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frozen {
    /// Until when, in Unix seconds; 0 where the wallet is not frozen.
    pub until: u64,
    /// Votes that no freeze used up.
    pub votes: u64,
}

impl Chain {
    /// What was spent of a token, as the policy of treasuries knows it of any wallet: it counts even before that is the
    /// wallet's policy.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn spent(&self, wallet: Address, token: Address) -> Result<Spent, ChainError> {
        let answer = self.ask(POLICY, &policy::spentCall { wallet, token }, Latest).await?;
        let spent = answer
            .map(|told| Spent { amount: told.amount, window_end: told.windowEnd.saturating_to() });
        Ok(spent.unwrap_or_default())
    }

    /// Since when an action waits, and who vetoed it.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn waiting(&self, wallet: Address, digest: B256) -> Result<Waiting, ChainError> {
        let at = self.ask(POLICY, &policy::queuedAtCall { wallet, digest }, Latest).await?;
        let vetoes = self.ask(POLICY, &policy::vetoesCall { wallet, digest }, Latest).await?;
        Ok(Waiting { queued_at: seconds(at), vetoes: seconds(vetoes) })
    }

    /// Whether a treasury is frozen.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn frozen(&self, wallet: Address) -> Result<Frozen, ChainError> {
        let until = self.ask(POLICY, &policy::frozenUntilCall { wallet }, Latest).await?;
        let votes = self.ask(POLICY, &policy::freezeVotesCall { wallet }, Latest).await?;
        Ok(Frozen { until: seconds(until), votes: seconds(votes) })
    }

    /// Whether an owner vetoed an action in the present epoch.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn has_vetoed(
        &self,
        wallet: Address,
        digest: B256,
        owner: Address,
    ) -> Result<bool, ChainError> {
        let question = policy::hasVetoedCall { wallet, digest, owner };
        Ok(self.ask(POLICY, &question, Latest).await?.unwrap_or(false))
    }

    /// Whether an owner voted for a freeze in the present epoch.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn has_frozen(&self, wallet: Address, owner: Address) -> Result<bool, ChainError> {
        let question = policy::hasFrozenCall { wallet, owner };
        Ok(self.ask(POLICY, &question, Latest).await?.unwrap_or(false))
    }
}

fn seconds(told: Option<U256>) -> u64 {
    told.map_or(0, |told| told.saturating_to())
}
