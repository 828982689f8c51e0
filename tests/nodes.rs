//! The program on other nodes than anvil: Hardhat 3 and 2, and ganache, as npm brings them. Skipped, with a line, where
//! one does not start; `CI` and `QUORATE_REQUIRE_NODES` want all of them.

mod doors;
mod rollup;
mod stage;

use crate::nodes::{
    doors::{Door, closing_after},
    stage::{Person, Stage},
};
use alloy::{
    primitives::{Address, B256, U256, keccak256},
    providers::Provider as _,
};
use eyre::{OptionExt as _, Result, WrapErr as _, ensure};
use quorate_lab::{
    devnet::Devnet as _,
    nodes::{DataScalars, Kind, Mining, Node},
    tokens,
};
use serde_json::{Value, json};

/// Nobody's accounts, by number.
fn payee(number: u8) -> Address {
    Address::repeat_byte(0x90 + number)
}

/// Tenths of an ether, in wei.
fn tenths(count: u64) -> U256 {
    U256::from(count) * U256::from(100_000_000_000_000_000_u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn hardhat_3_is_paid_from_by_hand_and_over_a_relayer() -> Result<()> {
    by_hand_and_over_a_relayer(Kind::Hardhat3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn hardhat_2_is_paid_from_by_hand_and_over_a_relayer() -> Result<()> {
    by_hand_and_over_a_relayer(Kind::Hardhat2).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ganache_is_paid_from_by_hand_and_over_a_relayer() -> Result<()> {
    by_hand_and_over_a_relayer(Kind::Ganache).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_on_hardhat_3_is_killed_amid_a_batch_and_the_books_are_right() -> Result<()> {
    killed_amid_a_batch(Kind::Hardhat3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_on_hardhat_2_is_killed_amid_a_batch_and_the_books_are_right() -> Result<()> {
    killed_amid_a_batch(Kind::Hardhat2).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_on_ganache_is_killed_amid_a_batch_and_the_books_are_right() -> Result<()> {
    killed_amid_a_batch(Kind::Ganache).await
}

/// The node that others test layer 2 on: what is lost is the gas and what the data cost on layer 1.
#[tokio::test(flavor = "multi_thread")]
async fn hardhat_s_chain_of_the_op_stack_charges_for_data() -> Result<()> {
    let Some(node) = Node::start(Kind::Hardhat3Op, Mining::AtOnce).await? else { return Ok(()) };
    node.put_deployment_proxy().await?;
    let lost = async |data: Vec<u8>| -> Result<(U256, U256)> {
        let before = node.balance(node.sender()).await?;
        let request = node.request(payee(0), U256::ZERO, data.into());
        let hash = node.provider().send_transaction(request).await?.tx_hash().to_owned();
        let receipt = node.ask("eth_getTransactionReceipt", json!([hash])).await?;
        let number = |field: &str| -> Result<U256> {
            let text = receipt[field].as_str().ok_or_eyre("not in the receipt")?;
            text.parse().wrap_err_with(|| field.to_owned())
        };
        let gas = number("gasUsed")? * number("effectiveGasPrice")?;
        let lost = before - node.balance(node.sender()).await?;
        assert_eq!(lost, gas + number("l1Fee")?);
        Ok((lost, number("l1Fee")?))
    };
    assert_eq!(lost(vec![1; 1_000]).await?.1, U256::ZERO, "by itself it charges nothing");
    node.charge_for_data(DataScalars { base_fee: 5_000_000, blob_base_fee: 1_000_000 }).await?;
    let (_, little) = lost(vec![1; 10]).await?;
    let (_, much) =
        lost((0..4_000_u32).flat_map(|n| keccak256(n.to_be_bytes()).0).take(4_000).collect())
            .await?;
    ensure!(!little.is_zero() && much > little * U256::from(5), "{little} and {much}");
    Ok(())
}

/// Where each transaction makes a block, as these nodes do by themselves: the factory, a wallet, a payment by files, one
/// that reverts, and one over a relayer, which becomes final when others make blocks.
///
/// Cases 28 and 29.
async fn by_hand_and_over_a_relayer(kind: Kind) -> Result<()> {
    let Some(mut stage) = Stage::start(kind, Mining::AtOnce).await? else { return Ok(()) };
    let [alice, bob, courier] = [stage.owner(0)?, stage.owner(1)?, stage.courier()?];

    let file = stage.signed_file("rent", payee(0), "1.5", [&alice, &bob])?;
    let done = courier.json(&["submit", &file])?;
    assert_eq!(done["status"], "executed", "{done}");
    assert_eq!(stage.node.balance(payee(0)).await?, tenths(15));

    a_payment_that_reverts_is_told_as_one(&stage, [&alice, &bob, &courier]).await?;

    what_it_lacks_is_told_before(&stage)?;
    stage.start_relayer()?;
    let (alice, bob) = (alice.at(&stage), bob.at(&stage));
    let digest = alice.pays(payee(1), "2.5", &[])?;
    bob.json(&["sign", &digest])?;
    let watched = bob.json_lines(&["watch", "--until", "executed", "--timeout", "60", &digest])?;
    // The chain's word: the relayer may not have looked yet.
    assert_eq!(watched.last().ok_or_eyre("no line")?["onChain"], "executed");
    // Nobody else makes blocks.
    stage.node.mine(3).await?;
    let watched = bob.json_lines(&["watch", "--timeout", "60", &digest])?;
    assert_eq!(watched.last().ok_or_eyre("no line")?["final"], true);
    assert_eq!(stage.node.balance(payee(1)).await?, tenths(25));
    Ok(())
}

/// None of these nodes has all methods; nothing that is missing stops the relayer.
fn what_it_lacks_is_told_before(stage: &Stage) -> Result<()> {
    let answer = stage.check_relayer()?;
    ensure!(answer.code == 0, "{answer:?}");
    let has_state_by_hash = stage.node.kind() != Kind::Ganache;
    for (what, is_there) in [
        ("eth_simulateV1", false),
        ("eth_getBlockReceipts", false),
        ("EIP-1898", has_state_by_hash),
        ("eth_feeHistory", true),
    ] {
        let is_named = answer.stdout.contains(&format!("does not give {what}"))
            || answer.stdout.contains(&format!("({what})"));
        assert_eq!(is_named, !is_there, "{what}: {}", answer.stdout);
    }
    Ok(())
}

/// It goes through on top of the newest block and reverts in the next. A Hardhat answers the send with the error, and
/// has mined it all the same.
async fn a_payment_that_reverts_is_told_as_one(
    stage: &Stage,
    [alice, bob, courier]: [&Person; 3],
) -> Result<()> {
    let node = &stage.node;
    let door = closing_after(node, node.provider().get_block_number().await? + 1).await?;
    let file = stage.signed_file("door", door, "0.1", [alice, bob])?;
    let before = node.provider().get_transaction_count(courier.address).await?;
    let answer = courier.run(&["submit", &file])?;
    ensure!(answer.code == 1, "{answer:?}");
    let after = node.provider().get_transaction_count(courier.address).await?;
    if after > before {
        let hash = stage.newest_transaction(courier.address).await?.to_string();
        ensure!(answer.stderr.contains(&hash), "{hash} is not named: {answer:?}");
    }
    assert_eq!(after > before, node.kind() != Kind::Ganache, "whether it was mined");
    assert_eq!(node.balance(door).await?, U256::ZERO);
    // Another payment takes its place.
    let file = stage.signed_file("other", payee(2), "0.2", [alice, bob])?;
    assert_eq!(courier.json(&["submit", &file])?["status"], "executed");
    Ok(())
}

/// A block every second: proposals of one lane wait for each other, the relayer is killed while they are on their way, one
/// reverts on chain and is carried out once it can be, and all of it happens once.
async fn killed_amid_a_batch(kind: Kind) -> Result<()> {
    let Some(mut stage) = Stage::start(kind, Mining::EverySecs(1)).await? else { return Ok(()) };
    stage.start_relayer()?;
    let [alice, bob] = [stage.owner(0)?.at(&stage), stage.owner(1)?.at(&stage)];
    let sent_before = stage.node.provider().get_transaction_count(stage.sender()).await?;
    let usdc = tokens::USDC.address().to_checksum(None);
    let mut digests = Vec::new();
    for number in 0..2 {
        digests.push(alice.pays(payee(number), &format!("0.{}", number + 1), &[])?);
        digests.push(alice.pays(payee(number), "12.5", &["--token", &usdc])?);
    }

    stage.node.stop_mining().await?;
    for digest in &digests {
        bob.json(&["sign", digest])?;
    }
    bob.until(&digests[0], "submitted")?;
    stage.kill_relayer()?;
    let answer = bob.run(&["show", &digests[0]])?;
    ensure!(answer.code == 5, "nobody answers: {answer:?}");
    stage.start_relayer()?;
    stage.node.go_on_mining().await?;
    bob.until_final(&digests)?;

    let reverted = reverts_and_is_carried_out_later(&stage, &alice, &bob).await?;
    digests.push(reverted);
    for number in 0..2 {
        let paid = stage.node.balance(payee(number)).await?;
        assert_eq!(paid, tenths(u64::from(number) + 1), "payee {number}");
        let token = Some(tokens::USDC.address());
        let paid = tokens::balance(&stage.node, token, payee(number)).await?;
        assert_eq!(paid, U256::from(12_500_000), "payee {number}");
    }
    stage.each_was_executed_once(&digests).await?;
    // One for each, and one that reverted.
    let sent = stage.node.provider().get_transaction_count(stage.sender()).await?;
    assert_eq!(sent - sent_before, digests.len() as u64 + 1, "transactions of the relayer");
    Ok(())
}

/// The payee closes its door in the same block, before the payment: it reverts on chain, is told to be `ready` still, and
/// goes through once the door is open.
async fn reverts_and_is_carried_out_later(
    stage: &Stage,
    alice: &Person,
    bob: &Person,
) -> Result<String> {
    let node: &Node = &stage.node;
    let door = Door::install(node).await?;
    let digest = alice.pays(door.address, "2", &["--lane", "7"])?;
    node.stop_mining().await?;
    bob.json(&["sign", &digest])?;
    let shown = bob.until(&digest, "submitted")?;
    let offered =
        shown["relayer"]["attempts"][0]["maxFeePerGas"].as_str().ok_or_eyre("no offer")?;
    let closed: B256 = door.close(node, offered.parse()?).await?;
    node.mine(1).await?;
    node.mined(closed).await?;
    let shown = bob.until(&digest, "ready")?;
    let attempts = shown["relayer"]["attempts"].as_array().ok_or_eyre("no attempts")?;
    ensure!(attempts.len() == 1, "{shown}");
    assert_eq!(node.balance(door.address).await?, U256::ZERO);
    node.go_on_mining().await?;
    door.open(node).await?;
    bob.until_final(std::slice::from_ref(&digest))?;
    assert_eq!(node.balance(door.address).await?, tenths(20));
    let shown: Value = bob.json(&["show", &digest])?;
    assert_eq!(shown["status"], "executed", "{shown}");
    Ok(digest)
}
