//! Endpoints that cannot be reached, are none, or answer nonsense.

use crate::fake::{Fake, error, http, result};
use alloy::primitives::Address;
use eyre::{Result, ensure};
use quorate_chain::{Chain, ChainError};
use serde_json::json;
use tokio::net::TcpListener;

async fn failure(url: &str) -> ChainError {
    Chain::connect(url).await.expect_err("nobody should answer")
}

#[tokio::test]
async fn refuses_what_is_no_url_of_an_endpoint_without_repeating_it() {
    for url in
        ["", "localhost:8545", "ws://host/SECRETKEY", "file:///SECRETKEY", "http://", "SECRETKEY"]
    {
        let error = failure(url).await;
        assert!(matches!(error, ChainError::InvalidUrl { .. }), "{url}: {error}");
        assert!(!error.is_unreachable() && !format!("{error} {error:?}").contains("SECRET"));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unreachable() -> Result<()> {
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let error = failure(&format!("http://127.0.0.1:{port}")).await;
    ensure!(error.is_unreachable(), "{error}");
    let start = format!("127.0.0.1:{port} cannot be reached: Connection refused");
    ensure!(error.to_string().starts_with(&start), "{error}");
    Ok(())
}

/// The clock stands still but for time-outs.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_is_unreachable_after_ten_seconds() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let error = failure(&format!("http://{}", listener.local_addr()?)).await;
    ensure!(error.is_unreachable(), "{error}");
    ensure!(error.to_string().ends_with("no answer within 10 seconds"), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_is_no_json_rpc_is_a_wrong_answer() -> Result<()> {
    let page = "<!doctype html><title>Sign in</title>";
    for response in [
        http("200 OK", page),
        http("200 OK", ""),
        http("200 OK", "{}"),
        http("200 OK", "[]"),
        http("404 Not Found", page),
        http("401 Unauthorized", page),
        http("302 Found\r\nlocation: http://127.0.0.1:1/", ""),
        result(json!("mainnet")),
        result(json!(null)),
        result(json!("0x10000000000000000")),
        result(json!({ "a": ["\u{202e}"] })),
    ] {
        let fake = Fake::start(move |_, _| response.clone()).await?;
        let error = failure(&fake.url()).await;
        ensure!(matches!(error, ChainError::WrongAnswer { .. }), "{error}");
        ensure!(fake.count("eth_chainId") == 1, "asked again");
    }
    Ok(())
}

#[tokio::test]
async fn bytes_that_are_no_http_are_no_answer() -> Result<()> {
    let fake = Fake::start(|_, _| b"\0\xff SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()).await?;
    let error = failure(&fake.url()).await;
    ensure!(error.is_unreachable(), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() -> Result<()> {
    let endless = http("200 OK", &" ".repeat(33 << 20));
    let fake = Fake::start(move |_, _| endless.clone()).await?;
    let error = failure(&fake.url()).await;
    ensure!(error.to_string().ends_with("more than 32 MiB"), "{error}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_endpoint_is_asked_three_times() -> Result<()> {
    for status in ["503 Service Unavailable", "429 Too Many Requests"] {
        let fake = Fake::start(move |_, _| http(status, "busy")).await?;
        let error = failure(&fake.url()).await;
        ensure!(error.is_unreachable() && fake.count("eth_chainId") == 3, "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_passing_failure_is_not_noticed() -> Result<()> {
    let failed = std::sync::atomic::AtomicBool::new(false);
    let fake = Fake::start(move |_, _| {
        let is_first = !failed.swap(true, std::sync::atomic::Ordering::SeqCst);
        if is_first { http("502 Bad Gateway", "") } else { result(json!("0x7a69")) }
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    ensure!(chain.id() == 31_337 && fake.count("eth_chainId") == 2);
    Ok(())
}

#[tokio::test]
async fn a_raw_transaction_is_never_sent_twice() -> Result<()> {
    let fake = Fake::start(|method, _| match method {
        "eth_chainId" => result(json!("0x1")),
        _ => http("503 Service Unavailable", ""),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    let error = chain.send(&[1, 2, 3]).await.expect_err("not sent");
    ensure!(error.is_unreachable() && fake.count("eth_sendRawTransaction") == 1, "{error}");
    Ok(())
}

#[tokio::test]
async fn an_error_of_the_endpoint_is_shown_escaped() -> Result<()> {
    let fake = Fake::start(|_, _| error(-32_000, "no\u{1b}[2J")).await?;
    let failed = failure(&fake.url()).await;
    let expected =
        format!("127.0.0.1:{} refused eth_chainId: no\\u{{1b}}[2J (code -32000)", fake.port);
    ensure!(failed.to_string() == expected, "{failed}");
    Ok(())
}

/// Keys stand in user, password, path or query, and endpoints repeat them in what they answer.
#[tokio::test]
async fn keys_in_the_url_do_not_leak() -> Result<()> {
    const KEYS: [&str; 4] = ["USERKEY", "PASSKEY", "PATHKEY0123", "QUERYKEY012"];
    let all = KEYS.join(" ");
    let url =
        |port| format!("http://USERKEY:PASSKEY@127.0.0.1:{port}/v2/PATHKEY0123?key=QUERYKEY012#x");
    let ensure_no_key = |what: &str, text: String| {
        ensure!(!KEYS.iter().any(|key| text.contains(key)), "{what}: {text}");
        Ok(())
    };
    let dead = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let failed = failure(&url(dead)).await;
    ensure_no_key("dead", format!("{failed} {failed:?}"))?;
    for response in [error(-32_000, &all), http("403 Forbidden", &all), result(json!(all.clone()))]
    {
        let fake = Fake::start(move |_, _| response.clone()).await?;
        let failed = failure(&url(fake.port)).await;
        ensure_no_key("answer", format!("{failed} {failed:?}"))?;
    }
    let fake = Fake::start(move |method, _| match method {
        "eth_chainId" => result(json!("0x1")),
        _ => error(-32_000, &all),
    })
    .await?;
    let chain = Chain::connect(&url(fake.port)).await?;
    let failed = chain.balance(Address::ZERO).await.expect_err("refused");
    ensure_no_key("refusal", format!("{failed} {failed:?}"))?;
    ensure_no_key("chain", format!("{chain:?} {chain:#?} {}", chain.endpoint()))?;
    ensure!(chain.endpoint() == format!("127.0.0.1:{}", fake.port));
    Ok(())
}
