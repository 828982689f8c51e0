//! What guidance for multisigs asks for, and how much of it a wallet meets, as far as a chain shows.
//!
//! Each control says where it is from. Most of what keeps keys safe no program sees from here: that is said too, and it is
//! never said that anything is certified.

mod html;
mod table;

pub use html::{Head, html};
pub use table::controls;

use crate::Rules;
use alloy::primitives::{Address, U256};

/// Where the controls are from, with the version that was read.
pub const SOURCES: [(&str, &str); 2] = [
    ("CCSS", "CryptoCurrency Security Standard 9.0, CryptoCurrency Certification Consortium (C4)"),
    ("SEAL", "Secure Multisig Best Practices, Security Alliance frameworks at 0816c16"),
];

/// What became of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is not as asked for.
    NotMet,
    /// It is as asked for.
    Met,
    /// No program sees it from here.
    Unseen,
}

impl State {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::NotMet, Self::Met, Self::Unseen];

    /// The word for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotMet => "notMet",
            Self::Met => "met",
            Self::Unseen => "cannotBeSeen",
        }
    }

    /// The same for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotMet => "Not met",
            Self::Met => "Met",
            Self::Unseen => "Cannot be seen from here",
        }
    }
}

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// A word that stays the same from version to version.
    pub id: &'static str,
    /// Where it is from: a name of [`SOURCES`], and a number of a control where there is one.
    pub sources: &'static str,
    /// What is asked for, in our words.
    pub asks: &'static str,
    /// Whether it is so.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: String,
}

/// What a wallet's policy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It has none.
    None,
    /// The policy of treasuries.
    Treasury(Rules),
    /// The policy of escrows.
    Escrow,
    /// Another contract.
    Unknown(Address),
}

/// An owner, as the chain shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its address.
    pub address: Address,
    /// What is at it.
    pub kind: OwnerKind,
    /// How many transactions it sent.
    pub transactions: u64,
    /// What it has, in wei.
    pub balance: U256,
}

/// What an owner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// A key.
    Key,
    /// A key that delegates to code (EIP-7702).
    Delegated,
    /// A contract.
    Contract,
}

/// What the address book says of the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Booked {
    /// Nothing.
    Unknown,
    /// The same as the chain.
    Same,
    /// Something else; what.
    Differs(Vec<String>),
}

/// All that was seen of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether the factory made it.
    pub is_of_factory: bool,
    /// How many owners have to sign.
    pub threshold: u8,
    /// Who owns it.
    pub owners: Vec<Owner>,
    /// Its policy.
    pub policy: Policy,
    /// What others may take of its tokens, in words; none where that could not be read. With whether it is without a limit.
    pub allowances: Option<Vec<(String, bool)>>,
    /// What the address book says.
    pub booked: Booked,
    /// What an owner should have for ten vetoes and a freeze, in wei; none where nobody vetoes.
    pub veto_cost: Option<U256>,
}
