//! Signing with keys that are at hand.

use alloy::{
    primitives::{Address, B256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use eyre::Result;
use quorate_core::{OwnerSignature, signature::EcdsaSignature};
use std::collections::BTreeMap;

/// The signature of each of these keys over a digest. Does not hash, prefix or domain-separate it.
///
/// # Errors
///
/// Never in practice: the keys are in memory.
pub fn sign<'a>(
    digest: &B256,
    keys: impl IntoIterator<Item = &'a PrivateKeySigner>,
) -> Result<BTreeMap<Address, OwnerSignature>> {
    let sign = |key: &PrivateKeySigner| {
        let signature = key.sign_hash_sync(digest)?.as_bytes();
        let signature = EcdsaSignature::from_bytes(&signature)?;
        Ok((key.address(), OwnerSignature::Ecdsa(signature)))
    };
    keys.into_iter().map(sign).collect()
}
