//! Events over HTTP: in order, none lost, none twice.

use crate::http_stage::{LONG, OPEN, Server, Stage, serve_text};
use alloy::transports::http::reqwest::{Method, Response};
use eyre::{OptionExt as _, Result, ensure};
use quorate_api::{Event, ProblemCode};
use quorate_lab::owners::owner;
use std::time::Duration;
use tokio::time::timeout;

/// One who listens.
struct Listener {
    response: Response,
    text: String,
}

impl Listener {
    async fn new(server: &Server, query: &str, last_id: Option<u64>) -> Result<Self> {
        let mut request = server.request(Method::GET, &format!("/v1/events{query}"));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let response = timeout(LONG, request.send()).await??;
        ensure!(response.status() == 200, "{response:?}");
        ensure!(response.headers()["content-type"] == "text/event-stream", "{response:?}");
        Ok(Self { response, text: String::new() })
    }

    /// The next event of a wallet; none once the stream is over.
    async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                let event = read(&frame)?;
                if event.kind == Event::CONNECTED {
                    continue;
                }
                return Ok(Some(event));
            }
            match timeout(LONG, self.response.chunk()).await?? {
                Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk)?),
                None => return Ok(None),
            }
        }
    }

    async fn take(&mut self, count: usize) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await?.ok_or_eyre("the stream is over")?);
        }
        Ok(events)
    }
}

/// Every blank line ends an event: clients make an empty one of each further.
fn read(frame: &str) -> Result<Event> {
    let field =
        |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = field("data").ok_or_eyre("a blank line that ends no event")?;
    let event: Event = serde_json::from_str(data)?;
    let (id, kind) = (event.sequence.to_string(), event.kind.clone());
    ensure!(field("id") == Some(&id) && field("event") == Some(&kind), "{frame}");
    Ok(event)
}

