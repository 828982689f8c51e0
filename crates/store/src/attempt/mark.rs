//! What became of attempts, and the end of an account nonce.

use super::{AccountNonce, AttemptRecord, AttemptState, Inclusion, Place, budget_key, read};
use crate::{
    audit::Kind,
    budget::{self, Booking, Reservation},
    error::StoreError,
    lease::{self, Lease},
    outbox::EventKind,
    row::int,
    transaction::Transaction,
    wallet::WalletKey,
    writer::Intention,
};
use alloy::primitives::{B256, U256};
use quorate_core::status::BlockId;
use serde_json::json;

/// What the last send of an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendState {
    /// No answer, or none that says anything, came back.
    Unknown,
    /// An endpoint took it.
    Accepted,
    /// Every endpoint refused it, for a reason that proves that it is nowhere.
    Rejected,
}

/// How an account nonce ended: the block that decided it is as deep as is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The account nonce.
    pub account_nonce: AccountNonce,
    /// The block that decided it.
    pub block: BlockId,
    /// The attempt that was mined in it; `None` if a transaction that is not ours has the nonce.
    pub mined: Option<MinedAttempt>,
}

/// The attempt that used up its account nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinedAttempt {
    /// Its transaction.
    pub tx_hash: B256,
    /// Whether it reverted.
    pub is_reverted: bool,
    /// Gas of the whole transaction.
    pub gas_used: u64,
    /// Wei that the sender paid for it in all.
    pub fee: U256,
    /// What of that was for layer 1; none where the chain takes nothing besides gas for that.
    pub l1_fee: Option<U256>,
    /// What of that went to the chain's operator; none where there is no such fee.
    pub operator_fee: Option<U256>,
}

impl MinedAttempt {
    const fn inclusion(&self, block: BlockId) -> Inclusion {
        let Self { gas_used, fee, l1_fee, operator_fee, .. } = *self;
        Inclusion { block, gas_used, fee, l1_fee, operator_fee }
    }
}

pub(crate) struct MarkSent {
    pub(crate) lease: Lease,
    pub(crate) chain_id: u64,
    pub(crate) tx_hash: B256,
    pub(crate) state: SendState,
    pub(crate) at: i64,
}

impl Intention for MarkSent {
    type Output = ();

    async fn apply(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        lease::check(tx, &self.lease).await?;
        let (chain_id, tx_hash) = (self.chain_id, self.tx_hash);
        let present = read::by_hash(tx.connection(), chain_id, tx_hash).await?;
        let present = present.ok_or(StoreError::UnknownTransaction { chain_id, tx_hash })?;
        let state = match self.state {
            SendState::Unknown => AttemptState::Unknown,
            SendState::Accepted => AttemptState::Accepted,
            SendState::Rejected => AttemptState::Rejected,
        };
        let mut present = present;
        if present.settled.is_some() {
            let attempts = read::at_nonce(tx.connection(), present.account_nonce).await?;
            reopen(tx, &attempts, self.at).await?;
            let reopened = read::by_hash(tx.connection(), chain_id, tx_hash).await?;
            present = reopened.ok_or(StoreError::UnknownTransaction { chain_id, tx_hash })?;
        }
        if present.state == state {
            return Ok(());
        }
        set(tx, &present, &state, None, self.at).await
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
        let Settlement { account_nonce, block, mined } = self.settlement;
        let mut attempts = read::at_nonce(tx.connection(), account_nonce).await?;
        if let Some(MinedAttempt { tx_hash, .. }) = mined
            && !attempts.iter().any(|attempt| attempt.tx_hash == tx_hash)
        {
            let chain_id = account_nonce.chain_id;
            return Err(StoreError::UnknownTransaction { chain_id, tx_hash });
        }
        let is_same = |attempt: &AttemptRecord| {
            attempt.settled == Some(block) && attempt.state == self.state_of(attempt)
        };
        if attempts.iter().all(is_same) {
            return Ok(());
        }
        // After a reorg beyond finality it may end otherwise than was booked.
        if reopen(tx, &attempts, self.at).await? {
            attempts = read::at_nonce(tx.connection(), account_nonce).await?;
        }
        for attempt in &attempts {
            set(tx, attempt, &self.state_of(attempt), Some(block), self.at).await?;
        }
        if let Some(last) = attempts.last() {
            let key = budget_key(account_nonce.chain_id, last.wallet);
            budget::book(tx, key, last.reservation, Booking::Release).await?;
        }
        let is_mined =
            |attempt: &&AttemptRecord| mined.is_some_and(|m| m.tx_hash == attempt.tx_hash);
        if let (Some(mined), Some(attempt)) = (mined, attempts.iter().find(is_mined)) {
            let key = budget_key(account_nonce.chain_id, attempt.wallet);
            let cost = Reservation { amount: mined.fee, ..attempt.reservation };
            budget::book(tx, key, cost, Booking::Spend).await?;
        }
        let parts = mined.map(|mined| mined.inclusion(block));
        let decimal = |part: Option<U256>| part.map(|part| part.to_string());
        let what = json!({
            "chainId": account_nonce.chain_id,
            "sender": account_nonce.sender.to_checksum(None),
            "accountNonce": account_nonce.nonce,
            "block": block,
            "txHash": mined.map(|mined| mined.tx_hash),
            "fee": mined.map(|mined| mined.fee.to_string()),
            "gasFee": decimal(parts.map(|parts| parts.gas_fee())),
            "l1Fee": decimal(parts.and_then(|parts| parts.l1_fee)),
            "operatorFee": decimal(parts.and_then(|parts| parts.operator_fee)),
        });
        tx.audit(self.at, Kind::NonceSettled, what).await
    }
}

