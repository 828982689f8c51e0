//! What consumed nonces of a wallet, and what the transactions say that carried it.

use crate::{
    Chain, ChainError, Execution, Revert,
    endpoint::Fault,
    evm::{Call, CallError},
    log::{AnyLog, standing},
};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    rpc::types::{BlockNumberOrTag, Log},
    sol,
    sol_types::{SolCall, SolEvent},
};
use quorate_bindings::contracts::IWallet::{self, Executed, Reconfigured};
use quorate_core::{Action, Config, Nonce, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

sol! {
    function transfer(address to, uint256 amount) external returns (bool);
}

const GET_LOGS: &str = "eth_getLogs";

/// How many requests may take too long before the endpoint counts as out of reach.
const MOST_LATE: u32 = 5;

/// A transaction, as far as it may carry actions of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The account it calls.
    pub to: Option<Address>,
    /// Its calldata.
    pub input: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTransaction {
    hash: B256,
    to: Option<Address>,
    #[serde(alias = "data")]
    input: Bytes,
}

/// An action as calldata has it, with what its digest needs beside the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The action.
    pub action: Action,
    /// Its nonce.
    pub nonce: Nonce,
    /// Its deadline.
    pub deadline: u64,
}

impl Carried {
    /// The request that it is in an epoch of a wallet.
    pub fn request(&self, chain_id: u64, wallet: Address, epoch: u32) -> Request {
        let Self { action, nonce, deadline } = self.clone();
        Request { chain_id, wallet, epoch, action, nonce, deadline }
    }
}

/// Every action of a wallet whose call stands somewhere in `data`, whole and byte for byte: as the call itself, or in whatever
/// carries it, such as a multicall. What is found proves nothing: its digest has to be one that the wallet executed.
pub fn carried(data: &[u8]) -> Vec<Carried> {
    const SELECTORS: [[u8; 4]; 4] = [
        IWallet::payoutCall::SELECTOR,
        IWallet::executeCall::SELECTOR,
        IWallet::cancelCall::SELECTOR,
        IWallet::reconfigureCall::SELECTOR,
    ];
    let places = data.windows(4).enumerate();
    let places = places.filter(|(_, window)| SELECTORS.iter().any(|selector| selector == window));
    places.filter_map(|(place, _)| read(&data[place..])).collect()
}

fn read(call: &[u8]) -> Option<Carried> {
    let (selector, arguments) = call.split_first_chunk::<4>()?;
    let of = |action, nonce, deadline: U256| {
        let deadline = u64::try_from(deadline).ok()?;
        Some(Carried { action, nonce: Nonce::from_u256(nonce), deadline })
    };
    match *selector {
        IWallet::payoutCall::SELECTOR => {
            let call = IWallet::payoutCall::abi_decode_raw(arguments).ok()?;
            let transfer = |transfer: IWallet::Transfer| quorate_core::action::Transfer {
                to: transfer.to,
                amount: transfer.amount,
            };
            let transfers = call.transfers.into_iter().map(transfer).collect();
            of(Action::Payout { token: call.token, transfers }, call.nonce, call.deadline)
        }
        IWallet::executeCall::SELECTOR => {
            let call = IWallet::executeCall::abi_decode_raw(arguments).ok()?;
            let one = |call: IWallet::Call| quorate_core::action::Call {
                to: call.to,
                value: call.value,
                data: call.data,
            };
            let calls = call.calls.into_iter().map(one).collect();
            of(Action::Execute { calls }, call.nonce, call.deadline)
        }
        IWallet::cancelCall::SELECTOR => {
            let call = IWallet::cancelCall::abi_decode_raw(arguments).ok()?;
            of(Action::Cancel {}, call.nonce, call.deadline)
        }
        IWallet::reconfigureCall::SELECTOR => {
            let call = IWallet::reconfigureCall::abi_decode_raw(arguments).ok()?;
            let IWallet::Config { threshold, owners, policy, policyData } = call.config;
            let config = Config::new(threshold.into(), owners, policy, policyData).ok()?;
            of(Action::Reconfigure { config }, call.nonce, call.deadline)
        }
        _ => None,
    }
}

