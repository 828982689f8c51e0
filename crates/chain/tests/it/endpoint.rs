//! Endpoints that cannot be reached, are none, or answer nonsense.

use crate::fake::{Fake, error, http, result};
use alloy::primitives::Address;
use eyre::{Result, ensure};
use quorate_chain::{Chain, ChainError, Patience, SimulateError};
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
    // Gateways answer with a page now and then, which is worth another try.
    for (response, times) in [
        (http("200 OK", page), 3),
        (http("200 OK", ""), 3),
        (http("200 OK", "{}"), 3),
        (http("200 OK", "[]"), 3),
        (http("404 Not Found", page), 1),
        (http("401 Unauthorized", page), 1),
        (http("302 Found\r\nlocation: http://127.0.0.1:1/", ""), 1),
        (result(json!("mainnet")), 1),
        (result(json!(null)), 1),
        (result(json!("0x10000000000000000")), 1),
        (result(json!({ "a": ["\u{202e}"] })), 1),
    ] {
        let fake = Fake::start(move |_, _| response.clone()).await?;
        let error = failure(&fake.url()).await;
        ensure!(matches!(error, ChainError::WrongAnswer { .. }), "{error}");
        assert_eq!(fake.count("eth_chainId"), times, "{error}");
    }
    Ok(())
}

/// Case 15: an error in the body is an error of JSON-RPC at any HTTP status: a revert is what the call did.
#[tokio::test]
async fn a_revert_is_read_at_any_status() -> Result<()> {
    let error = json!({ "code": 3, "message": "execution reverted", "data": "0x" });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "error": error }).to_string();
    for status in ["400 Bad Request", "404 Not Found", "500 Internal Server Error", "503 No"] {
        let body = body.clone();
        let fake = Fake::start(move |method, _| match method {
            "eth_chainId" => result(json!("0x1")),
            _ => http(status, &body),
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        let answer = chain.estimate(Address::ZERO, Address::ZERO, Default::default()).await;
        ensure!(matches!(answer, Err(SimulateError::Reverted(_))), "{status}: {answer:?}");
    }
    Ok(())
}

/// Case 14: what too many requests are answered with is a reason to wait, in whatever form it is said, and to ask again.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_wants_fewer_requests_is_asked_again_later() -> Result<()> {
    let busy = |code: i64, message: &str| {
        http("200 OK", &json!({ "error": { "code": code, "message": message } }).to_string())
    };
    for response in [
        busy(429, "compute units per second capacity exceeded"),
        busy(-32_005, "daily request count exceeded, request rate limited"),
        busy(-32_016, "over rate limit"),
        busy(-32_000, "Too Many Requests"),
        http("429 Too Many Requests", "slow down"),
        http("200 OK", "<html>"),
    ] {
        let times = std::sync::atomic::AtomicUsize::new(0);
        let fake = Fake::start(move |_, _| {
            match times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 | 1 => response.clone(),
                _ => result(json!("0x1")),
            }
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        ensure!(chain.id() == 1 && fake.count("eth_chainId") == 3 && !chain.is_resting());
    }
    Ok(())
}

/// Case 14: `Retry-After` is kept, by whoever asks.
#[tokio::test(start_paused = true)]
async fn retry_after_is_kept() -> Result<()> {
    let fake = Fake::start(|method, _| match method {
        "eth_chainId" => result(json!("0x1")),
        _ => http("429 Too Many Requests\r\nretry-after: 30", ""),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    let other = chain.clone();
    for _ in 0..2 {
        let error = other.balance(Address::ZERO).await.expect_err("it is busy");
        ensure!(error.is_unreachable() && chain.is_resting(), "{error}");
        assert_eq!(fake.count("eth_getBalance"), 1, "{error}");
    }
    tokio::time::advance(std::time::Duration::from_secs(30)).await;
    ensure!(!chain.is_resting());
    chain.balance(Address::ZERO).await.expect_err("it is busy still");
    assert_eq!(fake.count("eth_getBalance"), 2);
    Ok(())
}

#[tokio::test]
async fn patience_decides_how_often_is_asked() -> Result<()> {
    let fake = Fake::start(|method, _| match method {
        "eth_chainId" => result(json!("0x1")),
        _ => http("502 Bad Gateway", ""),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    for (patience, times) in [(Patience::Once, 1), (Patience::Usual, 4)] {
        chain.with_patience(patience).balance(Address::ZERO).await.expect_err("it is broken");
        assert_eq!(fake.count("eth_getBalance"), times);
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
