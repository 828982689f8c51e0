//! What is durable: the rows of one chain in the store, as the engine wants them.

use super::{failpoint, failpoint::Point, tenure::Tenure};
use crate::{
    attempt::{AttemptRecord, AttemptState, Draft, Kind, Purpose},
    budget::Charge,
    event::Paid,
    fees::Fees,
    rows::{ProposalRow, Rows, Settlement, WalletRow},
    status::{Failure, StatusChange},
};
use alloy::{
    consensus::{Transaction as _, TxEnvelope},
    eips::eip2718::Decodable2718,
    primitives::{Address, B256, U256},
};
use quorate_core::{Config, OwnerSignature, Snapshot};
use quorate_store::{
    self as store, ChainRecords, Horizon, Lapse, Lease, MinedAttempt, NewAttempt, NewSignature,
    ProposalRecord, Reservation, SendState, Storage, Store, StoreError, WalletKey, WalletRecord,
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use thiserror::Error;

/// How long to wait before what failed is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many days an account nonce may stay open; as the ledger has it.
const DAYS: u64 = 7;

/// Why a book cannot go on.
#[derive(Debug, Error)]
pub enum BookError {
    /// The store fails for good: its rows are damaged, or it refuses what it is told.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored bytes are not a transaction.
    #[error("attempt {tx_hash} is not a transaction of ours: {reason}")]
    NotATransaction {
        /// Its hash.
        tx_hash: B256,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Something to be stored.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// Attempts, and with them the taking of their account nonces.
    Attempts { request: u64, records: Vec<AttemptRecord> },
    /// What the last send of an attempt came to.
    Sent { tx_hash: B256, state: AttemptState },
    /// Where a proposal stands.
    Status(Box<StatusChange>),
    /// That a contract's signature holds no more.
    Lapsed(Box<Lapse>),
    /// How an account nonce ended.
    Settled { sender: Address, account_nonce: u64, settlement: Settlement },
    /// What a wallet was at a block that is too old to be undone.
    Checkpoint { wallet: Address, snapshot: Snapshot },
    /// That an owner approved a proposal on chain.
    Approved { digest: B256, owner: Address },
    /// The configuration of a wallet at the head.
    Config { wallet: Address, config: Config, epoch: u32 },
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is durable, or was before.
    Stored,
    /// Other bytes have its place, or the lease is lost.
    Lost,
    /// Nobody knows: the store did not answer until the lease was over. It is read anew.
    Open,
}

/// What is known of the lease.
#[derive(Debug, Default)]
struct Leased {
    /// The one that the last reading began with.
    held: Option<Lease>,
    /// One that another took, which the keeper may not know yet.
    lost: Option<Lease>,
}

/// The rows of one chain.
#[derive(Debug)]
pub(super) struct Book {
    store: Store,
    chain_id: u64,
    tenure: Tenure,
    lease: Mutex<Leased>,
    clock: fn() -> u64,
    /// How far back a reorg may reach, in milliseconds.
    reach_millis: u64,
}

impl Book {
    pub(super) fn new(
        store: Store,
        chain_id: u64,
        tenure: Tenure,
        clock: fn() -> u64,
        reach_millis: u64,
    ) -> Self {
        Self { store, chain_id, tenure, lease: Mutex::default(), clock, reach_millis }
    }

    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    /// The lease that the last reading began with.
    pub(super) fn lease(&self) -> Option<Lease> {
        self.leased().held.clone()
    }

    fn leased(&self) -> MutexGuard<'_, Leased> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_secs(&self) -> u64 {
        (self.clock)() / 1_000
    }

    /// Whether the process has the lease that this book began with.
    fn is_leading(&self) -> bool {
        let held = self.lease();
        held.is_some() && self.tenure.lease() == held
    }

    /// Waits for a lease, and reads everything that the engine begins with.
    pub(super) async fn load(&self) -> Result<Rows, BookError> {
        loop {
            let lost = self.leased().lost.clone();
            let lease = self.tenure.clone().acquired(lost.as_ref()).await;
            self.leased().held = Some(lease);
            let now = (self.clock)();
            let since = now.saturating_sub(self.reach_millis);
            let day = (now / 86_400_000).saturating_sub(DAYS);
            let horizon = Horizon {
                since: i64::try_from(since).unwrap_or(i64::MAX),
                day: u32::try_from(day).unwrap_or(u32::MAX),
            };
            let read = retried(|| self.store.chain_records(self.chain_id, horizon)).await;
            let rows = rows(read?)?;
            // What another engine stored before it lost the lease is in there only if it has lost it.
            if self.is_leading() {
                return Ok(rows);
            }
        }
    }

    /// Stores all of these, in this order, as far as they need one. What fails for now is tried again until it is
    /// durable, or the lease is over.
    pub(super) async fn write(&self, writes: &[Write]) -> Result<Vec<Written>, BookError> {
        let mut pause = FIRST_PAUSE;
        let mut written: Vec<Option<Written>> = vec![None; writes.len()];
        loop {
            let open = (0..writes.len()).filter(|&index| written[index].is_none());
            let done =
                open.map(|index| async move { (index, self.write_one(&writes[index]).await) });
            let mut failed = None;
            // All are queued at once and in order, so that they are committed together.
            for (index, outcome) in futures_util::future::join_all(done).await {
                match outcome {
                    Ok(()) => written[index] = Some(Written::Stored),
                    Err(StoreError::LeaseLost { asked, .. }) => {
                        self.leased().lost = Some(asked);
                        written[index] = Some(Written::Lost);
                    }
                    Err(StoreError::Lost { .. } | StoreError::Gap { .. }) => {
                        written[index] = Some(Written::Lost);
                    }
                    Err(error) if error.may_pass() => failed = Some(error),
                    Err(error) => return Err(error.into()),
                }
            }
            let Some(error) = failed else { break };
            if !self.is_leading() {
                tracing::warn!(%error, "not stored before the lease was over");
                break;
            }
            tracing::warn!(%error, "not stored yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(written.into_iter().map(|written| written.unwrap_or(Written::Open)).collect())
    }

    async fn write_one(&self, write: &Write) -> Result<(), StoreError> {
        let at = i64::try_from((self.clock)()).unwrap_or(i64::MAX);
        let Some(lease) = &self.lease() else { return Ok(()) };
        let (store, chain_id) = (&self.store, self.chain_id);
        let key = |address| WalletKey { chain_id, address };
        match write {
            Write::Attempts { records, .. } => {
                let reach = |point| {
                    for AttemptRecord { draft, .. } in records {
                        let work = failpoint::work(draft.kind, draft.number as usize);
                        failpoint::reach(point, work);
                    }
                };
                reach(Point::BeforeCommit);
                let attempts = records.iter().map(|record| self.new_attempt(record)).collect();
                store.record_attempts(lease, attempts, at).await?;
                reach(Point::AfterCommit);
            }
            Write::Sent { tx_hash, state } => {
                let state = match state {
                    AttemptState::Unknown => SendState::Unknown,
                    AttemptState::Accepted => SendState::Accepted,
                    AttemptState::Rejected(_) => SendState::Rejected,
                };
                store.mark_sent(lease, chain_id, *tx_hash, state, at).await?;
            }
            Write::Status(change) => {
                store.change_status(lease, change.as_ref().clone(), at).await?;
            }
            Write::Lapsed(lapse) => {
                store.lapse_signature(lease, lapse.as_ref().clone(), at).await?;
            }
            Write::Settled { sender, account_nonce, settlement } => {
                let account_nonce =
                    store::AccountNonce { chain_id, sender: *sender, nonce: *account_nonce };
                let Settlement { tx_hash, block, paid } = *settlement;
                let mined = tx_hash.map(|tx_hash| MinedAttempt {
                    tx_hash,
                    is_reverted: !paid.success,
                    gas_used: paid.gas_used,
                    fee: paid.cost,
                    l1_fee: paid.l1_fee,
                    operator_fee: paid.operator_fee,
                });
                let settlement = store::Settlement { account_nonce, block, mined };
                store.settle_nonce(lease, settlement, at).await?;
            }
            Write::Checkpoint { wallet, snapshot } => {
                store.checkpoint(lease, key(*wallet), snapshot.clone()).await?;
            }
            Write::Approved { digest, owner } => {
                let signature = NewSignature {
                    owner: *owner,
                    signature: OwnerSignature::Approved,
                    verified: true,
                    replaces: None,
                };
                store.accept_signature(*digest, signature, at).await?;
            }
            Write::Config { wallet, config, epoch } => {
                store.record_config(key(*wallet), config.clone(), *epoch, at).await?;
            }
        }
        Ok(())
    }

    fn new_attempt(&self, record: &AttemptRecord) -> NewAttempt {
        let draft = &record.draft;
        let AttemptRecord { raw, .. } = record;
        NewAttempt {
            account_nonce: store::AccountNonce {
                chain_id: self.chain_id,
                sender: draft.sender,
                nonce: draft.account_nonce,
            },
            number: draft.number,
            purpose: match (draft.kind, draft.purpose) {
                (Kind::Execute, Purpose::Execute { digest, .. }) => {
                    store::Purpose::Execute { digest }
                }
                (Kind::Create, _) => store::Purpose::Create,
                (Kind::Noop | Kind::Execute, _) => store::Purpose::Noop,
            },
            wallet: draft.purpose.wallet(),
            raw: raw.clone(),
            max_fee_per_gas: U256::from(draft.fees.max_fee_per_gas()),
            max_priority_fee_per_gas: U256::from(draft.fees.max_priority_fee_per_gas()),
            gas_limit: draft.gas_limit,
            ceiling: U256::from(draft.ceiling),
            rollup_fee: draft.rollup_fee,
            reservation: Reservation {
                day: u32::try_from(draft.charge.day).unwrap_or(u32::MAX),
                amount: draft.charge.amount,
            },
        }
    }
}

/// Asks until there is an answer that asking again would not change.
pub(super) async fn retried<T, F>(ask: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match ask().await {
            Err(error) if error.may_pass() => {
                tracing::warn!(%error, "not read yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            answer => return answer,
        }
    }
}

/// A wallet as the engine takes it.
pub(super) fn wallet_row(record: WalletRecord) -> WalletRow {
    WalletRow {
        address: record.key.address,
        creation: record.origin.map(|origin| (origin.config, origin.salt)),
        snapshot: record.snapshot,
    }
}

/// A proposal as the engine takes it: with the signatures that were verified.
pub(super) fn proposal_row(record: ProposalRecord) -> ProposalRow {
    let verified = record.signatures.into_iter().filter(|signature| signature.verified);
    ProposalRow {
        digest: record.digest,
        request: record.request,
        signatures: verified.map(|signature| (signature.owner, signature.signature)).collect(),
        ready_order: record.ready_order,
        failures: record.failures,
        forgiven: 0,
        status: record.status,
        is_final: record.is_final,
        revision: record.revision,
    }
}

/// How many failures of a proposal are of attempts that were recorded before its last signature came in.
fn forgiven(record: &ProposalRecord, recorded: &BTreeMap<B256, i64>) -> usize {
    let last = record.signatures.iter().map(|signature| signature.received_at).max();
    let is_older = |failure: &&Failure| recorded.get(&failure.tx_hash).copied() < last;
    let known = record.failures.iter().filter(|failure| recorded.contains_key(&failure.tx_hash));
    known.filter(is_older).count()
}

fn rows(records: ChainRecords) -> Result<Rows, BookError> {
    let recorded = records.attempts.iter().map(|attempt| (attempt.tx_hash, attempt.created_at));
    let recorded = recorded.collect();
    let row = |record: ProposalRecord| {
        let forgiven = forgiven(&record, &recorded);
        ProposalRow { forgiven, ..proposal_row(record) }
    };
    let mut rows = Rows {
        wallets: records.wallets.into_iter().map(wallet_row).collect(),
        proposals: records.proposals.into_iter().map(row).collect(),
        is_paused: records.is_paused,
        ..Rows::default()
    };
    // What was spent, by day and wallet; nobody's is what is left of the whole chain's.
    let mut spent: BTreeMap<(u64, Option<Address>), U256> = BTreeMap::new();
    for record in &records.budgets {
        let (day, sum) = (u64::from(record.day), record.usage.spent);
        let nobodys = spent.entry((day, None)).or_default();
        match record.wallet {
            None => *nobodys = nobodys.wrapping_add(sum),
            Some(wallet) => {
                *nobodys = nobodys.wrapping_sub(sum);
                spent.insert((day, Some(wallet)), sum);
            }
        }
    }
    let mut purpose = None;
    for record in &records.attempts {
        let attempt = attempt(record, &mut purpose)?;
        let draft = &attempt.draft;
        let place = (draft.sender, draft.account_nonce);
        let cost = record.state.inclusion().map_or(U256::ZERO, |inclusion| inclusion.fee);
        if let Some(sum) = spent.get_mut(&(draft.charge.day, draft.charge.wallet)) {
            *sum = sum.wrapping_sub(cost);
        }
        if let Some(block) = record.settled {
            let settlement = rows.settled.entry(place).or_insert(Settlement {
                tx_hash: None,
                block,
                paid: Paid::default(),
            });
            if let Some(inclusion) = record.state.inclusion() {
                settlement.tx_hash = Some(attempt.tx_hash);
                settlement.paid = Paid {
                    success: matches!(record.state, store::AttemptState::Mined(_)),
                    gas_used: inclusion.gas_used,
                    cost,
                    l1_fee: inclusion.l1_fee,
                    operator_fee: inclusion.operator_fee,
                };
            }
        }
        rows.attempts.push(attempt);
    }
    let charges = spent.into_iter().filter(|(_, amount)| !amount.is_zero());
    rows.spent = charges.map(|((day, wallet), amount)| Charge { day, wallet, amount }).collect();
    Ok(rows)
}

/// An attempt as the engine takes it. `purpose` is what the last account nonce was taken for.
fn attempt(
    record: &store::AttemptRecord,
    purpose: &mut Option<Purpose>,
) -> Result<AttemptRecord, BookError> {
    let tx_hash = record.tx_hash;
    let not_ours = |reason| BookError::NotATransaction { tx_hash, reason };
    let envelope = TxEnvelope::decode_2718(&mut record.raw.as_ref())
        .map_err(|_| not_ours("its bytes make no sense"))?;
    let kind = match record.purpose {
        store::Purpose::Execute { .. } => Kind::Execute,
        store::Purpose::Create => Kind::Create,
        store::Purpose::Noop => Kind::Noop,
    };
    // A no-op is for what had the account nonce before it.
    let taken_for = match (record.purpose, record.wallet) {
        (store::Purpose::Execute { digest }, Some(wallet)) => Purpose::Execute { wallet, digest },
        (store::Purpose::Create, Some(wallet)) => Purpose::Create { wallet },
        (store::Purpose::Noop, _) if record.number == 0 => Purpose::Gap,
        (store::Purpose::Noop, _) => purpose.ok_or_else(|| not_ours("it replaces nothing"))?,
        _ => return Err(not_ours("it belongs to no wallet")),
    };
    *purpose = Some(taken_for);
    let ceiling = u128::try_from(record.ceiling).unwrap_or(u128::MAX);
    let priority = envelope.max_priority_fee_per_gas().unwrap_or_default();
    let charge = Charge {
        day: record.reservation.day.into(),
        wallet: taken_for.wallet(),
        amount: record.reservation.amount,
    };
    let draft = Draft {
        sender: record.account_nonce.sender,
        account_nonce: record.account_nonce.nonce,
        number: record.number,
        purpose: taken_for,
        kind,
        to: envelope.to().ok_or_else(|| not_ours("it creates a contract"))?,
        data: envelope.input().clone(),
        gas_limit: envelope.gas_limit(),
        fees: Fees::new(envelope.max_fee_per_gas(), priority),
        ceiling,
        rollup_fee: record.rollup_fee,
        charge,
    };
    Ok(AttemptRecord { draft, tx_hash, raw: record.raw.clone() })
}
