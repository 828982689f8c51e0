//! What a relayer asks of its storage.

use crate::{
    acceptance::{AcceptanceRecord, NewAcceptance},
    attempt::{
        AccountNonce, AttemptRecord, NewAttempt,
        mark::{SendState, Settlement},
    },
    audit::verify::AuditReport,
    budget::Usage,
    chain::{ChainRecords, Horizon},
    error::StoreError,
    lease::{Lease, LeaseAnswer},
    many::OpenNonce,
    outbox::{Event, EventFilter},
    page::Page,
    proposal::{NewProposal, ProposalFilter, ProposalRecord, RecordedProposal},
    signature::{Accepted, Lapse, NewSignature},
    token::{NewToken, TokenRecord},
    wallet::{NewWallet, Recorded, WalletFilter, WalletKey, WalletRecord},
    webhook::{
        DeliveryFilter, DeliveryRecord, Enqueued, EventKinds, WebhookRecord,
        outcome::DeliveryAttempt,
    },
};
use alloy::primitives::{Address, B256};
use quorate_core::{Config, Snapshot, status::StatusChange};
use std::{future::Future, ops::RangeInclusive};

/// Intentions, each one durable commit, and questions.
///
/// An intention returns once it is on disk; one that fails changed nothing. Asked again, as after a lost
/// connection or a crash, it does nothing twice: it answers as for what was known before. Whatever it changes of wallets,
/// proposals and attempts is told in the outbox and recorded in the audit log by the same commit; but for a
/// checkpoint, which changes nothing that anybody is told. `at` is the caller's time in Unix milliseconds: nothing here has
/// a clock.
///
/// Every call fails with [`StoreError::Database`] if the database does, and with [`StoreError::Corrupt`] if what was
/// stored cannot be what is read. Not found is `None`. Nothing is ever deleted.
///
/// Does not decide anything: neither whether a signature is valid, nor what a proposal's status is.
pub trait Storage: Send + Sync {
    /// Registers a wallet. For one that is known, adds the origin if that was not.
    fn register_wallet(&self, wallet: NewWallet, at: i64) -> impl Stores<Recorded>;

    /// Notes the configuration that was read from the chain, so that owners find their wallets.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownWallet`].
    fn record_config(
        &self,
        wallet: WalletKey,
        config: Config,
        epoch: u32,
        at: i64,
    ) -> impl Stores<()>;

    /// The wallet.
    fn find_wallet(&self, wallet: WalletKey) -> impl Stores<Option<WalletRecord>>;

    /// The wallets by chain and address, behind `after`.
    fn list_wallets(
        &self,
        filter: WalletFilter,
        after: Option<WalletKey>,
        limit: u32,
    ) -> impl Stores<Page<WalletRecord, WalletKey>>;

    /// Records a proposal with its first signature. Of one that is known only the signature is news.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownWallet`], [`StoreError::TooManyOpen`].
    fn record_proposal(&self, proposal: NewProposal, at: i64) -> impl Stores<RecordedProposal>;

    /// Keeps a signature. The first of an owner stays, unless `replaces` names it as one that verifies no longer.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownProposal`].
    fn accept_signature(
        &self,
        digest: B256,
        signature: NewSignature,
        at: i64,
    ) -> impl Stores<Accepted>;

    /// Keeps a party's acceptance of an escrow's terms. Of each party the one with the latest deadline stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownWallet`].
    fn accept_terms(&self, acceptance: NewAcceptance, at: i64) -> impl Stores<Accepted>;

    /// The acceptances of an escrow, by role.
    fn acceptances(&self, wallet: WalletKey) -> impl Stores<Vec<AcceptanceRecord>>;

    /// Notes that a contract's signature holds no more, if it is still the owner's.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`], [`StoreError::UnknownProposal`].
    fn lapse_signature(&self, lease: &Lease, lapse: Lapse, at: i64) -> impl Stores<Recorded>;

    /// Notes where a proposal stands, unless a later revision is known.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`], [`StoreError::UnknownProposal`].
    fn change_status(&self, lease: &Lease, change: StatusChange, at: i64) -> impl Stores<Recorded>;

    /// The proposal with its signatures.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if its fields do not make its digest.
    fn find_proposal(&self, digest: B256) -> impl Stores<Option<ProposalRecord>>;

    /// The proposals with their signatures, the last recorded first, before the position `before`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if the fields of one of them do not make its digest.
    fn list_proposals(
        &self,
        filter: ProposalFilter,
        before: Option<u64>,
        limit: u32,
    ) -> impl Stores<Page<ProposalRecord, u64>>;

