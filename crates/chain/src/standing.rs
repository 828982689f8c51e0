//! What a wallet says of itself after a block, in parts: to compare with what its events say.

use crate::{
    Chain, ChainError,
    evm::{Call, CallError, VIEW_GAS},
};
use alloy::{
    primitives::{Address, B256, Bytes, U64, U256, hex},
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
    /// How often it was reconfigured; none where it did not say, or where there is no wallet.
    pub epoch: Option<u32>,
    /// Whether it was said that there is no code. An answer that was left empty does not say it.
    pub is_absent: bool,
    /// The next sequences of lanes.
    pub lanes: Vec<(Lane, u64)>,
    /// Which of the approvals there are.
    pub approvals: Vec<(B256, Address)>,
}

/// What a creation runs that leaves, as its code, how many bytes of code an account has: PUSH20, EXTCODESIZE, and 32 bytes
/// returned. No PUSH0: not every chain has it.
fn size_of_code(account: Address) -> Bytes {
    [&hex!("73")[..], account.as_slice(), &hex!("3b60005260206000f3")].concat().into()
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
            is_absent: epoch.is_none() && self.is_absent(wallet, at).await?,
            lanes: lanes.into_iter().flatten().collect(),
            approvals: approvals.into_iter().flatten().collect(),
        };
        self.check_on_chain(number, hash).await?;
        Ok(standing)
    }

    /// Whether the endpoint says that there is no code. Empty answers look like that and say nothing, so it is asked for a number
    /// of bytes; only one that makes no such calls is asked for the code itself.
    async fn is_absent(&self, wallet: Address, at: BlockNumberOrTag) -> Result<bool, ChainError> {
        let gas = Some(U64::from(VIEW_GAS));
        let call = Call { gas, data: size_of_code(wallet), ..Call::default() };
        match self.call(&call, at).await {
            Ok(answer) => Ok(U256::try_from_be_slice(&answer)
                .is_some_and(|size| answer.len() == 32 && size.is_zero())),
            Err(CallError::Failed(_)) => Ok(self.code(wallet, at).await?.is_empty()),
            Err(CallError::Chain(error)) if error.is_missing() => {
                Ok(self.code(wallet, at).await?.is_empty())
            }
            Err(CallError::Chain(error)) => Err(error),
        }
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
