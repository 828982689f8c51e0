//! Which blocks nobody takes back, where a node knows.

use crate::{Chain, ChainError};
use alloy::{primitives::U64, rpc::types::BlockNumberOrTag};
use serde::Deserialize;

#[derive(Deserialize)]
struct Tagged {
    number: U64,
}

impl Chain {
    /// The number of the last block that the endpoint says is final (the tag `finalized`); none where it tells nothing
    /// true: null, an error, block 0, or its newest block, as development nodes do.
    ///
    /// # Errors
    ///
    /// If the endpoint does not answer.
    pub async fn finalized(&self) -> Result<Option<u64>, ChainError> {
        // The head first: what is final then cannot be behind it because a block came in between.
        let head: U64 = self.read("eth_blockNumber", [(); 0]).await?;
        let method = "eth_getBlockByNumber";
        let tag = (BlockNumberOrTag::Finalized, false);
        let number = match self.read::<Option<Tagged>>(method, tag).await {
            Ok(block) => block.map(|block| block.number.to::<u64>()),
            Err(ChainError::Rpc { .. } | ChainError::WrongAnswer { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(number.filter(|&number| number > 0 && number < head.to::<u64>()))
    }
}
