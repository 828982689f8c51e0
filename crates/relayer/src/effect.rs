//! What the engine asks for. Everything is done by others, after the step; nothing is waited for.

use crate::{
    attempt::{AttemptRecord, Draft},
    event::{BlockId, Rejection},
    rows::Settlement,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use quorate_core::{Lane, Nonce, OwnerSignature, Request, Snapshot, status::StatusChange};

/// A call by a sender, as a simulation takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The sender.
    pub from: Address,
    /// The wallet, or the factory.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Simulate `in_flight` in order and then `next`, in one `eth_simulateV1` on the head; without `in_flight`
    /// and with one `next`, `eth_estimateGas` does. Answer [`crate::Event::Simulated`] about those of `next`.
    Simulate {
        /// To be given back.
        request: u64,
        /// The block to build on.
        at: BlockId,
        /// What of this wallet is on its way.
        in_flight: Vec<Call>,
        /// Actions of one lane that follow one another, behind the creation of their wallet where that is missing.
        next: Vec<Call>,
    },
    /// Ask contracts again whether their signatures hold after a block, since an execution that has them fails. Answer
    /// [`crate::Event::ContractsAsked`].
    AskContracts {
        /// What was signed.
        request: Box<Request>,
        /// The block.
        at: BlockId,
        /// The signatures.
        signatures: Vec<(Address, OwnerSignature)>,
    },
    /// A contract's signature holds no more: store that and tell those who listen.
    SignatureLapsed {
        /// The proposal.
        digest: B256,
        /// Whose.
        owner: Address,
        /// The signature.
        signature: OwnerSignature,
        /// Why, in a word.
        reason: &'static str,
    },
    /// Sign transactions, all or none. Answer [`crate::Event::Signed`] or [`crate::Event::SignFailed`]. Does not
    /// allow to send them.
    Sign {
        /// To be given back.
        request: u64,
        /// The transactions, of one sender.
        drafts: Vec<Draft>,
    },
    /// Store the attempts, and with them the taking of their account nonces, in one durable commit that checks the
    /// lease: all or none. Answer [`crate::Event::Persisted`] when they are durable, [`crate::Event::PersistLost`]
    /// if a place is taken by other bytes, and nothing else: a commit of unknown outcome is tried again.
    Persist {
        /// To be given back.
        request: u64,
        /// The rows, of one sender, in the order of their account nonces.
        records: Vec<AttemptRecord>,
    },
    /// Send a stored attempt to all endpoints, for the first time. Answer [`crate::Event::SendResult`].
    Broadcast {
        /// The attempt.
        tx_hash: B256,
        /// Its bytes.
        raw: Bytes,
    },
    /// The same bytes once more, answered the same.
    Rebroadcast {
        /// The attempt.
        tx_hash: B256,
        /// Its bytes.
        raw: Bytes,
    },
    /// Find out what a call needs, on top of `in_flight`. Answer [`crate::Event::GasSeen`].
    AskGas {
        /// Who sends it.
        sender: Address,
        /// The account nonce whose payload it is; none of a no-op.
        account_nonce: Option<u64>,
        /// The block to build on.
        at: BlockId,
        /// What goes before it.
        in_flight: Vec<Call>,
        /// The call; a no-op is one of nothing to the sender itself.
        call: Call,
    },
    /// Read the accounts of the senders at a block. Answer [`crate::Event::AccountSeen`] for each.
    AskAccounts {
        /// The head.
        at: BlockId,
        /// The senders.
        senders: Vec<Address>,
    },
    /// Look for receipts. Answer [`crate::Event::ReceiptSeen`] for each.
    AskReceipts {
        /// The number of the head: most of them are in this block, or just before it.
        head: u64,
        /// The transactions.
        tx_hashes: Vec<B256>,
    },
    /// Hand in the blocks from this number to the head. Answer [`crate::Event::NewHead`].
    AskBlocks {
        /// The number.
        from: u64,
    },
    /// Read the logs of a range. Answer [`crate::Event::LogsRead`] or [`crate::Event::LogsRefused`], upon which
    /// its halves are asked for.
    AskLogs {
        /// The wallets.
        wallets: Vec<Address>,
        /// The first block.
        from: u64,
        /// The last block.
        to: u64,
    },
    /// Read the next sequence of a lane at a block. Answer [`crate::Event::LaneSeen`].
    AskLane {
        /// The wallet.
        wallet: Address,
        /// The lane.
        lane: Lane,
        /// The block.
        block: u64,
    },
    /// Read what a wallet says of itself, to compare with what its events say. Answer [`crate::Event::StandingSeen`].
    AskStanding {
        /// The wallet.
        wallet: Address,
        /// The block.
        at: BlockId,
        /// The lanes whose next sequences are wanted.
        lanes: Vec<Lane>,
        /// The approvals of which it is wanted whether there are any.
        approvals: Vec<(B256, Address)>,
    },
    /// Find what consumed a nonce long ago. Answer [`crate::Event::ExecutionFound`].
    AskExecution {
        /// The wallet.
        wallet: Address,
        /// The nonce.
        nonce: Nonce,
    },
    /// Read the wallet anew, at a final block. Answer [`crate::Event::WalletAdded`].
    AskWallet {
        /// The wallet.
        wallet: Address,
    },
    /// Read everything from the store. Answer [`crate::Event::Restarted`]; nothing is signed until then.
    Reload,
    /// Store the status of a proposal and tell those who listen.
    StatusChanged(Box<StatusChange>),
    /// Store what an account nonce cost, now that it is final.
    Settled {
        /// The sender.
        sender: Address,
        /// The account nonce.
        account_nonce: u64,
        /// How it ended.
        settlement: Settlement,
    },
    /// Store what a wallet was at a block that is too old to be undone: a restart begins there.
    Checkpoint {
        /// The wallet.
        wallet: Address,
        /// What it was.
        snapshot: Snapshot,
    },
    /// A no-op is going to take this account nonce. A notice; the no-op itself is signed, stored and sent as
    /// any attempt.
    FreeNonce {
        /// The sender.
        sender: Address,
        /// The account nonce.
        account_nonce: u64,
        /// Why its payload is not wanted any more.
        cause: FreeCause,
    },
    /// Something that people should know of.
    Alarm(Alarm),
    /// The event did not fit and changed nothing.
    Ignored(Ignored),
}

