//! Signatures of owners of owners.

use crate::{DocumentError, json, nested::MAX_DEPTH, signature::MAX_CONTRACT_SIGNATURE};
use alloy::primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

/// How many parts a file can have.
pub(super) const MAX_PARTS: usize = 1_024;

/// What somebody signed for a wallet that is an owner, or an owner of one: together with others it makes the signature of
/// that wallet.
///
/// What exactly was signed depends on the wallets' epochs, which only a chain tells: nothing of a part is verified here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The wallets that it is for: the first one is an owner of the wallet that acts, each other one of the wallet before.
    #[serde(with = "json::accounts")]
    pub path: Vec<Address>,
    /// Who signed; an owner of the last of them.
    #[serde(with = "json::account")]
    pub owner: Address,
    /// 65 bytes by a key, what a contract takes, or none for an approval on the last of the wallets.
    #[serde(with = "json::bytes")]
    pub signature: Bytes,
}

impl Part {
    /// Checks what can be checked without a chain.
    pub(super) fn check(&self, wallet: Address) -> Result<(), DocumentError> {
        let depth = self.path.len();
        let is_round = |(place, account): (usize, &Address)| {
            *account == wallet || *account == self.owner || self.path[..place].contains(account)
        };
        if depth == 0 || depth > MAX_DEPTH || self.path.iter().enumerate().any(is_round) {
            return Err(DocumentError::Path { depth });
        }
        let count = self.signature.len();
        if count > MAX_CONTRACT_SIGNATURE {
            let (what, most) = ("bytes of a part's signature", MAX_CONTRACT_SIGNATURE);
            return Err(DocumentError::TooMany { what, count, most });
        }
        Ok(())
    }
}
