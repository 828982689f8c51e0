//! The one implementation of [`Storage`], on either database.

use crate::{
    acceptance::{self, AcceptTerms, AcceptanceRecord, NewAcceptance},
    attempt::{
        self, AccountNonce, AttemptRecord, NewAttempt,
        mark::{MarkSent, SendState, SettleNonce, Settlement},
        record::RecordAttempts,
    },
    audit::verify::{self, AuditReport},
    budget::{self, Usage},
    chain::{self, ChainRecords, Horizon, SetPaused},
    error::{DatabaseError, OpenError, StoreError},
    lease::{self, AcquireLease, Lease, LeaseAnswer, ReleaseLease, RenewLease},
    many::{self, OpenNonce},
    migrate,
    open::{Access, Connector, Engine, Options},
    outbox::{self, Event, EventFilter},
    page::Page,
    proposal::{
        self, NewProposal, ProposalFilter, ProposalRecord, RecordProposal, RecordedProposal,
        change::ChangeStatus,
    },
    signature::{AcceptSignature, Accepted, Lapse, LapseSignature, NewSignature},
    storage::Storage,
    token::{self, CreateToken, NewToken, RevokeToken, TokenRecord},
    transaction::{self, Head},
    wallet::{
        self, Checkpoint, NewWallet, RecordConfig, Recorded, RegisterWallet, WalletFilter,
        WalletKey, WalletRecord,
    },
    webhook::{
        self, DeliveryFilter, DeliveryRecord, Enqueued, EventKinds, Redeliver, SetWebhookEnabled,
        WebhookRecord,
        enqueue::{BeginWebhook, EnqueueDeliveries},
        outcome::{DeliveryAttempt, RecordDelivery},
    },
    writer::{CheckWritable, Intention, Queue},
};
use alloy::primitives::{Address, B256};
use quorate_core::{Config, Snapshot, status::StatusChange};
use sqlx::{Any, AnyPool, Transaction};
use std::{fmt, ops::RangeInclusive, time::Duration};
use tokio::{sync::watch, time::Instant};

/// For how long opening is tried again while the database is busy, and how long is waited before.
const OPEN_WAIT: Duration = Duration::from_secs(3);
const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// A database. Cheap to clone; all clones share one writer.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    pool: AnyPool,
    /// `None`: it was opened to be read only.
    queue: Option<Queue>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the pool, which shows the URL and the password in it.
        f.debug_struct("Store").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database at `url`: a file, `sqlite:FILE` or `postgres://…`. Creates the file (for its owner only)
    /// and the tables where they are missing. Needs a tokio runtime, on which the writer lives.
    ///
    /// Another process may have the same database open: both may write, one engine holds the lease.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, belongs to another application, or is of a newer version.
    pub async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let connector = Connector::new(url, options, Access::Write)?;
        // While another process makes the file, SQLite says that it is locked without waiting.
        let begun = Instant::now();
        let writer = loop {
            match connector.open().await {
                Err(error) if error.is_retryable() && begun.elapsed() < OPEN_WAIT => {
                    tokio::time::sleep(OPEN_PAUSE).await;
                }
                opened => break opened?,
            }
        };
        let pool = connector.pool().await?;
        let engine = connector.engine();
        Ok(Self { engine, pool, queue: Some(Queue::start(writer, connector)) })
    }

    /// Opens the database at `url` to read it. Makes no file and no tables, brings none up to date, and stores nothing:
    /// every intention fails with [`DatabaseError::ReadOnly`].
    ///
    /// SQLite makes its two files beside the one that is read, if nobody has it open, and so needs a folder that may be
    /// written.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, holds no store, belongs to another application, or is of another version.
    pub async fn open_read_only(url: &str, options: Options) -> Result<Self, OpenError> {
        let connector = Connector::new(url, options, Access::ReadOnly)?;
        let (engine, pool) = (connector.engine(), connector.pool().await?);
        migrate::check(&mut *pool.acquire().await?, engine).await?;
        Ok(Self { engine, pool, queue: None })
    }

    /// Which database it is.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    #[cfg(test)]
    pub(crate) const fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// The sequence of the last event that this process committed: a hint that there is something to read. What other
    /// processes write is not told.
    pub fn told(&self) -> watch::Receiver<u64> {
        match &self.queue {
            Some(queue) => queue.told(),
            None => watch::channel(0).1,
        }
    }

    /// How many intentions wait to be stored by this process.
    pub fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Queue::waiting)
    }

    /// Stores what is queued and closes the database, for all clones.
    pub async fn close(&self) {
        if let Some(queue) = &self.queue {
            queue.stop().await;
        }
        self.pool.close().await;
    }

    /// Stores an intention.
    async fn store<I: Intention>(&self, intention: I) -> Result<I::Output, StoreError> {
        self.writer()?.store(intention).await
    }

    /// Stores an intention before others that wait.
    async fn store_first<I: Intention>(&self, intention: I) -> Result<I::Output, StoreError> {
        self.writer()?.store_first(intention).await
    }

    fn writer(&self) -> Result<&Queue, StoreError> {
        self.queue.as_ref().ok_or_else(|| {
            let detail = "it was opened to be read only".to_owned();
            DatabaseError::ReadOnly { detail }.into()
        })
    }

    /// A transaction in which all reads see the same state.
    async fn snapshot(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.pool.begin_with(self.engine.begin_snapshot()).await?)
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let mut connection = self.pool.acquire().await?;
        transaction::read_head(&mut connection, transaction::SELECT_HEAD).await
    }
}

