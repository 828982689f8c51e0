//! What became of attempts, and the end of an account nonce.

use super::{AccountNonce, AttemptRecord, AttemptState, Inclusion, Place, budget_key, read};
use crate::{
    audit::Kind,
    budget,
    error::StoreError,
    lease::{self, Lease},
    outbox::EventKind,
    row::int,
    transaction::Transaction,
    wallet::WalletKey,
    writer::Intention,
};
use alloy::primitives::U256;
use serde_json::json;

/// A change of an attempt's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptChange {
    /// Its account nonce.
    pub account_nonce: AccountNonce,
    /// Which attempt at that nonce, from 0.
    pub number: u32,
    /// The revision that the decision was made on.
    pub expected_revision: u64,
    /// Its state from now on; it is not final by that.
    pub state: AttemptState,
}

/// How an account nonce ended: the block that decided it is as deep as is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The account nonce.
    pub account_nonce: AccountNonce,
    /// The attempt that was mined; `None` if a transaction that is not ours has the nonce.
    pub mined: Option<MinedAttempt>,
}

/// The attempt that used up its account nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinedAttempt {
    /// Which attempt at that nonce, from 0.
    pub number: u32,
    /// Whether it reverted.
    pub is_reverted: bool,
    /// Its block, and what it cost.
    pub inclusion: Inclusion,
}

pub(crate) struct MarkAttempt {
    pub(crate) lease: Lease,
    pub(crate) change: AttemptChange,
    pub(crate) at: i64,
}

impl Intention for MarkAttempt {
    type Output = u64;

    async fn apply(&self, tx: &mut Transaction) -> Result<u64, StoreError> {
        lease::check(tx, &self.lease).await?;
        let AttemptChange { account_nonce, number, expected_revision, state } = self.change;
        let attempts = read::at_nonce(tx.connection(), account_nonce).await?;
        let present = attempts.get(number as usize);
        let present = present.ok_or(StoreError::UnknownAttempt { account_nonce, number })?;
        if present.revision != expected_revision {
            return Err(StoreError::Conflict {
                what: format!("attempt {number} at {account_nonce}"),
                expected: expected_revision,
                actual: present.revision,
            });
        }
        set(tx, present, &state, false, self.at).await
    }
}

pub(crate) struct SettleNonce {
    pub(crate) lease: Lease,
    pub(crate) settlement: Settlement,
    pub(crate) at: i64,
}

impl Intention for SettleNonce {
    type Output = ();

    async fn apply(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        lease::check(tx, &self.lease).await?;
        let Settlement { account_nonce, mined } = self.settlement;
        let attempts = read::at_nonce(tx.connection(), account_nonce).await?;
        let known = |number: u32| (number as usize) < attempts.len();
        if let Some(number) = Some(mined.map_or(0, |mined| mined.number)).filter(|&n| !known(n)) {
            return Err(StoreError::UnknownAttempt { account_nonce, number });
        }
        let mut is_news = false;
        for attempt in &attempts {
            let state = match mined {
                Some(mined) if mined.number == attempt.number => mined.state(),
                _ => AttemptState::Replaced,
            };
            if attempt.state != state || !attempt.is_final {
                set(tx, attempt, &state, true, self.at).await?;
                is_news = true;
            }
        }
        if !is_news {
            return Ok(());
        }
        self.settle_budget(tx, &attempts).await?;
        let what = json!({
            "chainId": account_nonce.chain_id,
            "sender": account_nonce.sender.to_checksum(None),
            "accountNonce": account_nonce.nonce,
            "mined": mined.map(|mined| mined.number),
            "fee": mined.map(|mined| mined.inclusion.fee.to_string()),
        });
        tx.audit(self.at, Kind::NonceSettled, what).await
    }
}

