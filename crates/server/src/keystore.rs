//! Keystores as Foundry and other Web3 programs write them.

use alloy::signers::local::{LocalSigner, PrivateKeySigner};
use quorate_core::text::shown;
use std::{
    env,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why a keystore is not opened. Says nothing of what is in the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeystoreError {
    /// Foundry's folder is in the home folder.
    #[error("there is no home folder: name the keystore's file")]
    NoHome,
    /// A path where a name is wanted.
    #[error("{} is not the name of a keystore", shown(name))]
    NotAName {
        /// What was given.
        name: String,
    },
    /// Foundry's folder has no such keystore.
    #[error(
        "no keystore {} in {}: `cast wallet import` makes one, --keystore takes any file",
        shown(name), folder.display()
    )]
    NoAccount {
        /// What was looked for.
        name: String,
        /// Where.
        folder: PathBuf,
    },
    /// The password does not fit.
    #[error("cannot open {}: wrong password", file.display())]
    WrongPassword {
        /// The keystore.
        file: PathBuf,
    },
    /// Nothing that can be decrypted.
    #[error("cannot open {}: not a keystore (JSON of version 3, as Foundry writes it)", file.display())]
    NotAKeystore {
        /// The file.
        file: PathBuf,
    },
}

/// The file of a keystore in Foundry's folder, which must be there.
///
/// # Errors
///
/// [`KeystoreError::NoHome`], [`KeystoreError::NotAName`], [`KeystoreError::NoAccount`].
pub fn account(name: &str) -> Result<PathBuf, KeystoreError> {
    let folder = env::home_dir().ok_or(KeystoreError::NoHome)?.join(".foundry/keystores");
    let file = folder.join(name);
    // A name, not a path: `..` would leave the folder.
    if Path::new(name).components().count() != 1 || file.file_name().is_none() {
        return Err(KeystoreError::NotAName { name: name.to_owned() });
    }
    if !file.exists() {
        return Err(KeystoreError::NoAccount { name: name.to_owned(), folder });
    }
    Ok(file)
}

/// Decrypts a keystore, which takes a second or more, on a thread of its own.
///
/// # Errors
///
/// [`KeystoreError::WrongPassword`], [`KeystoreError::NotAKeystore`].
pub async fn open(file: &Path, password: String) -> Result<PrivateKeySigner, KeystoreError> {
    let path = file.to_owned();
    let opening = move || LocalSigner::decrypt_keystore(path, password);
    match tokio::task::spawn_blocking(opening).await {
        Ok(Ok(key)) => Ok(key),
        Ok(Err(error)) if error.to_string().contains("Mac Mismatch") => {
            Err(KeystoreError::WrongPassword { file: file.to_owned() })
        }
        // The decoder's own words may repeat what is in the file, and on odd parameters it panics.
        Ok(Err(_)) | Err(_) => Err(KeystoreError::NotAKeystore { file: file.to_owned() }),
    }
}

/// A password as files hold it: the line ends behind it are not part of it. `None` if it is not text.
pub fn password(bytes: Vec<u8>) -> Option<String> {
    let mut text = String::from_utf8(bytes).ok()?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Some(text)
}
