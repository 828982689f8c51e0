//! Decisions as transfers.
//!
//! A **closing** decision pays one exact amount to the time-out's beneficiary, and everything left to the other. With two
//! exact amounts, a payment by one party in between makes it fail; with the exact amount for the other side, the
//! beneficiary makes it fail by paying a little, and takes the rest at the time-out.

use super::{
    model::{Agreement, BPS},
    party::{self, Role},
};
use crate::escrow_terms::Party;
use alloy::primitives::U256;
use quorate_core::{
    action::Transfer,
    amount::{self, EVERYTHING_LEFT},
};
use thiserror::Error;

/// Decimals of a percentage: 33.3333 %.
const PERCENT_DECIMALS: u8 = 4;

/// A whole in the smallest share.
const WHOLE: u32 = 1_000_000;

/// A part of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many smallest units.
    Exact(U256),
    /// So many millionths, at most a million; what does not divide stays with the other side.
    Millionths(u32),
}

impl Share {
    /// Reads a percentage, `60%` or `33.3333 %`; none if there is no percent sign.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse_percent(text: &str) -> Option<Result<Self, DecisionError>> {
        let number = text.trim().strip_suffix('%')?.trim_end();
        let malformed = || DecisionError::Percent { text: text.to_owned() };
        let parsed = amount::parse(number, PERCENT_DECIMALS).ok();
        let millionths = parsed.filter(|share| *share <= U256::from(WHOLE));
        Some(millionths.map(|share| Self::Millionths(share.to())).ok_or_else(malformed))
    }

    /// How much that is of `held`.
    pub fn of(self, held: U256) -> U256 {
        match self {
            Self::Exact(amount) => amount,
            Self::Millionths(share) => {
                let (share, whole) = (U256::from(share), U256::from(WHOLE));
                // Apart, so that nothing is too large to be multiplied.
                held / whole * share + held % whole * share / whole
            }
        }
    }
}

/// Why a decision cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecisionError {
    /// No percentage.
    #[error(
        "{} is not a percentage: write 60% or 33.3333%, at most 100%",
        quorate_core::text::shown(text)
    )]
    Percent {
        /// What was written.
        text: String,
    },
    /// More than there is.
    #[error("{asked} smallest units are asked for, and the escrow has {held}")]
    NotThere {
        /// What is asked for.
        asked: U256,
        /// What there is.
        held: U256,
    },
    /// Nothing would be paid.
    #[error("nothing would be paid: the escrow has nothing of that, or the amount is 0")]
    Nothing,
    /// The arbiter would get more than agreed.
    #[error(
        "a fee of {fee} smallest units is above the agreed cap, which is {most} of the {held} that move"
    )]
    Fee {
        /// The fee.
        fee: U256,
        /// The most it may be.
        most: U256,
        /// What moves.
        held: U256,
    },
}

/// A decision that leaves nothing in the escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Whose share is named.
    pub party: Party,
    /// Its share of what there is.
    pub share: Share,
    /// What the arbiter gets.
    pub fee: Option<Share>,
}

/// What each gets by a closing decision, as things stand. In smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The buyer's.
    pub buyer: U256,
    /// The seller's.
    pub seller: U256,
    /// The arbiter's.
    pub arbiter: U256,
}

impl Outcome {
    /// What one of them gets.
    pub const fn of(&self, role: Role) -> U256 {
        match role {
            Role::Buyer => self.buyer,
            Role::Seller => self.seller,
            Role::Arbiter => self.arbiter,
        }
    }
}

impl Closing {
    /// What each gets of `held`.
    ///
    /// # Errors
    ///
    /// If there is not so much, nothing would be paid, or the fee is above the cap.
    pub fn outcome(&self, agreement: &Agreement, held: U256) -> Result<Outcome, DecisionError> {
        let (named, fee) = (self.share.of(held), self.fee.map_or(U256::ZERO, |fee| fee.of(held)));
        let asked = named.saturating_add(fee);
        if asked > held {
            return Err(DecisionError::NotThere { asked, held });
        }
        if held.is_zero() {
            return Err(DecisionError::Nothing);
        }
        let most = agreement.largest_fee(held);
        if fee > most {
            return Err(DecisionError::Fee { fee, most, held });
        }
        let rest = held - asked;
        let (buyer, seller) = match self.party {
            Party::Buyer => (named, rest),
            Party::Seller => (rest, named),
        };
        Ok(Outcome { buyer, seller, arbiter: fee })
    }

    /// The transfers: the beneficiary's exact amount, the fee, and everything left to the other.
    ///
    /// # Errors
    ///
    /// As [`Self::outcome`].
    pub fn transfers(
        &self,
        agreement: &Agreement,
        held: U256,
    ) -> Result<Vec<Transfer>, DecisionError> {
        let outcome = self.outcome(agreement, held)?;
        let beneficiary = agreement.terms.beneficiary;
        let exact = [Role::from(beneficiary), Role::Arbiter];
        let exact = exact.map(|role| (role, outcome.of(role)));
        let exact = exact.into_iter().filter(|(_, amount)| !amount.is_zero());
        let rest = (Role::from(party::other(beneficiary)), EVERYTHING_LEFT);
        let all = exact.chain([rest]);
        Ok(all.map(|(role, amount)| Transfer { to: agreement.account(role), amount }).collect())
    }
}

impl Agreement {
    /// The most that the arbiter may be paid of `moved` smallest units.
    pub fn largest_fee(&self, moved: U256) -> U256 {
        let cap = u32::from(self.terms.arbiter_fee_cap_bps.min(BPS));
        Share::Millionths(cap * (WHOLE / u32::from(BPS))).of(moved)
    }

