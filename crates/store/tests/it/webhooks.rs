//! What webhooks are told: nothing is lost, and each proposal has its order.

use crate::{
    database::{Database, on_both},
    sample::{NOW, new_wallet, proposal, proposed, signature, wallet},
};
use eyre::Result;
use quorate_store::{
    DeliveryAttempt, DeliveryFilter, DeliveryState, Enqueued, EventKind, EventKinds, Recorded,
    Storage, Store, StoreError,
};
use std::ops::RangeInclusive;

on_both!(
    a_new_webhook_is_told_what_happens_from_then_on,
    a_proposal_that_fails_holds_up_no_other,
    an_attempt_is_recorded_once,
    what_was_told_is_told_again,
    kinds_that_are_not_wanted_are_not_told,
    a_disabled_webhook_loses_nothing,
    what_is_not_there_is_refused,
    two_processes_note_each_event_once,
);

const HOOK: &str = "hook";

fn hook() -> String {
    HOOK.to_owned()
}

async fn enqueue(store: &Store, at: i64) -> Result<Enqueued> {
    Ok(store.enqueue_deliveries(hook(), None, 100, at).await?)
}

/// The sequences of what is due.
async fn due(store: &Store, now: i64) -> Result<Vec<u64>> {
    let due = store.due_deliveries(hook(), now, 100).await?;
    Ok(due.iter().map(|delivery| delivery.event.sequence).collect())
}

fn attempt(sequence: u64, number: u32, retry_at: Option<i64>) -> DeliveryAttempt {
    let outcome = if retry_at.is_some() { "500" } else { "200" }.to_owned();
    DeliveryAttempt { webhook: hook(), sequence, number, outcome, retry_at, hold_until: None }
}

/// A webhook, a wallet (event 1), and two proposals (2 and 3, 4 and 5) with another signature each (6 and 7).
async fn filled(database: &Database) -> Result<Store> {
    let store = database.open().await?;
    enqueue(&store, NOW).await?;
    let first = proposed(&store).await?;
    let second = store.record_proposal(proposal(1), NOW).await?.digest;
    for digest in [first, second] {
        store.accept_signature(digest, signature(1, 1), NOW).await?;
    }
    Ok(store)
}

async fn a_new_webhook_is_told_what_happens_from_then_on(database: &Database) -> Result<()> {
    let store = database.open().await?;
    proposed(&store).await?;
    assert_eq!(
        enqueue(&store, NOW).await?,
        Enqueued { sequence: 3, is_caught_up: true, mended: 0 }
    );
    assert_eq!(due(&store, i64::MAX).await?, [0; 0]);
    store.record_proposal(proposal(1), NOW).await?;
    let one = store.enqueue_deliveries(hook(), None, 1, NOW).await?;
    assert_eq!(one, Enqueued { sequence: 4, is_caught_up: false, mended: 0 });
    assert_eq!(
        enqueue(&store, NOW).await?,
        Enqueued { sequence: 5, is_caught_up: true, mended: 0 }
    );
    assert_eq!(due(&store, NOW).await?, [4]);
    assert_eq!(due(&store, NOW - 1).await?, [0; 0]);
    let told = store.list_webhooks().await?;
    assert_eq!((told.len(), told[0].name.as_str(), told[0].sequence), (1, HOOK, 5));
    assert_eq!((told[0].pending, told[0].failing, told[0].disabled_at), (2, 0, None));
    Ok(())
}

