//! An RPC endpoint that fails on purpose: between a program and a real one.
//!
//! What goes wrong is decided by a seeded generator, so that a run can be repeated; what was asked is
//! counted by method.

mod behind;
mod fault;
mod faults;
mod indexing;
mod reply;
#[cfg(test)]
mod tests;

pub use fault::{ErrorBody, Fault, HttpError, Nothing, Refusal};
pub use faults::Faults;

use alloy::{
    primitives::{B256, keccak256},
    transports::http::reqwest,
};
use eyre::{Result, WrapErr};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use indexing::Heard;
use reply::Reply;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    future::pending,
    io,
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

/// A receipt that was shown to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownReceipt {
    /// Whether the transaction went through.
    pub success: bool,
    /// When it was shown first.
    pub at: Instant,
}

#[derive(Debug)]
struct Shared {
    target: String,
    client: reqwest::Client,
    faults: Mutex<Faults>,
    notes: Mutex<Notes>,
    heard: Mutex<Heard>,
}

/// What was asked and answered.
#[derive(Debug, Default)]
struct Notes {
    calls: BTreeMap<String, u64>,
    struck: BTreeMap<String, u64>,
    sends: BTreeMap<B256, Instant>,
    receipts: BTreeMap<B256, ShownReceipt>,
    /// The last answer to each method, with what was asked.
    last: BTreeMap<String, (Bytes, Bytes)>,
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
            notes: Mutex::default(),
            heard: Mutex::default(),
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
        lock(&self.shared.notes).calls.clone()
    }

    /// How many of the calls of each method were struck by a fault.
    pub fn struck(&self) -> BTreeMap<String, u64> {
        lock(&self.shared.notes).struck.clone()
    }

    /// When each raw transaction came first, by its hash; whatever became of it then.
    pub fn sends(&self) -> BTreeMap<B256, Instant> {
        lock(&self.shared.notes).sends.clone()
    }

    /// The receipts that were shown, alone or with those of their block, by the transaction's hash: as last shown.
    pub fn receipts(&self) -> BTreeMap<B256, ShownReceipt> {
        lock(&self.shared.notes).receipts.clone()
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
) -> Result<Response<Full<Bytes>>, io::Error> {
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let method = call["method"].as_str().unwrap_or("batch");
    let now = Instant::now();
    lock(&shared.notes).asked(method, &call, now);
    let fault = lock(&shared.faults).draw(method, now);
    let reply = match fault {
        None => {
            let answer = shared.ask(body.clone()).await?;
            lock(&shared.notes).last.insert(method.to_owned(), (body, answer.clone()));
            Reply::json(answer)
        }
        Some(fault) => {
            *lock(&shared.notes).struck.entry(method.to_owned()).or_default() += 1;
            shared.strike(fault, &call, body).await?
        }
    };
    lock(&shared.notes).answered(method, &reply, now);
    reply.respond()
}

impl Notes {
    fn asked(&mut self, method: &str, call: &Value, now: Instant) {
        *self.calls.entry(method.to_owned()).or_default() += 1;
        if method == "eth_sendRawTransaction"
            && let Ok([raw]) =
                serde_json::from_value::<[alloy::primitives::Bytes; 1]>(call["params"].clone())
        {
            self.sends.entry(keccak256(raw)).or_insert(now);
        }
    }

    fn answered(&mut self, method: &str, reply: &Reply, now: Instant) {
        if !matches!(method, "eth_getTransactionReceipt" | "eth_getBlockReceipts") {
            return;
        }
        let Some(mut answer) = reply.answer() else { return };
        let shown = match answer["result"].take() {
            Value::Array(receipts) => receipts,
            receipt => vec![receipt],
        };
        for receipt in shown {
            let hash = serde_json::from_value::<B256>(receipt["transactionHash"].clone());
            let (Ok(hash), Some(status)) = (hash, receipt["status"].as_str()) else { continue };
            let success = status == "0x1";
            let before = self.receipts.get(&hash).filter(|shown| shown.success == success);
            let at = before.map_or(now, |shown| shown.at);
            self.receipts.insert(hash, ShownReceipt { success, at });
        }
    }

