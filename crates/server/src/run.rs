//! The process: HTTP, keys, store, endpoints, and one engine for each chain.

use crate::{
    config::{ChainConfig, Config, RpcUrl},
    http::{BindError, Bound, Ear, Service},
    sender::{self, SenderError},
    webhook::{self, Webhook, WebhookError},
};
use quorate_chain::{Chain, ChainError};
use quorate_relayer::driver::{
    BookError, Endpoints, Engine, Handle, Keeper, Key, LocalKey, Parts, Tenure,
};
use quorate_store::{OpenError, Storage as _, Store, StoreError};
use std::{collections::BTreeMap, future::Future, time::Duration};
use thiserror::Error;
use tokio::{sync::watch, task::JoinSet, time::timeout};

/// How long between two tries while no endpoint answers.
const PAUSE: Duration = Duration::from_secs(2);

/// How often the head of the audit log is logged.
const AUDIT_HEAD_EVERY: Duration = Duration::from_secs(3_600);

/// How long endpoints are asked for what they do before an engine begins without knowing all of it.
const EXAMINATION_WAIT: Duration = Duration::from_secs(5);

/// How long engines may take to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// Why a relayer does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// HTTP is not served.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A sender's key is not ready.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// A webhook's secrets are not ready.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
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
    /// The tokens cannot be read.
    #[error("the tokens: {0}")]
    Tokens(#[from] StoreError),
    /// What the webhooks are told cannot be noted.
    #[error("the webhooks: {0}")]
    Webhooks(StoreError),
    /// HTTP is served to others, who could not be told apart.
    #[error(
        "others can reach HTTP (http.listen, behind_tls_proxy), and there is no token: make one first, with \
         `quorate relayer token create`"
    )]
    NoToken,
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
    ear: Option<Ear>,
    store: Store,
    tenure: Tenure,
    clock: fn() -> u64,
}

/// Runs until `shutdown` is ready or something fails for good. `clock` gives the time in Unix milliseconds.
///
/// HTTP is served first, so that it can be told what is missing; then keys are opened, then the store, which is waited for
/// while that can help; a chain whose endpoints do not answer is waited for and holds up no other. At the end HTTP takes no
/// more and finishes what it took, then the engines stop, then the store is closed: what was accepted is stored. What is on
/// its way goes on by itself, and is found again.
///
/// # Errors
///
/// If the address is taken, a key does not open, the store fails, or an endpoint serves another chain.
pub async fn run(
    config: Config,
    clock: fn() -> u64,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let bound = Bound::take(&config.http).await?;
    run_at(bound, config, clock, shutdown).await
}

/// As [`run`], with the address of HTTP taken before; none serves none.
///
/// # Errors
///
/// As [`run`].
pub async fn run_at(
    bound: Option<Bound>,
    config: Config,
    clock: fn() -> u64,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let opened = config.webhooks.iter().cloned().map(Webhook::open);
    let webhooks = opened.collect::<Result<Vec<_>, _>>()?;
    let endpoints = config.chains.iter().map(endpoints_of).collect();
    let service = bound.map(|bound| Service::start(bound, &config, &endpoints, clock));
    let mut shutdown = std::pin::pin!(shutdown);
    let ready = tokio::select! {
        () = &mut shutdown => None,
        ready = prepare(&config, service.as_ref(), clock) => Some(ready),
    };
    let (mut keys, store) = match ready {
        Some(Ok(ready)) => ready,
        failed_or_stopped => {
            stop_service(service).await;
            return failed_or_stopped.map_or(Ok(()), |failed| failed.map(|_| ()));
        }
    };
    let keeper = Keeper::start(store.clone(), holder(clock), config.lease, clock);
    let sites = config.chains.into_iter().filter_map(|config| {
        let chain_id = config.settings.chain_id;
        let (keys, endpoints) = (keys.remove(&chain_id)?, endpoints.get(&chain_id)?.clone());
        let (store, tenure) = (store.clone(), keeper.tenure());
        let ear = service.as_ref().map(|service| service.ear(chain_id));
        Some(Site { config, keys, endpoints, ear, store, tenure, clock })
    });
    let sites: Vec<_> = sites.collect();
    let mut telling = JoinSet::new();
    telling.spawn(tell_audit_head(store.clone()));
    for webhook in webhooks {
        telling.spawn(webhook::tell(webhook, store.clone(), keeper.tenure(), clock));
    }
    let ended = work(sites, shutdown, service).await;
    telling.shutdown().await;
    keeper.stop().await;
    store.close().await;
    tracing::info!("stopped");
    ended
}

