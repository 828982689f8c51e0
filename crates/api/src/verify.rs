//! What a reader verifies of an answer. Pure.
//!
//! A relayer may be late and may leave out; it must not get away with anything that is not so. Three steps, each
//! with what the reader has at hand:
//!
//! 1. [`Proposal::verify`], by its own fields: the digest follows from them, every signature by a key is by its owner.
//! 2. [`Verified::check_asked`], by what was asked for: that proposal, that wallet.
//! 3. [`Verified::check`], by the chain ([`Facts`]): threshold, owners, and what became of it.
//!
//! Signatures of contracts and approvals can only be asked of the chain, which is not done here.

mod lie;
mod status;

pub use lie::Lie;
pub use status::{Certainty, Facts, Outcome};

use crate::{Proposal, Wallet, proposal::Signature, wallet::LaneState};
use alloy::primitives::{Address, B256};
use quorate_core::{
    Config, DocumentError, Lane, OwnerSignature, Request, creation,
    proposal::Origin,
    signature::{EcdsaSignature, Kind},
};
use std::collections::{BTreeMap, BTreeSet};

/// A proposal whose own fields agree with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    proposal: Proposal,
    request: Request,
    signatures: BTreeMap<Address, OwnerSignature>,
}

impl Proposal {
    /// Computes the digest anew and verifies every signature by a key over it.
    ///
    /// Does not say that signers are owners, nor that the status is true: see [`Verified::check`].
    ///
    /// # Errors
    ///
    /// The first thing that is not so.
    pub fn verify(self) -> Result<Verified, Lie> {
        let request = self.request();
        let (claimed, computed) = (self.digest, request.digest());
        if claimed != computed {
            return Err(Lie::Digest { claimed, computed });
        }
        if (self.lane, self.sequence) != (self.nonce.lane, self.nonce.sequence) {
            return Err(Lie::Place { nonce: self.nonce, lane: self.lane, sequence: self.sequence });
        }
        if self.threshold == 0 {
            return Err(Lie::Threshold { claimed: 0, actual: 1 });
        }
        let mut signatures = BTreeMap::new();
        for signature in &self.signatures {
            let owner = signature.owner;
            if signatures.insert(owner, read(signature, &computed)?).is_some() {
                return Err(Lie::OwnerTwice { owner });
            }
        }
        status::check_shape(&self)?;
        Ok(Verified { proposal: self, request, signatures })
    }
}

/// Reads a signature as the kind that it is said to be; one by a key has to be its owner's.
fn read(signature: &Signature, digest: &B256) -> Result<OwnerSignature, Lie> {
    let Signature { owner, kind, signature: bytes, .. } = signature;
    let owner = *owner;
    let failed = |source| Lie::Signature { owner, source };
    match kind {
        Kind::Ecdsa => {
            let ecdsa = EcdsaSignature::from_bytes(bytes).map_err(failed)?;
            ecdsa.verify(owner, digest).map_err(failed)?;
            Ok(OwnerSignature::Ecdsa(ecdsa))
        }
        Kind::Contract => OwnerSignature::by_contract(bytes.clone()).map_err(failed),
        Kind::Approved if bytes.is_empty() => Ok(OwnerSignature::Approved),
        Kind::Approved => Err(Lie::ApprovalWithBytes { owner }),
    }
}

impl Verified {
    /// The answer.
    pub const fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// What is asked for.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The digest: computed.
    pub const fn digest(&self) -> B256 {
        self.proposal.digest
    }

    /// Who signed, and how. Those by a key were verified.
    pub const fn signatures(&self) -> &BTreeMap<Address, OwnerSignature> {
        &self.signatures
    }

    /// Checks that this is the proposal that was asked for.
    ///
    /// # Errors
    ///
    /// If it is another one.
    pub fn check_asked(self, digest: B256) -> Result<Self, Lie> {
        if self.digest() == digest {
            return Ok(self);
        }
        Err(Lie::OtherProposal { asked: digest, answered: self.digest() })
    }

    /// Checks that this is a proposal of the wallet that was asked for.
    ///
    /// # Errors
    ///
    /// If it is another wallet's.
    pub fn check_wallet(self, chain_id: u64, wallet: Address) -> Result<Self, Lie> {
        let (answered_chain, answered) = (self.request.chain_id, self.request.wallet);
        if (answered_chain, answered) == (chain_id, wallet) {
            return Ok(self);
        }
        Err(Lie::OtherWallet { asked_chain: chain_id, asked: wallet, answered_chain, answered })
    }

