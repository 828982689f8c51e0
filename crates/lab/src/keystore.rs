//! Keystores of public keys, as Foundry keeps them.

use alloy::signers::local::{LocalSigner, PrivateKeySigner};
use eyre::{Result, WrapErr};
use std::path::{Path, PathBuf};

/// The password of every keystore made here.
///
/// Warning: public, as the keys are.
pub const PASSWORD: &str = "quorate";

/// Writes the keystore of `key` into `folder` under `name`, encrypted with [`PASSWORD`], and returns its path.
///
/// # Errors
///
/// If the folder cannot be written to.
pub fn write(folder: &Path, name: &str, key: &PrivateKeySigner) -> Result<PathBuf> {
    let secret = key.to_bytes();
    LocalSigner::encrypt_keystore(folder, &mut rand::thread_rng(), secret, PASSWORD, Some(name))
        .wrap_err_with(|| format!("cannot write a keystore to {}", folder.display()))?;
    Ok(folder.join(name))
}
