//! What a wallet is, and where it comes from.

use crate::{
    fake::{Fake, error, header, http, result},
    stage::{SALT, Stage, config},
};
use alloy::{
    hex,
    primitives::{Address, B256, U256, aliases::U192},
    sol_types::SolEvent,
};
use eyre::{Result, ensure};
use quorate_bindings::{canonical, contracts::IWalletFactory::WalletCreated};
use quorate_chain::{Chain, ChainError, Provenance, WalletState};
use quorate_core::{Action, Lane, Nonce, creation};
use serde_json::json;

#[tokio::test]
async fn an_undeployed_wallet_has_what_it_would_be_created_with() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(2, 3)?;
    let address = creation::wallet_address(&config, SALT)?;
    let known = stage.chain.wallet(address, Some((&config, SALT))).await?;
    let block = stage.chain.head().await?.number;
    let expected = WalletState {
        address,
        block,
        deployed: false,
        provenance: Provenance::NotDeployed,
        epoch: 0,
        config: Some(config.clone()),
        implementation: None,
    };
    assert_eq!(known, expected);
    let unknown = WalletState { config: None, ..expected };
    assert_eq!(stage.chain.wallet(address, None).await?, unknown);
    // An origin that makes another address tells nothing.
    assert_eq!(stage.chain.wallet(address, Some((&config, B256::ZERO))).await?, unknown);
    let lane = Lane::new(U192::from(7));
    assert_eq!(stage.chain.next_nonce(&known, lane).await?, Nonce::new(lane, 0));
    Ok(())
}

#[tokio::test]
async fn a_wallet_of_the_factory_is_known_by_its_origin_and_by_the_event() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(2, 3)?;
    let address = stage.create(&config).await?;
    for origin in [Some((&config, SALT)), Some((&config, B256::ZERO)), None] {
        let state = stage.chain.wallet(address, origin).await?;
        ensure!(state.deployed && state.provenance == Provenance::Factory, "{origin:?}");
        ensure!(state.epoch == 0 && state.config.as_ref() == Some(&config));
        ensure!(state.implementation == Some(canonical::WALLET.address));
    }
    Ok(())
}

#[tokio::test]
async fn a_reconfigured_wallet_has_its_present_owners() -> Result<()> {
    let stage = Stage::new().await?;
    let (before, after) = (config(2, 3)?, config(1, 4)?);
    let address = stage.create(&before).await?;
    let action = Action::Reconfigure { config: after.clone() };
    let request = stage.request(address, action, Nonce::default());
    stage.carry_out(&before, &request, &[0, 2]).await?;
    let state = stage.chain.wallet(address, Some((&before, SALT))).await?;
    ensure!(state.provenance == Provenance::Factory);
    ensure!((state.epoch, state.config.as_ref()) == (1, Some(&after)));
    Ok(())
}

#[tokio::test]
async fn code_that_the_factory_did_not_deploy_is_told_apart() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(2, 3)?;
    let address = stage.deploy_code(&creation::wallet_code(&config)).await?;
    let state = stage.chain.wallet(address, Some((&config, SALT))).await?;
    ensure!(state.deployed && state.provenance == Provenance::CodeOnly);
    ensure!(state.config == Some(config));
    assert_eq!(stage.chain.next_nonce(&state, Lane::ZERO).await?, Nonce::default());
    Ok(())
}

#[tokio::test]
async fn other_code_is_foreign() -> Result<()> {
    let stage = Stage::new().await?;
    let delegating = Address::repeat_byte(0xde);
    let code = [&hex!("ef0100")[..], canonical::WALLET.address.as_slice()].concat();
    stage.command("anvil_setCode", json!([delegating, hex::encode_prefixed(code)])).await?;
    let mut cut = creation::wallet_code(&config(1, 1)?);
    cut.truncate(60);
    let cut = stage.deploy_code(&cut).await?;
    for address in [canonical::WALLET_FACTORY.address, canonical::WALLET.address, delegating, cut] {
        let state = stage.chain.wallet(address, None).await?;
        ensure!(state.deployed && state.provenance == Provenance::Foreign, "{address}");
        ensure!(state.config.is_none() && state.implementation.is_none());
        let refused = stage.chain.next_nonce(&state, Lane::ZERO).await;
        assert_eq!(refused, Err(ChainError::NotAWallet { address }));
    }
    Ok(())
}

/// Its storage says that the configuration is kept at an address without code.
#[tokio::test]
async fn a_wallet_that_contradicts_its_code_is_not_believed() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(2, 3)?;
    let state = U256::from(0xbad) << 64;
    for (address, is_from_factory) in [
        (stage.create(&config).await?, true),
        (stage.deploy_code(&creation::wallet_code(&config)).await?, false),
    ] {
        let set = json!([address, B256::ZERO, B256::from(state)]);
        stage.command("anvil_setStorageAt", set).await?;
        match stage.chain.wallet(address, None).await {
            Err(ChainError::WrongAnswer { .. }) if is_from_factory => {}
            Ok(state) if !is_from_factory => ensure!(state.config.is_none(), "{state:?}"),
            other => eyre::bail!("{address}: {other:?}"),
        }
    }
    Ok(())
}