fn sequences(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.sequence).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_where_it_was_without_loss_and_without_repetition() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let mut all = Listener::new(&server, "?after=0", None).await?;
    let first = all.take(1).await?;
    assert_eq!((first[0].sequence, first[0].kind.as_str()), (1, "walletRegistered"));

    // Readers that come while much is happening.
    let proposing = async {
        for sequence in 0..20 {
            let new = server.propose(&wallet.payment(5, sequence), sequence % 3).await?;
            ensure!(new.status == 201, "{new:?}");
        }
        Ok(())
    };
    let reading = async {
        let mut seen = Vec::<Event>::new();
        while seen.iter().filter(|event| event.kind == "proposed").count() < 20 {
            let last_id = seen.last().map_or(1, |event| event.sequence);
            let mut reader = Listener::new(&server, "?after=0", Some(last_id)).await?;
            seen.extend(reader.take(1 + seen.len() % 3).await?);
        }
        Ok(seen)
    };
    let ((), seen) = tokio::try_join!(proposing, reading)?;
    let last = seen.last().map_or(0, |event| event.sequence);
    assert_eq!(sequences(&seen), (2..=last).collect::<Vec<_>>());
    assert_eq!(all.take(seen.len()).await?, seen);
    server.stop().await?;
    while all.next().await?.is_some() {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_told_what_it_asks_for_and_nothing_else() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let (ours, theirs) = (stage.wallet(1)?, {
        let owners = [3, 4, 5].map(|key| owner(key).address()).to_vec();
        stage.wallet_of(2, owners)?
    });
    // One wallet is there before they listen, the other after.
    server.register(&ours).await?;
    let address = format!("?address={}", theirs.address.to_checksum(None));
    let by_owner = format!("?owner={}&chainId=31337", owner(4).address().to_checksum(None));
    let mut listeners = Vec::new();
    for query in [address.as_str(), by_owner.as_str(), "?chainId=1", ""] {
        listeners.push(Listener::new(&server, query, None).await?);
    }
    server.register(&theirs).await?;
    server.propose(&ours.payment(5, 0), 0).await?;
    server.propose(&theirs.payment(5, 0), 4).await?;
    let mut everything = listeners.pop().ok_or_eyre("four listen")?;
    let mut expected = Vec::<Event>::new();
    while expected.last().is_none_or(|event| event.kind != "signed") {
        let event = everything.next().await?.ok_or_eyre("the stream is over")?;
        if event.wallet == theirs.address {
            expected.push(event);
        }
    }
    assert!(expected.len() >= 3, "{expected:?}");
    for listener in &mut listeners[..2] {
        assert_eq!(listener.take(expected.len()).await?, expected);
    }
    let mut nothing = listeners.pop().ok_or_eyre("three listen")?;
    server.stop().await?;
    assert_eq!(nothing.next().await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_streams() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(&format!("{OPEN}[http.limits]\nstreams = 2\n")).await?;
    server.register(&stage.wallet(1)?).await?;
    let first = Listener::new(&server, "", None).await?;
    let _second = Listener::new(&server, "", None).await?;
    let refused = server.get("/v1/events").await?;
    assert_eq!(refused.code(), Some(ProblemCode::Overloaded), "{refused:?}");
    // Others are served, and a place that is left is free again.
    assert_eq!(server.get("/v1/wallets").await?.status, 200);
    drop(first);
    crate::http_stage::until("a free place", || async {
        let response = server.request(Method::GET, "/v1/events").send().await?;
        Ok((response.status() == 200).then_some(()))
    })
    .await?;
    server.stop().await
}

/// Case 24: an `EventSource` that reads 503 never comes back.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_does_not_open_a_reader_is_held_and_then_not_answered() -> Result<()> {
    let stage = Stage::new().await?;
    let text = stage.config(&stage.chain.endpoint(), "[http.limits]\nrequest_secs = 2\n");
    // A server that nobody started.
    let nobody =
        format!("postgres://quorate@localhost/quorate?host={}", stage.folder.path().display());
    let server = serve_text(&text.replace("relayer.db", &nobody), stage.folder.path()).await?;
    let others = server.send(server.request(Method::GET, "/v1/wallets")).await?;
    assert_eq!(others.code(), Some(ProblemCode::StoreUnavailable));
    let begun = tokio::time::Instant::now();
    let unanswered = timeout(LONG, server.request(Method::GET, "/v1/events").send()).await?;
    assert!(unanswered.as_ref().is_err_and(|error| error.is_request()), "{unanswered:?}");
    ensure!(begun.elapsed() >= Duration::from_secs(2), "it was not held");
    // Nor is one that waits while the process ends.
    let held = tokio::spawn(server.request(Method::GET, "/v1/events").send());
    crate::http_stage::until("its place is taken", || async {
        let metrics = server.send(server.request(Method::GET, "/metrics")).await?;
        let text = metrics.body.as_str().unwrap_or_default();
        Ok(text.lines().any(|line| line.starts_with("quorate_http_streams 1")).then_some(()))
    })
    .await?;
    server.stop().await?;
    let unanswered = timeout(LONG, held).await??;
    assert!(unanswered.as_ref().is_err_and(|error| error.is_request()), "{unanswered:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_now_misses_nothing_though_nothing_was_told() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let mut response = server.request(Method::GET, "/v1/events").send().await?;
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        let chunk = timeout(LONG, response.chunk()).await??.ok_or_eyre("the stream is over")?;
        text.push_str(std::str::from_utf8(&chunk)?);
    }
    ensure!(text.starts_with("retry: 1000\nid: 0\nevent: connected\ndata: {"), "{text}");
    let connected = read(text.strip_prefix("retry: 1000\n").unwrap_or_default().trim_end())?;
    assert_eq!((connected.sequence, connected.chain_id), (0, 0));
    drop(response);
    server.register(&stage.wallet(1)?).await?;
    let mut again = Listener::new(&server, "", Some(connected.sequence)).await?;
    assert_eq!(sequences(&again.take(1).await?), [1]);
    server.stop().await
}
