//! An HTTP server that answers as it is told: also what no honest server answers, or never.

use eyre::{Result, WrapErr};
use http_body_util::BodyExt as _;
use hyper::{
    Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming},
    header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::sleep};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, from its first slash on.
    pub path: String,
    /// What is behind the question mark, decoded.
    pub query: BTreeMap<String, String>,
    /// The headers that are text, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, as JSON; null if it is none.
    pub body: Value,
    /// The body as it came, where it is text.
    pub text: String,
}

/// What is answered.
#[derive(Debug)]
pub enum Reply {
    /// JSON with this status.
    Json(u16, Value),
    /// Any bytes with this status.
    Bytes(u16, Vec<u8>),
    /// Nothing with this status, and this as `Retry-After`.
    Busy(u16, String),
    /// Another reply, so much later.
    Later(Duration, Box<Self>),
    /// A redirect to this URL.
    Redirect(String),
    /// Bytes that break off before their end.
    Cut(Vec<u8>),
    /// Bytes that are sent again and again.
    Endless(Vec<u8>),
    /// A stream of server-sent events, as they are sent here; it ends when the sender is dropped.
    Events(mpsc::UnboundedReceiver<String>),
    /// Nothing, and the connection stays open.
    Hang,
    /// Nothing, and the connection is closed.
    Lose,
}

impl Server {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Result<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.wrap_err("no free port")?;
        let address = free.local_addr()?;
        let (asked, answer) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::new(answer));
        let task = tokio::spawn(accept(free, asked.clone(), answer));
        Ok(Self { address, asked, task })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<impl Fn(&Asked) -> Reply + Send + Sync + 'static>,
) {
    // Those who are connected are left when this task ends.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (asked, answer) = (asked.clone(), answer.clone());
        connections.spawn(async move {
            let service = service_fn(|request| {
                let (asked, answer) = (asked.clone(), answer.clone());
                async move {
                    let question = read(request).await?;
                    let reply = answer(&question);
                    asked.lock().unwrap_or_else(PoisonError::into_inner).push(question);
                    respond(reply).await
                }
            });
            // A connection that breaks is what this is for.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn read(request: hyper::Request<Incoming>) -> Result<Asked, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let url = alloy::transports::http::reqwest::Url::parse(&format!("http://host{}", head.uri))
        .map_err(io::Error::other)?;
    let header = |(name, value): (&hyper::header::HeaderName, &HeaderValue)| {
        Some((name.to_string(), value.to_str().ok()?.to_owned()))
    };
    Ok(Asked {
        method: head.method.to_string(),
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        headers: head.headers.iter().filter_map(header).collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        text: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// An error closes the connection.
async fn respond(reply: Reply) -> Result<Response<Sent>, io::Error> {
    match reply {
        Reply::Json(status, json) => {
            response(status, "application/json", Sent::Once(Some(json.to_string().into())))
        }
        Reply::Bytes(status, bytes) => {
            response(status, "text/html", Sent::Once(Some(bytes.into())))
        }
        Reply::Busy(status, pause) => {
            let mut busy = response(status, "text/plain", Sent::Once(None))?;
            let pause = HeaderValue::from_str(&pause).map_err(io::Error::other)?;
            busy.headers_mut().insert(RETRY_AFTER, pause);
            Ok(busy)
        }
        Reply::Later(pause, reply) => {
            sleep(pause).await;
            Box::pin(respond(*reply)).await
        }
        Reply::Redirect(to) => {
            let mut redirect = response(307, "text/html", Sent::Once(None))?;
            let to = HeaderValue::from_str(&to).map_err(io::Error::other)?;
            redirect.headers_mut().insert(LOCATION, to);
            Ok(redirect)
        }
        Reply::Cut(bytes) => response(200, "application/json", Sent::Cut(Some(bytes.into()))),
        Reply::Endless(bytes) => response(200, "application/json", Sent::Endless(bytes.into())),
        Reply::Events(events) => response(200, "text/event-stream", Sent::Events(events)),
        Reply::Hang => pending().await,
        Reply::Lose => Err(io::Error::other("lost on purpose")),
    }
}

fn response(status: u16, kind: &'static str, sent: Sent) -> Result<Response<Sent>, io::Error> {
    let mut response = Response::new(sent);
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// A body, as it is sent.
#[derive(Debug)]
enum Sent {
    Once(Option<Bytes>),
    Cut(Option<Bytes>),
    Endless(Bytes),
    Events(mpsc::UnboundedReceiver<String>),
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = match self.get_mut() {
            Self::Once(bytes) => bytes.take().map(Ok),
            Self::Cut(bytes) => {
                let cut = || Err(io::Error::other("cut on purpose"));
                Some(bytes.take().map_or_else(cut, Ok))
            }
            Self::Endless(bytes) => Some(Ok(bytes.clone())),
            Self::Events(events) => ready!(events.poll_recv(context)).map(|text| Ok(text.into())),
        };
        Poll::Ready(next.map(|bytes| bytes.map(Frame::data)))
    }
}