/// Before the first reconfiguration a wallet has no other configuration than the one in its code.
#[tokio::test]
async fn a_first_epoch_with_another_configuration_is_not_believed() -> Result<()> {
    let stage = Stage::new().await?;
    let (config, other) = (config(2, 3)?, config(1, 4)?);
    let reconfigured = stage.create(&config).await?;
    let action = Action::Reconfigure { config: other.clone() };
    let request = stage.request(reconfigured, action, Nonce::default());
    stage.carry_out(&config, &request, &[0, 1]).await?;
    let slot = stage.command("eth_getStorageAt", json!([reconfigured, "0x0", "latest"])).await?;
    let slot: U256 = serde_json::from_value(slot)?;

    let address = stage.create(&other).await?;
    let same_in_first_epoch = (slot << 32) >> 32;
    let set = json!([address, B256::ZERO, B256::from(same_in_first_epoch)]);
    stage.command("anvil_setStorageAt", set).await?;
    ensure!(stage.chain.wallet(address, None).await?.config == Some(other));

    let set = json!([reconfigured, B256::ZERO, B256::from(same_in_first_epoch)]);
    stage.command("anvil_setStorageAt", set).await?;
    let contradiction = stage.chain.wallet(reconfigured, None).await;
    ensure!(matches!(contradiction, Err(ChainError::WrongAnswer { .. })), "{contradiction:?}");
    Ok(())
}

#[tokio::test]
async fn each_lane_has_its_next_nonce() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(1, 1)?;
    let address = stage.create(&config).await?;
    let used = Lane::of_payout("payroll-2026-11", U256::ZERO);
    for sequence in 0..2 {
        let request = stage.request(address, Action::Cancel {}, Nonce::new(used, sequence));
        stage.carry_out(&config, &request, &[0]).await?;
    }
    let state = stage.chain.wallet(address, None).await?;
    assert_eq!(stage.chain.next_nonce(&state, used).await?, Nonce::new(used, 2));
    assert_eq!(stage.chain.next_nonce(&state, Lane::ZERO).await?, Nonce::default());
    Ok(())
}

#[tokio::test]
async fn canonical_contracts_are_recognised_by_their_code() -> Result<()> {
    let stage = Stage::new().await?;
    ensure!(stage.chain.has_canonical(&canonical::WALLET_FACTORY).await?);
    let factory = canonical::WALLET_FACTORY.address;
    stage.command("anvil_setCode", json!([factory, "0x00"])).await?;
    ensure!(!stage.chain.has_canonical(&canonical::WALLET_FACTORY).await?);
    ensure!(stage.chain.has_code(factory).await?);
    Ok(())
}

/// A node that keeps no history cannot show that the factory made a wallet, and an event that does not make its
/// address does not.
#[tokio::test]
async fn without_a_fitting_event_nobody_shows_where_a_wallet_comes_from() -> Result<()> {
    const ELSEWHERE: Address = Address::repeat_byte(1);
    let config = config(1, 1)?;
    let code = hex::encode_prefixed(creation::wallet_code(&config));
    let event = WalletCreated { wallet: ELSEWHERE, config: (&config).into(), salt: SALT };
    let lie = json!([{
        "address": canonical::WALLET_FACTORY.address,
        "topics": [WalletCreated::SIGNATURE_HASH, ELSEWHERE.into_word()],
        "data": hex::encode_prefixed(event.encode_data()),
        "blockNumber": "0x1",
        "blockHash": B256::ZERO,
        "transactionHash": B256::ZERO,
        "transactionIndex": "0x0",
        "logIndex": "0x0",
    }]);
    for logs in [result(json!([])), error(-32_601, "no such method"), result(lie)] {
        let code = code.clone();
        let fake = Fake::start(move |method, _| match method {
            "eth_chainId" => result(json!("0x1")),
            "eth_getBlockByNumber" => header(16),
            "eth_getCode" => result(json!(code)),
            "eth_getLogs" => logs.clone(),
            "eth_call" => result(json!("0x")),
            _ => http("404 Not Found", ""),
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        let state = chain.wallet(ELSEWHERE, None).await?;
        ensure!(state.provenance == Provenance::CodeOnly && state.config.is_none());
        let asked = fake.asked.lock().unwrap().clone();
        let reads =
            asked.iter().filter(|(method, _)| ["eth_call", "eth_getCode"].contains(&&**method));
        let blocks: Vec<_> = reads.map(|(_, params)| params[1].clone()).collect();
        // Everything was read at the block that was the newest.
        assert_eq!(blocks, ["0x10", "0x10", "0x10"]);
    }
    Ok(())
}
