//! Taking account nonces and storing the transactions that use them, in one commit.

use super::{AccountNonce, NewAttempt, Place, Purpose, budget_key, mark, read};
use crate::{
    audit::Kind,
    budget::{self, Booking},
    error::StoreError,
    lease::{self, Lease},
    outbox::EventKind,
    row::{Fields, blob, int},
    transaction::Transaction,
    wallet::{Recorded, WalletKey},
    writer::Intention,
};
use alloy::primitives::{Address, B256, keccak256};
use serde_json::json;
use sqlx::AnyConnection;

pub(crate) struct RecordAttempts {
    pub(crate) lease: Lease,
    pub(crate) attempts: Vec<NewAttempt>,
    pub(crate) at: i64,
}

impl Intention for RecordAttempts {
    type Output = Recorded;

    async fn apply(&self, tx: &mut Transaction) -> Result<Recorded, StoreError> {
        lease::check(tx, &self.lease).await?;
        let mut recorded = Recorded::Known;
        // Behind the one that this commit stored before is nothing: no need to look.
        let mut free = None;
        for attempt in &self.attempts {
            let AccountNonce { chain_id, sender, nonce } = attempt.account_nonce;
            let next = match free.take() {
                Some((behind, next)) if behind == (chain_id, sender) => Some(next),
                _ => next_nonce(tx.connection(), chain_id, sender).await?,
            };
            if self.record(tx, attempt, next).await? == Recorded::New {
                recorded = Recorded::New;
            }
            let next = next.unwrap_or(0).max(nonce.saturating_add(1));
            free = Some(((chain_id, sender), next));
        }
        Ok(recorded)
    }
}

impl RecordAttempts {
    /// Stores one of them; `next` is the account nonce behind the last one that was taken.
    async fn record(
        &self,
        tx: &mut Transaction,
        attempt: &NewAttempt,
        next: Option<u64>,
    ) -> Result<Recorded, StoreError> {
        let NewAttempt { account_nonce, number, raw, reservation, wallet, purpose, .. } = attempt;
        let tx_hash = keccak256(raw);
        let lost =
            |winner| StoreError::Lost { account_nonce: *account_nonce, number: *number, winner };
        let is_late = next.is_some_and(|next| account_nonce.nonce < next);
        let attempts = match is_late {
            true => read::at_nonce(tx.connection(), *account_nonce).await?,
            false => Vec::new(),
        };
        if let Some(present) = attempts.iter().find(|present| present.number == *number) {
            // The same bytes again: the caller did not learn that they were stored.
            let is_same = present.tx_hash == tx_hash;
            return if is_same { Ok(Recorded::Known) } else { Err(lost(Some(present.tx_hash))) };
        }
        let expected = attempts.len() as u64;
        if u64::from(*number) != expected {
            let (account_nonce, number) = (*account_nonce, *number);
            return Err(StoreError::Gap { account_nonce, number, expected });
        }
        if *number == 0 {
            // Only a no-op may fill what later ones left.
            if is_late && *purpose != Purpose::Noop {
                return Err(lost(None));
            }
            let key = budget_key(account_nonce.chain_id, *wallet);
            budget::book(tx, key, *reservation, Booking::Reserve).await?;
        } else {
            mark::reopen(tx, &attempts, self.at).await?;
            if let Some(before) = attempts.last() {
                let key = budget_key(account_nonce.chain_id, before.wallet);
                budget::book(tx, key, before.reservation, Booking::Release).await?;
            }
            let key = budget_key(account_nonce.chain_id, *wallet);
            budget::book(tx, key, *reservation, Booking::Reserve).await?;
        }
        self.insert(tx, attempt, tx_hash).await?;
        self.tell(tx, attempt, tx_hash).await?;
        Ok(Recorded::New)
    }

    async fn insert(
        &self,
        tx: &mut Transaction,
        attempt: &NewAttempt,
        tx_hash: B256,
    ) -> Result<(), StoreError> {
        let place = Place::of(attempt.account_nonce)?;
        let query = sqlx::query(
            "INSERT INTO attempts (chain_id, sender, account_nonce, number, tx_hash, raw, kind, \
             digest, wallet, max_fee_per_gas, max_priority_fee_per_gas, gas_limit, ceiling, \
             reserved, budget_day, state, final, revision, created_at, updated_at, rollup_fee) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'stored', \
             0, 0, $16, $16, $17)",
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
            .bind(attempt.ceiling.to_string())
            .bind(attempt.reservation.amount.to_string())
            .bind(i64::from(attempt.reservation.day))
            .bind(self.at)
            .bind(attempt.rollup_fee.to_string())
            .execute(tx.connection())
            .await?;
        Ok(())
    }

    async fn tell(
        &self,
        tx: &mut Transaction,
        attempt: &NewAttempt,
        tx_hash: B256,
    ) -> Result<(), StoreError> {
        let NewAttempt { account_nonce, number, purpose, wallet, .. } = attempt;
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

/// The account nonce behind the last one that was taken for `sender`; `None` if none was.
pub(crate) async fn next_nonce(
    connection: &mut AnyConnection,
    chain_id: u64,
    sender: Address,
) -> Result<Option<u64>, StoreError> {
    let query = sqlx::query(
        "SELECT MAX(account_nonce) AS last FROM attempts WHERE chain_id = $1 AND sender = $2",
    );
    let query = query.bind(int("chainId", chain_id)?).bind(blob(sender));
    let row = query.fetch_one(connection).await?;
    let last: Option<u64> = Fields::new(&row, "attempts", &[]).number_opt("last")?;
    Ok(last.map(|last| last.saturating_add(1)))
}
