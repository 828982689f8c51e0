//! Payout files paid by the treasury of the fixtures.

use alloy::primitives::{Address, U256, keccak256};
use eyre::{Result, ensure};
use quorate_core::{Nonce, Request, packing};
use quorate_lab::{
    anvil::Chain,
    fixtures::{self, world},
    owners::owner,
    repository,
    signatures::sign,
    tokens,
};
use quorate_treasury::{
    PayoutFile, Plan, PlanError,
    payout_file::ETHER,
    payout_plan::{Batch, DEFAULT_MAX_LINES, MOST_LINES_OF_BATCH, Terms},
    plan,
};
use std::fs;

/// What a transaction may use at most (EIP-7825).
const TRANSACTION_GAS_CAP: u64 = 1 << 24;

#[tokio::test]
async fn a_month_is_paid_to_the_last_unit_and_never_again() -> Result<()> {
    let chain = fixtures::load()?;
    let csv = fs::read(repository().join("anvil-fixtures/payouts/dao-2026-11.csv"))?;
    let plan = planned(&csv, "dao-2026-11", DEFAULT_MAX_LINES)?;
    for batch in &plan.batches {
        let before = balance(&chain, batch.token, plan.wallet).await?;
        submit(&chain, &plan, batch).await?;
        let after = balance(&chain, batch.token, plan.wallet).await?;
        ensure!(before - after == batch.total, "batch {}", batch.number);
        let lines: Vec<_> = batch.lines.iter().map(|&place| &plan.lines[place]).collect();
        for line in &lines {
            let to_payee = lines.iter().filter(|other| other.payee == line.payee);
            let owed = to_payee.fold(U256::ZERO, |sum, line| sum + line.amount);
            ensure!(balance(&chain, batch.token, line.payee).await? == owed, "{}", line.id);
        }
    }
    for batch in &plan.batches {
        let before = balance(&chain, batch.token, plan.wallet).await?;
        ensure!(submit(&chain, &plan, batch).await.is_err(), "batch {} paid twice", batch.number);
        ensure!(balance(&chain, batch.token, plan.wallet).await? == before, "{}", batch.number);
    }
    Ok(())
}

/// The dearest case: nobody had the token, or ether, before.
#[tokio::test]
async fn the_largest_batch_fits_a_transaction() -> Result<()> {
    let chain = fixtures::load()?;
    let tokens = tokens::ALL.map(|token| token.address().to_string());
    for token in tokens.iter().map(String::as_str).chain([ETHER]) {
        let line = |number| {
            let to = Address::from_word(keccak256(format!("{token} payee {number}")));
            format!("{token}-{number},{to},0.123456,{token}\n")
        };
        let lines: String = (0..MOST_LINES_OF_BATCH).map(line).collect();
        let csv = format!("id,to,amount,token\n{lines}").into_bytes();
        let plan = planned(&csv, &token.to_lowercase(), MOST_LINES_OF_BATCH)?;
        let gas = submit(&chain, &plan, &plan.batches[0]).await?;
        ensure!(gas < TRANSACTION_GAS_CAP * 2 / 3, "{token}: {gas} gas");
    }
    Ok(())
}

fn planned(csv: &[u8], run: &str, max_lines: usize) -> Result<Plan, PlanError> {
    let decimals = tokens::ALL.map(|token| (token.address(), token.decimals)).into();
    let treasury = world::treasury().address();
    let (chain_id, max_lines) = (world::CHAIN_ID, Some(max_lines));
    let terms = Terms { chain_id, wallet: treasury, run, decimals: &decimals, max_lines };
    plan(&PayoutFile::from_csv(csv)?, &terms, None)
}

/// Has three owners sign a batch, carries it out, and returns the gas used.
async fn submit(chain: &Chain, plan: &Plan, batch: &Batch) -> Result<u64> {
    let treasury = world::treasury();
    let request = Request {
        chain_id: world::CHAIN_ID,
        wallet: treasury.address(),
        epoch: 0,
        action: plan.action(batch.token, &batch.lines),
        nonce: Nonce::new(plan.lane(batch.number), 0),
        deadline: world::ESCROW_EXPIRY_SECS,
    };
    let keys = [0, 2, 4].map(owner);
    let signed = sign(&request.digest(), &keys)?;
    let signatures = packing::pack(treasury.config(), &signed)?;
    let receipt = chain.send(request.wallet, U256::ZERO, request.calldata(signatures)).await?;
    Ok(receipt.gas_used)
}

/// What an account has of a token; zero is ether.
async fn balance(chain: &Chain, token: Address, account: Address) -> Result<U256> {
    tokens::balance(chain, (!token.is_zero()).then_some(token), account).await
}
