//! A store of the first version of the tables, whose webhooks missed events: what they missed is found and told.

use crate::{
    database::{Database, on_both},
    sample::{NOW, config},
};
use eyre::{OptionExt as _, Result};
use quorate_store::{
    AuditReport, DeliveryAttempt, DeliveryFilter, DeliveryState, Engine, EventKind, EventKinds,
    Options, Storage as _, Store,
};

on_both!(
    what_an_earlier_version_went_past_is_told_once,
    it_goes_on_where_it_was_interrupted,
    what_waits_is_told_behind_what_was_missed,
    kinds_that_are_not_wanted_are_not_missed,
    one_that_nothing_is_known_of_begins_where_it_was_told_first,
);

/// Which events `old/` says that each was not told; 16 happened.
fn missed(database: &Database) -> [Vec<u64>; 2] {
    match database.engine() {
        Engine::Sqlite => [vec![5, 13], vec![4, 8]],
        Engine::Postgres => [vec![2, 7, 9, 11, 15], vec![3, 8, 10]],
    }
}

/// Writes the tables as the first version left them.
async fn write_old(database: &Database) -> Result<()> {
    let text = match database.engine() {
        Engine::Sqlite => {
            std::fs::write(database.url(), "")?;
            include_str!("old/sqlite.sql")
        }
        Engine::Postgres => include_str!("old/postgres.sql"),
    };
    database.tamper(text).await
}

fn hook(number: usize) -> String {
    format!("hook{number}")
}

fn kinds(number: usize) -> EventKinds {
    (number == 1).then(|| [EventKind::Signed, EventKind::WalletRegistered].into())
}

/// Notes all that there is; how many were missed.
async fn enqueue(store: &Store, number: usize, kinds: &EventKinds, limit: u32) -> Result<u64> {
    let mut mended = 0;
    loop {
        let noted = store.enqueue_deliveries(hook(number), kinds.clone(), limit, NOW).await?;
        mended += noted.mended;
        if noted.is_caught_up {
            return Ok(mended);
        }
    }
}

async fn due(store: &Store, number: usize) -> Result<Vec<u64>> {
    let mut due: Vec<_> = store
        .due_deliveries(hook(number), NOW, 100)
        .await?
        .iter()
        .map(|delivery| delivery.event.sequence)
        .collect();
    due.sort_unstable();
    Ok(due)
}

async fn deliver(store: &Store, number: usize, sequence: u64) -> Result<()> {
    let (webhook, outcome) = (hook(number), "status 200".to_owned());
    let attempt =
        DeliveryAttempt { webhook, sequence, number: 1, outcome, retry_at: None, hold_until: None };
    store.record_delivery(attempt, NOW).await?;
    Ok(())
}

/// Case 17: what was lost before is found and told at the first start.
async fn what_an_earlier_version_went_past_is_told_once(database: &Database) -> Result<()> {
    write_old(database).await?;
    let reader = Store::open_read_only(&database.url(), Options::default()).await;
    assert!(reader.is_err(), "it has to be brought up to date first");
    let store = database.open().await?;
    let all = missed(database);
    for (number, missed) in all.iter().enumerate() {
        assert_eq!(due(&store, number).await?, [0; 0]);
        assert_eq!(enqueue(&store, number, &kinds(number), 500).await?, missed.len() as u64);
        assert_eq!(due(&store, number).await?, *missed);
        for sequence in missed {
            deliver(&store, number, *sequence).await?;
        }
    }
    let report = store.verify_audit(None).await?;
    // Two for each that was mended: the one row, and none of what was told.
    assert!(matches!(report, AuditReport::Whole { rows: 22, .. }), "{report:?}");
    store.close().await;
    let store = database.open().await?;
    for number in 0..all.len() {
        assert_eq!(enqueue(&store, number, &kinds(number), 500).await?, 0);
        assert_eq!(due(&store, number).await?, [0; 0]);
        let told = store.list_deliveries(hook(number), DeliveryFilter::All, None, 100).await?.items;
        let sequences = told.iter().rev().map(|delivery| delivery.event.sequence);
        assert!(sequences.eq(1..=16));
        assert!(told.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
    }
    Ok(())
}

async fn it_goes_on_where_it_was_interrupted(database: &Database) -> Result<()> {
    write_old(database).await?;
    let missed = &missed(database)[0];
    let mut mended = 0;
    for limit in [3, 1, 4] {
        let store = database.open().await?;
        let noted = store.enqueue_deliveries(hook(0), None, limit, NOW).await?;
        assert!(!noted.is_caught_up);
        mended += noted.mended;
        store.close().await;
    }
    let store = database.open().await?;
    mended += enqueue(&store, 0, &None, 2).await?;
    assert_eq!((mended, due(&store, 0).await?), (missed.len() as u64, missed.clone()));
    Ok(())
}

async fn what_waits_is_told_behind_what_was_missed(database: &Database) -> Result<()> {
    write_old(database).await?;
    let store = database.open().await?;
    let missed = &missed(database)[0];
    let lost = store.events_after(missed[0] - 1, Default::default(), 1).await?.remove(0);
    // It goes on happening to the same wallet, and one that waits for another attempt is not hurried.
    store.record_config(lost.wallet, config(), 1, NOW).await?;
    database
        .tamper(
            "UPDATE deliveries SET pending = 1, failures = 1, next_at = 9000000000000 \
             WHERE webhook = '\"hook0\"' AND sequence = 1",
        )
        .await?;
    enqueue(&store, 0, &None, 500).await?;
    assert_eq!(due(&store, 0).await?, *missed);
    let last = store.list_deliveries(hook(0), DeliveryFilter::All, None, 1).await?.items.remove(0);
    assert_eq!((last.event.sequence, last.state), (17, DeliveryState::Behind));
    for sequence in missed {
        deliver(&store, 0, *sequence).await?;
    }
    assert_eq!(due(&store, 0).await?, [17]);
    let first = store.list_deliveries(hook(0), DeliveryFilter::Failing, None, 9).await?.items;
    let first = first.first().ok_or_eyre("it failed")?;
    assert_eq!(first.state, DeliveryState::Due { at: 9_000_000_000_000 });
    Ok(())
}

async fn kinds_that_are_not_wanted_are_not_missed(database: &Database) -> Result<()> {
    write_old(database).await?;
    let store = database.open().await?;
    let signed = Some([EventKind::Signed].into());
    assert_eq!(enqueue(&store, 1, &signed, 500).await?, 0);
    assert_eq!(due(&store, 1).await?, [0; 0]);
    assert_eq!(enqueue(&store, 1, &kinds(1), 500).await?, 0, "it is done once");
    Ok(())
}

async fn one_that_nothing_is_known_of_begins_where_it_was_told_first(
    database: &Database,
) -> Result<()> {
    write_old(database).await?;
    database
        .tamper(
            "DELETE FROM audit WHERE kind = 'webhookAdded'; \
             DELETE FROM deliveries WHERE webhook = '\"hook0\"' AND sequence < 4; \
             DELETE FROM deliveries WHERE webhook = '\"hook1\"'",
        )
        .await?;
    let store = database.open().await?;
    let missed: Vec<_> = missed(database)[0].iter().copied().filter(|missed| *missed > 3).collect();
    assert_eq!(enqueue(&store, 0, &None, 500).await?, missed.len() as u64);
    assert_eq!(due(&store, 0).await?, missed);
    assert_eq!(enqueue(&store, 1, &kinds(1), 500).await?, 0);
    Ok(())
}
