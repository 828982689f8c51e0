//! Whose signatures count.

use crate::{Branch, Chain, ChainError, Refusal, WalletState};
use alloy::{
    primitives::{Address, B256},
    rpc::types::BlockNumberOrTag,
};
use quorate_bindings::contracts::IWallet;
use quorate_core::{OwnerSignature, Proposal};
use std::collections::BTreeMap;

/// The signatures of a proposal, sorted by whether they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// One signature that holds of each owner who has one, approvals on chain included.
    pub valid: BTreeMap<Address, OwnerSignature>,
    /// Who is in the file without a signature that holds, by address.
    pub rejected: Vec<Rejected>,
    /// The owners without a signature that holds, in the wallet's order; those rejected too.
    pub missing: Vec<Address>,
    /// What was signed for owners that are wallets.
    pub branches: Vec<Branch>,
}

/// A signer whose signature does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Who is said to have signed.
    pub owner: Address,
    /// Why it does not count.
    pub reason: Refusal,
}

impl Chain {
    /// Whether `owner` approved `digest` on the wallet. Does not say that it is an owner now. Where there is no
    /// wallet, nobody did.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn approved(
        &self,
        wallet: Address,
        digest: B256,
        owner: Address,
    ) -> Result<bool, ChainError> {
        let question = IWallet::approvedCall { digest, owner };
        let answer = self.ask(wallet, &question, BlockNumberOrTag::Latest).await?;
        Ok(answer.unwrap_or(false))
    }

    /// Sorts the signatures of a proposal by whether they count for the present owners, and looks for approvals of
    /// those who have no other.
    ///
    /// Keys' signatures were verified when the proposal was read. Does not compare chain, wallet, epoch, nonce
    /// or deadline of the proposal with those of the wallet: one of another epoch can be fully signed and
    /// worthless.
    ///
    /// # Errors
    ///
    /// If `state` has no configuration, or the endpoint gives no sensible answer.
    pub async fn verify(
        &self,
        proposal: &Proposal,
        state: &WalletState,
    ) -> Result<Verified, ChainError> {
        let address = state.address;
        let config = state.config.as_ref().ok_or(ChainError::NotAWallet { address })?;
        let mut verified = Verified::default();
        for &owner in proposal.signatures().keys() {
            if config.index_of(owner).is_none() {
                verified.rejected.push(Rejected { owner, reason: Refusal::NotOwner });
            }
        }
        verified.branches = self.branches(proposal, config).await?;
        for &owner in config.owners() {
            let branch = verified.branches.iter().find(|branch| branch.wallet == owner);
            let whole = branch.and_then(|branch| branch.signature.clone());
            match self.holding(proposal, state, owner, whole).await? {
                Ok(signature) => {
                    verified.valid.insert(owner, signature);
                }
                Err(refusal) => {
                    verified.missing.push(owner);
                    let rejected = |reason| Rejected { owner, reason };
                    verified.rejected.extend(refusal.map(rejected));
                }
            }
        }
        verified.rejected.sort_by_key(|rejected| rejected.owner);
        Ok(verified)
    }

    /// The first signature of an owner that holds, that of its parts included, or its approval; else why the first of those it has does not.
    async fn holding(
        &self,
        proposal: &Proposal,
        state: &WalletState,
        owner: Address,
        whole: Option<OwnerSignature>,
    ) -> Result<Result<OwnerSignature, Option<Refusal>>, ChainError> {
        let mut refusal = None;
        let candidates = proposal.signatures().get(&owner).into_iter().flatten();
        for candidate in candidates.chain(&whole) {
            // Approvals are looked for below, listed or not.
            if *candidate == OwnerSignature::Approved {
                continue;
            }
            match self.judge(proposal.request(), owner, candidate).await? {
                Ok(signature) => return Ok(Ok(signature)),
                Err(found) => refusal = refusal.or(Some(found)),
            }
        }
        let (wallet, digest) = (state.address, proposal.digest());
        if state.deployed && self.approved(wallet, digest, owner).await? {
            return Ok(Ok(OwnerSignature::Approved));
        }
        let is_listed = proposal.signatures().contains_key(&owner);
        Ok(Err(refusal.or(is_listed.then_some(Refusal::NotApproved))))
    }
}
