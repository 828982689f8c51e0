//! Several endpoints as one: whoever answers first with sense is believed, and everybody gets what is sent.

use super::refusal;
use crate::event::Sent;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use quorate_chain::{Chain, ChainError, Header, Lack, Patience, SendAnswer, lack::SIMULATE};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, OnceLock, PoisonError,
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
    /// What it refuses that cannot be done without, and what it said.
    failures: std::sync::Mutex<Vec<(&'static str, String)>>,
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
        Self { url, chain_id, chain: OnceLock::new(), failures: Default::default(), failed }
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
        tracing::error!(chain_id = expected, %error, "endpoint");
        Err(error)
    }
}

impl Endpoints {
    /// The endpoints at these URLs, at least one, which are to serve this chain. None of them has to answer yet.
    pub fn new(chain_id: u64, urls: impl IntoIterator<Item = String>) -> Self {
        let place = |url| Place::new(url, chain_id);
        Self { places: urls.into_iter().map(place).collect(), favourite: Arc::default() }
    }

    /// Those that answered at least once.
    pub fn connected(&self) -> Vec<Chain> {
        self.places.iter().filter_map(|place| place.chain.get().cloned()).collect()
    }

    /// What endpoints do not do, as far as it turned out.
    pub fn lacks(&self) -> Vec<Lack> {
        self.connected().iter().flat_map(Chain::lacks).collect()
    }

    /// Whether any of them simulates several transactions one after the other, as far as is known.
    pub fn can_simulate(&self) -> bool {
        let simulates = |chain: &Chain| !chain.lacks().iter().any(|lack| lack.what == SIMULATE);
        let connected = self.connected();
        connected.is_empty() || connected.iter().any(simulates)
    }

    /// What endpoints refuse that cannot be done without, as of the last [`Self::examine`]: endpoint, question, answer.
    pub fn failures(&self) -> Vec<(String, &'static str, String)> {
        let failures = |place: &Place| {
            let name =
                place.chain.get().map_or_else(String::new, |chain| chain.endpoint().to_owned());
            let failures = place.failures.lock().unwrap_or_else(PoisonError::into_inner).clone();
            failures.into_iter().map(move |(what, reason)| (name.clone(), what, reason))
        };
        self.places.iter().flat_map(failures).collect()
    }

    /// What none of those that answer does, and cannot be done without.
    pub fn vital_failures(&self) -> Vec<(&'static str, String)> {
        let connected = self.connected().len();
        let mut all: BTreeMap<&'static str, (usize, String)> = BTreeMap::new();
        for (_, what, reason) in self.failures() {
            let entry = all.entry(what).or_insert((0, reason));
            entry.0 += 1;
        }
        let of_all = all.into_iter().filter(|(_, (count, _))| *count >= connected);
        of_all.map(|(what, (_, reason))| (what, reason)).collect()
    }

    /// Asks those that are connected all that a relayer asks, and takes note of what they do not do.
    pub async fn examine(&self) {
        let examine = async |place: &Place| {
            let Some(chain) = place.chain.get() else { return };
            match chain.with_patience(Patience::Long).examine().await {
                Ok(found) => {
                    let failures = found.failures.into_iter();
                    let failures =
                        failures.map(|(what, error)| (what, error.to_string())).collect();
                    *place.failures.lock().unwrap_or_else(PoisonError::into_inner) = failures;
                }
                Err(error) => tracing::debug!(%error, "examination"),
            }
        };
        let examining: FuturesUnordered<_> = self.places.iter().map(examine).collect();
        examining.collect::<Vec<()>>().await;
    }

    /// Connects to those that can be, and tells how many there are then.
    pub async fn connect(&self) -> usize {
        let connecting: FuturesUnordered<_> = self.places.iter().map(Place::chain).collect();
        let connected: Vec<_> = connecting.collect().await;
        connected.iter().filter(|chain| chain.is_ok()).count()
    }

