//! What a wallet says of itself after a block, in parts: to compare with what its events say.

use crate::{Chain, ChainError};
use alloy::{
    primitives::{Address, B256},
    rpc::types::BlockNumberOrTag,
};
use futures_util::future::try_join_all;
use quorate_bindings::contracts::IWallet;
use quorate_core::{Lane, Nonce};

/// What is asked of a wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandingQuestion {
    /// The lanes whose next sequences are wanted.
    pub lanes: Vec<Lane>,
    /// The digests and owners of which it is wanted whether the owner approved.
    pub approvals: Vec<(B256, Address)>,
}

/// What a wallet answered. What it did not answer with sense is left out, so that everything here was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How often it was reconfigured; none where there is no wallet.
    pub epoch: Option<u32>,
    /// The next sequences of lanes.
    pub lanes: Vec<(Lane, u64)>,
    /// Which of the approvals there are.
    pub approvals: Vec<(B256, Address)>,
}

impl Chain {
    /// The next sequence of a wallet's lane after a block; 0 where there is no wallet.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer: where there is code, no answer is none.
    pub async fn sequence_at(
        &self,
        wallet: Address,
        lane: Lane,
        block: u64,
    ) -> Result<u64, ChainError> {
        let at = BlockNumberOrTag::Number(block);
        if let Some(next) = self.next_of(wallet, lane, at).await? {
            return Ok(next);
        }
        if self.code(wallet, at).await?.is_empty() {
            return Ok(0);
        }
        let reason = format!("wallet {wallet} gives no nonce of lane {lane}");
        Err(self.wrong_answer("eth_call", reason))
    }

    /// What a wallet says of itself after a block.
    ///
    /// # Errors
    ///
    /// If the endpoint takes another block for the one with this number, or gives no sensible answer.
    pub async fn standing_at(
        &self,
        wallet: Address,
        question: &StandingQuestion,
        number: u64,
        hash: B256,
    ) -> Result<Standing, ChainError> {
        let at = BlockNumberOrTag::Number(number);
        let lanes = question
            .lanes
            .iter()
            .map(async |&lane| Ok(self.next_of(wallet, lane, at).await?.map(|next| (lane, next))));
        let approvals = question.approvals.iter().map(async |&(digest, owner)| {
            let approved = self.ask(wallet, &IWallet::approvedCall { digest, owner }, at).await?;
            Ok(approved.unwrap_or(false).then_some((digest, owner)))
        });
        let (epoch, lanes, approvals) = tokio::try_join!(
            self.ask(wallet, &IWallet::epochCall {}, at),
            try_join_all(lanes),
            try_join_all(approvals),
        )?;
        let standing = Standing {
            epoch: epoch.and_then(|epoch| u32::try_from(epoch).ok()),
            lanes: lanes.into_iter().flatten().collect(),
            approvals: approvals.into_iter().flatten().collect(),
        };
        self.check_on_chain(number, hash).await?;
        Ok(standing)
    }

    /// The next sequence of a lane, if the wallet says it.
    async fn next_of(
        &self,
        wallet: Address,
        lane: Lane,
        at: BlockNumberOrTag,
    ) -> Result<Option<u64>, ChainError> {
        let question = IWallet::nonceCall { lane: lane.number() };
        let next = self.ask(wallet, &question, at).await?;
        let next = next.map(Nonce::from_u256).filter(|nonce| nonce.lane == lane);
        Ok(next.map(|nonce| nonce.sequence))
    }
}
