//! The model of `TreasuryPolicy` next to the contract: the same answer, for the same reason, and the same book.
//!
//! Owners with random rules do whatever comes to their minds, at random times, through a wallet on anvil; the model plays the
//! same history. Each step is asked first, so that a refusal has its reason, and then done; afterwards what the contract tells
//! is what the model's book holds.

mod stage;
mod steps;

use eyre::{Result, ensure};
use proptest::test_runner::{RngAlgorithm, TestRng};
use quorate_lab::{anvil::Chain, deploy, tokens};
use stage::Stage;
use std::collections::BTreeMap;

/// How many treasuries there are, and how much is tried with each.
const TREASURIES: u8 = 10;
const STEPS: usize = 120;

#[tokio::test]
async fn a_treasury_does_what_the_model_says_through_random_histories() -> Result<()> {
    let chain = Chain::start()?;
    deploy::canonical(&chain).await?;
    deploy::treasury_policy(&chain).await?;
    tokens::USDC.deploy(&chain).await?;
    // One seed, so that a failure is found again.
    let mut seen = BTreeMap::<String, usize>::new();
    for seed in 0..TREASURIES {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let mut stage = Stage::set(&chain, rng, seed).await?;
        for number in 0..STEPS {
            let (step, answer) = stage.step().await.map_err(|error| {
                error.wrap_err(format!("treasury {seed}, step {number}: {:?}", stage.rules()))
            })?;
            *seen.entry(format!("{step} {answer}")).or_default() += 1;
            *seen.entry(answer).or_default() += 1;
        }
    }
    // Nothing is left out: every step went through, every reason was met.
    for expected in [
        "payout done",
        "execute done",
        "reconfigure done",
        "cancel done",
        "queue done",
        "unfreeze done",
        "veto done",
        "freeze done",
        "LaneClosed",
        "SignersMissing",
        "WalletFrozen",
        "NotQueued",
        "DelayNotOver",
        "VetoStands",
        "CallNotAllowed",
        "LimitMissing",
        "PayeeNotListed",
        "AmountNotExact",
        "LimitExceeded",
        "AlreadyQueued",
        "NotFrozen",
        "VetoNotAllowed",
        "AlreadyFrozen",
    ] {
        let count = seen.get(expected).copied().unwrap_or_default();
        ensure!(count >= 2, "{expected}: met {count} times: {seen:#?}");
    }
    Ok(())
}
