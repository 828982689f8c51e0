//! Blocks whose events are left out, and what is in them beside what anybody here knows.

use crate::{
    fake::{Fake, error, result},
    stage::{Stage, config},
};
use alloy::{
    primitives::{Address, B256, Bloom, bytes},
    sol_types::SolEvent as _,
};
use eyre::{Result, bail, ensure};
use quorate_bindings::{canonical::WALLET_FACTORY, contracts::IWalletFactory::WalletCreated};
use quorate_chain::{Chain, Header};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const HASH: B256 = B256::repeat_byte(7);
const OURS: B256 = B256::repeat_byte(0x11);

/// Transaction types that are common on other chains, and one that nobody knows.
const TYPES: [&str; 6] = ["0x7e", "0x6a", "0x71", "0x7b", "0xff", "0x7E"];

fn log(address: Address) -> Value {
    json!({ "address": address, "topics": [B256::ZERO], "data": "0x", "blockHash": HASH,
        "blockNumber": "0x7", "transactionHash": OURS, "logIndex": "0x0", "removed": false })
}

fn bloom() -> Bloom {
    let mut bloom = Bloom::ZERO;
    bloom.accrue_raw_log(Address::ZERO, &[B256::ZERO]);
    bloom
}

fn header(bloom: Option<Bloom>) -> Value {
    json!({ "number": "0x7", "hash": HASH, "parentHash": B256::ZERO, "timestamp": "0x1",
        "logsBloom": bloom })
}

fn receipt(logs: &[Value]) -> Value {
    json!({ "type": "0x2", "transactionHash": OURS, "status": "0x1", "blockNumber": "0x7",
        "blockHash": HASH, "gasUsed": "0x5208", "effectiveGasPrice": "0x2", "logs": logs,
        "logsBloom": if logs.is_empty() { Bloom::ZERO } else { bloom() } })
}

