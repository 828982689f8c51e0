//! The packed signatures that a wallet takes.

use alloy::{
    primitives::{B256, Bytes},
    signers::{SignerSync, local::PrivateKeySigner},
};
use eyre::Result;

/// Marks the index of an owner whose entry is not ECDSA.
const NOT_ECDSA: u8 = 0x80;

/// How one owner signed, by its index in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// ECDSA over the digest, `r ‖ vs` as in EIP-2098.
    Ecdsa {
        /// The owner's index.
        index: u8,
        /// The compact signature.
        compact: [u8; 64],
    },
    /// ERC-1271 bytes for an owner that is a contract; not empty, below 64 KiB.
    Contract {
        /// The owner's index.
        index: u8,
        /// What the contract is asked about.
        signature: Bytes,
    },
    /// The owner called `approve(digest)`.
    Approved {
        /// The owner's index.
        index: u8,
    },
}

impl Entry {
    /// Signs a digest. Does not hash, prefix or domain-separate it.
    ///
    /// # Errors
    ///
    /// Never in practice: the key is in memory.
    pub fn sign(index: u8, digest: &B256, signer: &PrivateKeySigner) -> Result<Self> {
        Ok(Self::Ecdsa { index, compact: signer.sign_hash_sync(digest)?.as_erc2098() })
    }
}

/// Packs entries in the order given, which a wallet wants to be by strictly increasing index. Does
/// not sort or check, so that tests can pack what a wallet must refuse.
pub fn pack(entries: &[Entry]) -> Bytes {
    let mut packed = Vec::new();
    for entry in entries {
        match entry {
            Entry::Ecdsa { index, compact } => {
                packed.push(*index);
                packed.extend_from_slice(compact);
            }
            Entry::Contract { index, signature } => {
                packed.push(NOT_ECDSA | index);
                let length = u16::try_from(signature.len()).expect("signatures are below 64 KiB");
                packed.extend_from_slice(&length.to_be_bytes());
                packed.extend_from_slice(signature);
            }
            Entry::Approved { index } => packed.extend_from_slice(&[NOT_ECDSA | index, 0, 0]),
        }
    }
    packed.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owners::owner;
    use alloy::primitives::{Signature, hex};

    #[test]
    fn packs_each_kind_as_the_wallet_reads_it() {
        let compact = [0x11; 64];
        let entries = [
            Entry::Ecdsa { index: 0, compact },
            Entry::Contract { index: 2, signature: hex!("abcdef").into() },
            Entry::Approved { index: 9 },
        ];
        let packed = hex::encode(pack(&entries));
        assert_eq!(packed, format!("00{}{}{}", "11".repeat(64), "820003abcdef", "890000"));
    }

    #[test]
    fn a_compact_signature_recovers_to_its_owner() {
        let digest = B256::repeat_byte(0x42);
        let Entry::Ecdsa { compact, .. } = Entry::sign(0, &digest, &owner(0)).unwrap() else {
            panic!("not ECDSA");
        };
        let recovered = Signature::from_erc2098(&compact).recover_address_from_prehash(&digest);
        assert_eq!(recovered.unwrap(), owner(0).address());
    }
}
