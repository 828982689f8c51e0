//! The nonces of a wallet: lanes that do not wait for each other, sequences that do.

use crate::json::decimal;
use alloy::{
    primitives::{U256, aliases::U192, keccak256},
    sol_types::SolValue,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Where a lane begins in a nonce: `nonce = lane << 64 | sequence`.
const LANE_SHIFT: usize = 64;

/// One of a wallet's 2^192 independent queues. Not a nonce: that also has a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(U192);

/// Why a text is not a lane.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} is not a lane: a decimal number below 2^192 is needed", crate::text::shown(text))]
pub struct LaneError {
    text: String,
}

impl Lane {
    /// The lane that is used where nothing else is said; it is the cheapest.
    pub const ZERO: Self = Self(U192::ZERO);

    /// The lane with this number.
    pub const fn new(number: U192) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> U192 {
        self.0
    }

    /// Whether this is lane `number`.
    pub fn is_number(self, number: u64) -> bool {
        self.0 == U192::from(number)
    }

    /// The lane of batch `batch` (from 0) of the payout run named `run`: the first 192 bits of
    /// `keccak256(abi.encode("quorate/payout", run, batch))`.
    ///
    /// A batch is paid at sequence 0 of its lane, so a wallet pays it at most once.
    pub fn of_payout(run: &str, batch: U256) -> Self {
        let hash = keccak256(("quorate/payout", run, batch).abi_encode_params());
        Self(U192::from_be_slice(&hash[..24]))
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Lane {
    type Err = LaneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = decimal::parse(text).ok().filter(|number| number.bit_len() <= U192::BITS);
        number
            .map(|number| Self(low_192_bits(number)))
            .ok_or_else(|| LaneError { text: text.to_owned() })
    }
}

impl Serialize for Lane {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The nonce of a wallet: a place in a lane. Never to be mixed up with an account's nonce.
///
/// In JSON and on chain the number `lane << 64 | sequence`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce {
    /// The queue.
    pub lane: Lane,
    /// The place in it, from 0; consumed one after another. The last one, 2^64-1, is never consumed.
    pub sequence: u64,
}

impl Nonce {
    /// The nonce at `sequence` of `lane`.
    pub const fn new(lane: Lane, sequence: u64) -> Self {
        Self { lane, sequence }
    }

    /// The number that wallets use.
    pub fn to_u256(self) -> U256 {
        (U256::from(self.lane.0) << LANE_SHIFT) | U256::from(self.sequence)
    }

    /// The nonce with this number.
    pub fn from_u256(number: U256) -> Self {
        Self { lane: Lane(low_192_bits(number >> LANE_SHIFT)), sequence: number.as_limbs()[0] }
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_u256().fmt(f)
    }
}

impl Serialize for Nonce {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        decimal::serialize(&self.to_u256(), to)
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        decimal::deserialize(from).map(Self::from_u256)
    }
}

fn low_192_bits(number: U256) -> U192 {
    let [a, b, c, _] = number.into_limbs();
    U192::from_limbs([a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize)]
    struct Vectors {
        lanes: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        run: String,
        batch: String,
        lane: String,
    }

    #[test]
    fn payout_lanes_are_the_ones_viem_computes() {
        let text = include_str!("../../../anvil-fixtures/vectors/lanes.json");
        let vectors: Vectors = serde_json::from_str(text).unwrap();
        assert!(!vectors.lanes.is_empty());
        for Vector { run, batch, lane } in vectors.lanes {
            assert_eq!(
                Lane::of_payout(&run, batch.parse().unwrap()).to_string(),
                lane,
                "{run} {batch}"
            );
        }
    }

    #[test]
    fn a_lane_is_read_from_digits_alone() {
        assert_eq!("12".parse(), Ok(Lane::new(U192::from(12))));
        for text in ["", "-1", "0x1", "1.0", &U256::MAX.to_string()] {
            assert!(text.parse::<Lane>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_nonce_is_its_number(limbs: [u64; 4]) {
            let number = U256::from_limbs(limbs);
            let nonce = Nonce::from_u256(number);
            prop_assert_eq!(nonce.to_u256(), number);
            prop_assert_eq!(nonce.sequence, limbs[0]);
        }
    }
}
