//! What is committed together, and what breaks it.

use crate::{
    database::{Database, on_both},
    sample::{NOW, new_wallet, proposal, proposal_of, proposed, request},
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_core::Request;
use quorate_store::{
    AuditReport, DatabaseError, NewProposal, Options, ProposalFilter, Storage, Store, StoreError,
};
use sqlx::Connection as _;
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};

on_both!(
    one_that_fails_takes_no_other_down,
    what_is_queued_is_stored_before_closing,
    those_who_wait_together_are_refused_together,
    whether_it_can_be_written_is_known,
);

async fn one_that_fails_takes_no_other_down(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    let mut tasks = JoinSet::new();
    for sequence in 0..60 {
        let store = store.clone();
        let mut request = request(sequence);
        if sequence % 3 == 0 {
            request.wallet = Address::ZERO;
        }
        tasks.spawn(async move {
            let stored = store.record_proposal(proposal_of(request.clone()), NOW).await;
            (request, stored)
        });
    }
    for (Request { wallet, .. }, stored) in tasks.join_all().await {
        assert_eq!(stored.is_err(), wallet.is_zero(), "{stored:?}");
    }
    assert_eq!(store.last_event().await?, 1 + 40 * 2, "what failed left no gap");
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { rows: 81, .. }));
    Ok(())
}

async fn whether_it_can_be_written_is_known(database: &Database) -> Result<()> {
    let options = Options { busy_wait: Duration::from_millis(50), ..Options::default() };
    let store = database.open_with(options).await?;
    proposed(&store).await?;
    let before = (store.audit_head().await?, store.last_event().await?);
    store.check_writable().await?;
    assert_eq!((store.audit_head().await?, store.last_event().await?), before);
    // Somebody else writes and does not end.
    let mut other = database.intruder().await?;
    let mut tx = other.begin().await?;
    sqlx::raw_sql("UPDATE store_head SET audit_sequence = 0").execute(&mut *tx).await?;
    let busy = store.check_writable().await;
    assert!(matches!(&busy, Err(StoreError::Database(DatabaseError::Busy { .. }))), "{busy:?}");
    tx.rollback().await?;
    store.check_writable().await?;
    store.close().await;
    let closed = store.check_writable().await;
    assert!(matches!(closed, Err(StoreError::Database(DatabaseError::Closed))), "{closed:?}");
    Ok(())
}

/// Case 51: another program writes and does not end. Forty who wait do not wait forty times as long.
async fn those_who_wait_together_are_refused_together(database: &Database) -> Result<()> {
    let busy_wait = Duration::from_millis(300);
    let store = database.open_with(Options { busy_wait, ..Options::default() }).await?;
    proposed(&store).await?;
    let mut other = database.intruder().await?;
    let mut tx = other.begin().await?;
    sqlx::raw_sql("UPDATE store_head SET audit_sequence = 0").execute(&mut *tx).await?;
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 1..=40 {
        let store = store.clone();
        tasks.spawn(async move { store.record_proposal(proposal(number), NOW).await });
    }
    for stored in tasks.join_all().await {
        let is_busy = matches!(&stored, Err(StoreError::Database(DatabaseError::Busy { .. })));
        assert!(is_busy, "{stored:?}");
    }
    assert!(begun.elapsed() < busy_wait * 10, "it took {:?}", begun.elapsed());
    tx.rollback().await?;
    store.record_proposal(proposal(1), NOW).await?;
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { .. }));
    Ok(())
}

async fn what_is_queued_is_stored_before_closing(database: &Database) -> Result<()> {
    let store = database.open().await?;
    proposed(&store).await?;
    store.close().await;
    let late = store.record_proposal(proposal(1), NOW).await;
    assert_eq!(late, Err(StoreError::Database(DatabaseError::Closed)));
    let again = database.open().await?;
    assert!(again.find_proposal(request(0).digest()).await?.is_some());
    Ok(())
}

/// Stores proposals at once until some do not fit; tells how many did.
async fn fill(store: &Store, from: u64) -> Result<usize> {
    let mut fitted = 0;
    for round in 0.. {
        let mut tasks = JoinSet::new();
        for number in 0..20 {
            let store = store.clone();
            let note = Some("x".repeat(2_000));
            let new = NewProposal { note, ..proposal(from + round * 20 + number) };
            tasks.spawn(async move { store.record_proposal(new, NOW).await });
        }
        let mut is_full = false;
        for stored in tasks.join_all().await {
            match stored {
                Ok(_) => fitted += 1,
                Err(error @ StoreError::Database(DatabaseError::Full { .. })) => {
                    assert!(error.is_retryable());
                    is_full = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if is_full {
            break;
        }
    }
    Ok(fitted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_that_was_acknowledged() -> Result<()> {
    let database = Database::sqlite()?;
    let options = Options { max_pages: Some(150), ..Options::default() };
    let store = database.open_with(options).await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    let fitted = fill(&store, 0).await?;
    assert!(fitted > 10, "{fitted}");
    let kept = store.list_proposals(ProposalFilter::default(), None, 1_000).await?.items;
    assert_eq!(kept.len(), fitted);
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { .. }));
    store.close().await;
    // With room again it goes on.
    let store = database.open().await?;
    store.record_proposal(proposal(100_000), NOW).await?;
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { .. }));
    Ok(())
}