impl Chain {
    /// The executions that consumed these nonces, from block `from` on, as far as the endpoint tells of them. Ranges that it
    /// refuses are halved; once it refuses one, the block of each nonce is found by halving on the wallet's own counter, where
    /// the endpoint has old state, and else range by range, however many that takes. `progress` is told the block reached.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or refuses a single block.
    pub async fn consumed(
        &self,
        wallet: Address,
        nonces: &BTreeSet<Nonce>,
        from: u64,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Execution>, ChainError> {
        let mut found = BTreeMap::new();
        let head = self.head().await?.number;
        if nonces.is_empty() || from > head {
            return Ok(Vec::new());
        }
        let (mut to, mut blocks, mut late, mut halving) = (head, head - from + 1, 0, true);
        while found.len() < nonces.len() {
            let start = to.saturating_sub(blocks - 1).max(from);
            match self.executions_between(wallet, start, to).await {
                Ok(executions) => {
                    let ours = executions.into_iter().filter(|it| nonces.contains(&it.nonce));
                    found.extend(ours.map(|execution| (execution.nonce, execution)));
                    progress(start);
                    if start == from {
                        break;
                    }
                    to = start - 1;
                }
                Err(fault) if fault.is_refusal() && start < to => {
                    if std::mem::take(&mut halving) {
                        let rest = nonces.iter().filter(|nonce| !found.contains_key(*nonce));
                        let rest: Vec<_> = rest.copied().collect();
                        if let Some(more) = self.by_state(wallet, &rest, from, head).await? {
                            found.extend(more.into_iter().map(|it| (it.nonce, it)));
                            break;
                        }
                    }
                    blocks = (to - start).div_ceil(2).max(1);
                }
                Err(Fault::Late) if late < MOST_LATE => {
                    late += 1;
                    blocks = (blocks / 16).max(1);
                }
                Err(fault) if fault.is_refusal() => {
                    let endpoint = self.endpoint().to_owned();
                    return Err(ChainError::HistoryRefused { endpoint, reached: to + 1 });
                }
                Err(fault) => return Err(self.raw().error(GET_LOGS, fault)),
            }
        }
        Ok(found.into_values().collect())
    }

    async fn executions_between(
        &self,
        wallet: Address,
        from: u64,
        to: u64,
    ) -> Result<Vec<Execution>, Fault> {
        let logs = self.logs_of(wallet, Executed::SIGNATURE_HASH, from, to).await?;
        Ok(logs.iter().filter_map(execution).collect())
    }

    async fn logs_of(
        &self,
        wallet: Address,
        topic: B256,
        from: u64,
        to: u64,
    ) -> Result<Vec<Log>, Fault> {
        let filter = json!([{
            "address": wallet,
            "topics": [topic],
            "fromBlock": BlockNumberOrTag::Number(from),
            "toBlock": BlockNumberOrTag::Number(to),
        }]);
        let logs = self.try_read::<Vec<AnyLog>>(GET_LOGS, filter).await?;
        Ok(standing(logs).into_iter().filter(|log| log.address() == wallet).collect())
    }

    /// The last `count` reconfigurations of a wallet from block `from` on, as far as the endpoint tells of them, in their order:
    /// the block, and the policy since then.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or refuses a single block.
    pub async fn policies(
        &self,
        wallet: Address,
        count: u32,
        from: u64,
    ) -> Result<Vec<(u64, Address)>, ChainError> {
        let mut found = Vec::new();
        let head = self.head().await?.number;
        let (mut to, mut blocks) = (head, head.saturating_sub(from) + 1);
        while u32::try_from(found.len()).is_ok_and(|len| len < count) {
            let start = to.saturating_sub(blocks - 1).max(from);
            match self.logs_of(wallet, Reconfigured::SIGNATURE_HASH, start, to).await {
                Ok(logs) => {
                    let policy = |log: &Log| {
                        let event = Reconfigured::decode_log_data_validate(log.data()).ok()?;
                        Some(((log.block_number?, log.log_index), event.config.policy))
                    };
                    found.extend(logs.iter().filter_map(policy));
                    if start == from {
                        break;
                    }
                    to = start - 1;
                }
                Err(fault) if fault.is_refusal() && start < to => {
                    blocks = (to - start).div_ceil(2).max(1);
                }
                Err(fault) if fault.is_refusal() => {
                    let endpoint = self.endpoint().to_owned();
                    return Err(ChainError::HistoryRefused { endpoint, reached: to + 1 });
                }
                Err(fault) => return Err(self.raw().error(GET_LOGS, fault)),
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|((block, _), policy)| (block, policy)).collect())
    }

    /// The executions of these nonces, each by halving on its lane's counter. None where the endpoint has no old state.
    async fn by_state(
        &self,
        wallet: Address,
        nonces: &[Nonce],
        from: u64,
        head: u64,
    ) -> Result<Option<Vec<Execution>>, ChainError> {
        let mut found = Vec::new();
        for nonce in nonces {
            let (mut below, mut at) = (from, head);
            // The first block after which the counter is past the nonce.
            while below < at {
                let middle = below + (at - below) / 2;
                match self.sequence_at(wallet, nonce.lane, middle).await {
                    Ok(next) if next > nonce.sequence => at = middle,
                    Ok(_) => below = middle + 1,
                    Err(ChainError::Rpc { .. }) => return Ok(None),
                    Err(error) => return Err(error),
                }
            }
            match self.executions_between(wallet, at, at).await {
                Ok(executions) => {
                    found.extend(executions.into_iter().find(|it| it.nonce == *nonce))
                }
                Err(fault) => return Err(self.raw().error(GET_LOGS, fault)),
            }
        }
        Ok(Some(found))
    }

    /// A transaction that was mined; none if the endpoint does not have it.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn carrier(&self, tx_hash: B256) -> Result<Option<Carrier>, ChainError> {
        let method = "eth_getTransactionByHash";
        let raw: Option<RawTransaction> = self.read(method, [tx_hash]).await?;
        match raw {
            Some(raw) if raw.hash != tx_hash => {
                Err(self.wrong_answer(method, "another transaction"))
            }
            raw => Ok(raw.map(|raw| Carrier { to: raw.to, input: raw.input })),
        }
    }

