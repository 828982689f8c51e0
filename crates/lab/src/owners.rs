//! Owners whose keys anyone can derive.

use alloy::{primitives::keccak256, signers::local::PrivateKeySigner};

/// The owner with this number: its key is `keccak256("quorate owner <number>")`.
///
/// Warning: the key is public.
pub fn owner(number: u64) -> PrivateKeySigner {
    let key = keccak256(format!("quorate owner {number}"));
    PrivateKeySigner::from_bytes(&key).expect("a hash is a valid key but for one in 2^127")
}
