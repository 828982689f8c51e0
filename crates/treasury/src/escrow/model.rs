//! What `EscrowPolicy` answers, without a chain: the same answer, for the same reason.

use super::party::{Role, Signers};
use crate::escrow_terms::{EscrowTerms, Party};
use alloy::{
    primitives::{Address, U256, aliases::U192},
    sol_types::SolCall as _,
};
use quorate_bindings::{canonical, contracts::EscrowPolicy::disputeCall};
use quorate_core::{
    Action, Config, Lane,
    action::{Call, Transfer},
    amount::EVERYTHING_LEFT,
};
use thiserror::Error;

/// How far ahead of a new escrow's creation its last time-out may lie, in seconds: 36,525 days.
pub const MAX_TERM_SECS: u64 = 36_525 * 86_400;

/// Hundredths of a percent in a whole.
pub const BPS: u16 = 10_000;

/// What the three agreed on, and who they are: all that the policy goes by, besides time and disputes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The wallet.
    pub wallet: Address,
    /// Buyer, seller, arbiter.
    pub owners: [Address; 3],
    /// The terms in the wallet's policy data.
    pub terms: EscrowTerms,
}

/// Something that these signers want done.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What.
    pub action: &'a Action,
    /// In which lane.
    pub lane: Lane,
    /// Who signs: at least one.
    pub signers: Signers,
    /// The time of the block, in Unix seconds.
    pub now: u64,
    /// Whether the escrow was disputed in its present configuration.
    pub disputed: bool,
    /// What the wallet has of the token that is paid, in smallest units. Looked at only where the arbiter is paid.
    pub balance: U256,
}

/// Why the policy refuses: its errors, by their names, with their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// One signer acts in its own lane and nowhere else; more than one act in any lane but 1, 2 and 3.
    #[error(
        "{signers} may not act in lane {lane}: one party acts in its own, two or three in any but 1, 2 and 3"
    )]
    LaneNotAllowed {
        /// The lane.
        lane: U192,
        /// Who signs.
        signers: Signers,
    },
    /// These signers may not pay this account, or not yet.
    #[error("{signers} may not pay {payee}, or not before the time-out at {timeout}")]
    PayeeNotAllowed {
        /// Its place in the transfers, from 0.
        index: usize,
        /// The account.
        payee: Address,
        /// Who signs.
        signers: Signers,
        /// When the beneficiary may pay itself, in Unix seconds.
        timeout: u64,
    },
    /// The arbiter is paid an exact amount, never everything left.
    #[error("the arbiter is paid an exact amount, never everything left")]
    FeeNotExact {
        /// Its place in the transfers, from 0.
        index: usize,
    },
    /// The payout names more than there is at that point.
    #[error("payment {} is of {amount}, and {left} is left at that point", index + 1)]
    AmountAboveBalance {
        /// Its place in the transfers, from 0.
        index: usize,
        /// The amount, in smallest units.
        amount: U256,
        /// What is left, in smallest units.
        left: U256,
    },
    /// The arbiter would get more than the capped share of what the payout moves.
    #[error(
        "the arbiter would get {fee} of {moved} that move, and the cap is {cap_bps} hundredths of a percent"
    )]
    FeeAboveCap {
        /// What the arbiter would get, in smallest units.
        fee: U256,
        /// What the payout moves, in smallest units.
        moved: U256,
        /// The cap, in hundredths of a percent.
        cap_bps: u16,
    },
    /// Amounts that cannot be multiplied in 256 bits.
    #[error("the amounts are too large to be compared")]
    Overflow,
    /// This takes the signatures of all three.
    #[error("that takes the signatures of all three, and {signers} alone signs")]
    NeedsAllParties {
        /// Who signs.
        signers: Signers,
    },
    /// It is too late to dispute.
    #[error("it is too late to dispute: that ended at {expiry}")]
    DisputeTooLate {
        /// The expiry, in Unix seconds.
        expiry: u64,
        /// The time, in Unix seconds.
        now: u64,
    },
    /// The escrow was disputed before.
    #[error("the escrow was disputed before")]
    AlreadyDisputed,
}

