//! Attempts: an account nonce is taken once, with the bytes that use it.

use crate::{
    database::{Database, on_both},
    sample::{CHAIN, NOW, account_nonce, attempt, inclusion, leased, new_wallet, proposed},
};
use alloy::primitives::{Address, U256, keccak256};
use eyre::Result;
use quorate_store::{
    AttemptChange, AttemptState, MinedAttempt, NewAttempt, Purpose, Recorded, Settlement, Status,
    Storage, Store, StoreError, Transition,
};
use std::collections::BTreeSet;

on_both!(
    account_nonces_follow_each_other,
    nonces_that_others_used_are_left_out,
    of_fifty_who_want_one_nonce_one_gets_it,
    attempts_are_read_back,
    an_attempt_moves_its_proposal_or_is_not_stored,
    states_are_compared_and_set,
    a_settled_nonce_is_closed_until_a_reorg,
    changed_bytes_are_refused,
);

async fn record(store: &Store, attempt: NewAttempt) -> Result<Recorded, StoreError> {
    let lease = store.find_lease().await?.expect("somebody has it");
    store.record_attempt(&lease, attempt, None, NOW).await
}

fn lost(new: &NewAttempt, winner: Option<&NewAttempt>) -> StoreError {
    let winner = winner.map(|winner| keccak256(&winner.raw));
    StoreError::Lost { account_nonce: new.account_nonce, number: new.number, winner }
}

fn gap(new: &NewAttempt, expected: u64) -> StoreError {
    StoreError::Gap { account_nonce: new.account_nonce, number: new.number, expected }
}

async fn account_nonces_follow_each_other(database: &Database) -> Result<()> {
    let store = database.open().await?;
    leased(&store, "engine").await?;
    let (first, rival, third) = (attempt(0, 0, 0), attempt(0, 0, 1), attempt(2, 0, 0));
    assert_eq!(record(&store, third.clone()).await, Err(gap(&third, 0)));
    assert_eq!(record(&store, first.clone()).await?, Recorded::New);
    assert_eq!(record(&store, first.clone()).await?, Recorded::Known, "asked again");
    assert_eq!(record(&store, rival.clone()).await, Err(lost(&rival, Some(&first))));
    assert_eq!(record(&store, third.clone()).await, Err(gap(&third, 1)));
    assert_eq!(record(&store, attempt(1, 0, 0)).await?, Recorded::New);
    // Replacements follow each other too, and need something to replace.
    let (second_bump, orphan) = (attempt(0, 2, 0), attempt(2, 1, 0));
    assert_eq!(record(&store, second_bump.clone()).await, Err(gap(&second_bump, 1)));
    assert_eq!(record(&store, attempt(0, 1, 0)).await?, Recorded::New);
    assert_eq!(record(&store, second_bump).await?, Recorded::New);
    assert_eq!(record(&store, orphan.clone()).await, Err(gap(&orphan, 0)));
    assert_eq!(store.next_account_nonce(CHAIN, account_nonce(0).sender).await?, Some(2));
    assert_eq!(store.next_account_nonce(CHAIN, Address::ZERO).await?, None);
    let open = store.open_attempts(CHAIN).await?;
    let places: Vec<_> = open.iter().map(|a| (a.account_nonce.nonce, a.number)).collect();
    assert_eq!(places, [(0, 0), (0, 1), (0, 2), (1, 0)]);
    Ok(())
}

async fn nonces_that_others_used_are_left_out(database: &Database) -> Result<()> {
    let store = database.open().await?;
    leased(&store, "engine").await?;
    let used_elsewhere = |nonce| NewAttempt { chain_nonce: 5, ..attempt(nonce, 0, 0) };
    let late = used_elsewhere(4);
    assert_eq!(record(&store, late.clone()).await, Err(lost(&late, None)));
    assert_eq!(record(&store, used_elsewhere(5)).await?, Recorded::New);
    // A chain that is behind does not bring a nonce back.
    let behind = NewAttempt { chain_nonce: 0, ..attempt(3, 0, 0) };
    assert_eq!(record(&store, behind.clone()).await, Err(lost(&behind, None)));
    assert_eq!(record(&store, attempt(6, 0, 0)).await?, Recorded::New);
    Ok(())
}

