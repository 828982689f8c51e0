//! Budgets: held back with an account nonce, settled with it, and again when it ends otherwise.

use crate::{
    database::{Database, on_both},
    sample::{CHAIN, NOW, attempt, foreign, leased, mined, wallet},
};
use alloy::primitives::{Address, U256, keccak256};
use eyre::Result;
use quorate_store::{NewAttempt, Reservation, SendState, Storage, Store, Usage};

on_both!(
    a_nonce_is_reserved_for_once,
    settling_books_the_fee_once,
    what_opens_a_nonce_takes_its_books_back,
    another_end_is_booked_anew,
    the_chain_has_a_sum_of_its_own,
);

const DAY: u32 = 20_833;

pub(crate) fn costing(amount: u64, new: NewAttempt) -> NewAttempt {
    NewAttempt { reservation: Reservation { day: DAY, amount: U256::from(amount) }, ..new }
}

/// Reserved and spent.
async fn usage(store: &Store, of: Option<Address>, day: u32) -> Result<(u64, u64)> {
    let Usage { reserved, spent } = store.budget_usage(CHAIN, of, day).await?;
    Ok((reserved.to(), spent.to()))
}

/// Of the first wallet, which is all that its chain has.
async fn used(store: &Store) -> Result<(u64, u64)> {
    let used = usage(store, Some(wallet(0).address), DAY).await?;
    assert_eq!(usage(store, None, DAY).await?, used);
    Ok(used)
}

async fn a_nonce_is_reserved_for_once(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    assert_eq!(used(&store).await?, (0, 0));
    store.record_attempt(&lease, costing(60, attempt(0, 0, 0)), NOW).await?;
    store.record_attempt(&lease, costing(60, attempt(0, 0, 0)), NOW).await?;
    assert_eq!(used(&store).await?, (60, 0), "asked again, it is held once");
    assert!(store.record_attempt(&lease, costing(60, attempt(0, 0, 1)), NOW).await.is_err());
    assert_eq!(used(&store).await?, (60, 0), "what is refused holds nothing");
    // What a replacement reserves takes the place of what was reserved before it.
    let bump = costing(90, attempt(0, 1, 0));
    store.record_attempt(&lease, bump.clone(), NOW).await?;
    store.record_attempt(&lease, bump, NOW).await?;
    assert_eq!(used(&store).await?, (90, 0));
    let mut tomorrow = costing(100, attempt(1, 0, 0));
    tomorrow.reservation.day += 1;
    store.record_attempt(&lease, tomorrow, NOW).await?;
    assert_eq!((used(&store).await?, usage(&store, None, DAY + 1).await?), ((90, 0), (100, 0)));
    store.settle_nonce(&lease, mined(&attempt(0, 1, 0), 7), NOW).await?;
    assert_eq!((used(&store).await?, usage(&store, None, DAY + 1).await?), ((0, 7), (100, 0)));
    Ok(())
}

async fn settling_books_the_fee_once(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    for new in [attempt(0, 0, 0), attempt(0, 1, 0), attempt(1, 0, 0)] {
        store.record_attempt(&lease, costing(20, new), NOW).await?;
    }
    assert_eq!(used(&store).await?, (40, 0));
    for _ in 0..2 {
        store.settle_nonce(&lease, mined(&attempt(0, 1, 0), 7), NOW).await?;
        assert_eq!(used(&store).await?, (20, 7));
    }
    // A nonce that somebody else used costs nothing.
    store.settle_nonce(&lease, foreign(1), NOW).await?;
    assert_eq!(used(&store).await?, (0, 7));
    Ok(())
}

async fn what_opens_a_nonce_takes_its_books_back(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    let first = costing(20, attempt(0, 0, 0));
    store.record_attempt(&lease, first.clone(), NOW).await?;
    store.record_attempt(&lease, costing(30, attempt(1, 0, 0)), NOW).await?;
    for settlement in [mined(&first, 7), foreign(0)] {
        let spent = settlement.mined.map_or(0, |mined| mined.fee.to());
        store.settle_nonce(&lease, settlement, NOW).await?;
        assert_eq!(used(&store).await?, (30, spent));
        let tx_hash = keccak256(&first.raw);
        for _ in 0..2 {
            store.mark_sent(&lease, CHAIN, tx_hash, SendState::Accepted, NOW).await?;
            assert_eq!(used(&store).await?, (50, 0));
        }
    }
    store.settle_nonce(&lease, mined(&first, 7), NOW).await?;
    store.record_attempt(&lease, costing(25, attempt(0, 1, 0)), NOW).await?;
    // The last attempt's reservation takes the place of the one before it.
    assert_eq!(used(&store).await?, (55, 0));
    store.settle_nonce(&lease, mined(&attempt(0, 1, 0), 9), NOW).await?;
    assert_eq!(used(&store).await?, (30, 9));
    Ok(())
}

async fn another_end_is_booked_anew(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    let (first, second) = (costing(20, attempt(0, 0, 0)), costing(20, attempt(0, 1, 0)));
    store.record_attempt(&lease, first.clone(), NOW).await?;
    store.record_attempt(&lease, second.clone(), NOW).await?;
    let ends = [mined(&first, 7), mined(&second, 11), mined(&second, 12), foreign(0)];
    for settlement in ends.into_iter().chain([mined(&first, 3)]) {
        store.settle_nonce(&lease, settlement, NOW).await?;
        let spent = settlement.mined.map_or(0, |mined| mined.fee.to());
        assert_eq!(used(&store).await?, (0, spent), "{settlement:?}");
    }
    Ok(())
}

async fn the_chain_has_a_sum_of_its_own(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    let of = |number| Some(wallet(number).address);
    for (nonce, wallet) in [(0, of(0)), (1, of(1)), (2, None)] {
        let new = NewAttempt { wallet, ..costing(10 + nonce, attempt(nonce, 0, 0)) };
        store.record_attempt(&lease, new, NOW).await?;
    }
    assert_eq!(usage(&store, None, DAY).await?, (33, 0));
    store.settle_nonce(&lease, mined(&attempt(1, 0, 0), 5), NOW).await?;
    store.settle_nonce(&lease, mined(&attempt(2, 0, 0), 6), NOW).await?;
    assert_eq!(usage(&store, of(0), DAY).await?, (10, 0));
    assert_eq!(usage(&store, of(1), DAY).await?, (0, 5));
    assert_eq!(usage(&store, None, DAY).await?, (10, 11));
    let elsewhere = store.budget_usage(CHAIN + 1, None, DAY).await?;
    assert_eq!(elsewhere, Usage::default());
    Ok(())
}
