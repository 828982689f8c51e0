//! What payments of a wallet would do.

use crate::{Chain, ChainError, Revert, evm::Call};
use alloy::{
    primitives::{Address, Bytes, U64, U256},
    rpc::types::BlockNumberOrTag,
    sol,
    sol_types::SolCall as _,
};
use serde::Deserialize;
use serde_json::json;

sol! {
    function transfer(address to, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

/// How many payments are simulated by one request: below what a block has room for.
const AT_ONCE: usize = 100;

/// What every transaction takes, in gas.
const TRANSACTION: u64 = 21_000;

/// What a call with ether takes that makes an account, in gas.
const CALL_WITH_ETHER: u64 = 9_000 + 25_000;

/// What the wallet itself takes for each payment, calldata and digest included, in gas.
const OWN_PART: u64 = 4_000;

/// What a payment would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedPayment {
    /// Why it would fail, or the token's `false`; none if it would go through.
    pub failure: Option<Revert>,
    /// What the payee would have more, in the token's smallest units; none of ether, and where the token does not say.
    pub received: Option<U256>,
    /// Whether it is ether, and the payee a contract that does something with it.
    pub runs_code: bool,
    /// The gas that it adds to a payout, at most.
    pub gas: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBlock {
    gas_limit: U64,
}

impl Chain {
    /// What payments of a wallet would do, one after the other, on top of the newest block; `token` zero is ether. None where
    /// the endpoint does not simulate.
    ///
    /// Does not look at signatures or nonces, nor at what else happens until they are made.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn try_payments(
        &self,
        wallet: Address,
        token: Address,
        payments: &[(Address, U256)],
    ) -> Result<Option<Vec<TriedPayment>>, ChainError> {
        let mut tried = Vec::new();
        for payments in payments.chunks(AT_ONCE) {
            let calls = payments.iter().flat_map(|&(to, amount)| calls(wallet, token, to, amount));
            let Some(answers) =
                self.simulated(BlockNumberOrTag::Latest, calls.collect(), json!({})).await?
            else {
                return Ok(None);
            };
            let each = answers.len() / payments.len();
            tried.extend(answers.chunks(each).map(|answers| match answers {
                [before, paid, after] => {
                    let balance = |data: &Bytes| balanceOfCall::abi_decode_returns(data).ok();
                    let both = balance(&before.return_data).zip(balance(&after.return_data));
                    let data = &paid.return_data;
                    let is_false = data.len() >= 32 && data.iter().all(|byte| *byte == 0);
                    let silent = (paid.revert.is_none() && is_false).then_some(Revert::Silent);
                    TriedPayment {
                        failure: paid.revert.clone().or(silent),
                        received: both.map(|(before, after)| after.saturating_sub(before)),
                        runs_code: false,
                        gas: paid.gas_used.saturating_sub(TRANSACTION) + OWN_PART,
                    }
                }
                answers => {
                    let gas = answers.iter().map(|paid| paid.gas_used.saturating_sub(TRANSACTION));
                    TriedPayment {
                        failure: answers.iter().find_map(|paid| paid.revert.clone()),
                        received: None,
                        runs_code: answers.iter().any(|paid| paid.gas_used > TRANSACTION),
                        gas: gas.sum::<u64>() + CALL_WITH_ETHER + OWN_PART,
                    }
                }
            }));
        }
        for (tried, (to, _)) in tried.iter_mut().zip(payments) {
            // Where a chain counts gas in its own way, the code decides.
            if tried.runs_code && tried.failure.is_none() {
                tried.runs_code = !self.code(*to, BlockNumberOrTag::Latest).await?.is_empty();
            }
        }
        Ok(Some(tried))
    }

    /// How much gas the newest block has room for.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn block_gas_limit(&self) -> Result<u64, ChainError> {
        let method = "eth_getBlockByNumber";
        let block: RawBlock = self.read(method, (BlockNumberOrTag::Latest, false)).await?;
        Ok(block.gas_limit.to())
    }
}

/// The calls that try a payment: of a token between two looks at what the payee has.
fn calls(wallet: Address, token: Address, to: Address, amount: U256) -> Vec<Call> {
    let from = Some(wallet);
    if token.is_zero() {
        return vec![Call { from, to: Some(to), value: Some(amount), ..Call::default() }];
    }
    let ask = |data: Vec<u8>| Call { from, to: Some(token), data: data.into(), ..Call::default() };
    let look = || ask(balanceOfCall { account: to }.abi_encode());
    vec![look(), ask(transferCall { to, amount }.abi_encode()), look()]
}