async fn a_proposal_that_fails_holds_up_no_other(database: &Database) -> Result<()> {
    let store = filled(database).await?;
    enqueue(&store, NOW).await?;
    assert_eq!(due(&store, NOW).await?, [1, 2, 4]);
    let hour = NOW + 3_600_000;
    store.record_delivery(attempt(2, 1, Some(hour)), NOW + 1).await?;
    for sequence in [4, 5, 7, 1] {
        assert!(due(&store, NOW + 1).await?.contains(&sequence));
        store.record_delivery(attempt(sequence, 1, None), NOW + 1).await?;
    }
    // What happens to it later waits too, through restarts.
    store.record_proposal(proposal(2), NOW).await?;
    enqueue(&store, NOW + 2).await?;
    store.close().await;
    let store = database.open().await?;
    assert_eq!(due(&store, hour - 1).await?, [8]);
    assert_eq!(due(&store, hour).await?, [8, 2]);
    let failing = store.list_deliveries(hook(), DeliveryFilter::Failing, None, 10).await?.items;
    assert_eq!(failing.len(), 1);
    assert_eq!((failing[0].event.sequence, failing[0].state), (2, DeliveryState::Due { at: hour }));
    assert_eq!((failing[0].attempts, failing[0].failures), (1, 1));
    assert_eq!((failing[0].outcome.as_deref(), failing[0].tried_at), (Some("500"), Some(NOW + 1)));
    for sequence in [2, 3, 6] {
        assert_eq!(due(&store, hour).await?, [8, sequence]);
        let number = if sequence == 2 { 2 } else { 1 };
        store.record_delivery(attempt(sequence, number, None), hour).await?;
    }
    let all = store.list_deliveries(hook(), DeliveryFilter::All, None, 10).await?.items;
    let states: Vec<_> = all.iter().map(|d| (d.event.sequence, d.state)).collect();
    assert_eq!(states[..2], [(9, DeliveryState::Behind), (8, DeliveryState::Due { at: NOW + 2 })]);
    assert!(states[2..].iter().all(|(_, state)| *state == DeliveryState::Delivered));
    Ok(())
}

async fn an_attempt_is_recorded_once(database: &Database) -> Result<()> {
    let store = filled(database).await?;
    enqueue(&store, NOW).await?;
    let failed = attempt(2, 1, Some(NOW + 10));
    assert_eq!(store.record_delivery(failed.clone(), NOW).await?, Recorded::New);
    assert_eq!(store.record_delivery(failed, NOW + 1).await?, Recorded::Known);
    assert_eq!(store.record_delivery(attempt(2, 2, None), NOW + 10).await?, Recorded::New);
    for number in [1, 2, 3] {
        let late = store.record_delivery(attempt(2, number, Some(NOW)), NOW + 11).await?;
        assert_eq!(late, Recorded::Known);
    }
    let found = store.list_deliveries(hook(), DeliveryFilter::All, Some(3), 1).await?;
    let (found, next) = (&found.items[0], found.next);
    assert_eq!((found.attempts, found.failures, next), (2, 0, Some(2)));
    assert_eq!((found.outcome.as_deref(), found.delivered_at), (Some("200"), Some(NOW + 10)));
    Ok(())
}

async fn what_was_told_is_told_again(database: &Database) -> Result<()> {
    let store = filled(database).await?;
    enqueue(&store, NOW).await?;
    for sequence in [1, 2, 3, 6] {
        store.record_delivery(attempt(sequence, 1, None), NOW).await?;
    }
    store.record_delivery(attempt(4, 1, Some(NOW + 99)), NOW).await?;
    // 4 and what waits behind it was not told yet; 8 and on is not noted yet.
    store.record_proposal(proposal(2), NOW).await?;
    assert_eq!(store.redeliver(hook(), None, 3..=u64::MAX, NOW + 5).await?, 5);
    assert_eq!(due(&store, NOW + 4).await?, [0; 0]);
    assert_eq!(due(&store, NOW + 5).await?, [3, 4]);
    // An earlier one goes first, even before one that was due.
    assert_eq!(store.redeliver(hook(), None, 0..=2, NOW + 6).await?, 2);
    assert_eq!(due(&store, NOW + 6).await?, [4, 1, 2]);
    // What is under way then counts.
    store.record_delivery(attempt(3, 2, None), NOW + 7).await?;
    assert_eq!(due(&store, NOW + 7).await?, [4, 1, 2]);
    store.record_delivery(attempt(2, 2, None), NOW + 8).await?;
    assert_eq!(due(&store, NOW + 8).await?, [4, 1, 6]);
    assert_eq!(store.redeliver(hook(), None, 8..=9, NOW + 9).await?, 0);
    assert_eq!(store.redeliver(hook(), None, RangeInclusive::new(9, 8), NOW + 9).await?, 0);
    Ok(())
}

