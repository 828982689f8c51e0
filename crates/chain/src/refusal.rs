//! What nodes mean when they refuse a transaction: one table for all of them.
//!
//! Nodes have no common codes for this, so the words count. Each row is from the sources of a node or was seen of it;
//! docs/nodes.md names them. What no row has is [`Class::Unrecognised`]: nobody may guess a cure for it.

mod named;
mod words;

pub use named::Named;

use crate::{ChainError, endpoint::REVERT_CODE};

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing: the node has the very bytes.
    Known,
    /// Offer more for gas.
    RaiseFee,
    /// Allow more gas. No fee helps.
    RaiseGas,
    /// The sender needs more ether.
    InsufficientFunds,
    /// The account nonce is used up; what used it can be looked up.
    NonceTooLow,
    /// Send the same bytes again later: the pool is full, the node is busy, or something goes before it.
    Wait,
    /// Nothing: as it is, it can never be mined. Its account nonce can be given to another transaction.
    Hopeless,
    /// Nothing: it reverts, or would. Some nodes mine it all the same, so it may be on its way.
    Reverted,
    /// Not known. The same bytes may be sent again, and somebody has to look.
    Unrecognised,
}

impl Class {
    /// Its word in logs and in docs/nodes.md.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::RaiseFee => "raise the fee",
            Self::RaiseGas => "raise the gas",
            Self::InsufficientFunds => "insufficient funds",
            Self::NonceTooLow => "nonce too low",
            Self::Wait => "wait",
            Self::Hopeless => "give the place to another",
            Self::Reverted => "reverts",
            Self::Unrecognised => "stop and alarm",
        }
    }

    /// Whether it proves that the node did not keep the bytes.
    pub const fn is_proof(self) -> bool {
        match self {
            Self::RaiseFee
            | Self::RaiseGas
            | Self::InsufficientFunds
            | Self::NonceTooLow
            | Self::Wait
            | Self::Hopeless => true,
            Self::Known | Self::Reverted | Self::Unrecognised => false,
        }
    }
}

/// A node's refusal of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What can be done about it.
    pub class: Class,
    /// The numbers that the node named.
    pub named: Named,
    /// Its words, as they were given.
    pub message: String,
}

impl Refusal {
    /// What a node means that answers `eth_sendRawTransaction` with this error of JSON-RPC.
    pub fn read(code: i64, message: &str) -> Self {
        let text = message.to_lowercase();
        let class = match words::class_of(&text) {
            // The words are whatever the contract says.
            _ if code == REVERT_CODE && !text.contains("known transaction") => Class::Reverted,
            found => found.unwrap_or(Class::Unrecognised),
        };
        // An account nonce above the next one is no lower one, whatever the words.
        let class = match (class, named::nonces(&text)) {
            (Class::NonceTooLow, Some((account, transaction))) if transaction > account => {
                Class::Wait
            }
            (class, _) => class,
        };
        Self { class, named: Named::read(class, &text), message: message.to_owned() }
    }
}

impl ChainError {
    /// What it means as the answer to a transaction that was sent; none if it is no refusal: nobody answered, or
    /// with something that is no answer.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Rpc { code, message, .. } => Some(Refusal::read(*code, message)),
            Self::Reverted { reason, .. } => Some(Refusal {
                class: Class::Reverted,
                named: Named::default(),
                message: reason.to_string(),
            }),
            Self::InvalidUrl { .. }
            | Self::Unreachable { .. }
            | Self::WrongAnswer { .. }
            | Self::HistoryRefused { .. }
            | Self::OtherChain { .. }
            | Self::NotAWallet { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