impl SettleNonce {
    fn state_of(&self, attempt: &AttemptRecord) -> AttemptState {
        match self.settlement.mined {
            Some(mined) if mined.tx_hash == attempt.tx_hash => {
                let inclusion = mined.inclusion(self.settlement.block);
                if mined.is_reverted {
                    AttemptState::Reverted(inclusion)
                } else {
                    AttemptState::Mined(inclusion)
                }
            }
            _ => AttemptState::Replaced,
        }
    }
}

/// Opens a settled account nonce again, as after a reorg beyond finality: nothing is known of its attempts, and its
/// reservation is held back as before. Tells whether it was settled.
pub(super) async fn reopen(
    tx: &mut Transaction,
    attempts: &[AttemptRecord],
    at: i64,
) -> Result<bool, StoreError> {
    let Some(last) = attempts.last().filter(|last| last.settled.is_some()) else {
        return Ok(false);
    };
    let chain_id = last.account_nonce.chain_id;
    for attempt in attempts {
        let Some(inclusion) = attempt.state.inclusion() else { continue };
        let cost = Reservation { amount: inclusion.fee, ..attempt.reservation };
        budget::book(tx, budget_key(chain_id, attempt.wallet), cost, Booking::Unspend).await?;
    }
    budget::book(tx, budget_key(chain_id, last.wallet), last.reservation, Booking::Reserve).await?;
    for attempt in attempts {
        set(tx, attempt, &AttemptState::Unknown, None, at).await?;
    }
    Ok(true)
}

/// Changes the state of an attempt that was read in this transaction.
async fn set(
    tx: &mut Transaction,
    present: &AttemptRecord,
    state: &AttemptState,
    settled: Option<BlockId>,
    at: i64,
) -> Result<(), StoreError> {
    let place = Place::of(present.account_nonce)?;
    let inclusion = state.inclusion();
    let revision = present.revision + 1;
    let query = sqlx::query(
        "UPDATE attempts SET state = $1, block_number = $2, block_hash = $3, gas_used = $4, \
         fee = $5, settled_block = $6, settled_hash = $7, final = $8, revision = $9, \
         updated_at = $10, l1_fee = $16, operator_fee = $17 WHERE chain_id = $11 AND sender = $12 \
         AND account_nonce = $13 AND number = $14 AND revision = $15",
    );
    let number = |block: BlockId| int("blockNumber", block.number);
    let done = query
        .bind(state.word())
        .bind(inclusion.map(|inclusion| number(inclusion.block)).transpose()?)
        .bind(inclusion.map(|inclusion| inclusion.block.hash.to_vec()))
        .bind(inclusion.map(|inclusion| int("gasUsed", inclusion.gas_used)).transpose()?)
        .bind(inclusion.map(|inclusion| inclusion.fee.to_string()))
        .bind(settled.map(number).transpose()?)
        .bind(settled.map(|block| block.hash.to_vec()))
        .bind(i64::from(settled.is_some()))
        .bind(int("revision", revision)?)
        .bind(at)
        .bind(place.chain_id)
        .bind(place.sender)
        .bind(place.nonce)
        .bind(i64::from(present.number))
        .bind(int("revision", present.revision)?)
        .bind(inclusion.and_then(|inclusion| inclusion.l1_fee).map(|fee| fee.to_string()))
        .bind(inclusion.and_then(|inclusion| inclusion.operator_fee).map(|fee| fee.to_string()))
        .execute(tx.connection())
        .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::Conflict {
            what: format!("attempt {} at {}", present.number, present.account_nonce),
            expected: present.revision,
            actual: revision,
        });
    }
    tell(tx, present, state, settled.is_some(), at).await
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
    what["blockNumber"] = json!(state.inclusion().map(|inclusion| inclusion.block.number));
    tx.audit(at, Kind::AttemptState, what).await
}
