//! In which epochs of a wallet fewer signers than admin may pay, and from which block on each epoch is.

use crate::output::Output;
use alloy::primitives::Address;
use eyre::Result;
use quorate_bindings::canonical::TREASURY_POLICY;
use quorate_chain::{Chain, WalletState};
use quorate_core::proposal::Origin;
use quorate_treasury::run::Epochs;

/// The epochs of a wallet, as far as the chain tells of them.
#[derive(Debug)]
pub(super) struct History {
    pub(super) epochs: Epochs,
    /// The blocks in which later epochs than the first that is known began, in their order.
    began: Vec<u64>,
    present: u32,
}

impl History {
    /// Reads it from block `from` on.
    pub(super) async fn read(
        chain: &Chain,
        state: &WalletState,
        origin: Option<&Origin>,
        from: u64,
        output: Output,
    ) -> Result<Self> {
        let present = state.epoch;
        let mut policies: Vec<(u32, Option<Address>)> = Vec::new();
        let mut began = Vec::new();
        if present > 0 {
            let found = chain.policies(state.address, present, from);
            let found = output.during("reading the wallet's configurations", found).await?;
            let first = present.saturating_sub(u32::try_from(found.len()).unwrap_or(present)) + 1;
            if first > 1 {
                output.warn(&format!(
                    "of {present} reconfigurations of the wallet {} were found from block {from} on: give an earlier --from-block, or another endpoint",
                    found.len()
                ));
            }
            for (epoch, (block, policy)) in (first..).zip(found) {
                policies.push((epoch, Some(policy)));
                began.push(block);
            }
            policies.push((0, origin.and_then(|origin| origin.config.policy())));
        }
        policies.push((present, state.config.as_ref().and_then(|config| config.policy())));
        let is_treasury = |policy: &Option<Address>| *policy == Some(TREASURY_POLICY.address);
        let with = policies.iter().filter(|(_, policy)| is_treasury(policy));
        let epochs = Epochs::with_treasury_policy(with.map(|(epoch, _)| *epoch));
        Ok(Self { epochs, began, present })
    }

    /// The epoch that a block began in.
    pub(super) fn at(&self, block: u64) -> u32 {
        let later = self.began.iter().filter(|began| **began >= block).count();
        self.present.saturating_sub(u32::try_from(later).unwrap_or(self.present))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_of_the_epoch_that_it_began_in() {
        let history = History { epochs: Epochs::plain(), began: vec![10, 20, 20], present: 3 };
        assert_eq!([5, 10, 11, 20, 21].map(|block| history.at(block)), [0, 0, 1, 1, 3]);
    }
}
