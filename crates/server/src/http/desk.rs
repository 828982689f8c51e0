//! What is asked of one chain for those who ask over HTTP: a few questions at a time, each for a short time, and none twice
//! at the same block.

use super::{
    error::{Busy, RouteError},
    recent::Recent,
};
use crate::config::{ChainConfig, HttpLimits};
use alloy::primitives::{Address, B256, Bytes, U256};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use quorate_api::wallet::Head;
use quorate_chain::{Chain, ChainError, Header, Lack, Receipt, Verdict, WalletState};
use quorate_core::{Config, Lane, OwnerSignature, Request, Snapshot, proposal::Origin};
use quorate_relayer::driver::{Endpoints, Report};
use quorate_store::{Inclusion, WalletRecord};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex as AsyncMutex, Semaphore, watch},
    time::{Instant, sleep, timeout},
};

/// How many questions wait for each that is asked.
const WAITING: usize = 8;

/// For how long nobody asks again for a head that nobody told.
const HEAD_AGAIN: Duration = Duration::from_secs(1);

/// How long to wait for one who is connecting.
const CONNECTING: Duration = Duration::from_millis(20);

/// For how long the number of endpoints that answer is believed.
const ANSWERING_AGAIN: Duration = Duration::from_secs(2);

/// How many wallets and receipts are remembered.
const WALLETS: usize = 10_000;
const RECEIPTS: usize = 10_000;

/// The most lanes of one wallet that are read from the chain.
const LANES: usize = 64;

/// How many lanes are read at once.
const LANES_AT_ONCE: usize = 8;

/// What a wallet is at a block, or, without one, at the last that is known to be final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) head: Option<Head>,
    pub(crate) deployed: bool,
    pub(crate) epoch: u32,
    pub(crate) config: Config,
    next: BTreeMap<Lane, u64>,
}

impl Standing {
    /// What the store knows.
    pub(crate) fn stored(record: &WalletRecord) -> Self {
        let Snapshot { is_deployed, lanes, .. } = &record.snapshot;
        Self {
            head: None,
            deployed: *is_deployed,
            epoch: record.epoch,
            config: record.config.clone(),
            next: lanes.clone(),
        }
    }

    /// The sequence that a lane takes next, if it is known.
    pub(crate) fn next(&self, lane: Lane) -> Option<u64> {
        if self.deployed { self.next.get(&lane).copied() } else { Some(0) }
    }
}

/// What a transaction cost, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) gas_used: u64,
    pub(crate) fee: U256,
    pub(crate) gas_fee: U256,
    pub(crate) l1_fee: Option<U256>,
    pub(crate) operator_fee: Option<U256>,
}

impl From<Receipt> for Cost {
    fn from(receipt: Receipt) -> Self {
        Self {
            gas_used: receipt.gas_used,
            fee: receipt.cost(),
            gas_fee: receipt.gas_fee(),
            l1_fee: receipt.l1_fee,
            operator_fee: receipt.operator_fee,
        }
    }
}

impl From<Inclusion> for Cost {
    fn from(inclusion: Inclusion) -> Self {
        Self {
            gas_used: inclusion.gas_used,
            fee: inclusion.fee,
            gas_fee: inclusion.gas_fee(),
            l1_fee: inclusion.l1_fee,
            operator_fee: inclusion.operator_fee,
        }
    }
}

/// The head that was told last, or why none was, and when it was asked for.
type HeadCell = Option<(Instant, Result<Head, RouteError>)>;

/// What a wallet was at the last head at which it was read.
type WalletCell = Arc<AsyncMutex<Option<Standing>>>;

/// The desk of one chain.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) chain_id: u64,
    /// How many blocks on top make one final.
    pub(crate) final_depth: u64,
    /// From how many seconds on a head is old.
    pub(crate) old_head_secs: u64,
    endpoint_count: usize,
    endpoints: Endpoints,
    asking: Semaphore,
    waiting: Semaphore,
    wait: Duration,
    fresh: Duration,
    head: AsyncMutex<HeadCell>,
    wallets: Mutex<Recent<Address, WalletCell>>,
    receipts: Mutex<Recent<(B256, B256), Cost>>,
    senders: OnceLock<Vec<Address>>,
    answering: AsyncMutex<Option<(Instant, usize)>>,
    report: OnceLock<watch::Receiver<Report>>,
}

impl Desk {
    /// The desk of the chain behind `endpoints`.
    pub(crate) fn new(config: &ChainConfig, endpoints: Endpoints, limits: &HttpLimits) -> Self {
        Self {
            chain_id: config.settings.chain_id,
            final_depth: config.settings.final_depth,
            old_head_secs: config.settings.rpc_down_secs,
            endpoint_count: config.rpc_urls.len(),
            endpoints,
            asking: Semaphore::new(limits.chain_requests),
            waiting: Semaphore::new(limits.chain_requests.saturating_mul(WAITING)),
            wait: limits.chain_wait,
            fresh: config.poll,
            head: AsyncMutex::default(),
            wallets: Mutex::new(Recent::new(WALLETS)),
            receipts: Mutex::new(Recent::new(RECEIPTS)),
            senders: OnceLock::new(),
            answering: AsyncMutex::default(),
            report: OnceLock::new(),
        }
    }

