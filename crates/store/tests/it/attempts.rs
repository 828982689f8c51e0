//! Attempts: an account nonce is taken once, with the bytes that use it.

use crate::{
    database::{Database, on_both},
    sample::{
        CHAIN, NOW, account_nonce, attempt, block, foreign, inclusion, leased, mined, new_wallet,
        proposed,
    },
};
use alloy::primitives::{Address, B256, U256, keccak256};
use eyre::Result;
use quorate_core::status::BlockId;
use quorate_store::{
    AttemptState, Horizon, MinedAttempt, NewAttempt, Purpose, Recorded, Reservation, SendState,
    Settlement, Storage, Store, StoreError,
};
use std::collections::BTreeSet;

on_both!(
    a_place_is_taken_once,
    account_nonces_may_leave_gaps_that_only_a_noop_fills,
    of_fifty_who_want_one_nonce_one_gets_it,
    attempts_are_read_back,
    what_a_send_came_to_is_noted,
    a_settled_nonce_is_over_until_it_is_not,
    an_attempt_opens_a_settled_nonce,
    a_nonce_may_be_settled_otherwise,
    changed_bytes_are_refused,
);

async fn record(store: &Store, attempt: NewAttempt) -> Result<Recorded, StoreError> {
    let lease = store.find_lease().await?.expect("somebody has it");
    store.record_attempt(&lease, attempt, NOW).await
}

async fn mark(store: &Store, new: &NewAttempt, state: SendState) -> Result<(), StoreError> {
    let lease = store.find_lease().await?.expect("somebody has it");
    store.mark_sent(&lease, CHAIN, keccak256(&new.raw), state, NOW + 1).await
}

async fn settle(store: &Store, settlement: Settlement) -> Result<(), StoreError> {
    let lease = store.find_lease().await?.expect("somebody has it");
    store.settle_nonce(&lease, settlement, NOW + 2).await
}

/// State, decision and revision of the attempts at that nonce.
async fn states(store: &Store, nonce: u64) -> Result<Vec<(AttemptState, Option<BlockId>, u64)>> {
    let attempts = store.attempts_at(account_nonce(nonce)).await?;
    Ok(attempts.iter().map(|found| (found.state, found.settled, found.revision)).collect())
}

/// Those of which the nonce is not settled.
async fn open_places(store: &Store) -> Result<Vec<(u64, u32)>> {
    let horizon = Horizon { since: i64::MAX, day: 0 };
    let open = store.chain_records(CHAIN, horizon).await?.attempts;
    Ok(open.iter().map(|found| (found.account_nonce.nonce, found.number)).collect())
}

fn lost(new: &NewAttempt, winner: Option<&NewAttempt>) -> StoreError {
    let winner = winner.map(|winner| keccak256(&winner.raw));
    StoreError::Lost { account_nonce: new.account_nonce, number: new.number, winner }
}

fn gap(new: &NewAttempt, expected: u64) -> StoreError {
    StoreError::Gap { account_nonce: new.account_nonce, number: new.number, expected }
}

async fn a_place_is_taken_once(database: &Database) -> Result<()> {
    let store = database.open().await?;
    leased(&store, "engine").await?;
    let (first, rival) = (attempt(0, 0, 0), attempt(0, 0, 1));
    assert_eq!(record(&store, first.clone()).await?, Recorded::New);
    let head = store.audit_head().await?;
    assert_eq!(record(&store, first.clone()).await?, Recorded::Known, "asked again");
    assert_eq!(record(&store, rival.clone()).await, Err(lost(&rival, Some(&first))));
    assert_eq!(store.audit_head().await?, head);
    assert_eq!(record(&store, attempt(1, 0, 0)).await?, Recorded::New);
    // Replacements follow each other, and need something to replace.
    let (second_bump, orphan) = (attempt(0, 2, 0), attempt(2, 1, 0));
    assert_eq!(record(&store, second_bump.clone()).await, Err(gap(&second_bump, 1)));
    assert_eq!(record(&store, attempt(0, 1, 0)).await?, Recorded::New);
    assert_eq!(record(&store, second_bump).await?, Recorded::New);
    assert_eq!(record(&store, orphan.clone()).await, Err(gap(&orphan, 0)));
    assert_eq!(store.next_account_nonce(CHAIN, account_nonce(0).sender).await?, Some(2));
    assert_eq!(store.next_account_nonce(CHAIN, Address::ZERO).await?, None);
    assert_eq!(open_places(&store).await?, [(0, 0), (0, 1), (0, 2), (1, 0)]);
    Ok(())
}