/// Why an account nonce is freed by a no-op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeCause {
    /// Somebody else executed the proposal, or another action consumed its nonce, or its epoch is over.
    Overtaken,
    /// The deadline is past, or too near for a first broadcast.
    Expired,
    /// What had to be mined before it will not be.
    Orphaned,
    /// The nodes say that it can never be mined.
    Invalid,
    /// There is no transaction for it, and later ones wait.
    Gap,
}

/// What people should know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Blocks that were final are undone.
    DeepReorg {
        /// How many blocks are undone, as far as known.
        blocks: u64,
    },
    /// A final status is taken back.
    Reopened {
        /// The proposal.
        digest: B256,
    },
    /// Somebody else uses the sender's key.
    ForeignTransaction {
        /// The sender.
        sender: Address,
        /// The account nonce it took.
        account_nonce: u64,
    },
    /// The place of an attempt was taken: two engines work on one store.
    PersistLost {
        /// The sender.
        sender: Address,
        /// The account nonce.
        account_nonce: u64,
    },
    /// A transaction waits, and may not offer more.
    FeeCapReached {
        /// The sender.
        sender: Address,
        /// The account nonce.
        account_nonce: u64,
    },
    /// A sender cannot pay for what is on its way.
    InsufficientFunds {
        /// The sender.
        sender: Address,
        /// How much is missing, in wei, where a node named it.
        missing: Option<U256>,
    },
    /// What is on its way is refused again and again, for something that no fee can cure.
    Refused {
        /// The sender.
        sender: Address,
        /// The account nonce.
        account_nonce: u64,
        /// Why, the last time.
        rejection: Rejection,
    },
    /// What nodes say is final stands still, while blocks come.
    FinalityStalled {
        /// The last block that was.
        finalized: u64,
    },
    /// A wallet is not served, since a sender is one of its owners.
    SenderIsOwner {
        /// The wallet.
        wallet: Address,
    },
    /// A proposal used up its failures.
    FailuresUsedUp {
        /// The proposal.
        digest: B256,
    },
    /// Logs of a single block cannot be read.
    LogsRefused {
        /// The block.
        block: u64,
    },
    /// A key cannot be used.
    SignFailed {
        /// The sender.
        sender: Address,
    },
    /// Endpoints left out events of a wallet, which it or a receipt tells of: they are read again.
    EventsMissing {
        /// The wallet.
        wallet: Address,
    },
}

impl Alarm {
    /// The account that sends, where it is about one.
    pub const fn sender(&self) -> Option<Address> {
        match *self {
            Self::ForeignTransaction { sender, .. }
            | Self::PersistLost { sender, .. }
            | Self::FeeCapReached { sender, .. }
            | Self::InsufficientFunds { sender, .. }
            | Self::Refused { sender, .. }
            | Self::SignFailed { sender } => Some(sender),
            Self::DeepReorg { .. }
            | Self::Reopened { .. }
            | Self::FinalityStalled { .. }
            | Self::SenderIsOwner { .. }
            | Self::FailuresUsedUp { .. }
            | Self::LogsRefused { .. }
            | Self::EventsMissing { .. } => None,
        }
    }

    /// The wallet, where it is about one by itself.
    pub const fn wallet(&self) -> Option<Address> {
        match *self {
            Self::SenderIsOwner { wallet } | Self::EventsMissing { wallet } => Some(wallet),
            _ => None,
        }
    }

    /// The proposal, where it is about one.
    pub const fn digest(&self) -> Option<B256> {
        match *self {
            Self::Reopened { digest } | Self::FailuresUsedUp { digest } => Some(digest),
            _ => None,
        }
    }
}

/// Why an event changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It answers nothing that was asked, or not any more.
    NotAsked,
    /// It is about a wallet, proposal, sender or transaction that is not known.
    NotKnown,
    /// It was read at a block that is not the head, or not on the chain.
    OtherBlock,
    /// It says nothing new.
    NothingNew,
    /// Its blocks do not follow one another.
    Broken,
    /// It contradicts itself or what is known, as by leaving something out: it is asked again.
    Contradiction,
    /// The engine does not hold the lease, or has yet to read the store.
    NotLeading,
}
