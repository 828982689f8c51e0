//! How reading a chain fails.

use crate::{
    Revert,
    endpoint::{Fault, RpcFault},
};
use alloy::primitives::{Address, B256};
use thiserror::Error;

/// Why an endpoint gave no answer that can be used.
///
/// No variant holds more of the endpoint's URL than host and port, and what the endpoint wrote is
/// escaped, cut, and freed of the URL's secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    /// Not a URL of an endpoint. What was given is not repeated: it may hold a key.
    #[error("the RPC URL cannot be used: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody answered, or the endpoint said that it cannot for now.
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        endpoint: String,
        /// What happened.
        reason: String,
    },
    /// The endpoint answered with an error of JSON-RPC.
    #[error("{endpoint} refused {method}: {message} (code {code})")]
    Rpc {
        /// Host and port.
        endpoint: String,
        /// What it was asked.
        method: &'static str,
        /// The code it gave.
        code: i64,
        /// What it wrote, escaped.
        message: String,
    },
    /// The endpoint ran a transaction that it was sent, and says how it failed: no refusal, since some nodes mine it all the
    /// same and answer so afterwards. Whether it is mined, its receipt tells.
    #[error("{endpoint} says that transaction {tx_hash} fails ({}): {reason}; it may be mined all the same", reason.name())]
    Reverted {
        /// Host and port.
        endpoint: String,
        /// The transaction.
        tx_hash: B256,
        /// Why it failed, as the endpoint gave it.
        reason: Box<Revert>,
    },
    /// The endpoint answered with something that is no answer.
    #[error("{endpoint} gave no sensible answer to {method}: {reason}")]
    WrongAnswer {
        /// Host and port.
        endpoint: String,
        /// What it was asked.
        method: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The endpoint serves too little history at a time for what is looked for.
    #[error(
        "{endpoint} serves too few blocks at a time: nothing was found from block {reached} on, what was before is not known"
    )]
    HistoryRefused {
        /// Host and port.
        endpoint: String,
        /// The oldest block that was searched.
        reached: u64,
    },
    /// The endpoint serves another chain.
    #[error("{endpoint} serves chain {found}, not {expected}")]
    OtherChain {
        /// Host and port.
        endpoint: String,
        /// The chain that was meant (EIP-155).
        expected: u64,
        /// The chain that it serves.
        found: u64,
    },
    /// What is asked about is not a wallet of the canonical implementation.
    #[error("{address} is not a Quorate wallet")]
    NotAWallet {
        /// The address.
        address: Address,
    },
}

impl ChainError {
    /// Whether the endpoint says that it does not have the method, or does not serve it.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Rpc { code, message, .. } => {
                let (code, message) = (*code, message.clone());
                let fault = RpcFault { code, message, data: None, is_of_server: false };
                Fault::Rpc(fault).is_missing()
            }
            _ => false,
        }
    }

    /// Whether asking again at once, or another endpoint, may be luckier: nobody answered, it was too much, or one of the
    /// nodes behind the endpoint lags.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Rpc { code, message, .. } => {
                let (code, message) = (*code, message.clone());
                let fault = RpcFault { code, message, data: None, is_of_server: false };
                Fault::Rpc(fault).is_passing()
            }
            // Answers that are left unfinished, contradict themselves or are of another block.
            Self::WrongAnswer { .. } => true,
            Self::InvalidUrl { .. }
            | Self::Reverted { .. }
            | Self::HistoryRefused { .. }
            | Self::OtherChain { .. }
            | Self::NotAWallet { .. } => false,
        }
    }

    /// Whether no answer came in time: the question may ask too much at once.
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Unreachable { reason, .. } if *reason == Fault::Late.reason())
    }

    /// Whether asking again later, or another endpoint, is all that can be done.
    pub const fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::InvalidUrl { .. }
            | Self::Rpc { .. }
            | Self::Reverted { .. }
            | Self::WrongAnswer { .. }
            | Self::HistoryRefused { .. }
            | Self::OtherChain { .. }
            | Self::NotAWallet { .. } => false,
        }
    }
}
