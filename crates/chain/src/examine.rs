//! Whether an endpoint does what a relayer asks of one: by asking it in the very words.

use crate::{
    Chain, ChainError, Header, Lack, SimulateError, SimulatedCall, StandingQuestion,
    lack::{self, SIMULATE},
    refusal::Class,
};
use alloy::primitives::{Address, B256, Bytes};
use quorate_bindings::canonical::WALLET_FACTORY;
use quorate_core::Lane;
use std::collections::BTreeSet;

/// What an endpoint did of what a relayer asks.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// What it refuses that can be done without; [`Lack::way`] says how.
    pub lacks: Vec<Lack>,
    /// What it refuses, or answers with nonsense, and cannot be done without: the question, and what came.
    pub failures: Vec<(&'static str, ChainError)>,
}

/// An account without anything, which is asked about.
const NOBODY: Address = Address::with_last_byte(1);

impl Chain {
    /// Asks everything that a relayer asks of an endpoint, in the same words. Changes nothing: what is sent is no
    /// transaction.
    ///
    /// Says nothing about how many requests the endpoint takes, how much history it keeps, or whether its answers are true.
    ///
    /// # Errors
    ///
    /// If it does not tell its newest block, without which there is nothing to ask.
    pub async fn examine(&self) -> Result<Examination, ChainError> {
        let head = self.head().await?;
        let mut failures = Vec::new();
        let mut note = |what, answer: Result<(), ChainError>| {
            failures.extend(answer.err().map(|error| (what, error)));
        };
        note("eth_getBlockByNumber", self.ask_blocks(&head).await);
        note("eth_getLogs", self.ask_logs(&head).await);
        note("eth_getTransactionCount, eth_getBalance", {
            self.account_at(NOBODY, head.number, head.hash).await.map(|_| ())
        });
        note("eth_call, eth_getCode", self.ask_wallet(&head).await);
        note("eth_estimateGas", self.ask_estimate(&head).await);
        note("eth_getTransactionReceipt", self.receipt_with_logs(B256::ZERO).await.map(|_| ()));
        note("eth_sendRawTransaction", self.ask_send().await);
        // What can be done without is noted where it is asked for.
        let hashes = BTreeSet::new();
        note(lack::BLOCK_RECEIPTS, self.block_receipts(head.number, &hashes).await.map(|_| ()));
        note("eth_feeHistory or eth_maxPriorityFeePerGas", self.fees().await.map(|_| ()));
        note(SIMULATE, self.ask_simulation(&head).await);
        let lacks = self.lacks().into_iter().filter(|lack| lack.way().is_some()).collect();
        Ok(Examination { lacks, failures })
    }

    async fn ask_blocks(&self, head: &Header) -> Result<(), ChainError> {
        let again = self.block_at(head.number).await?;
        if again.is_none() {
            return Err(self.wrong_answer("eth_getBlockByNumber", "no newest block"));
        }
        // Without it blocks are read by number.
        let _ = self.block(head.hash).await;
        Ok(())
    }

    async fn ask_logs(&self, head: &Header) -> Result<(), ChainError> {
        let contracts = [WALLET_FACTORY.address];
        self.logs_of_block(head, &contracts).await?;
        let from = head.number.saturating_sub(1);
        self.logs_between(from, head.number, &contracts).await?;
        Ok(())
    }

    async fn ask_wallet(&self, head: &Header) -> Result<(), ChainError> {
        let question = StandingQuestion { lanes: vec![Lane::ZERO], ..Default::default() };
        self.standing_at(NOBODY, &question, head.number, head.hash).await?;
        self.has_code(NOBODY).await?;
        Ok(())
    }

    async fn ask_estimate(&self, head: &Header) -> Result<(), ChainError> {
        let call = SimulatedCall { from: NOBODY, to: NOBODY, data: Bytes::new() };
        // On OP chains nothing is estimated for who has nothing, since layer 1 has to be paid.
        let is_poor = |error: &ChainError| {
            error.refusal().is_some_and(|refusal| refusal.class == Class::InsufficientFunds)
        };
        match self.estimate_at(head.number, &call).await {
            Err(SimulateError::Chain(error)) if !is_poor(&error) => Err(error),
            // It estimates, whatever it found.
            _ => Ok(()),
        }
    }

    /// Whether the endpoint takes transactions at all: it is given something that is none.
    async fn ask_send(&self) -> Result<(), ChainError> {
        match self.send(&[0x02]).await {
            Err(error) if error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    async fn ask_simulation(&self, head: &Header) -> Result<(), ChainError> {
        let call = SimulatedCall { from: NOBODY, to: NOBODY, data: Bytes::new() };
        self.simulate_calls(head.number, &[call]).await.map(|_| ())
    }
}