/// Logs the hash of the last row of the audit log every hour: whoever keeps logs elsewhere can tell later whether its end
/// was cut off or written anew.
async fn tell_audit_head(store: Store) {
    let mut ticks = tokio::time::interval(AUDIT_HEAD_EVERY);
    loop {
        ticks.tick().await;
        match store.audit_head().await {
            Ok(head) => tracing::info!(%head, "audit log"),
            Err(error) => tracing::warn!(%error, "no head of the audit log"),
        }
    }
}

/// The keys of the senders, by chain.
type Keys = BTreeMap<u64, Vec<LocalKey>>;

/// Opens the keys, then the store.
async fn prepare(
    config: &Config,
    service: Option<&Service>,
    clock: fn() -> u64,
) -> Result<(Keys, Store), RunError> {
    let mut keys = BTreeMap::new();
    for chain in &config.chains {
        let chain_id = chain.settings.chain_id;
        let opened = sender::open_all(chain_id, &chain.senders).await?;
        if let Some(service) = service {
            service.set_senders(chain_id, opened.iter().map(Key::address).collect());
        }
        keys.insert(chain_id, opened);
    }
    let store = open_store(config).await?;
    if config.http.is_public() && !has_token_at_last(&store).await? {
        store.close().await;
        return Err(RunError::NoToken);
    }
    // Before anything can happen: a new webhook is told all of it.
    for webhook in &config.webhooks {
        begin_webhook(&store, &webhook.name, clock).await.map_err(RunError::Webhooks)?;
    }
    if let Some(service) = service {
        service.open(store.clone());
    }
    Ok((keys, store))
}

/// Whether there is a token that was not revoked.
pub(crate) async fn has_token(store: &Store) -> Result<bool, StoreError> {
    Ok(store.list_tokens().await?.iter().any(|token| token.revoked_at.is_none()))
}

/// As [`has_token`]; where that may help, asked again and again.
async fn has_token_at_last(store: &Store) -> Result<bool, StoreError> {
    loop {
        match has_token(store).await {
            Err(error) if error.may_pass() => {
                tracing::warn!(%error, "the tokens cannot be read");
                tokio::time::sleep(PAUSE).await;
            }
            asked => return asked,
        }
    }
}

/// Has a webhook be told what happens from now on, if it is new; where that may help, again and again.
async fn begin_webhook(store: &Store, name: &str, clock: fn() -> u64) -> Result<(), StoreError> {
    loop {
        let at = i64::try_from(clock()).unwrap_or(i64::MAX);
        match store.begin_webhook(name.to_owned(), at).await {
            Err(error) if error.may_pass() => {
                tracing::warn!(webhook = name, %error, "a webhook is not begun with");
                tokio::time::sleep(PAUSE).await;
            }
            begun => return begun.map(drop),
        }
    }
}

