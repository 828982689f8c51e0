//! What a proxy does to answers, asked as a program asks.

use super::*;
use crate::anvil::Chain;
use alloy::{
    primitives::{Address, U64, U256},
    providers::{Provider, RootProvider},
};
use eyre::OptionExt as _;

fn provider(proxy: &Proxy) -> Result<RootProvider> {
    Ok(RootProvider::new_http(proxy.endpoint().parse()?))
}

async fn block_number(proxy: &Proxy) -> Result<U64> {
    let provider = provider(proxy)?;
    Ok(provider.raw_request("eth_blockNumber".into(), ()).await?)
}

/// Status, headers of interest, and body of an answer.
struct Answer {
    status: u16,
    retry_after: Option<String>,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

async fn ask(proxy: &Proxy, method: &str, params: Value) -> Result<Answer> {
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let request = reqwest::Client::default().post(proxy.endpoint()).body(call.to_string());
    let response = request.header("content-type", "application/json").send().await?;
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Answer { status: response.status().as_u16(), retry_after, text: response.text().await? })
}

/// The result, asked while `fault` strikes everything.
async fn struck(proxy: &Proxy, fault: Fault, method: &str, params: Value) -> Result<Answer> {
    proxy.set_faults(Faults::none(1).with(fault, 1_000, None));
    ask(proxy, method, params).await
}

/// A chain on which somebody paid in each of three blocks, and the hashes of the payments.
async fn three_blocks() -> Result<(Chain, Proxy, Vec<B256>)> {
    let chain = Chain::start()?;
    let mut hashes = Vec::new();
    for _ in 0..3 {
        let to = Address::repeat_byte(7);
        hashes.push(chain.send(to, U256::ONE, Default::default()).await?.transaction_hash);
    }
    let proxy = Proxy::start(&chain.endpoint(), Faults::none(1)).await?;
    Ok((chain, proxy, hashes))
}

#[tokio::test]
async fn what_is_asked_is_passed_on_and_counted() -> Result<()> {
    let chain = Chain::start()?;
    let proxy = Proxy::start(&chain.endpoint(), Faults::none(1)).await?;
    assert_eq!(block_number(&proxy).await?, U64::ZERO);
    assert_eq!(proxy.calls(), BTreeMap::from([("eth_blockNumber".to_owned(), 1)]));
    assert!(proxy.struck().is_empty());
    proxy.set_faults(Faults::none(1).down());
    assert!(block_number(&proxy).await.is_err());
    Ok(())
}

/// The whole point: it happened, and nobody was told.
#[tokio::test]
async fn a_lost_reply_leaves_what_was_done() -> Result<()> {
    let chain = Chain::start()?;
    let faults = Faults::none(1).with(Fault::LoseReply, 1_000, Some("evm_mine"));
    let proxy = Proxy::start(&chain.endpoint(), faults).await?;
    let provider = provider(&proxy)?;
    let mined: std::result::Result<Value, _> = provider.raw_request("evm_mine".into(), ()).await;
    assert!(mined.is_err());
    assert_eq!(block_number(&proxy).await?, U64::from(1));
    assert_eq!(proxy.struck(), BTreeMap::from([("evm_mine".to_owned(), 1)]));
    Ok(())
}

#[tokio::test]
async fn a_lie_is_told_without_asking() -> Result<()> {
    let chain = Chain::start()?;
    let method = "eth_sendRawTransaction";
    let faults = Faults::none(1).with(Fault::AlreadyKnown, 1_000, Some(method));
    let proxy = Proxy::start(&chain.endpoint(), faults).await?;
    let provider = provider(&proxy)?;
    let sent: std::result::Result<Value, _> = provider.raw_request(method.into(), ["0x00"]).await;
    assert!(sent.unwrap_err().to_string().contains("already known"));
    Ok(())
}

