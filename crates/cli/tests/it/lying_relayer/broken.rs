//! Answers that are none.

use super::stage::{ANY, Stage};
use crate::fake_relayer::Fault;
use eyre::Result;
use quorate_lab::http::Reply;

type Answers = fn() -> Reply;

/// Answers that are none end every command with a clear error, in bounded time.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none_end_every_command() -> Result<()> {
    let stage = Stage::start().await?;
    let replies: [(&str, Answers); 7] = [
        ("garbage", || Reply::Bytes(200, b"<html>\x1b[2J".to_vec())),
        ("another JSON", || Reply::Json(200, serde_json::json!({ "jsonrpc": "2.0" }))),
        ("cut", || Reply::Cut(b"{\"digest\":".to_vec())),
        ("nothing", || Reply::Lose),
        ("huge", || Reply::Bytes(200, vec![b' '; 33 << 20])),
        ("a redirect", || Reply::Redirect("http://127.0.0.1:1/elsewhere".to_owned())),
        ("an error page", || Reply::Bytes(502, b"bad gateway".to_vec())),
    ];
    for (name, reply) in replies {
        let fault = Fault { reply: Some(reply), ..Fault::default() };
        stage.all_refuse(name, fault, ANY, 5)?;
    }
    Ok(())
}

/// As above, where no answer ends: each command gives up by itself.
#[tokio::test(flavor = "multi_thread")]
async fn answers_without_an_end_are_given_up() -> Result<()> {
    let stage = Stage::start().await?;
    let replies: [(&str, Answers); 2] = [
        ("hanging", || Reply::Hang),
        // Slow enough to be read for long.
        ("endless", || Reply::Endless(vec![b' '; 64])),
    ];
    for (name, reply) in replies {
        let fault = Fault { reply: Some(reply), ..Fault::default() };
        stage.all_refuse(name, fault, ANY, 5)?;
    }
    Ok(())
}