    /// One exact amount to a party, which leaves the rest: a milestone.
    ///
    /// # Errors
    ///
    /// If there is not so much, or it is nothing.
    pub fn milestone(
        &self,
        party: Party,
        share: Share,
        held: U256,
    ) -> Result<Vec<Transfer>, DecisionError> {
        let amount = share.of(held);
        if amount.is_zero() {
            return Err(DecisionError::Nothing);
        }
        if amount > held {
            return Err(DecisionError::NotThere { asked: amount, held });
        }
        Ok(vec![Transfer { to: self.account(party.into()), amount }])
    }

    /// Everything left to a party.
    pub fn everything(&self, party: Party) -> Vec<Transfer> {
        vec![Transfer { to: self.account(party.into()), amount: EVERYTHING_LEFT }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::{
        model::{Question, Refusal, tests::agreement},
        party::Signers,
    };
    use alloy::primitives::Address;
    use proptest::prelude::*;
    use quorate_core::{Action, Lane};

    #[test]
    fn percentages_have_a_sign_and_at_most_four_decimals() {
        let read = |text| Share::parse_percent(text);
        assert_eq!(read("60%"), Some(Ok(Share::Millionths(600_000))));
        assert_eq!(read(" 33.3333 % "), Some(Ok(Share::Millionths(333_333))));
        assert_eq!(read("100%"), Some(Ok(Share::Millionths(WHOLE))));
        assert_eq!(read("60"), None);
        for text in ["100.0001%", "-1%", "1e1%", "%", "1,5%", "0.00001%"] {
            assert!(matches!(read(text), Some(Err(_))), "{text}");
        }
    }

    #[test]
    fn the_exact_amount_is_the_beneficiarys_whoever_is_named() {
        let held = U256::from(1_001);
        for (beneficiary, exact) in [(Party::Buyer, 401), (Party::Seller, 600)] {
            let agreement = agreement(beneficiary);
            for (party, share) in [
                (Party::Seller, Share::Millionths(600_000)),
                (Party::Seller, Share::Exact(U256::from(600))),
                (Party::Buyer, Share::Exact(U256::from(401))),
            ] {
                let closing = Closing { party, share, fee: None };
                let transfers = closing.transfers(&agreement, held).unwrap();
                let to = |party: Party| agreement.account(party.into());
                assert_eq!(
                    transfers,
                    [
                        Transfer { to: to(beneficiary), amount: U256::from(exact) },
                        Transfer { to: to(party::other(beneficiary)), amount: EVERYTHING_LEFT }
                    ]
                );
            }
        }
    }

    proptest! {
        /// What is decided adds up to what there is, and the policy takes it.
        #[test]
        fn a_closing_decision_adds_up(
            held in 1_u128.., share in 0..=WHOLE, fee in 0..=50_000_u32, seller: bool, by_seller: bool
        ) {
            let beneficiary = if seller { Party::Seller } else { Party::Buyer };
            let party = if by_seller { Party::Seller } else { Party::Buyer };
            let (agreement, held) = (agreement(beneficiary), U256::from(held));
            let closing = Closing {
                party,
                share: Share::Millionths(share - share.min(fee)),
                fee: Some(Share::Millionths(fee)),
            };
            let outcome = closing.outcome(&agreement, held).unwrap();
            prop_assert_eq!(outcome.buyer + outcome.seller + outcome.arbiter, held);
            let transfers = closing.transfers(&agreement, held).unwrap();
            let action = Action::Payout { token: Address::ZERO, transfers };
            let signers = Signers::of([Role::Arbiter, party.into()]);
            let question = Question {
                action: &action, lane: Lane::ZERO, signers, now: 0, disputed: true, balance: held,
            };
            prop_assert_eq!(agreement.check(&question), Ok(()));
        }

        /// The largest fee is the largest: one more is refused.
        #[test]
        fn the_largest_fee_is_what_the_policy_takes(held in 1_u128..) {
            let (agreement, held) = (agreement(Party::Buyer), U256::from(held));
            let most = agreement.largest_fee(held);
            let ask = |fee| {
                let transfers = vec![
                    Transfer { to: agreement.account(Role::Arbiter), amount: fee },
                    Transfer { to: agreement.account(Role::Seller), amount: EVERYTHING_LEFT },
                ];
                let action = Action::Payout { token: Address::ZERO, transfers };
                let signers = Signers::of([Role::Arbiter, Role::Seller]);
                agreement.check(&Question {
                    action: &action, lane: Lane::ZERO, signers, now: 0, disputed: false, balance: held,
                })
            };
            prop_assert_eq!(ask(most), Ok(()));
            let is_above = matches!(ask(most + U256::from(1)), Err(Refusal::FeeAboveCap { .. }));
            prop_assert!(is_above);
        }
    }

    #[test]
    fn what_is_not_there_is_not_decided() {
        let agreement = agreement(Party::Buyer);
        let held = U256::from(10);
        let closing =
            Closing { party: Party::Seller, share: Share::Exact(U256::from(11)), fee: None };
        assert!(matches!(closing.transfers(&agreement, held), Err(DecisionError::NotThere { .. })));
        let closing = Closing { share: Share::Millionths(1), ..closing };
        assert_eq!(closing.transfers(&agreement, U256::ZERO), Err(DecisionError::Nothing));
        let closing = Closing { fee: Some(Share::Exact(U256::from(1))), ..closing };
        assert!(matches!(closing.transfers(&agreement, held), Err(DecisionError::Fee { .. })));
        let milestone = |amount| agreement.milestone(Party::Seller, Share::Exact(amount), held);
        assert!(milestone(U256::from(11)).is_err() && milestone(U256::ZERO).is_err());
        assert_eq!(milestone(held).unwrap().len(), 1);
    }
}
