//! The one task that writes: intentions queue up, and those that wait are committed together.

use crate::{
    error::{DatabaseError, StoreError},
    open::{Connector, Options},
    transaction::Transaction,
};
use sqlx::{AnyConnection, Executor as _};
use std::{future::Future, pin::Pin, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};

/// Something that is stored as a whole or not at all.
pub(crate) trait Intention: Send + Sync + 'static {
    /// What the caller is told, after the commit.
    type Output: Send + 'static;

    /// Does it. May be called again if the transaction could not be committed: it changes nothing but `tx`.
    fn apply(
        &self,
        tx: &mut Transaction,
    ) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;
}

type Applying<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// An intention with the one who waits for it.
trait Job: Send {
    /// Applies the intention and keeps its output.
    fn apply<'a>(&'a mut self, tx: &'a mut Transaction) -> Applying<'a>;

    /// Tells the caller: the kept output, or why there is none.
    fn answer(self: Box<Self>, failed: Option<StoreError>);
}

struct Waiting<I: Intention> {
    intention: I,
    output: Option<I::Output>,
    caller: oneshot::Sender<Result<I::Output, StoreError>>,
}

impl<I: Intention> Job for Waiting<I> {
    fn apply<'a>(&'a mut self, tx: &'a mut Transaction) -> Applying<'a> {
        Box::pin(async move {
            self.output = Some(self.intention.apply(tx).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, failed: Option<StoreError>) {
        let answer = match (failed, self.output) {
            (None, Some(output)) => Ok(output),
            (Some(error), _) => Err(error),
            (None, None) => Err(DatabaseError::Closed.into()),
        };
        // A caller that no longer waits does not need to know.
        let _ = self.caller.send(answer);
    }
}

/// Changes nothing, durably.
pub(crate) struct CheckWritable;

impl Intention for CheckWritable {
    type Output = ();

    async fn apply(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        // What is written is what was there, but it is written: a full disk is found.
        let query = "UPDATE store_head SET outbox_sequence = outbox_sequence WHERE id = 1";
        tx.connection().execute(query).await?;
        Ok(())
    }
}

enum Message {
    Store(Box<dyn Job>),
    Stop(oneshot::Sender<()>),
}

/// Hands intentions to the writer.
#[derive(Clone)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Message>,
    told: watch::Receiver<u64>,
    wait: Duration,
}

impl Queue {
    /// Starts the writer on `connection`.
    pub(crate) fn start(connection: AnyConnection, connector: Connector) -> Self {
        let Options { queue, queue_wait, .. } = *connector.options();
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let (tell, told) = watch::channel(0);
        let writer = Writer { connection: Some(connection), connector, tell };
        tokio::spawn(writer.run(receiver));
        Self { sender, told, wait: queue_wait }
    }

    /// The sequence of the last event that was committed here.
    pub(crate) fn told(&self) -> watch::Receiver<u64> {
        self.told.clone()
    }

    /// How many intentions wait to be stored.
    pub(crate) fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Stores an intention and waits until that is durable.
    pub(crate) async fn store<I: Intention>(&self, intention: I) -> Result<I::Output, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Waiting { intention, output: None, caller });
        self.sender.send_timeout(Message::Store(job), self.wait).await.map_err(
            |error| match error {
                mpsc::error::SendTimeoutError::Timeout(_) => {
                    DatabaseError::Overloaded { waiting: self.sender.max_capacity() }
                }
                mpsc::error::SendTimeoutError::Closed(_) => DatabaseError::Closed,
            },
        )?;
        answer.await.map_err(|_| DatabaseError::Closed)?
    }

    /// Stops the writer after what is queued.
    pub(crate) async fn stop(&self) {
        let (stopped, done) = oneshot::channel();
        if self.sender.send(Message::Stop(stopped)).await.is_ok() {
            let _ = done.await;
        }
    }
}

struct Writer {
    connection: Option<AnyConnection>,
    connector: Connector,
    tell: watch::Sender<u64>,
}

