//! Wallets over HTTP: which are taken, and what is told of them.

use crate::http_stage::{OPEN, Stage};
use alloy::primitives::{Address, B256, Bytes};
use eyre::Result;
use quorate_api::{Page, ProblemCode, Wallet};
use quorate_lab::{fixtures::world, owners::owner};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_registered_once_and_told_as_it_is_at_the_head() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let (deployed, other) = (stage.deployed(1).await?, stage.wallet(2)?);

    let new = server.register(&deployed).await?;
    assert_eq!((new.status, new.headers["location"].clone()), (201, deployed.path()));
    let told: Wallet = new.read_as()?;
    assert!(told.deployed && told.genuine && told.epoch == 0, "{told:?}");
    assert_eq!((&told.config, told.salt), (&deployed.config, Some(deployed.salt)));
    told.verify_origin()?;
    assert_eq!(server.register(&deployed).await?.status, 200);

    assert_eq!(server.register(&other).await?.status, 201);
    let told: Wallet = server.get(&other.path()).await?.read_as()?;
    assert!(!told.deployed && told.head.is_some(), "{told:?}");
    assert_eq!(
        serde_json::to_value(&told.lanes)?,
        json!([{"lane": "0", "next": 0, "nextFree": 0}])
    );

    let page: Page<Wallet> = server.get("/v1/wallets?limit=1").await?.read_as()?;
    let cursor = page.next_cursor.expect("there are two");
    let rest = server.get(&format!("/v1/wallets?limit=1&cursor={cursor}")).await?;
    let rest: Page<Wallet> = rest.read_as()?;
    assert_eq!((page.items.len(), rest.items.len(), rest.next_cursor), (1, 1, None));
    assert_ne!(page.items[0].address, rest.items[0].address);
    for (number, count) in [(0, 2), (7, 0)] {
        let path = format!("/v1/wallets?owner={}&chainId=31337", owner(number).address());
        let page: Page<Wallet> = server.get(&path).await?.read_as()?;
        assert_eq!(page.items.len(), count);
    }
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_wallets_that_the_factory_makes_are_taken() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    let by_address = |address: Address| {
        let body = json!({ "chainId": stage.chain.id(), "address": address.to_checksum(None) });
        let server = &server;
        async move { server.post("/v1/wallets", &body).await }
    };
    assert_eq!(by_address(wallet.address).await?.status, 201);

    // Code that is a wallet's, made by another than the factory.
    let code = quorate_core::creation::wallet_code(&wallet.config);
    let (copy, foreign) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
    stage.set_code(copy, code.into()).await?;
    stage.set_code(foreign, Bytes::from_static(&[0x60, 0x00])).await?;
    for (address, word) in [
        (copy, "no event of the factory"),
        (foreign, "its code is another"),
        (Address::repeat_byte(0xcc), "nothing yet"),
    ] {
        let refused = by_address(address).await?;
        assert_eq!(refused.code(), Some(ProblemCode::NotGenuine), "{refused:?}");
        assert!(refused.detail().contains(word), "{refused:?}");
    }

    let sender = owner(world::SUBMITTER).address();
    let own = stage.wallet_of(3, vec![owner(0).address(), owner(1).address(), sender])?;
    let refused = server.register(&own).await?;
    assert_eq!(refused.code(), Some(ProblemCode::SenderIsOwner), "{refused:?}");

    let salt = B256::ZERO;
    let other_chain = json!({ "chainId": 1, "config": wallet.config, "salt": salt });
    let refused = server.post("/v1/wallets", &other_chain).await?;
    assert_eq!(refused.code(), Some(ProblemCode::UnknownChain), "{refused:?}");
    server.stop().await
}
