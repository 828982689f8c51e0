//! The HTTP API over the store, and what the process tells of itself.
//!
//! - One file per route in `routes`: parse, load, act, commit, answer. `error` has what is refused, and in which words.
//! - `layers` is what holds for every request; `gates` how much is done at once; `access` who may do what.
//! - `health` looks at the store; `desk` asks a chain, bounded in time and number; `bulletin` tells what happens, to `stream`s
//!   too; `render` makes answers.
//!
//! It is served before anything else is there: what needs the store is refused until it is open.

mod access;
mod answer;
mod body;
mod bulletin;
mod desk;
mod error;
mod gates;
mod health;
mod layers;
mod metrics;
mod openapi;
mod parameter;
mod recent;
mod render;
mod routes;
mod serve;
mod signature;
mod stalled;
mod stream;

use crate::config::{Config, HttpConfig, Listen};
use alloy::primitives::Address;
use axum::{Router, middleware};
use bulletin::Bulletin;
use desk::Desk;
use error::RouteError;
use gates::{Gates, Rates};
use health::Health;
use layers::{admit, observe};
use metrics::Metrics;
use quorate_relayer::driver::{Endpoints, Report};
use quorate_store::{Store, WalletRecord};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::{Mutex, SetOnce, watch},
    task::JoinHandle,
};

/// Why HTTP is not served.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {reason}")]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    /// The system's words.
    pub reason: io::Error,
}

/// The address where HTTP is going to be served, taken.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Takes the address of the configuration; none if HTTP is off.
    ///
    /// # Errors
    ///
    /// If another program has it, or it is none of this machine's.
    pub async fn take(config: &HttpConfig) -> Result<Option<Self>, BindError> {
        let Listen::At(address) = config.listen else { return Ok(None) };
        let bind = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bind.await.map(Some).map_err(|reason| BindError { address, reason })
    }

    /// The address, with the port that was free if any was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The address that a client's connection comes from.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

/// What all requests share.
#[derive(Debug)]
struct Shared {
    config: HttpConfig,
    clock: fn() -> u64,
    desks: BTreeMap<u64, Desk>,
    store: SetOnce<Store>,
    bulletin: Bulletin,
    gates: Gates,
    rates: Rates,
    metrics: Metrics,
    stopping: watch::Sender<bool>,
    health: Mutex<Option<Health>>,
}

impl Shared {
    /// The store.
    ///
    /// # Errors
    ///
    /// While it is not open.
    fn store(&self) -> Result<&Store, RouteError> {
        self.store.get().ok_or(RouteError::StoreNotOpen)
    }

    /// The desk of a chain that is served.
    fn desk(&self, chain_id: u64) -> Option<&Desk> {
        self.desks.get(&chain_id)
    }

    /// The desk of a wallet's chain. Wallets of a chain that is not served any more are read, no more.
    fn desk_of(&self, chain_id: u64) -> Result<&Desk, RouteError> {
        let served = || self.desks.keys().copied().collect();
        self.desk(chain_id).ok_or_else(|| RouteError::UnknownChain { chain_id, served: served() })
    }

    /// The present configuration of a wallet, as far as it was read.
    fn latest_config(&self, record: &WalletRecord) -> quorate_core::Config {
        match self.desk(record.key.chain_id) {
            Some(desk) => desk.latest(record).1,
            None => record.config.clone(),
        }
    }

    /// Now, in Unix milliseconds, as the store has it.
    fn at(&self) -> i64 {
        i64::try_from((self.clock)()).unwrap_or(i64::MAX)
    }

    /// Now, in Unix seconds.
    fn now(&self) -> u64 {
        (self.clock)() / 1_000
    }

    fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}

/// Where the engine of one chain tells of itself.
#[derive(Debug)]
pub(crate) struct Ear {
    shared: Arc<Shared>,
    chain_id: u64,
}

impl Ear {
    pub(crate) fn tell(&self, report: watch::Receiver<Report>) {
        if let Some(desk) = self.shared.desk(self.chain_id) {
            desk.set_report(report);
        }
    }
}

/// HTTP being served.
#[derive(Debug)]
pub(crate) struct Service {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
    telling: OnceLock<JoinHandle<()>>,
}

impl Service {
    /// Begins to serve. Until [`Self::open`] only what needs no store is answered.
    pub(crate) fn start(
        bound: Bound,
        config: &Config,
        endpoints: &BTreeMap<u64, Endpoints>,
        clock: fn() -> u64,
    ) -> Self {
        let limits = &config.http.limits;
        let desks = config.chains.iter().filter_map(|chain| {
            let chain_id = chain.settings.chain_id;
            let endpoints = endpoints.get(&chain_id)?.clone();
            Some((chain_id, Desk::new(chain, endpoints, limits)))
        });
        let shared = Arc::new(Shared {
            config: config.http,
            clock,
            desks: desks.collect(),
            store: SetOnce::new(),
            bulletin: Bulletin::new(),
            gates: Gates::new(limits),
            rates: Rates::new(limits),
            metrics: Metrics::new(),
            stopping: watch::Sender::new(false),
            health: Mutex::default(),
        });
        tracing::info!(address = %bound.address, "listening");
        let serving = serve::serve(bound.listener, router(shared.clone()), shared.clone());
        Self { shared, serving: tokio::spawn(serving), telling: OnceLock::new() }
    }

    /// Tells who sends on a chain, once the keys are open.
    pub(crate) fn set_senders(&self, chain_id: u64, senders: Vec<Address>) {
        if let Some(desk) = self.shared.desk(chain_id) {
            desk.set_senders(senders);
        }
    }

    /// Takes what the engine of a chain tells of itself.
    pub(crate) fn ear(&self, chain_id: u64) -> Ear {
        Ear { shared: self.shared.clone(), chain_id }
    }

    /// Serves everything, from this store, once it is known behind which event what happens is told.
    pub(crate) fn open(&self, store: Store) {
        let shared = self.shared.clone();
        let telling = tokio::spawn(async move {
            let last = bulletin::last_event(&store).await;
            let _ = shared.store.set(store.clone());
            shared.bulletin.run(&store, last).await;
        });
        let _ = self.telling.set(telling);
    }

    /// Takes no more requests, ends those that wait for something, and finishes the others.
    pub(crate) async fn stop(self) {
        self.shared.stopping.send_replace(true);
        let _ = self.serving.await;
        if let Some(telling) = self.telling.get() {
            telling.abort();
        }
    }
}

/// Every path, with what holds for all of them.
fn router(shared: Arc<Shared>) -> Router {
    let (router, description) = routes::all().split_for_parts();
    let description = Arc::new(description);
    router
        .merge(routes::openapi::route(&description))
        .fallback(routes::fallback::no_such_path)
        .method_not_allowed_fallback(routes::fallback::method_not_allowed)
        .layer(middleware::from_fn_with_state(shared.clone(), admit))
        .layer(middleware::from_fn_with_state(shared.clone(), observe))
        .with_state(shared)
}

/// The description of the API (OpenAPI 3.1), as JSON.
pub fn description() -> String {
    let (_, description) = routes::all().split_for_parts();
    routes::openapi::text(&description)
}
