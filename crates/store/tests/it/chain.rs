//! How far chains were followed.

use crate::{
    database::{Database, on_both},
    sample::{CHAIN, NOW, leased},
};
use alloy::primitives::B256;
use eyre::Result;
use quorate_store::{Block, ChainStep, Lease, Storage, StoreError};

on_both!(blocks_are_kept_as_far_as_asked, a_reorg_forgets_what_it_replaced);

fn block(number: u64, fork: u8) -> Block {
    let hash =
        |number: u64| B256::left_padding_from(&[&number.to_be_bytes()[..], &[fork]].concat());
    Block { number, hash: hash(number), parent_hash: hash(number.wrapping_sub(1)) }
}

fn step(numbers: std::ops::RangeInclusive<u64>, fork: u8) -> ChainStep {
    let logs_to = *numbers.end();
    let blocks = numbers.map(|number| block(number, fork)).collect();
    ChainStep { chain_id: CHAIN, blocks, logs_to, keep: 4 }
}

async fn blocks_are_kept_as_far_as_asked(database: &Database) -> Result<()> {
    let store = database.open().await?;
    assert_eq!(store.find_chain(CHAIN).await?, None);
    let lease = leased(&store, "engine").await?;
    store.record_step(&lease, step(0..=1, 0), NOW).await?;
    let numbers = async || -> Result<Vec<u64>> {
        let chain = store.find_chain(CHAIN).await?.expect("it is stored");
        Ok(chain.recent.iter().map(|block| block.number).collect())
    };
    assert_eq!(numbers().await?, [0, 1]);
    store.record_step(&lease, step(2..=4, 0), NOW).await?;
    assert_eq!(numbers().await?, [1, 2, 3, 4]);
    store.record_step(&lease, step(5..=90, 0), NOW).await?;
    assert_eq!(numbers().await?, [87, 88, 89, 90]);
    let chain = store.find_chain(CHAIN).await?.expect("it is stored");
    assert_eq!((chain.number, chain.hash, chain.logs_to), (90, block(90, 0).hash, 90));
    let other = Lease { epoch: lease.epoch + 1, ..lease };
    let refused = store.record_step(&other, step(91..=91, 0), NOW).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost { .. })), "{refused:?}");
    Ok(())
}

async fn a_reorg_forgets_what_it_replaced(database: &Database) -> Result<()> {
    let store = database.open().await?;
    let lease = leased(&store, "engine").await?;
    store.record_step(&lease, step(10..=13, 0), NOW).await?;
    store.record_step(&lease, step(12..=12, 1), NOW).await?;
    let chain = store.find_chain(CHAIN).await?.expect("it is stored");
    assert_eq!(chain.recent, [block(10, 0), block(11, 0), block(12, 1)]);
    assert_eq!((chain.number, chain.hash), (12, block(12, 1).hash));
    Ok(())
}
