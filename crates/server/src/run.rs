//! The process: keys, store, endpoints, and one engine for each chain.

use crate::{
    config::{ChainConfig, Config, RpcUrl},
    sender::{self, SenderError},
};
use quorate_chain::{Chain, ChainError};
use quorate_relayer::{
    Settings,
    driver::{BookError, Endpoints, Engine, Handle, Key, LocalKey, MemoryBook, Parts},
};
use quorate_store::{OpenError, Store};
use std::{future::Future, time::Duration};
use thiserror::Error;
use tokio::{sync::watch, task::JoinSet, time::timeout};

/// How long endpoints are waited for that do not answer, while another does; and how long between two tries.
const ENDPOINTS_WAIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(2);

/// How long engines may take to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// Why a relayer does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// A sender's key is not ready.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The store cannot be opened.
    #[error("the store: {0}")]
    Store(#[from] OpenError),
    /// The URL of an endpoint makes no sense.
    #[error("rpc_urls of chain {chain_id}: {source}")]
    Endpoint {
        /// The chain.
        chain_id: u64,
        /// What is wrong with it.
        source: ChainError,
    },
    /// An endpoint serves another chain.
    #[error("{endpoint} serves chain {found}, not {expected}: give one of chain {expected}")]
    WrongChain {
        /// Host and port.
        endpoint: String,
        /// The chain that is configured.
        expected: u64,
        /// The chain that it serves.
        found: u64,
    },
    /// What is durable cannot be kept.
    #[error("chain {chain_id}: {source}")]
    Book {
        /// The chain.
        chain_id: u64,
        /// What is wrong.
        source: BookError,
    },
    /// An engine ended, and nobody told it to.
    #[error("the engine of chain {chain_id} ended by itself")]
    Ended {
        /// The chain.
        chain_id: u64,
    },
    /// A task panicked, which is a defect of this program; what is durable is whole.
    #[error("an engine broke down: start the relayer again, and report this")]
    Broken,
}

/// What an engine of one chain is made of, when everything answers.
struct Site {
    config: ChainConfig,
    keys: Vec<LocalKey>,
    endpoints: Endpoints,
    #[expect(dead_code, reason = "engine_for is to be completed")]
    store: Store,
    /// How long the lease is asked for.
    #[expect(dead_code, reason = "engine_for is to be completed")]
    lease: Duration,
    clock: fn() -> u64,
}

/// Runs until `shutdown` is ready or something fails for good, then stops the engines and closes the store. `clock` gives
/// the time in Unix seconds.
///
/// Keys are opened first, then the store; a chain whose endpoints do not answer is waited for and holds up no other. What
/// is on its way when it stops goes on by itself, and is found again.
///
/// # Errors
///
/// If a key does not open, the store fails, or an endpoint serves another chain.
pub async fn run(
    config: Config,
    clock: fn() -> u64,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let mut sites = Vec::new();
    for chain in config.chains {
        let keys = sender::open_all(chain.settings.chain_id, &chain.senders).await?;
        sites.push((chain, keys));
    }
    let store = config.store.open().await?;
    let (stop, stopped) = watch::channel(false);
    let mut engines = JoinSet::new();
    for (chain, keys) in sites {
        let (store, lease, stopped) = (store.clone(), config.lease, stopped.clone());
        engines.spawn(async move {
            let mut asked = stopped.clone();
            let connected = tokio::select! {
                connected = connect(&chain) => connected,
                _ = asked.wait_for(|stopped| *stopped) => return Ok(()),
            };
            let (endpoints, can_simulate) = connected?;
            let mut config = chain;
            config.settings.has_simulate_v1 = can_simulate;
            serve(Site { config, keys, endpoints, store, lease, clock }, stopped).await
        });
    }
    let ended = tokio::select! {
        () = shutdown => Ok(()),
        Some(ended) = engines.join_next() => ended.map_err(|_| RunError::Broken).flatten(),
    };
    tracing::info!("stopping");
    let _ = stop.send(true);
    let rest = timeout(STOP_WAIT, drain(&mut engines)).await.unwrap_or_else(|_| {
        tracing::warn!("an engine did not stop in time");
        Ok(())
    });
    engines.shutdown().await;
    store.close().await;
    tracing::info!("stopped");
    ended.and(rest)
}

