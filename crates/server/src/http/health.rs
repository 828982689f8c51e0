//! Whether the store takes and gives.

use super::Shared;
use quorate_store::{Lease, Storage as _, Store};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// For how long the store is believed to be as it was.
const AGAIN: Duration = Duration::from_secs(1);

/// How long the store is waited for.
const WAIT: Duration = Duration::from_secs(2);

/// When the store was looked at, and the lease that was found, or what was wrong.
pub(super) type Health = (Instant, Result<Option<Lease>, &'static str>);

impl Shared {
    /// The lease, if the store takes and gives; as of a moment ago, so that asking does not burden it.
    ///
    /// # Errors
    ///
    /// What is wrong with the store, in at most two seconds.
    pub(super) async fn look_at_store(&self) -> Result<Option<Lease>, &'static str> {
        let store = self.store().map_err(|_| "the store is not open yet")?;
        let mut known = self.health.lock().await;
        if let Some((looked, found)) = &*known
            && looked.elapsed() < AGAIN
        {
            return found.clone();
        }
        let found = look(store).await;
        *known = Some((Instant::now(), found.clone()));
        found
    }
}

async fn look(store: &Store) -> Result<Option<Lease>, &'static str> {
    let looking = async {
        store.check_writable().await?;
        store.find_lease().await
    };
    match timeout(WAIT, looking).await {
        Ok(Ok(lease)) => Ok(lease),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store does not answer");
            Err("the store fails: the log tells more")
        }
        Err(_) => {
            tracing::warn!("the store does not answer in time");
            Err("the store does not answer in time")
        }
    }
}
