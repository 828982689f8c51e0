//! What the kinds of wallet have in common.

use super::work::Payment;
use alloy::{
    primitives::{Address, Bytes, U256},
    signers::local::PrivateKeySigner,
};
use eyre::Result;

/// The owners of a wallet, with their keys. The first `threshold` of them sign.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    pub(super) threshold: u8,
    pub(super) owners: Vec<PrivateKeySigner>,
}

impl Roster {
    pub(super) fn addresses(&self) -> Vec<Address> {
        self.owners.iter().map(PrivateKeySigner::address).collect()
    }

    /// Who signs.
    pub(super) fn signers(&self) -> &[PrivateKeySigner] {
        &self.owners[..usize::from(self.threshold)]
    }

    /// The same owners with another one in the place of the last, who never signs.
    pub(super) fn with_last(&self, owner: PrivateKeySigner) -> Self {
        let mut roster = self.clone();
        roster.owners.pop();
        roster.owners.push(owner);
        roster
    }
}

/// A wallet on the chain.
#[derive(Debug)]
pub(super) struct Wallet {
    pub(super) address: Address,
    pub(super) roster: Roster,
    /// How many executions it has behind it.
    pub(super) nonce: u64,
    /// How many of those changed the owners.
    pub(super) epoch: u64,
}

/// A kind of wallet: makes the calldata, signatures included, for each piece of work.
pub(super) trait Kind {
    fn name(&self) -> &'static str;

    /// The factory, and the call to it that creates a wallet and returns its address.
    fn create(&self, roster: &Roster, salt: U256) -> (Address, Bytes);

    /// The call to the wallet that makes these payments; without a token in ether.
    fn pay(&self, wallet: &Wallet, token: Option<Address>, payments: &[Payment]) -> Result<Bytes>;

    /// The call to the wallet that replaces its last owner by that of `roster`.
    fn change_owners(&self, wallet: &Wallet, roster: &Roster) -> Result<Bytes>;
}