/// The first failure of those that are left.
async fn drain(engines: &mut JoinSet<Result<(), RunError>>) -> Result<(), RunError> {
    let mut first = Ok(());
    while let Some(ended) = engines.join_next().await {
        first = first.and(ended.map_err(|_| RunError::Broken).flatten());
    }
    first
}

/// Runs the engine of one chain until it is told to stop.
async fn serve(site: Site, mut stopped: watch::Receiver<bool>) -> Result<(), RunError> {
    let chain_id = site.config.settings.chain_id;
    let (engine, handle) = engine_for(site);
    tracing::info!(chain_id, "engine running");
    let mut running = std::pin::pin!(engine.run());
    let by_itself = tokio::select! {
        ended = &mut running => Some(ended),
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    let ended = match by_itself {
        Some(ended) => ended.map(|_| Err(RunError::Ended { chain_id })),
        None => {
            handle.stop();
            running.await.map(|_| Ok(()))
        }
    };
    ended.unwrap_or_else(|source| Err(RunError::Book { chain_id, source }))
}

/// TO COMPLETE: the engine of a chain, on the store.
///
/// The book is in memory and stays empty, so this engine follows its chain and sends nothing. It becomes a `StoreBook` of
/// `site.store` under a `Tenure` of `site.lease`, and a `feed` that tells the handle what the store's outbox has.
fn engine_for(site: Site) -> (Engine<MemoryBook>, Handle) {
    let Site { config, keys, endpoints, store: _, lease: _, clock } = site;
    let ChainConfig { settings, limits, poll, .. } = config;
    let keys = keys.into_iter().map(|key| Box::new(key) as Box<dyn Key>).collect();
    let book = MemoryBook::default();
    Engine::new(Parts { settings, limits, endpoints, keys, book, clock, poll })
}

/// The endpoints of a chain, at least one, and whether all of them know `eth_simulateV1`. Waits for them; those that do not
/// answer for long while another does are left out.
async fn connect(config: &ChainConfig) -> Result<(Endpoints, bool), RunError> {
    let mut waited = Duration::ZERO;
    loop {
        let mut answers = JoinSet::new();
        for (place, url) in config.rpc_urls.iter().cloned().enumerate() {
            let settings = config.settings.clone();
            answers.spawn(async move { (place, connect_one(&settings, &url).await) });
        }
        let mut answers = answers.join_all().await;
        answers.sort_by_key(|(place, _)| *place);
        let mut chains = Vec::new();
        let mut can_simulate = true;
        for (_, answer) in answers {
            if let Some((chain, simulates)) = answer? {
                chains.push(chain);
                can_simulate &= simulates;
            }
        }
        let missing = config.rpc_urls.len() - chains.len();
        let (chain_id, endpoints) = (config.settings.chain_id, chains.len());
        if missing == 0 || (endpoints > 0 && waited >= ENDPOINTS_WAIT) {
            tracing::info!(chain_id, endpoints, missing, can_simulate, "endpoints connected");
            return Ok((Endpoints::new(chains), can_simulate));
        }
        tracing::warn!(chain_id, missing, "waiting for endpoints");
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}

/// The endpoint, if it answers, and whether it knows `eth_simulateV1`.
async fn connect_one(settings: &Settings, url: &RpcUrl) -> Result<Option<(Chain, bool)>, RunError> {
    let expected = settings.chain_id;
    let answer = async {
        let chain = Chain::connect(url.as_str()).await?;
        let can_simulate = chain.can_simulate().await?;
        Ok((chain, can_simulate))
    };
    match answer.await {
        Ok((chain, can_simulate)) if chain.id() == expected => Ok(Some((chain, can_simulate))),
        Ok((chain, _)) => {
            let endpoint = chain.endpoint().to_owned();
            Err(RunError::WrongChain { endpoint, expected, found: chain.id() })
        }
        Err(source @ ChainError::InvalidUrl { .. }) => {
            Err(RunError::Endpoint { chain_id: expected, source })
        }
        Err(error) => {
            tracing::warn!(chain_id = expected, %error, "endpoint");
            Ok(None)
        }
    }
}
