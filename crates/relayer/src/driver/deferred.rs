//! What may be stored a little later: statuses, settlements, what sends came to. All of it is derived from the chain and
//! from the attempts, and found again if it is lost.

use super::book::{Book, BookError, Write, Written};
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

/// Writes that wait, in order, and those that are being made.
#[derive(Debug)]
pub(super) struct Deferred {
    book: Arc<Book>,
    waiting: VecDeque<Write>,
    /// How many writes were taken from the front so far.
    taken: usize,
    /// Where the status of a proposal waits, counted from the first write of all.
    statuses: BTreeMap<B256, usize>,
    since: Instant,
    working: Option<JoinHandle<Result<Written, BookError>>>,
}

impl Deferred {
    pub(super) fn new(book: Arc<Book>) -> Self {
        Self {
            book,
            waiting: VecDeque::new(),
            taken: 0,
            statuses: BTreeMap::new(),
            since: Instant::now(),
            working: None,
        }
    }

    /// Adds a write behind the others; the status of a proposal takes the place of the one that waits.
    pub(super) fn push(&mut self, write: Write) {
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        if let Write::Status(change) = &write {
            let behind = self.taken + self.waiting.len();
            let place = *self.statuses.entry(change.digest).or_insert(behind);
            let waiting = place.checked_sub(self.taken).and_then(|at| self.waiting.get_mut(at));
            if let Some(waiting) = waiting {
                *waiting = write;
                return;
            }
            self.statuses.insert(change.digest, behind);
        }
        self.waiting.push_back(write);
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
            if self.waiting.is_empty() {
                return pending().await;
            }
            sleep_until(self.since + WAIT).await;
            self.start();
        }
    }

    /// Stores all that wait.
    pub(super) async fn finish(&mut self) -> Result<(), BookError> {
        while self.working.is_some() || !self.waiting.is_empty() {
            if self.working.is_none() {
                self.start();
            }
            if self.written().await? == Written::Lost {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Forgets all that wait, once those that are being stored are.
    pub(super) async fn give_up(&mut self) {
        self.taken += self.waiting.len();
        self.waiting.clear();
        self.statuses.clear();
        if let Some(working) = self.working.take() {
            let _ = working.await;
        }
    }

    fn start(&mut self) {
        let count = self.waiting.len().min(TOGETHER);
        let writes: Vec<Write> = self.waiting.drain(..count).collect();
        self.taken += count;
        for write in &writes {
            if let Write::Status(change) = write {
                self.statuses.remove(&change.digest);
            }
        }
        let book = self.book.clone();
        self.working = Some(tokio::spawn(async move {
            let written = book.write(&writes).await?;
            let is_lost = written.contains(&Written::Lost);
            Ok(if is_lost { Written::Lost } else { Written::Stored })
        }));
    }
}