    /// The wallets among `keys` that are registered, each once, in no order.
    fn find_wallets(&self, keys: Vec<WalletKey>) -> impl Stores<Vec<WalletRecord>>;

    /// The nonces of the open proposals of these wallets, each once for each epoch.
    fn open_nonces(&self, wallets: Vec<WalletKey>) -> impl Stores<Vec<OpenNonce>>;

    /// The other proposals for the nonces of these, of the same wallet and epoch: pairs of one of `digests` and a rival of
    /// it, the first recorded first.
    fn rivals_of(&self, digests: Vec<B256>) -> impl Stores<Vec<(B256, B256)>>;

    /// The attempts for each of these proposals, with what else was tried at their account nonces, and with the creation
    /// of their wallet at the account nonce before, if there was one; the first one first.
    fn attempts_for(&self, digests: Vec<B256>) -> impl Stores<Vec<(B256, AttemptRecord)>>;

    /// Takes an account nonce, or replaces the last attempt at one, and stores the signed bytes. Only after this may they
    /// be sent. Opens an account nonce that was settled: a reorg went deeper than was waited for.
    ///
    /// Only a no-op may take an account nonce below one that was taken.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`]; [`StoreError::Lost`] if the place is taken, and then the bytes must be thrown
    /// away unsent; [`StoreError::Gap`].
    fn record_attempt(&self, lease: &Lease, attempt: NewAttempt, at: i64) -> impl Stores<Recorded>;

    /// As [`Self::record_attempt`], of several attempts in this order, in one commit: all of them or none. They are new if
    /// one of them is.
    ///
    /// # Errors
    ///
    /// As of [`Self::record_attempt`], of the first one that cannot be stored.
    fn record_attempts(
        &self,
        lease: &Lease,
        attempts: Vec<NewAttempt>,
        at: i64,
    ) -> impl Stores<Recorded>;

    /// Notes what the last send of an attempt came to. Opens its account nonce if that was settled.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`], [`StoreError::UnknownTransaction`].
    fn mark_sent(
        &self,
        lease: &Lease,
        chain_id: u64,
        tx_hash: B256,
        state: SendState,
        at: i64,
    ) -> impl Stores<()>;

    /// Ends an account nonce: every attempt at it is final, what was reserved for it is given back, and what the mined
    /// one cost is booked. One that was settled otherwise is opened first.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`], [`StoreError::UnknownTransaction`].
    fn settle_nonce(&self, lease: &Lease, settlement: Settlement, at: i64) -> impl Stores<()>;

    /// Notes what a wallet was at a block that cannot be undone any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`], [`StoreError::UnknownWallet`].
    fn checkpoint(&self, lease: &Lease, wallet: WalletKey, snapshot: Snapshot) -> impl Stores<()>;

    /// What an engine begins with: all that is not over, and of the rest what is within the horizon.
    fn chain_records(&self, chain_id: u64, horizon: Horizon) -> impl Stores<ChainRecords>;

    /// Has the engine of a chain take no new account nonces, or take them again.
    fn set_paused(&self, chain_id: u64, is_paused: bool, at: i64) -> impl Stores<Recorded>;

    /// Whether the operator paused the engine of a chain.
    fn is_paused(&self, chain_id: u64) -> impl Stores<bool>;

    /// All attempts at an account nonce, the first one first.
    fn attempts_at(&self, account_nonce: AccountNonce) -> impl Stores<Vec<AttemptRecord>>;

    /// All attempts to execute a proposal, the first one first.
    fn attempts_of(&self, digest: B256) -> impl Stores<Vec<AttemptRecord>>;

    /// The attempt with this hash.
    fn find_attempt(&self, chain_id: u64, tx_hash: B256) -> impl Stores<Option<AttemptRecord>>;

    /// The account nonce behind the last one that was taken; `None` if none was. The chain may be further.
    fn next_account_nonce(&self, chain_id: u64, sender: Address) -> impl Stores<Option<u64>>;

    /// What was used of the budget of a day (in days since 1970); of the whole chain if `wallet` is `None`.
    fn budget_usage(&self, chain_id: u64, wallet: Option<Address>, day: u32) -> impl Stores<Usage>;

    /// Asks for the lease. The holder that has it gets it anew, in the next epoch: its earlier self is shut out.
    fn acquire_lease(
        &self,
        holder: String,
        duration_millis: u32,
        at: i64,
    ) -> impl Stores<LeaseAnswer>;

    /// Keeps the lease for longer.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`].
    fn renew_lease(&self, lease: &Lease, duration_millis: u32, at: i64) -> impl Stores<Lease>;

