//! The rules of a treasury, as the wallet of the treasury keeps them.
//!
//! - [`model`]: what `TreasuryPolicy` answers by them, without a chain.
//! - [`file`](mod@file): the rules as people write them, in TOML.
//! - [`power`]: who can do what by them, who can lock whom out, and what stolen and lost keys come to.

pub mod file;
pub mod model;
pub mod power;

pub use file::{RulesFile, RulesFileError};

use alloy::primitives::{Address, Bytes};
use thiserror::Error;

/// Bytes before the first limit.
const HEADER: usize = 8;

/// Bytes of a limit, and of a payee.
const LIMIT: usize = 40;
const PAYEE: usize = 20;

const HOUR: u32 = 3_600;
const DAY: u32 = 24 * HOUR;

/// The most that a delay may be, in seconds: 30 days.
pub const MAX_DELAY_SECS: u32 = 30 * DAY;

/// The least that a delay or a period may be, in seconds: an hour.
pub const MIN_SECS: u32 = HOUR;

/// The most that a period may be, in seconds: 366 days.
pub const MAX_PERIOD_SECS: u32 = 366 * DAY;

/// What petty signers may pay of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The token; zero is ether.
    pub token: Address,
    /// The most that may be paid in one window, in wei or smallest units.
    pub amount: u128,
    /// How long a window is, in seconds. Windows end at multiples of it, in Unix seconds.
    pub period_secs: u32,
}

/// The policy data of a treasury: `admin(1) ‖ overriding(1) ‖ veto(1) ‖ delaySecs(4) ‖ limitCount(1)`, then for each
/// limit `token(20) ‖ amount(16) ‖ periodSecs(4)`, then `payee(20)` for each payee.
///
/// Read from bytes, not believed: whether a wallet may have such rules says [`Rules::check`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How many signers may do anything after the delay.
    pub admin: u8,
    /// How many signers may do anything at once, past a veto and a freeze.
    pub overriding: u8,
    /// How many owners stop an action that waits, or freeze the wallet; 0 where there is no delay.
    pub veto: u8,
    /// How long an admin action waits, in seconds; 0 is not at all.
    pub delay_secs: u32,
    /// What fewer than admin signers may pay, by token.
    pub limits: Vec<Limit>,
    /// Whom they may pay; if it is empty, anyone.
    pub payees: Vec<Address>,
}

/// Why the policy takes no such rules: its errors, by their names, with their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RulesRefusal {
    /// The bytes are no rules.
    #[error(
        "{length} bytes are no rules: 8 bytes, then 40 for each of {limit_count} limits, then 20 for each payee"
    )]
    RulesLengthMismatch {
        /// How many bytes there are.
        length: usize,
        /// How many limits they announce; 0 where they are too few to say.
        limit_count: usize,
    },
    /// The tiers are not in order.
    #[error(
        "threshold {threshold}, admin {admin}, override {overriding}, veto {veto} of {owner_count} owners: threshold, \
         admin and override must not fall, and override and veto together be at most the owners"
    )]
    TiersOutOfOrder {
        /// The wallet's threshold.
        threshold: u8,
        /// Admin signers.
        admin: u8,
        /// Override signers.
        overriding: u8,
        /// Owners who veto.
        veto: u8,
        /// Owners of the wallet.
        owner_count: usize,
    },
    /// Neither none nor an hour to 30 days.
    #[error("a delay of {delay_secs} seconds: it is none, or 1 hour to 30 days")]
    DelayOutOfRange {
        /// The delay, in seconds.
        delay_secs: u32,
    },
    /// A delay takes a veto and fewer admin than override signers; without one there is no veto.
    #[error(
        "delay {delay_secs} seconds, veto {veto}, admin {admin}, override {overriding}: a delay takes a veto of 1 or \
         more and fewer admin than override signers, and without a delay veto is 0"
    )]
    VetoMismatch {
        /// The delay, in seconds.
        delay_secs: u32,
        /// Owners who veto.
        veto: u8,
        /// Admin signers.
        admin: u8,
        /// Override signers.
        overriding: u8,
    },
    /// The tokens are not sorted, or one is there twice.
    #[error("limit {}: token {token} is not above the one before", index + 1)]
    TokenOutOfOrder {
        /// The limit's place, from 0.
        index: usize,
        /// Its token.
        token: Address,
    },
    /// A limit of nothing.
    #[error("limit {} is of nothing: leave it out", index + 1)]
    LimitAmountZero {
        /// The limit's place, from 0.
        index: usize,
    },
    /// A period that is no hour to 366 days.
    #[error("limit {}: a period of {period_secs} seconds: it is 1 hour to 366 days", index + 1)]
    PeriodOutOfRange {
        /// The limit's place, from 0.
        index: usize,
        /// The period, in seconds.
        period_secs: u32,
    },
    /// The payees are not sorted, one is there twice, or one is the zero address.
    #[error("payee {}: {payee} is zero or not above the one before", index + 1)]
    PayeeOutOfOrder {
        /// The payee's place, from 0.
        index: usize,
        /// The payee.
        payee: Address,
    },
}