    /// Checks that this is a proposal that `owner` has to do with: one of those who signed it, or who are said to be
    /// missing.
    ///
    /// # Errors
    ///
    /// If it names the owner nowhere.
    pub fn check_owner(self, owner: Address) -> Result<Self, Lie> {
        if self.signatures.contains_key(&owner) || self.proposal.missing.contains(&owner) {
            return Ok(self);
        }
        Err(Lie::NotAwaited { digest: self.digest(), owner })
    }

    /// Checks that a signature that was handed in is listed.
    ///
    /// # Errors
    ///
    /// If `owner` is not among the signers.
    pub fn check_signed(self, owner: Address) -> Result<Self, Lie> {
        if self.signatures.contains_key(&owner) {
            return Ok(self);
        }
        Err(Lie::Dropped { owner })
    }

    /// As a file: what is asked for, the note, the signatures, and `origin`, if the reader knows it.
    ///
    /// # Errors
    ///
    /// If the note is too long, `origin` makes another wallet, or it proves that a signer is no owner.
    pub fn to_file(&self, origin: Option<Origin>) -> Result<quorate_core::Proposal, DocumentError> {
        let (request, note) = (self.request.clone(), self.proposal.note.clone());
        let mut file = quorate_core::Proposal::new(request, note, origin)?;
        for (&owner, signature) in &self.signatures {
            file.add(owner, signature.clone())?;
        }
        Ok(file)
    }
}

/// A wallet of which everything that its own fields can prove wrong was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedWallet {
    wallet: Wallet,
    origin: Option<Origin>,
}

impl VerifiedWallet {
    /// The answer.
    pub const fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// What the address commits to, if it was told: it does.
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The configuration, where the address alone proves it: until the first reconfiguration it is the one that the
    /// wallet was created with. That there was none is the relayer's word.
    pub fn proven_config(&self) -> Option<&Config> {
        self.origin.as_ref().filter(|_| self.wallet.epoch == 0).map(|origin| &origin.config)
    }

    /// Where a lane stands. Of one that is not listed nothing is said, but that it has no open proposals.
    pub fn lane(&self, lane: Lane) -> Option<LaneState> {
        self.wallet.lanes.iter().find(|state| state.lane == lane).copied()
    }
}

impl Wallet {
    /// Checks all that its own fields can prove wrong: the address, by what it commits to, and the lanes.
    ///
    /// Does not say that the configuration is the present one, nor that the lanes are where they are said to be.
    ///
    /// # Errors
    ///
    /// The first thing that is not so.
    pub fn verify(self) -> Result<VerifiedWallet, Lie> {
        let origin = self.verify_origin()?;
        let mut seen = BTreeSet::new();
        for state in &self.lanes {
            if state.next_free < state.next || !seen.insert(state.lane) {
                return Err(Lie::Lane { wallet: self.address, lane: state.lane });
            }
        }
        Ok(VerifiedWallet { wallet: self, origin })
    }

    /// What the address commits to, if it is told: checked.
    ///
    /// # Errors
    ///
    /// If configuration and salt make another address, or the present configuration of a wallet that was never
    /// reconfigured is another one.
    pub fn verify_origin(&self) -> Result<Option<Origin>, Lie> {
        let claimed = self.address;
        let Some(origin) = self.origin() else { return Ok(None) };
        match creation::wallet_address(&origin.config, origin.salt) {
            Ok(computed) if computed == claimed => {}
            Ok(computed) => return Err(Lie::Address { claimed, computed: Some(computed) }),
            Err(_) => return Err(Lie::Address { claimed, computed: None }),
        }
        if self.epoch == 0 && self.config != origin.config {
            return Err(Lie::Config { wallet: claimed });
        }
        Ok(Some(origin))
    }

    /// Checks that this is the wallet that was asked for.
    ///
    /// # Errors
    ///
    /// If it is another one.
    pub fn check_asked(self, chain_id: u64, address: Address) -> Result<Self, Lie> {
        let (answered_chain, answered) = (self.chain_id, self.address);
        if (answered_chain, answered) == (chain_id, address) {
            return Ok(self);
        }
        Err(Lie::OtherWallet { asked_chain: chain_id, asked: address, answered_chain, answered })
    }

    /// Checks the configuration against that which the reader read from the chain, in the same epoch.
    ///
    /// # Errors
    ///
    /// If it is another one.
    pub fn check_config(&self, epoch: u32, config: &Config) -> Result<(), Lie> {
        if self.epoch == epoch && self.config != *config {
            return Err(Lie::Config { wallet: self.address });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
