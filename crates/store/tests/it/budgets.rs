//! Budgets: reserved with the attempt, settled with the account nonce.

use crate::{
    database::{Database, on_both},
    sample::{CHAIN, NOW, account_nonce, attempt, inclusion, leased, new_wallet, wallet},
};
use alloy::primitives::{Address, U256};
use eyre::Result;
use quorate_store::{
    MinedAttempt, NewAttempt, Reservation, Settlement, Storage, Store, StoreError, Usage,
};

on_both!(
    what_does_not_fit_takes_no_nonce,
    replacements_are_never_refused,
    settling_books_the_fee_once,
    the_chain_has_a_budget_of_its_own,
);

const DAY: u32 = 20_833;

fn costing(amount: u64, new: NewAttempt) -> NewAttempt {
    let reservation = Reservation {
        day: DAY,
        amount: U256::from(amount),
        wallet_limit: Some(U256::from(100)),
        chain_limit: Some(U256::from(150)),
    };
    NewAttempt { reservation: Some(reservation), ..new }
}

async fn usage(store: &Store, of: Option<Address>) -> Result<(u64, u64)> {
    let Usage { reserved, spent } = store.budget_usage(CHAIN, of, DAY).await?;
    Ok((reserved.to(), spent.to()))
}

async fn what_does_not_fit_takes_no_nonce(database: &Database) -> Result<()> {
    let store = database.open().await?;
    store.register_wallet(new_wallet(0), NOW).await?;
    let lease = leased(&store, "engine").await?;
    store.record_attempt(&lease, costing(60, attempt(0, 0, 0)), None, NOW).await?;
    let refused = store.record_attempt(&lease, costing(41, attempt(1, 0, 0)), None, NOW).await;
    let [asked, used, limit] = [41, 60, 100].map(U256::from);
    let wallet = wallet(0).address;
    assert_eq!(refused, Err(StoreError::OverBudget { wallet, day: DAY, asked, used, limit }));
    assert_eq!(store.next_account_nonce(CHAIN, account_nonce(0).sender).await?, Some(1));
    assert_eq!(usage(&store, Some(wallet)).await?, (60, 0));
    store.record_attempt(&lease, costing(40, attempt(1, 0, 0)), None, NOW).await?;
    assert_eq!(usage(&store, Some(wallet)).await?, (100, 0));
    // The next day has its own.
    let mut tomorrow = costing(100, attempt(2, 0, 0));
    tomorrow.reservation.as_mut().expect("it has one").day += 1;
    store.record_attempt(&lease, tomorrow, None, NOW).await?;
    Ok(())
}

async fn replacements_are_never_refused(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    store.record_attempt(&lease, costing(100, attempt(0, 0, 0)), None, NOW).await?;
    store.record_attempt(&lease, costing(30, attempt(0, 1, 0)), None, NOW).await?;
    assert_eq!(usage(&store, Some(wallet(0).address)).await?, (130, 0));
    Ok(())
}

async fn settling_books_the_fee_once(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    for new in [attempt(0, 0, 0), attempt(0, 1, 0), attempt(1, 0, 0)] {
        store.record_attempt(&lease, costing(20, new), None, NOW).await?;
    }
    let of = Some(wallet(0).address);
    assert_eq!(usage(&store, of).await?, (60, 0));
    let mined = MinedAttempt { number: 1, is_reverted: true, inclusion: inclusion(7) };
    let settlement = Settlement { account_nonce: account_nonce(0), mined: Some(mined) };
    store.settle_nonce(&lease, settlement, NOW).await?;
    assert_eq!(usage(&store, of).await?, (20, 7));
    // After a reorg beyond finality it ends otherwise, and the books stay.
    let mined = Some(MinedAttempt { number: 0, ..mined });
    store.settle_nonce(&lease, Settlement { mined, ..settlement }, NOW).await?;
    assert_eq!(usage(&store, of).await?, (20, 7));
    // A nonce that somebody else used costs nothing.
    let foreign = Settlement { account_nonce: account_nonce(1), mined: None };
    store.settle_nonce(&lease, foreign, NOW).await?;
    assert_eq!((usage(&store, of).await?, usage(&store, None).await?), ((0, 7), (0, 7)));
    Ok(())
}

async fn the_chain_has_a_budget_of_its_own(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    let of_wallet = |nonce, number| NewAttempt {
        wallet: Some(wallet(number).address),
        ..costing(80, attempt(nonce, 0, 0))
    };
    store.record_attempt(&lease, of_wallet(0, 0), None, NOW).await?;
    let refused = store.record_attempt(&lease, of_wallet(1, 1), None, NOW).await;
    let Err(StoreError::OverBudget { wallet, used, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((wallet, used), (Address::ZERO, U256::from(80)));
    let elsewhere = crate::sample::wallet(1).address;
    assert_eq!(usage(&store, Some(elsewhere)).await?, (0, 0), "nothing of it is left");
    let of_none = NewAttempt { wallet: None, ..costing(70, attempt(1, 0, 0)) };
    store.record_attempt(&lease, of_none, None, NOW).await?;
    assert_eq!(usage(&store, None).await?, (150, 0));
    Ok(())
}
