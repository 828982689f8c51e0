//! Streams of events: gone on with after a cut, given up where there is no right to them.

use crate::sample::{answers, problem};
use alloy::primitives::Address;
use eyre::{Result, bail, ensure};
use quorate_api::{
    Event, Instant,
    client::{EventFilter, Events, Told},
    problem::ProblemCode,
};
use quorate_lab::http::{Asked, Reply};
use serde_json::{Value, json};
use tokio::sync::mpsc;

fn event(sequence: u64, chain_id: u64) -> String {
    let event = Event {
        sequence,
        at: Instant::from_millis(0),
        kind: "status".to_owned(),
        chain_id,
        wallet: Address::ZERO,
        digest: None,
        payload: Value::Null,
    };
    format!("id: {sequence}\nevent: status\ndata: {}\n\n", json!(event))
}

/// A stream of these pieces that ends behind them.
fn stream(pieces: Vec<String>) -> Reply {
    let (sender, events) = mpsc::unbounded_channel();
    for piece in pieces {
        // It is read as long as the test runs.
        let _ = sender.send(piece);
    }
    Reply::Events(events)
}

/// The sequence of the next event, and how often the stream was opened and cut until then.
async fn next(events: &mut Events) -> Result<(u64, usize, usize)> {
    let (mut opened, mut cut) = (0, 0);
    for _ in 0..100 {
        match events.next().await? {
            Told::Connected => opened += 1,
            Told::Cut(_) => cut += 1,
            Told::Event(event) => return Ok((event.sequence, opened, cut)),
        }
    }
    bail!("no event")
}

/// What was seen last, by the header of the question.
fn last(asked: &Asked) -> u64 {
    asked.headers.get("last-event-id").map_or(0, |text| text.parse().unwrap_or(0))
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_behind_the_last_event() -> Result<()> {
    // Each stream gives two events, in pieces that are cut anywhere, and breaks off in the next one.
    let (server, client) = answers(|asked| {
        let first = last(asked) + 1;
        let text = [event(first, 1), ": alive\n\n".to_owned(), event(first + 1, 1)].concat();
        let (a, b) = text.split_at(17);
        stream(vec![a.to_owned(), b.to_owned(), event(first + 2, 1)[..40].to_owned()])
    })
    .await?;
    let mut events = client.events(EventFilter { chain_id: Some(1), ..EventFilter::default() });
    assert_eq!(next(&mut events).await?, (1, 1, 0));
    assert_eq!(next(&mut events).await?, (2, 0, 0));
    assert_eq!(next(&mut events).await?, (3, 1, 1));
    assert_eq!(next(&mut events).await?, (4, 0, 0));
    assert_eq!(next(&mut events).await?, (5, 1, 1));
    let asked = server.asked();
    assert_eq!(asked.iter().map(last).collect::<Vec<_>>(), [0, 2, 4]);
    ensure!(asked[0].path == "/v1/events" && asked[0].query["chainId"] == "1", "{asked:?}");
    assert_eq!(asked[0].headers["accept"], "text/event-stream");
    assert_eq!(asked[0].headers["authorization"], "Bearer a-token");
    Ok(())
}

#[tokio::test]
async fn a_relayer_that_is_away_is_waited_for() -> Result<()> {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (server, client) = answers(move |_| {
        match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Reply::Lose,
            1 => Reply::Hang,
            2 => Reply::Bytes(502, Vec::new()),
            3 => problem(ProblemCode::Stopping, "bye"),
            4 => Reply::Bytes(200, b"<html>".to_vec()),
            5 => stream(vec!["data: {}\n\n".to_owned()]),
            6 => stream(vec![format!("data: {}\n\n", "x".repeat(2 << 20))]),
            // Silent for too long.
            7 => {
                let (sender, events) = mpsc::unbounded_channel();
                std::mem::forget(sender);
                Reply::Events(events)
            }
            _ => stream(vec![event(9, 1)]),
        }
    })
    .await?;
    let mut events = client.events(EventFilter::default());
    let (sequence, _, cut) = next(&mut events).await?;
    ensure!((sequence, cut, server.asked().len()) == (9, 8, 9), "{sequence}, {cut} cuts");
    Ok(())
}

#[tokio::test]
async fn events_of_others_are_left_out() -> Result<()> {
    let (_server, client) = answers(|_| stream(vec![event(1, 5), event(2, 1)])).await?;
    let mut events = client.events(EventFilter { chain_id: Some(1), ..EventFilter::default() });
    assert_eq!(next(&mut events).await?.0, 2);
    Ok(())
}

#[tokio::test]
async fn whoever_has_no_right_to_events_is_told_once() -> Result<()> {
    let (server, client) = answers(|_| problem(ProblemCode::Unauthorized, "no token")).await?;
    let mut events = client.events(EventFilter::default());
    ensure!(events.next().await.is_err() && server.asked().len() == 1);
    Ok(())
}

/// A relayer that begins with an empty store has other events.
#[tokio::test]
async fn a_relayer_that_forgot_the_last_event_is_begun_with_anew() -> Result<()> {
    let (server, client) = answers(|asked| match last(asked) {
        0 => stream(vec![event(7, 1)]),
        _ => problem(ProblemCode::InvalidParameter, "Last-Event-ID is \"7\": the last event is 2"),
    })
    .await?;
    let mut events = client.events(EventFilter::default());
    assert_eq!(next(&mut events).await?, (7, 1, 0));
    assert_eq!(next(&mut events).await?, (7, 1, 2));
    assert_eq!(server.asked().iter().map(last).collect::<Vec<_>>(), [0, 7, 0]);
    Ok(())
}
