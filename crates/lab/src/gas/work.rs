//! The work that is compared, the same for every wallet.

use alloy::primitives::{Address, U256, keccak256};
use serde::Serialize;
use std::fmt;

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Work {
    /// Creating the wallet through its factory.
    Create,
    /// One ether transfer to an account that has ether.
    Eth,
    /// One ERC-20 transfer to an account that has some.
    Erc20,
    /// Ten ERC-20 transfers at once, to ten payees.
    Erc20Times10,
    /// A hundred ERC-20 transfers at once, to a hundred payees.
    Erc20Times100,
    /// Replacing one owner.
    ChangeOwners,
}

impl Work {
    /// All work, in the order it is done and shown.
    pub const ALL: [Self; 6] = [
        Self::Create,
        Self::Eth,
        Self::Erc20,
        Self::Erc20Times10,
        Self::Erc20Times100,
        Self::ChangeOwners,
    ];
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Eth => "ETH transfer",
            Self::Erc20 => "ERC-20 transfer",
            Self::Erc20Times10 => "10 ERC-20 transfers",
            Self::Erc20Times100 => "100 ERC-20 transfers",
            Self::ChangeOwners => "change of owners",
        })
    }
}

/// How many owners a wallet has, and how many of them sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// How many sign.
    pub threshold: u8,
    /// How many owners there are.
    pub owner_count: u8,
}

impl Size {
    pub(super) const fn new(threshold: u8, owner_count: u8) -> Self {
        Self { threshold, owner_count }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.threshold, self.owner_count)
    }
}

/// The sizes that are measured.
pub(super) const SIZES: [Size; 5] =
    [Size::new(1, 2), Size::new(2, 3), Size::new(3, 5), Size::new(5, 9), Size::new(10, 20)];

/// One payment, in wei or the token's smallest units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payment {
    pub(super) to: Address,
    pub(super) amount: U256,
}

/// The first payments of a fixed list, each to another payee.
///
/// The amounts have as many non-zero bytes as real ones, for calldata is paid by them: 0.1375 ether
/// and more with all digits, or 1,250 dollars and more to the cent in a token of six decimals.
pub(super) fn payments(count: u64, ether: bool) -> Vec<Payment> {
    let (first, step) =
        if ether { (137_512_345_678_901_234, 1_000_000_007) } else { (1_250_370_000, 73_190_000) };
    let payment = |number| Payment {
        to: Address::from_word(keccak256(format!("quorate payee {number}"))),
        amount: U256::from(first + step * number),
    };
    (0..count).map(payment).collect()
}
