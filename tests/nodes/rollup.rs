//! Whole fees on the chain of the OP Stack that Hardhat 3 makes: gas and what layer 1 takes, to the wei.

use super::{payee, stage::Stage, tenths};
use alloy::primitives::{Bytes, U256};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{
    devnet::Devnet as _,
    nodes::{DataScalars, Kind, Mining},
};
use serde_json::Value;

/// What data costs there: about a gas price of layer 1 of 80 times the usual one.
const DEAR: DataScalars = DataScalars { base_fee: 5_000_000, blob_base_fee: 1_000_000 };

/// Much more than gas costs.
const DEARER: DataScalars = DataScalars { base_fee: 4_000_000_000, blob_base_fee: 1_000_000 };

fn wei(value: &Value) -> Result<U256> {
    Ok(value.as_str().ok_or_eyre("not a text")?.parse()?)
}

/// The whole of a fee that has an L1 part; its parts add up to it.
fn whole(told: &Value) -> Result<U256> {
    let [fee, gas, l1, operator] =
        ["fee", "gasFee", "l1Fee", "operatorFee"].map(|part| wei(&told[part]));
    let (fee, l1) = (fee?, l1?);
    ensure!(!l1.is_zero(), "nothing for layer 1: {told}");
    assert_eq!(gas? + l1 + operator?, fee, "{told}");
    Ok(fee)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reported_on_an_op_chain_is_what_the_accounts_lost() -> Result<()> {
    let kind = Kind::Hardhat3Op;
    let Some(mut stage) = Stage::start(kind, Mining::AtOnce).await? else { return Ok(()) };
    stage.node.charge_for_data(DEAR).await?;
    let [alice, bob, courier] = [stage.owner(0)?, stage.owner(1)?, stage.courier()?];

    let file = stage.signed_file("rent", payee(0), "1.5", [&alice, &bob])?;
    let before = stage.node.balance(courier.address).await?;
    let done = courier.json(&["submit", &file])?;
    let lost = before - stage.node.balance(courier.address).await?;
    assert_eq!(whole(&done)?, lost, "{done}");

    let checked = stage.check_relayer()?;
    ensure!(checked.code == 0 && checked.stdout.contains("an OP chain"), "{checked:?}");
    let before = stage.node.balance(stage.sender()).await?;
    stage.start_relayer()?;
    let (alice, bob) = (alice.at(&stage), bob.at(&stage));
    let mut digests = Vec::new();
    for number in 1..4 {
        let digest = alice.pays(payee(number), "2.5", &[])?;
        bob.json(&["sign", &digest])?;
        bob.json_lines(&["watch", "--until", "executed", "--timeout", "60", &digest])?;
        digests.push(digest);
    }
    stage.node.mine(4).await?;
    bob.until_final(&digests)?;
    let mut told = U256::ZERO;
    for digest in &digests {
        told += whole(&bob.until(digest, "executed")?["relayer"]["execution"])?;
    }
    assert_eq!(told, before - stage.node.balance(stage.sender()).await?);
    assert_eq!(stage.node.balance(payee(3)).await?, tenths(25));
    Ok(())
}

/// Enough for the gas, and not for layer 1: exit code 1 with the sum, and no transaction.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_pay_for_layer_one_is_told_what_is_missing() -> Result<()> {
    let kind = Kind::Hardhat3Op;
    let Some(stage) = Stage::start(kind, Mining::AtOnce).await? else { return Ok(()) };
    let [alice, bob, poor] = [stage.owner(0)?, stage.owner(1)?, stage.person(7)?];
    stage.node.send(poor.address, U256::from(10_u64.pow(15)), Bytes::new()).await?;
    stage.node.charge_for_data(DEARER).await?;
    let file = stage.signed_file("rent", payee(0), "1.5", [&alice, &bob])?;
    let answer = poor.run(&["submit", &file])?;
    ensure!(
        answer.code == 1
            && answer.stderr.contains("layer 1")
            && answer.stderr.contains("ETH are missing"),
        "{answer:?}"
    );
    assert_eq!(stage.node.balance(poor.address).await?, U256::from(10_u64.pow(15)));
    Ok(())
}