#[tokio::test]
async fn an_empty_answer_is_what_the_method_says_where_there_is_nothing() -> Result<()> {
    let (_chain, proxy, hashes) = three_blocks().await?;
    let fault = Fault::Empty(Nothing::Fitting);
    for (method, params, expected) in [
        ("eth_getLogs", json!([{}]), json!([])),
        ("eth_getBlockReceipts", json!(["latest"]), json!([])),
        ("eth_getTransactionReceipt", json!([hashes[0]]), Value::Null),
        ("eth_getBlockByNumber", json!(["latest", false]), Value::Null),
        ("eth_feeHistory", json!(["0x1", "latest", []]), json!({})),
        ("eth_call", json!([{}, "latest"]), json!("0x")),
    ] {
        let answer = struck(&proxy, fault, method, params).await?.json();
        assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": 7, "result": expected }), "{method}");
    }
    for (nothing, expected) in [
        (Nothing::Null, Value::Null),
        (Nothing::List, json!([])),
        (Nothing::Object, json!({})),
        (Nothing::Bytes, json!("0x")),
    ] {
        let answer = struck(&proxy, Fault::Empty(nothing), "eth_chainId", json!([])).await?;
        assert_eq!(answer.json()["result"], expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_has_its_code_its_words_and_its_data() -> Result<()> {
    let chain = Chain::start()?;
    let proxy = Proxy::start(&chain.endpoint(), Faults::none(1)).await?;
    for refusal in [Refusal::NOT_WHITELISTED, Refusal::TOO_MANY, Refusal::new(-1, "no")] {
        let answer = struck(&proxy, Fault::Refuse(refusal), "evm_mine", json!([])).await?;
        assert_eq!((answer.status, answer.json()["id"].as_u64()), (200, Some(7)));
        let error = json!({ "code": refusal.code, "message": refusal.message });
        assert_eq!(answer.json()["error"], error);
    }
    proxy.set_faults(Faults::none(1));
    assert_eq!(block_number(&proxy).await?, U64::ZERO, "it was passed on");
    let reverted = Refusal::new(3, "execution reverted").with_data("0x08c379a0");
    let answer = struck(&proxy, Fault::RefuseDone(reverted), "evm_mine", json!([])).await?;
    assert_eq!(answer.json()["error"]["data"], "0x08c379a0");
    proxy.set_faults(Faults::none(1));
    assert_eq!(block_number(&proxy).await?, U64::from(1), "it was not done");
    Ok(())
}

#[tokio::test]
async fn an_error_of_http_has_its_status_its_body_and_when_to_come_back() -> Result<()> {
    let chain = Chain::start()?;
    let proxy = Proxy::start(&chain.endpoint(), Faults::none(1)).await?;
    let error = HttpError::json_rpc(429, Refusal::LIMIT_EXCEEDED).retry_after(3);
    let answer = struck(&proxy, Fault::Http(error), "eth_chainId", json!([])).await?;
    assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("3")));
    assert_eq!(answer.json()["error"]["code"], -32_005);
    let html = Fault::Http(HttpError::html(503));
    let answer = struck(&proxy, html, "eth_chainId", json!([])).await?;
    assert_eq!((answer.status, answer.retry_after), (503, None));
    assert!(answer.text.starts_with("<html>"), "{}", answer.text);
    Ok(())
}

#[tokio::test]
async fn answers_are_cut_halved_and_mixed_up() -> Result<()> {
    let (chain, proxy, hashes) = three_blocks().await?;
    let cut = struck(&proxy, Fault::Truncate, "eth_chainId", json!([])).await?;
    assert!(cut.text.starts_with("{\"jsonrpc\"") && cut.json().is_null(), "{}", cut.text);
    let answer = struck(&proxy, Fault::WrongId, "eth_chainId", json!([])).await?.json();
    assert_eq!((&answer["id"], &answer["result"]), (&json!(8), &json!("0x7a69")));
    let block = json!(["0x1"]);
    let half = struck(&proxy, Fault::Partial, "eth_getBlockReceipts", block).await?;
    assert_eq!(half.json()["result"], json!([]));
    let fees = struck(&proxy, Fault::Partial, "eth_feeHistory", json!(["0x1", "latest", []]));
    let fields = fees.await?.json()["result"].as_object().ok_or_eyre("no object")?.len();
    assert!((1..=3).contains(&fields), "{fields}");

    // Nothing else was answered yet that was not struck.
    let receipt = |hash: B256| ("eth_getTransactionReceipt", json!([hash]));
    let (method, params) = receipt(hashes[0]);
    let alone = struck(&proxy, Fault::OtherAnswer, method, params).await?.json();
    assert_eq!(alone["result"]["transactionHash"], json!(hashes[0]));
    proxy.set_faults(Faults::none(1));
    let (method, params) = receipt(hashes[1]);
    ask(&proxy, method, params).await?;
    let (method, params) = receipt(hashes[0]);
    let other = struck(&proxy, Fault::OtherAnswer, method, params).await?.json();
    assert_eq!(other["result"]["transactionHash"], json!(hashes[1]));
    let other = struck(&proxy, Fault::OtherAnswer, "eth_chainId", json!([])).await?.json();
    assert_eq!(other["result"]["transactionHash"], json!(hashes[1]));
    drop(chain);
    Ok(())
}

#[tokio::test]
async fn a_node_that_is_behind_knows_no_later_block() -> Result<()> {
    let (chain, proxy, hashes) = three_blocks().await?;
    let behind = async |method: &str, params: Value| -> Result<Value> {
        Ok(struck(&proxy, Fault::Behind(1), method, params).await?.json())
    };
    let newest = chain.provider().get_block(alloy::eips::BlockId::latest()).await?;
    let newest = json!(newest.ok_or_eyre("no block")?.header.hash);
    assert_eq!(behind("eth_blockNumber", json!([])).await?["result"], "0x2");
    for told in ["latest", "0x2"] {
        let block = behind("eth_getBlockByNumber", json!([told, false])).await?;
        assert_eq!(block["result"]["number"], "0x2");
    }
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0x3", false])),
        ("eth_getBlockByHash", json!([newest, false])),
        ("eth_getBlockReceipts", json!([newest])),
        ("eth_getTransactionReceipt", json!([hashes[2]])),
    ] {
        assert_eq!(behind(method, params).await?["result"], Value::Null, "{method}");
    }
    let receipt = behind("eth_getTransactionReceipt", json!([hashes[1]])).await?;
    assert_eq!(receipt["result"]["status"], "0x1");
    for (method, params) in [
        ("eth_getLogs", json!([{ "blockHash": newest }])),
        ("eth_call", json!([{}, "0x3"])),
        ("eth_getBalance", json!([chain.sender(), { "blockHash": newest }])),
    ] {
        assert_eq!(behind(method, params).await?["error"]["code"], -32_000, "{method}");
    }
    let from_later = json!([{ "fromBlock": "0x3", "toBlock": "latest" }]);
    assert_eq!(behind("eth_getLogs", from_later).await?["result"], json!([]));
    let count = behind("eth_getTransactionCount", json!([chain.sender(), "latest"])).await?;
    assert_eq!(count["result"], "0x2");
    let fees = behind("eth_feeHistory", json!(["0x1", "latest", []])).await?;
    assert_eq!(fees["result"]["oldestBlock"], "0x2");
    Ok(())
}