async fn account_nonces_may_leave_gaps_that_only_a_noop_fills(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    leased(&store, "engine").await?;
    let execute = |nonce, number| NewAttempt {
        purpose: Purpose::Execute { digest },
        ..attempt(nonce, number, 1)
    };
    for nonce in [5, 6, 9] {
        assert_eq!(record(&store, execute(nonce, 0)).await?, Recorded::New);
    }
    // What is late might be carried out after what was meant to follow it.
    for late in [execute(7, 0), NewAttempt { purpose: Purpose::Create, ..execute(0, 0) }] {
        assert_eq!(record(&store, late.clone()).await, Err(lost(&late, None)));
    }
    assert_eq!(record(&store, attempt(7, 0, 0)).await?, Recorded::New);
    assert_eq!(record(&store, attempt(3, 0, 0)).await?, Recorded::New);
    assert_eq!(record(&store, execute(6, 1)).await?, Recorded::New, "a replacement is not late");
    assert_eq!(store.next_account_nonce(CHAIN, account_nonce(0).sender).await?, Some(10));
    assert_eq!(record(&store, execute(10, 0)).await?, Recorded::New);
    let expected = [(3, 0), (5, 0), (6, 0), (6, 1), (7, 0), (9, 0), (10, 0)];
    assert_eq!(open_places(&store).await?, expected);
    Ok(())
}

async fn of_fifty_who_want_one_nonce_one_gets_it(database: &Database) -> Result<()> {
    let stores = [database.open().await?, database.open().await?];
    let lease = leased(&stores[0], "engine").await?;
    for (nonce, number) in [(3, 0), (1, 0), (1, 1)] {
        let mut tasks = tokio::task::JoinSet::new();
        for salt in 0..50 {
            let (store, lease) = (stores[usize::from(salt % 2)].clone(), lease.clone());
            let new = attempt(nonce, number, salt);
            tasks.spawn(async move { store.record_attempt(&lease, new, NOW).await });
        }
        let answers = tasks.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        let stored = stores[0].attempts_at(account_nonce(nonce)).await?;
        let winner = Some(stored[number as usize].tx_hash);
        let place = account_nonce(nonce);
        for lost in answers.into_iter().filter_map(Result::err) {
            assert_eq!(lost, StoreError::Lost { account_nonce: place, number, winner });
        }
        assert_eq!(stored.len(), number as usize + 1);
    }
    Ok(())
}

async fn attempts_are_read_back(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    leased(&store, "engine").await?;
    for (nonce, purpose) in (0..).zip([Purpose::Create, Purpose::Execute { digest }, Purpose::Noop])
    {
        let reservation = Reservation { day: u32::MAX, amount: U256::MAX };
        let new = NewAttempt { purpose, reservation, ..attempt(nonce, 0, 3) };
        record(&store, new.clone()).await?;
        let found = store.find_attempt(CHAIN, keccak256(&new.raw)).await?.expect("it is stored");
        assert_eq!((found.purpose, &found.raw), (purpose, &new.raw));
        assert_eq!((found.account_nonce, found.number), (new.account_nonce, 0));
        let fees = (found.max_fee_per_gas, found.max_priority_fee_per_gas, found.gas_limit);
        assert_eq!(fees, (U256::MAX, U256::from(3), 21_000));
        assert_eq!((found.ceiling, found.reservation), (new.ceiling, reservation));
        assert_eq!((found.state, found.settled, found.revision), (AttemptState::Stored, None, 0));
        assert_eq!((found.wallet, found.created_at, found.updated_at), (new.wallet, NOW, NOW));
    }
    assert_eq!(store.attempts_of(digest).await?.len(), 1);
    assert_eq!(store.find_attempt(CHAIN + 1, keccak256(attempt(0, 0, 3).raw)).await?, None);
    Ok(())
}

async fn what_a_send_came_to_is_noted(database: &Database) -> Result<()> {
    let store = database.open().await?;
    leased(&store, "engine").await?;
    let (first, second) = (attempt(0, 0, 0), attempt(0, 1, 0));
    record(&store, first.clone()).await?;
    record(&store, second.clone()).await?;
    let sends = [
        (SendState::Unknown, AttemptState::Unknown),
        (SendState::Accepted, AttemptState::Accepted),
        (SendState::Rejected, AttemptState::Rejected),
        (SendState::Accepted, AttemptState::Accepted),
    ];
    for (revision, (send, state)) in (1..).zip(sends) {
        mark(&store, &second, send).await?;
        let head = store.audit_head().await?;
        mark(&store, &second, send).await?;
        assert_eq!(store.audit_head().await?, head, "the same again is no news");
        let expected = [(AttemptState::Stored, None, 0), (state, None, revision)];
        assert_eq!(states(&store, 0).await?, expected);
        assert_eq!(store.attempts_at(account_nonce(0)).await?[1].updated_at, NOW + 1);
    }
    let unknown = attempt(0, 2, 0);
    let (chain_id, tx_hash) = (CHAIN, keccak256(&unknown.raw));
    let refused = mark(&store, &unknown, SendState::Accepted).await;
    assert_eq!(refused, Err(StoreError::UnknownTransaction { chain_id, tx_hash }));
    Ok(())
}