    /// Gives the lease back, so that another need not wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`].
    fn release_lease(&self, lease: &Lease, at: i64) -> impl Stores<()>;

    /// The lease there is, expired or not.
    fn find_lease(&self) -> impl Stores<Option<Lease>>;

    /// At most `limit` events behind `sequence`, in order. Whoever goes on from the last one misses none, whatever
    /// was being written meanwhile.
    fn events_after(
        &self,
        sequence: u64,
        filter: EventFilter,
        limit: u32,
    ) -> impl Stores<Vec<Event>>;

    /// The sequence of the last event; 0 if there is none.
    fn last_event(&self) -> impl Stores<u64>;

    /// Accepts a token from now on.
    ///
    /// # Errors
    ///
    /// [`StoreError::TokenExists`] if the name or the token was given before, otherwise than now.
    fn create_token(&self, token: NewToken, at: i64) -> impl Stores<Recorded>;

    /// Accepts a token no longer.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownToken`].
    fn revoke_token(&self, name: String, at: i64) -> impl Stores<Recorded>;

    /// All tokens, the revoked ones too, the first made first.
    fn list_tokens(&self) -> impl Stores<Vec<TokenRecord>>;

    /// The token with this SHA-256 hash, revoked or not.
    fn find_token(&self, hash: B256) -> impl Stores<Option<TokenRecord>>;

    /// Has a webhook be told what happens from now on. `Known` if it was begun with before.
    fn begin_webhook(&self, webhook: String, at: i64) -> impl Stores<Recorded>;

    /// Notes what a webhook is to be told of at most `limit` further events. One that is not known yet is begun with.
    /// `kinds` counts for these events: what was noted before stays.
    ///
    /// Of a store that an earlier version of this program wrote, the events that it went past are noted first, of those
    /// `kinds`.
    fn enqueue_deliveries(
        &self,
        webhook: String,
        kinds: EventKinds,
        limit: u32,
        at: i64,
    ) -> impl Stores<Enqueued>;

    /// At most `limit` events that the webhook is to be told by `now`, the longest due first: of each proposal, and of each
    /// wallet's other events, one at most. With `i64::MAX` the first one tells when something is due.
    ///
    /// Nothing while the webhook is disabled, or asked for a pause that is not over at `now`.
    fn due_deliveries(
        &self,
        webhook: String,
        now: i64,
        limit: u32,
    ) -> impl Stores<Vec<DeliveryRecord>>;

    /// Notes what an attempt came to. Not in the audit log.
    ///
    /// `Known` if the same attempt was recorded before, by this process or another, or the event was delivered.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownDelivery`].
    fn record_delivery(&self, attempt: DeliveryAttempt, at: i64) -> impl Stores<Recorded>;

    /// Has a webhook be told the events of `range` again, those of `kinds` that it was not told too, and those that wait for
    /// another attempt at once, a pause or not. What was not noted for it yet is left to come. Tells how many of `range` it is
    /// now to be told.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownWebhook`].
    fn redeliver(
        &self,
        webhook: String,
        kinds: EventKinds,
        range: RangeInclusive<u64>,
        at: i64,
    ) -> impl Stores<u64>;

    /// Has a webhook be told nothing, or what is to be told again, a pause or not. What happens meanwhile is not lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownWebhook`].
    fn set_webhook_enabled(
        &self,
        webhook: String,
        is_enabled: bool,
        at: i64,
    ) -> impl Stores<Recorded>;

    /// The webhooks that events were noted for, by name.
    fn list_webhooks(&self) -> impl Stores<Vec<WebhookRecord>>;

    /// What a webhook is told and was, the last event first, before the event `before`.
    fn list_deliveries(
        &self,
        webhook: String,
        filter: DeliveryFilter,
        before: Option<u64>,
        limit: u32,
    ) -> impl Stores<Page<DeliveryRecord, u64>>;

    /// Examines the whole audit log. Without `expected_head` an end that was cut off or written anew, together with the
    /// store's own note of it, is not found.
    fn verify_audit(&self, expected_head: Option<B256>) -> impl Stores<AuditReport>;

    /// The hash of the last row of the audit log, zero if there is none: to be kept elsewhere.
    fn audit_head(&self) -> impl Stores<B256>;

    /// Whether something can be read, and stored durably now. Costs one commit, shared with others that wait.
    fn check_writable(&self) -> impl Stores<()>;
}

/// The future of an answer.
pub trait Stores<T>: Future<Output = Result<T, StoreError>> + Send {}

impl<T, F: Future<Output = Result<T, StoreError>> + Send> Stores<T> for F {}