impl Writer {
    async fn run(mut self, mut receiver: mpsc::Receiver<Message>) {
        let most = self.connector.options().group.max(1);
        while let Some(first) = receiver.recv().await {
            let mut group = Vec::new();
            let mut stop = None;
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Store(job) => group.push(job),
                    Message::Stop(stopped) => stop = Some(stopped),
                }
                let goes_on = group.len() < most && stop.is_none();
                next = if goes_on { receiver.try_recv().ok() } else { None };
            }
            self.store(group).await;
            if let Some(stopped) = stop {
                if let Some(connection) = self.connection.take() {
                    let _ = sqlx::Connection::close(connection).await;
                }
                let _ = stopped.send(());
                return;
            }
        }
    }

    /// Stores a group in one transaction. If that breaks before its commit, each in one of its own.
    async fn store(&mut self, mut group: Vec<Box<dyn Job>>) {
        if group.is_empty() {
            return;
        }
        match self.store_together(&mut group).await {
            Ok(failures) => {
                for (job, failed) in group.into_iter().zip(failures) {
                    job.answer(failed);
                }
            }
            Err(Broken::Before(_)) if group.len() > 1 => {
                for job in group {
                    let mut alone = vec![job];
                    let failed = match self.store_together(&mut alone).await {
                        Ok(failures) => failures.into_iter().flatten().next(),
                        Err(Broken::Before(error) | Broken::Commit(error)) => Some(error.into()),
                    };
                    answer_all(alone, failed);
                }
            }
            Err(Broken::Before(error) | Broken::Commit(error)) => {
                answer_all(group, Some(error.into()));
            }
        }
    }

    /// One transaction; tells for each job why it failed, if it did.
    ///
    /// At first without savepoints, which cost as much as half of the rest; where one fails, all of it again with them.
    async fn store_together(
        &mut self,
        group: &mut [Box<dyn Job>],
    ) -> Result<Vec<Option<StoreError>>, Broken> {
        let mut tx = self.begin().await.map_err(Broken::Before)?;
        let mut is_whole = true;
        for job in group.iter_mut() {
            if job.apply(&mut tx).await.is_err() {
                is_whole = false;
                break;
            }
        }
        if is_whole {
            self.commit(tx).await?;
            return Ok(group.iter().map(|_| None).collect());
        }
        self.connection = tx.roll_back().await;
        self.store_one_by_one(group).await
    }

    /// One transaction with a savepoint before each job.
    async fn store_one_by_one(
        &mut self,
        group: &mut [Box<dyn Job>],
    ) -> Result<Vec<Option<StoreError>>, Broken> {
        let mut tx = self.begin().await.map_err(Broken::Before)?;
        let mut failures = Vec::with_capacity(group.len());
        for job in group.iter_mut() {
            match apply(job.as_mut(), &mut tx).await {
                Ok(failed) => failures.push(failed),
                Err(error) => {
                    self.connection = tx.roll_back().await;
                    return Err(Broken::Before(error));
                }
            }
        }
        self.commit(tx).await?;
        Ok(failures)
    }

    async fn commit(&mut self, tx: Transaction) -> Result<(), Broken> {
        let last_event = tx.next_event() - 1;
        let (committed, connection) = tx.commit().await;
        self.connection = connection;
        committed.map_err(Broken::Commit)?;
        self.tell.send_replace(last_event);
        Ok(())
    }

    /// Begins a transaction, on a new connection if the last one broke.
    async fn begin(&mut self) -> Result<Transaction, DatabaseError> {
        let was_open = self.connection.is_some();
        match self.try_begin().await {
            // It may have been lost while nothing was written, which is no reason to fail.
            Err(error) if was_open && error.is_disconnected() => self.try_begin().await,
            begun => begun,
        }
    }

    async fn try_begin(&mut self) -> Result<Transaction, DatabaseError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connector.connect_writer().await?,
        };
        Transaction::begin(connection, self.connector.engine()).await
    }
}

/// Where a transaction broke.
enum Broken {
    /// Before its commit: nothing is stored.
    Before(DatabaseError),
    /// At its commit.
    Commit(DatabaseError),
}

/// Applies one job, and takes it back if it fails. `Err`: the whole transaction is lost.
async fn apply(
    job: &mut dyn Job,
    tx: &mut Transaction,
) -> Result<Option<StoreError>, DatabaseError> {
    let mark = tx.mark().await?;
    match job.apply(tx).await {
        Ok(()) => {
            tx.keep().await?;
            Ok(None)
        }
        Err(error) => match tx.undo(mark).await {
            Ok(()) => Ok(Some(error)),
            // SQLite took the transaction back by itself: what it complained about first is the reason.
            Err(undo) => Err(match error {
                StoreError::Database(error) => error,
                _ => undo,
            }),
        },
    }
}

fn answer_all(group: Vec<Box<dyn Job>>, failed: Option<StoreError>) {
    for job in group {
        job.answer(failed.clone());
    }
}