/// Case 12: all events of a block are only those that account for its bloom: asked for by hash, or from its receipts.
#[tokio::test]
async fn events_that_are_left_out_are_missed() -> Result<()> {
    let complete = || result(json!([log(Address::ZERO)]));
    let (none, other) = (result(json!([])), result(json!([log(Address::repeat_byte(1))])));
    let with_receipts = || result(json!([receipt(&[log(Address::ZERO)])]));
    for (logs, receipts, is_found) in [
        (complete(), error(-32_601, "gone"), true),
        (none.clone(), with_receipts(), true),
        (other, with_receipts(), true),
        (error(-32_601, "gone"), with_receipts(), true),
        (none.clone(), error(-32_601, "gone"), false),
        (none.clone(), result(json!([])), false),
        (none.clone(), result(json!(null)), false),
        (none, result(json!([receipt(&[])])), false),
    ] {
        let fake = Fake::start(move |method, _| match method {
            "eth_chainId" => result(json!("0x1")),
            "eth_getLogs" => logs.clone(),
            "eth_getBlockReceipts" => receipts.clone(),
            _ => result(header(Some(bloom()))),
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        let head = chain.head().await?;
        let found = chain.all_logs_of_block(&head).await;
        ensure!(found.is_ok() == is_found, "{found:?}");
    }
    Ok(())
}

/// A real block's events account for its bloom.
#[tokio::test]
async fn a_real_block_is_whole() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create(&config(1, 1)?).await?;
    let head = stage.chain.head().await?;
    let logs = stage.chain.all_logs_of_block(&head).await?;
    let of_factory = stage.chain.logs_of_block(&head, &[WALLET_FACTORY.address]).await?;
    ensure!(logs == of_factory && logs.len() == 1, "{logs:?}");
    let bloom = head.logs_bloom.expect("anvil tells it");
    ensure!(bloom.contains_raw_log(WALLET_FACTORY.address, &[WalletCreated::SIGNATURE_HASH]));
    Ok(())
}

/// A header without a bloom, or with one that is none, is read all the same.
#[tokio::test]
async fn a_bloom_may_be_missing() -> Result<()> {
    for bloom in [json!(null), json!("0x"), json!("0x00ff")] {
        let mut raw = header(None);
        raw["logsBloom"] = bloom;
        let fake = Fake::start(move |method, _| match method {
            "eth_chainId" => result(json!("0x1")),
            _ => result(raw.clone()),
        })
        .await?;
        let head = Chain::connect(&fake.url()).await?.head().await?;
        ensure!(matches!(head, Header { number: 7, logs_bloom: None, .. }), "{head:?}");
    }
    Ok(())
}

/// Receipts of types that nobody knows, without the fields that ours have, are passed over at every place; ours is found.
#[tokio::test]
async fn receipts_of_unknown_types_are_passed_over() -> Result<()> {
    for place in 0..=TYPES.len() {
        let strange = |kind: &&str| {
            json!({ "type": kind, "transactionHash": B256::repeat_byte(0x22), "blockHash": HASH,
                "status": null, "logs": [], "logsBloom": null, "depositNonce": "0x1" })
        };
        let mut receipts: Vec<Value> = TYPES.iter().map(strange).collect();
        receipts.push(json!({ "type": "0x6a" }));
        receipts.push(json!(null));
        receipts.insert(place, receipt(&[log(Address::ZERO)]));
        let fake = Fake::start(move |method, _| match method {
            "eth_chainId" => result(json!("0x1")),
            "eth_getCode" => result(json!("0x")),
            _ => result(json!(receipts)),
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        let found = chain.block_receipts(7, &BTreeSet::from([OURS])).await?;
        let Some((paid, logs)) = found.as_ref().and_then(|found| found.get(&OURS)) else {
            bail!("{found:?}")
        };
        ensure!(paid.success && paid.cost().to::<u64>() == 42_000 && logs.len() == 1);
        ensure!(found.is_some_and(|found| found.len() == 1));
    }
    Ok(())
}

/// A receipt without a price, as some chains give, is completed by the transaction; one that leaves out events is none.
#[tokio::test]
async fn a_receipt_that_says_too_little_is_completed_or_refused() -> Result<()> {
    let mut without_price = receipt(&[]);
    without_price["effectiveGasPrice"] = json!(null);
    without_price["logsBloom"] = json!(null);
    let mut without_events = receipt(&[log(Address::ZERO)]);
    without_events["logs"] = json!([]);
    let fake = Fake::start(move |method, params| match method {
        "eth_chainId" => result(json!("0x1")),
        "eth_getCode" => result(json!("0x")),
        "eth_getTransactionByHash" => result(json!({
            "type": "0x71", "gasPrice": "0x3", "blockNumber": "0x7"
        })),
        "eth_getTransactionReceipt" if params[0] == json!(OURS) => result(without_price.clone()),
        _ => {
            let mut receipt = without_events.clone();
            receipt["transactionHash"] = params[0].clone();
            result(receipt)
        }
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    let (paid, logs) = chain.receipt_with_logs(OURS).await?.expect("it is mined");
    ensure!(paid.effective_gas_price == 3 && logs.is_empty());
    chain.receipt_with_logs(B256::ZERO).await.expect_err("its events are missing");
    ensure!(chain.is_mined(OURS).await?);
    Ok(())
}

/// A call to a wallet that returns nothing is no sequence, where there is code.
#[tokio::test]
async fn no_answer_of_a_wallet_is_no_sequence() -> Result<()> {
    for (code, next) in [(bytes!(""), Some(0)), (bytes!("60"), None)] {
        let fake = Fake::start(move |method, _| match method {
            "eth_chainId" => result(json!("0x1")),
            "eth_getCode" => result(json!(code)),
            _ => result(json!("0x")),
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        let found = chain.sequence_at(Address::ZERO, quorate_core::Lane::ZERO, 7).await;
        assert_eq!(found.ok(), next);
    }
    Ok(())
}
