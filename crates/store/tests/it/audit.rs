//! The audit log: whatever is done to a row is found, and which row it was.

use crate::{
    database::{Database, on_both},
    sample::{NOW, proposal, proposed, signature},
};
use alloy::primitives::B256;
use eyre::Result;
use quorate_store::{AuditFault, AuditReport, Storage, Store, StoreError};

on_both!(
    an_untouched_log_is_whole,
    a_changed_row_is_found,
    a_missing_row_is_found,
    swapped_rows_are_found,
    a_cut_end_is_found,
    an_end_written_anew_is_found_by_its_head,
    a_row_is_never_written_twice,
);

/// Seven rows or more.
async fn filled(store: &Store) -> Result<u64> {
    let digest = proposed(store).await?;
    store.accept_signature(digest, signature(1, 1), NOW + 1).await?;
    store.record_proposal(proposal(1), NOW + 2).await?;
    store.record_proposal(proposal(2), NOW + 3).await?;
    match store.verify_audit(None).await? {
        AuditReport::Whole { rows, head } => {
            assert!(rows >= 7);
            assert_eq!(head, store.audit_head().await?);
            Ok(rows)
        }
        broken @ AuditReport::Broken { .. } => panic!("{broken:?}"),
    }
}

fn broken(sequence: u64, fault: AuditFault) -> AuditReport {
    AuditReport::Broken { sequence, fault }
}

async fn an_untouched_log_is_whole(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let empty = AuditReport::Whole { rows: 0, head: B256::ZERO };
    assert_eq!(store.verify_audit(Some(B256::ZERO)).await?, empty);
    proposed(&store).await?;
    let earlier = store.audit_head().await?;
    let rows = filled(&store).await?;
    let head = store.audit_head().await?;
    for expected in [None, Some(earlier), Some(head), Some(B256::ZERO)] {
        let report = store.verify_audit(expected).await?;
        assert_eq!(report, AuditReport::Whole { rows, head });
    }
    Ok(())
}

async fn a_changed_row_is_found(database: &Database) -> Result<()> {
    let store = database.open().await?;
    filled(&store).await?;
    let changes = [
        (
            "UPDATE audit SET at = at + 1 WHERE sequence = 3",
            "UPDATE audit SET at = at - 1 WHERE sequence = 3",
        ),
        (
            "UPDATE audit SET kind = 'status' WHERE sequence = 3 AND kind = 'signed'",
            "UPDATE audit SET kind = 'signed' WHERE sequence = 3 AND kind = 'status'",
        ),
        (
            "UPDATE audit SET payload = REPLACE(payload, 'true', 'false') WHERE sequence = 3",
            "UPDATE audit SET payload = REPLACE(payload, '\"verified\":false', '\"verified\":true') WHERE sequence = 3",
        ),
    ];
    for (change, back) in changes {
        database.tamper(change).await?;
        let report = store.verify_audit(None).await?;
        assert_eq!(report, broken(3, AuditFault::Changed), "{change}");
        database.tamper(back).await?;
    }
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { .. }));
    Ok(())
}

async fn a_missing_row_is_found(database: &Database) -> Result<()> {
    let store = database.open().await?;
    filled(&store).await?;
    database.tamper("DELETE FROM audit WHERE sequence = 4").await?;
    assert_eq!(store.verify_audit(None).await?, broken(4, AuditFault::Missing));
    database.tamper("DELETE FROM audit WHERE sequence = 1").await?;
    assert_eq!(store.verify_audit(None).await?, broken(1, AuditFault::Missing));
    Ok(())
}

async fn swapped_rows_are_found(database: &Database) -> Result<()> {
    let store = database.open().await?;
    filled(&store).await?;
    let swap = "UPDATE audit SET sequence = -1 WHERE sequence = 3; \
                UPDATE audit SET sequence = 3 WHERE sequence = 5; \
                UPDATE audit SET sequence = 5 WHERE sequence = -1";
    database.tamper(swap).await?;
    assert_eq!(store.verify_audit(None).await?, broken(3, AuditFault::Moved { found_at: 5 }));
    database.tamper(swap).await?;
    let swap_contents = "UPDATE audit SET payload = \
                         (SELECT payload FROM audit WHERE sequence = 6) WHERE sequence = 2";
    database.tamper(swap_contents).await?;
    assert_eq!(store.verify_audit(None).await?, broken(2, AuditFault::Changed));
    Ok(())
}

async fn a_cut_end_is_found(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let written = filled(&store).await?;
    let expected = store.audit_head().await?;
    database.tamper("DELETE FROM audit WHERE sequence > 5").await?;
    assert_eq!(store.verify_audit(None).await?, broken(6, AuditFault::Cut { written }));
    // Whoever changes the store's note of it too is found by the head that was kept elsewhere.
    let hide = "UPDATE store_head SET audit_sequence = 5, \
                audit_hash = (SELECT hash FROM audit WHERE sequence = 5)";
    database.tamper(hide).await?;
    assert!(matches!(store.verify_audit(None).await?, AuditReport::Whole { rows: 5, .. }));
    let report = store.verify_audit(Some(expected)).await?;
    assert_eq!(report, broken(6, AuditFault::HeadMissing { expected }));
    Ok(())
}

async fn an_end_written_anew_is_found_by_its_head(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let rows = filled(&store).await?;
    let expected = store.audit_head().await?;
    let cut = "DELETE FROM audit WHERE sequence > 5; UPDATE store_head SET audit_sequence = 5, \
               audit_hash = (SELECT hash FROM audit WHERE sequence = 5)";
    database.tamper(cut).await?;
    while !matches!(store.verify_audit(None).await?, AuditReport::Whole { rows: now, .. } if now >= rows)
    {
        let next = store.last_event().await? + 100;
        store.record_proposal(proposal(next), NOW).await?;
    }
    let report = store.verify_audit(Some(expected)).await?;
    let AuditReport::Broken { fault, .. } = report else { panic!("{report:?}") };
    assert_eq!(fault, AuditFault::HeadMissing { expected });
    Ok(())
}

async fn a_row_is_never_written_twice(database: &Database) -> Result<()> {
    let store = database.open().await?;
    filled(&store).await?;
    // As if the store forgot what it wrote last.
    database
        .tamper(
            "UPDATE store_head SET audit_sequence = 5, audit_hash = \
                     (SELECT hash FROM audit WHERE sequence = 5)",
        )
        .await?;
    let refused = store.record_proposal(proposal(50), NOW).await;
    assert!(matches!(refused, Err(StoreError::Database(_))), "{refused:?}");
    Ok(())
}
