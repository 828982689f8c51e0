//! What becomes of a proposal, in the words of the HTTP API. Derived from the chain and from what is on its way;
//! what is stored of it is only the last one told.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A block, by number and hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlockId {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// Where a proposal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Too few valid signatures of present owners; `policy` if there are enough, and the policy asks for more.
    Collecting {
        /// [`Reason::Policy`] or none.
        reason: Option<Reason>,
    },
    /// Enough; not on its way. None: nothing is in the way, the engine is at it.
    Ready {
        /// What it waits for.
        reason: Option<Reason>,
    },
    /// An attempt may be on its way.
    Submitted,
    /// The digest's `Executed` event is on chain, whoever sent it.
    Executed {
        /// The transaction.
        tx_hash: B256,
        /// Its block.
        block: BlockId,
    },
    /// The head's timestamp is past the deadline.
    Expired,
    /// Another action consumed the nonce, or a reconfiguration ended the epoch.
    Superseded {
        /// That action's digest. None if an epoch ended before anything that is known.
        by: Option<B256>,
    },
}

/// The word of a [`Status`], without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words of Status, which explains them")]
pub enum StatusWord {
    Collecting,
    Ready,
    Submitted,
    Executed,
    Expired,
    Superseded,
}

impl StatusWord {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Collecting,
        Self::Ready,
        Self::Submitted,
        Self::Executed,
        Self::Expired,
        Self::Superseded,
    ];

    /// The status with this word.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.name() == name)
    }

    /// The word used in the HTTP API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Ready => "ready",
            Self::Submitted => "submitted",
            Self::Executed => "executed",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }
}

impl Status {
    /// The word, without what belongs to it.
    pub const fn word(&self) -> StatusWord {
        match self {
            Self::Collecting { .. } => StatusWord::Collecting,
            Self::Ready { .. } => StatusWord::Ready,
            Self::Submitted => StatusWord::Submitted,
            Self::Executed { .. } => StatusWord::Executed,
            Self::Expired => StatusWord::Expired,
            Self::Superseded { .. } => StatusWord::Superseded,
        }
    }

    /// The word used in the HTTP API.
    pub const fn name(&self) -> &'static str {
        self.word().name()
    }

    /// Whether only a reorg can change it.
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Collecting { .. } | Self::Ready { .. } | Self::Submitted => false,
            Self::Executed { .. } | Self::Expired | Self::Superseded { .. } => true,
        }
    }

    /// What a proposal waits for, if it says.
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Collecting { reason } | Self::Ready { reason } => *reason,
            Self::Submitted | Self::Executed { .. } | Self::Expired | Self::Superseded { .. } => {
                None
            }
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.reason().map_or(Ok(()), |reason| write!(f, " ({reason})"))
    }
}

/// Why a proposal is not on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// Something has to be mined before it: an earlier sequence of its lane, or a reconfiguration.
    Sequence,
    /// A rival for its nonce goes first, or is on its way.
    Conflict,
    /// The policy asks for more signatures, or refuses it as things are.
    Policy,
    /// The policy lets it pass from a time on that is still to come.
    NotBefore,
    /// It has to pass a simulation: the last one reverted, or its last transaction did.
    Simulation,
    /// The budget of the day, of the wallet, or of its own failures is used up.
    Budget,
    /// Gas costs more than the operator allows.
    FeeCap,
    /// The sender's balance is too low.
    SenderBalance,
    /// A sender's key is among the wallet's owners.
    SenderIsOwner,
    /// The operator paused the engine.
    Paused,
    /// The chain cannot be asked, or was not for too long.
    RpcDown,
    /// Less than two blocks are left.
    DeadlineNear,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Sequence,
        Self::Conflict,
        Self::Policy,
        Self::NotBefore,
        Self::Simulation,
        Self::Budget,
        Self::FeeCap,
        Self::SenderBalance,
        Self::SenderIsOwner,
        Self::Paused,
        Self::RpcDown,
        Self::DeadlineNear,
    ];

    /// The reason with this word.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// The word used in the HTTP API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Conflict => "conflict",
            Self::Policy => "policy",
            Self::NotBefore => "notBefore",
            Self::Simulation => "simulation",
            Self::Budget => "budget",
            Self::FeeCap => "feeCap",
            Self::SenderBalance => "senderBalance",
            Self::SenderIsOwner => "senderIsOwner",
            Self::Paused => "paused",
            Self::RpcDown => "rpcDown",
            Self::DeadlineNear => "deadlineNear",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A transaction that carried a proposal, was mined, and did not execute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The transaction.
    pub tx_hash: B256,
    /// Its block.
    pub block: BlockId,
    /// What became of it.
    pub reason: FailureReason,
}

/// How a mined transaction can fail to execute. The bytes of the revert are for others to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureReason {
    /// It reverted.
    Reverted,
    /// It went through, and the wallet did not say that it executed: there was no wallet.
    NoEffect,
}

/// What is new about a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The proposal.
    pub digest: B256,
    /// Its status.
    pub status: Status,
    /// Whether the block that decided it is at the configured depth.
    pub is_final: bool,
    /// How often it changed, this change included: from 1.
    pub revision: u64,
    /// Its place among those that became ready, once it did.
    pub ready_order: Option<u64>,
    /// The mined transactions that did not execute it, the last one last.
    pub failures: Vec<Failure>,
}
