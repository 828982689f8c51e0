//! The lease of a process: taken, kept, and given back.

use quorate_store::{Lease, LeaseAnswer, Storage, Store, StoreError};
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

/// The lease of this process, while it has one. Clones are the same.
#[derive(Clone, Debug)]
pub struct Tenure {
    lease: watch::Receiver<Option<Lease>>,
}

/// Keeps the lease of a process: one for all its engines.
#[derive(Debug)]
pub struct Keeper {
    tenure: Tenure,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Work {
    store: Store,
    holder: String,
    duration: Duration,
    clock: fn() -> u64,
    lease: watch::Sender<Option<Lease>>,
    /// Until when nobody else gets the lease, in Unix milliseconds.
    until: i64,
}

impl Keeper {
    /// Begins to ask for the lease and to keep it, `duration` at a time. `holder` is a name that no other process uses
    /// at the same time; `clock` tells Unix milliseconds.
    pub fn start(store: Store, holder: String, duration: Duration, clock: fn() -> u64) -> Self {
        let (lease, tenure) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let work = Work { store, holder, duration, clock, lease, until: 0 };
        let task = tokio::spawn(work.keep(stopped));
        Self { tenure: Tenure { lease: tenure }, stop, task }
    }

    /// The lease that is kept.
    pub fn tenure(&self) -> Tenure {
        self.tenure.clone()
    }

    /// Gives the lease back. The engines must have ended.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

impl Tenure {
    /// The lease, if the process has it.
    pub fn lease(&self) -> Option<Lease> {
        self.lease.borrow().clone()
    }

    /// Waits for another lease than `lost`.
    pub(super) async fn acquired(&mut self, lost: Option<&Lease>) -> Lease {
        let is_new = |lease: &Option<Lease>| {
            lease.as_ref().is_some_and(|lease| lost.is_none_or(|lost| lost.epoch != lease.epoch))
        };
        match self.lease.wait_for(is_new).await.map(|lease| lease.clone()) {
            Ok(Some(lease)) => lease,
            // The keeper is gone, and nobody will have a lease again.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Returns when the lease is not the process's any more.
    pub(super) async fn lost(&mut self, had: Option<&Lease>) {
        let is_other = |lease: &Option<Lease>| {
            lease.as_ref().map(|lease| lease.epoch) != had.map(|had| had.epoch)
        };
        if self.lease.wait_for(is_other).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Work {
    async fn keep(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            // A store that says nothing is one that fails.
            let pause = match timeout(self.duration, self.hold()).await {
                Ok(Ok(pause)) => pause,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "lease");
                    self.give_up_if_over()
                }
                Err(_) => {
                    tracing::warn!("lease: the store does not answer");
                    self.give_up_if_over()
                }
            };
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        let lease = self.lease.borrow().clone();
        if let Some(lease) = lease
            && let Err(error) = self.store.release_lease(&lease, self.now()).await
        {
            tracing::warn!(%error, "lease not given back");
        }
    }

    /// Gives the lease up once it could not be renewed for as long as it lasts: another process may have it by now, on a
    /// store that this one does not reach. Tells when to try again.
    fn give_up_if_over(&self) -> Duration {
        let is_held = self.lease.borrow().is_some();
        if is_held && self.now() >= self.until {
            tracing::warn!(
                "the lease ran out while the store did not take it: nothing is sent until it does"
            );
            self.lease.send_replace(None);
        }
        self.duration / 10
    }

    /// Takes the lease or keeps it; tells how long nothing has to be done about it.
    async fn hold(&mut self) -> Result<Duration, StoreError> {
        let millis = u32::try_from(self.duration.as_millis()).unwrap_or(u32::MAX);
        let held = self.lease.borrow().clone();
        if let Some(lease) = held {
            return match self.store.renew_lease(&lease, millis, self.now()).await {
                Ok(renewed) => {
                    self.until = renewed.expires_at;
                    Ok(self.duration / 3)
                }
                Err(StoreError::LeaseLost { held, .. }) => {
                    tracing::error!(?held, "the lease is lost");
                    self.lease.send_replace(None);
                    Ok(Duration::ZERO)
                }
                Err(error) => Err(error),
            };
        }
        match self.store.acquire_lease(self.holder.clone(), millis, self.now()).await? {
            LeaseAnswer::Acquired(lease) => {
                tracing::info!(epoch = lease.epoch, "lease");
                self.until = lease.expires_at;
                self.lease.send_replace(Some(lease));
                Ok(self.duration / 3)
            }
            LeaseAnswer::Held(other) => {
                tracing::debug!(holder = other.holder, "another has the lease");
                Ok(self.duration / 10)
            }
        }
    }

    fn now(&self) -> i64 {
        i64::try_from((self.clock)()).unwrap_or(i64::MAX)
    }
}
