//! What a wallet executed.

use crate::{
    fake::{Fake, error, header, result},
    stage::{Stage, config},
};
use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolEvent,
};
use eyre::{Result, ensure};
use quorate_bindings::contracts::IWallet::Executed;
use quorate_chain::{Chain, ChainError, Execution};
use quorate_core::{Action, Lane, Nonce};
use serde_json::{Value, json};

const WALLET: Address = Address::repeat_byte(0x11);
const DIGEST: B256 = B256::repeat_byte(0x22);

#[tokio::test]
async fn an_execution_is_found_by_digest_and_by_nonce() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(1, 1)?;
    let wallet = stage.create(&config).await?;
    let mut executions = vec![];
    for sequence in 0..2 {
        let nonce = Nonce::new(Lane::ZERO, sequence);
        let request = stage.request(wallet, Action::Cancel {}, nonce);
        let tx_hash = stage.carry_out(&config, &request, &[0]).await?;
        let block_number = stage.chain.head().await?.number;
        executions.push(Execution { digest: request.digest(), nonce, tx_hash, block_number });
    }
    for execution in executions {
        let found = stage.chain.executed(wallet, execution.digest).await?;
        assert_eq!(found, Some(execution));
        assert_eq!(stage.chain.executed_nonce(wallet, execution.nonce).await?, found);
        ensure!(stage.chain.executed(WALLET, execution.digest).await?.is_none());
    }
    ensure!(stage.chain.executed(wallet, B256::ZERO).await?.is_none());
    ensure!(stage.chain.executed_nonce(wallet, Nonce::new(Lane::ZERO, 2)).await?.is_none());
    Ok(())
}

fn block(filter: &Value, side: &str) -> u64 {
    let hex = filter[0][side].as_str().unwrap_or_default();
    u64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap_or(u64::MAX)
}

fn log(address: Address, digest: B256, block: u64) -> Value {
    json!({
        "address": address,
        "topics": [Executed::SIGNATURE_HASH, digest],
        "data": B256::from(U256::from(5)),
        "blockNumber": format!("{block:#x}"),
        "blockHash": B256::ZERO,
        "transactionHash": B256::repeat_byte(0x33),
        "transactionIndex": "0x0",
        "logIndex": "0x0",
        "removed": false,
    })
}

/// An endpoint at block `head` that serves `most` blocks at a time, and has one event, in block `at`.
async fn limited(head: u64, most: u64, at: u64) -> Result<Fake> {
    Fake::start(move |method, params| match method {
        "eth_chainId" => result(json!("0x1")),
        "eth_getBlockByNumber" => header(head),
        "eth_getLogs" => {
            let (from, to) = (block(params, "fromBlock"), block(params, "toBlock"));
            if to - from >= most {
                return error(-32_005, "query returned more than 10000 results");
            }
            let logs =
                if (from..=to).contains(&at) { vec![log(WALLET, DIGEST, at)] } else { vec![] };
            result(json!(logs))
        }
        _ => error(-32_601, "no such method"),
    })
    .await
}

#[tokio::test]
async fn the_range_is_halved_where_the_endpoint_refuses_it_and_no_block_left_out() -> Result<()> {
    const HEAD: u64 = 12;
    for (most, at) in (1..=HEAD + 1).flat_map(|most| (0..=HEAD).map(move |at| (most, at))) {
        let fake = limited(HEAD, most, at).await?;
        let chain = Chain::connect(&fake.url()).await?;
        let found = chain.executed(WALLET, DIGEST).await?;
        let block_number = found.map(|execution| execution.block_number);
        ensure!(block_number == Some(at), "{most} at a time: {block_number:?}, not {at}");
        if at == 0 {
            ensure!(chain.executed(WALLET, B256::ZERO).await?.is_none());
        }
    }
    Ok(())
}

/// A range that shrank by one block at a time would never get there.
#[tokio::test]
async fn a_long_history_takes_few_requests() -> Result<()> {
    let fake = limited(1_000_000, 10_000, 77).await?;
    let chain = Chain::connect(&fake.url()).await?;
    ensure!(chain.executed(WALLET, DIGEST).await?.is_some());
    let requests = fake.count("eth_getLogs");
    ensure!(requests < 150, "{requests}");
    Ok(())
}

#[tokio::test]
async fn a_history_that_is_not_served_is_an_error_and_not_none() -> Result<()> {
    let fake = limited(1_000, 0, 77).await?;
    let chain = Chain::connect(&fake.url()).await?;
    let refused = chain.executed(WALLET, DIGEST).await;
    ensure!(
        matches!(refused, Err(ChainError::HistoryRefused { reached: 1_001, .. })),
        "{refused:?}"
    );
    // One block at a time it is too far.
    let fake = limited(1_000, 1, 77).await?;
    let chain = Chain::connect(&fake.url()).await?;
    let refused = chain.executed(WALLET, DIGEST).await;
    ensure!(matches!(refused, Err(ChainError::HistoryRefused { .. })), "{refused:?}");
    ensure!(fake.count("eth_getLogs") == 256);
    Ok(())
}

#[tokio::test]
async fn events_that_were_not_asked_for_are_ignored() -> Result<()> {
    let mut removed = log(WALLET, DIGEST, 3);
    removed["removed"] = json!(true);
    let mut pending = log(WALLET, DIGEST, 3);
    pending["blockNumber"] = json!(null);
    let mut cut = log(WALLET, DIGEST, 3);
    cut["data"] = json!("0x05");
    let others = [log(Address::ZERO, DIGEST, 3), log(WALLET, B256::ZERO, 3), removed, pending, cut];
    let fake = Fake::start(move |method, _| match method {
        "eth_chainId" => result(json!("0x1")),
        "eth_getBlockByNumber" => header(5),
        _ => result(json!(others)),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    assert_eq!(chain.executed(WALLET, DIGEST).await?, None);
    Ok(())
}
