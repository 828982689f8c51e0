//! Public keys in files: keystores, as Foundry keeps them, and environment files.

use alloy::{
    primitives::hex,
    signers::local::{LocalSigner, PrivateKeySigner},
};
use eyre::{Result, WrapErr};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

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

/// Writes a file of lines `VARIABLE=KEY` that its owner alone may read.
///
/// # Errors
///
/// If it cannot be written.
pub fn write_env_file(file: &Path, keys: &[(String, PrivateKeySigner)]) -> Result<()> {
    let mut text = String::new();
    for (variable, key) in keys {
        writeln!(text, "{variable}={}", hex::encode(key.to_bytes()))?;
    }
    write_private(file, &text)
}

/// Writes a file that its owner alone may read.
///
/// # Errors
///
/// If it cannot be written.
pub fn write_private(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).wrap_err_with(|| format!("cannot write {}", file.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}