impl SettleNonce {
    /// Gives back what was held for the nonce, and books the fee to the day it was first held for. Once:
    /// after a reorg beyond finality the books stay as they are.
    async fn settle_budget(
        &self,
        tx: &mut Transaction,
        attempts: &[AttemptRecord],
    ) -> Result<(), StoreError> {
        let Settlement { account_nonce, mined } = self.settlement;
        let held = read::held(tx.connection(), account_nonce).await?;
        let mut fee = mined.map_or(U256::ZERO, |mined| mined.inclusion.fee);
        for (attempt, held) in attempts.iter().zip(held) {
            let Some(held) = held.filter(|held| !held.is_settled) else { continue };
            let key = budget_key(account_nonce.chain_id, attempt.wallet);
            budget::settle(tx, key, held.day, attempt.reserved, fee).await?;
            fee = U256::ZERO;
        }
        let place = Place::of(account_nonce)?;
        let query = sqlx::query(
            "UPDATE attempts SET settled = 1 \
             WHERE chain_id = $1 AND sender = $2 AND account_nonce = $3",
        );
        query
            .bind(place.chain_id)
            .bind(place.sender)
            .bind(place.nonce)
            .execute(tx.connection())
            .await?;
        Ok(())
    }
}

impl MinedAttempt {
    const fn state(self) -> AttemptState {
        if self.is_reverted {
            AttemptState::Reverted(self.inclusion)
        } else {
            AttemptState::Mined(self.inclusion)
        }
    }
}

/// Changes the state of an attempt that was read in this transaction; tells the new revision.
async fn set(
    tx: &mut Transaction,
    present: &AttemptRecord,
    state: &AttemptState,
    is_final: bool,
    at: i64,
) -> Result<u64, StoreError> {
    let place = Place::of(present.account_nonce)?;
    let inclusion = state.inclusion();
    let revision = present.revision + 1;
    let query = sqlx::query(
        "UPDATE attempts SET state = $1, block_number = $2, block_hash = $3, gas_used = $4, \
         fee = $5, final = $6, revision = $7, updated_at = $8 WHERE chain_id = $9 \
         AND sender = $10 AND account_nonce = $11 AND number = $12 AND revision = $13",
    );
    let number = |field, of: fn(Inclusion) -> u64| {
        inclusion.map(|inclusion| int(field, of(inclusion))).transpose()
    };
    let done = query
        .bind(state.word())
        .bind(number("blockNumber", |inclusion| inclusion.block_number)?)
        .bind(inclusion.map(|inclusion| inclusion.block_hash.to_vec()))
        .bind(number("gasUsed", |inclusion| inclusion.gas_used)?)
        .bind(inclusion.map(|inclusion| inclusion.fee.to_string()))
        .bind(i64::from(is_final))
        .bind(int("revision", revision)?)
        .bind(at)
        .bind(place.chain_id)
        .bind(place.sender)
        .bind(place.nonce)
        .bind(i64::from(present.number))
        .bind(int("revision", present.revision)?)
        .execute(tx.connection())
        .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::Conflict {
            what: format!("attempt {} at {}", present.number, present.account_nonce),
            expected: present.revision,
            actual: revision,
        });
    }
    tell(tx, present, state, is_final, at).await?;
    Ok(revision)
}

async fn tell(
    tx: &mut Transaction,
    attempt: &AttemptRecord,
    state: &AttemptState,
    is_final: bool,
    at: i64,
) -> Result<(), StoreError> {
    let digest = attempt.purpose.digest();
    let mut what = json!({ "txHash": attempt.tx_hash, "state": state.word(), "final": is_final });
    if let Some(address) = attempt.wallet {
        let key = WalletKey { chain_id: attempt.account_nonce.chain_id, address };
        tx.emit(at, EventKind::AttemptState, key, digest, what.clone()).await?;
    }
    what["chainId"] = json!(attempt.account_nonce.chain_id);
    what["blockNumber"] = json!(state.inclusion().map(|inclusion| inclusion.block_number));
    tx.audit(at, Kind::AttemptState, what).await
}