/// Why a configuration cannot be that of a new escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TermsRefusal {
    /// Zero, or the last time-out lies too far ahead.
    #[error("the last time-out would be {last}, more than 100 years ahead, or there is none")]
    ExpiryOutOfRange {
        /// Expiry and arbitration together, in Unix seconds.
        last: u64,
    },
    /// Above the whole.
    #[error("an arbiter's fee of {cap_bps} hundredths of a percent is more than everything")]
    FeeCapOutOfRange {
        /// The cap.
        cap_bps: u16,
    },
}

impl EscrowTerms {
    /// When the beneficiary may take all, in Unix seconds.
    pub const fn timeout(&self, disputed: bool) -> u64 {
        if disputed {
            self.expiry.saturating_add(self.arbitration_secs as u64)
        } else {
            self.expiry
        }
    }

    /// The one of the two that may dispute: who is not the beneficiary.
    pub const fn disputer(&self) -> Party {
        super::party::other(self.beneficiary)
    }

    /// What the policy says to a new escrow at `now`. An expiry in the past passes: money may wait at the address of an
    /// escrow that is created late.
    ///
    /// # Errors
    ///
    /// The policy's reason.
    pub fn check_new(&self, now: u64) -> Result<(), TermsRefusal> {
        let last = self.timeout(true);
        if self.expiry == 0 || last > now.saturating_add(MAX_TERM_SECS) {
            return Err(TermsRefusal::ExpiryOutOfRange { last });
        }
        if self.arbiter_fee_cap_bps > BPS {
            return Err(TermsRefusal::FeeCapOutOfRange { cap_bps: self.arbiter_fee_cap_bps });
        }
        Ok(())
    }
}

impl Agreement {
    /// The agreement that a wallet's configuration holds; none if it is not that of an escrow.
    pub fn of(wallet: Address, config: &Config) -> Option<Self> {
        let is_escrow = config.policy() == Some(canonical::ESCROW_POLICY.address);
        let owners = config.owners().try_into().ok()?;
        let terms = EscrowTerms::read(config.policy_data())?;
        (is_escrow && config.threshold() == 1).then_some(Self { wallet, owners, terms })
    }

    /// The account of a party.
    pub const fn account(&self, role: Role) -> Address {
        self.owners[role.index() as usize]
    }

    /// The party that has this account.
    pub fn role_of(&self, account: Address) -> Option<Role> {
        Role::ALL.into_iter().find(|&role| self.account(role) == account)
    }

    /// The call that disputes.
    pub fn dispute() -> Action {
        let data = disputeCall {}.abi_encode().into();
        let to = canonical::ESCROW_POLICY.address;
        Action::Execute { calls: vec![Call { to, value: U256::ZERO, data }] }
    }

    /// Whether the policy lets these signers do this, and whether `dispute`, where it is called alone, goes through.
    ///
    /// Says nothing about whether the payments themselves succeed, nor about deadline, nonce and signatures.
    ///
    /// # Errors
    ///
    /// The policy's reason, the first it finds.
    pub fn check(&self, question: &Question<'_>) -> Result<(), Refusal> {
        let Question { action, lane, signers, .. } = *question;
        let is_allowed = match signers.alone() {
            Some(role) => lane == role.lane(),
            None => Role::of_lane(lane).is_none(),
        };
        if !is_allowed {
            return Err(Refusal::LaneNotAllowed { lane: lane.number(), signers });
        }
        if signers == Signers::ALL {
            return Ok(());
        }
        match action {
            Action::Payout { transfers, .. } => self.check_payout(transfers, question),
            Action::Execute { .. } => self.check_dispute(question),
            Action::Reconfigure { .. } => Err(Refusal::NeedsAllParties { signers }),
            Action::Cancel {} => Ok(()),
        }
    }

    fn check_dispute(&self, question: &Question<'_>) -> Result<(), Refusal> {
        let &Question { action, signers, now, disputed, .. } = question;
        let is_disputers = signers == Signers::of([self.terms.disputer().into()]);
        if !is_disputers || *action != Self::dispute() {
            return Err(Refusal::NeedsAllParties { signers });
        }
        let expiry = self.terms.expiry;
        if now >= expiry {
            return Err(Refusal::DisputeTooLate { expiry, now });
        }
        if disputed { Err(Refusal::AlreadyDisputed) } else { Ok(()) }
    }

