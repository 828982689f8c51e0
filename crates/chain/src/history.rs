//! What a wallet executed, from the events on chain.

use crate::{
    Chain, ChainError,
    endpoint::Fault,
    log::{AnyLog, standing},
};
use alloy::{
    primitives::{Address, B256},
    rpc::types::{BlockNumberOrTag, Log},
    sol_types::SolEvent,
};
use quorate_bindings::contracts::IWallet::Executed;
use quorate_core::Nonce;
use serde_json::json;

const GET_LOGS: &str = "eth_getLogs";

/// How many requests one search makes at most: at 10,000 blocks each a year of mainnet.
const MOST_REQUESTS: u32 = 256;

/// How many requests of a search may take too long before the endpoint counts as out of reach.
const MOST_LATE: u32 = 3;

/// An action that went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// What was signed.
    pub digest: B256,
    /// The nonce it consumed.
    pub nonce: Nonce,
    /// The Ethereum transaction that carried it.
    pub tx_hash: B256,
    /// The block it is in.
    pub block_number: u64,
}

impl Chain {
    /// The execution of `digest` by the wallet, whoever submitted it; none if it is not on chain. Says nothing about how
    /// deep its block is.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or serves too little history at a time.
    pub async fn executed(
        &self,
        wallet: Address,
        digest: B256,
    ) -> Result<Option<Execution>, ChainError> {
        let topics = vec![Executed::SIGNATURE_HASH, digest];
        self.find_execution(wallet, topics, |execution| execution.digest == digest).await
    }

    /// The execution that consumed a nonce of the wallet, whatever it was; none if the nonce is free.
    ///
    /// Nonces are not indexed: the endpoint has to give all events of the wallet.
    ///
    /// # Errors
    ///
    /// As [`Self::executed`].
    pub async fn executed_nonce(
        &self,
        wallet: Address,
        nonce: Nonce,
    ) -> Result<Option<Execution>, ChainError> {
        let topics = vec![Executed::SIGNATURE_HASH];
        self.find_execution(wallet, topics, |execution| execution.nonce == nonce).await
    }

    async fn find_execution(
        &self,
        wallet: Address,
        topics: Vec<B256>,
        is_it: impl Fn(&Execution) -> bool,
    ) -> Result<Option<Execution>, ChainError> {
        let head = self.head().await?.number;
        self.find_log(wallet, topics, head, |log| execution(log).filter(&is_it)).await
    }

    /// The newest event of `address` with these first topics that `read` makes something of, looking backwards from
    /// block `to`. An endpoint that refuses the whole range is asked for halves.
    pub(crate) async fn find_log<T>(
        &self,
        address: Address,
        topics: Vec<B256>,
        to: u64,
        read: impl Fn(&Log) -> Option<T>,
    ) -> Result<Option<T>, ChainError> {
        let (mut to, mut blocks, mut late) = (to, to.saturating_add(1), 0);
        for _ in 0..MOST_REQUESTS {
            let from = to.saturating_sub(blocks - 1);
            let filter = json!([{
                "address": address,
                "topics": topics,
                "fromBlock": BlockNumberOrTag::Number(from),
                "toBlock": BlockNumberOrTag::Number(to),
            }]);
            match self.try_read::<Vec<AnyLog>>(GET_LOGS, filter).await {
                Ok(logs) => {
                    let logs = standing(logs);
                    let mut ours = logs.iter().rev().filter(|log| is_asked(log, address, &topics));
                    let found = ours.find_map(&read);
                    if found.is_some() || from == 0 {
                        return Ok(found);
                    }
                    to = from - 1;
                }
                Err(fault) if fault.is_refusal() && (fault.is_missing() || from == to) => break,
                Err(fault) if fault.is_refusal() => blocks = (to - from).div_ceil(2),
                Err(Fault::Late) if late < MOST_LATE => {
                    late += 1;
                    blocks = (blocks / 16).max(1);
                }
                Err(fault) => return Err(self.raw().error(GET_LOGS, fault)),
            }
        }
        let endpoint = self.endpoint().to_owned();
        Err(ChainError::HistoryRefused { endpoint, reached: to.saturating_add(1) })
    }
}

fn is_asked(log: &Log, address: Address, topics: &[B256]) -> bool {
    log.address() == address && log.topics().starts_with(topics)
}

fn execution(log: &Log) -> Option<Execution> {
    let event = Executed::decode_log_data_validate(log.data()).ok()?;
    Some(Execution {
        digest: event.digest,
        nonce: Nonce::from_u256(event.nonce),
        tx_hash: log.transaction_hash?,
        block_number: log.block_number?,
    })
}
