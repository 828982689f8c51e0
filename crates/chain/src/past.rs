//! What an account was.

use crate::{Chain, ChainError};
use alloy::{
    primitives::{Address, U64},
    rpc::types::BlockNumberOrTag,
};

/// How many blocks are asked about at most.
const MOST: usize = 256;

/// How many of the last blocks are looked at one by one.
const LAST: u64 = 8;

impl Chain {
    /// Whether an account had code after any block, as far as the endpoint serves the past. An account that delegates
    /// (EIP-7702) uses up an account nonce whenever it begins to, or ends: so the blocks at which that changed are looked
    /// for, and at those whether there was code; and at some of the last blocks whatever its nonce. None where the endpoint
    /// does not serve so much of the past, or there are too many.
    ///
    /// Does not find a contract that destroyed itself long ago.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn ever_had_code(&self, account: Address) -> Result<Option<bool>, ChainError> {
        let head = self.head().await?.number;
        let mut asked = 0;
        let (mut behind, mut block) = (0, Some(head));
        while let Some(number) = block {
            match self.had_code(account, number).await? {
                Some(false) => {}
                found => return Ok(found),
            }
            asked += 1;
            behind = if behind < LAST { behind + 1 } else { behind * 2 };
            block = head.checked_sub(behind);
        }
        let (Some(first), Some(last)) =
            (self.nonce_after(account, 0).await?, self.nonce_after(account, head).await?)
        else {
            return Ok(None);
        };
        // The newest ones first.
        let mut ranges = vec![((0, first), (head, last))];
        while let Some(((low, before), (high, after))) = ranges.pop() {
            if before == after || low >= high {
                continue;
            }
            asked += 1;
            if asked > MOST {
                return Ok(None);
            }
            if high - low == 1 {
                match self.had_code(account, high).await? {
                    Some(false) => continue,
                    found => return Ok(found),
                }
            }
            let middle = low + (high - low) / 2;
            let Some(between) = self.nonce_after(account, middle).await? else { return Ok(None) };
            ranges.push(((low, before), (middle, between)));
            ranges.push(((middle, between), (high, after)));
        }
        Ok(Some(false))
    }

    /// None where the endpoint does not have that state.
    async fn had_code(&self, account: Address, block: u64) -> Result<Option<bool>, ChainError> {
        let code = self.code(account, BlockNumberOrTag::Number(block)).await;
        Ok(Self::of_past(code)?.map(|code| !code.is_empty()))
    }

    async fn nonce_after(&self, account: Address, block: u64) -> Result<Option<U64>, ChainError> {
        let at = BlockNumberOrTag::Number(block);
        Self::of_past(self.read("eth_getTransactionCount", (account, at)).await)
    }

    /// Endpoints refuse the state of old blocks, each in its own words.
    fn of_past<T>(answer: Result<T, ChainError>) -> Result<Option<T>, ChainError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(ChainError::Rpc { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
