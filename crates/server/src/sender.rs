//! Keys of the accounts that send, in files that nobody else may read.

use crate::keystore::{self, KeystoreError};
use alloy::{
    primitives::{Address, B256},
    signers::local::PrivateKeySigner,
};
use quorate_core::text::shown;
use quorate_relayer::driver::{Key as _, LocalKey};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The most bytes that a file with a password or keys may have.
pub const LARGEST_FILE: u64 = 64 << 10;

/// Where the key of an account that sends is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// In a keystore.
    Keystore {
        /// The keystore.
        file: PathBuf,
        /// A private file with its password.
        password_file: PathBuf,
    },
    /// In a private file of lines `NAME=VALUE`, as hexadecimal digits.
    EnvFile {
        /// The file.
        file: PathBuf,
        /// The name.
        variable: String,
    },
}

/// Why a key is not ready to sign. No variant holds a part of a key or password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SenderError {
    /// The file is not there, or may not be read.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Others than its owner may read or write it.
    #[error(
        "{0} has mode {mode:04o}, so others can get at the secret in it: run chmod 600 {0}",
        file.display()
    )]
    NotPrivate {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Above [`LARGEST_FILE`].
    #[error("{} has more than {LARGEST_FILE} bytes: it is not a file of keys or a password", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// Not UTF-8.
    #[error("{} is not text", file.display())]
    NotText {
        /// The file.
        file: PathBuf,
    },
    /// A line that is not `NAME=VALUE`.
    #[error("line {line} of {} is not of the form NAME=VALUE", file.display())]
    NotALine {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The variable is not in the file.
    #[error("{} has no line {}=…: add it, or correct the name", file.display(), shown(variable))]
    NoVariable {
        /// The file.
        file: PathBuf,
        /// The name.
        variable: String,
    },
    /// The variable is there twice.
    #[error("{} sets {} more than once: keep one line", file.display(), shown(variable))]
    SetTwice {
        /// The file.
        file: PathBuf,
        /// The name.
        variable: String,
    },
    /// The variable holds no key.
    #[error(
        "{} in {} is not a private key: give 64 hexadecimal digits, with or without 0x",
        shown(variable), file.display()
    )]
    NotAKey {
        /// The file.
        file: PathBuf,
        /// The name.
        variable: String,
    },
    /// The keystore does not open.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The same key for two senders of one chain.
    #[error("two senders of chain {chain_id} have the key of {sender}: remove one of them")]
    SameKey {
        /// The chain.
        chain_id: u64,
        /// The account.
        sender: Address,
    },
}

impl Sender {
    /// The key, ready to sign.
    ///
    /// # Errors
    ///
    /// If a file is missing, not private, or does not hold what it should.
    pub async fn open(&self) -> Result<LocalKey, SenderError> {
        let signer = match self {
            Self::Keystore { file, password_file } => {
                let password = keystore::password(read_private(password_file)?)
                    .ok_or_else(|| SenderError::NotText { file: password_file.clone() })?;
                File::open(file).map_err(|error| unreadable(file, &error))?;
                keystore::open(file, password).await?
            }
            Self::EnvFile { file, variable } => from_env_file(file, variable)?,
        };
        Ok(LocalKey::new(signer))
    }
}

impl std::fmt::Display for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keystore { file, .. } => write!(f, "{}", file.display()),
            Self::EnvFile { file, variable } => write!(f, "{variable} in {}", file.display()),
        }
    }
}

/// The keys of all senders of a chain.
///
/// # Errors
///
/// Those of [`Sender::open`], and if two of them are the same.
pub async fn open_all(chain_id: u64, senders: &[Sender]) -> Result<Vec<LocalKey>, SenderError> {
    let mut keys = Vec::new();
    let mut seen = BTreeSet::new();
    for sender in senders {
        let key = sender.open().await?;
        if !seen.insert(key.address()) {
            return Err(SenderError::SameKey { chain_id, sender: key.address() });
        }
        keys.push(key);
    }
    Ok(keys)
}

fn from_env_file(file: &Path, variable: &str) -> Result<PrivateKeySigner, SenderError> {
    let text = String::from_utf8(read_private(file)?)
        .map_err(|_| SenderError::NotText { file: file.to_owned() })?;
    let mut value = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, found) = line
            .split_once('=')
            .ok_or_else(|| SenderError::NotALine { file: file.to_owned(), line: number })?;
        let name = name.trim_end();
        if name.strip_prefix("export ").unwrap_or(name).trim() == variable
            && value.replace(unquoted(found.trim())).is_some()
        {
            let (file, variable) = (file.to_owned(), variable.to_owned());
            return Err(SenderError::SetTwice { file, variable });
        }
    }
    let (file, variable) = (|| file.to_owned(), || variable.to_owned());
    let value =
        value.ok_or_else(|| SenderError::NoVariable { file: file(), variable: variable() })?;
    let digits = value.strip_prefix("0x").unwrap_or(value);
    // `B256` takes a second 0x.
    let is_hex = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let key = is_hex.then(|| digits.parse::<B256>().ok()).flatten();
    key.and_then(|key| PrivateKeySigner::from_bytes(&key).ok())
        .ok_or_else(|| SenderError::NotAKey { file: file(), variable: variable() })
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

/// Reads a file that only its owner may read.
pub(crate) fn read_private(file: &Path) -> Result<Vec<u8>, SenderError> {
    let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
    check_private(file, &opened)?;
    let mut bytes = Vec::new();
    opened
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(file, &error))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(SenderError::TooLarge { file: file.to_owned() });
    }
    Ok(bytes)
}

/// Looks at the file that is open, which stays the same whatever its name is given to meanwhile.
#[cfg(unix)]
fn check_private(file: &Path, opened: &File) -> Result<(), SenderError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = opened.metadata().map_err(|error| unreadable(file, &error))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(SenderError::NotPrivate { file: file.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_: &Path, _: &File) -> Result<(), SenderError> {
    Ok(())
}

fn unreadable(file: &Path, error: &io::Error) -> SenderError {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => error.to_string(),
    };
    SenderError::Unreadable { file: file.to_owned(), reason }
}
