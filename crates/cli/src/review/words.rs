//! A digest as words that people can say and compare: English ones of BIP-39.

use alloy::{
    primitives::B256,
    signers::local::coins_bip39::{English, Wordlist as _},
};
use sha2::{Digest as _, Sha256};

/// How many bits a word stands for: the list has 2048.
const BITS: usize = 11;

/// What stands beside six words, so that nobody takes them for the whole.
pub(crate) const OF_SIX: &str = "(the first 66 bits of the digest)";

/// Six words of the first 66 bits. They find a changed copy; whoever makes proposals can find two with equal words, by about
/// 2^33 tries.
pub(crate) fn six(digest: B256) -> String {
    words(digest.as_slice(), 6)
}

/// 24 words of the whole digest: BIP-39 of 32 bytes, with its checksum of eight bits.
pub(crate) fn all(digest: B256) -> String {
    let mut bytes = digest.to_vec();
    bytes.extend(Sha256::digest(digest).first());
    words(&bytes, 24)
}

/// Words in lines of six.
pub(crate) fn in_lines(words: &str) -> Vec<String> {
    let words: Vec<_> = words.split(' ').collect();
    words.chunks(6).map(|line| line.join(" ")).collect()
}

fn words(bytes: &[u8], count: usize) -> String {
    let bit = |at: usize| {
        let byte = bytes.get(at / 8).copied().unwrap_or_default();
        usize::from(byte >> (7 - at % 8) & 1)
    };
    let word = |number: usize| {
        let start = number * BITS;
        let index = (start..start + BITS).fold(0, |index, at| index << 1 | bit(at));
        English::get_all().get(index).copied().unwrap_or_default()
    };
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::signers::local::coins_bip39::Mnemonic;
    use proptest::prelude::*;

    const SIX: &str = "abandon amount liar amount expire adjust";

    #[test]
    fn the_words_of_a_known_digest() {
        let digest = B256::from(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        assert_eq!(six(digest), SIX);
        let rest = "cage candy arch gather drum bullet absurd math era live bid rhythm alien crouch range attend journey unaware";
        assert_eq!(all(digest), format!("{SIX} {rest}"));
    }

    proptest! {
        /// The six begin the 24, and the 24 are a phrase whose checksum holds for a reader of BIP-39.
        #[test]
        fn all_words_are_a_phrase(digest: [u8; 32]) {
            let digest = B256::from(digest);
            let all = all(digest);
            let begins = format!("{} ", six(digest));
            prop_assert!(all.starts_with(&begins));
            let read = Mnemonic::<English>::new_from_phrase(&all).unwrap();
            prop_assert_eq!(read.to_phrase(), all);
        }

        /// A changed copy has other words.
        #[test]
        fn one_bit_changes_the_words(digest: [u8; 32], at in 0_usize..256) {
            let mut other = digest;
            other[at / 8] ^= 1 << (7 - at % 8);
            let (digest, other) = (B256::from(digest), B256::from(other));
            prop_assert_ne!(all(digest), all(other));
            prop_assert_eq!(six(digest) == six(other), at >= 66);
        }
    }
}
