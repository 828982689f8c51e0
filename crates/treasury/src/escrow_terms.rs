//! What the parties of an escrow agreed on, as the wallet of the escrow keeps it.

use alloy::primitives::{B256, Bytes};
use std::fmt;

/// How many bytes of policy data an escrow has.
const LENGTH: usize = 47;

/// The policy data of an escrow: `expiry(8) ‖ arbitrationSecs(4) ‖ timeoutBeneficiary(1) ‖ arbiterFeeCapBps(2) ‖
/// termsHash(32)`.
///
/// Read from bytes, not believed: whether the wallet that has it is an escrow, its policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscrowTerms {
    /// When the time-out comes if nobody disputes, in Unix seconds.
    pub expiry: u64,
    /// How much later it comes after a dispute, in seconds.
    pub arbitration_secs: u32,
    /// Who may take all at the time-out.
    pub beneficiary: Party,
    /// The most that the arbiter may be paid, in hundredths of a percent of what the same payout moves.
    pub arbiter_fee_cap_bps: u16,
    /// The hash of the agreement in words.
    pub terms_hash: B256,
}

/// One of the two between whom an escrow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Owner 0.
    Buyer,
    /// Owner 1.
    Seller,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
        })
    }
}

impl EscrowTerms {
    /// Reads policy data; none if it is not that of an escrow.
    pub fn read(policy_data: &[u8]) -> Option<Self> {
        let data: &[u8; LENGTH] = policy_data.try_into().ok()?;
        let (expiry, rest) = data.split_first_chunk::<8>()?;
        let (arbitration, rest) = rest.split_first_chunk::<4>()?;
        let (&[beneficiary], rest) = rest.split_first_chunk::<1>()?;
        let (fee_cap, terms_hash) = rest.split_first_chunk::<2>()?;
        Some(Self {
            expiry: u64::from_be_bytes(*expiry),
            arbitration_secs: u32::from_be_bytes(*arbitration),
            beneficiary: match beneficiary {
                0 => Party::Buyer,
                1 => Party::Seller,
                _ => return None,
            },
            arbiter_fee_cap_bps: u16::from_be_bytes(*fee_cap),
            terms_hash: B256::from_slice(terms_hash),
        })
    }

    /// The policy data: what [`Self::read`] reads.
    pub fn to_policy_data(&self) -> Bytes {
        let beneficiary = match self.beneficiary {
            Party::Buyer => 0,
            Party::Seller => 1,
        };
        let parts = [
            &self.expiry.to_be_bytes()[..],
            &self.arbitration_secs.to_be_bytes(),
            &[beneficiary],
            &self.arbiter_fee_cap_bps.to_be_bytes(),
            self.terms_hash.as_slice(),
        ];
        parts.concat().into()
    }

    /// Whether a dispute gives the arbiter no time: the beneficiary takes all at the same moment as without one.
    pub const fn has_worthless_disputes(&self) -> bool {
        self.arbitration_secs == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(arbitration_secs: u32, beneficiary: u8) -> Vec<u8> {
        [
            &4_000_000_000_u64.to_be_bytes()[..],
            &arbitration_secs.to_be_bytes(),
            &[beneficiary],
            &500_u16.to_be_bytes(),
            &[7; 32],
        ]
        .concat()
    }

    #[test]
    fn terms_are_read_as_the_policy_reads_them() {
        let terms = EscrowTerms::read(&data(604_800, 1)).unwrap();
        let expected = EscrowTerms {
            expiry: 4_000_000_000,
            arbitration_secs: 604_800,
            beneficiary: Party::Seller,
            arbiter_fee_cap_bps: 500,
            terms_hash: B256::repeat_byte(7),
        };
        assert_eq!(terms, expected);
        assert_eq!(terms.to_policy_data(), data(604_800, 1));
        assert_eq!(EscrowTerms::read(&data(1, 2)), None);
        assert_eq!(EscrowTerms::read(&data(1, 0)[1..]), None);
        assert_eq!(EscrowTerms::read(&[]), None);
    }

    /// Case 34.
    #[test]
    fn a_dispute_without_time_for_the_arbiter_is_worth_nothing() {
        assert!(EscrowTerms::read(&data(0, 0)).unwrap().has_worthless_disputes());
        assert!(!EscrowTerms::read(&data(1, 0)).unwrap().has_worthless_disputes());
    }
}
