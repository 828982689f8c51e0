//! Tokens of the HTTP API.

use alloy::primitives::B256;
use sha2::{Digest as _, Sha256};

/// What every token begins with, so that it is known for what it is where it does not belong.
const PREFIX: &str = "qrt_";

/// The token of 32 bytes that nobody can guess. It is shown once, and kept by its [`hash`] alone.
pub fn token(random: B256) -> String {
    format!("{PREFIX}{random:x}")
}

/// By what a token is kept and found: its SHA-256. Tokens are random, so nothing slower is needed.
pub fn hash(token: &str) -> B256 {
    B256::from_slice(&Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::b256;

    #[test]
    fn a_token_is_kept_by_its_sha_256() {
        // As `printf %s abc | sha256sum` has it.
        let expected = b256!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hash("abc"), expected);
        let token = token(B256::repeat_byte(0x0a));
        assert_eq!(token, format!("qrt_{}", "0a".repeat(32)));
    }
}