impl Storage for Store {
    async fn register_wallet(&self, wallet: NewWallet, at: i64) -> Result<Recorded, StoreError> {
        self.store(RegisterWallet { wallet, at }).await
    }

    async fn record_config(
        &self,
        key: WalletKey,
        config: Config,
        epoch: u32,
        at: i64,
    ) -> Result<(), StoreError> {
        self.store(RecordConfig { key, config, epoch, at }).await
    }

    async fn find_wallet(&self, key: WalletKey) -> Result<Option<WalletRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        wallet::find(&mut connection, key).await
    }

    async fn list_wallets(
        &self,
        filter: WalletFilter,
        after: Option<WalletKey>,
        limit: u32,
    ) -> Result<Page<WalletRecord, WalletKey>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        wallet::list(&mut connection, &filter, after, limit).await
    }

    async fn record_proposal(
        &self,
        proposal: NewProposal,
        at: i64,
    ) -> Result<RecordedProposal, StoreError> {
        self.store(RecordProposal { proposal, at }).await
    }

    async fn accept_signature(
        &self,
        digest: B256,
        signature: NewSignature,
        at: i64,
    ) -> Result<Accepted, StoreError> {
        self.store(AcceptSignature { digest, signature, at }).await
    }

    async fn lapse_signature(
        &self,
        lease: &Lease,
        lapse: Lapse,
        at: i64,
    ) -> Result<Recorded, StoreError> {
        self.store(LapseSignature { lease: lease.clone(), lapse, at }).await
    }

    async fn change_status(
        &self,
        lease: &Lease,
        change: StatusChange,
        at: i64,
    ) -> Result<Recorded, StoreError> {
        self.store(ChangeStatus { lease: lease.clone(), change, at }).await
    }

    async fn find_proposal(&self, digest: B256) -> Result<Option<ProposalRecord>, StoreError> {
        let mut tx = self.snapshot().await?;
        let found = proposal::read::find(&mut tx, digest).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn list_proposals(
        &self,
        filter: ProposalFilter,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<ProposalRecord, u64>, StoreError> {
        let mut tx = self.snapshot().await?;
        let page = proposal::read::list(&mut tx, &filter, before, limit).await?;
        tx.commit().await?;
        Ok(page)
    }

    async fn accept_terms(
        &self,
        acceptance: NewAcceptance,
        at: i64,
    ) -> Result<Accepted, StoreError> {
        self.store(AcceptTerms { acceptance, at }).await
    }

    async fn acceptances(&self, wallet: WalletKey) -> Result<Vec<AcceptanceRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        acceptance::of_wallet(&mut connection, wallet).await
    }

    async fn find_wallets(&self, keys: Vec<WalletKey>) -> Result<Vec<WalletRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        many::wallets(&mut connection, &keys).await
    }

    async fn open_nonces(&self, wallets: Vec<WalletKey>) -> Result<Vec<OpenNonce>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        many::open_nonces(&mut connection, &wallets).await
    }

    async fn rivals_of(&self, digests: Vec<B256>) -> Result<Vec<(B256, B256)>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        many::rivals(&mut connection, &digests).await
    }

    async fn attempts_for(
        &self,
        digests: Vec<B256>,
    ) -> Result<Vec<(B256, AttemptRecord)>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        many::attempts(&mut connection, &digests).await
    }

    async fn record_attempt(
        &self,
        lease: &Lease,
        attempt: NewAttempt,
        at: i64,
    ) -> Result<Recorded, StoreError> {
        self.record_attempts(lease, vec![attempt], at).await
    }

    async fn record_attempts(
        &self,
        lease: &Lease,
        attempts: Vec<NewAttempt>,
        at: i64,
    ) -> Result<Recorded, StoreError> {
        self.store_first(RecordAttempts { lease: lease.clone(), attempts, at }).await
    }

    async fn mark_sent(
        &self,
        lease: &Lease,
        chain_id: u64,
        tx_hash: B256,
        state: SendState,
        at: i64,
    ) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.store(MarkSent { lease, chain_id, tx_hash, state, at }).await
    }

    async fn settle_nonce(
        &self,
        lease: &Lease,
        settlement: Settlement,
        at: i64,
    ) -> Result<(), StoreError> {
        self.store(SettleNonce { lease: lease.clone(), settlement, at }).await
    }

    async fn checkpoint(
        &self,
        lease: &Lease,
        key: WalletKey,
        snapshot: Snapshot,
    ) -> Result<(), StoreError> {
        self.store(Checkpoint { lease: lease.clone(), key, snapshot }).await
    }

    async fn chain_records(
        &self,
        chain_id: u64,
        horizon: Horizon,
    ) -> Result<ChainRecords, StoreError> {
        let mut tx = self.snapshot().await?;
        let records = chain::records(&mut tx, chain_id, horizon).await?;
        tx.commit().await?;
        Ok(records)
    }

    async fn set_paused(
        &self,
        chain_id: u64,
        is_paused: bool,
        at: i64,
    ) -> Result<Recorded, StoreError> {
        self.store(SetPaused { chain_id, is_paused, at }).await
    }

    async fn is_paused(&self, chain_id: u64) -> Result<bool, StoreError> {
        let mut connection = self.pool.acquire().await?;
        chain::is_paused(&mut connection, chain_id).await
    }

    async fn attempts_at(
        &self,
        account_nonce: AccountNonce,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        attempt::read::at_nonce(&mut connection, account_nonce).await
    }

    async fn attempts_of(&self, digest: B256) -> Result<Vec<AttemptRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        attempt::read::of_proposal(&mut connection, digest).await
    }

    async fn find_attempt(
        &self,
        chain_id: u64,
        tx_hash: B256,
    ) -> Result<Option<AttemptRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        attempt::read::by_hash(&mut connection, chain_id, tx_hash).await
    }

    async fn next_account_nonce(
        &self,
        chain_id: u64,
        sender: Address,
    ) -> Result<Option<u64>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        attempt::record::next_nonce(&mut connection, chain_id, sender).await
    }

    async fn budget_usage(
        &self,
        chain_id: u64,
        wallet: Option<Address>,
        day: u32,
    ) -> Result<Usage, StoreError> {
        let key = WalletKey { chain_id, address: wallet.unwrap_or(budget::WHOLE_CHAIN) };
        let mut connection = self.pool.acquire().await?;
        budget::find(&mut connection, key, day).await
    }

    async fn acquire_lease(
        &self,
        holder: String,
        duration_millis: u32,
        at: i64,
    ) -> Result<LeaseAnswer, StoreError> {
        self.store(AcquireLease { holder, duration_millis, at }).await
    }

    async fn renew_lease(
        &self,
        lease: &Lease,
        duration_millis: u32,
        at: i64,
    ) -> Result<Lease, StoreError> {
        self.store_first(RenewLease { lease: lease.clone(), duration_millis, at }).await
    }

    async fn release_lease(&self, lease: &Lease, at: i64) -> Result<(), StoreError> {
        self.store(ReleaseLease { lease: lease.clone(), at }).await
    }

    async fn find_lease(&self) -> Result<Option<Lease>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        lease::find(&mut connection).await
    }

    async fn events_after(
        &self,
        sequence: u64,
        filter: EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        outbox::after(&mut connection, sequence, &filter, limit).await
    }

    async fn last_event(&self) -> Result<u64, StoreError> {
        Ok(self.head().await?.outbox_sequence)
    }

    async fn create_token(&self, token: NewToken, at: i64) -> Result<Recorded, StoreError> {
        self.store(CreateToken { token, at }).await
    }

    async fn revoke_token(&self, name: String, at: i64) -> Result<Recorded, StoreError> {
        self.store(RevokeToken { name, at }).await
    }

    async fn list_tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        token::list(&mut connection).await
    }

    async fn find_token(&self, hash: B256) -> Result<Option<TokenRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        token::find(&mut connection, hash).await
    }

    async fn begin_webhook(&self, webhook: String, at: i64) -> Result<Recorded, StoreError> {
        self.store(BeginWebhook { webhook, at }).await
    }

    async fn enqueue_deliveries(
        &self,
        webhook: String,
        kinds: EventKinds,
        limit: u32,
        at: i64,
    ) -> Result<Enqueued, StoreError> {
        self.store(EnqueueDeliveries { webhook, kinds, limit, at }).await
    }

    async fn due_deliveries(
        &self,
        webhook: String,
        now: i64,
        limit: u32,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        webhook::read::due(&mut connection, &webhook, now, limit).await
    }

    async fn record_delivery(
        &self,
        attempt: DeliveryAttempt,
        at: i64,
    ) -> Result<Recorded, StoreError> {
        self.store(RecordDelivery { attempt, at }).await
    }

    async fn redeliver(
        &self,
        webhook: String,
        kinds: EventKinds,
        range: RangeInclusive<u64>,
        at: i64,
    ) -> Result<u64, StoreError> {
        self.store(Redeliver { webhook, kinds, range, at }).await
    }

    async fn set_webhook_enabled(
        &self,
        webhook: String,
        is_enabled: bool,
        at: i64,
    ) -> Result<Recorded, StoreError> {
        self.store(SetWebhookEnabled { webhook, is_enabled, at }).await
    }

    async fn list_webhooks(&self) -> Result<Vec<WebhookRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        webhook::read::webhooks(&mut connection).await
    }

    async fn list_deliveries(
        &self,
        webhook: String,
        filter: DeliveryFilter,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<DeliveryRecord, u64>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        webhook::read::list(&mut connection, &webhook, filter, before, limit).await
    }

    async fn verify_audit(&self, expected_head: Option<B256>) -> Result<AuditReport, StoreError> {
        let mut tx = self.snapshot().await?;
        let report = verify::verify(&mut tx, expected_head).await?;
        tx.commit().await?;
        Ok(report)
    }

    async fn audit_head(&self) -> Result<B256, StoreError> {
        Ok(self.head().await?.audit_hash)
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        self.head().await?;
        self.store(CheckWritable).await
    }
}
