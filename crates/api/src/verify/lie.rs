//! What a relayer said that is not so.

use alloy::primitives::{Address, B256};
use quorate_core::{
    Lane, Nonce,
    signature::{Kind, SignatureError},
    status::StatusWord,
};
use thiserror::Error;

/// What a relayer said that is not so. No honest relayer says any of these, but for a moment those that
/// [`Lie::may_pass`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Lie {
    /// The digest is not that of the fields beside it.
    #[error("the digest {claimed} is not that of the fields beside it, which make {computed}")]
    Digest {
        /// What it says.
        claimed: B256,
        /// What its fields make.
        computed: B256,
    },
    /// Lane and sequence are not those of the nonce.
    #[error(
        "nonce {nonce} is sequence {} of lane {}, not sequence {sequence} of lane {lane}",
        nonce.sequence, nonce.lane
    )]
    Place {
        /// The nonce.
        nonce: Nonce,
        /// The lane it says.
        lane: Lane,
        /// The sequence it says.
        sequence: u64,
    },
    /// A signature is not by its owner.
    #[error("it says that {owner} signed: {source}")]
    Signature {
        /// Who is said to have signed.
        owner: Address,
        /// What is wrong.
        source: SignatureError,
    },
    /// An approval that has bytes.
    #[error("the approval of {owner} has bytes, which an approval never has")]
    ApprovalWithBytes {
        /// Who is said to have approved.
        owner: Address,
    },
    /// One owner is listed twice.
    #[error("{owner} is listed twice among the signers")]
    OwnerTwice {
        /// Who.
        owner: Address,
    },
    /// Another acceptance than the one handed in, or one that is older.
    #[error("it took an acceptance of role {role}, and gives another, or an older one")]
    OtherAcceptance {
        /// The party: 0 buyer, 1 seller, 2 arbiter.
        role: u8,
    },
    /// Another proposal than the one asked for.
    #[error("asked for proposal {asked}, it gives {answered}")]
    OtherProposal {
        /// What was asked for.
        asked: B256,
        /// What was given.
        answered: B256,
    },
    /// Another wallet than the one asked for, or a proposal of one.
    #[error(
        "asked for wallet {asked} on chain {asked_chain}, it gives {answered} on chain {answered_chain}"
    )]
    OtherWallet {
        /// The chain that was asked for.
        asked_chain: u64,
        /// The wallet that was asked for.
        asked: Address,
        /// The chain of what was given.
        answered_chain: u64,
        /// The wallet of what was given.
        answered: Address,
    },
    /// Something of another chain than the one asked for.
    #[error("asked for chain {asked}, it gives what is on chain {answered}")]
    OtherChain {
        /// The chain that was asked for.
        asked: u64,
        /// The chain of what was given.
        answered: u64,
    },
    /// A wallet that is not the owner's who was asked for.
    #[error("asked for the wallets of {owner}, it gives {wallet}, of which that is no owner")]
    NotOwned {
        /// The wallet.
        wallet: Address,
        /// The owner who was asked for.
        owner: Address,
    },
    /// A proposal that the owner who was asked for has nothing to do with.
    #[error("asked for what awaits {owner}, it gives {digest}, which names that nowhere")]
    NotAwaited {
        /// The proposal.
        digest: B256,
        /// The owner who was asked for.
        owner: Address,
    },
    /// It took a signature, and does not list it.
    #[error("it took the signature of {owner}, and does not list it")]
    Dropped {
        /// Whose signature was handed in.
        owner: Address,
    },
    /// It counts a signature that the chain does not: a contract's where there is no contract, or an approval that was
    /// not given.
    #[error("it counts {owner} as having signed ({}), which the chain does not show", kind.name())]
    NotValid {
        /// Who is said to have signed.
        owner: Address,
        /// How.
        kind: Kind,
    },
    /// No owner signed it, and without that nobody can propose.
    #[error("no owner of the wallet signed proposal {digest}")]
    Unsigned {
        /// The proposal.
        digest: B256,
    },
    /// A lane is listed twice, or the place that is free is one that was used up.
    #[error("what it says of lane {lane} of wallet {wallet} cannot be so")]
    Lane {
        /// The wallet.
        wallet: Address,
        /// The lane.
        lane: Lane,
    },
    /// It names a place as the next free one, and lists no proposals that take those before it.
    #[error(
        "it says that {claimed} is the next free sequence of lane {lane}, and lists nothing behind {listed}"
    )]
    NextFree {
        /// The lane.
        lane: Lane,
        /// The sequence it says.
        claimed: u64,
        /// The sequence behind all proposals that it lists, and behind those that the chain used up.
        listed: u64,
    },
    /// Configuration and salt make another address.
    #[error(
        "configuration and salt do not make wallet {claimed}{}",
        computed.map(|computed| format!(" but {computed}")).unwrap_or_default()
    )]
    Address {
        /// The address it says.
        claimed: Address,
        /// The address that they make, if they make one.
        computed: Option<Address>,
    },
    /// The configuration is not the wallet's.
    #[error("the configuration it gives is not that of wallet {wallet}")]
    Config {
        /// The wallet.
        wallet: Address,
    },
    /// The wallet was not reconfigured as often as it says.
    #[error("it says that wallet {wallet} is in epoch {claimed}; the chain shows epoch {actual}")]
    Epoch {
        /// The wallet.
        wallet: Address,
        /// The epoch it says.
        claimed: u32,
        /// The epoch that the chain shows.
        actual: u32,
    },
    /// The threshold is not the wallet's.
    #[error("it says that {claimed} owners have to sign, the wallet wants {actual}")]
    Threshold {
        /// What it says.
        claimed: u8,
        /// What is so.
        actual: u8,
    },
    /// A signature is said to count, and its signer is no owner.
    #[error("it counts the signature of {owner}, who is no owner of the wallet")]
    CountsStranger {
        /// Who.
        owner: Address,
    },
    /// A valid signature of an owner is said not to count.
    #[error("it does not count the signature of {owner}, an owner, which is valid")]
    LeavesOut {
        /// Who.
        owner: Address,
    },
    /// Those who are missing are others.
    #[error("the owners it says are missing are not those of whom it counts no signature")]
    Missing,
    /// Fewer signatures than its status needs.
    #[error("it says `{}`, with {count} of {threshold} signatures", status.name())]
    NotEnough {
        /// The status it says.
        status: StatusWord,
        /// How many signatures count.
        count: usize,
        /// How many are needed.
        threshold: u8,
    },
    /// A status without what belongs to it, or with what does not.
    #[error("it says `{}`, and {what}", status.name())]
    Shape {
        /// The status it says.
        status: StatusWord,
        /// What does not go with it.
        what: &'static str,
    },
    /// It was not executed.
    #[error(
        "it says that transaction {tx_hash} in block {block} executed it; the chain, at block {head}, shows no such execution"
    )]
    NotExecuted {
        /// The transaction it names.
        tx_hash: B256,
        /// The block it names.
        block: u64,
        /// The block up to which the reader looked.
        head: u64,
    },
    /// It says that something is decided for good, and the chain shows otherwise.
    #[error("it says `{}` for good; {what}", status.name())]
    NotSo {
        /// The status it says.
        status: StatusWord,
        /// What the chain shows.
        what: &'static str,
    },
}

impl Lie {
    /// Whether an honest relayer may seem to say it for a moment, because relayer and chain are never read at the same
    /// time: worth reading both again before anybody is blamed.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::NotValid { .. }
            | Self::NextFree { .. }
            | Self::Epoch { .. }
            | Self::NotEnough { .. }
            | Self::NotExecuted { .. }
            | Self::NotSo { .. } => true,
            Self::Digest { .. }
            | Self::Place { .. }
            | Self::Signature { .. }
            | Self::ApprovalWithBytes { .. }
            | Self::OwnerTwice { .. }
            | Self::OtherAcceptance { .. }
            | Self::OtherProposal { .. }
            | Self::OtherWallet { .. }
            | Self::OtherChain { .. }
            | Self::NotOwned { .. }
            | Self::NotAwaited { .. }
            | Self::Dropped { .. }
            | Self::Unsigned { .. }
            | Self::Lane { .. }
            | Self::Address { .. }
            | Self::Config { .. }
            | Self::Threshold { .. }
            | Self::CountsStranger { .. }
            | Self::LeavesOut { .. }
            | Self::Missing
            | Self::Shape { .. } => false,
        }
    }
}