    /// The calldata of every call to `wallet` inside a transaction, by its trace; none where the endpoint does not trace.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn traced_calls(
        &self,
        tx_hash: B256,
        wallet: Address,
    ) -> Result<Option<Vec<Bytes>>, ChainError> {
        let params = json!([tx_hash, { "tracer": "callTracer" }]);
        match self.try_read::<Value>("debug_traceTransaction", params).await {
            Ok(trace) => {
                let mut calls = Vec::new();
                gather(&trace, wallet, &mut calls);
                Ok(Some(calls))
            }
            Err(fault) if fault.is_refusal() => Ok(None),
            Err(fault) => Err(self.raw().error("debug_traceTransaction", fault)),
        }
    }

    /// Why a payment of this wallet would fail now, on top of the newest block; none if it would go through. `token` zero is
    /// ether. A token that answers `false` fails.
    ///
    /// Does not see whether the payee gets all of it, nor what payments before it change.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn would_fail(
        &self,
        wallet: Address,
        token: Address,
        to: Address,
        amount: U256,
    ) -> Result<Option<Revert>, ChainError> {
        let from = Some(wallet);
        let call = if token.is_zero() {
            Call { from, to: Some(to), value: Some(amount), ..Call::default() }
        } else {
            let data = transferCall { to, amount }.abi_encode().into();
            Call { from, to: Some(token), data, ..Call::default() }
        };
        match self.call(&call, BlockNumberOrTag::Latest).await {
            Ok(answer) => {
                let is_false =
                    !token.is_zero() && answer.len() >= 32 && answer.iter().all(|it| *it == 0);
                Ok(is_false.then_some(Revert::Silent))
            }
            Err(CallError::Failed(reason)) => Ok(Some(reason)),
            Err(CallError::Chain(error)) => Err(error),
        }
    }

    /// How often the wallet had been reconfigured after a block; none where it was not there, or does not say.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, as where it has no old state.
    pub async fn epoch_at(&self, wallet: Address, block: u64) -> Result<Option<u32>, ChainError> {
        let at = BlockNumberOrTag::Number(block);
        let epoch = self.ask(wallet, &IWallet::epochCall {}, at).await?;
        Ok(epoch.and_then(|epoch| u32::try_from(epoch).ok()))
    }
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

/// The calls to `wallet` in a trace, however deep.
fn gather(frame: &Value, wallet: Address, calls: &mut Vec<Bytes>) {
    let to = frame["to"].as_str().and_then(|to| to.parse::<Address>().ok());
    let input = frame["input"].as_str().and_then(|input| input.parse::<Bytes>().ok());
    if to == Some(wallet) {
        calls.extend(input);
    }
    for inner in frame["calls"].as_array().into_iter().flatten() {
        gather(inner, wallet, calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_core::{Lane, action::Transfer};

    #[test]
    fn actions_are_found_wherever_their_call_stands() {
        let transfers = vec![Transfer { to: Address::repeat_byte(1), amount: U256::from(7) }];
        let action = Action::Payout { token: Address::ZERO, transfers };
        let wallet = Address::repeat_byte(9);
        let of = |action| Request {
            chain_id: 1,
            wallet,
            epoch: 0,
            action,
            nonce: Nonce::new(Lane::ZERO, 3),
            deadline: 99,
        };
        let (request, cancel) = (of(action), of(Action::Cancel {}));
        let mut data = vec![1, 2, 3, 4, 5];
        for one in [&request, &cancel] {
            data.extend_from_slice(&one.calldata(Bytes::from_static(b"xy")));
            data.extend_from_slice(&[0; 13]);
        }
        let found = carried(&data);
        let digests: Vec<_> =
            found.iter().map(|carried| carried.request(1, wallet, 0).digest()).collect();
        assert!(digests.contains(&request.digest()) && digests.contains(&cancel.digest()));
        assert!(carried(&data[..60]).is_empty());
    }
}
