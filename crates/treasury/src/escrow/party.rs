//! The three parties of an escrow.

use crate::escrow_terms::Party;
use quorate_core::Lane;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

/// A party, by its owner index. In JSON the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Owner 0.
    Buyer,
    /// Owner 1.
    Seller,
    /// Owner 2.
    Arbiter,
}

impl Role {
    /// All of them, in the order of the owners.
    pub const ALL: [Self; 3] = [Self::Buyer, Self::Seller, Self::Arbiter];

    /// The owner index.
    pub const fn index(self) -> u8 {
        match self {
            Self::Buyer => 0,
            Self::Seller => 1,
            Self::Arbiter => 2,
        }
    }

    /// The party with this owner index.
    pub fn of_index(index: u8) -> Option<Self> {
        Self::ALL.get(usize::from(index)).copied()
    }

    /// The lane in which it acts alone: owner index + 1.
    pub fn lane(self) -> Lane {
        Lane::new(alloy::primitives::aliases::U192::from(self.index() + 1))
    }

    /// The one whose lane this is, if it is one's.
    pub fn of_lane(lane: Lane) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.lane() == lane)
    }

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
            Self::Arbiter => "arbiter",
        }
    }

    /// One of the two between whom the escrow is, if it is not the arbiter.
    pub const fn party(self) -> Option<Party> {
        match self {
            Self::Buyer => Some(Party::Buyer),
            Self::Seller => Some(Party::Seller),
            Self::Arbiter => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Party> for Role {
    fn from(party: Party) -> Self {
        match party {
            Party::Buyer => Self::Buyer,
            Party::Seller => Self::Seller,
        }
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(self.index())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let index: u8 = quorate_core::json::integer::deserialize(from)?;
        Self::of_index(index).ok_or_else(|| {
            D::Error::custom(format!("role {index}: 0 is the buyer, 1 the seller, 2 the arbiter"))
        })
    }
}

/// Who signed: the bitmap of the policy, 1 buyer, 2 seller, 4 arbiter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signers(u8);

impl Signers {
    /// All three.
    pub const ALL: Self = Self(7);

    /// These.
    pub fn of(roles: impl IntoIterator<Item = Role>) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | 1 << role.index()))
    }

    /// Those of a bitmap; bits above the three are left out.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 7)
    }

    /// The bitmap.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether this one is among them.
    pub const fn has(self, role: Role) -> bool {
        self.0 & (1 << role.index()) != 0
    }

    /// The one, if it is just one.
    pub fn alone(self) -> Option<Role> {
        Role::ALL.into_iter().find(|role| self.0 == 1 << role.index())
    }

    /// Each of them.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// How many they are.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }
}

impl fmt::Display for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.roles().map(Role::name).collect();
        match &names[..] {
            [] => f.write_str("nobody"),
            [one] => write!(f, "the {one}"),
            [one, two] => write!(f, "the {one} and the {two}"),
            _ => f.write_str("all three"),
        }
    }
}

/// The other one of the two between whom the escrow is.
pub const fn other(party: Party) -> Party {
    match party {
        Party::Buyer => Party::Seller,
        Party::Seller => Party::Buyer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_has_its_lane_and_its_bit() {
        for role in Role::ALL {
            assert_eq!(Role::of_lane(role.lane()), Some(role));
            assert_eq!(Signers::of([role]).alone(), Some(role));
            assert_eq!(Role::of_index(role.index()), Some(role));
        }
        assert_eq!(Role::of_lane(Lane::ZERO), None);
        assert_eq!(Role::of_index(3), None);
        assert_eq!(Signers::of(Role::ALL), Signers::ALL);
        assert_eq!(Signers::from_bits(5).to_string(), "the buyer and the arbiter");
        assert_eq!(Signers::from_bits(5).alone(), None);
    }
}