async fn a_settled_nonce_is_over_until_it_is_not(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    leased(&store, "engine").await?;
    for number in 0..3 {
        record(&store, attempt(0, number, 0)).await?;
    }
    let settlement = mined(&attempt(0, 1, 0), 5);
    settle(&store, settlement).await?;
    let settled = Some(block(7));
    let replaced = (AttemptState::Replaced, settled, 1);
    let expected = [replaced, (AttemptState::Mined(inclusion(5)), settled, 1), replaced];
    assert_eq!(states(&store, 0).await?, expected);
    assert_eq!(open_places(&store).await?, []);
    let head = store.audit_head().await?;
    settle(&store, settlement).await?;
    assert_eq!(record(&store, attempt(0, 2, 0)).await?, Recorded::Known);
    assert_eq!(store.audit_head().await?, head, "settling again is no news, nor what is known");
    // Somebody sent one again after a deep reorg: nothing is known of the others.
    mark(&store, &attempt(0, 2, 0), SendState::Accepted).await?;
    let unknown = (AttemptState::Unknown, None, 2);
    assert_eq!(states(&store, 0).await?, [unknown, unknown, (AttemptState::Accepted, None, 3)]);
    assert_eq!(open_places(&store).await?, [(0, 0), (0, 1), (0, 2)]);
    settle(&store, settlement).await?;
    mark(&store, &attempt(0, 0, 0), SendState::Unknown).await?;
    assert_eq!(open_places(&store).await?.len(), 3, "that it is not known opens it too");
    Ok(())
}

async fn an_attempt_opens_a_settled_nonce(database: &Database) -> Result<()> {
    let store = database.open().await?;
    leased(&store, "engine").await?;
    record(&store, attempt(0, 0, 0)).await?;
    settle(&store, mined(&attempt(0, 0, 0), 5)).await?;
    let (rival, distant) = (attempt(0, 0, 1), attempt(0, 2, 0));
    assert_eq!(record(&store, rival.clone()).await, Err(lost(&rival, Some(&attempt(0, 0, 0)))));
    assert_eq!(record(&store, distant.clone()).await, Err(gap(&distant, 1)));
    assert_eq!(open_places(&store).await?, [], "what was refused opened nothing");
    assert_eq!(record(&store, attempt(0, 1, 0)).await?, Recorded::New);
    let expected = [(AttemptState::Unknown, None, 2), (AttemptState::Stored, None, 0)];
    assert_eq!(states(&store, 0).await?, expected);
    let attempts = store.attempts_at(account_nonce(0)).await?;
    let hashes: BTreeSet<_> = attempts.iter().map(|found| found.tx_hash).collect();
    assert_eq!(hashes.len(), 2, "nothing was overwritten");
    Ok(())
}

async fn a_nonce_may_be_settled_otherwise(database: &Database) -> Result<()> {
    let store = database.open().await?;
    leased(&store, "engine").await?;
    let (first, second) = (attempt(0, 0, 0), attempt(0, 1, 0));
    record(&store, first.clone()).await?;
    record(&store, second.clone()).await?;
    settle(&store, foreign(0)).await?;
    assert_eq!(states(&store, 0).await?, [(AttemptState::Replaced, Some(block(7)), 1); 2]);
    // In another block, by one of ours, by the other one, which reverted: each opens and ends it again.
    settle(&store, Settlement { block: block(8), ..foreign(0) }).await?;
    assert_eq!(states(&store, 0).await?, [(AttemptState::Replaced, Some(block(8)), 3); 2]);
    settle(&store, mined(&first, 5)).await?;
    let replaced = |revision| (AttemptState::Replaced, Some(block(7)), revision);
    let included = (AttemptState::Mined(inclusion(5)), Some(block(7)), 5);
    assert_eq!(states(&store, 0).await?, [included, replaced(5)]);
    let by_second = mined(&second, 6);
    let reverted = by_second.mined.map(|mined| MinedAttempt { is_reverted: true, ..mined });
    settle(&store, Settlement { mined: reverted, ..by_second }).await?;
    let reverted = (AttemptState::Reverted(inclusion(6)), Some(block(7)), 7);
    assert_eq!(states(&store, 0).await?, [replaced(7), reverted]);
    // One that was never stored is refused, and so is one at another nonce.
    record(&store, attempt(1, 0, 0)).await?;
    for tx_hash in [B256::ZERO, keccak256(attempt(1, 0, 0).raw)] {
        let unknown = by_second.mined.map(|mined| MinedAttempt { tx_hash, ..mined });
        let refused = settle(&store, Settlement { mined: unknown, ..by_second }).await;
        assert_eq!(refused, Err(StoreError::UnknownTransaction { chain_id: CHAIN, tx_hash }));
    }
    assert_eq!(states(&store, 0).await?, [replaced(7), reverted]);
    // What was never tried has nothing to settle.
    let head = store.audit_head().await?;
    settle(&store, foreign(9)).await?;
    assert_eq!(store.audit_head().await?, head);
    Ok(())
}

async fn changed_bytes_are_refused(database: &Database) -> Result<()> {
    let store = database.open().await?;
    leased(&store, "engine").await?;
    record(&store, attempt(0, 0, 0)).await?;
    database.tamper("UPDATE attempts SET raw = tx_hash").await?;
    let refused = store.attempts_at(account_nonce(0)).await;
    let Err(StoreError::Corrupt { table: "attempts", row, .. }) = refused else {
        panic!("{refused:?}");
    };
    let sender = account_nonce(0).sender.to_string().to_lowercase();
    assert_eq!(row, format!("{CHAIN}/{sender}/0/0"));
    Ok(())
}