async fn of_fifty_who_want_one_nonce_one_gets_it(database: &Database) -> Result<()> {
    let stores = [database.open().await?, database.open().await?];
    let lease = leased(&stores[0], "engine").await?;
    for (nonce, number) in [(0, 0), (1, 0), (1, 1)] {
        let mut tasks = tokio::task::JoinSet::new();
        for salt in 0..50 {
            let (store, lease) = (stores[usize::from(salt % 2)].clone(), lease.clone());
            let new = attempt(nonce, number, salt);
            tasks.spawn(async move { store.record_attempt(&lease, new, None, NOW).await });
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
        let new = NewAttempt { purpose, ..attempt(nonce, 0, 3) };
        record(&store, new.clone()).await?;
        let found = store.find_attempt(CHAIN, keccak256(&new.raw)).await?.expect("it is stored");
        assert_eq!((found.purpose, &found.raw), (purpose, &new.raw));
        assert_eq!((found.account_nonce, found.number), (new.account_nonce, 0));
        let fees = (found.max_fee_per_gas, found.max_priority_fee_per_gas, found.gas_limit);
        assert_eq!(fees, (U256::MAX, U256::from(3), 21_000));
        assert_eq!((found.state, found.is_final, found.revision), (AttemptState::Stored, false, 0));
        assert_eq!((found.wallet, found.reserved), (new.wallet, U256::ZERO));
    }
    assert_eq!(store.attempts_of(digest).await?.len(), 1);
    assert_eq!(store.open_attempts(CHAIN + 1).await?, []);
    Ok(())
}

async fn an_attempt_moves_its_proposal_or_is_not_stored(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let digest = proposed(&store).await?;
    let lease = leased(&store, "engine").await?;
    let new = || NewAttempt { purpose: Purpose::Execute { digest }, ..attempt(0, 0, 0) };
    let turn = |expected_revision| {
        let status = Status::Submitted;
        Some(Transition { digest, expected_revision, status, is_final: false, failure: None })
    };
    let before = (store.last_event().await?, store.audit_head().await?);
    let refused = store.record_attempt(&lease, new(), turn(1), NOW).await;
    assert!(matches!(refused, Err(StoreError::Conflict { actual: 0, .. })), "{refused:?}");
    assert_eq!(store.open_attempts(CHAIN).await?, []);
    assert_eq!(store.next_account_nonce(CHAIN, account_nonce(0).sender).await?, None);
    assert_eq!((store.last_event().await?, store.audit_head().await?), before);
    store.record_attempt(&lease, new(), turn(0), NOW).await?;
    assert_eq!(store.find_proposal(digest).await?.expect("it is stored").status, Status::Submitted);
    Ok(())
}

async fn states_are_compared_and_set(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    record(&store, attempt(0, 0, 0)).await?;
    let mark = async |number, expected_revision, state| {
        let account_nonce = account_nonce(0);
        let change = AttemptChange { account_nonce, number, expected_revision, state };
        store.mark_attempt(&lease, change, NOW + 1).await
    };
    let states = [
        AttemptState::Unknown,
        AttemptState::Accepted,
        AttemptState::Rejected,
        AttemptState::Mined(inclusion(5)),
        AttemptState::Reverted(inclusion(6)),
        AttemptState::Replaced,
        AttemptState::Stored,
    ];
    for (revision, state) in (0..).zip(states) {
        assert_eq!(mark(0, revision, state).await?, revision + 1);
        let found = &store.attempts_at(account_nonce(0)).await?[0];
        assert_eq!((found.state, found.revision, found.updated_at), (state, revision + 1, NOW + 1));
    }
    let stale = mark(0, 3, AttemptState::Accepted).await;
    assert!(matches!(stale, Err(StoreError::Conflict { expected: 3, actual: 7, .. })), "{stale:?}");
    let unknown = mark(1, 0, AttemptState::Accepted).await;
    let account_nonce = account_nonce(0);
    assert_eq!(unknown, Err(StoreError::UnknownAttempt { account_nonce, number: 1 }));
    Ok(())
}

async fn a_settled_nonce_is_closed_until_a_reorg(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    let lease = leased(&store, "engine").await?;
    for number in 0..3 {
        record(&store, attempt(0, number, 0)).await?;
    }
    let mined = MinedAttempt { number: 1, is_reverted: false, inclusion: inclusion(5) };
    let account_nonce = account_nonce(0);
    let settlement = Settlement { account_nonce, mined: Some(mined) };
    store.settle_nonce(&lease, settlement, NOW).await?;
    let head = store.audit_head().await?;
    store.settle_nonce(&lease, settlement, NOW).await?;
    assert_eq!(store.audit_head().await?, head, "settling again is no news");
    let states: Vec<_> =
        store.attempts_at(account_nonce).await?.iter().map(|a| (a.state, a.is_final)).collect();
    let replaced = (AttemptState::Replaced, true);
    assert_eq!(states, [replaced, (AttemptState::Mined(inclusion(5)), true), replaced]);
    assert_eq!(store.open_attempts(CHAIN).await?, []);
    let closed = record(&store, attempt(0, 3, 0)).await;
    assert_eq!(closed, Err(StoreError::Settled { account_nonce }));
    for number in 0..3 {
        let state = AttemptState::Accepted;
        let change = AttemptChange { account_nonce, number, expected_revision: 1, state };
        store.mark_attempt(&lease, change, NOW).await?;
    }
    assert_eq!(store.open_attempts(CHAIN).await?.len(), 3);
    assert_eq!(record(&store, attempt(0, 3, 0)).await?, Recorded::New);
    let hashes: BTreeSet<_> =
        store.attempts_at(account_nonce).await?.iter().map(|a| a.tx_hash).collect();
    assert_eq!(hashes.len(), 4, "nothing was overwritten");
    Ok(())
}

async fn changed_bytes_are_refused(database: &Database) -> Result<()> {
    let store = database.open().await?;
    leased(&store, "engine").await?;
    record(&store, attempt(0, 0, 0)).await?;
    database.tamper("UPDATE attempts SET raw = tx_hash").await?;
    let refused = store.open_attempts(CHAIN).await;
    let Err(StoreError::Corrupt { table: "attempts", row, .. }) = refused else {
        panic!("{refused:?}");
    };
    let sender = account_nonce(0).sender.to_string().to_lowercase();
    assert_eq!(row, format!("{CHAIN}/{sender}/0/0"));
    Ok(())
}
