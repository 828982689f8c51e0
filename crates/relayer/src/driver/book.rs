//! What is durable, as the engine wants it.

use crate::{
    attempt::AttemptRecord,
    effect::StatusChange,
    rows::{ProposalRow, Rows, Settlement, WalletRow},
    wallet::Snapshot,
};
use alloy::primitives::{Address, B256};
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use thiserror::Error;

/// Why a book cannot go on: its disk is full, its lease is lost for good, its rows are damaged.
#[derive(Debug, Error)]
#[error("{reason}")]
pub struct BookError {
    /// What is wrong.
    pub reason: String,
}

/// What became of an attempt that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persisted {
    /// It is durable, or was before.
    Stored,
    /// Other bytes have its place, or the lease is lost.
    Lost,
}

/// Where the rows of one chain are. Each call is one durable commit; one whose outcome is unknown is tried again
/// before it returns.
pub trait Book: Send {
    /// Everything that the engine begins with.
    fn load(&mut self) -> impl Future<Output = Result<Rows, BookError>> + Send;

    /// Stores an attempt and takes its account nonce, if the lease holds.
    fn persist(
        &mut self,
        record: &AttemptRecord,
    ) -> impl Future<Output = Result<Persisted, BookError>> + Send;

    /// Stores where a proposal stands.
    fn change_status(
        &mut self,
        change: &StatusChange,
    ) -> impl Future<Output = Result<(), BookError>> + Send;

    /// Stores how an account nonce ended.
    fn settle(
        &mut self,
        sender: Address,
        account_nonce: u64,
        settlement: Settlement,
    ) -> impl Future<Output = Result<(), BookError>> + Send;

    /// Stores what a wallet was at a block that is too old to be undone.
    fn checkpoint(
        &mut self,
        wallet: Address,
        snapshot: &Snapshot,
    ) -> impl Future<Output = Result<(), BookError>> + Send;
}

/// A book in memory, for tests and trials: it outlives an engine, and no process. Clones are the same book.
#[derive(Clone, Debug, Default)]
pub struct MemoryBook(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    rows: Rows,
    changes: Vec<StatusChange>,
}

impl MemoryBook {
    /// A book with wallets and proposals.
    pub fn new(wallets: Vec<WalletRow>, proposals: Vec<ProposalRow>) -> Self {
        let rows = Rows { wallets, proposals, ..Rows::default() };
        Self(Arc::new(Mutex::new(Pages { rows, changes: Vec::new() })))
    }

    /// The last word about a proposal.
    pub fn find_status(&self, digest: B256) -> Option<StatusChange> {
        self.pages().changes.iter().rev().find(|change| change.digest == digest).cloned()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book for MemoryBook {
    async fn load(&mut self) -> Result<Rows, BookError> {
        Ok(self.pages().rows.clone())
    }

    async fn persist(&mut self, record: &AttemptRecord) -> Result<Persisted, BookError> {
        let place = |record: &AttemptRecord| {
            (record.draft.sender, record.draft.account_nonce, record.draft.number)
        };
        let attempts = &mut self.pages().rows.attempts;
        let taken = attempts.iter().find(|other| place(other) == place(record));
        Ok(match taken {
            Some(other) if other.tx_hash == record.tx_hash => Persisted::Stored,
            Some(_) => Persisted::Lost,
            None => {
                attempts.push(record.clone());
                Persisted::Stored
            }
        })
    }

    async fn change_status(&mut self, change: &StatusChange) -> Result<(), BookError> {
        let mut pages = self.pages();
        let rows = pages.rows.proposals.iter_mut();
        for row in rows.filter(|row| row.request.digest() == change.digest) {
            row.revision = change.revision;
            row.ready_order = change.ready_order;
            row.status = change.status.clone();
            row.is_final = change.is_final;
            row.failures.clone_from(&change.failures);
        }
        pages.changes.push(change.clone());
        Ok(())
    }

    async fn settle(
        &mut self,
        sender: Address,
        account_nonce: u64,
        settlement: Settlement,
    ) -> Result<(), BookError> {
        self.pages().rows.settled.insert((sender, account_nonce), settlement);
        Ok(())
    }

    async fn checkpoint(&mut self, wallet: Address, snapshot: &Snapshot) -> Result<(), BookError> {
        let mut pages = self.pages();
        for row in pages.rows.wallets.iter_mut().filter(|row| row.address == wallet) {
            row.snapshot = snapshot.clone();
        }
        Ok(())
    }
}
