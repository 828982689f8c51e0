//! Attempts, and the account nonces they are for.

use crate::{
    budget::Charge,
    event::{BlockId, Least, Paid, Rejection, Sent},
    fees::Fees,
    rows::Settlement,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use std::collections::BTreeSet;

/// How often in a row a no-op is refused before its place is given to another.
const REFUSALS_TO_GIVE: u32 = 2;

/// What an account nonce is taken for. A no-op that frees it is another attempt; only where that cannot be placed, a
/// payload for something else may take the place.
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
    /// What it costs besides gas at the most, in wei.
    pub rollup_fee: U256,
    /// What is reserved for this account nonce, once this attempt is stored: the dearest of its attempts.
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
            Sent::Unknown | Sent::Doubtful(_) => Self::Unknown,
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
    /// What its account nonce was taken for when it was signed.
    pub purpose: Purpose,
    /// The day that it is charged on, counted from 1970-01-01.
    pub day: u64,
    /// Its hash.
    pub tx_hash: B256,
    /// Its bytes.
    pub raw: Bytes,
    /// Its gas limit.
    pub gas_limit: u64,
    /// What it offers.
    pub fees: Fees,
    /// What the last send came to.
    pub state: AttemptState,
    /// Why those that answered last refused it; none once one of them took it.
    pub refusal: Option<Rejection>,
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
    /// What for: of the last payload, where several took the place.
    pub purpose: Purpose,
    /// Whom the payload calls.
    pub to: Address,
    /// The payload's calldata.
    pub data: Bytes,
    /// The payload's gas limit.
    pub gas_limit: u64,
    /// What the payload costs besides gas at the most, in wei.
    pub rollup_fee: U256,
    /// The most that an attempt may offer for a gas, in wei.
    pub ceiling: u128,
    /// What is charged: reserved for the dearest attempt, once settled at what it cost.
    pub charge: Charge,
    /// What was reserved last.
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
    /// How often in a row sends were refused for what no fee can cure.
    pub refusals: u32,
    /// How often in a row sends were refused for offering too little.
    pub fee_refusals: u32,
    /// The least that nodes named when they refused an attempt.
    pub least: Least,
    /// The gas limit that the payload should have now, where the one that it has is refused.
    pub wanted_gas: Option<u64>,
    /// The least that this may be.
    pub gas_floor: u64,
}

impl Slot {
    /// The account nonce that `record`, an attempt number 0, takes.
    pub(crate) fn new(record: AttemptRecord) -> Self {
        let Draft { purpose, to, ref data, gas_limit, rollup_fee, ceiling, charge, .. } =
            record.draft;
        let data = data.clone();
        Self {
            purpose,
            to,
            data,
            gas_limit,
            rollup_fee,
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
            refusals: 0,
            fee_refusals: 0,
            least: Least::default(),
            wanted_gas: None,
            gas_floor: 0,
        }
    }

    /// Adds an attempt that takes the place of the latest. What it is charged for changes the ledger: see
    /// [`Self::charge`].
    pub(crate) fn push(&mut self, record: AttemptRecord) {
        let draft = &record.draft;
        if !draft.kind.is_noop() {
            if self.purpose != draft.purpose {
                // It is not this payload that was refused.
                (self.is_invalid, self.gas_floor, self.wanted_gas) = (false, 0, None);
                self.least = Least::default();
                (self.to, self.data) = (draft.to, draft.data.clone());
                self.purpose = draft.purpose;
                self.ceiling = draft.ceiling;
            }
            (self.gas_limit, self.rollup_fee) = (draft.gas_limit, draft.rollup_fee);
        }
        self.is_capped = false;
        self.reserved = draft.charge;
        self.attempts.push(Attempt::new(record));
    }

    /// What its payloads are for: of one that was replaced too, since it may be mined.
    pub fn purposes(&self) -> impl Iterator<Item = Purpose> + '_ {
        let all: BTreeSet<_> = self.attempts.iter().map(|attempt| attempt.purpose).collect();
        all.into_iter()
    }

    /// The wallets that any of its payloads is for.
    pub fn wallets(&self) -> BTreeSet<Address> {
        self.purposes().filter_map(Purpose::wallet).collect()
    }

    /// What the attempt with this hash was signed for.
    pub fn purpose_of(&self, tx_hash: B256) -> Purpose {
        self.find(tx_hash).map_or(self.purpose, |attempt| attempt.purpose)
    }

    /// Whether a no-op was to free it, cannot be placed, and no fee helps: a payload may take its place.
    pub fn is_vacant(&self) -> bool {
        let Some(latest) = self.latest() else { return false };
        let is_refused = matches!(
            latest.refusal,
            Some(
                Rejection::GasTooLow { .. }
                    | Rejection::Invalid
                    | Rejection::Reverted
                    | Rejection::Unrecognised
            )
        );
        self.is_open()
            && self.passed.is_none()
            && latest.kind.is_noop()
            && is_refused
            && self.refusals >= REFUSALS_TO_GIVE
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

    /// Whether a payload for what it is for now was sent, as far as this process knows.
    pub fn was_sent(&self) -> bool {
        let is_its = |attempt: &&Attempt| attempt.purpose == self.purpose;
        self.attempts.iter().filter(is_its).any(|attempt| attempt.first_sent.is_some())
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
            purpose: draft.purpose,
            day: draft.charge.day,
            tx_hash,
            raw,
            gas_limit: draft.gas_limit,
            fees: draft.fees,
            state: AttemptState::Unknown,
            refusal: None,
            first_sent: None,
            last_sent: None,
        }
    }
}
