//! An RPC endpoint that fails on purpose: between a program and a real one.
//!
//! What goes wrong is decided by a seeded generator, so that a run can be repeated; what was asked is
//! counted by method.

mod faults;

pub use faults::{Fault, Faults};

use alloy::{
    primitives::{B256, keccak256},
    transports::http::reqwest,
};
use eyre::{Result, WrapErr};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: String,
    client: reqwest::Client,
    faults: Mutex<Faults>,
    calls: Mutex<BTreeMap<String, u64>>,
    sends: Mutex<BTreeMap<B256, Instant>>,
}

impl Proxy {
    /// Starts a proxy of the endpoint at `target` on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(target: &str, faults: Faults) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.wrap_err("no free port")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            client: Default::default(),
            faults: Mutex::new(faults),
            calls: Mutex::default(),
            sends: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets other things go wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// How often each method was asked for, failed calls too.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.shared.calls).clone()
    }

    /// When each raw transaction came first, by its hash; whatever became of it then.
    pub fn sends(&self) -> BTreeMap<B256, Instant> {
        lock(&self.shared.sends).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A poisoned lock means that a test failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        if lock(&shared.faults).is_down() {
            continue;
        }
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, shared.clone()));
            // A connection that breaks is what this is for.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Answers one request, as the fault that was drawn for it says. An error closes the connection.
async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let method = call["method"].as_str().unwrap_or("batch").to_owned();
    *lock(&shared.calls).entry(method.clone()).or_default() += 1;
    if method == "eth_sendRawTransaction"
        && let Ok([raw]) =
            serde_json::from_value::<[alloy::primitives::Bytes; 1]>(call["params"].clone())
    {
        lock(&shared.sends).entry(keccak256(raw)).or_insert_with(Instant::now);
    }
    let fault = lock(&shared.faults).draw(&method);
    match fault {
        None => forward(&shared, body).await,
        Some(Fault::LoseRequest) => Err(lost()),
        Some(Fault::LoseReply) => {
            forward(&shared, body).await?;
            Err(lost())
        }
        Some(Fault::GarbleReply) => {
            forward(&shared, body).await?;
            Ok(json_response(Bytes::from_static(b"<html>Bad gateway</html>")))
        }
        Some(Fault::Hang) => pending().await,
        Some(Fault::Delay(millis)) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            forward(&shared, body).await
        }
        Some(Fault::AlreadyKnown) => {
            let error = json!({ "code": -32000, "message": "already known" });
            Ok(reply(&json!({ "jsonrpc": "2.0", "id": call["id"], "error": error })))
        }
        Some(Fault::FalseHead) if call["params"][0] == "latest" => {
            let target = shared.client.post(&shared.target).body(body);
            let answer = target.header("content-type", "application/json").send().await;
            let bytes = answer.map_err(std::io::Error::other)?.bytes().await;
            let mut answer: Value =
                serde_json::from_slice(&bytes.map_err(std::io::Error::other)?).unwrap_or_default();
            answer["result"]["number"] = json!("0x7fffffff");
            answer["result"]["hash"] = json!(format!("0x{}", "f".repeat(64)));
            Ok(reply(&answer))
        }
        Some(Fault::FalseHead) => forward(&shared, body).await,
        Some(Fault::Overloaded) => {
            let mut response = reply(&Value::Null);
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            Ok(response)
        }
    }
}

fn lost() -> std::io::Error {
    std::io::Error::other("lost on purpose")
}

async fn forward(shared: &Shared, body: Bytes) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let request = shared.client.post(&shared.target).header("content-type", "application/json");
    let answer = request.body(body).send().await.map_err(std::io::Error::other)?;
    let bytes = answer.bytes().await.map_err(std::io::Error::other)?;
    Ok(json_response(bytes))
}

fn reply(value: &Value) -> Response<Full<Bytes>> {
    json_response(value.to_string().into())
}

fn json_response(bytes: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anvil::Chain;
    use alloy::{
        primitives::U64,
        providers::{Provider, RootProvider},
    };

    fn provider(proxy: &Proxy) -> Result<RootProvider> {
        Ok(RootProvider::new_http(proxy.endpoint().parse()?))
    }

    async fn block_number(proxy: &Proxy) -> Result<U64> {
        let provider = provider(proxy)?;
        Ok(provider.raw_request("eth_blockNumber".into(), ()).await?)
    }

    #[tokio::test]
    async fn what_is_asked_is_passed_on_and_counted() -> Result<()> {
        let chain = Chain::start()?;
        let proxy = Proxy::start(&chain.endpoint(), Faults::none(1)).await?;
        assert_eq!(block_number(&proxy).await?, U64::ZERO);
        assert_eq!(proxy.calls(), BTreeMap::from([("eth_blockNumber".to_owned(), 1)]));
        proxy.set_faults(Faults::none(1).down());
        assert!(block_number(&proxy).await.is_err());
        Ok(())
    }

    /// The whole point: it happened, and nobody was told.
    #[tokio::test]
    async fn a_lost_reply_leaves_what_was_done() -> Result<()> {
        let chain = Chain::start()?;
        let faults = Faults::none(1).with(Fault::LoseReply, 1_000, Some("evm_mine"));
        let proxy = Proxy::start(&chain.endpoint(), faults).await?;
        let provider = provider(&proxy)?;
        let mined: std::result::Result<Value, _> =
            provider.raw_request("evm_mine".into(), ()).await;
        assert!(mined.is_err());
        assert_eq!(block_number(&proxy).await?, U64::from(1));
        Ok(())
    }

    #[tokio::test]
    async fn a_lie_is_told_without_asking() -> Result<()> {
        let chain = Chain::start()?;
        let method = "eth_sendRawTransaction";
        let faults = Faults::none(1).with(Fault::AlreadyKnown, 1_000, Some(method));
        let proxy = Proxy::start(&chain.endpoint(), faults).await?;
        let provider = provider(&proxy)?;
        let sent: std::result::Result<Value, _> =
            provider.raw_request(method.into(), ["0x00"]).await;
        assert!(sent.unwrap_err().to_string().contains("already known"));
        Ok(())
    }
}
