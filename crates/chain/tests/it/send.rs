//! Raw transactions, and what becomes of them.

use crate::{
    fake::{Fake, http, result},
    stage::{Stage, config, packed},
};
use alloy::primitives::{Address, B256, Bytes, keccak256};
use eyre::{Result, bail, ensure};
use quorate_chain::{Chain, ChainError, Revert, SendAnswer, WaitError, refusal::Class};
use quorate_core::{Action, Lane, Nonce};
use serde_json::json;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);
const PAYEE: Address = Address::repeat_byte(0xbe);

#[tokio::test]
async fn a_transaction_is_sent_once_and_waited_for() -> Result<()> {
    let stage = Stage::new().await?;
    let sender = stage.anvil.sender();
    stage.command("evm_setAutomine", json!([false])).await?;
    let next = stage.chain.account_nonce(sender, false).await?;
    let raw = stage.signed(PAYEE, Bytes::new()).await?;
    let tx_hash = stage.chain.send(&raw).await?;
    assert_eq!(tx_hash, keccak256(&raw));
    // The endpoint has it already, which is as good.
    assert_eq!(stage.chain.send(&raw).await?, tx_hash);
    assert_eq!(stage.chain.account_nonce(sender, false).await?, next);
    assert_eq!(stage.chain.account_nonce(sender, true).await?, next + 1);

    let waited = stage.chain.wait(tx_hash, SHORT).await;
    assert_eq!(waited, Err(WaitError::TimedOut { tx_hash, timeout: SHORT }));
    assert_eq!(stage.chain.receipt(tx_hash).await?, None);
    assert_eq!(stage.chain.revert_reason(tx_hash).await?, None);

    stage.command("evm_mine", json!([])).await?;
    let receipt = stage.chain.wait(tx_hash, LONG).await?;
    let head = stage.chain.head().await?;
    ensure!(receipt.success && receipt.gas_used == 21_000);
    ensure!((receipt.block_number, receipt.block_hash) == (head.number, head.hash));
    ensure!(Some(receipt.effective_gas_price) > head.base_fee_per_gas);
    Ok(())
}

#[tokio::test]
async fn a_mined_failure_tells_its_reason() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(1, 1)?;
    let wallet = stage.create(&config).await?;
    let request = stage.request(wallet, Action::Cancel {}, Nonce::new(Lane::ZERO, 3));
    let calldata = request.calldata(packed(&config, &request, &[0])?);
    let raw = stage.signed(wallet, calldata).await?;
    let tx_hash = stage.chain.send(&raw).await?;
    let receipt = stage.chain.wait(tx_hash, LONG).await?;
    ensure!(!receipt.success);
    let reason = stage.chain.revert_reason(tx_hash).await?;
    ensure!(reason.as_ref().map(Revert::name) == Some("NonceMismatch"), "{reason:?}");
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_is_refused_is_an_error_of_the_endpoint() -> Result<()> {
    let stage = Stage::new().await?;
    let raw = stage.signed(PAYEE, Bytes::new()).await?;
    let tx_hash = stage.chain.send(&raw).await?;
    stage.chain.wait(tx_hash, LONG).await?;
    for raw in [&raw[..], &[], &[1, 2, 3]] {
        let refused = stage.chain.send(raw).await;
        ensure!(matches!(refused, Err(ChainError::Rpc { .. })), "{refused:?}");
    }
    Ok(())
}

/// Case 29: nodes that mine what they are sent say that it failed once it is on chain: with a code and data (Hardhat 3),
/// one level down with the hash (Hardhat 2), or in words alone. That is no refusal, whatever the HTTP status.
#[tokio::test]
async fn a_transaction_that_failed_when_it_was_sent_is_not_refused() -> Result<()> {
    let message = "0x08c379a0\
        0000000000000000000000000000000000000000000000000000000000000020\
        0000000000000000000000000000000000000000000000000000000000000004\
        6e6f7065000000000000000000000000000000000000000000000000000000";
    let message = message.replace(' ', "") + "00";
    let nested = json!({ "message": "reverted", "txHash": B256::ZERO, "data": message });
    for (error, name) in [
        (json!({ "code": 3, "message": "execution reverted: nope", "data": message }), "Error"),
        (json!({ "code": -32603, "message": "Error: VM Exception", "data": nested }), "Error"),
        (json!({ "code": 3, "message": "execution reverted" }), "Silent"),
        (json!({ "code": -32000, "message": "Transaction reverted without a reason" }), "Silent"),
    ] {
        let error = error.to_string();
        let fake = Fake::start(move |method, _| match method {
            "eth_chainId" => result(json!("0x1")),
            _ => http("200 OK", &format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#)),
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        let sent = chain.send(&[1, 2, 3]).await;
        let Err(ChainError::Reverted { tx_hash, reason, .. }) = sent else { bail!("{sent:?}") };
        assert_eq!((tx_hash, reason.name()), (keccak256([1, 2, 3]), name));
        let answer = chain.offer(&[1, 2, 3]).await;
        let SendAnswer::Refused(refusal) = answer else { bail!("{answer:?}") };
        assert!(refusal.class == Class::Reverted && !refusal.class.is_proof(), "{refusal:?}");
    }
    Ok(())
}

#[tokio::test]
async fn fees_cover_two_base_fees() -> Result<()> {
    let stage = Stage::new().await?;
    let fees = stage.chain.fees().await?;
    let Some(base_fee) = stage.chain.head().await?.base_fee_per_gas else { bail!("no base fee") };
    ensure!(fees.max_priority_fee_per_gas > 0);
    // The next block's is at most an eighth above or below.
    let twice = fees.max_fee_per_gas - fees.max_priority_fee_per_gas;
    ensure!((base_fee * 7 / 4..=base_fee * 9 / 4).contains(&twice), "{fees:?}, {base_fee}");
    Ok(())
}

#[tokio::test]
async fn absurd_answers_do_not_panic() -> Result<()> {
    let most = format!("0x{}", "f".repeat(32));
    let fake = Fake::start(move |method, _| match method {
        "eth_chainId" => result(json!("0x1")),
        "eth_feeHistory" => result(json!({ "baseFeePerGas": [most], "reward": [[most], []] })),
        "eth_sendRawTransaction" => result(json!(B256::ZERO)),
        "eth_getTransactionReceipt" => result(json!({ "status": "0x1" })),
        _ => result(json!(null)),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    assert_eq!(chain.fees().await?.max_fee_per_gas, u128::MAX);
    let other_hash = chain.send(&[1]).await;
    ensure!(matches!(other_hash, Err(ChainError::WrongAnswer { .. })), "{other_hash:?}");
    ensure!(chain.head().await.is_err() && chain.receipt(B256::ZERO).await.is_err());
    let waited = chain.wait(B256::ZERO, SHORT).await;
    ensure!(matches!(waited, Err(WaitError::Chain(ChainError::WrongAnswer { .. }))), "{waited:?}");
    ensure!(chain.revert_reason(B256::ZERO).await?.is_none());
    Ok(())
}
