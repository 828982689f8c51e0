//! Connections: so many at once, none for ever, and all of them finished before the process is.

use super::{Peer, Shared, layers::Unanswered};
use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tower::Service as _;

/// How long connections may take to end once the process stops.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// How long to wait after the system had no connection to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The most bytes of a request's headers.
const LARGEST_HEAD: usize = 16 << 10;

/// Serves until the process stops, then until those who were being answered are.
pub(crate) async fn serve(listener: TcpListener, router: Router, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(shared.config.limits.connections));
    let mut stopping = shared.stopping();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stopping) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let connection = connection(stream, peer, router.clone(), shared.clone(), place);
                connections.spawn(connection);
            }
            Err(error) => {
                tracing::debug!(%error, "no connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(STOP_WAIT, ended).await.is_err() {
        tracing::warn!("a connection did not end in time");
    }
    connections.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.expect("it is never closed");
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

/// Returns once the process is to stop.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    shared: Arc<Shared>,
    _place: OwnedSemaphorePermit,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let answering = router.clone().call(request);
        async move {
            let Ok(response) = answering.await;
            match response.extensions().get::<Unanswered>() {
                // Whoever serves a connection closes it then.
                Some(Unanswered) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
                None => Ok(response),
            }
        }
    });
    let stream =
        TokioIo::new(super::stalled::Bounded::new(stream, shared.config.limits.request_wait));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.config.limits.header_wait)
        .max_header_size(LARGEST_HEAD)
        .serve_connection(stream, service);
    let mut connection = std::pin::pin!(connection);
    let mut stopping = shared.stopping();
    let by_itself = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopped(&mut stopping) => None,
    };
    let ended = match by_itself {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection");
    }
}
