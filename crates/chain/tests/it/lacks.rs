//! Endpoints that do not do all that is asked, and what is done without.

use crate::{
    fake::{Fake, error, http, result},
    stage::Stage,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use eyre::{Result, ensure};
use quorate_chain::{
    Chain, SimulatedCall,
    lack::{BLOCK_RECEIPTS, FEE_HISTORY, LOGS_BY_HASH, PRIORITY_FEE, SIMULATE, STATE_BY_HASH},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The hash of block 7, the only one here.
const HASH: B256 = B256::repeat_byte(7);

fn block() -> Vec<u8> {
    result(json!({
        "number": "0x7", "hash": HASH, "parentHash": B256::ZERO, "timestamp": "0x1",
        "baseFeePerGas": "0x64", "logsBloom": null,
    }))
}

/// The ways in which nodes and providers refuse what they do not serve.
fn refusals(method: &str) -> Vec<Vec<u8>> {
    vec![
        error(-32_601, &format!("the method {method} does not exist/is not available")),
        error(-32_004, &format!("Method {method} is not supported")),
        error(-32_700, &format!("The method {method} does not exist/is not available")),
        error(-32_001, "rpc method is not whitelisted"),
        error(-32_602, "duplicate field `data`"),
        error(-32_600, "invalid request"),
        error(0, "?"),
        http("403 Forbidden", "<html>no"),
        http("404 Not Found", "not here"),
        http("400 Bad Request", &json!({ "error": "unsupported method" }).to_string()),
        http("501 Not Implemented", ""),
    ]
}

/// An endpoint that answers `refused` in the given way and the rest well.
async fn refusing(refused: &'static str, refusal: Vec<u8>) -> Result<(Fake, Chain)> {
    let fake = Fake::start(move |method, _| match method {
        method if method == refused => refusal.clone(),
        "eth_chainId" => result(json!("0x1")),
        "eth_getBlockByNumber" => block(),
        "eth_maxPriorityFeePerGas" => result(json!("0x5")),
        "eth_gasPrice" => result(json!("0x67")),
        _ => result(json!(null)),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    Ok((fake, chain))
}

fn lacking(chain: &Chain) -> Vec<&'static str> {
    chain.lacks().into_iter().map(|lack| lack.what).collect()
}

/// Case 13: simulating several calls is refused with whatever code; that is an answer, and remembered.
#[tokio::test]
async fn without_simulations_there_is_no_answer_and_no_error() -> Result<()> {
    let call = SimulatedCall { from: Address::ZERO, to: Address::ZERO, data: Bytes::new() };
    for refusal in refusals(SIMULATE) {
        let text = String::from_utf8_lossy(&refusal).into_owned();
        let (fake, chain) = refusing(SIMULATE, refusal).await?;
        for _ in 0..5 {
            let calls = [call.clone()];
            ensure!(chain.simulate_calls(7, &calls).await?.is_none(), "{text}");
        }
        ensure!(fake.count(SIMULATE) <= 3, "{text}");
        ensure!(lacking(&chain).contains(&SIMULATE) && !chain.can_simulate().await?, "{text}");
        let lacks = chain.lacks();
        ensure!(lacks.iter().any(|lack| lack.way() == Some("nothing is pipelined")));
    }
    Ok(())
}

/// What an endpoint says about what it was given to simulate does not say that it cannot.
#[tokio::test]
async fn a_simulation_that_is_refused_for_its_content_is_no_missing_method() -> Result<()> {
    let refusal = error(-38_014, "insufficient funds for gas * price + value");
    let (_fake, chain) = refusing(SIMULATE, refusal).await?;
    let call = SimulatedCall { from: Address::ZERO, to: Address::ZERO, data: Bytes::new() };
    for _ in 0..4 {
        chain.simulate_calls(7, std::slice::from_ref(&call)).await.expect_err("it is refused");
    }
    assert_eq!(lacking(&chain), [""; 0]);
    Ok(())
}

/// Case 13: without the receipts of a block there are those of each transaction.
#[tokio::test]
async fn without_the_receipts_of_a_block_there_is_no_answer_and_no_error() -> Result<()> {
    for refusal in refusals(BLOCK_RECEIPTS) {
        let (fake, chain) = refusing(BLOCK_RECEIPTS, refusal).await?;
        for _ in 0..5 {
            ensure!(chain.block_receipts(7, &BTreeSet::new()).await?.is_none());
        }
        ensure!(fake.count(BLOCK_RECEIPTS) <= 3 && lacking(&chain).contains(&BLOCK_RECEIPTS));
    }
    Ok(())
}

/// Case 13: a history of fees that is refused, empty, or without its fields; and the tip after it.
#[tokio::test]
async fn without_a_history_of_fees_the_endpoint_suggests_the_tip() -> Result<()> {
    let mut answers = refusals(FEE_HISTORY);
    answers.extend([
        result(json!({ "baseFeePerGas": [], "reward": [] })),
        result(json!({ "baseFeePerGas": ["0x64"] })),
        result(json!({ "baseFeePerGas": null, "reward": null })),
        result(json!({})),
    ]);
    for answer in answers {
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (_fake, chain) = refusing(FEE_HISTORY, answer).await?;
        let fees = chain.fees().await?;
        assert_eq!((fees.max_priority_fee_per_gas, fees.max_fee_per_gas), (5, 205), "{text}");
    }
    let fake = Fake::start(|method, _| match method {
        "eth_chainId" => result(json!("0x1")),
        "eth_getBlockByNumber" => block(),
        "eth_gasPrice" => result(json!("0x67")),
        _ => error(-32_004, "Method is not supported"),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    assert_eq!(chain.fees().await?.max_priority_fee_per_gas, 3);
    assert_eq!(lacking(&chain), [FEE_HISTORY, PRIORITY_FEE]);
    Ok(())
}

/// Case 28: ganache takes no object for a block. Its number does, between two looks at its hash.
#[tokio::test]
async fn without_blocks_by_hash_accounts_are_read_by_number() -> Result<()> {
    for refusal in [
        error(-32_700, "Cannot wrap a \"[object Object]\" as a json-rpc type"),
        error(-32_602, "invalid block tag"),
        error(-32_000, "hex string expected"),
        http("400 Bad Request", &json!({ "error": { "message": "bad" } }).to_string()),
    ] {
        let fake = Fake::start(move |method, params| match method {
            "eth_chainId" => result(json!("0x1")),
            "eth_getBlockByNumber" => block(),
            _ if params[1].is_object() => refusal.clone(),
            "eth_getTransactionCount" => result(json!("0x3")),
            _ => result(json!("0x64")),
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        for _ in 0..2 {
            let found = chain.account_at(Address::ZERO, 7, HASH).await?;
            assert_eq!(found, (3, U256::from(100)));
        }
        assert_eq!(lacking(&chain), [STATE_BY_HASH]);
        ensure!(fake.count("eth_getBalance") <= 3, "asked again");
        // Another block of that number is not the one.
        chain.account_at(Address::ZERO, 7, B256::ZERO).await.expect_err("another block");
    }
    Ok(())
}

/// Case 28: events of a block named by its hash, and where that is refused, by its number.
#[tokio::test]
async fn without_events_by_hash_they_are_read_by_number() -> Result<()> {
    let log = |hash: B256| {
        json!({ "address": Address::ZERO, "topics": [], "data": "0x", "blockHash": hash,
            "blockNumber": "0x7", "transactionHash": B256::ZERO, "logIndex": "0x0" })
    };
    let fake = Fake::start(move |method, params| match method {
        "eth_chainId" => result(json!("0x1")),
        "eth_getBlockByNumber" => block(),
        _ if params[0]["blockHash"].is_string() => error(-32_602, "unknown field `blockHash`"),
        _ => result(json!([log(HASH), log(B256::ZERO)])),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    let head = chain.head().await?;
    for _ in 0..4 {
        assert_eq!(chain.logs_of_block(&head, &[Address::ZERO]).await?.len(), 1);
    }
    assert_eq!(lacking(&chain), [LOGS_BY_HASH]);
    Ok(())
}

/// Where words for blocks are not known, numbers are.
#[tokio::test]
async fn without_words_for_blocks_their_numbers_are_used() -> Result<()> {
    let fake = Fake::start(|method, params| match (method, &params[0], &params[1]) {
        ("eth_chainId", ..) => result(json!("0x1")),
        ("eth_blockNumber", ..) => result(json!("0x7")),
        ("eth_getBlockByNumber", Value::String(tag), _) if tag == "0x7" => block(),
        ("eth_getTransactionCount", _, Value::String(tag)) if tag == "latest" => {
            result(json!("0x2"))
        }
        _ => error(-32_602, "unsupported block tag"),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    assert_eq!((chain.head().await?.number, chain.head().await?.hash), (7, HASH));
    assert_eq!(chain.account_nonce(Address::ZERO, true).await?, 2);
    Ok(())
}

/// An estimate on top of a block that is not taken is made on top of the newest.
#[tokio::test]
async fn without_estimates_at_a_block_they_are_made_at_the_newest() -> Result<()> {
    let fake = Fake::start(|method, params| match (method, params[1].is_null()) {
        ("eth_chainId", _) => result(json!("0x1")),
        (_, true) => result(json!("0x5208")),
        (_, false) => error(-32_602, "too many arguments, want at most 1"),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    let call = SimulatedCall { from: Address::ZERO, to: Address::ZERO, data: Bytes::new() };
    assert_eq!(chain.estimate_at(7, &call).await?, 21_000);
    Ok(())
}

/// What a real node does is found to be all; what one lacks, and what nobody can do without, is named.
#[tokio::test]
async fn an_examination_asks_what_the_relayer_asks() -> Result<()> {
    let stage = Stage::new().await?;
    let found = stage.chain.examine().await?;
    ensure!(found.lacks.is_empty() && found.failures.is_empty(), "{found:?}");

    let (_fake, chain) =
        refusing(SIMULATE, error(-32_001, "rpc method is not whitelisted")).await?;
    let found = chain.examine().await?;
    assert_eq!(lacking(&chain), [SIMULATE]);
    assert_eq!(found.lacks[0].what, SIMULATE);

    let (_fake, chain) = refusing("eth_getLogs", error(-32_601, "no such method")).await?;
    let found = chain.examine().await?;
    ensure!(found.failures.iter().any(|(what, _)| *what == "eth_getLogs"), "{found:?}");
    let (_fake, chain) =
        refusing("eth_sendRawTransaction", error(-32_601, "read only: not supported")).await?;
    let found = chain.examine().await?;
    ensure!(found.failures.iter().any(|(what, _)| *what == "eth_sendRawTransaction"), "{found:?}");
    Ok(())
}
