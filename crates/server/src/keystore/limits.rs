//! How much a keystore may ask of whoever opens it.

/// The most memory that scrypt may take, in MiB: four times what geth's keystores take.
pub(super) const MAX_MEMORY_MIB: u128 = 1024;

/// The most that n × r × p of scrypt may be: 32 times what geth's keystores have, half a minute.
pub(super) const MAX_SCRYPT_WORK: u128 = 1 << 26;

/// The most rounds of PBKDF2: over 60 times what eth-account writes, half a minute.
pub(super) const MAX_PBKDF2_ROUNDS: u64 = 1 << 26;
