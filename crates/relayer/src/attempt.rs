//! Attempts, and the account nonces they are for.

use crate::{
    budget::Charge,
    event::{BlockId, Paid, Rejection, Sent},
    fees::Fees,
    rows::Settlement,
};
use alloy::primitives::{Address, B256, Bytes};
use std::collections::BTreeSet;

/// What an account nonce was taken for. Never changes; a no-op that frees it is another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To execute a proposal.
    Execute {
        /// The wallet.
        wallet: Address,
        /// The proposal.
        digest: B256,
    },
    /// To create a wallet.
    Create {
        /// The wallet.
        wallet: Address,
    },
    /// To fill a gap.
    Gap,
}

impl Purpose {
    /// The wallet it is for.
    pub const fn wallet(self) -> Option<Address> {
        match self {
            Self::Execute { wallet, .. } | Self::Create { wallet } => Some(wallet),
            Self::Gap => None,
        }
    }
}

/// What one attempt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Executes the proposal.
    Execute,
    /// Creates the wallet.
    Create,
    /// Nothing: a transfer of no ether from the sender to itself.
    Noop,
}

impl Kind {
    /// The word used in the HTTP API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Create => "create",
            Self::Noop => "noop",
        }
    }

    /// Whether it only frees the account nonce.
    pub const fn is_noop(self) -> bool {
        matches!(self, Self::Noop)
    }
}

/// A transaction (EIP-1559, no value, no access list) to be signed, with what is stored along with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The account that signs and pays.
    pub sender: Address,
    /// Its nonce.
    pub account_nonce: u64,
    /// Which attempt for this account nonce, from 0.
    pub number: u32,
    /// What the account nonce was taken for.
    pub purpose: Purpose,
    /// What this attempt does.
    pub kind: Kind,
    /// Whom it calls.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
    /// Its gas limit.
    pub gas_limit: u64,
    /// What it offers.
    pub fees: Fees,
    /// The most that any attempt for this account nonce may offer for a gas, in wei.
    pub ceiling: u128,
    /// What is reserved for this account nonce.
    pub charge: Charge,
}

/// A signed attempt, as it is stored before it is sent. Unique by sender, account nonce and number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The transaction.
    pub draft: Draft,
    /// Its hash.
    pub tx_hash: B256,
    /// Its bytes.
    pub raw: Bytes,
}

/// What the last send of an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// It may be on its way or not.
    Unknown,
    /// An endpoint has it.
    Accepted,
    /// Refused.
    Rejected(Rejection),
}

impl From<Sent> for AttemptState {
    fn from(sent: Sent) -> Self {
        match sent {
            Sent::Accepted => Self::Accepted,
            Sent::Unknown => Self::Unknown,
            Sent::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

/// When bytes were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentAt {
    /// The head's number.
    pub block: u64,
    /// The clock, in Unix seconds.
    pub clock: u64,
}

/// A stored attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What it does.
    pub kind: Kind,
    /// Its hash.
    pub tx_hash: B256,
    /// Its bytes.
    pub raw: Bytes,
    /// What it offers.
    pub fees: Fees,
    /// What the last send came to.
    pub state: AttemptState,
    /// When it was first sent, as far as this process knows.
    pub first_sent: Option<SentAt>,
    /// When it was last sent.
    pub last_sent: Option<SentAt>,
}

/// How an account nonce was used up, as of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Not yet.
    Open,
    /// By an attempt of ours.
    Mined {
        /// Which.
        tx_hash: B256,
        /// Where.
        block: BlockId,
        /// What its receipt says, once it was read.
        receipt: Option<Paid>,
    },
    /// By a transaction of somebody else who has the key.
    Foreign {
        /// The block at which the account nonce was first seen used.
        block: BlockId,
    },
}

/// An account nonce that was taken, with its attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What for.
    pub purpose: Purpose,
    /// Whom the payload calls.
    pub to: Address,
    /// The payload's calldata.
    pub data: Bytes,
    /// The payload's gas limit.
    pub gas_limit: u64,
    /// The most that an attempt may offer for a gas, in wei.
    pub ceiling: u128,
    /// What is charged: reserved at the worst, once settled at what it cost.
    pub charge: Charge,
    /// What was reserved.
    pub reserved: Charge,
    /// The attempts by number.
    pub attempts: Vec<Attempt>,
    /// How it ended, as of the head.
    pub end: End,
    /// How it was settled, once it was final.
    pub settled: Option<Settlement>,
    /// The block at which the account nonce was first seen used.
    pub passed: Option<BlockId>,
    /// The attempts that had no receipt at this head.
    pub absent: BTreeSet<B256>,
    /// At how many heads none of them had one.
    pub absences: u64,
    /// How many receipts were left aside since they left something out.
    pub doubts: u64,
    /// Whether the nodes say that the payload can never be mined.
    pub is_invalid: bool,
    /// Whether it was reported that it may not offer more.
    pub is_capped: bool,
}

impl Slot {
    /// The account nonce that `record`, an attempt number 0, takes.
    pub(crate) fn new(record: AttemptRecord) -> Self {
        let Draft { purpose, to, ref data, gas_limit, ceiling, charge, .. } = record.draft;
        let data = data.clone();
        Self {
            purpose,
            to,
            data,
            gas_limit,
            ceiling,
            charge,
            reserved: charge,
            attempts: vec![Attempt::new(record)],
            end: End::Open,
            settled: None,
            passed: None,
            absent: BTreeSet::new(),
            absences: 0,
            doubts: 0,
            is_invalid: false,
            is_capped: false,
        }
    }

    /// The attempt that counts: later ones replace earlier ones.
    pub fn latest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Whether no transaction with this account nonce was mined.
    pub const fn is_open(&self) -> bool {
        matches!(self.end, End::Open)
    }

    /// Whether its payload is still the latest attempt, and not mined.
    pub fn carries_payload(&self) -> bool {
        self.is_open() && self.latest().is_some_and(|attempt| !attempt.kind.is_noop())
    }

    /// Whether any attempt carries the payload: even if a no-op is to replace it, it may be mined.
    pub fn may_execute(&self) -> bool {
        self.is_open() && self.attempts.iter().any(|attempt| !attempt.kind.is_noop())
    }

    /// The block that used it up.
    pub const fn ended_at(&self) -> Option<BlockId> {
        match self.end {
            End::Open => None,
            End::Mined { block, .. } | End::Foreign { block } => Some(block),
        }
    }

    /// The attempt with this hash.
    pub fn find(&self, tx_hash: B256) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.tx_hash == tx_hash)
    }
}

impl Attempt {
    /// An attempt of which nothing is known but that it is stored.
    pub(crate) fn new(record: AttemptRecord) -> Self {
        let AttemptRecord { draft, tx_hash, raw } = record;
        Self {
            kind: draft.kind,
            tx_hash,
            raw,
            fees: draft.fees,
            state: AttemptState::Unknown,
            first_sent: None,
            last_sent: None,
        }
    }
}