impl Rules {
    /// Reads policy data, whatever it says.
    ///
    /// # Errors
    ///
    /// If it is not whole.
    pub fn read(data: &[u8]) -> Result<Self, RulesRefusal> {
        let length = data.len();
        let cut = |limit_count| RulesRefusal::RulesLengthMismatch { length, limit_count };
        let (&header, rest) = data.split_first_chunk::<HEADER>().ok_or_else(|| cut(0))?;
        let [admin, overriding, veto, a, b, c, d, limit_count] = header;
        let count = usize::from(limit_count);
        let (limits, payees) = rest.split_at_checked(LIMIT * count).ok_or_else(|| cut(count))?;
        let (payees, over) = payees.as_chunks::<PAYEE>();
        if !over.is_empty() {
            return Err(cut(count));
        }
        Ok(Self {
            admin,
            overriding,
            veto,
            delay_secs: u32::from_be_bytes([a, b, c, d]),
            limits: limits.as_chunks::<LIMIT>().0.iter().map(Limit::read).collect(),
            payees: payees.iter().map(Address::from).collect(),
        })
    }

    /// The policy data. Exact where there are at most 255 limits, which [`Self::check`] of a whole wallet ensures.
    pub fn to_policy_data(&self) -> Bytes {
        let limit_count = u8::try_from(self.limits.len()).unwrap_or(u8::MAX);
        let mut data = vec![self.admin, self.overriding, self.veto];
        data.extend(self.delay_secs.to_be_bytes());
        data.push(limit_count);
        for limit in self.limits.iter().take(limit_count.into()) {
            data.extend(limit.token);
            data.extend(limit.amount.to_be_bytes());
            data.extend(limit.period_secs.to_be_bytes());
        }
        self.payees.iter().for_each(|payee| data.extend(payee));
        data.into()
    }

    /// What the policy says of these rules for a wallet with this threshold and so many owners.
    ///
    /// # Errors
    ///
    /// The policy's reason, the first that it finds.
    pub fn check(&self, threshold: u8, owner_count: usize) -> Result<(), RulesRefusal> {
        self.check_tiers(threshold, owner_count)?;
        let mut last = None;
        for (index, limit) in self.limits.iter().enumerate() {
            let &Limit { token, amount, period_secs } = limit;
            if last.is_some_and(|last| token <= last) {
                return Err(RulesRefusal::TokenOutOfOrder { index, token });
            }
            if amount == 0 {
                return Err(RulesRefusal::LimitAmountZero { index });
            }
            if !(MIN_SECS..=MAX_PERIOD_SECS).contains(&period_secs) {
                return Err(RulesRefusal::PeriodOutOfRange { index, period_secs });
            }
            last = Some(token);
        }
        let mut last = Address::ZERO;
        for (index, &payee) in self.payees.iter().enumerate() {
            if payee <= last {
                return Err(RulesRefusal::PayeeOutOfOrder { index, payee });
            }
            last = payee;
        }
        Ok(())
    }

    fn check_tiers(&self, threshold: u8, owner_count: usize) -> Result<(), RulesRefusal> {
        let &Self { admin, overriding, veto, delay_secs, .. } = self;
        let is_full = usize::from(overriding) + usize::from(veto) > owner_count;
        if threshold > admin || admin > overriding || is_full {
            return Err(RulesRefusal::TiersOutOfOrder {
                threshold,
                admin,
                overriding,
                veto,
                owner_count,
            });
        }
        if delay_secs != 0 && !(MIN_SECS..=MAX_DELAY_SECS).contains(&delay_secs) {
            return Err(RulesRefusal::DelayOutOfRange { delay_secs });
        }
        let is_matched = match delay_secs {
            0 => veto == 0,
            _ => veto > 0 && admin < overriding,
        };
        if is_matched {
            Ok(())
        } else {
            Err(RulesRefusal::VetoMismatch { delay_secs, veto, admin, overriding })
        }
    }