    fn check_payout(&self, transfers: &[Transfer], question: &Question<'_>) -> Result<(), Refusal> {
        let &Question { signers, now, disputed, balance, .. } = question;
        let timeout = self.terms.timeout(disputed);
        let mut pays_arbiter = false;
        for (index, transfer) in transfers.iter().enumerate() {
            let payee = transfer.to;
            let role =
                self.role_of(payee).filter(|&role| self.may_pay(signers, role, now >= timeout));
            let role = role.ok_or(Refusal::PayeeNotAllowed { index, payee, signers, timeout })?;
            pays_arbiter |= role == Role::Arbiter;
        }
        if pays_arbiter { self.check_fee(transfers, balance) } else { Ok(()) }
    }

    /// Whether one or two signers may pay a party.
    fn may_pay(&self, signers: Signers, payee: Role, is_timed_out: bool) -> bool {
        match signers.alone() {
            Some(Role::Arbiter) => false,
            Some(own) if own == payee => is_timed_out && Role::from(self.terms.beneficiary) == own,
            Some(_) => payee != Role::Arbiter,
            None => payee != Role::Arbiter || signers.has(Role::Arbiter),
        }
    }

    /// Plays the payout through on what there is, as the policy does.
    fn check_fee(&self, transfers: &[Transfer], balance: U256) -> Result<(), Refusal> {
        let (mut left, mut fee, mut moved) = (balance, U256::ZERO, U256::ZERO);
        for (index, transfer) in transfers.iter().enumerate() {
            let is_fee = transfer.to == self.account(Role::Arbiter);
            let amount = match transfer.amount {
                EVERYTHING_LEFT if is_fee => return Err(Refusal::FeeNotExact { index }),
                EVERYTHING_LEFT => left,
                amount => amount,
            };
            if amount > left {
                return Err(Refusal::AmountAboveBalance { index, amount, left });
            }
            left -= amount;
            moved += amount;
            if is_fee {
                fee += amount;
            }
        }
        let cap_bps = self.terms.arbiter_fee_cap_bps;
        let times =
            |amount: U256, bps| amount.checked_mul(U256::from(bps)).ok_or(Refusal::Overflow);
        if times(fee, BPS)? > times(moved, cap_bps)? {
            return Err(Refusal::FeeAboveCap { fee, moved, cap_bps });
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use alloy::primitives::B256;

    pub(crate) const EXPIRY: u64 = 4_000_000_000;

    pub(crate) fn agreement(beneficiary: Party) -> Agreement {
        let terms = EscrowTerms {
            expiry: EXPIRY,
            arbitration_secs: 1_000,
            beneficiary,
            arbiter_fee_cap_bps: 500,
            terms_hash: B256::repeat_byte(7),
        };
        let owners = [1, 2, 3].map(Address::with_last_byte);
        Agreement { wallet: Address::with_last_byte(9), owners, terms }
    }

    fn pay(agreement: &Agreement, role: Role) -> Action {
        let to = agreement.account(role);
        Action::Payout {
            token: Address::ZERO,
            transfers: vec![Transfer { to, amount: EVERYTHING_LEFT }],
        }
    }

    #[test]
    fn the_beneficiary_alone_takes_all_from_the_time_out_on() {
        let agreement = agreement(Party::Seller);
        let action = pay(&agreement, Role::Seller);
        for (disputed, timeout) in [(false, EXPIRY), (true, EXPIRY + 1_000)] {
            let ask = |now| {
                agreement.check(&Question {
                    action: &action,
                    lane: Role::Seller.lane(),
                    signers: Signers::of([Role::Seller]),
                    now,
                    disputed,
                    balance: U256::ZERO,
                })
            };
            assert!(matches!(
                ask(timeout - 1),
                Err(Refusal::PayeeNotAllowed { timeout: told, .. }) if told == timeout
            ));
            assert_eq!(ask(timeout), Ok(()));
        }
    }

    #[test]
    fn terms_of_a_new_escrow_are_bounded() {
        let mut terms = agreement(Party::Buyer).terms;
        assert_eq!(terms.check_new(EXPIRY + 5), Ok(()));
        assert_eq!(terms.check_new(EXPIRY + 1_000 - MAX_TERM_SECS), Ok(()));
        assert!(terms.check_new(EXPIRY + 999 - MAX_TERM_SECS).is_err());
        terms.arbiter_fee_cap_bps = BPS + 1;
        assert!(terms.check_new(EXPIRY).is_err());
        terms.expiry = 0;
        assert!(terms.check_new(EXPIRY).is_err());
    }
}