#[tokio::test]
async fn a_node_that_indexes_tells_a_block_before_what_is_in_it() -> Result<()> {
    let (_chain, proxy, hashes) = three_blocks().await?;
    proxy.set_faults(Faults::none(1).with(Fault::Indexing(200), 1_000, None));
    let told = ask(&proxy, "eth_getBlockByNumber", json!(["latest", false])).await?.json();
    assert_eq!(told["result"]["number"], "0x3");
    let receipt = || ask(&proxy, "eth_getTransactionReceipt", json!([hashes[2]]));
    assert_eq!(receipt().await?.json()["result"], Value::Null);
    assert!(proxy.receipts().is_empty());
    let begun = Instant::now();
    while receipt().await?.json()["result"].is_null() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it never comes");
    }
    assert!(proxy.receipts()[&hashes[2]].success);
    Ok(())
}

#[tokio::test]
async fn a_limit_refuses_what_is_beyond_it() -> Result<()> {
    let chain = Chain::start()?;
    let limit = Fault::Http(HttpError::json_rpc(429, Refusal::LIMIT_EXCEEDED).retry_after(1));
    let proxy = Proxy::start(&chain.endpoint(), Faults::none(1).beyond(limit, 2, None)).await?;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(ask(&proxy, "eth_chainId", json!([])).await?.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    Ok(())
}
