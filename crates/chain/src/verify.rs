//! Whose signatures count.

use crate::{Chain, ChainError, WalletState};
use alloy::{
    primitives::{Address, B256, Bytes, b256},
    rpc::types::BlockNumberOrTag,
    sol_types::SolCall,
};
use quorate_bindings::contracts::IWallet;
use quorate_core::{OwnerSignature, Proposal};
use std::{collections::BTreeMap, fmt};

/// The one word by which a contract accepts a signature (ERC-1271).
const ACCEPTED: B256 = b256!("1626ba7e00000000000000000000000000000000000000000000000000000000");

/// The signatures of a proposal, sorted by whether they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// One signature that holds of each owner who has one, approvals on chain included.
    pub valid: BTreeMap<Address, OwnerSignature>,
    /// Who is in the file without a signature that holds, by address.
    pub rejected: Vec<Rejected>,
    /// The owners without a signature that holds, in the wallet's order; those rejected too.
    pub missing: Vec<Address>,
}

/// A signer whose signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Who is said to have signed.
    pub owner: Address,
    /// Why it does not count.
    pub reason: Refusal,
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The signer is no owner of the wallet now.
    NotOwner,
    /// The owner is a contract that does not accept it, or has no code.
    ContractRefuses,
    /// The owner did not approve on chain.
    NotApproved,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotOwner => "not an owner of the wallet now",
            Self::ContractRefuses => "the owner's contract does not accept the signature",
            Self::NotApproved => "the owner has not approved on chain",
        })
    }
}

impl Chain {
    /// Whether a contract accepts a signature over `digest` when `wallet` asks (ERC-1271), as the wallet
    /// itself would find: the owner has code, and the answer is exactly the one word.
    ///
    /// The contract gets at most 1,000,000 gas.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer. A contract that fails does not accept.
    pub async fn contract_accepts(
        &self,
        wallet: Address,
        owner: Address,
        digest: B256,
        signature: &Bytes,
    ) -> Result<bool, ChainError> {
        if !self.has_code(owner).await? {
            return Ok(false);
        }
        let question =
            IWallet::isValidSignature_0Call { hash: digest, signature: signature.clone() };
        let question = question.abi_encode().into();
        let answer = self.ask_raw(owner, question, Some(wallet), BlockNumberOrTag::Latest).await?;
        Ok(answer.is_some_and(|answer| answer[..] == ACCEPTED[..]))
    }

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
        for &owner in config.owners() {
            let candidates = proposal.signatures().get(&owner);
            if let Some(signature) = self.holding(proposal, state, owner).await? {
                verified.valid.insert(owner, signature);
                continue;
            }
            verified.missing.push(owner);
            if let Some(candidates) = candidates {
                let by_contract = candidates.iter().any(|s| s.kind().is_contract());
                let reason =
                    if by_contract { Refusal::ContractRefuses } else { Refusal::NotApproved };
                verified.rejected.push(Rejected { owner, reason });
            }
        }
        verified.rejected.sort_by_key(|rejected| rejected.owner);
        Ok(verified)
    }

    /// The first signature of an owner that holds, or its approval.
    async fn holding(
        &self,
        proposal: &Proposal,
        state: &WalletState,
        owner: Address,
    ) -> Result<Option<OwnerSignature>, ChainError> {
        let (wallet, digest) = (state.address, proposal.digest());
        for candidate in proposal.signatures().get(&owner).into_iter().flatten() {
            let holds = match candidate {
                OwnerSignature::Ecdsa(_) => true,
                OwnerSignature::Contract(bytes) => {
                    self.contract_accepts(wallet, owner, digest, bytes).await?
                }
                // Looked for below, listed or not.
                OwnerSignature::Approved => false,
            };
            if holds {
                return Ok(Some(candidate.clone()));
            }
        }
        let approved = state.deployed && self.approved(wallet, digest, owner).await?;
        Ok(approved.then_some(OwnerSignature::Approved))
    }
}