    /// Tells who sends on this chain, once their keys are open.
    pub(crate) fn set_senders(&self, senders: Vec<Address>) {
        let _ = self.senders.set(senders);
    }

    /// Who sends on this chain; none while keys are not open.
    pub(crate) fn senders(&self) -> &[Address] {
        self.senders.get().map_or(&[], Vec::as_slice)
    }

    /// Where the chain's engine tells of itself, once there is one.
    pub(crate) fn set_report(&self, report: watch::Receiver<Report>) {
        let _ = self.report.set(report);
    }

    /// What the chain's engine tells of itself, if there is one.
    pub(crate) fn report(&self) -> Option<Report> {
        self.report.get().map(|report| report.borrow().clone())
    }

    /// How many endpoints tell their head at once, as of a moment ago, and how many there are.
    pub(crate) async fn answering(&self) -> (usize, usize) {
        let mut cell = self.answering.lock().await;
        let known = cell.filter(|(asked, _)| asked.elapsed() < ANSWERING_AGAIN);
        let (_, answering) = match known {
            Some(known) => known,
            None => {
                let heads = timeout(self.wait, self.endpoints.heads()).await;
                let answering = heads.map_or(0, |heads| heads.map_or(0, |heads| heads.len()));
                *cell.insert((Instant::now(), answering))
            }
        };
        (answering, self.endpoint_count)
    }

    /// What no endpoint does, and the relayer cannot do without.
    pub(crate) fn vital_failures(&self) -> Vec<(&'static str, String)> {
        self.endpoints.vital_failures()
    }

    /// What endpoints do not do, and what is done without, in words.
    pub(crate) fn lacks(&self) -> Vec<String> {
        let of_lack = |lack: Lack| {
            let way = lack.way().unwrap_or("others are asked");
            format!("{} does not give {}: {way} ({})", lack.endpoint, lack.what, lack.reason)
        };
        let of_failure = |(endpoint, what, reason): (String, &str, String)| {
            format!("{endpoint} does not give {what}: others are asked ({reason})")
        };
        let lacks = self.endpoints.lacks().into_iter().map(of_lack);
        lacks.chain(self.endpoints.failures().into_iter().map(of_failure)).collect()
    }

    /// Asks the chain, if there is room and it answers in time.
    async fn ask<T, F>(&self, question: impl Fn(Chain) -> F) -> Result<T, RouteError>
    where
        F: Future<Output = Result<T, ChainError>>,
    {
        let busy = RouteError::Overloaded(Busy::Chain);
        let _waiting = self.waiting.try_acquire().map_err(|_| busy.clone())?;
        let place = timeout(self.wait, self.asking.acquire()).await;
        let _place = place.map_err(|_| busy)?.expect("it is never closed");
        let chain_id = self.chain_id;
        let answer = async {
            loop {
                match self.endpoints.read(&question).await {
                    // The engine is connecting at this moment.
                    Err(ChainError::InvalidUrl { .. }) => sleep(CONNECTING).await,
                    answer => return answer,
                }
            }
        };
        match timeout(self.wait, answer).await {
            Ok(answer) => answer.map_err(|error| RouteError::chain(chain_id, &error)),
            Err(_) => {
                let cause = format!("no answer within {} s", self.wait.as_secs());
                Err(RouteError::ChainUnreachable { chain_id, cause })
            }
        }
    }

    /// The newest block, as of not longer ago than it stays fresh.
    pub(crate) async fn head(&self) -> Result<Head, RouteError> {
        self.head_since(Instant::now().checked_sub(self.fresh)).await
    }

    /// The newest block as of now.
    pub(crate) async fn head_now(&self) -> Result<Head, RouteError> {
        self.head_since(Some(Instant::now())).await
    }

    /// The newest block as of `since` or later. Those who want it at once ask once.
    async fn head_since(&self, since: Option<Instant>) -> Result<Head, RouteError> {
        let mut cell = self.head.lock().await;
        match &*cell {
            Some((asked, Ok(head))) if since.is_none_or(|since| *asked >= since) => {
                return Ok(*head);
            }
            Some((asked, Err(error))) if asked.elapsed() < HEAD_AGAIN => return Err(error.clone()),
            _ => {}
        }
        let asked = Instant::now();
        let answer = self.ask(|chain| async move { chain.head().await }).await;
        let head =
            answer.map(|Header { number, hash, timestamp, .. }| Head { number, hash, timestamp });
        *cell = Some((asked, head.clone()));
        head
    }

    /// What a wallet is at the head, with these lanes.
    pub(crate) async fn standing(
        &self,
        record: &WalletRecord,
        lanes: &BTreeSet<Lane>,
    ) -> Result<Standing, RouteError> {
        self.standing_at(self.head().await?, record, lanes).await
    }

