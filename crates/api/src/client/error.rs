//! How asking a relayer fails.

use crate::{Lie, Problem};
use quorate_core::config::ConfigError;
use thiserror::Error;

/// Why a relayer gave no answer that can be used.
///
/// No variant holds more of the URL than host and port, none holds the token, and what the relayer wrote is escaped and
/// cut.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// Not a URL of a relayer. What was given is not repeated: it may hold a secret.
    #[error("the relayer's URL cannot be used: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not a token. What was given is not repeated.
    #[error(
        "the relayer's token cannot be used: a token is one word of at most 512 letters, digits and signs"
    )]
    InvalidToken,
    /// The token would be sent so that others can read it.
    #[error(
        "the token would be readable on the way to {relayer}, which is not this machine: give an https URL, or ask without a token"
    )]
    TokenInClear {
        /// Host and port.
        relayer: String,
    },
    /// What is to be registered can be no wallet.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody answered, or said that it cannot for now.
    #[error("the relayer at {relayer} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        relayer: String,
        /// What happened.
        reason: String,
    },
    /// What was handed in was sent, also again, and no answer says what became of it.
    #[error(
        "{relayer} did not say whether it took what was handed in: {reason}; it may have, `quorate list` shows it, and \
         the same again stores nothing twice"
    )]
    Unsure {
        /// Host and port.
        relayer: String,
        /// What happened last.
        reason: String,
    },
    /// An answer that is none of a relayer.
    #[error("{relayer} gave no sensible answer: {reason}")]
    WrongAnswer {
        /// Host and port.
        relayer: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The relayer said why it does not do it.
    #[error("the relayer at {relayer} refused: {problem}")]
    Problem {
        /// Host and port.
        relayer: String,
        /// The HTTP status that it came with.
        status: u16,
        /// What it said.
        problem: Problem,
    },
    /// The relayer said what is not so.
    #[error("the relayer says what is not so: {0}")]
    Lie(#[from] Lie),
}

impl ClientError {
    /// Whether it may go better when asked again later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unsure { .. } | Self::WrongAnswer { .. } => true,
            Self::Problem { status, .. } => matches!(status, 408 | 429 | 500..),
            Self::InvalidUrl { .. }
            | Self::InvalidToken
            | Self::TokenInClear { .. }
            | Self::Config(_)
            | Self::Lie(_) => false,
        }
    }
}
