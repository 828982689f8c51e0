//! What is wrong with a keystore, field by field.

use super::limits::{MAX_MEMORY_MIB, MAX_PBKDF2_ROUNDS, MAX_SCRYPT_WORK};
use quorate_core::text::shown;
use thiserror::Error;

/// Why a file is not opened as a keystore. Names the field, and never repeats what could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not UTF-8.
    #[error("it is not text in UTF-8")]
    NotText,
    /// No JSON, or no object.
    #[error("it is no JSON object, as Foundry, geth, ethers and eth-account write it")]
    NotJson,
    /// The digits of a key as they are.
    #[error(
        "it holds a key that is not encrypted: make a keystore of it with `cast wallet import NAME --interactive`"
    )]
    PlainKey,
    /// Words.
    #[error("it holds words: a mnemonic goes to --mnemonic-file")]
    Words,
    /// More bytes than any keystore has.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// The most bytes read.
        limit: u64,
    },
    /// A field is not there.
    #[error("it has no field {field}")]
    Missing {
        /// The field, with the fields it is in.
        field: &'static str,
    },
    /// A field stands twice, in other letters.
    #[error("it has the field {field} twice, in capital and small letters, with different values")]
    Twice {
        /// The field.
        field: &'static str,
    },
    /// A field is not what it should be.
    #[error("its field {field} is not {wanted}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// What is read there.
        wanted: &'static str,
    },
    /// Another format.
    #[error(
        "its version is {found}, and 3 is read: open it with the program that made it, and export it from there"
    )]
    Version {
        /// What it says.
        found: u64,
    },
    /// A key of a validator.
    #[error("its version is 4: that is a validator's key (EIP-2335), not an account's")]
    Validator,
    /// A way to encrypt that is not read.
    #[error(
        "its field {field} is {}, and {read} is read: save it anew with the program that made it",
        shown(found)
    )]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What it says.
        found: String,
        /// What is read.
        read: &'static str,
    },
    /// Too few bytes, or too many.
    #[error("its field {field} has {found} bytes, and {wanted} are needed")]
    Length {
        /// The field.
        field: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: &'static str,
    },
    /// A derived key too short for the cipher and the checksum.
    #[error("its field crypto.kdfparams.dklen is {found}, and at least 32 is needed")]
    ShortKey {
        /// What it says.
        found: u64,
    },
    /// scrypt's n.
    #[error("its field crypto.kdfparams.n is {found}, which is no power of two above 1")]
    NotAPowerOfTwo {
        /// What it says.
        found: u64,
    },
    /// scrypt would take more memory than is given to it.
    #[error(
        "opening it takes {mib} MiB of memory (128 × n × r bytes), and {MAX_MEMORY_MIB} is the most: save it anew with \
         n = 262144 and r = 8"
    )]
    Memory {
        /// How much.
        mib: u128,
    },
    /// The key derivation would take minutes or more.
    #[error(
        "opening it takes too long: n × r × p may be {MAX_SCRYPT_WORK} at the most, c {MAX_PBKDF2_ROUNDS}; save it anew \
         with n = 262144, r = 8 and p = 1"
    )]
    Work,
    /// What is encrypted is no key of an account.
    #[error("what is encrypted in it is no private key: it has {found} bytes, or is out of range")]
    NotAKey {
        /// How many bytes there are.
        found: usize,
    },
}
