//! Answers that are none: each ends in bounded time, with a clear error, and nothing is believed.

use crate::sample::{answers, impatient, problem, proposal, refusal, request};
use eyre::{Result, ensure};
use quorate_api::{Client, ClientError, problem::ProblemCode};
use quorate_lab::http::Reply;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How asking ends at a server that answers like this, and how often it was asked.
async fn outcome(
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) -> Result<(ClientError, usize)> {
    let (server, client) = answers(move |_| reply()).await?;
    let begin = Instant::now();
    let error = refusal(client.proposal(request(0).digest()).await)?;
    ensure!(begin.elapsed().as_secs() < 5, "{error} after {:?}", begin.elapsed());
    Ok((error, server.asked().len()))
}

#[tokio::test]
async fn what_is_no_answer_is_refused_at_once() -> Result<()> {
    let honest = json!(proposal(0, &[1])?).to_string();
    let half = honest[..honest.len() / 2].to_owned();
    let html = "<html>\u{1b}[2J".to_owned();
    for (status, body, reason) in [
        (200, half, "EOF"),
        (200, html.clone(), "expected value"),
        (200, "[]".to_owned(), "invalid"),
        (200, "{}".to_owned(), "missing field"),
        (200, honest.replace("\"nonce\":\"0\"", "\"nonce\":\"00\""), "not a decimal"),
        (200, format!("{{\"action\":{}", "[".repeat(200_000)), "line 1"),
        (204, String::new(), "HTTP 204"),
        (404, html, "is the URL right?"),
    ] {
        let (error, asked) = outcome(move || Reply::Bytes(status, body.clone().into())).await?;
        ensure!(matches!(error, ClientError::WrongAnswer { .. }), "{error}");
        ensure!(error.to_string().contains(reason) && asked == 1, "{error}, not {reason}");
        ensure!(!error.to_string().contains('\u{1b}'), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn what_may_pass_is_asked_again_a_few_times() -> Result<()> {
    let (error, asked) = outcome(|| Reply::Lose).await?;
    ensure!(matches!(error, ClientError::Unreachable { .. }) && asked == 3, "{error}: {asked}");
    let (error, asked) = outcome(|| Reply::Cut(b"{\"digest\":".to_vec())).await?;
    ensure!(matches!(error, ClientError::Unreachable { .. }) && asked == 3, "{error}: {asked}");
    let (error, asked) = outcome(|| Reply::Bytes(502, b"bad gateway".to_vec())).await?;
    ensure!(error.to_string().contains("HTTP 502") && asked == 3, "{error}: {asked}");
    let (error, asked) = outcome(|| problem(ProblemCode::Stopping, "bye")).await?;
    ensure!(error.is_retryable() && asked == 3, "{error}: {asked}");
    // Not what will be the same the next time.
    let (error, asked) = outcome(|| problem(ProblemCode::Unauthorized, "no token")).await?;
    ensure!(!error.is_retryable() && asked == 1, "{error}: {asked}");
    let (error, asked) = outcome(|| problem(ProblemCode::RateLimited, "slower")).await?;
    ensure!(error.is_retryable() && asked == 1, "{error}: {asked}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_hangs_or_never_ends_is_left() -> Result<()> {
    let (error, asked) = outcome(|| Reply::Hang).await?;
    ensure!(error.to_string().contains("no whole answer within 0.4 s") && asked == 1, "{error}");
    let (error, _) = outcome(|| Reply::Endless(vec![b' '; 1 << 16])).await?;
    ensure!(error.is_retryable(), "{error}");
    let (error, _) = outcome(|| Reply::Bytes(200, vec![b' '; 9 << 20])).await?;
    ensure!(error.to_string().contains("larger than 8 MiB"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_not_followed() -> Result<()> {
    let honest = json!(proposal(0, &[1])?);
    let (elsewhere, _) = answers(move |_| Reply::Json(200, honest.clone())).await?;
    let to = elsewhere.url();
    let (error, asked) = outcome(move || Reply::Redirect(to.clone())).await?;
    ensure!(error.to_string().contains("a redirect, and none is followed"), "{error}");
    ensure!(asked == 1 && elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
    Ok(())
}

#[tokio::test]
async fn where_nobody_is_the_error_names_host_and_port() -> Result<()> {
    let client = Client::new("http://127.0.0.1:1/hunter2", None, impatient())?;
    let error = client.proposal(request(0).digest()).await.unwrap_err().to_string();
    ensure!(error.contains("127.0.0.1:1 cannot be reached"), "{error}");
    ensure!(!error.contains("hunter2"), "{error}");
    Ok(())
}

/// A code of a later version is a refusal all the same.
#[tokio::test]
async fn a_problem_that_is_not_known_is_read_by_its_http_status() -> Result<()> {
    let later = json!({ "type": "about:blank", "title": "", "status": 200, "detail": "later",
        "code": "newInLater" });
    let error = async |status| {
        let later: Value = later.clone();
        outcome(move || Reply::Json(status, later.clone())).await.map(|(error, _)| error)
    };
    ensure!(!error(418).await?.is_retryable() && error(507).await?.is_retryable());
    Ok(())
}
