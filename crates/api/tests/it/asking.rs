//! What is asked, and that what comes back is what was asked for.

use crate::sample::{answers, gives, problem, proposal, refusal, request, wallet};
use alloy::primitives::{Address, B256, Bytes};
use eyre::{OptionExt as _, Result, ensure};
use quorate_api::{
    Client, ClientError, Lie, Wallet,
    client::{Patience, Token, Until},
    problem::ProblemCode,
};
use quorate_core::{Config, status::StatusWord};
use serde_json::json;

#[tokio::test]
async fn a_proposal_is_asked_for_by_its_digest_and_with_the_token() -> Result<()> {
    let (server, client) = gives(200, json!(proposal(0, &[1])?)).await?;
    let digest = request(0).digest();
    let found = client.proposal(digest).await?.ok_or_eyre("none")?;
    assert_eq!((found.digest(), found.signatures().len()), (digest, 1));
    client.proposal_when(digest, Until::Status(StatusWord::Executed), 0).await?;
    client.proposal_when(digest, Until::Final, 0).await?;
    let asked = server.asked();
    for asked in &asked {
        assert_eq!(
            (asked.method.as_str(), &asked.path),
            ("GET", &format!("/v1/proposals/{digest}"))
        );
        assert_eq!(asked.headers["authorization"], "Bearer a-token");
    }
    assert_eq!(
        (asked[1].query["wait"].as_str(), asked[1].query["timeoutSecs"].as_str()),
        ("executed", "0")
    );
    assert_eq!(asked[2].query["wait"], "final");
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_none_and_no_error() -> Result<()> {
    let (_server, client) = answers(|asked| match asked.path.contains("wallets") {
        true => problem(ProblemCode::UnknownWallet, "none"),
        false => problem(ProblemCode::UnknownProposal, "none"),
    })
    .await?;
    assert_eq!(client.proposal(B256::ZERO).await?, None);
    assert_eq!(client.wallet(1, Address::ZERO).await?, None);
    let refused = client.proposals(1, Address::ZERO, None).await.unwrap_err();
    ensure!(matches!(refused, ClientError::Problem { status: 404, .. }), "{refused}");
    Ok(())
}

#[tokio::test]
async fn another_proposal_or_wallet_than_the_one_asked_for_is_a_lie() -> Result<()> {
    let (_server, client) = gives(200, json!(proposal(1, &[1])?)).await?;
    let error = client.proposal(request(0).digest()).await.unwrap_err();
    ensure!(matches!(error, ClientError::Lie(Lie::OtherProposal { .. })), "{error}");
    let (_server, client) = gives(200, json!(wallet())).await?;
    for (chain_id, address) in [(1, wallet().address), (wallet().chain_id, Address::ZERO)] {
        let error = client.wallet(chain_id, address).await.unwrap_err();
        ensure!(matches!(error, ClientError::Lie(Lie::OtherWallet { .. })), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wallet_is_checked_against_its_address_and_its_lanes_against_each_other() -> Result<()> {
    let asked = wallet();
    let lie = async |change: fn(&mut Wallet)| {
        let mut changed = wallet();
        change(&mut changed);
        let (_server, client) = gives(200, json!(changed)).await?;
        let answer = client.wallet(asked.chain_id, asked.address).await;
        match refusal(answer)? {
            ClientError::Lie(lie) => Ok(lie),
            error => Err(eyre::Report::from(error)),
        }
    };
    let changed = lie(|wallet| wallet.config = other(wallet)).await?;
    assert_eq!(changed, Lie::Config { wallet: asked.address });
    let changed = lie(|wallet| wallet.origin_config = Some(other(wallet))).await?;
    ensure!(matches!(changed, Lie::Address { .. }), "{changed}");
    let changed = lie(|wallet| wallet.lanes[0].next = 2).await?;
    ensure!(matches!(changed, Lie::Lane { .. }), "{changed}");
    let changed = lie(|wallet| wallet.lanes.push(wallet.lanes[0])).await?;
    ensure!(matches!(changed, Lie::Lane { .. }), "{changed}");
    Ok(())
}

#[tokio::test]
async fn fields_that_are_not_known_are_ignored() -> Result<()> {
    let mut answer = json!(proposal(0, &[1])?);
    answer["inALaterVersion"] = json!({ "a": [1] });
    let (_server, client) = gives(200, answer).await?;
    ensure!(client.proposal(request(0).digest()).await?.is_some());
    Ok(())
}

#[test]
fn a_token_does_not_go_where_others_can_read_it() -> Result<()> {
    let client = |url, token: Option<&str>| {
        let token = token.map(Token::parse).transpose()?;
        Client::new(url, token, Patience::default())
    };
    let refused = client("http://relayer.example:80", Some("hunter2")).unwrap_err();
    ensure!(matches!(refused, ClientError::TokenInClear { .. }), "{refused}");
    ensure!(!refused.to_string().contains("hunter2"), "{refused}");
    ensure!(client("http://relayer.example", None)?.is_readable_on_the_way());
    for url in ["http://127.0.0.1:9", "https://relayer.example", "http://[::1]:9"] {
        let client = client(url, Some("hunter2"))?;
        ensure!(!client.is_readable_on_the_way());
        ensure!(!format!("{client:?}").contains("hunter2"), "{client:?}");
    }
    Ok(())
}

/// The same owners but the first, of whom one has to sign.
fn other(wallet: &Wallet) -> Config {
    let owners = wallet.config.owners()[1..].to_vec();
    Config::new(1, owners, Address::ZERO, Bytes::new()).expect("a configuration")
}

/// What a relayer writes reaches people escaped, and not at any length.
#[tokio::test]
async fn the_words_of_a_problem_are_escaped_and_cut() -> Result<()> {
    let (_server, client) = answers(|_| {
        problem(ProblemCode::Forbidden, &format!("\u{1b}[2J\u{202e}{}", "x".repeat(100_000)))
    })
    .await?;
    let error = client.proposal(B256::ZERO).await.unwrap_err().to_string();
    ensure!(error.contains(r"\u{1b}[2J\u{202e}xx") && error.contains("(forbidden)"), "{error}");
    ensure!(error.len() < 1_000, "{} bytes", error.len());
    Ok(())
}
