//! Keystores as Foundry, geth, ethers, web3, eth-account and brownie write them.
//!
//! Read here rather than by a library: those in use refuse what others write (a capital letter in `Crypto`, no `id`, the
//! parameters of eth-account), take what they cannot bear (no limit of memory), panic, and believe any `address`.

mod decrypt;
mod document;
mod fault;
mod limits;

pub use fault::Fault;

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use decrypt::Decrypted;
use document::Document;
use quorate_core::text::shown;
use std::{
    env,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The most bytes that a keystore may have; one has about 500.
const LARGEST: u64 = 64 << 10;

/// Why a keystore is not opened. Says nothing of what could be a secret.
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
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// The keystore.
        file: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Nothing that can be decrypted.
    #[error("cannot open {}, not a keystore that can be used: {fault}", file.display())]
    NotAKeystore {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The keystore says that it is another account's: it was mixed up, or tampered with.
    #[error(
        "cannot open {}: it says that it is the key of {stated}, and holds the key of {held}; \
         if {held} is the account that you mean, remove the field address from the file",
        file.display()
    )]
    OtherAddress {
        /// The keystore.
        file: PathBuf,
        /// What it says.
        stated: Address,
        /// Whose key it holds.
        held: Address,
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
/// Takes at most 1 GiB of memory, whatever the file asks for.
///
/// # Errors
///
/// [`KeystoreError::Unreadable`], [`KeystoreError::WrongPassword`], [`KeystoreError::NotAKeystore`], and
/// [`KeystoreError::OtherAddress`] if the file states an address that is not the key's.
pub async fn open(file: &Path, password: String) -> Result<PrivateKeySigner, KeystoreError> {
    let path = file.to_owned();
    let opened = tokio::task::spawn_blocking(move || open_now(&path, &password)).await;
    opened.unwrap_or_else(|stopped| {
        let reason = format!("decrypting it was broken off: {stopped}");
        Err(KeystoreError::Unreadable { file: file.to_owned(), reason })
    })
}

fn open_now(file: &Path, password: &str) -> Result<PrivateKeySigner, KeystoreError> {
    let refused = |fault| KeystoreError::NotAKeystore { file: file.to_owned(), fault };
    let unreadable = |error: io::Error| KeystoreError::Unreadable {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(refused(Fault::TooLarge { limit: LARGEST }));
    }
    let document = Document::parse(&bytes).map_err(refused)?;
    let key = match document.decrypt(password).map_err(refused)? {
        Decrypted::Key(key) => key,
        Decrypted::WrongPassword => {
            return Err(KeystoreError::WrongPassword { file: file.to_owned() });
        }
    };
    match document.address {
        Some(stated) if stated != key.address() => {
            let (file, held) = (file.to_owned(), key.address());
            Err(KeystoreError::OtherAddress { file, stated, held })
        }
        _ => Ok(key),
    }
}

/// A password as files hold it: the line ends behind it are not part of it. `None` if it is not text.
pub fn password(bytes: Vec<u8>) -> Option<String> {
    let mut text = String::from_utf8(bytes).ok()?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Some(text)
}
