//! Taking an account nonce and storing the transaction that uses it, in one commit.

use super::{AccountNonce, NewAttempt, Place, budget_key, read};
use crate::{
    audit::Kind,
    budget,
    error::StoreError,
    lease::{self, Lease},
    outbox::EventKind,
    proposal::transition::{self, Transition},
    row::{Fields, blob, int},
    transaction::Transaction,
    wallet::{Recorded, WalletKey},
    writer::Intention,
};
use alloy::primitives::{B256, keccak256};
use serde_json::json;
use sqlx::AnyConnection;

pub(crate) struct RecordAttempt {
    pub(crate) lease: Lease,
    pub(crate) attempt: NewAttempt,
    pub(crate) transition: Option<Transition>,
    pub(crate) at: i64,
}

impl Intention for RecordAttempt {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        lease::check(tx, &self.lease).await?;
        let NewAttempt { account_nonce, number, raw, reservation, wallet, .. } = &self.attempt;
        let tx_hash = keccak256(raw);
        let lost =
            |winner| StoreError::Lost { account_nonce: *account_nonce, number: *number, winner };
        let attempts = read::at_nonce(tx.connection(), *account_nonce).await?;
        if let Some(present) = attempts.iter().find(|present| present.number == *number) {
            // The same bytes again: the caller did not learn that they were stored.
            let is_same = present.tx_hash == tx_hash;
            return if is_same { Ok(Recorded::Known) } else { Err(lost(Some(present.tx_hash))) };
        }
        if *number == 0 {
            if self.take_nonce(tx).await?.is_none() {
                return Err(lost(None));
            }
        } else {
            check_replacement(*account_nonce, *number, &attempts)?;
        }
        if let Some(reservation) = reservation {
            let key = budget_key(account_nonce.chain_id, *wallet);
            budget::reserve(tx, key, reservation, *number == 0).await?;
        }
        self.insert(tx, tx_hash).await?;
        self.tell(tx, tx_hash).await?;
        if let Some(transition) = &self.transition {
            transition::carry_out(tx, transition, self.at).await?;
        }
        Ok(Recorded::New)
    }
}

impl RecordAttempt {
    /// Takes the account nonce if it is the next one; `None` if it is used up.
    async fn take_nonce(&self, tx: &mut Transaction) -> Result<Option<()>, StoreError> {
        let NewAttempt { account_nonce, chain_nonce, .. } = &self.attempt;
        let AccountNonce { chain_id, sender, nonce } = *account_nonce;
        let stored = next_nonce(tx.connection(), chain_id, sender).await?;
        let expected = stored.unwrap_or(0).max(*chain_nonce);
        if nonce < expected {
            return Ok(None);
        }
        if nonce > expected {
            let account_nonce = *account_nonce;
            return Err(StoreError::Gap { account_nonce, number: 0, expected });
        }
        let query = sqlx::query(
            "INSERT INTO accounts (chain_id, sender, next_nonce) VALUES ($1, $2, $3) \
             ON CONFLICT (chain_id, sender) DO UPDATE SET next_nonce = $3 \
             WHERE accounts.next_nonce <= $4",
        );
        let place = Place::of(*account_nonce)?;
        let done = query
            .bind(place.chain_id)
            .bind(place.sender)
            .bind(int("accountNonce", nonce.saturating_add(1))?)
            .bind(place.nonce)
            .execute(tx.connection())
            .await?;
        Ok((done.rows_affected() == 1).then_some(()))
    }

    async fn insert(&self, tx: &mut Transaction, tx_hash: B256) -> Result<(), StoreError> {
        let attempt = &self.attempt;
        let place = Place::of(attempt.account_nonce)?;
        let reserved = attempt.reservation.map(|reservation| reservation.amount);
        let query = sqlx::query(
            "INSERT INTO attempts (chain_id, sender, account_nonce, number, tx_hash, raw, kind, \
             digest, wallet, max_fee_per_gas, max_priority_fee_per_gas, gas_limit, reserved, \
             budget_day, settled, state, final, revision, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 'stored', \
             0, 0, $15, $15)",
        );
        query
            .bind(place.chain_id)
            .bind(place.sender)
            .bind(place.nonce)
            .bind(i64::from(attempt.number))
            .bind(blob(tx_hash))
            .bind(blob(&attempt.raw))
            .bind(attempt.purpose.word())
            .bind(attempt.purpose.digest().map(blob))
            .bind(attempt.wallet.map(blob))
            .bind(attempt.max_fee_per_gas.to_string())
            .bind(attempt.max_priority_fee_per_gas.to_string())
            .bind(int("gasLimit", attempt.gas_limit)?)
            .bind(reserved.unwrap_or_default().to_string())
            .bind(attempt.reservation.map(|reservation| i64::from(reservation.day)))
            .bind(self.at)
            .execute(tx.connection())
            .await?;
        Ok(())
    }

    async fn tell(&self, tx: &mut Transaction, tx_hash: B256) -> Result<(), StoreError> {
        let NewAttempt { account_nonce, number, purpose, wallet, .. } = &self.attempt;
        let AccountNonce { chain_id, sender, nonce } = *account_nonce;
        let mut what = json!({
            "txHash": tx_hash,
            "kind": purpose.word(),
            "sender": sender.to_checksum(None),
            "accountNonce": nonce,
            "number": number,
        });
        if let Some(address) = *wallet {
            let key = WalletKey { chain_id, address };
            tx.emit(self.at, EventKind::Attempted, key, purpose.digest(), what.clone()).await?;
        }
        what["chainId"] = json!(chain_id);
        what["wallet"] = json!(wallet.map(|wallet| wallet.to_checksum(None)));
        what["digest"] = json!(purpose.digest());
        what["leaseEpoch"] = json!(self.lease.epoch);
        tx.audit(self.at, Kind::Attempted, what).await
    }
}

/// A replacement follows the last attempt, while the account nonce is not settled.
fn check_replacement(
    account_nonce: AccountNonce,
    number: u32,
    attempts: &[super::AttemptRecord],
) -> Result<(), StoreError> {
    if attempts.iter().any(|attempt| attempt.is_final) {
        return Err(StoreError::Settled { account_nonce });
    }
    let expected = attempts.len() as u64;
    if u64::from(number) != expected {
        return Err(StoreError::Gap { account_nonce, number, expected });
    }
    Ok(())
}

/// The account nonce that the next attempt of `sender` takes, as far as the store knows.
pub(crate) async fn next_nonce(
    connection: &mut AnyConnection,
    chain_id: u64,
    sender: alloy::primitives::Address,
) -> Result<Option<u64>, StoreError> {
    let query = sqlx::query("SELECT * FROM accounts WHERE chain_id = $1 AND sender = $2")
        .bind(int("chainId", chain_id)?)
        .bind(blob(sender));
    let row = query.fetch_optional(connection).await?;
    row.map(|row| Fields::new(&row, "accounts", &["chain_id", "sender"]).number("next_nonce"))
        .transpose()
}