    /// An answer that was given to something else, rather to the same method.
    fn other(&self, method: &str, body: &Bytes) -> Option<Bytes> {
        let same = self.last.get(method).filter(|(asked, _)| asked != body);
        let other = || self.last.iter().find(|(other, _)| *other != method).map(|(_, last)| last);
        same.or_else(other).map(|(_, answer)| answer.clone())
    }
}

impl Shared {
    /// The answer to a call that a fault strikes.
    async fn strike(&self, fault: Fault, call: &Value, body: Bytes) -> io::Result<Reply> {
        let method = call["method"].as_str().unwrap_or_default();
        let done = || self.ask(body.clone());
        Ok(match fault {
            Fault::LoseRequest => return Err(lost()),
            Fault::LoseReply => {
                done().await?;
                return Err(lost());
            }
            Fault::Hang => pending().await,
            Fault::Delay(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Reply::json(done().await?)
            }
            Fault::GarbleReply => {
                done().await?;
                Reply::page()
            }
            Fault::Truncate => {
                let answer = done().await?;
                Reply::json(answer.slice(..answer.len() / 2))
            }
            Fault::WrongId => {
                let mut answer = self.ask_json(call).await?;
                answer["id"] = json!(call["id"].as_u64().unwrap_or_default() + 1);
                Reply::value(&answer)
            }
            Fault::OtherAnswer => {
                let answer = done().await?;
                let other = lock(&self.notes).other(method, &body);
                Reply::json(other.unwrap_or(answer))
            }
            Fault::Empty(nothing) => {
                done().await?;
                Reply::result(call, &nothing.result(method))
            }
            Fault::Partial => {
                let mut answer = self.ask_json(call).await?;
                answer["result"] = reply::half(answer["result"].take());
                Reply::value(&answer)
            }
            Fault::Refuse(refusal) => Reply::refusal(call, &refusal),
            Fault::RefuseDone(refusal) => {
                done().await?;
                Reply::refusal(call, &refusal)
            }
            Fault::Http(error) => Reply::http(call, &error),
            Fault::Behind(blocks) => Reply::value(&behind::answer(self, call, blocks).await?),
            Fault::Indexing(millis) => {
                let answer = self.ask_json(call).await?;
                let lasts = Duration::from_millis(millis);
                Reply::value(&lock(&self.heard).hide(call, answer, lasts, Instant::now()))
            }
            Fault::AlreadyKnown => Reply::refusal(call, &Refusal::new(-32_000, "already known")),
            Fault::FalseHead => {
                let mut answer = self.ask_json(call).await?;
                if call["params"][0] == "latest" {
                    answer["result"]["number"] = json!("0x7fffffff");
                    answer["result"]["hash"] = json!(format!("0x{}", "f".repeat(64)));
                }
                Reply::value(&answer)
            }
        })
    }

    /// Asks the endpoint.
    async fn ask(&self, body: Bytes) -> io::Result<Bytes> {
        let request = self.client.post(&self.target).header("content-type", "application/json");
        let answer = request.body(body).send().await.map_err(io::Error::other)?;
        answer.bytes().await.map_err(io::Error::other)
    }

    /// Asks the endpoint, for what is looked into.
    async fn ask_json(&self, call: &Value) -> io::Result<Value> {
        let answer = self.ask(call.to_string().into()).await?;
        serde_json::from_slice(&answer).map_err(io::Error::other)
    }

    /// Asks the endpoint for a result. Null where it refuses.
    async fn result(&self, method: &str, params: Value) -> io::Result<Value> {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        Ok(self.ask_json(&call).await?["result"].take())
    }
}

fn lost() -> io::Error {
    io::Error::other("lost on purpose")
}
