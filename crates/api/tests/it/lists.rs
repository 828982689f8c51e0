//! Lists: read to their end where they have one, and every item checked.

use crate::sample::{answers, gives, proposal, refusal, request, wallet};
use alloy::primitives::Address;
use eyre::{Result, ensure};
use quorate_api::{Client, ClientError, Lie, Proposal};
use quorate_core::status::StatusWord;
use quorate_lab::{
    fixtures::world,
    http::{Reply, Server},
    owners::owner,
};
use serde_json::{Value, json};
use tokio::time::Instant;

fn page(items: &[impl serde::Serialize], next: Option<&str>) -> Value {
    json!({ "items": items, "nextCursor": next })
}

async fn gives_page(items: &[impl serde::Serialize]) -> Result<(Server, Client)> {
    gives(200, page(items, None)).await
}

fn treasury() -> (u64, Address) {
    (world::CHAIN_ID, world::treasury().address())
}

#[tokio::test]
async fn pages_are_followed_and_what_comes_twice_is_listed_once() -> Result<()> {
    let proposals = (0..5).map(|sequence| proposal(sequence, &[1])).collect::<Result<Vec<_>>>()?;
    let (server, client) = answers(move |asked| {
        let place: usize = asked.query.get("cursor").map_or(0, |cursor| cursor.len());
        let next = (place < 3).then(|| "x".repeat(place + 1));
        Reply::Json(200, page(&proposals[place..place + 2], next.as_deref()))
    })
    .await?;
    let (chain_id, wallet) = treasury();
    let listed = client.proposals(chain_id, wallet, Some(StatusWord::Ready)).await?;
    let sequences: Vec<_> = listed.items.iter().map(|item| item.request().nonce.sequence).collect();
    ensure!(listed.is_whole && sequences == [0, 1, 2, 3, 4], "{sequences:?}");
    let asked = server.asked();
    ensure!(asked.len() == 4 && asked.iter().all(|asked| asked.query["status"] == "ready"));
    ensure!(asked[0].query["limit"] == "50" && !asked[0].query.contains_key("cursor"));
    Ok(())
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() -> Result<()> {
    let (chain_id, wallet) = treasury();
    let items = [proposal(0, &[1])?];
    let same = page(&items, Some("again"));
    let (server, client) = gives(200, same).await?;
    let error = client.proposals(chain_id, wallet, None).await.unwrap_err();
    ensure!(error.to_string().contains("goes on where it was"), "{error}");
    ensure!(server.asked().len() == 2);

    let long = page(&items, Some(&"x".repeat(2_000)));
    let (_server, client) = gives(200, long).await?;
    ensure!(client.proposals(chain_id, wallet, None).await.is_err());

    let (server, client) = answers(|asked| {
        let number: u64 = asked.query.get("cursor").map_or(0, |text| text.parse().unwrap_or(0));
        Reply::Json(200, page(&[Value::Null; 0], Some(&(number + 1).to_string())))
    })
    .await?;
    let begin = Instant::now();
    let listed = client.proposals(chain_id, wallet, None).await;
    ensure!(listed.is_err() || listed.is_ok_and(|listed| !listed.is_whole));
    ensure!(server.asked().len() <= 200 && begin.elapsed().as_secs() < 4);
    Ok(())
}

/// The lie that a list of proposals ends in, and the one that what awaits owner 2 ends in.
async fn lies(change: fn(&mut Proposal)) -> Result<[ClientError; 2]> {
    let mut changed = proposal(1, &[1])?;
    change(&mut changed);
    let (_server, client) = gives_page(&[proposal(0, &[1])?, changed]).await?;
    let (chain_id, wallet) = treasury();
    let listed = client.proposals(chain_id, wallet, None).await;
    let awaiting = client.awaiting(owner(2).address(), Some(chain_id), None).await;
    Ok([refusal(listed)?, refusal(awaiting)?])
}

#[tokio::test]
async fn one_lie_on_a_page_is_enough() -> Result<()> {
    for error in lies(|p| p.deadline += 1).await? {
        ensure!(matches!(error, ClientError::Lie(Lie::Digest { .. })), "{error}");
    }
    for error in lies(|p| p.signatures[0].owner = owner(2).address()).await? {
        ensure!(matches!(error, ClientError::Lie(Lie::Signature { .. })), "{error}");
    }
    let [listed, awaiting] = lies(|p| {
        (p.chain_id, p.wallet) = (1, Address::repeat_byte(9));
        p.signatures.clear();
        p.digest = p.request().digest();
    })
    .await?;
    ensure!(matches!(listed, ClientError::Lie(Lie::OtherWallet { .. })), "{listed}");
    ensure!(matches!(awaiting, ClientError::Lie(Lie::OtherChain { .. })), "{awaiting}");
    Ok(())
}

#[tokio::test]
async fn what_awaits_an_owner_names_that_owner() -> Result<()> {
    let (server, client) = gives_page(&[proposal(0, &[1])?]).await?;
    let me = owner(2).address();
    let listed = client.awaiting(me, None, Some(StatusWord::Collecting)).await?;
    ensure!(listed.is_whole && listed.items.len() == 1);
    let asked = &server.asked()[0];
    assert_eq!(
        (asked.path.as_str(), &asked.query["awaiting"]),
        ("/v1/proposals", &me.to_checksum(None))
    );
    assert_eq!(asked.query["status"], "collecting");
    // Whoever has signed meanwhile is named too; a stranger is not.
    ensure!(client.awaiting(owner(1).address(), None, None).await.is_ok());
    let error = client.awaiting(owner(9).address(), None, None).await.unwrap_err();
    let (digest, owner) = (request(0).digest(), owner(9).address());
    assert_eq!(error, ClientError::Lie(Lie::NotAwaited { digest, owner }));
    Ok(())
}

#[tokio::test]
async fn wallets_are_those_of_the_owner_and_chain_asked_for() -> Result<()> {
    let (server, client) = gives_page(&[wallet()]).await?;
    let me = owner(1).address();
    let listed = client.wallets(Some(me), Some(world::CHAIN_ID)).await?;
    ensure!(listed.is_whole && listed.items[0].wallet().address == treasury().1);
    let asked = &server.asked()[0];
    assert_eq!(
        (&asked.query["owner"], asked.query["chainId"].as_str()),
        (&me.to_checksum(None), "31337")
    );
    let error = client.wallets(Some(owner(9).address()), None).await.unwrap_err();
    ensure!(matches!(error, ClientError::Lie(Lie::NotOwned { .. })), "{error}");
    let error = client.wallets(None, Some(1)).await.unwrap_err();
    assert_eq!(error, ClientError::Lie(Lie::OtherChain { asked: 1, answered: world::CHAIN_ID }));
    Ok(())
}