    /// Asks the one that answered last; the others too, one after the other, if it fails, wants no requests for now, or
    /// takes long. The first answer counts. Nobody is asked twice before all were asked.
    ///
    /// # Errors
    ///
    /// The error of the last one, if none answers.
    pub async fn read<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        question: impl Fn(Chain) -> F,
    ) -> Result<T, ChainError> {
        self.ask((0, Patience::Usual), &question, |_| true).await
    }

    /// As [`Self::read`], for what nobody waits for: asked again and again for a minute.
    ///
    /// # Errors
    ///
    /// The error of the last one, if none answers.
    pub async fn insist<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        question: impl Fn(Chain) -> F,
    ) -> Result<T, ChainError> {
        self.ask((0, Patience::Long), &question, |_| true).await
    }

    /// As [`Self::read`], but another than the one that answered last is asked first, if there is another.
    ///
    /// # Errors
    ///
    /// The error of the last one, if none answers.
    pub async fn read_elsewhere<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        question: impl Fn(Chain) -> F,
    ) -> Result<T, ChainError> {
        self.ask((1, Patience::Usual), &question, |_| true).await
    }

    /// As [`Self::insist`], of what an endpoint may not have: only if none has it, there is none.
    ///
    /// # Errors
    ///
    /// The error of the last one, if none answers.
    pub async fn find<T, F: Future<Output = Result<Option<T>, ChainError>>>(
        &self,
        question: impl Fn(Chain) -> F,
    ) -> Result<Option<T>, ChainError> {
        self.ask((0, Patience::Long), &question, Option::is_some).await
    }

    /// Asks all, beginning with the one so many places behind the one that answered last, until an answer is good enough.
    async fn ask<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        (skip, patience): (usize, Patience),
        question: &impl Fn(Chain) -> F,
        is_enough: impl Fn(&T) -> bool,
    ) -> Result<T, ChainError> {
        if self.places.len() > 1 {
            match self.ask_each(skip, Patience::Once, question, &is_enough).await {
                Err(error) if error.is_passing() => {}
                answer => return answer,
            }
        }
        self.ask_each(skip, patience, question, &is_enough).await
    }

    async fn ask_each<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        skip: usize,
        patience: Patience,
        question: &impl Fn(Chain) -> F,
        is_enough: &impl Fn(&T) -> bool,
    ) -> Result<T, ChainError> {
        let mut order = self.order(skip).into_iter();
        let ask = async |index: usize| {
            let answer = match self.places[index].chain().await {
                Ok(chain) => question(chain.with_patience(patience)).await,
                Err(error) => Err(error),
            };
            (index, answer)
        };
        let mut asked = FuturesUnordered::new();
        let mut last = ChainError::InvalidUrl { reason: "no endpoint is configured" };
        let mut poor = None;
        loop {
            match order.next() {
                Some(index) => asked.push(ask(index)),
                None if asked.is_empty() => return poor.ok_or(last),
                None => {}
            }
            // With nobody left to ask, those that were asked are waited for.
            let wait = if order.len() == 0 { Duration::MAX } else { PATIENCE };
            match timeout(wait, asked.next()).await {
                Ok(Some((index, Ok(answer)))) if is_enough(&answer) => {
                    self.favourite.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Ok(Some((_, Ok(answer)))) => poor = Some(answer),
                Ok(Some((_, Err(error)))) => {
                    let chain_id = self.places[0].chain_id;
                    tracing::debug!(chain_id, %error, "endpoint");
                    // What may be luckier another time says more.
                    if error.is_passing() || !last.is_passing() {
                        last = error;
                    }
                }
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// The places in the order in which they are asked: those that want no requests for now come last.
    fn order(&self, skip: usize) -> Vec<usize> {
        let first = self.favourite.load(Ordering::Relaxed) + skip;
        let count = self.places.len();
        let mut order: Vec<_> = (0..count).map(|index| (first + index) % count).collect();
        let is_resting =
            |index: &usize| self.places[*index].chain.get().is_some_and(Chain::is_resting);
        order.sort_by_key(is_resting);
        order
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
