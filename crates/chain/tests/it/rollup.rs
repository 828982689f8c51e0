//! What chains take besides gas, what they suggest, and which blocks they say are final.

use crate::{
    fake::{Fake, error, result},
    stage::Stage,
};
use alloy::primitives::{Address, Bytes, U256};
use eyre::{OptionExt as _, Result, ensure};
use quorate_chain::{Chain, SendAnswer, Unsigned, refusal::Class};
use quorate_lab::{
    op_like::{OpLike, OpRules},
    strict::{Rules, Strict},
};
use serde_json::json;
use std::time::Duration;

const GWEI: u64 = 1_000_000_000;
const LONG: Duration = Duration::from_secs(60);
const PAYEE: Address = Address::repeat_byte(0xbe);

/// An anvil that looks like an OP chain.
struct Rollup {
    stage: Stage,
    op: OpLike,
    chain: Chain,
}

impl Rollup {
    async fn new(rules: OpRules) -> Result<Self> {
        let stage = Stage::new().await?;
        let op = OpLike::start(&stage.anvil.endpoint(), rules).await?;
        let chain = Chain::connect(&op.endpoint()).await?;
        Ok(Self { stage, op, chain })
    }
}

#[tokio::test]
async fn an_op_chain_is_told_by_its_oracle() -> Result<()> {
    let Rollup { stage, chain, .. } = Rollup::new(OpRules::default()).await?;
    ensure!(chain.has_rollup_fees().await? && !stage.chain.has_rollup_fees().await?);
    let call = Unsigned { to: PAYEE, data: Bytes::new(), gas_limit: 21_000 };
    assert_eq!(stage.chain.rollup_fee_bound(&call).await?, None);
    Ok(())
}

/// More than is charged, and not more than the margin and what is not known yet.
#[tokio::test]
async fn the_bound_is_what_the_oracle_says_with_the_margin() -> Result<()> {
    let rules = OpRules { operator_fee: 777, ..OpRules::default() };
    let Rollup { stage, chain, .. } = Rollup::new(rules).await?;
    for length in [0, 400, 20_000] {
        let data = Bytes::from(vec![7; length]);
        let raw = stage.signed(PAYEE, data.clone()).await?;
        let call = Unsigned { to: PAYEE, data, gas_limit: 1_000_000 };
        let bound = chain.rollup_fee_bound(&call).await?.ok_or_eyre("it takes something")?;
        let charged = U256::from(raw.len() as u64 * GWEI);
        ensure!(bound > charged + U256::from(777), "{bound} for {charged}");
        let most = (charged + U256::from(60 * GWEI)) * U256::from(3) / U256::from(2);
        ensure!(bound < most, "{bound} for {charged}");
    }
    Ok(())
}

/// To the wei: what a receipt says is what the account has less.
#[tokio::test]
async fn a_receipt_says_all_that_its_sender_lost() -> Result<()> {
    let rules = OpRules { operator_fee: 12_345, strangers: 9, ..OpRules::default() };
    let Rollup { stage, chain, .. } = Rollup::new(rules).await?;
    let sender = stage.anvil.sender();
    let raw = stage.signed(PAYEE, Bytes::from(vec![1; 300])).await?;
    let before = chain.balance(sender).await?;
    let tx_hash = chain.send(&raw).await?;
    let receipt = chain.wait(tx_hash, LONG).await?;
    let lost = before - chain.balance(sender).await?;
    assert_eq!(receipt.cost(), lost);
    assert_eq!(receipt.l1_fee, Some(U256::from(raw.len() as u64 * GWEI)));
    assert_eq!(receipt.operator_fee, Some(U256::from(12_345)));
    assert_eq!(receipt.gas_fee(), lost - receipt.l1_fee.unwrap() - U256::from(12_345));
    // Among receipts of types that nobody here knows.
    let number = receipt.block_number;
    let found = chain.block_receipts(number, &[tx_hash].into()).await?;
    let found = found.ok_or_eyre("there is a block")?;
    assert_eq!(found.get(&tx_hash).map(|(receipt, _)| receipt), Some(&receipt));
    ensure!(found.len() == 1 && chain.block_at(number).await?.is_some());
    // Where there is no such fee, there is none.
    let plain = stage.chain.receipt(tx_hash).await?.ok_or_eyre("it is mined")?;
    assert_eq!((plain.l1_fee, plain.operator_fee), (None, None));
    assert_eq!(plain.cost(), receipt.gas_fee());
    Ok(())
}

/// The oracle of before Isthmus does not know the method: the receipt's own fields count, or there is no such fee.
#[tokio::test]
async fn an_oracle_that_knows_no_operator_fee_charges_none() -> Result<()> {
    for (fields, expected) in [
        (json!({}), 0_u64),
        (json!({ "operatorFeeScalar": "0x0", "operatorFeeConstant": "0x0" }), 0),
        (json!({ "operatorFeeScalar": "0x1e8480", "operatorFeeConstant": "0x5" }), 42_005),
    ] {
        let fake = Fake::start(move |method, params| match method {
            "eth_chainId" => result(json!("0x1")),
            "eth_getCode" => result(json!("0x60")),
            "eth_call" => error(3, "execution reverted"),
            _ => {
                let mut receipt = json!({
                    "transactionHash": params[0], "type": "0x2", "status": "0x1", "blockNumber": "0x5",
                    "blockHash": params[0], "gasUsed": "0x5208", "effectiveGasPrice": "0x1", "l1Fee": "0x7",
                });
                for (key, value) in fields.as_object().into_iter().flatten() {
                    receipt[key] = value.clone();
                }
                result(receipt)
            }
        })
        .await?;
        let chain = Chain::connect(&fake.url()).await?;
        let receipt = chain.receipt(Default::default()).await?.ok_or_eyre("it is mined")?;
        assert_eq!(receipt.operator_fee, Some(U256::from(expected)));
        assert_eq!(receipt.cost(), U256::from(21_000 + 7 + expected));
    }
    Ok(())
}

