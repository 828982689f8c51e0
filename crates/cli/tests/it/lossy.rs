//! A way to a relayer on which answers are lost: what is handed in arrives, and nobody is told.

use eyre::{OptionExt as _, Result, WrapErr as _};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Loses the first answer to each different thing that is handed in, until it is dropped.
pub(crate) struct Lossy {
    address: SocketAddr,
    seen: Arc<Mutex<BTreeSet<Vec<u8>>>>,
    task: JoinHandle<()>,
}

impl Lossy {
    /// Stands before the relayer at `to`.
    pub(crate) async fn before(to: &str) -> Result<Self> {
        let to = to.strip_prefix("http://").ok_or_eyre("no http")?.to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::<Mutex<BTreeSet<Vec<u8>>>>::default();
        let kept = seen.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (to, seen) = (to.clone(), kept.clone());
                // A connection that breaks is what this is for.
                tokio::spawn(async move { drop(pass(stream, &to, &seen).await) });
            }
        });
        Ok(Self { address, seen, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many answers were lost.
    pub(crate) fn lost(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes on one request, and its answer unless that is to be lost.
async fn pass(mut from: TcpStream, to: &str, seen: &Mutex<BTreeSet<Vec<u8>>>) -> Result<()> {
    let request = read(&mut from).await?;
    let mut relayer = TcpStream::connect(to).await?;
    let host = from.local_addr()?.to_string();
    let text = String::from_utf8(request.clone()).wrap_err("no text")?;
    let text =
        text.replace(&format!("host: {host}\r\n"), &format!("host: {to}\r\nconnection: close\r\n"));
    relayer.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    relayer.read_to_end(&mut answer).await?;
    let is_first = text.starts_with("POST")
        && seen.lock().unwrap_or_else(PoisonError::into_inner).insert(request);
    if !is_first {
        from.write_all(&answer).await?;
    }
    Ok(())
}

/// A whole request.
async fn read(from: &mut TcpStream) -> Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let count = from.read(&mut part).await?;
        request.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(Ok(0), str::parse)?;
        if count == 0 || body.len() >= length {
            return Ok(request);
        }
    }
}
