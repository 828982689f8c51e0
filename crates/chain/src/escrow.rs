//! What an escrow is on a chain, and what is asked of its past.

use crate::{
    Chain, ChainError, Execution,
    evm::Call,
    log::{AnyLog, standing},
};
use alloy::{
    primitives::{Address, B256, Bytes, U64, U256},
    rpc::types::BlockNumberOrTag,
    sol,
    sol_types::{SolCall as _, SolEvent as _},
};
use quorate_bindings::{
    canonical,
    contracts::{EscrowPolicy, IWallet, IWallet::Executed},
};
use quorate_core::Nonce;
use serde::Deserialize;
use serde_json::json;
use std::sync::{Mutex, PoisonError};

const SIMULATE: &str = "eth_simulateV1";

sol! {
    function transfer(address to, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

/// A transaction as it was mined.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "RawTransaction")]
pub struct SentTransaction {
    /// Its hash.
    pub hash: B256,
    /// Who sent it.
    pub from: Address,
    /// Whom it calls; none where it creates a contract.
    pub to: Option<Address>,
    /// Calldata.
    pub input: Bytes,
    /// The block it is in; none while it waits.
    pub block: Option<(u64, B256)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTransaction {
    hash: B256,
    from: Address,
    to: Option<Address>,
    input: Bytes,
    block_number: Option<U64>,
    block_hash: Option<B256>,
}

impl From<RawTransaction> for SentTransaction {
    fn from(raw: RawTransaction) -> Self {
        let RawTransaction { hash, from, to, input, block_number, block_hash } = raw;
        let block = block_number.map(|number| number.to()).zip(block_hash);
        Self { hash, from, to, input, block }
    }
}

#[derive(Deserialize)]
struct SimulatedBlock {
    calls: Vec<SimulatedAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimulatedAnswer {
    status: U64,
    #[serde(default)]
    return_data: Bytes,
}

impl Chain {
    /// Whether an escrow was disputed in its present configuration, at the newest block. Not, where there is no wallet or no
    /// policy to ask.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn is_disputed(&self, wallet: Address) -> Result<bool, ChainError> {
        let question = EscrowPolicy::isDisputedCall { wallet };
        let policy = canonical::ESCROW_POLICY.address;
        let answer = self.ask(policy, &question, BlockNumberOrTag::Latest).await?;
        Ok(answer.unwrap_or(false))
    }

    /// Whether `owner` had approved `digest` on the wallet after a block.
    ///
    /// # Errors
    ///
    /// As [`Self::contract_accepted_at`].
    pub async fn approved_at(
        &self,
        wallet: Address,
        digest: B256,
        owner: Address,
        block: u64,
    ) -> Result<bool, ChainError> {
        let question = IWallet::approvedCall { digest, owner };
        let answer = self.ask(wallet, &question, BlockNumberOrTag::Number(block)).await?;
        Ok(answer.unwrap_or(false))
    }

    /// Everything that a wallet executed, the earliest first.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or serves too little history at a time.
    pub async fn executions(&self, wallet: Address) -> Result<Vec<Execution>, ChainError> {
        let found = Mutex::new(Vec::new());
        let head = self.head().await?.number;
        let topics = vec![Executed::SIGNATURE_HASH];
        // Newest first, and never enough.
        let gather = |log: &alloy::rpc::types::Log| {
            if let Some(execution) = execution(log) {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.push(execution);
            }
            None::<()>
        };
        self.find_log(wallet, topics, head, gather).await?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.reverse();
        found.dedup();
        Ok(found)
    }

    /// What the wallet says it executed in one transaction, by its receipt.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn executed_in(
        &self,
        wallet: Address,
        tx_hash: B256,
    ) -> Result<Vec<Execution>, ChainError> {
        #[derive(Deserialize)]
        struct Receipt {
            logs: Vec<AnyLog>,
        }
        let receipt: Option<Receipt> = self.read("eth_getTransactionReceipt", [tx_hash]).await?;
        let logs = receipt.map(|receipt| standing(receipt.logs)).unwrap_or_default();
        let ours = logs.iter().filter(|log| log.address() == wallet);
        Ok(ours.filter_map(execution).collect())
    }

    /// A transaction; none if the endpoint does not know it.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or another transaction.
    pub async fn transaction(&self, hash: B256) -> Result<Option<SentTransaction>, ChainError> {
        let method = "eth_getTransactionByHash";
        let found: Option<SentTransaction> = self.read(method, [hash]).await?;
        match found {
            Some(found) if found.hash != hash => {
                Err(self.wrong_answer(method, "another transaction"))
            }
            found => Ok(found),
        }
    }

    /// How much of `amount` of a token arrives, if `from` sends it: less where the token takes a fee. None where the endpoint
    /// does not simulate, or the token refuses.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn would_arrive(
        &self,
        token: Address,
        from: Address,
        to: Address,
        amount: U256,
    ) -> Result<Option<U256>, ChainError> {
        let call = |data: Vec<u8>| {
            let (from, to, data) = (Some(from), Some(token), data.into());
            Call { from, to, data, ..Call::default() }
        };
        let balance = || call(balanceOfCall { account: to }.abi_encode());
        let calls = [balance(), call(transferCall { to, amount }.abi_encode()), balance()];
        let request = json!({ "blockStateCalls": [{ "calls": calls }], "validation": false });
        let params = (request, BlockNumberOrTag::Latest);
        let answer = self.read_if_can::<Vec<SimulatedBlock>>(SIMULATE, SIMULATE, params).await?;
        let answers: Vec<_> = answer.into_iter().flatten().flat_map(|block| block.calls).collect();
        let [before, sent, after] = &answers[..] else { return Ok(None) };
        if [before, sent, after].iter().any(|answer| answer.status != U64::ONE) {
            return Ok(None);
        }
        let number =
            |answer: &SimulatedAnswer| answer.return_data.get(..32).map(U256::from_be_slice);
        Ok(number(after).zip(number(before)).and_then(|(after, before)| after.checked_sub(before)))
    }
}

fn execution(log: &alloy::rpc::types::Log) -> Option<Execution> {
    let event = Executed::decode_log_data_validate(log.data()).ok()?;
    Some(Execution {
        digest: event.digest,
        nonce: Nonce::from_u256(event.nonce),
        tx_hash: log.transaction_hash?,
        block_number: log.block_number?,
    })
}