#[tokio::test]
async fn who_cannot_pay_for_layer_one_is_told_how_much_is_missing() -> Result<()> {
    let Rollup { stage, chain, .. } = Rollup::new(OpRules::default()).await?;
    let raw = stage.signed(PAYEE, Bytes::new()).await?;
    let params = json!([stage.anvil.sender(), "0x1"]);
    stage.command("anvil_setBalance", params).await?;
    let SendAnswer::Refused(refusal) = chain.offer(&raw).await else { panic!("it is refused") };
    assert_eq!(refusal.class, Class::InsufficientFunds);
    ensure!(refusal.named.missing.is_some_and(|missing| missing > U256::from(raw.len())));
    Ok(())
}

#[tokio::test]
async fn what_is_final_is_told_where_a_node_knows() -> Result<()> {
    let rules = OpRules { final_lag: Some(5), ..OpRules::default() };
    let Rollup { stage, op, chain } = Rollup::new(rules).await?;
    let head = chain.head().await?.number;
    ensure!(head < 20, "the stage is longer than it was");
    stage.anvil.mine(20).await?;
    assert_eq!(chain.finalized().await?, Some(head + 15));
    op.set_rules(OpRules { final_lag: None, ..rules });
    assert_eq!(chain.finalized().await?, None);
    op.set_rules(OpRules { final_lag: Some(10_000), ..rules });
    assert_eq!(chain.finalized().await?, None, "block 0 is no answer");
    op.set_rules(OpRules { final_lag: Some(0), ..rules });
    assert_eq!(chain.finalized().await?, None, "nor is the newest");
    Ok(())
}

#[tokio::test]
async fn an_error_says_nothing_of_what_is_final() -> Result<()> {
    let fake = Fake::start(|method, _| match method {
        "eth_chainId" | "eth_blockNumber" => result(json!("0x10")),
        _ => error(-39_001, "Unknown block"),
    })
    .await?;
    let chain = Chain::connect(&fake.url()).await?;
    assert_eq!(chain.finalized().await?, None);
    Ok(())
}

#[tokio::test]
async fn the_larger_of_what_is_paid_and_suggested_is_offered() -> Result<()> {
    let stage = Stage::new().await?;
    let rules = Rules { min_tip: u128::from(25 * GWEI), ..Rules::default() };
    let bor = Strict::start(&stage.anvil.endpoint(), rules).await?;
    let fees = Chain::connect(&bor.endpoint()).await?.fees().await?;
    assert_eq!(fees.max_priority_fee_per_gas, u128::from(25 * GWEI));
    Ok(())
}

/// A method that is missing, a history without blocks or with none of the fields: the other counts.
#[tokio::test]
async fn each_way_to_a_fee_stands_in_for_the_other() -> Result<()> {
    let (missing, unasked) = (-32_601, -32_004);
    let history =
        json!({ "oldestBlock": "0x1", "baseFeePerGas": ["0x7", "0x7"], "reward": [["0x5"]] });
    let cases = [
        (Ok(history.clone()), Ok(json!("0x9")), (23, 9)),
        (Ok(history.clone()), Ok(json!("0x0")), (19, 5)),
        (Ok(history), Err(missing), (19, 5)),
        (Err(missing), Ok(json!("0x9")), (209, 9)),
        (Err(unasked), Err(unasked), (201, 1)),
        (Ok(json!({})), Ok(json!("0x0")), (201, 1)),
        (Ok(json!({ "baseFeePerGas": [] })), Ok(json!("0x2")), (202, 2)),
        (Ok(json!({ "baseFeePerGas": ["0x0"] })), Ok(json!("0x0")), (1, 1)),
        (Ok(json!(null)), Ok(json!(null)), (201, 1)),
    ];
    for (history, suggested, expected) in cases {
        let shown = format!("{history:?} {suggested:?}");
        let fake = Fake::start(move |method, _| {
            let answer = match method {
                "eth_chainId" => Ok(json!("0x1")),
                "eth_feeHistory" => history.clone(),
                "eth_maxPriorityFeePerGas" => suggested.clone(),
                _ => Ok(json!({
                    "number": "0x5", "hash": format!("{:?}", alloy::primitives::B256::ZERO),
                    "parentHash": format!("{:?}", alloy::primitives::B256::ZERO),
                    "timestamp": "0x5", "baseFeePerGas": "0x64",
                })),
            };
            match answer {
                Ok(answer) => result(answer),
                Err(code) => error(code, "not here"),
            }
        })
        .await?;
        let fees = Chain::connect(&fake.url()).await?.fees().await?;
        assert_eq!((fees.max_fee_per_gas, fees.max_priority_fee_per_gas), expected, "{shown}");
    }
    Ok(())
}
