//! What can be wrong with the file.

use quorate_core::text::{escaped, shown};
use std::{fmt, io, path::PathBuf};
use thiserror::Error;

/// What is wrong with a file. Never repeats what may hold a key or a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: {fault}", file.display())]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub fault: ConfigFault,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigFault {
    /// The file is not there, or may not be read.
    #[error("the file cannot be read: {reason}")]
    Unreadable {
        /// The system's words.
        reason: String,
    },
    /// Not UTF-8.
    #[error("the file is not text: save it as UTF-8")]
    NotText,
    /// Not TOML.
    #[error("line {line} is not TOML: {reason}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it, without what is in it.
        reason: String,
    },
    /// A key that means nothing.
    #[error("{} is not known: {advice}", escaped(key))]
    Unknown {
        /// The key, with the sections that it is in.
        key: String,
        /// The way out.
        advice: String,
    },
    /// A key that must be there.
    #[error("{key} is missing: {advice}")]
    Missing {
        /// The key.
        key: String,
        /// The way out.
        advice: String,
    },
    /// A value that cannot be used.
    #[error("{key} is {found}: {advice}")]
    Refused {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// The way out.
        advice: String,
    },
    /// A value that cannot be used, and may hold a secret.
    #[error("{key} cannot be used (it is not shown, as it may hold a secret): {advice}")]
    Hidden {
        /// The key.
        key: String,
        /// The way out.
        advice: String,
    },
}

impl ConfigFault {
    pub(crate) fn unreadable(error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            _ => error.to_string(),
        };
        Self::Unreadable { reason }
    }

    /// The parser's word, without the line that it shows.
    pub(crate) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        Self::Syntax { line: before.matches('\n').count() + 1, reason: escaped(error.message()) }
    }

    pub(crate) fn refused(key: String, found: impl fmt::Display, advice: String) -> Self {
        Self::Refused { key, found: found.to_string(), advice }
    }

    /// A text where something else is wanted.
    pub(crate) fn refused_text(key: String, text: &str, advice: &str) -> Self {
        Self::refused(key, shown(text), advice.to_owned())
    }
}
