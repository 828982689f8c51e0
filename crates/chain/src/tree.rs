//! Wallets that own wallets: who signed for whom, and what becomes of it.

use crate::{Chain, ChainError, Refusal, Rejected, WalletState};
use alloy::primitives::Address;
use quorate_core::{
    Config, OwnerSignature, Proposal,
    nested::{MAX_DEPTH, Nested, Signatory, contract_signature},
    packing,
};
use std::collections::BTreeMap;

/// How many wallets are read while it is looked for who leads to a key.
const MOST_WALLETS: usize = 64;

/// A wallet that is an owner, and what was signed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The wallet.
    pub wallet: Address,
    /// How many of its owners have to sign; none where it is no Quorate wallet.
    pub threshold: Option<u8>,
    /// Who of its owners signed for it, wallets whose branches are whole included.
    pub signed: Vec<Address>,
    /// Whose part does not hold, and why.
    pub rejected: Vec<Rejected>,
    /// Who of its owners did not.
    pub missing: Vec<Address>,
    /// The wallets among its owners for which something was signed.
    pub branches: Vec<Self>,
    /// Its signature, once enough of its owners signed.
    pub signature: Option<OwnerSignature>,
}

impl Chain {
    /// What the parts of a proposal come to, for each wallet among the owners for which there are some.
    ///
    /// A wallet's signature is that of its present epoch: after a reconfiguration its parts count for nothing.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn branches(
        &self,
        proposal: &Proposal,
        config: &Config,
    ) -> Result<Vec<Branch>, ChainError> {
        let mut branches = Vec::new();
        for wallet in next_of(proposal, &[]) {
            if config.index_of(wallet).is_some() {
                branches.push(self.branch(proposal, &mut Vec::new(), wallet).await?);
            }
        }
        Ok(branches)
    }

    async fn branch(
        &self,
        proposal: &Proposal,
        above: &mut Vec<Signatory>,
        wallet: Address,
    ) -> Result<Branch, ChainError> {
        let state = self.wallet(wallet, None).await?;
        let mut branch = Branch {
            wallet,
            threshold: None,
            signed: Vec::new(),
            rejected: Vec::new(),
            missing: Vec::new(),
            branches: Vec::new(),
            signature: None,
        };
        let Some(config) = state.config else { return Ok(branch) };
        above.push(Signatory { wallet, epoch: state.epoch });
        let request = proposal.request();
        let digest = Nested::new(request, above).digest();
        let path: Vec<_> = above.iter().map(|signatory| signatory.wallet).collect();
        let mut valid = BTreeMap::new();
        for part in proposal.parts().iter().filter(|part| part.path == path) {
            let owner = part.owner;
            if config.index_of(owner).is_none() {
                branch.rejected.push(Rejected { owner, reason: Refusal::NotOwner });
                continue;
            }
            match self.judge_digest((wallet, digest), owner, &part.signature).await? {
                Ok(signature) => {
                    valid.entry(owner).or_insert(signature);
                }
                Err(reason) => branch.rejected.push(Rejected { owner, reason }),
            }
        }
        if path.len() < MAX_DEPTH {
            for below in next_of(proposal, &path) {
                if config.index_of(below).is_none() {
                    continue;
                }
                let found = Box::pin(self.branch(proposal, above, below)).await?;
                if let Some(signature) = &found.signature {
                    valid.entry(below).or_insert(signature.clone());
                }
                branch.branches.push(found);
            }
        }
        above.pop();
        branch.rejected.retain(|rejected| !valid.contains_key(&rejected.owner));
        branch.threshold = Some(config.threshold());
        branch.signed = config.owners().iter().copied().filter(|o| valid.contains_key(o)).collect();
        branch.missing =
            config.owners().iter().copied().filter(|o| !valid.contains_key(o)).collect();
        let chosen = packing::choose(&config, quorate_core::Lane::ZERO, &valid);
        branch.signature = packing::pack(&config, &chosen).ok().and_then(|packed| {
            let bytes = contract_signature(request, path.len() - 1, &packed);
            OwnerSignature::by_contract(bytes).ok()
        });
        Ok(branch)
    }

    /// The paths of wallets, each an owner of the one before, that lead from an owner of a wallet to an account: at most
    /// three long. The wallets are canonical ones, each with its present epoch.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn paths_to(
        &self,
        first: Address,
        account: Address,
    ) -> Result<Vec<Vec<Signatory>>, ChainError> {
        let mut known = BTreeMap::new();
        let (mut paths, mut open) = (Vec::new(), vec![(Vec::new(), first)]);
        while let Some((above, wallet)) = open.pop() {
            if !known.contains_key(&wallet) {
                if known.len() >= MOST_WALLETS {
                    continue;
                }
                known.insert(wallet, self.signatory(wallet).await?);
            }
            let Some(Some((signatory, config))) = known.get(&wallet) else { continue };
            let path: Vec<Signatory> = [&above[..], &[*signatory]].concat();
            if config.index_of(account).is_some() {
                paths.push(path.clone());
            }
            if path.len() < MAX_DEPTH {
                let is_new = |owner: &&Address| path.iter().all(|above| above.wallet != **owner);
                let next = config.owners().iter().filter(is_new);
                open.extend(next.map(|owner| (path.clone(), *owner)));
            }
        }
        paths.sort_by_key(|path| path.iter().map(|signatory| signatory.wallet).collect::<Vec<_>>());
        Ok(paths)
    }

    /// A wallet's epoch and configuration; none where it is no Quorate wallet.
    async fn signatory(&self, wallet: Address) -> Result<Option<(Signatory, Config)>, ChainError> {
        let WalletState { epoch, config, deployed, .. } = self.wallet(wallet, None).await?;
        let config = config.filter(|_| deployed);
        Ok(config.map(|config| (Signatory { wallet, epoch }, config)))
    }
}

/// The wallets that go on behind a path, in order, each once.
fn next_of(proposal: &Proposal, path: &[Address]) -> Vec<Address> {
    let behind = proposal.parts().iter().filter_map(|part| part.path.strip_prefix(path)?.first());
    let mut next: Vec<_> = behind.copied().collect();
    next.sort_unstable();
    next.dedup();
    next
}
