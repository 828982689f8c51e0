//! What a transaction would do.

use crate::{
    fake::{Fake, error, result},
    stage::{Stage, config, packed},
};
use alloy::{
    primitives::{Address, U256},
    sol_types::SolCall,
};
use eyre::{Result, bail, ensure};
use quorate_bindings::{canonical, contracts::IWalletFactory};
use quorate_chain::{Chain, Revert, SimulateError};
use quorate_core::{Action, Nonce, Request, action::Transfer, amount::EVERYTHING_LEFT, creation};
use quorate_lab::deploy::{self, TestToken};
use serde_json::json;

const PAYEE: Address = Address::repeat_byte(0xbe);

fn payout(token: Address, amounts: &[u64]) -> Action {
    let transfer = |&amount| Transfer { to: PAYEE, amount: U256::from(amount) };
    Action::Payout { token, transfers: amounts.iter().map(transfer).collect() }
}

async fn reverted(stage: &Stage, request: &Request, numbers: &[u64]) -> Result<Revert> {
    let config = config(2, 3)?;
    let signatures = packed(&config, request, numbers)?;
    match stage.chain.simulate(request, signatures, stage.anvil.sender()).await {
        Err(SimulateError::Reverted(revert)) => Ok(revert),
        other => bail!("{other:?}"),
    }
}

#[tokio::test]
async fn the_estimate_is_enough_and_not_much_more() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(2, 3)?;
    let wallet = stage.create(&config).await?;
    let request = stage.request(wallet, Action::Cancel {}, Nonce::default());
    let signatures = packed(&config, &request, &[0, 1])?;
    let gas = stage.chain.simulate(&request, signatures, stage.anvil.sender()).await?;
    let transaction = stage.carry_out(&config, &request, &[0, 1]).await?;
    let Some(receipt) = stage.chain.receipt(transaction).await? else { bail!("not mined") };
    ensure!((receipt.gas_used..receipt.gas_used * 2).contains(&gas), "{gas}, {receipt:?}");
    Ok(())
}

#[tokio::test]
async fn a_transfer_that_fails_is_named_with_the_reason_of_the_token() -> Result<()> {
    let stage = Stage::new().await?;
    let wallet = stage.create(&config(2, 3)?).await?;
    let token = deploy::token(&stage.anvil, "USD Coin", "USDC", 6).await?;
    let mint = TestToken::mintCall { to: wallet, amount: U256::from(15) }.abi_encode();
    stage.anvil.send(token, U256::ZERO, mint.into()).await?;
    let request = stage.request(wallet, payout(token, &[10, 10]), Nonce::default());
    let revert = reverted(&stage, &request, &[0, 2]).await?;
    let sentence = format!("transfer 2 failed: {wallet} has 5 units of the token, 10 are needed");
    assert_eq!((revert.to_string(), revert.name()), (sentence, "TransferFailed"));
    Ok(())
}

#[tokio::test]
async fn refusals_of_the_wallet_are_read() -> Result<()> {
    let stage = Stage::new().await?;
    let wallet = stage.create(&config(2, 3)?).await?;
    let lane = quorate_core::Lane::ZERO;
    let early = stage.request(wallet, Action::Cancel {}, Nonce::new(lane, 1));
    assert_eq!(reverted(&stage, &early, &[0, 1]).await?.name(), "NonceMismatch");
    let mut late = stage.request(wallet, Action::Cancel {}, Nonce::default());
    late.deadline = 1;
    assert_eq!(reverted(&stage, &late, &[0, 1]).await?.name(), "DeadlinePassed");
    let poor = stage.request(wallet, payout(Address::ZERO, &[1]), Nonce::default());
    let sentence = reverted(&stage, &poor, &[0, 1]).await?.to_string();
    ensure!(sentence.starts_with("transfer 1 failed without a reason"), "{sentence}");
    let no_token = stage.request(wallet, payout(PAYEE, &[1]), Nonce::default());
    assert_eq!(reverted(&stage, &no_token, &[0, 1]).await?.name(), "TokenWithoutCode");
    // Nothing of nothing is no failure.
    let action = Action::Payout {
        token: Address::ZERO,
        transfers: vec![Transfer { to: PAYEE, amount: EVERYTHING_LEFT }],
    };
    let empty = stage.request(wallet, action, Nonce::default());
    let signatures = packed(&config(2, 3)?, &empty, &[0, 1])?;
    stage.chain.simulate(&empty, signatures, stage.anvil.sender()).await?;
    Ok(())
}

/// A call to an address without code goes through and does nothing.
#[tokio::test]
async fn a_wallet_that_is_not_deployed_cannot_act() -> Result<()> {
    let stage = Stage::new().await?;
    let config = config(1, 1)?;
    let wallet = creation::wallet_address(&config, crate::stage::SALT)?;
    let request = stage.request(wallet, Action::Cancel {}, Nonce::default());
    let signatures = packed(&config, &request, &[0])?;
    let answer = stage.chain.simulate(&request, signatures, stage.anvil.sender()).await;
    assert_eq!(answer, Err(SimulateError::NotDeployed { wallet }));
    Ok(())
}

#[tokio::test]
async fn creating_a_wallet_is_estimated_and_its_refusal_read() -> Result<()> {
    let stage = Stage::new().await?;
    let factory = canonical::WALLET_FACTORY.address;
    let mut config = IWalletFactory::Config::from(&config(2, 3)?);
    for (threshold, fails) in [(2, false), (4, true)] {
        config.threshold = threshold;
        let call = IWalletFactory::createCall { config: config.clone(), salt: crate::stage::SALT };
        let sender = stage.anvil.sender();
        match stage.chain.estimate(sender, factory, call.abi_encode().into()).await {
            Ok(gas) if !fails => ensure!(gas > 90_000),
            Err(SimulateError::Reverted(revert)) if fails => {
                assert_eq!(revert.to_string(), "threshold 4 of 3 owners: it must be from 1 to 3");
            }
            other => bail!("{other:?}"),
        }
    }
    Ok(())
}

/// Nodes have no common form for a failed estimate; an endpoint that does not estimate is none of them.
#[tokio::test]
async fn a_failed_estimate_is_told_from_an_endpoint_that_does_not_estimate() -> Result<()> {
    for (code, message, name) in [
        (3, "execution reverted", Some("Silent")),
        (-32_000, "gas required exceeds allowance (30000000)", Some("Halted")),
        (-32_015, "VM execution error.", Some("Halted")),
        (-32_005, "daily request count exceeded", None),
        (-32_601, "the method does not exist", None),
    ] {
        let fake = Fake::start(move |method, _| match method {
            "eth_chainId" => result(json!("0x1")),
            _ => error(code, message),
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        match (chain.estimate(PAYEE, PAYEE, vec![].into()).await, name) {
            (Err(SimulateError::Reverted(revert)), Some(name)) => assert_eq!(revert.name(), name),
            (Err(SimulateError::Chain(_)), None) => {}
            other => bail!("{message}: {other:?}"),
        }
    }
    Ok(())
}
