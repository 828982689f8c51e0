//! What may be stored a little later: statuses, settlements, what sends came to. All of it is derived from the chain and
//! from the attempts, and found again if it is lost.

use super::book::{Book, BookError, Write, Written};
use crate::status::StatusChange;
use alloy::primitives::B256;
use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// How long a write may wait for others. A status that is overtaken meanwhile is never stored.
const WAIT: Duration = Duration::from_millis(10);

/// How many are stored together: an attempt that comes meanwhile waits for them.
const TOGETHER: usize = 16;

/// How many of them are not statuses at least, where so many wait.
const OTHERS: usize = 4;

/// Writes that wait, and those that are being made. Statuses go first, since others wait for them; everything else goes
/// in order.
#[derive(Debug)]
pub(super) struct Deferred {
    book: Arc<Book>,
    /// The proposals whose statuses wait, in order.
    digests: VecDeque<B256>,
    statuses: BTreeMap<B256, Box<StatusChange>>,
    others: VecDeque<Write>,
    since: Instant,
    working: Option<JoinHandle<Result<Written, BookError>>>,
}

impl Deferred {
    pub(super) fn new(book: Arc<Book>) -> Self {
        Self {
            book,
            digests: VecDeque::new(),
            statuses: BTreeMap::new(),
            others: VecDeque::new(),
            since: Instant::now(),
            working: None,
        }
    }

    /// Adds a write behind the others; the status of a proposal takes the place of the one that waits.
    pub(super) fn push(&mut self, write: Write) {
        if self.is_empty() {
            self.since = Instant::now();
        }
        match write {
            Write::Status(change) => {
                let digest = change.digest;
                if self.statuses.insert(digest, change).is_none() {
                    self.digests.push_back(digest);
                }
            }
            other => self.others.push_back(other),
        }
    }

    fn is_empty(&self) -> bool {
        self.digests.is_empty() && self.others.is_empty()
    }

    /// Waits until some are stored, and tells whether the lease was lost with them. Nothing is lost if nobody waits.
    pub(super) async fn written(&mut self) -> Result<Written, BookError> {
        loop {
            if let Some(working) = &mut self.working {
                let written = working.await;
                self.working = None;
                return written.unwrap_or_else(|error| match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Ok(Written::Lost),
                });
            }
            if self.is_empty() {
                return pending().await;
            }
            sleep_until(self.since + WAIT).await;
            self.start();
        }
    }

    /// Stores all that wait.
    pub(super) async fn finish(&mut self) -> Result<(), BookError> {
        while self.working.is_some() || !self.is_empty() {
            if self.working.is_none() {
                self.start();
            }
            if self.written().await? != Written::Stored {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Forgets all that wait, once those that are being stored are.
    pub(super) async fn give_up(&mut self) {
        self.digests.clear();
        self.statuses.clear();
        self.others.clear();
        if let Some(working) = self.working.take() {
            let _ = working.await;
        }
    }

    fn start(&mut self) {
        let others = self.others.len().min(OTHERS);
        let first = self.digests.len().min(TOGETHER - others);
        let digests = self.digests.drain(..first);
        let changes = digests.filter_map(|digest| self.statuses.remove(&digest));
        let mut writes: Vec<Write> = changes.map(Write::Status).collect();
        let rest = self.others.len().min(TOGETHER - writes.len());
        writes.extend(self.others.drain(..rest));
        let book = self.book.clone();
        self.working = Some(tokio::spawn(async move {
            let written = book.write(&writes).await?;
            let lost = written.into_iter().find(|written| *written != Written::Stored);
            Ok(lost.unwrap_or(Written::Stored))
        }));
    }
}