    /// The limit of a token, if it has one.
    pub fn limit_of(&self, token: Address) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.token == token)
    }
}

impl Limit {
    fn read(data: &[u8; LIMIT]) -> Self {
        let [token @ .., _, _, _, _] = data;
        let (token, amount) = token.split_at(PAYEE);
        let amount = amount.iter().fold(0, |sum: u128, &byte| sum << 8 | u128::from(byte));
        let [.., a, b, c, d] = *data;
        let period_secs = u32::from_be_bytes([a, b, c, d]);
        Self { token: Address::from_slice(token), amount, period_secs }
    }

    /// When the window of a time ends; both in Unix seconds.
    pub fn window_end(&self, now: u64) -> u64 {
        let period = u64::from(self.period_secs.max(1));
        (now / period + 1).saturating_mul(period)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn rules() -> Rules {
        Rules {
            admin: 4,
            overriding: 5,
            veto: 2,
            delay_secs: 2 * DAY,
            limits: vec![
                Limit { token: Address::ZERO, amount: 10, period_secs: 7 * DAY },
                Limit { token: Address::with_last_byte(9), amount: 1_000, period_secs: DAY },
            ],
            payees: vec![Address::with_last_byte(1), Address::with_last_byte(2)],
        }
    }

    /// Written out by hand from the layout.
    #[test]
    fn policy_data_has_the_layout_that_the_contract_reads() {
        let expected = format!(
            "04050200{}02{}{:032x}{:08x}{}{:032x}{:08x}{}{}",
            "02a300",
            "00".repeat(20),
            10,
            604_800,
            format_args!("{}09", "00".repeat(19)),
            1_000,
            86_400,
            format_args!("{}01", "00".repeat(19)),
            format_args!("{}02", "00".repeat(19)),
        );
        let data = rules().to_policy_data();
        assert_eq!(alloy::primitives::hex::encode(&data), expected);
        assert_eq!(Rules::read(&data), Ok(rules()));
    }

    #[test]
    fn cut_data_is_no_rules() {
        let data = rules().to_policy_data();
        for length in 0..data.len() {
            let is_whole = length == HEADER + 2 * LIMIT || length == HEADER + 2 * LIMIT + PAYEE;
            assert_eq!(Rules::read(&data[..length]).is_ok(), is_whole, "{length}");
        }
        let over = [&data[..], &[0]].concat();
        assert!(Rules::read(&over).is_err());
    }

    /// Those who do not veto can override those who do, and those without admin keys can veto those with them.
    #[test]
    fn rules_that_pass_leave_room_for_veto_and_override() {
        for (admin, overriding, veto, delay_secs) in itertools(6) {
            let rules = Rules { admin, overriding, veto, delay_secs, ..Rules::default() };
            for owners in 1..=6_u8 {
                if rules.check(1, owners.into()).is_ok() {
                    assert!(owners - veto >= overriding);
                    assert!(delay_secs == 0 || owners - (overriding - 1) > veto);
                    assert_eq!(delay_secs == 0, veto == 0);
                }
            }
        }
    }

    fn itertools(most: u8) -> impl Iterator<Item = (u8, u8, u8, u32)> {
        (0..=most).flat_map(move |a| {
            (0..=most).flat_map(move |b| {
                (0..=most).flat_map(move |c| [0, HOUR].map(move |delay| (a, b, c, delay)))
            })
        })
    }

    proptest! {
        #[test]
        fn any_whole_data_is_written_as_it_was_read(
            header: [u8; 7],
            limits in prop::collection::vec(any::<[[u8; 8]; 5]>(), 0..6),
            payees in prop::collection::vec(any::<[[u8; 4]; 5]>(), 0..6),
        ) {
            let mut data = header.to_vec();
            data.push(u8::try_from(limits.len()).unwrap());
            limits.iter().flatten().for_each(|part| data.extend(part));
            payees.iter().flatten().for_each(|part| data.extend(part));
            prop_assert_eq!(Rules::read(&data).unwrap().to_policy_data().to_vec(), data);
        }
    }
}