async fn kinds_that_are_not_wanted_are_not_told(database: &Database) -> Result<()> {
    let store = filled(database).await?;
    let signed: EventKinds = Some([EventKind::Signed, EventKind::Status].into());
    store.enqueue_deliveries(hook(), signed.clone(), 100, NOW).await?;
    assert_eq!(due(&store, NOW).await?, [3, 5]);
    assert_eq!(store.redeliver(hook(), signed, 1..=4, NOW).await?, 1);
    let proposed: EventKinds = Some([EventKind::Proposed].into());
    assert_eq!(store.redeliver(hook(), proposed, 1..=4, NOW).await?, 3);
    assert_eq!(due(&store, NOW).await?, [2, 4]);
    store.enqueue_deliveries("none".to_owned(), None, 100, NOW).await?;
    store.register_wallet(new_wallet(1), NOW).await?;
    let none = store.enqueue_deliveries("none".to_owned(), Some([].into()), 100, NOW).await?;
    assert_eq!(none, Enqueued { sequence: 8, is_caught_up: true, mended: 0 });
    assert_eq!(store.due_deliveries("none".to_owned(), i64::MAX, 9).await?, []);
    Ok(())
}

async fn a_disabled_webhook_loses_nothing(database: &Database) -> Result<()> {
    let store = filled(database).await?;
    enqueue(&store, NOW).await?;
    let before = store.audit_head().await?;
    assert_eq!(store.set_webhook_enabled(hook(), true, NOW).await?, Recorded::Known);
    assert_eq!(store.audit_head().await?, before);
    assert_eq!(store.set_webhook_enabled(hook(), false, NOW).await?, Recorded::New);
    assert_eq!(store.set_webhook_enabled(hook(), false, NOW + 1).await?, Recorded::Known);
    assert_eq!(store.list_webhooks().await?[0].disabled_at, Some(NOW));
    assert_eq!(due(&store, i64::MAX).await?, [0; 0]);
    store.register_wallet(new_wallet(1), NOW).await?;
    enqueue(&store, NOW).await?;
    assert_eq!(store.set_webhook_enabled(hook(), true, NOW).await?, Recorded::New);
    assert_eq!(due(&store, NOW).await?, [1, 2, 4, 8]);
    assert_ne!(store.audit_head().await?, before);
    Ok(())
}

async fn what_is_not_there_is_refused(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let unknown = || StoreError::UnknownWebhook { name: hook() };
    assert_eq!(store.redeliver(hook(), None, 0..=9, NOW).await, Err(unknown()));
    assert_eq!(store.set_webhook_enabled(hook(), false, NOW).await, Err(unknown()));
    enqueue(&store, NOW).await?;
    let refused = store.record_delivery(attempt(1, 1, None), NOW).await;
    assert_eq!(refused, Err(StoreError::UnknownDelivery { webhook: hook(), sequence: 1 }));
    assert_eq!(store.due_deliveries("other".to_owned(), NOW, 5).await?, []);
    Ok(())
}

async fn two_processes_note_each_event_once(database: &Database) -> Result<()> {
    let (one, other) = (filled(database).await?, database.open().await?);
    let (first, second) = tokio::join!(enqueue(&one, NOW), enqueue(&other, NOW));
    assert_eq!(first?, second?);
    let all = other.list_deliveries(hook(), DeliveryFilter::All, None, 100).await?.items;
    let sequences = all.iter().map(|delivery| delivery.event.sequence);
    assert!(sequences.eq((1..=7).rev()), "{all:?}");
    assert_eq!(all[0].event.wallet, wallet(0));
    assert_eq!(one.events_after(6, Default::default(), 1).await?[0], all[0].event);
    Ok(())
}
