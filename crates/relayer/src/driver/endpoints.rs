//! Several endpoints as one: whoever answers first with sense is believed, and everybody gets what is sent.

use super::refusal;
use crate::event::Sent;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use quorate_chain::{Chain, ChainError, Header, SendAnswer};
use std::{
    future::Future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How long one endpoint is waited for before the next is asked as well.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long after one could not be connected that is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// The endpoints of one chain. One that is dead, slow, behind, or of another chain stops nothing while another is
/// there; it is used as soon as it is well.
#[derive(Clone, Debug)]
pub struct Endpoints {
    places: Arc<[Place]>,
    /// Which one answered last: it is asked first.
    favourite: Arc<AtomicUsize>,
}

/// One endpoint, connected when it first answers.
struct Place {
    url: String,
    chain_id: u64,
    chain: OnceLock<Chain>,
    /// When it may be connected again, and why it was not. Locked while it is being connected.
    failed: Mutex<(Instant, ChainError)>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the URL, which may hold a key.
        f.debug_struct("Place").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl Place {
    fn new(url: String, chain_id: u64) -> Self {
        let none = ChainError::InvalidUrl { reason: "nobody connected to it" };
        let failed = Mutex::new((Instant::now(), none));
        Self { url, chain_id, chain: OnceLock::new(), failed }
    }

    /// The endpoint, connected. Nobody waits for one that is being connected or just was not.
    async fn chain(&self) -> Result<Chain, ChainError> {
        if let Some(chain) = self.chain.get() {
            return Ok(chain.clone());
        }
        let connecting = ChainError::InvalidUrl { reason: "it is being connected" };
        let mut failed = self.failed.try_lock().map_err(|_| connecting)?;
        if Instant::now() < failed.0 {
            return Err(failed.1.clone());
        }
        match self.connect().await {
            Ok(chain) => Ok(self.chain.get_or_init(|| chain).clone()),
            Err(error) => {
                *failed = (Instant::now() + AGAIN, error.clone());
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Chain, ChainError> {
        let chain = Chain::connect(&self.url).await?;
        let (expected, found) = (self.chain_id, chain.id());
        if found == expected {
            return Ok(chain);
        }
        let error =
            ChainError::OtherChain { endpoint: chain.endpoint().to_owned(), expected, found };
        tracing::error!(%error, "endpoint");
        Err(error)
    }
}

impl Endpoints {
    /// The endpoints at these URLs, at least one, which are to serve this chain. None of them has to answer yet.
    pub fn new(chain_id: u64, urls: impl IntoIterator<Item = String>) -> Self {
        let place = |url| Place::new(url, chain_id);
        Self { places: urls.into_iter().map(place).collect(), favourite: Arc::default() }
    }

    /// Asks the one that answered last; the others too, one after the other, if it fails or takes long. The first
    /// answer counts.
    ///
    /// # Errors
    ///
    /// The error of the last one, if none answers.
    pub async fn read<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        question: impl Fn(Chain) -> F,
    ) -> Result<T, ChainError> {
        let favourite = self.favourite.load(Ordering::Relaxed);
        let count = self.places.len();
        let mut rest = (0..count).map(|index| (favourite + index) % count);
        let question = &question;
        let ask = async |index: usize| {
            let answer = match self.places[index].chain().await {
                Ok(chain) => question(chain).await,
                Err(error) => Err(error),
            };
            (index, answer)
        };
        let mut asked = FuturesUnordered::new();
        let mut last = ChainError::InvalidUrl { reason: "no endpoint is configured" };
        loop {
            match rest.next() {
                Some(index) => asked.push(ask(index)),
                None if asked.is_empty() => return Err(last),
                None => {}
            }
            // With nobody left to ask, those that were asked are waited for.
            let patience = if rest.len() == 0 { Duration::MAX } else { PATIENCE };
            match timeout(patience, asked.next()).await {
                Ok(Some((index, Ok(answer)))) => {
                    self.favourite.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Ok(Some((_, Err(error)))) => {
                    tracing::debug!(%error, "endpoint");
                    last = error;
                }
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// The newest block of each endpoint that tells it; those that are slow are not waited for once one told.
    ///
    /// # Errors
    ///
    /// The error of the last one, if none does.
    pub async fn heads(&self) -> Result<Vec<Header>, ChainError> {
        let mut asked: FuturesUnordered<_> =
            self.places.iter().map(async |place| place.chain().await?.head().await).collect();
        let (mut heads, mut last) = (Vec::new(), None);
        let mut slow = Box::pin(sleep(Duration::MAX));
        loop {
            let answer = tokio::select! {
                answer = asked.next() => answer,
                () = &mut slow => None,
            };
            match answer {
                Some(Ok(head)) => {
                    if heads.is_empty() {
                        slow.set(sleep(PATIENCE / 10));
                    }
                    heads.push(head);
                }
                Some(Err(error)) => last = Some(error),
                None => break,
            }
        }
        match last {
            Some(error) if heads.is_empty() => Err(error),
            _ => Ok(heads),
        }
    }

    /// Sends bytes to all of them at once. Accepted if any accepts; rejected only if all refuse them for a
    /// reason that proves that they are nowhere.
    pub async fn broadcast(&self, raw: &[u8]) -> Sent {
        let mut sends = JoinSet::new();
        for index in 0..self.places.len() {
            let (places, raw) = (self.places.clone(), raw.to_vec());
            sends.spawn(async move {
                match places[index].chain().await {
                    Ok(chain) => chain.offer(&raw).await,
                    // It was not asked, so it says nothing.
                    Err(_) => SendAnswer::Unknown,
                }
            });
        }
        let mut refusals = Vec::new();
        let mut is_unknown = false;
        while let Some(answer) = sends.join_next().await {
            match answer.unwrap_or(SendAnswer::Unknown) {
                SendAnswer::Accepted => {
                    // The others are to have it too.
                    sends.detach_all();
                    return Sent::Accepted;
                }
                SendAnswer::Unknown => is_unknown = true,
                SendAnswer::Refused(refusal) => refusals.push(refusal),
            }
        }
        refusal::outcome(&refusals, is_unknown)
    }
}
