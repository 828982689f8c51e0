//! What is handed in arrives, though an answer is lost, and the answer has to show it.

use crate::sample::{answers, gives, proposal, request, signature, wallet};
use eyre::{Result, ensure};
use quorate_api::{Client, ClientError, Lie, RegisterWallet, client::Patience};
use quorate_lab::{
    fixtures::world,
    http::{Reply, Server},
    owners::owner,
};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server that loses its first answers in some way, and then gives an honest one: 200, because it knows it by now.
async fn loses(lost: fn() -> Reply, times: usize) -> Result<(Server, Client)> {
    let honest = json!(proposal(0, &[1])?);
    let count = AtomicUsize::new(0);
    answers(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        number if number < times => lost(),
        _ => Reply::Json(200, honest.clone()),
    })
    .await
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_words() -> Result<()> {
    let digest = request(0).digest();
    for lost in [
        || Reply::Lose,
        || Reply::Cut(b"{\"dig".to_vec()),
        || Reply::Bytes(200, b"garbage".to_vec()),
        || Reply::Bytes(503, b"busy".to_vec()),
        || Reply::Hang,
    ] {
        let (server, client) = loses(lost, 2).await?;
        let taken = client.propose(&request(0), Some("rent"), signature(1, &digest)?).await?;
        ensure!(!taken.is_new && taken.answer.digest() == digest, "{taken:?}");
        let bodies: Vec<_> = server.asked().into_iter().map(|asked| asked.body).collect();
        ensure!(
            bodies.len() == 3 && bodies[0] == bodies[1] && bodies[1] == bodies[2],
            "{bodies:?}"
        );
        let (server, client) = loses(lost, 3).await?;
        let error = client.sign(digest, &signature(1, &digest)?).await.unwrap_err();
        ensure!(error.is_retryable() && server.asked().len() == 3, "{error}");
        // It may be stored: whoever handed it in is told so.
        ensure!(matches!(error, ClientError::Unsure { .. }), "{error}");
        ensure!(error.to_string().contains("it may have, `quorate list` shows it"), "{error}");
    }
    Ok(())
}

/// Case 51: nothing may be stored where nobody was there, or where all said that they took nothing.
#[tokio::test]
async fn what_cannot_have_arrived_is_not_said_to_have() -> Result<()> {
    let digest = request(0).digest();
    let (server, client) = loses(|| Reply::Bytes(429, b"later".to_vec()), 3).await?;
    let error = client.sign(digest, &signature(1, &digest)?).await.unwrap_err();
    ensure!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    ensure!(server.asked().len() == 3);
    // Nobody listens.
    let client = Client::new("http://127.0.0.1:1", None, Patience::default())?;
    let error = client.sign(digest, &signature(1, &digest)?).await.unwrap_err();
    ensure!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_is_handed_in_is_in_the_words_of_the_api() -> Result<()> {
    let digest = request(0).digest();
    let (server, client) = gives(201, json!(proposal(0, &[1])?)).await?;
    let taken = client.propose(&request(0), Some("rent"), signature(1, &digest)?).await?;
    ensure!(taken.is_new);
    client.sign(digest, &signature(1, &digest)?).await?;
    let [proposed, signed] = &server.asked()[..] else { eyre::bail!("{:?}", server.asked()) };
    let treasury = world::treasury().address().to_checksum(None);
    assert_eq!(proposed.path, format!("/v1/wallets/31337/{treasury}/proposals"));
    assert_eq!(proposed.headers["content-type"], "application/json");
    let signature = json!(signature(1, &digest)?);
    assert_eq!(
        proposed.body,
        json!({ "epoch": 0, "action": json!(request(0).action), "nonce": "0", "deadline": 2_000_000_000,
            "note": "rent", "signature": signature })
    );
    assert_eq!(
        (&signed.path, &signed.body),
        (&format!("/v1/proposals/{digest}/signatures"), &signature)
    );
    Ok(())
}

#[tokio::test]
async fn an_answer_that_lacks_what_was_handed_in_is_a_lie() -> Result<()> {
    let digest = request(0).digest();
    let owner = owner(2).address();
    let (_server, client) = gives(201, json!(proposal(0, &[1])?)).await?;
    let error = client.propose(&request(0), None, signature(2, &digest)?).await.unwrap_err();
    assert_eq!(error, ClientError::Lie(Lie::Dropped { owner }));
    let error = client.sign(digest, &signature(2, &digest)?).await.unwrap_err();
    assert_eq!(error, ClientError::Lie(Lie::Dropped { owner }));
    let digest = request(1).digest();
    let error = client.propose(&request(1), None, signature(1, &digest)?).await.unwrap_err();
    ensure!(matches!(error, ClientError::Lie(Lie::OtherProposal { .. })), "{error}");
    let error = client.sign(digest, &signature(1, &digest)?).await.unwrap_err();
    ensure!(matches!(error, ClientError::Lie(Lie::OtherProposal { .. })), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_wallet_that_is_registered_is_the_one_that_was_named() -> Result<()> {
    let treasury = world::treasury();
    let made = RegisterWallet::Made {
        chain_id: world::CHAIN_ID,
        config: treasury.config().clone(),
        salt: treasury.salt(),
    };
    let address = treasury.address();
    let deployed = RegisterWallet::Deployed { chain_id: world::CHAIN_ID, address };
    let (server, client) = gives(201, json!(wallet())).await?;
    for register in [&made, &deployed] {
        let taken = client.register_wallet(register).await?;
        ensure!(taken.is_new && taken.answer.wallet().address == address);
        ensure!(taken.answer.proven_config() == Some(treasury.config()));
    }
    let asked = server.asked();
    ensure!(asked.iter().all(|asked| asked.path == "/v1/wallets"), "{asked:?}");
    assert_eq!((&asked[0].body, &asked[1].body), (&json!(made), &json!(deployed)));
    let elsewhere = RegisterWallet::Deployed { chain_id: 1, address };
    let error = client.register_wallet(&elsewhere).await.unwrap_err();
    ensure!(matches!(error, ClientError::Lie(Lie::OtherWallet { .. })), "{error}");
    Ok(())
}
