//! What the engine is told. Replies carry the number of the request they answer, or the hash they are about.

use crate::{budget::Limits, rows::Rows, wallet::Execution};
use alloy::primitives::{Address, B256, Bytes, U256};
use quorate_core::{Config, Lane, Nonce, OwnerSignature, Request};
use std::{collections::BTreeSet, sync::Arc};

pub use quorate_core::status::BlockId;

/// What matters of a block's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The block.
    pub id: BlockId,
    /// The hash of its parent.
    pub parent: B256,
    /// Unix seconds.
    pub timestamp: u64,
    /// Wei per gas.
    pub base_fee_per_gas: u128,
}

/// A block with the logs of the wallets that are served, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The logs; those of other accounts are ignored.
    pub logs: Vec<WalletLog>,
}

/// An event that a wallet emitted, or that its factory emitted about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletLog {
    /// The wallet.
    pub wallet: Address,
    /// The transaction.
    pub tx_hash: B256,
    /// Its place among the events of its block.
    pub index: u64,
    /// Its block's time, in Unix seconds: whether a deadline was past by then.
    pub timestamp: u64,
    /// The event.
    pub what: LogKind,
}

/// The events that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// `WalletCreated`, of the factory.
    Created,
    /// `Executed`.
    Executed {
        /// The digest.
        digest: B256,
        /// The nonce it consumed.
        nonce: Nonce,
    },
    /// `Reconfigured`. Comes after the `Executed` of the same action.
    Reconfigured {
        /// The configuration of the next epoch.
        config: Config,
    },
    /// `Approved`.
    Approved {
        /// The digest.
        digest: B256,
        /// The owner.
        owner: Address,
    },
}

/// What happened, in the order in which it was learnt.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The engine holds the lease, and this is what the store holds, read after every commit that was asked
    /// for before was made or given up. Everything known before is dropped.
    Restarted(Box<Rows>),
    /// Another process holds the lease: nothing is signed or sent until [`Event::Restarted`].
    LeaseLost,
    /// The wall clock, in Unix seconds. It may jump.
    Tick {
        /// The instant.
        now: u64,
    },
    /// Blocks of the canonical chain up to its head, in ascending order, from where they branch off what
    /// was told before. Which blocks are undone follows from the hashes.
    NewHead {
        /// The blocks; [`crate::Effect::AskBlocks`] asks for more.
        blocks: Vec<Block>,
        /// Of which wallets the logs were read; none if of all that are served. The logs of the others are asked for.
        of: Option<Arc<BTreeSet<Address>>>,
        /// The tip that gets a transaction into one of the next blocks, in wei per gas.
        tip: u128,
    },
    /// An account at the head.
    AccountSeen {
        /// One of the senders.
        sender: Address,
        /// The block it was read at. Readings at another than the head are ignored.
        at: B256,
        /// Its next account nonce.
        account_nonce: u64,
        /// Wei.
        balance: U256,
    },
    /// The receipt of an attempt, or that there is none.
    ReceiptSeen {
        /// The transaction.
        tx_hash: B256,
        /// Its receipt.
        receipt: Option<Receipt>,
    },
    /// Logs read back; answers [`crate::Effect::AskLogs`].
    LogsRead {
        /// Of which wallets.
        wallets: Vec<Address>,
        /// The first block.
        from: u64,
        /// The last block.
        to: u64,
        /// The hash of the last block, as the one who answered has it.
        to_hash: B256,
        /// The logs with their blocks, in order.
        logs: Vec<(BlockId, WalletLog)>,
    },
    /// The range was refused or nobody answered; answers [`crate::Effect::AskLogs`].
    LogsRefused {
        /// Of which wallets.
        wallets: Vec<Address>,
        /// The first block.
        from: u64,
        /// The last block.
        to: u64,
    },
    /// The next sequence of a lane at a block; answers [`crate::Effect::AskLane`].
    LaneSeen {
        /// The wallet.
        wallet: Address,
        /// The lane.
        lane: Lane,
        /// Its next sequence.
        next: u64,
        /// The block it was read at.
        block: u64,
    },
    /// What a wallet says of itself; answers [`crate::Effect::AskStanding`].
    StandingSeen {
        /// The wallet.
        wallet: Address,
        /// The block it was read at.
        at: BlockId,
        /// What it said.
        standing: Standing,
    },
    /// Whether some endpoint simulates several transactions one after the other (`eth_simulateV1`). Without, nothing is
    /// pipelined.
    CanSimulate(bool),
    /// What consumed a nonce; answers [`crate::Effect::AskExecution`]. If nothing was found: say nothing,
    /// it is asked again.
    ExecutionFound {
        /// The wallet.
        wallet: Address,
        /// The nonce.
        nonce: Nonce,
        /// What did.
        execution: Execution,
    },
    /// A wallet is to be served, or is read anew; answers [`crate::Effect::AskWallet`].
    WalletAdded(Box<crate::rows::WalletRow>),
    /// A proposal, with at least one valid signature.
    ProposalAdded {
        /// The request's digest, as computed by whoever accepted it.
        digest: B256,
        /// What is asked for.
        request: Box<Request>,
    },
    /// An owner's signature, verified. One more of the same owner replaces the first.
    SignatureAdded {
        /// The proposal.
        digest: B256,
        /// Who signed.
        owner: Address,
        /// How.
        signature: OwnerSignature,
    },
    /// What contracts say now of their signatures; answers [`crate::Effect::AskContracts`].
    ContractsAsked {
        /// The proposal.
        digest: B256,
        /// The signatures that hold no more, and why, in a word. Another one that came meanwhile stays.
        lapsed: Vec<(Address, OwnerSignature, &'static str)>,
    },
    /// What a simulation showed; answers [`crate::Effect::Simulate`].
    Simulated {
        /// The request.
        request: u64,
        /// What it showed.
        outcome: Simulation,
    },
    /// Signed transactions, not stored yet; answers [`crate::Effect::Sign`].
    Signed {
        /// The request.
        request: u64,
        /// Hash and bytes (EIP-2718) of each, in the order in which they were asked for.
        signed: Vec<(B256, Bytes)>,
    },
    /// The key cannot be used now; answers [`crate::Effect::Sign`].
    SignFailed {
        /// The request.
        request: u64,
    },
    /// The attempts are durable; answers [`crate::Effect::Persist`]. Also if the same rows were there before.
    Persisted {
        /// The request.
        request: u64,
    },
    /// Another attempt has one of the places, or the lease is lost: none of the bytes may ever be sent.
    PersistLost {
        /// The request.
        request: u64,
    },
    /// What a transaction of one call needs, on top of others; answers [`crate::Effect::AskGas`]. If it cannot be
    /// estimated: say nothing, it is asked again.
    GasSeen {
        /// One of the senders.
        sender: Address,
        /// The account nonce whose payload it is; none of a no-op.
        account_nonce: Option<u64>,
        /// What it needs as its gas limit, without a margin.
        gas: u64,
        /// What it costs besides gas at the most, in wei.
        rollup_fee: U256,
    },
    /// The last block that a node says is final, of those that say it in earnest. One that is no news is ignored.
    FinalitySeen {
        /// Its number.
        finalized: u64,
    },
    /// What all endpoints together said about sent bytes.
    SendResult {
        /// The attempt.
        tx_hash: B256,
        /// What they said.
        outcome: Sent,
    },
    /// No new account nonces are to be taken.
    Paused,
    /// They may be taken again.
    Resumed,
    /// The operator allows something else.
    BudgetChanged(Limits),
}