/// Opens the store; where that may help, again and again.
async fn open_store(config: &Config) -> Result<Store, OpenError> {
    loop {
        match config.store.open().await {
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "the store does not open");
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Runs the engines until `shutdown` is ready or one of them fails; then ends HTTP, and after it the engines.
async fn work(
    sites: Vec<Site>,
    shutdown: impl Future<Output = ()>,
    service: Option<Service>,
) -> Result<(), RunError> {
    let (stop, stopped) = watch::channel(false);
    let mut engines = JoinSet::new();
    for site in sites {
        engines.spawn(connect_and_serve(site, stopped.clone()));
    }
    let ended = tokio::select! {
        () = shutdown => Ok(()),
        Some(ended) = engines.join_next() => ended.map_err(|_| RunError::Broken).flatten(),
    };
    tracing::info!("stopping");
    stop_service(service).await;
    let _ = stop.send(true);
    let rest = timeout(STOP_WAIT, drain(&mut engines)).await.unwrap_or_else(|_| {
        tracing::warn!("an engine did not stop in time");
        Ok(())
    });
    engines.shutdown().await;
    ended.and(rest)
}

async fn stop_service(service: Option<Service>) {
    if let Some(service) = service {
        service.stop().await;
    }
}

/// Waits for the endpoints of a chain, then runs its engine.
async fn connect_and_serve(mut site: Site, stopped: watch::Receiver<bool>) -> Result<(), RunError> {
    let mut asked = stopped.clone();
    let connected = tokio::select! {
        connected = connect(&site) => connected,
        _ = asked.wait_for(|stopped| *stopped) => return Ok(()),
    };
    connected?;
    site.config.settings.has_simulate_v1 = site.endpoints.can_simulate();
    serve(site, stopped).await
}

/// The endpoints of a chain, by its number.
fn endpoints_of(config: &ChainConfig) -> (u64, Endpoints) {
    let chain_id = config.settings.chain_id;
    let urls = config.rpc_urls.iter().map(|url| url.as_str().to_owned());
    (chain_id, Endpoints::new(chain_id, urls))
}

/// A name that no other process uses at the same time.
fn holder(clock: fn() -> u64) -> String {
    format!("process {} since {}", std::process::id(), clock())
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
async fn serve(mut site: Site, mut stopped: watch::Receiver<bool>) -> Result<(), RunError> {
    let chain_id = site.config.settings.chain_id;
    let ear = site.ear.take();
    let (engine, handle) = engine_for(site);
    if let Some(ear) = ear {
        ear.tell(handle.report());
    }
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

fn engine_for(site: Site) -> (Engine, Handle) {
    let Site { config, keys, endpoints, store, tenure, clock, .. } = site;
    let ChainConfig { settings, limits, poll, .. } = config;
    let keys = keys.into_iter().map(|key| Box::new(key) as Box<dyn Key>).collect();
    Engine::new(Parts { settings, limits, endpoints, keys, store, tenure, clock, poll })
}

/// Waits until an endpoint answers, and asks those that do all that a relayer asks; what they lack, the engine names. Those
/// that do not answer yet are used as soon as they do.
async fn connect(site: &Site) -> Result<(), RunError> {
    let chain_id = site.config.settings.chain_id;
    loop {
        let mut answers = JoinSet::new();
        for url in &site.config.rpc_urls {
            let url = url.clone();
            answers.spawn(async move { connect_one(chain_id, &url).await });
        }
        let answers = answers.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let missing = answers.iter().filter(|answers| !**answers).count();
        if missing < answers.len() && site.endpoints.connect().await > 0 {
            let _ = timeout(EXAMINATION_WAIT, site.endpoints.examine()).await;
            let (endpoints, can_simulate) =
                (answers.len() - missing, site.endpoints.can_simulate());
            tracing::info!(chain_id, endpoints, missing, can_simulate, "connected");
            return Ok(());
        }
        tracing::warn!(chain_id, missing, "no endpoint answers");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the endpoint answers, which must be for this chain.
async fn connect_one(expected: u64, url: &RpcUrl) -> Result<bool, RunError> {
    match Chain::connect(url.as_str()).await {
        Ok(chain) if chain.id() == expected => Ok(true),
        Ok(chain) => {
            let endpoint = chain.endpoint().to_owned();
            Err(RunError::WrongChain { endpoint, expected, found: chain.id() })
        }
        Err(source @ ChainError::InvalidUrl { .. }) => {
            Err(RunError::Endpoint { chain_id: expected, source })
        }
        Err(error) => {
            tracing::warn!(chain_id = expected, %error, "endpoint");
            Ok(false)
        }
    }
}
