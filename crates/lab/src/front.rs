//! A JSON-RPC endpoint in front of another one: whoever stands there decides what is answered.

use alloy::transports::http::reqwest;
use eyre::{Result, WrapErr as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// An error of JSON-RPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its code.
    pub code: i64,
    /// Its words.
    pub message: String,
    /// What a reverted call returned.
    pub data: Option<Value>,
}

impl Refused {
    /// With the code that most nodes give most refusals.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: -32_000, message: message.into(), data: None }
    }

    fn reply(&self, id: &Value) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }
}

/// The node behind.
#[derive(Clone, Debug)]
pub struct Node {
    url: String,
    client: reqwest::Client,
}

impl Node {
    /// Asks it.
    ///
    /// # Errors
    ///
    /// What it refuses; also if it does not answer.
    pub async fn ask(&self, method: &str, params: Value) -> Result<Value, Refused> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let away = |error: reqwest::Error| Refused::new(error.without_url().to_string());
        let request = self.client.post(&self.url).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.map_err(away)?;
        let bytes = answer.bytes().await.map_err(away)?;
        let mut answer: Value =
            serde_json::from_slice(&bytes).map_err(|error| Refused::new(error.to_string()))?;
        match answer.get("error") {
            Some(error) => Err(Refused {
                code: error["code"].as_i64().unwrap_or(-32_603),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                data: error.get("data").cloned(),
            }),
            None => Ok(answer["result"].take()),
        }
    }
}

/// Who answers instead of the node.
pub(crate) trait Clerk: Send + Sync + 'static {
    /// Answers one call.
    fn answer(
        &self,
        node: &Node,
        method: &str,
        params: Value,
    ) -> impl Future<Output = Result<Value, Refused>> + Send;
}

/// An endpoint that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Front {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Front {
    /// Has `clerk` answer for the node at `target`, on a free port of the loopback interface.
    pub(crate) async fn start<C: Clerk>(target: &str, clerk: Arc<C>) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.wrap_err("no free port")?;
        let address = listener.local_addr()?;
        let node = Node { url: target.to_owned(), client: reqwest::Client::default() };
        Ok(Self { address, task: tokio::spawn(accept(listener, node, clerk)) })
    }

    /// Its URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<C: Clerk>(listener: TcpListener, node: Node, clerk: Arc<C>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (node, clerk) = (node.clone(), clerk.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| serve(request, &node, &*clerk));
            // Whoever asked may be gone.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn serve<C: Clerk>(
    request: Request<Incoming>,
    node: &Node,
    clerk: &C,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let told = match asked {
        Value::Array(calls) => {
            let mut told = Vec::with_capacity(calls.len());
            for call in calls {
                told.push(one(call, node, clerk).await);
            }
            Value::Array(told)
        }
        call => one(call, node, clerk).await,
    };
    let mut response = Response::new(Full::new(Bytes::from(told.to_string())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn one<C: Clerk>(mut call: Value, node: &Node, clerk: &C) -> Value {
    let id = call["id"].take();
    let params = call["params"].take();
    let method = call["method"].as_str().unwrap_or_default();
    match clerk.answer(node, method, params).await {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(refused) => refused.reply(&id),
    }
}
