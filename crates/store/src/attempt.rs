//! Attempts: transactions that were signed by the relayer, each stored before it may be sent.

pub(crate) mod mark;
pub(crate) mod read;
pub(crate) mod record;

use crate::{
    budget::Reservation,
    error::StoreError,
    row::{Fields, int},
    wallet::WalletKey,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use quorate_core::status::BlockId;
use std::fmt;

/// A place in the sequence of a sender's transactions. Not the nonce of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNonce {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The relayer's account.
    pub sender: Address,
    /// Its nonce.
    pub nonce: u64,
}

impl fmt::Display for AccountNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account nonce {} of {} on chain {}", self.nonce, self.sender, self.chain_id)
    }
}

/// What an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Carries out a proposal.
    Execute {
        /// The proposal.
        digest: B256,
    },
    /// Creates the wallet.
    Create,
    /// Does nothing, so that the account nonce is used up.
    Noop,
}

impl Purpose {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Execute { .. } => "execute",
            Self::Create => "create",
            Self::Noop => "noop",
        }
    }

    /// The proposal that it carries out.
    pub const fn digest(self) -> Option<B256> {
        match self {
            Self::Execute { digest } => Some(digest),
            Self::Create | Self::Noop => None,
        }
    }
}

/// A signed transaction that was not sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// The account nonce it was signed for.
    pub account_nonce: AccountNonce,
    /// 0 takes the account nonce; a replacement has the number behind the last one.
    pub number: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// For which wallet, if for one.
    pub wallet: Option<Address>,
    /// The signed bytes as they are sent; their keccak256 is the transaction's hash.
    pub raw: Bytes,
    /// What it pays at most for a unit of gas, in wei.
    pub max_fee_per_gas: U256,
    /// What of that goes to the block's maker at most, in wei.
    pub max_priority_fee_per_gas: U256,
    /// How much gas it may use.
    pub gas_limit: u64,
    /// The most that any attempt at this account nonce may pay for a unit of gas, in wei.
    pub ceiling: U256,
    /// What it costs besides gas at the most, in wei.
    pub rollup_fee: U256,
    /// What is held back of a day's budget for the account nonce once this attempt is stored, instead of what was held
    /// back for the one before it.
    pub reservation: Reservation,
}

/// An attempt as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Its account nonce.
    pub account_nonce: AccountNonce,
    /// Which attempt at that nonce, from 0.
    pub number: u32,
    /// The hash, recomputed from the bytes when they were read.
    pub tx_hash: B256,
    /// The signed bytes.
    pub raw: Bytes,
    /// What it is for.
    pub purpose: Purpose,
    /// For which wallet, if for one.
    pub wallet: Option<Address>,
    /// What it pays at most for a unit of gas, in wei.
    pub max_fee_per_gas: U256,
    /// What of that goes to the block's maker at most, in wei.
    pub max_priority_fee_per_gas: U256,
    /// How much gas it may use.
    pub gas_limit: u64,
    /// The most that any attempt at this account nonce may pay for a unit of gas, in wei.
    pub ceiling: U256,
    /// What it costs besides gas at the most, in wei.
    pub rollup_fee: U256,
    /// What is held back for the account nonce while it is the last attempt.
    pub reservation: Reservation,
    /// What became of it.
    pub state: AttemptState,
    /// The block that decided the account nonce, once that is final; of a stranger's transaction the one at which it
    /// was noticed.
    pub settled: Option<BlockId>,
    /// How often its state was changed.
    pub revision: u64,
    /// When it was recorded, in Unix milliseconds.
    pub created_at: i64,
    /// When its state last changed, in Unix milliseconds.
    pub updated_at: i64,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// It was not sent, or it is not known whether it was.
    Stored,
    /// It was sent, and no answer or none that says anything came back.
    Unknown,
    /// An endpoint took it.
    Accepted,
    /// Every endpoint refused it, for a reason that proves that it is nowhere.
    Rejected,
    /// It is in a block and did what it was for.
    Mined(Inclusion),
    /// It is in a block and reverted.
    Reverted(Inclusion),
    /// Another transaction has its account nonce.
    Replaced,
}

/// The block that a transaction is in, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The block.
    pub block: BlockId,
    /// Gas of the whole transaction.
    pub gas_used: u64,
    /// Wei that the sender paid for it in all.
    pub fee: U256,
    /// What of that was for layer 1; none where the chain takes nothing besides gas for that, or it is not known.
    pub l1_fee: Option<U256>,
    /// What of that went to the chain's operator; none where there is no such fee, or it is not known.
    pub operator_fee: Option<U256>,
}

impl Inclusion {
    /// What of the fee was for gas, in wei.
    pub fn gas_fee(&self) -> U256 {
        let beside = [self.l1_fee, self.operator_fee].into_iter().flatten();
        beside.fold(self.fee, U256::saturating_sub)
    }
}

impl AttemptState {
    /// The word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Mined(_) => "mined",
            Self::Reverted(_) => "reverted",
            Self::Replaced => "replaced",
        }
    }

    /// The block it is in.
    pub const fn inclusion(&self) -> Option<Inclusion> {
        match self {
            Self::Mined(inclusion) | Self::Reverted(inclusion) => Some(*inclusion),
            Self::Stored | Self::Unknown | Self::Accepted | Self::Rejected | Self::Replaced => None,
        }
    }

    fn read(fields: &Fields<'_>) -> Result<Self, StoreError> {
        let inclusion = || {
            Ok::<_, StoreError>(Inclusion {
                block: fields.block("block_number", "block_hash")?,
                gas_used: fields.number("gas_used")?,
                fee: fields.u256("fee")?,
                l1_fee: fields.u256_opt("l1_fee")?,
                operator_fee: fields.u256_opt("operator_fee")?,
            })
        };
        Ok(match fields.text("state")?.as_str() {
            "stored" => Self::Stored,
            "unknown" => Self::Unknown,
            "accepted" => Self::Accepted,
            "rejected" => Self::Rejected,
            "mined" => Self::Mined(inclusion()?),
            "reverted" => Self::Reverted(inclusion()?),
            "replaced" => Self::Replaced,
            _ => return Err(fields.corrupt("state is no known word")),
        })
    }
}

/// The key columns of an account nonce.
struct Place {
    chain_id: i64,
    sender: Vec<u8>,
    nonce: i64,
}

impl Place {
    fn of(account_nonce: AccountNonce) -> Result<Self, StoreError> {
        Ok(Self {
            chain_id: int("chainId", account_nonce.chain_id)?,
            sender: account_nonce.sender.to_vec(),
            nonce: int("accountNonce", account_nonce.nonce)?,
        })
    }
}

/// Whose budget an attempt burdens; without a wallet only the chain's.
fn budget_key(chain_id: u64, wallet: Option<Address>) -> WalletKey {
    WalletKey { chain_id, address: wallet.unwrap_or(crate::budget::WHOLE_CHAIN) }
}
