//! Where a proposal stands, in the words of the HTTP API.

use crate::error::StoreError;
use crate::row::{Fields, int};
use alloy::primitives::{B256, U256};
use std::fmt;

/// Where a proposal stands. Not whether that is final: see [`ProposalRecord::is_final`](crate::ProposalRecord::is_final).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Fewer valid signatures of present owners than needed.
    Collecting {
        /// Whether there are as many as the threshold, and the policy asks for more.
        policy: bool,
    },
    /// Enough signatures; not on its way yet.
    Ready {
        /// What it waits for, if anything.
        waiting: Option<Waiting>,
    },
    /// An attempt may be on its way.
    Submitted,
    /// Its `Executed` event is on chain, whoever sent it.
    Executed(Execution),
    /// The chain's time is past the deadline.
    Expired,
    /// Another action consumed the nonce, or a reconfiguration ended the epoch.
    Superseded {
        /// The digest of that action, once it is known.
        by: Option<B256>,
    },
}

/// What a ready proposal waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the HTTP API, which explains them")]
pub enum Waiting {
    Sequence,
    Conflict,
    Policy,
    Simulation,
    Budget,
    FeeCap,
    SenderBalance,
    SenderIsOwner,
    Paused,
    RpcDown,
    DeadlineNear,
}

/// The transaction that executed a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The transaction, whoever sent it.
    pub tx_hash: B256,
    /// Its block.
    pub block_number: u64,
    /// The hash of that block.
    pub block_hash: B256,
    /// Gas of the whole transaction.
    pub gas_used: u64,
    /// Wei that the sender paid for it.
    pub fee: U256,
}

/// An attempt that was mined and reverted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The transaction.
    pub tx_hash: B256,
    /// Its block.
    pub block_number: u64,
    /// What the revert said, decoded; others wrote it.
    pub reason: String,
}

impl Waiting {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Sequence, "sequence"),
        (Self::Conflict, "conflict"),
        (Self::Policy, "policy"),
        (Self::Simulation, "simulation"),
        (Self::Budget, "budget"),
        (Self::FeeCap, "feeCap"),
        (Self::SenderBalance, "senderBalance"),
        (Self::SenderIsOwner, "senderIsOwner"),
        (Self::Paused, "paused"),
        (Self::RpcDown, "rpcDown"),
        (Self::DeadlineNear, "deadlineNear"),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(waiting, _)| *waiting == self);
        found.map(|(_, word)| word).expect("all are listed")
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, other)| *other == word).map(|(waiting, _)| waiting)
    }
}

/// The word of a [`Status`], without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Ready => "ready",
            Self::Submitted => "submitted",
            Self::Executed => "executed",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }

    /// Whether it may still be executed, as far as is known.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Collecting | Self::Ready | Self::Submitted)
    }
}

impl Status {
    /// The word.
    pub const fn word(&self) -> StatusWord {
        match self {
            Self::Collecting { .. } => StatusWord::Collecting,
            Self::Ready { .. } => StatusWord::Ready,
            Self::Submitted => StatusWord::Submitted,
            Self::Executed(_) => StatusWord::Executed,
            Self::Expired => StatusWord::Expired,
            Self::Superseded { .. } => StatusWord::Superseded,
        }
    }

    /// The word of what it waits for.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Collecting { policy: true } => Some(Waiting::Policy.word()),
            Self::Ready { waiting } => waiting.map(Waiting::word),
            _ => None,
        }
    }

    /// Whether `next` may follow: an open status may turn into any, a closed one only back into an open
    /// one, by a reorg, or into itself with other details.
    pub fn may_become(&self, next: &Self) -> bool {
        self.word().is_open() || next.word().is_open() || self.word() == next.word()
    }

    /// Reads the columns that [`StatusColumns`] fills.
    pub(crate) fn read(fields: &Fields<'_>) -> Result<Self, StoreError> {
        let reason = fields.text_opt("reason")?;
        let unknown = || fields.corrupt("status or reason is no known word");
        let status = match fields.text("status")?.as_str() {
            "collecting" => match reason.as_deref() {
                None => Self::Collecting { policy: false },
                Some("policy") => Self::Collecting { policy: true },
                Some(_) => return Err(unknown()),
            },
            "ready" => match reason.as_deref().map(Waiting::of_word) {
                Some(None) => return Err(unknown()),
                waiting => Self::Ready { waiting: waiting.flatten() },
            },
            "submitted" => Self::Submitted,
            "executed" => Self::Executed(Execution {
                tx_hash: fields.b256("execution_tx")?,
                block_number: fields.number("execution_block")?,
                block_hash: fields.b256("execution_block_hash")?,
                gas_used: fields.number("execution_gas")?,
                fee: fields.u256("execution_fee")?,
            }),
            "expired" => Self::Expired,
            "superseded" => Self::Superseded { by: fields.b256_opt("superseded_by")? },
            _ => return Err(unknown()),
        };
        Ok(status)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word().word())?;
        if let Some(reason) = self.reason() {
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}

/// The columns of a status that not every status has.
#[derive(Default)]
pub(crate) struct StatusColumns {
    pub(crate) superseded_by: Option<Vec<u8>>,
    pub(crate) tx: Option<Vec<u8>>,
    pub(crate) block: Option<i64>,
    pub(crate) block_hash: Option<Vec<u8>>,
    pub(crate) gas: Option<i64>,
    pub(crate) fee: Option<String>,
}

impl StatusColumns {
    pub(crate) fn of(status: &Status) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        match status {
            Status::Superseded { by } => columns.superseded_by = by.map(|by| by.to_vec()),
            Status::Executed(execution) => {
                columns.tx = Some(execution.tx_hash.to_vec());
                columns.block = Some(int("blockNumber", execution.block_number)?);
                columns.block_hash = Some(execution.block_hash.to_vec());
                columns.gas = Some(int("gasUsed", execution.gas_used)?);
                columns.fee = Some(execution.fee.to_string());
            }
            Status::Collecting { .. }
            | Status::Ready { .. }
            | Status::Submitted
            | Status::Expired => {}
        }
        Ok(columns)
    }
}
