//! What a wallet says of itself, and that there is none.

use crate::{
    fake::{Fake, error, header, result},
    stage::Stage,
};
use alloy::primitives::{Address, B256, Bytes};
use eyre::Result;
use quorate_chain::{Chain, Standing, StandingQuestion};
use quorate_core::{Config, Lane};
use quorate_lab::{
    owners::owner,
    proxy::{Fault, Faults, Nothing, Proxy},
};
use serde_json::{Value, json};

const NOBODY: Address = Address::repeat_byte(0x0b);

async fn standing(chain: &Chain, wallet: Address) -> Result<Standing> {
    let question = StandingQuestion { lanes: vec![Lane::ZERO], ..Default::default() };
    let head = chain.head().await?;
    Ok(chain.standing_at(wallet, &question, head.number, head.hash).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn that_there_is_no_code_is_said_and_an_empty_answer_does_not_say_it() -> Result<()> {
    let stage = Stage::new().await?;
    let config = Config::new(1, vec![owner(0).address()], Address::ZERO, Bytes::new())?;
    let wallet = stage.create(&config).await?;
    let there = standing(&stage.chain, wallet).await?;
    assert_eq!((there.epoch, there.is_absent), (Some(0), false));
    let nowhere = standing(&stage.chain, NOBODY).await?;
    assert_eq!((nowhere.epoch, nowhere.is_absent), (None, true));

    let faults = Faults::none(1).with(Fault::Empty(Nothing::Fitting), 1_000, Some("eth_call"));
    let proxy = Proxy::start(&stage.anvil.endpoint(), faults).await?;
    let chain = Chain::connect(&proxy.endpoint()).await?;
    for account in [wallet, NOBODY] {
        assert_eq!(standing(&chain, account).await?, Standing::default());
    }
    Ok(())
}

/// Where no creation is called without a transaction, the code is asked for.
#[tokio::test]
async fn an_endpoint_that_calls_no_creation_is_asked_for_the_code() -> Result<()> {
    let answer = |method: &str, params: &Value| match method {
        "eth_chainId" => result(json!("0x1")),
        "eth_getBlockByNumber" => header(7),
        "eth_call" if params[0].get("to").is_none() => error(-32_601, "no such call"),
        _ => result(json!("0x")),
    };
    let fake = Fake::start(answer).await?;
    let chain = Chain::connect(&fake.url()).await?;
    let question = StandingQuestion::default();
    assert!(chain.standing_at(NOBODY, &question, 7, B256::ZERO).await?.is_absent);
    assert_eq!(fake.count("eth_getCode"), 1);
    Ok(())
}
