//! Signatures that come, and those that hold no more.

use super::{Applied, Step};
use crate::effect::{Effect, Ignored};
use alloy::primitives::{Address, B256};
use quorate_core::OwnerSignature;

impl Step {
    /// Takes an owner's signature, in the place of another one that there may be.
    pub(super) fn add_signature(
        &mut self,
        digest: B256,
        owner: Address,
        signature: OwnerSignature,
    ) -> Applied {
        let tracked = self.tracked(digest)?;
        tracked.backoff = None;
        let before = tracked.signatures.insert(owner, signature.clone());
        tracked.lapsed.remove(&owner);
        if before.as_ref() == Some(&signature) {
            return Err(Ignored::NothingNew);
        }
        // What failed may have been for want of it.
        tracked.forgiven = tracked.failures.len();
        if before.is_some() {
            // What was planned with it may not pass without it.
            let wallet = tracked.request.wallet;
            self.disturb(Some(wallet));
        }
        Ok(())
    }

    /// Asks contracts whose signatures are in an execution that fails whether they still hold.
    pub(super) fn ask_contracts(&mut self, digest: B256) {
        let Some(at) = self.state.history.head().map(|head| head.id) else { return };
        let Some(tracked) = self.state.proposals.get(&digest) else { return };
        let by_contract = tracked.signatures.iter().filter(|(_, s)| s.kind().is_contract());
        let signatures: Vec<_> =
            by_contract.map(|(owner, signature)| (*owner, signature.clone())).collect();
        if signatures.is_empty() {
            return;
        }
        let request = Box::new(tracked.request.clone());
        self.effects.push(Effect::AskContracts { request, at, signatures });
    }

    /// Takes signatures away that hold no more: their owners are missing again.
    pub(super) fn lapse_signatures(
        &mut self,
        digest: B256,
        lapsed: Vec<(Address, OwnerSignature, &'static str)>,
    ) -> Applied {
        let tracked = self.tracked(digest)?;
        let wallet = tracked.request.wallet;
        let mut gone = Vec::new();
        for (owner, signature, reason) in lapsed {
            if tracked.signatures.get(&owner) == Some(&signature) {
                tracked.signatures.remove(&owner);
                tracked.lapsed.insert(owner, signature.clone());
                gone.push(Effect::SignatureLapsed { digest, owner, signature, reason });
            }
        }
        if gone.is_empty() {
            return Err(Ignored::NothingNew);
        }
        // Without them it may pass, as where others are enough.
        tracked.backoff = None;
        self.effects.extend(gone);
        self.disturb(Some(wallet));
        Ok(())
    }
}