    /// What a wallet is at the head as of now.
    pub(crate) async fn standing_now(
        &self,
        record: &WalletRecord,
        lanes: &BTreeSet<Lane>,
    ) -> Result<Standing, RouteError> {
        self.standing_at(self.head_now().await?, record, lanes).await
    }

    async fn standing_at(
        &self,
        head: Head,
        record: &WalletRecord,
        lanes: &BTreeSet<Lane>,
    ) -> Result<Standing, RouteError> {
        let wallet = record.key.address;
        let cell = lock(&self.wallets).entry(wallet, WalletCell::default).clone();
        let mut cell = cell.lock().await;
        let known = cell.take().filter(|known| known.head == Some(head));
        let mut standing = match known {
            Some(known) => known,
            None => self.present(head, record).await?,
        };
        if standing.deployed {
            let missing = lanes.iter().filter(|lane| !standing.next.contains_key(lane));
            let missing: Vec<_> = missing.take(LANES).copied().collect();
            let read = stream::iter(missing).map(async |lane| {
                self.sequence_at(wallet, lane, head.number).await.map(|next| (lane, next))
            });
            let read: Vec<_> = read.buffer_unordered(LANES_AT_ONCE).try_collect().await?;
            standing.next.extend(read);
        }
        *cell = Some(standing.clone());
        Ok(standing)
    }

    /// What a wallet is, without its lanes.
    async fn present(&self, head: Head, record: &WalletRecord) -> Result<Standing, RouteError> {
        let wallet = record.key.address;
        let present =
            self.ask(|chain| async move { chain.present_at(wallet, head.number).await }).await?;
        let (deployed, (epoch, config)) = match (present, &record.origin) {
            (Some(present), _) => (true, present),
            (None, Some(origin)) if !record.snapshot.is_deployed => {
                (false, (0, origin.config.clone()))
            }
            (None, _) => {
                let cause = format!("wallet {wallet} is not where it was");
                return Err(RouteError::ChainUnreachable { chain_id: self.chain_id, cause });
            }
        };
        Ok(Standing { head: Some(head), deployed, epoch, config, next: BTreeMap::new() })
    }

    /// Epoch and configuration of a wallet: those of the store, unless later ones were read here, which the engine
    /// will note any moment. Asks nobody.
    pub(crate) fn latest(&self, record: &WalletRecord) -> (u32, Config) {
        let cell = lock(&self.wallets).get(&record.key.address).cloned();
        let known = cell.and_then(|cell| cell.try_lock().ok().and_then(|cell| cell.clone()));
        match known {
            Some(known) if known.epoch > record.epoch => (known.epoch, known.config),
            _ => (record.epoch, record.config.clone()),
        }
    }

    /// A wallet of which nothing is known yet, with where it comes from.
    pub(crate) async fn examine(
        &self,
        wallet: Address,
        origin: Option<&Origin>,
    ) -> Result<WalletState, RouteError> {
        let origin = origin.map(|origin| (&origin.config, origin.salt));
        self.ask(|chain| async move { chain.wallet(wallet, origin).await }).await
    }

    /// The sequence that a lane of a wallet takes next, after a block.
    pub(crate) async fn sequence_at(
        &self,
        wallet: Address,
        lane: Lane,
        block: u64,
    ) -> Result<u64, RouteError> {
        self.ask(|chain| async move { chain.sequence_at(wallet, lane, block).await }).await
    }

    /// Whether a signature holds, in the form in which the wallet takes it.
    pub(crate) async fn judge(
        &self,
        request: &Request,
        owner: Address,
        signature: &OwnerSignature,
    ) -> Result<Verdict, RouteError> {
        self.ask(|chain| async move { chain.judge(request, owner, signature).await }).await
    }

    /// As [`Self::judge`], of a digest that a wallet vouches for and that is no request's.
    pub(crate) async fn judge_digest(
        &self,
        (wallet, digest): (Address, B256),
        owner: Address,
        signature: &Bytes,
    ) -> Result<Verdict, RouteError> {
        self.ask(
            |chain| async move { chain.judge_digest((wallet, digest), owner, signature).await },
        )
        .await
    }

    /// What a transaction in this block cost; none if it is not there.
    pub(crate) async fn cost(
        &self,
        tx_hash: B256,
        block: B256,
    ) -> Result<Option<Cost>, RouteError> {
        if let Some(known) = lock(&self.receipts).get(&(tx_hash, block)) {
            return Ok(Some(*known));
        }
        let receipt = self.ask(|chain| async move { chain.receipt(tx_hash).await }).await?;
        let receipt = receipt.filter(|receipt| receipt.block_hash == block);
        let cost = receipt.map(Cost::from);
        if let Some(cost) = cost {
            lock(&self.receipts).insert((tx_hash, block), cost);
        }
        Ok(cost)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
