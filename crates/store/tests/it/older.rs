//! Stores that an earlier version wrote.

use crate::{
    budgets::costing,
    database::{Database, on_both},
    sample::{CHAIN, NOW, attempt, leased, mined, proposed},
};
use alloy::primitives::{U256, keccak256};
use eyre::Result;
use quorate_store::{AttemptState, Horizon, MinedAttempt, Settlement, Storage};

on_both!(a_store_without_the_parts_of_fees_is_brought_up_to_date);

/// As version 1 left it: without the columns of version 2.
const BACK_TO_1: &str = "ALTER TABLE attempts DROP COLUMN l1_fee; \
     ALTER TABLE attempts DROP COLUMN operator_fee; \
     ALTER TABLE attempts DROP COLUMN rollup_fee; \
     DELETE FROM _sqlx_migrations WHERE version = 2";

async fn a_store_without_the_parts_of_fees_is_brought_up_to_date(
    database: &Database,
) -> Result<()> {
    let store = database.open().await?;
    proposed(&store).await?;
    let lease = leased(&store, "engine").await?;
    let (first, second) = (costing(20, attempt(0, 0, 0)), costing(30, attempt(1, 0, 0)));
    store.record_attempts(&lease, vec![first.clone(), second.clone()], NOW).await?;
    store.settle_nonce(&lease, mined(&first, 7), NOW).await?;
    let head = store.audit_head().await?;
    store.close().await;
    database.tamper(BACK_TO_1).await?;

    let store = database.open().await?;
    assert_eq!(store.audit_head().await?, head);
    let records = store.chain_records(CHAIN, Horizon { since: 0, day: 0 }).await?;
    let [settled, open] = &records.attempts[..] else { panic!("{:?}", records.attempts) };
    let AttemptState::Mined(inclusion) = settled.state else { panic!("{settled:?}") };
    // All of it was gas, as far as anybody knew.
    assert_eq!((inclusion.fee, inclusion.gas_fee()), (U256::from(7), U256::from(7)));
    assert_eq!((inclusion.l1_fee, inclusion.operator_fee), (None, None));
    assert_eq!((open.rollup_fee, open.reservation.amount), (U256::ZERO, U256::from(30)));

    // And what comes from now on has its parts.
    let whole = mined(&second, 9);
    let parts = whole.mined.map(|mined| MinedAttempt {
        l1_fee: Some(U256::from(4)),
        operator_fee: Some(U256::ZERO),
        ..mined
    });
    store.settle_nonce(&lease, Settlement { mined: parts, ..whole }, NOW).await?;
    let found = store.find_attempt(CHAIN, keccak256(&second.raw)).await?.expect("it is stored");
    let inclusion = found.state.inclusion().expect("it is mined");
    assert_eq!((inclusion.fee, inclusion.gas_fee()), (U256::from(9), U256::from(5)));
    let beside = (Some(U256::from(4)), Some(U256::ZERO));
    assert_eq!((inclusion.l1_fee, inclusion.operator_fee), beside);
    Ok(())
}
