//! The one task that writes: intentions queue up, and those that wait are committed together.

use crate::{
    error::{DatabaseError, StoreError},
    open::{Connector, Engine, Options},
    transaction::Transaction,
};
use sqlx::{AnyConnection, Executor as _};
use std::{future::Future, pin::Pin, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

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
    urgent: mpsc::Sender<Message>,
    told: watch::Receiver<u64>,
    wait: Duration,
}

impl Queue {
    /// Starts the writer on `connection`.
    pub(crate) fn start(connection: AnyConnection, connector: Connector) -> Self {
        let Options { queue, queue_wait, .. } = *connector.options();
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let (urgent, first) = mpsc::channel(queue.max(1));
        let (tell, told) = watch::channel(0);
        let writer = Writer { connection: Some(connection), connector, tell };
        tokio::spawn(writer.run(first, receiver));
        Self { sender, urgent, told, wait: queue_wait }
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
        self.store_by(&self.sender, intention).await
    }

    /// As [`Self::store`], before everything that is not stored first: for what nobody who hands in much may hold up.
    pub(crate) async fn store_first<I: Intention>(
        &self,
        intention: I,
    ) -> Result<I::Output, StoreError> {
        self.store_by(&self.urgent, intention).await
    }

    async fn store_by<I: Intention>(
        &self,
        way: &mpsc::Sender<Message>,
        intention: I,
    ) -> Result<I::Output, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Waiting { intention, output: None, caller });
        way.send_timeout(Message::Store(job), self.wait).await.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => {
                DatabaseError::Overloaded { waiting: way.max_capacity() }
            }
            mpsc::error::SendTimeoutError::Closed(_) => DatabaseError::Closed,
        })?;
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
    async fn run(
        mut self,
        mut urgent: mpsc::Receiver<Message>,
        mut receiver: mpsc::Receiver<Message>,
    ) {
        loop {
            let (first, from) = tokio::select! {
                biased;
                Some(message) = urgent.recv() => (message, &mut urgent),
                Some(message) = receiver.recv() => (message, &mut receiver),
                else => return,
            };
            let (group, stop) = self.gather(first, from);
            self.store(group).await;
            if let Some(stopped) = stop {
                while let Ok(first) = urgent.try_recv() {
                    let (group, _) = self.gather(first, &mut urgent);
                    self.store(group).await;
                }
                if let Some(connection) = self.connection.take() {
                    let _ = sqlx::Connection::close(connection).await;
                }
                let _ = stopped.send(());
                return;
            }
        }
    }

    /// What waits behind `first`, up to a group, or up to the end.
    fn gather(
        &self,
        first: Message,
        from: &mut mpsc::Receiver<Message>,
    ) -> (Vec<Box<dyn Job>>, Option<oneshot::Sender<()>>) {
        let most = self.connector.options().group.max(1);
        let (mut group, mut next) = (Vec::new(), Some(first));
        while let Some(message) = next {
            match message {
                Message::Store(job) => group.push(job),
                Message::Stop(stopped) => return (group, Some(stopped)),
            }
            next = if group.len() < most { from.try_recv().ok() } else { None };
        }
        (group, None)
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
                        Err(error) => Some(error.reason().into()),
                    };
                    answer_all(alone, failed);
                }
            }
            Err(error) => answer_all(group, Some(error.reason().into())),
        }
    }

    /// One transaction; tells for each job why it failed, if it did. A server has a time for it: one that vanished
    /// without a word would be waited for for hours.
    async fn store_together(
        &mut self,
        group: &mut [Box<dyn Job>],
    ) -> Result<Vec<Option<StoreError>>, Broken> {
        if self.connector.engine() == Engine::Sqlite {
            return self.transact(group).await;
        }
        let limit = self.connector.options().transaction_wait;
        match timeout(limit, self.transact(group)).await {
            Ok(done) => done,
            Err(_) => {
                // Whether it had come to its commit is not known.
                self.connection = None;
                let detail = format!("no answer within {} s", limit.as_secs_f32());
                Err(Broken::Commit(DatabaseError::Disconnected { detail }))
            }
        }
    }

    /// At first without savepoints, which cost as much as half of the rest; where one fails, all of it again with them.
    async fn transact(
        &mut self,
        group: &mut [Box<dyn Job>],
    ) -> Result<Vec<Option<StoreError>>, Broken> {
        let mut tx = self.begin().await.map_err(Broken::Begin)?;
        let mut is_whole = true;
        for job in group.iter_mut() {
            if job.apply(&mut tx).await.is_err() {
                is_whole = false;
                break;
            }
        }
        if is_whole && tx.flush().await.is_ok() {
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
        let mut tx = self.begin().await.map_err(Broken::Begin)?;
        let mut failures = Vec::with_capacity(group.len());
        for job in group.iter_mut() {
            match apply(job.as_mut(), &mut tx).await {
                Ok(failed) => failures.push(failed),
                Err(error) => {
                    self.connection = tx.roll_back().await.filter(|_| !error.is_disconnected());
                    return Err(Broken::Before(error));
                }
            }
        }
        self.commit(tx).await?;
        let is_of_connection = |failure: &Option<StoreError>| matches!(failure, Some(StoreError::Database(error)) if error.is_disconnected());
        if failures.iter().any(is_of_connection) {
            self.connection = None;
        }
        Ok(failures)
    }

    async fn commit(&mut self, tx: Transaction) -> Result<(), Broken> {
        let last_event = tx.next_event() - 1;
        let (committed, connection) = tx.commit().await;
        let is_fit = committed.as_ref().err().is_none_or(|error| !error.is_disconnected());
        self.connection = connection.filter(|_| is_fit);
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
    /// It did not begin: nobody can store anything for now.
    Begin(DatabaseError),
    /// Before its commit: nothing is stored.
    Before(DatabaseError),
    /// At its commit.
    Commit(DatabaseError),
}

impl Broken {
    fn reason(self) -> DatabaseError {
        match self {
            Self::Begin(error) | Self::Before(error) | Self::Commit(error) => error,
        }
    }
}

/// Applies one job, and takes it back if it fails. `Err`: the whole transaction is lost.
async fn apply(
    job: &mut dyn Job,
    tx: &mut Transaction,
) -> Result<Option<StoreError>, DatabaseError> {
    let mark = tx.mark().await?;
    let applied = match job.apply(tx).await {
        Ok(()) => tx.flush().await,
        failed => failed,
    };
    match applied {
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
