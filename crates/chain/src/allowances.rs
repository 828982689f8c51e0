//! What others may take of an account's tokens.

use crate::{
    Chain, ChainError,
    endpoint::Fault,
    log::{AnyLog, standing},
};
use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::{BlockNumberOrTag, Log},
    sol,
    sol_types::SolEvent as _,
};
use serde_json::json;
use std::collections::BTreeSet;

const GET_LOGS: &str = "eth_getLogs";

/// How often events are asked for at most: a range that is refused is asked for in halves.
const MOST_REQUESTS: usize = 256;

/// How many pairs of token and spender are asked about at most.
const MOST_PAIRS: usize = 1_000;

sol! {
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event ApprovalForAll(address indexed owner, address indexed operator, bool approved);
    function allowance(address owner, address spender) external view returns (uint256);
    function isApprovedForAll(address owner, address operator) external view returns (bool);
}

/// Something that somebody else may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowance {
    /// The token, or the collection.
    pub token: Address,
    /// Who may.
    pub spender: Address,
    /// How much, in smallest units; none where it is everything of a collection.
    pub amount: Option<U256>,
}

impl Chain {
    /// What others may take now of the account's tokens (ERC-20) and collections (ERC-721, ERC-1155), by the word of those that
    /// told of it in an event from block `from` on. None where the endpoint does not serve so many events, or there are too many.
    ///
    /// Does not see single items of a collection, what a token never told, nor what others hold in trust, as Permit2 does.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn allowances(
        &self,
        account: Address,
        from: u64,
    ) -> Result<Option<Vec<Allowance>>, ChainError> {
        let Some(logs) = self.approvals(account, from).await? else { return Ok(None) };
        let pairs: BTreeSet<_> = logs.iter().filter_map(pair).collect();
        if pairs.len() > MOST_PAIRS {
            return Ok(None);
        }
        let mut found = Vec::new();
        for (token, spender, is_for_all) in pairs {
            let at = BlockNumberOrTag::Latest;
            let amount = if is_for_all {
                let question = isApprovedForAllCall { owner: account, operator: spender };
                let told = self.ask(token, &question, at).await?;
                told.unwrap_or(false).then_some(None)
            } else {
                let question = allowanceCall { owner: account, spender };
                let told = self.ask(token, &question, at).await?;
                told.filter(|amount| !amount.is_zero()).map(Some)
            };
            found.extend(amount.map(|amount| Allowance { token, spender, amount }));
        }
        Ok(Some(found))
    }

    async fn approvals(&self, account: Address, from: u64) -> Result<Option<Vec<Log>>, ChainError> {
        let head = self.head().await?.number;
        let kinds = [Approval::SIGNATURE_HASH, ApprovalForAll::SIGNATURE_HASH];
        let owner = account.into_word();
        let mut found = Vec::new();
        let mut ranges = vec![(from.min(head), head)];
        for _ in 0..MOST_REQUESTS {
            let Some((from, to)) = ranges.pop() else { return Ok(Some(found)) };
            let filter = json!([{
                "topics": [kinds, owner],
                "fromBlock": BlockNumberOrTag::Number(from),
                "toBlock": BlockNumberOrTag::Number(to),
            }]);
            match self.try_read::<Vec<AnyLog>>(GET_LOGS, filter).await {
                Ok(logs) => {
                    found.extend(standing(logs).into_iter().filter(|log| is_asked(log, owner)))
                }
                Err(fault) if fault.is_refusal() && from == to => return Ok(None),
                Err(fault) if fault.is_refusal() || matches!(fault, Fault::Late) => {
                    let middle = from + (to - from) / 2;
                    ranges.push((middle + 1, to));
                    ranges.push((from, middle));
                }
                Err(fault) => return Err(self.raw().error(GET_LOGS, fault)),
            }
        }
        Ok(ranges.is_empty().then_some(found))
    }
}

fn is_asked(log: &Log, owner: B256) -> bool {
    log.topics().get(1) == Some(&owner)
}

/// Token, spender, and whether it is for everything.
fn pair(log: &Log) -> Option<(Address, Address, bool)> {
    let token = log.address();
    if let Ok(event) = Approval::decode_log_data_validate(log.data()) {
        return Some((token, event.spender, false));
    }
    let event = ApprovalForAll::decode_log_data_validate(log.data()).ok()?;
    Some((token, event.operator, true))
}
