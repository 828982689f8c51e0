//! Several endpoints as one: whoever answers first with sense is believed, and everybody gets what is sent.

use crate::event::{Rejection, Sent};
use quorate_chain::{Chain, ChainError, blocks::SendAnswer};
use std::future::Future;
use tokio::task::JoinSet;

/// The endpoints of one chain. One that is dead, slow or behind stops nothing while another is there.
#[derive(Clone, Debug)]
pub struct Endpoints {
    chains: Vec<Chain>,
}

impl Endpoints {
    /// These endpoints, which must serve the same chain; at least one.
    pub const fn new(chains: Vec<Chain>) -> Self {
        Self { chains }
    }

    /// All of them.
    pub fn all(&self) -> &[Chain] {
        &self.chains
    }

    /// Asks one after the other until one answers.
    ///
    /// # Errors
    ///
    /// The error of the last one, if none does.
    pub async fn read<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        question: impl Fn(Chain) -> F,
    ) -> Result<T, ChainError> {
        let mut last = ChainError::InvalidUrl { reason: "no endpoint is configured" };
        for chain in &self.chains {
            match question(chain.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    tracing::debug!(%error, "endpoint");
                    last = error;
                }
            }
        }
        Err(last)
    }

    /// Sends bytes to all of them at once. Accepted if any accepts; rejected only if all refuse them for a
    /// reason that is understood.
    pub async fn broadcast(&self, raw: &[u8]) -> Sent {
        let mut sends = JoinSet::new();
        for chain in &self.chains {
            let (chain, raw) = (chain.clone(), raw.to_vec());
            sends.spawn(async move { chain.offer(&raw).await });
        }
        let mut rejection = None;
        let mut is_unknown = false;
        while let Some(answer) = sends.join_next().await {
            match answer.unwrap_or(SendAnswer::Unknown) {
                SendAnswer::Accepted => return Sent::Accepted,
                SendAnswer::Unknown => is_unknown = true,
                SendAnswer::Refused(message) => match rejection_of(&message) {
                    Some(reason) => rejection = Some(reason),
                    None => is_unknown = true,
                },
            }
        }
        match rejection {
            Some(reason) if !is_unknown => Sent::Rejected(reason),
            _ => Sent::Unknown,
        }
    }
}

/// What a refusal means, in the words of geth, reth, nethermind and anvil. None where it might mean anything.
fn rejection_of(message: &str) -> Option<Rejection> {
    const WORDS: [(&str, Rejection); 12] = [
        ("nonce too low", Rejection::NonceTooLow),
        ("oldnonce", Rejection::NonceTooLow),
        ("underpriced", Rejection::Underpriced),
        ("fee too low", Rejection::Underpriced),
        ("feetoolow", Rejection::Underpriced),
        ("less than block base fee", Rejection::Underpriced),
        ("insufficient funds", Rejection::InsufficientFunds),
        ("insufficientfunds", Rejection::InsufficientFunds),
        ("intrinsic gas", Rejection::Invalid),
        ("exceeds block gas limit", Rejection::Invalid),
        ("invalid chain id", Rejection::Invalid),
        ("oversized data", Rejection::Invalid),
    ];
    let message = message.to_lowercase();
    WORDS.iter().find(|(words, _)| message.contains(words)).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_understood_is_a_rejection() {
        for (message, expected) in [
            ("nonce too low: next nonce 5, tx nonce 4", Some(Rejection::NonceTooLow)),
            ("replacement transaction underpriced", Some(Rejection::Underpriced)),
            ("insufficient funds for gas * price + value", Some(Rejection::InsufficientFunds)),
            ("intrinsic gas too low", Some(Rejection::Invalid)),
            ("txpool is full", None),
            ("internal error", None),
        ] {
            assert_eq!(rejection_of(message), expected, "{message}");
        }
    }
}