/// What a wallet says of itself at a block. It may leave out what was asked; what is here it said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How often it was reconfigured; none if it did not say, or if there is no wallet.
    pub epoch: Option<u32>,
    /// Whether it was said that there is no code. An answer that was left empty does not say it.
    pub is_absent: bool,
    /// The next sequences of lanes.
    pub lanes: Vec<(Lane, u64)>,
    /// Digests, each with an owner who approved it.
    pub approvals: Vec<(B256, Address)>,
}

/// A transaction that was mined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its block.
    pub block: BlockId,
    /// What became of it there.
    pub paid: Paid,
    /// The events that wallets and their factory emitted in it, in order: what the receipt says, which the events of the
    /// block may leave out.
    pub logs: Vec<WalletLog>,
}

/// What a receipt says of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// Whether it did not revert.
    pub success: bool,
    /// The gas it used.
    pub gas_used: u64,
    /// What it cost the sender in all, in wei: gas, and what the chain takes besides.
    pub cost: U256,
    /// What of that was for its place on layer 1; none where the chain takes nothing besides gas for that.
    pub l1_fee: Option<U256>,
    /// What of that went to the chain's operator; none where there is no such fee.
    pub operator_fee: Option<U256>,
}

impl Paid {
    /// What of the cost was for gas, in wei.
    pub fn gas_fee(&self) -> U256 {
        let beside = [self.l1_fee, self.operator_fee].into_iter().flatten();
        beside.fold(self.cost, U256::saturating_sub)
    }
}

/// What simulating transactions one after the other, after those in flight, showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Simulation {
    /// Those in flight pass.
    Done {
        /// What each of the new ones needs as its gas limit, without a margin, from the first one on as far as they
        /// pass.
        gas: Vec<u64>,
        /// What each of those costs besides gas at the most, in wei; what is missing is nothing.
        rollup_fees: Vec<U256>,
        /// Why the one behind those does not, if there is one.
        refusal: Option<Refusal>,
    },
    /// One of those in flight reverts, so nothing is known about the new ones.
    InFlightReverted,
    /// Nobody could simulate.
    Unavailable,
}

/// Why a transaction does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It reverts.
    Reverted,
    /// The wallet's policy refuses it, as it is signed now.
    Policy,
    /// The wallet's policy refuses it as things are, however it is signed below an override.
    Rules,
    /// The wallet's policy lets it pass from this time on, in Unix seconds.
    NotBefore(u64),
}

/// What became of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// An endpoint has it, or says that it had it before.
    Accepted,
    /// All that answered refused it, and none may have kept it.
    Rejected(Rejection),
    /// Those that answered refused it, and it may be on its way all the same: others did not answer, or the refusal
    /// proves nothing.
    Doubtful(Rejection),
    /// It may be on its way: a time-out, a lost connection, an answer that nobody understands.
    Unknown,
}

/// Why a transaction is refused: what can be done about it follows. Only what offers too little is ever answered with a
/// higher fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Its account nonce is used.
    NonceTooLow,
    /// It offers too little, also to replace another.
    Underpriced(Least),
    /// Its gas limit is too low.
    GasTooLow {
        /// The least that a node named.
        least: Option<u64>,
    },
    /// The sender cannot pay for it.
    InsufficientFunds {
        /// How much is missing, in wei, where a node named it.
        missing: Option<U256>,
    },
    /// Not now: the pool is full, the node is busy, or something must go before it.
    Wait,
    /// It can never be mined: malformed, for another chain, or above the block's gas.
    Invalid,
    /// It would revert, or did where it was mined at once.
    Reverted,
    /// Nobody knows what it means.
    Unrecognised,
}

/// The least that nodes named, in wei per gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Least {
    /// As the most that is paid for a gas.
    pub max_fee_per_gas: Option<u128>,
    /// As the tip.
    pub priority_fee_per_gas: Option<u128>,
}
