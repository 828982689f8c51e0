//! The lease: one engine at a time.

use crate::{
    database::{Database, on_both},
    sample::{CHAIN, NOW, attempt, change, foreign, leased, new_wallet, proposed, wallet},
};
use alloy::primitives::keccak256;
use eyre::Result;
use quorate_core::Status;
use quorate_store::{
    AttemptState, Horizon, Lease, LeaseAnswer, Recorded, SendState, Storage, StoreError,
};

on_both!(
    another_holder_waits_until_it_expires,
    whoever_lost_it_stores_nothing_more,
    the_same_holder_shuts_out_its_earlier_self,
    of_many_who_ask_one_gets_it,
);

async fn another_holder_waits_until_it_expires(database: &Database) -> Result<()> {
    let store = database.open().await?;
    assert_eq!(store.find_lease().await?, None);
    let one = leased(&store, "one").await?;
    assert_eq!(one, Lease { holder: "one".to_owned(), epoch: 1, expires_at: NOW + 10_000 });
    let ask = async |at| store.acquire_lease("other\0".to_owned(), 10_000, at).await;
    assert_eq!(ask(NOW + 9_999).await?, LeaseAnswer::Held(one.clone()));
    let one = store.renew_lease(&one, 10_000, NOW + 9_000).await?;
    assert_eq!(ask(NOW + 18_999).await?, LeaseAnswer::Held(one.clone()));
    // A clock that went back does not shorten it.
    assert_eq!(store.renew_lease(&one, 1, NOW).await?.expires_at, NOW + 19_000);
    let LeaseAnswer::Acquired(other) = ask(NOW + 19_000).await? else { panic!("it is expired") };
    assert_eq!((other.epoch, other.holder.as_str()), (2, "other\0"));
    store.release_lease(&other, NOW).await?;
    assert_eq!(leased(&store, "one").await?.epoch, 3, "given back, it is free at once");
    Ok(())
}

async fn whoever_lost_it_stores_nothing_more(database: &Database) -> Result<()> {
    let (paused, other) = (database.open().await?, database.open().await?);
    let digest = proposed(&paused).await?;
    let old = leased(&paused, "paused").await?;
    paused.record_attempt(&old, attempt(0, 0, 0), NOW).await?;
    let late = NOW + 60_000;
    // Expired, but still the only one.
    paused.record_attempt(&old, attempt(1, 0, 0), late).await?;
    let answer = other.acquire_lease("other".to_owned(), 10_000, late).await?;
    let LeaseAnswer::Acquired(new) = answer else { panic!("it is expired") };
    let lost = StoreError::LeaseLost { asked: old.clone(), held: Some(new.clone()) };
    let first = paused.record_attempt(&old, attempt(2, 0, 0), late).await;
    let bump = paused.record_attempt(&old, attempt(0, 1, 0), late).await;
    assert_eq!((first, bump), (Err(lost.clone()), Err(lost.clone())));
    assert_eq!(paused.renew_lease(&old, 10_000, late).await, Err(lost.clone()));
    assert_eq!(paused.release_lease(&old, late).await, Err(lost.clone()));
    let first = keccak256(attempt(0, 0, 0).raw);
    let mark = paused.mark_sent(&old, CHAIN, first, SendState::Accepted, late).await;
    let settle = paused.settle_nonce(&old, foreign(0), late).await;
    let checkpoint = paused.checkpoint(&old, wallet(0), new_wallet(0).snapshot).await;
    assert_eq!([mark, settle, checkpoint], [(); 3].map(|()| Err(lost.clone())));
    let moved = paused.change_status(&old, change(digest, 1, Status::Expired), late).await;
    assert_eq!(moved, Err(lost));
    assert_eq!(other.find_proposal(digest).await?.expect("it is stored").revision, 0);
    let horizon = Horizon { since: NOW, day: 0 };
    let attempts = other.chain_records(CHAIN, horizon).await?.attempts;
    let states: Vec<_> = attempts.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [AttemptState::Stored; 2]);
    let taken = other.record_attempt(&new, attempt(2, 0, 1), late).await?;
    assert_eq!(taken, Recorded::New);
    Ok(())
}

async fn the_same_holder_shuts_out_its_earlier_self(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let before = leased(&store, "one").await?;
    let after = leased(&store, "one").await?;
    assert_eq!((before.epoch, after.epoch), (1, 2));
    let refused = store.record_attempt(&before, attempt(0, 0, 0), NOW).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost { .. })), "{refused:?}");
    Ok(())
}

async fn of_many_who_ask_one_gets_it(database: &Database) -> Result<()> {
    let stores = [database.open().await?, database.open().await?];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = stores[number % 2].clone();
        tasks.spawn(async move { store.acquire_lease(format!("{number}"), 10_000, NOW).await });
    }
    let answers = tasks.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let acquired = answers.iter().filter(|answer| matches!(answer, LeaseAnswer::Acquired(_)));
    assert_eq!(acquired.count(), 1);
    Ok(())
}
